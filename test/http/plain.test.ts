/** Plain requests, which are answered without node:http: what counts as one, and that the answers and the guards are the same. */
import { afterEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import fc from "fast-check";
import type { Reply } from "../../src/core/crm.ts";
import { type PlainAnswer, readPlain, writePlain } from "../../src/http/plain.ts";
import { type Answer, ask, cleanUp, complaint, dial, get, open as openTracing, ready, success } from "../support/httpclient.ts";
import { openLog } from "../../src/log/log.ts";

setDefaultTimeout(60_000);

afterEach(cleanUp);

/** A listener without a trace, for which everything goes through the app. */
const open: typeof openTracing = ({ callouts, ...part } = {}) =>
  openTracing({ ...part, callouts: { log: openLog(() => {}, "info", false), ...callouts } });

const check = "/?FunctionName=CheckStatus";

describe("a plain request:", () => {
  test("its target and headers", () => {
    const request = readPlain(`GET ${check} HTTP/1.1\r\nHost: box:8090\r\nUSER-agent:Java/1.8.0 \r\nAccept: */*; q=.2\r\n\r\n`);
    expect([request?.target, request?.isLast]).toEqual([check, false]);
    expect(["host", "user-agent", "accept", "origin"].map((name) => request?.header(name))).toEqual([
      "box:8090",
      "Java/1.8.0",
      "*/*; q=.2",
      undefined,
    ]);
  });

  test.each([
    ["HTTP/1.1", "", false],
    ["HTTP/1.1", "Connection: Keep-Alive\r\n", false],
    ["HTTP/1.1", "Connection: close\r\n", true],
    ["HTTP/1.0", "", true],
    ["HTTP/1.0", "Connection: Keep-Alive\r\n", true],
  ])("%s %j: the connection closes: %p", (version, header, isLast) => {
    expect(readPlain(`GET ${check} ${version}\r\n${header}\r\n`)?.isLast).toBe(isLast);
  });

  test.each([
    ["a part of one", get(check).slice(0, -1)],
    ["two of them", get(check) + get(check)],
    ["one and a byte", `${get(check)}G`],
    ["another method", get(check).replace("GET", "POST")],
    ["a space in the URL", get(`${check}&a=1 2`)],
    ["a byte above 127 in the URL", get(`${check}&a=\xfc`)],
    ["an absolute URL", get(`http://box${check}`)],
    ["bare line feeds", get(check).replaceAll("\r\n", "\n")],
    ["a folded header", get(check, "X: a\r\n b\r\n")],
    ["a space before the colon", get(check, "Host : box\r\n")],
    ["a control character in a header", get(check, "X: a\0\r\n")],
    ["a byte above 127 in a header", get(check, "X: \xfc\r\n")],
    ["a header twice", get(check, "Host: box\r\nhost: box\r\n")],
    ["a length", get(check, "Content-Length: 0\r\n")],
    ["chunks", get(check, "Transfer-Encoding: chunked\r\n")],
    ["an upgrade", get(check, "Upgrade: h2c\r\n")],
    ["an expectation", get(check, "Expect: 100-continue\r\n")],
    ["another connection option", get(check, "Connection: close, TE\r\n")],
    ["more than 2 kB", get(check, `X: ${"x".repeat(2048)}\r\n`)],
    ["HTTP/2.0", get(check).replace("1.1", "2.0")],
  ])("not %s", (_, text) => expect(readPlain(text)).toBeUndefined());

  test("any bytes are read without an exception, and what is read has one line end for each header", () => {
    const piece = fc.constantFrom("GET ", "/", "?", " HTTP/1.1", "\r\n", "\n", "\r", "Host: a", ": ", "x", " ", "\0", "\xff");
    fc.assert(fc.property(fc.array(piece, { maxLength: 20 }), (pieces) => {
      const text = pieces.join("");
      if (readPlain(text) !== undefined) expect(text).toMatch(/^GET [/?]\S* HTTP\/1\.1\r\n([^\r\n]+\r\n)*\r\n$/);
    }));
  });
});

test("an answer has a Content-Length in bytes, and sorted headers as node:http writes them", () => {
  const answer: PlainAnswer = { status: 500, headers: { "X-B": "2", "X-A": "1" }, body: "é" };
  expect(writePlain(answer, true).toString().replace(/Date: [^\r]+/, "Date: D")).toBe(
    "HTTP/1.1 500 Internal Server Error\r\nx-a: 1\r\nx-b: 2\r\nDate: D\r\nConnection: close\r\n\r\né",
  );
  expect(writePlain(answer, false).toString()).toContain("Connection: keep-alive\r\nKeep-Alive: timeout=5\r\n\r\n");
});

/** Everything received for a request on a new connection, with another date. */
async function bytes(port: number, version: string, header: string): Promise<string> {
  const client = await dial(port);
  const answer = await client.send(`GET ${check} HTTP/${version}\r\nHost: box\r\n${header}\r\n`).answer();
  return `${answer?.head}\r\n\r\n${answer?.body}${client.rest}`.replace(/Date: [^\r]+ GMT/, "Date: D");
}

describe("node:http would send the same bytes:", () => {
  const failing = () => ({ ok: false, why: 'Phone "1001" & <é> is away.' } as const);
  test.each<[string, string, string, () => Reply]>([
    ["success", "1.1", "", () => ({ ok: true })],
    ["an Error", "1.1", "", failing],
    ["the last of its connection", "1.1", "Connection: close\r\n", failing],
    ["HTTP/1.0", "1.0", "Connection: keep-alive\r\n", failing],
    ["an exception", "1.1", "", () => {
      throw new Error("secret detail");
    }],
  ])("%s", async (_, version, header, checkStatus) => {
    const { port } = await open({ callouts: { checkStatus } });
    const plain = await bytes(port, version, header);
    expect(plain).toContain("Date: D");
    // A length makes a request anything but plain.
    expect(await bytes(port, version, `${header}Content-Length: 0\r\n`)).toBe(plain);
  });
});

describe("the guards hold for a plain CheckStatus:", () => {
  test.each<[string, string, number, string]>([
    ["a wrong path", get(`/other${check.slice(1)}`), 404, "Nothing is served"],
    ["another host", get(check, "Host: evil.example\r\n"), 403, "Host of the request"],
    ["a browser", get(check, "Host: box\r\nUser-Agent: Mozilla/5.0\r\n"), 403, "web browser"],
    ["a web page", get(check, "Host: box\r\nOrigin: http://evil.example\r\n"), 403, "web browser"],
    ["two functions", get(`${check}&functionname=Ready`), 200, "given twice"],
  ])("%s", async (_, text, status, why) => {
    const { port } = await open();
    expect(complaint(await ask(port, text))).toEqual([status, expect.stringContaining(why)]);
  });

  test("a source that is not allowed", async () => {
    const { port } = await open({ callouts: { allow: ["10.0.0.0/8"] } });
    expect((await ask(port, get(check)))?.status).toBe(403);
  });

  test("the rate limit counts it with the other callouts", async () => {
    const { port } = await open({ callouts: { perSecond: 1, burst: 3 } });
    const client = await dial(port);
    const statuses: (number | undefined)[] = [];
    for (const target of [check, ready, check, ready, check]) statuses.push((await client.send(get(target)).answer())?.status);
    expect(statuses).toEqual([200, 200, 200, 429, 429]);
  });

  test("the deadline of the next header", async () => {
    const { port } = await open({ deadlines: { headerMs: 150, answerMs: 60_000 } });
    const client = await dial(port);
    expect((await client.send(get(check)).answer())?.body).toBe(success);
    expect(complaint(await client.send("GET / HTTP/1.1\r\nX: ").answer())).toEqual([408, expect.stringContaining("0.15 s")]);
  });
});

describe("on one connection:", () => {
  test("with other callouts, before, meanwhile and after, each is answered in order", async () => {
    const reply = Promise.withResolvers<Reply>();
    const asked = Promise.withResolvers<void>();
    const submit = () => {
      asked.resolve();
      return reply.promise;
    };
    const { port } = await open({ callouts: { submit, checkStatus: () => ({ ok: false, why: "status" }) } });
    const client = await dial(port);
    expect(complaint(await client.send(get(check)).answer())).toEqual([200, "status"]);
    client.send(get(ready));
    await asked.promise;
    client.send(get(check));
    // The answer on another connection shows that the request has been read.
    await ask(port, get(check));
    expect(client.rest).toBe("");
    reply.resolve({ ok: false, why: "ready" });
    const answers = [await client.answer(), await client.answer(), await client.send(get(check)).answer()];
    expect(answers.map(complaint)).toEqual([[200, "ready"], [200, "status"], [200, "status"]]);
  });

  test("a body that looks like a CheckStatus is a body", async () => {
    let checks = 0;
    const checkStatus = () => {
      checks += 1;
      return { ok: true } as const;
    };
    const { port } = await open({ callouts: { checkStatus } });
    const client = await dial(port);
    const body = get(check);
    expect((await client.send(get(ready, `Content-Length: ${body.length}\r\n`)).answer())?.body).toBe(success);
    client.send(body);
    // The answer on another connection shows that the body has been read, without what follows.
    await ask(port, get(ready));
    client.send(get(ready));
    expect([(await client.answer())?.body, checks]).toEqual([success, 0]);
  });

  test("a client that closes its sending side is answered, then its connection is closed", async () => {
    const { port } = await open();
    const client = await dial(port);
    client.socket.end(get(check));
    expect((await client.answer())?.body).toBe(success);
    await client.closed;
  });

  test("a client that reads late gets the whole answers", async () => {
    const why = "x".repeat(8_000_000);
    const { port } = await open({ callouts: { checkStatus: () => ({ ok: false, why }) } });
    const client = await dial(port);
    client.socket.pause().write(get(check));
    await ask(port, get(ready));
    client.socket.write(get(check));
    await ask(port, get(ready));
    client.socket.resume();
    const answers: (Answer | undefined)[] = [await client.answer(), await client.answer()];
    expect(answers.map((answer) => [answer?.status, answer?.body.includes(why)])).toEqual([[200, true], [200, true]]);
  });

  test("a client that never reads is closed at the deadline of its answer", async () => {
    const checkStatus = () => ({ ok: false, why: "x".repeat(8_000_000) } as const);
    const { port } = await open({ deadlines: { headerMs: 60_000, answerMs: 300 }, callouts: { checkStatus } });
    const { socket } = await dial(port);
    socket.pause().write(get(check));
    // A paused client does not notice an orderly close; a failing write shows it.
    const flood = setInterval(() => socket.write(get(check)), 10);
    await new Promise((resolve) => socket.once("error", resolve).once("close", resolve));
    clearInterval(flood);
    expect((await ask(port, get(ready)))?.body).toBe(success);
  });

  test("at a stop its answer is the last", async () => {
    const { port, stop } = await open();
    const client = await dial(port);
    expect((await client.send(get(check)).answer())?.body).toBe(success);
    client.send(get(check));
    const stopped = stop();
    expect((await client.answer())?.body).toBe(success);
    await Promise.all([client.closed, stopped]);
  });
});
