import { afterEach, describe, expect, test } from "bun:test";
import { createServer, type Server, type Socket } from "node:net";
import { type ClientOptions, httpCrm } from "../../src/cctsdk/client.ts";
import { defaultEvents } from "../../src/cctsdk/profile.ts";
import type { CrmEvent } from "../../src/core/crm.ts";
import { openLog } from "../../src/log/log.ts";
import { run } from "../support/run.ts";

const event: CrmEvent = { name: "CallReleased", call: "c1" };
const xml = '<CCTSDK><event name="CallReleased"><data name="occtSourceID" value="c1"/></event></CCTSDK>';
const errorBody = '<CCTSDK><event name="Error"><data name="occtErrorMsg" value="no such agent"/></event></CCTSDK>';
const never = new AbortController().signal;

const servers: Server[] = [];
const sockets: Socket[] = [];
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
  for (const server of servers.splice(0)) server.close();
});

interface Peer {
  readonly port: number;
  /** The bytes of each connection, in the order of connecting. */
  readonly received: string[];
}

/** A scripted CRM, which acts on each connection or (with `afterRequest`) on each complete request. */
async function peer(act: (socket: Socket) => void, afterRequest = true, host = "127.0.0.1"): Promise<Peer> {
  const received: string[] = [];
  const server = createServer((socket) => {
    const place = received.push("") - 1;
    sockets.push(socket);
    socket.on("error", () => {});
    if (!afterRequest) act(socket);
    socket.on("data", (data) => {
      received[place] += data.toString();
      if (afterRequest && received[place]?.endsWith("</CCTSDK>")) act(socket);
    });
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  const bound = server.address();
  return { port: typeof bound === "object" && bound !== null ? bound.port : 0, received };
}

const lines: string[] = [];
const log = openLog((line) => lines.push(line), "trace", false);
function crm(options: Partial<ClientOptions> = {}) {
  lines.length = 0;
  return httpCrm({ ...defaultEvents, timeoutMs: 5000, connectAhead: false, log, ...options });
}
const to = (port: number, address = "127.0.0.1") => ({ agent: "SMITH", address, port });
const sends = (text: string) => (socket: Socket) => void socket.end(text);
const status = (code: number, body = "", headers = "") =>
  sends(`HTTP/1.1 ${code} X\r\n${headers}Content-Length: ${body.length}\r\n\r\n${body}`);

/** Writes the same text repeatedly as long as the peer reads, or on a timer. */
function again(socket: Socket, chunk: string, everyMs?: number): void {
  const write = () => {
    while (socket.writable && socket.write(chunk) && everyMs === undefined);
  };
  const timer = everyMs === undefined ? undefined : setInterval(write, everyMs);
  socket.on("drain", write).on("close", () => clearInterval(timer));
  write();
}

test("an event is one complete POST on its own connection", async () => {
  const { port, received } = await peer(status(200, "<CCTSDK></CCTSDK>"));
  const client = crm({ path: "/uwq?x=1" });
  expect(await client.deliver(event, to(port), never)).toEqual({ outcome: "done" });
  expect(await client.deliver(event, to(port), never)).toEqual({ outcome: "done" });
  expect(received.length).toBe(2);
  const [head, body] = received[0]?.split("\r\n\r\n") ?? [];
  expect(body).toBe(xml);
  expect(head?.split("\r\n").map((line) => line.toLowerCase()).sort()).toEqual([
    "connection: close",
    `content-length: ${xml.length}`,
    "content-type: text/xml; charset=utf-8",
    `host: 127.0.0.1:${port}`,
    "post /uwq?x=1 http/1.1",
  ]);
});

test.each(["::1", "::1%lo"])("IPv6 (%s): the host is bracketed and has no zone", async (address) => {
  const { port, received } = await peer(status(200), true, "::1");
  expect(await crm().deliver(event, to(port, address), never)).toEqual({ outcome: "done" });
  expect(received[0]?.toLowerCase()).toContain(`host: [::1]:${port}\r\n`);
});

/** Name, action of the CRM, expected delivery, part of the expected reason. */
type Case = [string, (socket: Socket) => void, Record<string, unknown>, string?];

describe("the CRM answers:", () => {
  const done = { outcome: "done" };
  const retry = { outcome: "retry", reached: true };
  const refused = { outcome: "refused", reached: true };
  test.each<Case>([
    ["200", status(200), done],
    ["204", sends("HTTP/1.1 204 X\r\n\r\n"), done],
    ["299", status(299), done],
    ["200 without a length", sends("HTTP/1.1 200 OK\r\n\r\n<CCTSDK/>"), done],
    ["200 after 100", sends("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"), done],
    ["200 with an Error", status(200, errorBody), { ...done, note: "the CRM answered with an Error: no such agent" }],
    [
      "200 with an Error in chunks",
      sends(`HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${errorBody.length.toString(16)}\r\n${errorBody}\r\n0\r\n\r\n`),
      {
        ...done,
        note: "the CRM answered with an Error: no such agent",
      },
    ],
    ["200, then closes in the middle of the body", sends("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nok"), done],
    ["200, then broken chunks", sends("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"), done],
    ["500, then closes in the middle of the body", sends("HTTP/1.1 500 X\r\nContent-Length: 99\r\n\r\nno"), retry, "status 500"],
    ...[408, 425, 429, 500, 502, 503, 599].map((
      code,
    ): Case => [String(code), status(code), retry, `answered with status ${code}: expected 200-299`]),
    ...[300, 301, 302, 304, 307, 308, 400, 401, 403, 404, 405, 410, 413, 422].map((code): Case => [
      String(code),
      sends(`HTTP/1.1 ${code} X\r\nLocation: http://127.0.0.1:9/\r\nContent-Length: 0\r\n\r\n`),
      refused,
      `answered with status ${code}: expected 200-299`,
    ]),
    ["101", sends("HTTP/1.1 101 X\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n"), retry],
    ["099", sends("HTTP/1.1 099 X\r\nContent-Length: 0\r\n\r\n"), retry],
    ["999", status(999), retry],
    ["garbage", sends("\u0000\u0001garbage\r\n\r\n"), retry, "No answer from the CRM at 127.0.0.1:"],
    ["TLS", sends("\u0015\u0003\u0001\u0000\u0002\u0002\u0016"), retry],
    ["nothing and closes", sends(""), retry, "No answer from"],
    ["half a header and closes", sends("HTTP/1.1 200 OK\r\nConte"), retry],
    ["endless headers", (socket) => again(socket, `X: ${"x".repeat(1000)}\r\n`), retry],
    ["a reset", (socket) => void socket.resetAndDestroy(), retry],
  ])("%s", async (_, act, delivery, why = "") => {
    const { port } = await peer(act);
    const got = await crm({ timeoutMs: 60_000 }).deliver(event, to(port), never);
    const { why: text = "", ...rest }: { why?: string; outcome: string } = got;
    expect<unknown>(rest).toEqual(delivery);
    expect(text).toContain(why);
  });

  test("an endless body: read up to a limit, judged by its status", async () => {
    let sent: Socket | undefined;
    const { port } = await peer((socket) => {
      sent = socket;
      socket.write("HTTP/1.1 200 OK\r\n\r\n");
      again(socket, "x".repeat(65_536));
    });
    expect(await crm({ timeoutMs: 60_000 }).deliver(event, to(port), never)).toEqual({ outcome: "done" });
    if (sent !== undefined && !sent.destroyed) await new Promise((resolve) => sent?.once("close", resolve));
  });
});

describe("the deadline covers the whole exchange:", () => {
  const late = { outcome: "retry", why: expect.stringContaining("no answer within 0.1 s"), reached: true };
  test.each<Case>([
    ["a silent CRM", () => {}, late],
    ["a header sent slowly without end", (socket) => {
      socket.write("HTTP/1.1 200 OK\r\nX: ");
      again(socket, "x", 20);
    }, late],
    ["100 Continue without end", (socket) => again(socket, "HTTP/1.1 100 Continue\r\n\r\n", 20), late],
    ["a body sent slowly without end, status 200", (socket) => {
      socket.write("HTTP/1.1 200 OK\r\n\r\n");
      again(socket, "x", 20);
    }, { outcome: "done" }],
    ["a body sent slowly without end, status 500", (socket) => {
      socket.write("HTTP/1.1 500 X\r\n\r\n");
      again(socket, "x", 20);
    }, { outcome: "retry", why: expect.stringContaining("status 500"), reached: true }],
  ])("%s", async (_, act, delivery) => {
    const { port } = await peer(act);
    expect<unknown>(await crm({ timeoutMs: 100 }).deliver(event, to(port), never)).toEqual(delivery);
  });
});

describe("reached is false only when there was no connection:", () => {
  test("a closed port", async () => {
    const { port } = await peer(() => {});
    await new Promise<void>((resolve) => servers.pop()?.close(() => resolve()));
    expect(await crm().deliver(event, to(port), never)).toEqual({
      outcome: "retry",
      why: `Nothing listens at 127.0.0.1:${port}: the PC is on, but UWQ is not running there`,
      advice: expect.stringContaining("log in to UWQ again"),
      reached: false,
    });
  });

  test("a connection reset before anything is read", async () => {
    const { port } = await peer((socket) => void socket.resetAndDestroy(), false);
    expect(await crm().deliver(event, to(port), never)).toMatchObject({ outcome: "retry", reached: true });
  });
});

describe("the signal", () => {
  test("aborted before: nothing is sent", async () => {
    const { port, received } = await peer(status(200));
    const delivery = await crm().deliver(event, to(port), AbortSignal.abort());
    expect(delivery).toMatchObject({ outcome: "retry", reached: false, why: expect.stringContaining("telesetd is stopping") });
    expect(received).toEqual([]);
  });

  test("aborted while waiting: ends at once, and may have reached the CRM", async () => {
    const stop = new AbortController();
    const { port } = await peer(() => stop.abort());
    const delivery = await crm({ timeoutMs: 60_000 }).deliver(event, to(port), stop.signal);
    expect(delivery).toMatchObject({ outcome: "retry", reached: true, why: expect.stringContaining("telesetd is stopping") });
  });
});

describe("the log", () => {
  const pop: CrmEvent = { name: "ScreenPop", call: "c1", ani: "", dnis: "", data: { language: "<script>" } };

  test("warns once about values omitted from an event, however often it is posted", async () => {
    const { port } = await peer(status(200));
    const client = crm();
    await client.deliver(pop, to(port), never);
    await client.deliver({ ...pop }, to(port), never);
    expect(lines.filter((line) => line.startsWith("warning"))).toEqual([
      expect.stringMatching(/^warning ScreenPop: language is omitted call=c1 why="it is .*<script>.*: expected only letters/),
    ]);
    await client.deliver({ ...pop, call: "c2" }, to(port), never);
    expect(lines.filter((line) => line.startsWith("warning")).length).toBe(2);
  });

  test("remembers a limited number of warnings", async () => {
    const client = crm();
    for (let i = 0; i <= 257; i++) await client.deliver({ ...pop, call: `c${i % 257}` }, to(1), AbortSignal.abort());
    expect(lines.filter((line) => line.startsWith("warning")).length).toBe(258);
  });

  test("shows the whole message on trace", async () => {
    const { port } = await peer(status(200));
    await crm().deliver(event, to(port), never);
    expect(lines.join("\n")).toContain(JSON.stringify(xml));
  });

  test("hides the CRM's cookies on trace", async () => {
    const { port } = await peer(status(200, "", "Set-Cookie: JSESSIONID=c00kie\r\nX-A: b\r\n"));
    await crm().deliver(event, to(port), never);
    expect(lines.join("\n")).not.toContain("c00kie");
    expect(lines.join("\n")).toContain(String.raw`Set-Cookie: ***\\u000d\\u000aX-A: b`);
  });

  test("shows on trace an answer that is not HTTP", async () => {
    const { port } = await peer(sends("SSH-2.0-x\r\n"));
    await crm().deliver(event, to(port), never);
    expect(lines.join("\n")).toContain("answer=SSH-2.0-x");
  });
});

test("a proxy from the environment is not used", async () => {
  const proxy = await peer(status(500));
  const { port, received } = await peer(status(200));
  const script = `
    import { httpCrm } from ${JSON.stringify(new URL("../../src/cctsdk/client.ts", import.meta.url).pathname)};
    import { defaultEvents } from ${JSON.stringify(new URL("../../src/cctsdk/profile.ts", import.meta.url).pathname)};
    import { openLog } from ${JSON.stringify(new URL("../../src/log/log.ts", import.meta.url).pathname)};
    const crm = httpCrm({ ...defaultEvents, timeoutMs: 5000, connectAhead: false, log: openLog(() => {}, "error", false) });
    const delivery = await crm.deliver({ name: "CallReleased", call: "c1" }, { agent: "a", address: "127.0.0.1", port: ${port} }, new AbortController().signal);
    console.log(delivery.outcome);`;
  const url = `http://127.0.0.1:${proxy.port}`;
  const environment = { HTTP_PROXY: url, http_proxy: url, ALL_PROXY: url, all_proxy: url, NO_PROXY: "", no_proxy: "" };
  expect((await run([process.execPath, "-e", script], { environment })).out.trim()).toBe("done");
  expect([received.length, proxy.received.length]).toEqual([1, 0]);
});
