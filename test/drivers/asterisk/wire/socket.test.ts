/** The websocket: it opens within a deadline, and a dead connection is noticed. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { createServer } from "node:net";
import { EventSocket } from "../../../../drivers/asterisk/wire/socket.ts";
import { openLog } from "../../../../src/log/log.ts";
import { quietPort } from "../../../support/ports.ts";
import { FakeTimers } from "../../../support/timers.ts";

setDefaultTimeout(60_000);

function options(port: number, timers: FakeTimers, onMessage: (text: string) => void = () => {}) {
  const address = { host: "127.0.0.1", port, prefix: "", tls: false, user: "telesetd", password: "s3cret" };
  return {
    ...address,
    application: "app",
    connectMs: 5000,
    silenceMs: 30_000,
    log: openLog(() => {}, "error", false),
    timers,
    onMessage,
  };
}

const open = (port: number, timers: FakeTimers, signal = new AbortController().signal) =>
  EventSocket.open(options(port, timers), signal);
const why = (opening: Promise<EventSocket>) => opening.then(() => "open", (error: Error) => error.message);

/** A server that accepts connections, and upgrades them by hand: it never answers a ping. */
async function deaf() {
  const arrived = Promise.withResolvers<void>();
  const pinged = Promise.withResolvers<void>();
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.once("data", (data) => {
      const key = /Sec-WebSocket-Key: (.*)\r\n/i.exec(data.toString())?.[1] ?? "";
      const accept = new Bun.CryptoHasher("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
      socket.write(
        `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
      );
      arrived.resolve();
      socket.on("data", () => pinged.resolve());
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { port: (server.address() as { port: number }).port, pinged: pinged.promise, close: () => server.close() };
}

test("a connection on which nothing is heard, not even a pong, is closed", async () => {
  const server = await deaf();
  const timers = new FakeTimers();
  const socket = await open(server.port, timers);
  timers.advance(10_000);
  timers.advance(1);
  await server.pinged;
  for (let passed = 0; passed < 30_000; passed += 10_000) {
    timers.advance(10_000);
    timers.advance(1);
  }
  expect(await socket.closed).toBe("Asterisk sent nothing for 30 s, not even a pong");
  server.close();
});

test("a server that does not answer: the deadline", async () => {
  const arrived = Promise.withResolvers<void>();
  const server = createServer((socket) => socket.on("error", () => {}).once("data", () => arrived.resolve()));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const timers = new FakeTimers();
  const opening = why(open((server.address() as { port: number }).port, timers));
  await arrived.promise;
  timers.advance(5000);
  timers.advance(1);
  expect(await opening).toContain("not open within 5 s");
  server.close();
});

test("nothing listens, and a server that refuses: the reason", async () => {
  expect(await why(open(await quietPort(), new FakeTimers()))).toMatch(/^no websocket to Asterisk at 127\.0\.0\.1:\d+ \(.+\)$/);
  const server = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response("", { status: 401 }) });
  expect(await why(open(server.port ?? 0, new FakeTimers()))).toContain("401");
  await server.stop(true);
});

test("stopped before it is open", async () => {
  const stop = new AbortController();
  const opening = why(open(await quietPort(), new FakeTimers(), stop.signal));
  stop.abort();
  expect(await opening).toMatch(/stopped|failed|no websocket/i);
});
