import { afterEach, describe, expect, test } from "bun:test";
import { defaultAnswers } from "../../src/cctsdk/profile.ts";
import type { Reply } from "../../src/core/crm.ts";
import { type HttpOptions, openHttp } from "../../src/http/listener.ts";
import { openLog } from "../../src/log/log.ts";
import { ask, cleanUp, complaint, dial, get, open, quietMonitoring, ready, success } from "../support/httpclient.ts";

afterEach(cleanUp);

describe("a callout over a socket", () => {
  test("is answered with a Content-Length, not in chunks", async () => {
    const { port } = await open();
    const answer = await ask(port, get(ready));
    expect(answer).toMatchObject({ status: 200, body: success });
    expect(answer?.head.toLowerCase()).toContain(`content-length: ${success.length}`);
    expect(answer?.head.toLowerCase()).toContain("content-type: text/xml; charset=utf-8");
    expect(answer?.head.toLowerCase()).not.toContain("transfer-encoding");
  });

  test.each([
    ["HTTP/1.0 without a Host", `GET ${ready} HTTP/1.0\r\n\r\n`],
    ["HTTP/1.1 without a Host", get(ready, "")],
    ["an absolute URL", get(`http://127.0.0.1${ready}`)],
    ["an absolute URL without a slash", get(`http://127.0.0.1:8090${ready.slice(1)}`)],
    ["a target without a slash", get(ready.slice(1))],
    ["a space in the URL", get(`${ready}&dialString=(415) 555-0123`)],
    ["raw UTF-8 in the URL", get(`${ready}&agentPassword=é`)],
    ["a raw byte in the URL", Buffer.from(get(`${ready}&agentPassword=\xfc`), "latin1")],
    ["a small body, which is ignored", `${get(ready, "Content-Length: 5\r\n")}hello`],
    ["a body that is announced but not sent", get(ready, "Content-Length: 5\r\n")],
    ["an upgrade, which is ignored", get(ready, "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AA\r\n")],
  ])("is served: %s", async (_, text: string | Buffer) => {
    const { port } = await open();
    expect(await ask(port, text)).toMatchObject({ status: 200, body: success });
  });

  test.each([
    ready.slice(1),
    `http://127.0.0.1${ready.slice(1)}`,
    ` ${ready}`,
    `/ k3y${ready.slice(1)}`,
    `/k3y ${ready.slice(1)}`,
    `/k3y/ ${ready.slice(1)}`,
    `/k3y\u00a0${ready.slice(1)}`,
  ])("with a prefix set: %j is not served", async (target) => {
    let submitted = 0;
    const submit = () => {
      submitted += 1;
      return Promise.resolve<Reply>({ ok: true });
    };
    const { port } = await open({ callouts: { prefix: "/k3y", submit } });
    expect([(await ask(port, Buffer.from(get(target), "latin1")))?.status, submitted]).toEqual([404, 0]);
    expect(await ask(port, get(`/k3y${ready.slice(1)}&dialString=1 2`))).toMatchObject({ status: 200, body: success });
  });

  test("a small body that looks like an old client's request is still a body", async () => {
    let submitted = 0;
    const submit = () => {
      submitted += 1;
      return Promise.resolve<Reply>({ ok: true });
    };
    const { port } = await open({ callouts: { submit } });
    const body = get(`?FunctionName=NotReady&telesetNumber=1001&agentID=A B`);
    const client = await dial(port);
    client.send(get(ready, `Content-Length: ${body.length}\r\n`) + body + get(ready));
    expect([(await client.answer())?.body, (await client.answer())?.body]).toEqual([success, success]);
    expect(submitted).toBe(2);
  });

  test("HTTP/1.0: the connection is closed after the answer", async () => {
    const { port } = await open();
    const client = await dial(port);
    client.send(`GET ${ready} HTTP/1.0\r\n\r\n`);
    expect((await client.answer())?.body).toBe(success);
    await client.closed;
  });

  test("is answered after the client has closed its sending side", async () => {
    const reply = Promise.withResolvers<Reply>();
    const { port } = await open({ callouts: { submit: () => reply.promise } });
    const client = await dial(port);
    client.socket.end(get(ready));
    setTimeout(() => reply.resolve({ ok: true }), 50);
    expect((await client.answer())?.body).toBe(success);
    await client.closed;
  });

  test("is answered in order with others on one connection", async () => {
    const first = Promise.withResolvers<Reply>();
    const replies = [first.promise, Promise.resolve<Reply>({ ok: false, why: "second" })];
    const { port } = await open({ callouts: { submit: () => replies.shift() ?? Promise.resolve({ ok: true }) } });
    const client = await dial(port);
    client.send(get(ready) + get(ready));
    setTimeout(() => first.resolve({ ok: false, why: "first" }), 20);
    expect([complaint(await client.answer()), complaint(await client.answer())]).toEqual([[200, "first"], [200, "second"]]);
    client.send(get(ready));
    expect(await client.answer()).toMatchObject({ body: success });
  });

  test("HEAD is not executed, and its answer has no body", async () => {
    let submitted = 0;
    const { port } = await open({
      callouts: {
        submit: () => {
          submitted += 1;
          return Promise.resolve({ ok: true });
        },
      },
    });
    const client = await dial(port);
    expect((await client.send(get(ready).replace("GET", "HEAD")).answer(true))?.head).toMatch(/^HTTP\/1.1 405 [^]*\nallow: GET/i);
    expect((await client.send(get(ready)).answer())?.body).toBe(success);
    expect(submitted).toBe(1);
  });

  test("has its source address, over IPv6 too", async () => {
    const from: string[] = [];
    const checkStatus = (address: string): Reply => {
      from.push(address);
      return { ok: true };
    };
    const { port } = await open({ host: "::", callouts: { checkStatus } });
    for (const host of ["::1", "127.0.0.1"]) {
      expect((await (await dial(port, { host })).send(get("/?FunctionName=CheckStatus")).answer())?.body).toBe(success);
    }
    expect(from).toEqual(["::1", "127.0.0.1"]);
  });

  test.each([
    "http://evil.example",
    "http://evil.example:8090",
    "http://evil.example@localhost",
    "http://127.0.0.1.evil.example",
  ])(
    "to a proxy for %s is refused, regardless of Host",
    async (host) => {
      const { port } = await open();
      for (const text of [get(`${host}${ready}`), `GET ${host}${ready} HTTP/1.0\r\n\r\n`]) {
        expect(complaint(await ask(port, text))).toEqual([
          403,
          expect.stringContaining("Host of the request is not this box"),
        ]);
      }
      expect((await ask(port, get(`${host}/metrics`)))?.status).toBe(403);
    },
  );

  test("from a source that is not allowed is refused", async () => {
    const { port } = await open({ callouts: { allow: ["10.0.0.0/8"] } });
    expect(complaint(await ask(port, get(ready)))).toEqual([
      403,
      "Requests from 127.0.0.1 are not allowed: list it in http.allow.",
    ]);
  });
});

