/** The connection to drachtio-server, and each hole of drachtio-srf by its number in stack.ts. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { framesOf } from "../../../../simulator/drachtio/mod.ts";
import { CannotOpen, NotSent, StackClosed } from "../../../../drivers/sip/wire/message.ts";
import { requestIn } from "../../../../drivers/sip/wire/request.ts";
import { Swallower } from "../../../support/swallower.ts";
import { answerTo, options, Peer } from "../../../support/sip/peer.ts";
import { cpuMs } from "../../../support/cpu.ts";
import { run } from "../../../support/run.ts";

// A backstop: how long many runs of a property take depends on the machine.
setDefaultTimeout(60_000);

const recording = readFileSync(join(import.meta.dir, "../../../fixtures/recordings/drachtio/dialog-hold.jsonl"), "utf8");
const notify = framesOf(recording).filter(({ text }) => text.includes("NOTIFY sip:")).map(({ text }) => text);

test("logs in, asks for NOTIFYs, and knows the server's version and addresses", async () => {
  await using peer = await Peer.listen();
  const stack = await peer.open();
  expect([stack.version, stack.listeners]).toEqual(["v0.9.10-1-g9c2dd4cb6a", "udp/127.0.0.1:5160"]);
  await peer.server.until(() => peer.client.routes.has("notify"));
  expect((await answerTo(stack)).status).toBe(200);
});

describe("hole 1: invalid frames end the connection, and nothing else:", () => {
  const wrong = [
    "abc#hello",
    "#",
    "##########",
    "-5#hello",
    "1e9#x",
    "0#",
    "99999999999#x",
    "1048577#x",
    " 5#hello",
    "5",
    "x".repeat(3000),
    "\0\0\0",
    "\xff\xfe",
  ];
  test.each(wrong.map((bytes) => [bytes]))("%j", async (bytes) => {
    await using peer = await Peer.listen();
    const stack = await peer.open();
    peer.client.raw(Buffer.from(bytes, "latin1"));
    // A lone digit may be the start of a length.
    if (bytes === "5") return;
    expect(await stack.closed).toMatch(/^drachtio-server sent .*: this is not drachtio-server, or bytes were lost$/);
  });

  test("frames come whole, cut at any byte, many in one chunk", async () => {
    await using peer = await Peer.listen();
    const stack = await peer.open();
    // The server's reply to an answer would arrive between the two halves of a frame.
    peer.answersAll = false;
    await answerTo(stack);
    const [one = "", two = ""] = notify.filter((text) => text.includes("</dialog>"));
    const bytes = Buffer.from([one, two].map((text) => `${Buffer.byteLength(text)}#${text}`).join(""));
    const before = peer.asked.length;
    for (let at = 1; at < bytes.length; at += 97) {
      peer.client.raw(bytes.subarray(0, at));
      await new Promise((done) => setImmediate(done));
      peer.client.raw(bytes.subarray(at));
    }
    const rounds = Math.ceil((bytes.length - 1) / 97);
    await peer.server.until(() => peer.asked.length === before + 2 * rounds);
    expect(peer.asked[0]?.body).toContain("<dialog-info");
  });
});

describe("hole 2: unreadable messages are skipped and logged, and the connection continues:", () => {
  const sip = (message: string) => `id|sip|network|9|udp|127.0.0.1|5060|0|txn|dlg|\r\n${message}`;
  const head = "Call-ID: c\r\nCSeq: 1 NOTIFY\r\nFrom: <sip:a@b>;tag=x\r\nTo: <sip:c@d>\r\n";
  const wrong = [
    "x",
    "|",
    "id|nonsense|1",
    "id|sip",
    "id|sip|network",
    "id|sip|elsewhere|1\r\nNOTIFY sip:a@b SIP/2.0\r\n\r\n",
    sip(""),
    sip("\r\n\r\n"),
    sip("HELLO"),
    sip("NOTIFY sip:a@b SIP/2.0\r\n\r\n"),
    sip("NOTIFY sip:a@b SIP/2.0\r\nno colon here\r\n\r\n"),
    sip(`NOTIFY sip:a@b SIP/2.0\r\n${head.replace("From", "Frm")}\r\n`),
    sip(`SIP/2.0 abc\r\n${head}\r\n`),
    sip(`NOTIFY sip:a@b SIP/2.0\r\n__proto__: x\r\nconstructor: y\r\n\r\n`),
    "id|cdr:start|x|y\r\nNOTHING",
    "id|proxy|1",
    "\0\0\0|\0",
  ];
  test.each(wrong.map((text) => [text]))("%j", async (text) => {
    await using peer = await Peer.listen();
    const stack = await peer.open();
    peer.client.send(text);
    expect((await answerTo(stack)).status).toBe(200);
    expect(peer.lines.filter((line) => line.includes("Cannot read what drachtio-server sent"))).toHaveLength(1);
    expect(peer.asked).toEqual([]);
  });

  test("an endless first line is read quickly", async () => {
    await using peer = await Peer.listen();
    const stack = await peer.open();
    const digits = `SIP/2.0 ${"1".repeat(60_000)}\nx\nx`;
    const spaces = `SIP/2.0 200 \nx${" ".repeat(60_000)}\nx`;
    const spent = await cpuMs(async () => {
      for (const line of [digits, spaces]) {
        peer.client.send(`id|sip|network|1|udp|1.2.3.4|5060|10:00:00|t|d|\r\n${line}\r\nVia: x\r\n\r\n`);
      }
      await answerTo(stack);
    });
    expect(spent).toBeLessThan(2000);
  });

  test("a flood of them is logged five times", async () => {
    await using peer = await Peer.listen();
    const stack = await peer.open();
    for (let n = 0; n < 500; n++) peer.client.send("id|nonsense");
    await answerTo(stack);
    expect(peer.lines.filter((line) => line.startsWith("warning") && line.includes("Cannot read"))).toHaveLength(5);
  });

  test("2000 recorded frames with bytes changed, removed or inserted: none ends the process", async () => {
    await using peer = await Peer.listen();
    const stack = await peer.open();
    const all = framesOf(recording).filter(({ dir }) => dir === "server>client").map(({ text }) => text);
    const mutation = fc.record({
      frame: fc.constantFrom(...all),
      at: fc.double({ min: 0, max: 1, noNaN: true }),
      cut: fc.nat(40),
      put: fc.string({ maxLength: 8, unit: "binary" }),
    });
    for (const { frame, at, cut, put } of fc.sample(mutation, { numRuns: 2000, seed: 7 })) {
      const index = Math.floor(at * frame.length);
      peer.client.send(frame.slice(0, index) + put + frame.slice(index + cut));
    }
    expect((await answerTo(stack)).status).toBe(200);
  });
});

test("hole 3: a connection that is lost stays lost", async () => {
  await using peer = await Peer.listen();
  const stack = await peer.open();
  peer.client.socket.destroy();
  expect(await stack.closed).toMatch(/closed the connection|failed \(ECONNRESET\)/);
  await peer.server.until(() => peer.server.clients.size === 0);
  // drachtio-srf would be back after 255 ms.
  await new Promise((done) => setTimeout(done, 600));
  expect(peer.server.clients.size).toBe(0);
});

test("hole 4: a reset is a reason, not the end of the process", async () => {
  await using peer = await Peer.listen();
  const stack = await peer.open();
  peer.client.socket.resetAndDestroy();
  expect(await stack.closed).toMatch(/closed the connection|failed \(ECONNRESET\)/);
});

describe("hole 5: nothing waits forever:", () => {
  test("nothing listens", async () => {
    const peer = await Peer.listen();
    peer.server.stop();
    await peer.server.until(() => peer.server.clients.size === 0);
    const error = await peer.open().catch((error: unknown) => error);
    expect(error).toBeInstanceOf(CannotOpen);
    expect(error).toMatchObject({
      code: "refused",
      message: `nothing listens on 127.0.0.1:${peer.server.port}: is drachtio-server running?`,
    });
  });

  test("a wrong secret", async () => {
    await using peer = await Peer.listen("other");
    const error = await peer.open().catch((error: unknown) => error);
    expect(error).toMatchObject({
      code: "login-refused",
      message: `drachtio-server at 127.0.0.1:${peer.server.port} refuses the login: check line.drachtioSecret`,
    });
  });

  test("a server that does not answer the login", async () => {
    const silent = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
    await using peer = await Peer.listen();
    const error = await peer.open({ port: silent.port, connectMs: 100 }).catch((error: unknown) => error);
    expect((error as CannotOpen).code).toBe("login-unanswered");
    expect((error as Error).message).toContain("did not answer the login within 0.1 s: drachtio-server hangs,");
    silent.stop(true);
  });

  test("an address that swallows everything is not reported as reached", async () => {
    using swallower = await Swallower.open();
    await using peer = await Peer.listen();
    const error = await peer.open({ port: swallower.port, connectMs: 100 }).catch((error: unknown) => error);
    expect([(error as CannotOpen).code, (error as CannotOpen).message]).toEqual([
      "not-connected",
      `127.0.0.1:${swallower.port} does not answer within 0.1 s: is line.host right, is there a firewall in between?`,
    ]);
  });

  test("stopped while it connects", async () => {
    const silent = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
    await using peer = await Peer.listen();
    const stop = new AbortController();
    const opening = peer.open({ port: silent.port }, stop.signal).catch((error: Error) => error.message);
    stop.abort();
    expect(await opening).toBe("stopped");
    silent.stop(true);
  });

  test("a request whose connection is lost before its answer: it was sent", async () => {
    await using peer = await Peer.listen();
    const stack = await peer.open();
    peer.onRequest = ({ client }) => client.socket.destroy();
    const error = await answerTo(stack).catch((error: unknown) => error);
    expect([error instanceof StackClosed, (error as StackClosed).sent]).toEqual([true, true]);
  });

  test("a request that the server refused to send, with its reason", async () => {
    await using peer = await Peer.listen();
    const stack = await peer.open();
    const error = await answerTo(stack, requestIn("gone;from-tag=1", "BYE", {})).catch((error: unknown) => error);
    expect(error).toBeInstanceOf(NotSent);
    expect((error as Error).message).toBe("drachtio-server would not send: unable to find dialog for dialog id provided");
  });
});

describe("hole 6: nothing that we send can become another header:", () => {
  const bad = ["a\r\nEvil: 1", "a\nb", "a\0b", "é", "\u2028"];
  test.each(bad.map((text) => [text]))("%j", async (text) => {
    await using peer = await Peer.listen();
    const stack = await peer.open();
    const watcher = { sent: () => {}, answer: () => {}, failed: () => {} };
    const withText = [
      { ...options, headers: { ...options.headers, Subject: text } },
      { ...options, headers: { ...options.headers, [text]: "x" } },
      { ...options, uri: `sip:${text}` },
      { ...options, route: text },
      { ...options, dialog: text },
      { ...options, method: text },
    ];
    for (const request of withText) expect(() => stack.send(request, watcher)).toThrow(RangeError);
    expect(peer.sent).toEqual([]);
  });
});

test("hole 7: DEBUG in the environment writes nothing", async () => {
  const script = join(import.meta.dir, "../../../support/sip/debug-child.ts");
  const { out, err } = await run([process.execPath, script], { environment: { DEBUG: "*" } });
  expect([out, err]).toEqual(["200\n", ""]);
});

test("hole 9: a request after the end is refused, not thrown", async () => {
  await using peer = await Peer.listen();
  const stack = await peer.open();
  stack.close("done");
  const error = await answerTo(stack).catch((error: unknown) => error);
  expect([error instanceof StackClosed, (error as StackClosed).sent]).toEqual([true, false]);
});

describe("hole 10: a server that hangs is noticed:", () => {
  test("by a ping that nothing answers", async () => {
    await using peer = await Peer.listen();
    const stack = await peer.open({ pingMs: 20, pongMs: 60 });
    await pings(peer, 2);
    peer.client.socket.removeAllListeners("data");
    expect(await stack.closed).toBe("drachtio-server has been silent for 0.06 s");
  });

  test.each(["v0.8.2", "v0.9.10-1-g9c2dd4cb6a", "1.0.0"])("also one (%s) that hangs since the login", async (version) => {
    await using peer = await Peer.listen("cymru", version);
    const stack = await peer.open({ pingMs: 20, pongMs: 60 });
    peer.client.socket.removeAllListeners("data");
    expect(await stack.closed).toBe("drachtio-server has been silent for 0.06 s");
  });

  test("and one that answers is not", async () => {
    await using peer = await Peer.listen();
    const stack = await peer.open({ pingMs: 5, pongMs: 500 });
    await pings(peer, 5);
    expect((await answerTo(stack)).status).toBe(200);
  });

  test.each(["v0.8.1", ""])("nor one (%j) that does not support pings", async (version) => {
    await using peer = await Peer.listen("cymru", version);
    const stack = await peer.open({ pingMs: 5, pongMs: 20 });
    const send = peer.client.send.bind(peer.client);
    peer.client.send = (text) => text.endsWith("pong") ? undefined : send(text);
    await pings(peer, 5);
    expect((await answerTo(stack)).status).toBe(200);
  });
});

function pings(peer: Peer, times: number): Promise<void> {
  return peer.server.until(() => peer.frames.filter((text) => text.endsWith("|ping")).length >= times);
}

test("hole 11: a body that is not ASCII is refused", async () => {
  await using peer = await Peer.listen();
  const stack = await peer.open();
  expect(() => stack.send({ ...options, body: "v=ü" }, { sent: () => {}, answer: () => {}, failed: () => {} })).toThrow(
    RangeError,
  );
});

test("hole 12: a request inside a dialog has no Contact from us", () => {
  expect(requestIn("d", "SUBSCRIBE", { Contact: "<sip:x@y>", Event: "dialog" }).headers).toEqual({ Event: "dialog" });
});
