/** Effect of a site's settings on the bytes sent to UWQ and in answers (docs/cctsdk.md), over TCP. */
import { afterEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import fc from "fast-check";
import { createServer, type Server, type Socket } from "node:net";
import { createServer as createHttpServer, type IncomingMessage } from "node:http";
import { Simulator } from "../../simulator/freeswitch/mod.ts";
import { lineSchemas } from "../../drivers/registry.ts";
import { decodeAnswer } from "../../src/cctsdk/decode.ts";
import { httpCrm } from "../../src/cctsdk/client.ts";
import { type AnswerForm, defaultAnswers, defaultEvents, headerProblems, successOfAll } from "../../src/cctsdk/profile.ts";
import { startRig } from "../../src/commands/rehearsal/stage.ts";
import { parseConfig } from "../../src/config/schema.ts";
import { calloutNames, type CrmEvent, type Reply } from "../../src/core/crm.ts";
import { openLog } from "../../src/log/log.ts";
import { ask, cleanUp, get, open, ready } from "../support/httpclient.ts";

setDefaultTimeout(60_000);

// A backstop: how long many runs of a property take depends on the machine.
afterEach(cleanUp);
const served = { desks: [{ extension: "1001" }], line: { driver: "freeswitch", password: "x", domain: "127.0.0.1" } };
const declared = '<?xml version="1.0" encoding="UTF-8"?>';

describe("an answer to a callout:", () => {
  const failing: Reply = { ok: false, why: "Agent Müller is not here." };
  const fails = { submit: () => Promise.resolve(failing) };

  /** Status, Content-Type and body as received; also checks that the body is not chunked and its length is right. */
  async function answered(answers: Partial<AnswerForm>, text = get(ready), callouts = {}): Promise<readonly unknown[]> {
    const { port } = await open({ callouts: { answers: { ...defaultAnswers, ...answers }, ...callouts } });
    const answer = await ask(port, text);
    const head = answer?.head.toLowerCase() ?? "";
    expect(head).not.toContain("transfer-encoding");
    expect(head).toContain(`\r\ncontent-length: ${Buffer.byteLength(answer?.body ?? "")}`);
    expect(head.match(/\r\ncontent-type:/g)).toHaveLength(1);
    return [answer?.status, /\r\ncontent-type: ([^\r]*)/.exec(head)?.[1], answer?.body];
  }
  const xml = "text/xml; charset=utf-8";

  test.each<[string, Partial<AnswerForm>, readonly unknown[]]>([
    ["without settings", {}, [200, xml, "<CCTSDK></CCTSDK>"]],
    ["no body", { success: successOfAll("none") }, [200, xml, ""]],
    ["a text", { success: successOfAll("OK\r\n"), contentType: "text/plain" }, [200, "text/plain", "OK\r\n"]],
    ["a declaration", { declaration: true }, [200, xml, `${declared}<CCTSDK></CCTSDK>`]],
    ["no declaration before a text", { declaration: true, success: successOfAll("OK") }, [200, xml, "OK"]],
    ["an errorStatus does not touch a success", { errorStatus: 500 }, [200, xml, "<CCTSDK></CCTSDK>"]],
  ])("success, %s", async (_, answers, wanted) => expect(await answered(answers)).toEqual(wanted));

  test("success by function", async () => {
    const success = { ...successOfAll("element"), CheckStatus: "OK", Ready: "none" };
    expect((await answered({ success }, get("/?FunctionName=checkstatus")))[2]).toBe("OK");
    expect((await answered({ success }))[2]).toBe("");
    expect((await answered({ success }, get(ready.replace("Ready", "NotReady"))))[2]).toBe("<CCTSDK></CCTSDK>");
  });

  const error = (text: string) => `<CCTSDK><event name="Error"><data name="occtErrorMsg" value="${text}"/></event></CCTSDK>`;
  test.each<[string, Partial<AnswerForm>, readonly unknown[]]>([
    ["without settings", {}, [200, xml, error("Agent Müller is not here.")]],
    ["a status", { errorStatus: 500 }, [500, xml, error("Agent Müller is not here.")]],
    ["a declaration, independent of success", { declaration: true, success: successOfAll("none") }, [
      200,
      xml,
      declared + error("Agent Müller is not here."),
    ]],
    [
      "another charset, with non-ASCII characters escaped",
      { contentType: "text/xml; charset=iso-8859-1", declaration: true },
      [
        200,
        "text/xml; charset=iso-8859-1",
        `<?xml version="1.0" encoding="ISO-8859-1"?>${error("Agent M&#252;ller is not here.")}`,
      ],
    ],
  ])("an Error, %s", async (_, answers, wanted) => expect(await answered(answers, get(ready), fails)).toEqual(wanted));

  test.each([
    ["a function that UWQ does not have", "/?FunctionName=Dance"],
    ["no function", "/"],
    ["a missing parameter", "/?FunctionName=Ready"],
  ])("an Error about %s has errorStatus too", async (_, target) => {
    expect((await answered({ errorStatus: 500, success: successOfAll("none") }, get(target))).slice(0, 2)).toEqual([500, xml]);
  });

  test.each<[string, string, number, Record<string, unknown>]>([
    ["a wrong path", get("/x"), 404, {}],
    ["a wrong method", get(ready).replace("GET", "POST"), 405, {}],
    ["a refused source", get(ready), 403, { allow: [] }],
    ["too many", get(ready), 429, { burst: 0.5 }],
    ["what is not HTTP", "garbage\r\n\r\n", 400, {}],
    ["a body", get(ready, "Content-Length: 16385\r\n"), 413, {}],
  ])("%s keeps its own status, in the site's form", async (_, text, status, callouts) => {
    const answers = { errorStatus: 500, declaration: true, contentType: "text/xml", success: successOfAll("none") };
    const [got, type, body] = await answered(answers, text, callouts);
    expect([got, type]).toEqual([status, "text/xml"]);
    expect(body).toStartWith(`${declared}<CCTSDK><event name="Error">`);
  });

  test("the trace shows the answer as sent, also to a refused request", async () => {
    const lines: string[] = [];
    const log = openLog((line) => lines.push(line), "trace", false);
    const answers = { errorStatus: 500, declaration: true, contentType: "text/xml" };
    await answered(answers, get("/?FunctionName=Dance"), { log });
    await answered(answers, get("/x"), { log });
    const shown = lines.filter((line) => line.includes("Callout answered"));
    expect(shown).toEqual([expect.stringContaining("status=500"), expect.stringContaining("status=404")]);
    for (const line of shown) {
      expect(line).toContain("Content-Type: text/xml; Content-Length: ");
      expect(line).toContain("<?xml version=");
    }
  });
});

describe("a callout:", () => {
  test("parameters may use their aliases, in any case; two values are an error; the trace hides the password", async () => {
    const got: unknown[] = [];
    const lines: string[] = [];
    const submit = (callout: unknown) => {
      got.push(callout);
      return Promise.resolve<Reply>({ ok: true });
    };
    const parameters = { number: "dialString", pwd: "agentPassword" } as const;
    const { port } = await open({ callouts: { submit, parameters, log: openLog((line) => lines.push(line), "trace", false) } });
    const who = "&telesetNumber=1001&agentID=SMITH";
    await ask(port, get(`/?FunctionName=DialCanonical${who}&NUMBER=+1+(415)+5550123`));
    await ask(port, get(`/?FunctionName=Login${who}&pwd=s3cret`));
    expect(got).toEqual([
      expect.objectContaining({ name: "DialCanonical", dialString: expect.stringContaining("415") }),
      expect.objectContaining({ name: "Login", password: "s3cret" }),
    ]);
    const twice = await ask(port, get(`/?FunctionName=MakeCall${who}&number=1&dialString=2`));
    expect(decodeAnswer(twice?.body ?? "")).toContain("dialString is given twice with different values");
    expect(lines.join("\n")).toContain("pwd=***");
    expect(lines.join("\n")).not.toContain("s3cret");
  });

  test("a Register without a port uses the site's, if set", async () => {
    const register = get("/?FunctionName=Register&telesetNumber=1001&agentID=SMITH");
    const got: unknown[] = [];
    const submit = (callout: unknown) => {
      got.push(callout);
      return Promise.resolve<Reply>({ ok: true });
    };
    const { port } = await open({ callouts: { submit, defaultPort: 7777 } });
    await ask(port, register);
    await ask(port, register.replace("SMITH", "SMITH&port=1234"));
    expect(got).toEqual([expect.objectContaining({ port: 7777 }), expect.objectContaining({ port: 1234 })]);
    const none = await open();
    expect(decodeAnswer((await ask(none.port, register))?.body ?? "")).toContain("port is missing");
  });
});

const servers: { close(): unknown }[] = [];
afterEach(async () => {
  for (const server of servers.splice(0).toReversed()) await server.close();
});

/** The port of a server, which is closed after the test. */
async function listening(server: Server | ReturnType<typeof createHttpServer>): Promise<number> {
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", () => resolve()));
  const bound = server.address();
  return typeof bound === "object" && bound !== null ? bound.port : 0;
}

const never = new AbortController().signal;
const released: CrmEvent = { name: "CallReleased", call: "c1" };
const lines: string[] = [];
const log = openLog((line) => lines.push(line), "trace", false);

describe("an event:", () => {
  /** The bytes that the CRM receives. */
  async function posted(form: Parameters<typeof httpCrm>[0] | Record<string, unknown>, event = released): Promise<string> {
    let heard = "";
    const port = await listening(createServer((socket: Socket) =>
      socket.on("data", (data) => {
        heard += data.toString();
        if (heard.endsWith("</CCTSDK>")) socket.end("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
      })
    ));
    const crm = httpCrm({ ...defaultEvents, timeoutMs: 60_000, connectAhead: false, log, ...form });
    expect(await crm.deliver(event, { address: "127.0.0.1", port }, never)).toEqual({ outcome: "done" });
    return heard.replace(`:${port}\r\n`, ":PORT\r\n");
  }
  const body = '<CCTSDK><event name="CallReleased"><data name="occtSourceID" value="c1"/></event></CCTSDK>';

  test("without settings", async () => {
    expect(await posted({})).toBe(
      `POST / HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\nContent-Type: text/xml; charset=utf-8\r\nContent-Length: ${body.length}\r\n` +
        `Connection: close\r\n\r\n${body}`,
    );
  });

  test("with a path, a type, a declaration and headers", async () => {
    const headers = { SOAPAction: '""', "X-Site": "Kiel 7" };
    expect(await posted({ path: "/uwq?x=1", contentType: "application/xml", declaration: true, headers })).toBe(
      `POST /uwq?x=1 HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\nContent-Type: application/xml\r\n` +
        `Content-Length: ${declared.length + body.length}\r\nSOAPAction: ""\r\nX-Site: Kiel 7\r\nConnection: close\r\n\r\n` +
        declared + body,
    );
  });

  test("in another charset", async () => {
    const event: CrmEvent = { name: "Error", call: "", message: "Straße 7 ☎ 📞" };
    const text = await posted({ contentType: "text/xml; charset=us-ascii", declaration: true }, event);
    expect(text).toContain('<?xml version="1.0" encoding="US-ASCII"?><CCTSDK>');
    expect(text).toContain('value="Stra&#223;e 7 &#9742; &#128222;"');
  });

  test("the trace shows its headers, but no secret in them", async () => {
    lines.length = 0;
    const headers = {
      "X-Site": "Kiel",
      Authorization: "Bearer s3cret",
      Cookie: "s3cret",
      "X-Api-Key": "s3cret",
      "X-Auth-Token": "s3cret",
    };
    expect(await posted({ headers })).toContain("Authorization: Bearer s3cret\r\n");
    expect(lines.join("\n")).toContain("X-Site: Kiel");
    expect(lines.join("\n")).toContain("Authorization: ***");
    expect(lines.join("\n")).not.toContain("s3cret");
  });

  test.each<[number, string, Record<string, unknown>]>([
    [302, "302", { outcome: "done" }],
    [404, "200,404", { outcome: "done" }],
    [500, "500-599", { outcome: "done" }],
    [204, "200", { outcome: "refused", reached: true, why: expect.stringContaining("status 204: expected 200") }],
    [200, "201-299", { outcome: "refused", reached: true, why: expect.stringContaining("status 200: expected 201-299") }],
    [503, "200, 302", { outcome: "retry", reached: true, why: expect.stringContaining("status 503: expected 200, 302") }],
    [429, "200", { outcome: "retry", reached: true, why: expect.any(String) }],
  ])("the answer %d, if %s counts as delivered", async (status, given, delivery) => {
    const delivered = given.split(",").map((range) => {
      const [from = 0, to = from] = range.split("-").map(Number);
      return { from, to };
    });
    const port = await listening(
      createServer((socket: Socket) =>
        void socket.once("data", () => socket.end(`HTTP/1.1 ${status} X\r\nContent-Length: 0\r\n\r\n`))
      ),
    );
    const crm = httpCrm({ ...defaultEvents, timeoutMs: 60_000, connectAhead: false, log, delivered });
    expect<unknown>(await crm.deliver(released, { address: "127.0.0.1", port }, never)).toEqual(delivery);
  });
});

describe("for any crm.headers,", () => {
  const text = fc.string({
    unit: fc.oneof(fc.constantFrom("\r", "\n", ":", " ", "\0", "\t", "é", "H", "o", "-"), fc.string({ maxLength: 1 })),
    maxLength: 12,
  });
  const names = fc.oneof(
    text,
    fc.constantFrom("Host", "content-length", "Transfer-Encoding", "X-A", "x-a", "Cookie", "Connection"),
  );
  const anyHeaders = fc.dictionary(names, text, { maxKeys: 6 });
  const sound = (headers: Record<string, string>): boolean => headerProblems(headers).length === 0;

  const parse = (crm: unknown) => parseConfig(JSON.stringify({ ...served, crm }), lineSchemas, {}).crm;

  test("a valid set makes one well-formed request with exactly these headers; the configuration refuses any other", async () => {
    const requests: IncomingMessage[] = [];
    const bodies: string[] = [];
    let connections = 0;
    const server = createHttpServer((request, response) => {
      requests.push(request);
      let body = "";
      request.on("data", (data) => body += data).on("end", () => {
        bodies.push(body);
        response.writeHead(200, { "Content-Length": 0 }).end();
      });
    }).on("connection", () => connections += 1).on("clientError", (_, socket) => socket.destroy());
    const port = await listening(server);
    const quiet = openLog(() => {}, "error", false);
    await fc.assert(
      fc.asyncProperty(anyHeaders, async (headers) => {
        requests.length = bodies.length = connections = 0;
        if (!sound(headers)) return expect(() => parse({ headers })).toThrow("crm.headers");
        const crm = httpCrm({ ...parse({ headers }), timeoutMs: 60_000, connectAhead: false, log: quiet });
        const { outcome } = await crm.deliver(released, { address: "127.0.0.1", port }, never);
        expect([outcome, connections, requests.length]).toEqual(["done", 1, 1]);
        const own = ["host", "content-type", "content-length", "connection"];
        const further = Object.fromEntries(Object.entries(requests[0]?.headers ?? {}).filter(([name]) => !own.includes(name)));
        expect(further).toEqual(
          Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value])),
        );
        expect(bodies[0]).toStartWith("<CCTSDK>");
      }),
      { numRuns: 300 },
    );
  });
});