describe("an invalid request gets an Error body and is not executed:", () => {
  test.each<[string, string | Uint8Array, number, string]>([
    ["garbage", "garbage\r\n\r\n", 400, "not HTTP"],
    ["TLS", new Uint8Array([22, 3, 1, 0, 5, 1, 2, 3, 4, 5]), 400, "not HTTP"],
    ["HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, "not HTTP"],
    ["an unknown method", "DIAL / HTTP/1.1\r\nHost: box\r\n\r\n", 400, "not HTTP"],
    ["a control character in the URL", get(`${ready}&dialString=1\u00012`), 400, "malformed"],
    ["a request line without a version", `GET ${ready} x\r\n\r\n`, 400, "malformed"],
    ["a method in lower case", get(ready).replace("GET", "get"), 400, "use GET"],
    ["a Content-Length and chunks", get("/", "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"), 400, "not HTTP"],
    ["two lengths", get("/", "Content-Length: 5\r\nContent-Length: 6\r\n"), 400, "not HTTP"],
    ["a folded header", get("/", "X: a\r\nY\r\n"), 400, "not HTTP"],
    ["an invalid Host", get("/", "Host: a/b\r\n"), 400, "URL or Host"],
    ["a target that is not a path", "OPTIONS * HTTP/1.1\r\nHost: box\r\n\r\n", 400, "URL or Host"],
    ["a proxy request", "CONNECT box:80 HTTP/1.1\r\nHost: box\r\n\r\n", 405, "not a proxy"],
    ["TRACE", "TRACE / HTTP/1.1\r\nHost: box\r\n\r\n", 405, "use GET"],
    ["a long header", get("/", `X: ${"x".repeat(20_000)}\r\n`), 431, "too long"],
    ["a long URL", get(`/?x=${"x".repeat(20_000)}`), 431, "too long"],
    ["a long query", get(`/?x=${"x".repeat(5000)}`), 414, "expected at most 4096"],
    ["a long body", get(ready, "Content-Length: 16385\r\n"), 413, "has a body"],
    ["a body in chunks", get(ready, "Transfer-Encoding: chunked\r\n"), 413, "has a body"],
  ])("%s", async (_, text, status, why) => {
    let submitted = 0;
    const submit = () => {
      submitted += 1;
      return Promise.resolve<Reply>({ ok: true });
    };
    const refused: number[] = [];
    const counted = { refused: (status: number) => refused.push(status), callout: () => {} };
    const { port } = await open({ callouts: { submit, counted } });
    expect(complaint(await ask(port, text))).toEqual([status, expect.stringContaining(why)]);
    expect(submitted).toBe(0);
    expect(refused).toEqual([status]);
    expect(await ask(port, get(ready))).toMatchObject({ body: success });
  });

  test("a connection that ends within the request line", async () => {
    const { port } = await open();
    const client = await dial(port);
    client.socket.end(`GET ${ready}`);
    expect((await client.answer())?.status).toBe(400);
  });

  test.each([
    ["garbage", "garbage\r\n\r\n"],
    ["an invalid byte", "\0"],
    ["a method in lower case", `get ${ready} HTTP/1.1\r\n\r\n`],
    ["a header that is too long", `GET / HTTP/1.1\r\nX: ${"x".repeat(20_000)}\r\n\r\n`],
    ["a request to a proxy", "CONNECT localhost:80 HTTP/1.1\r\nHost: localhost\r\n\r\n"],
  ])("requests in progress are answered, then the connection is closed, if %s follows", async (_, rest) => {
    const replies: ((reply: Reply) => void)[] = [];
    const { port } = await open({ callouts: { submit: () => new Promise((resolve) => replies.push(resolve)) } });
    const client = await dial(port);
    client.send(get(ready) + get(ready) + rest);
    while (replies.length < 2) await ask(port, get("/healthz"));
    for (const reply of replies) reply({ ok: true });
    expect([await client.answer(), await client.answer()]).toMatchObject([{ body: success }, { body: success }]);
    expect(await client.answer()).toBeUndefined();
    await client.closed;
  });

  test("an endless body: the connection is closed", async () => {
    const { port } = await open();
    const client = await dial(port);
    client.send(get(ready, "Transfer-Encoding: chunked\r\n"));
    expect((await client.answer())?.status).toBe(413);
    const flood = setInterval(() => client.socket.writable && client.send(`1000\r\n${"x".repeat(4096)}\r\n`), 1);
    await client.closed;
    clearInterval(flood);
  });
});

describe("other paths:", () => {
  test("/healthz answers ok, regardless of the prefix", async () => {
    const { port } = await open({ callouts: { prefix: "/k3y" } });
    expect(await ask(port, get("/healthz"))).toMatchObject({ status: 200, body: "ok" });
    expect((await ask(port, get("/k3y/healthz")))?.status).toBe(404);
  });

  test.each(["/status", "/outbox", "/outbox/1", "/dials", "/log", "/config"])(
    "%s of the administrator is not served here, regardless of the prefix",
    async (path) => {
      for (const callouts of [{}, { prefix: "/k3y" }]) {
        const { port } = await open({ callouts });
        for (const text of [get(path), get(path).replace("GET", "POST")]) expect((await ask(port, text))?.status).toBe(404);
        expect((await ask(port, get(`/k3y${path}`)))?.status).toBe(404);
      }
    },
  );
});

test("a failing page gets an Error with a sentence", async () => {
  const ready = () => {
    throw new Error("secret detail");
  };
  const { port } = await open({ monitoring: { ...quietMonitoring, ready } });
  expect(complaint(await ask(port, get("/readyz")))).toEqual([
    500,
    "UnexpectedError: internal error in telesetd: try again; if it persists, tell the administrator.",
  ]);
});

describe("start and stop:", () => {
  test("the global Request and Response are not replaced", async () => {
    await open();
    expect(String(globalThis.Request)).toContain("[native code]");
    expect(String(globalThis.Response)).toContain("[native code]");
  });

  test("a port in use is a clear error", async () => {
    const { port } = await open();
    await expect(openHttp({ ...options(), port })).rejects.toThrow(
      `Cannot listen on 127.0.0.1:${port}: address in use: stop the other process (another telesetd?) or choose another http.port`,
    );
  });

  test("an address that the box does not have is a clear error", async () => {
    await expect(openHttp({ ...options(), host: "203.0.113.9" })).rejects.toThrow(
      "Cannot listen on 203.0.113.9:0: this box has no such address",
    );
  });
});

/** Options for a listener that cannot be opened. */
function options(): HttpOptions {
  const log = openLog(() => {}, "error", false);
  const submit = () => Promise.resolve<Reply>({ ok: true });
  const callouts = {
    allow: [],
    hostNames: [],
    allowBrowsers: false,
    answers: defaultAnswers,
    parameters: {},
    perSecond: 1,
    burst: 1,
    registerAllow: [],
    desks: () => [],
    submit,
    checkStatus: (): Reply => ({ ok: true }),
    log,
    now: () => 0,
  };
  return {
    host: "127.0.0.1",
    port: 0,
    connections: 1,
    monitoring: quietMonitoring,
    log,
    callouts,
  };
}