test("the daemon reads all these settings from its configuration", async () => {
  const sim = new Simulator();
  await sim.start();
  servers.push({ close: () => sim.stop() });
  const heard: string[] = [];
  const delivered = Promise.withResolvers<void>();
  const port = await listening(createServer((socket: Socket) => {
    let text = "";
    socket.on("data", (data) => {
      text += data.toString();
      if (!text.endsWith("</CCTSDK>")) return;
      heard.push(text);
      socket.end("HTTP/1.1 302 X\r\nContent-Length: 0\r\n\r\n");
      if (heard.length === 2) delivered.resolve();
    });
  }));
  const crm = { path: "/uwq", port, declaration: true, headers: { "X-Site": "Kiel" }, delivered: [302] };
  const answer = { success: { Register: "registered" }, errorStatus: 500, contentType: "text/plain", declaration: true };
  const config = parseConfig(
    JSON.stringify({ ...served, crm, http: { answer, parameters: { agentID: "who" } } }),
    lineSchemas,
    {},
  );
  const rig = await startRig({ config, switch: { port: sim.port, password: "ClueCon" }, log: openLog(() => {}, "error", false) });
  servers.push({ close: () => rig.stop() });
  const who = { telesetNumber: "1001", agentID: "7" };
  expect(await rig.callout("Register", { telesetNumber: "1001", who: "7" })).toBe("registered");
  expect(await rig.callout("Unregister", { ...who, agentID: "8" })).toBe(`${declared}<CCTSDK></CCTSDK>`);
  expect(await ask(rig.app.port, get("/?FunctionName=Dance"))).toMatchObject({ status: 500 });
  await sim.server.subscriber();
  const call = await sim.inbound({ from: "14155550123", to: "1001" });
  await call.callerHangsUp();
  await delivered.promise;
  // The 302 confirmed the first event, otherwise the second would not have been sent.
  expect(heard.map((text) => /event name="(\w+)"/.exec(text)?.[1])).toEqual(["ScreenPop", "CallReleased"]);
  for (const text of heard) {
    expect(text).toStartWith("POST /uwq HTTP/1.1\r\n");
    expect(text).toContain("\r\nX-Site: Kiel\r\n");
    expect(text).toContain(`\r\n\r\n${declared}<CCTSDK>`);
  }
});

test("success bodies are set for every callout and for nothing else", () => {
  expect(Object.keys(defaultAnswers.success)).toEqual([...calloutNames]);
});
