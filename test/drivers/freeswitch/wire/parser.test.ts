/** The bytes of the event socket, right and wrong, whole and in pieces: no byte from the switch may crash us or hang us. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import fc from "fast-check";
import { EventEmitter } from "node:events";
import { readFileSync } from "node:fs";
import type { Socket } from "node:net";
import { join } from "node:path";
import { readHeaders, text } from "../../../../drivers/freeswitch/wire/event.ts";
import { FrameParser, LinkClosed } from "../../../../drivers/freeswitch/wire/link.ts";
import { event, obliging, openLink, RawPeer, reply, response } from "../../../support/freeswitch/rawpeer.ts";

// A backstop: how long many runs of a property take depends on the machine.
setDefaultTimeout(60_000);

const beat = event('{"Event-Name":"HEARTBEAT"}');

describe("an impossible length ends the link", () => {
  test.each([
    ["negative", "-5"],
    ["not a number", "twelve"],
    ["a fraction", "1.5"],
    ["hexadecimal", "0x10"],
    ["empty", ""],
    ["more than 64 MB", String(64 * 1024 * 1024 + 1)],
    ["huge", "9".repeat(14)],
    ["endless", "9".repeat(400)],
  ])("Content-Length %s: the link ends with the reason, the waiting command is rejected", async (_name, length) => {
    await using peer = await RawPeer.listen((command) =>
      command.startsWith("auth") ? reply("+OK") : `Content-Type: api/response\nContent-Length: ${length}\n\nhello`
    );
    using opened = await openLink(peer);
    const outcome = await opened.link.command("api version").catch((error) => error);
    expect(outcome).toBeInstanceOf(LinkClosed);
    expect(await opened.link.closed).toMatch(
      /^The event socket sent a Content-Length of .*: this is not FreeSWITCH, or bytes were lost$/,
    );
    await peer.until(() => !peer.connected);
  });

  test.each([["in one piece", 1], ["in pieces", 40]])(
    "a header block without an end, %s, is not kept forever",
    async (_name, pieces) => {
      await using peer = await RawPeer.listen((command) => command.startsWith("auth") ? reply("+OK") : undefined);
      using opened = await openLink(peer);
      for (let piece = 0; piece < pieces; piece++) peer.write("x: y\n".repeat(14_000 / pieces));
      expect(await opened.link.closed).toContain("a header block of more than 65536 bytes");
    },
  );

  test.each([["too small", -20], ["too big", 500]])(
    "a Content-Length that is %s: the waiting command has its deadline",
    async (_name, wrong) => {
      const body = '{"Event-Name":"HEARTBEAT","Event-Info":"System Ready"}';
      const lie = `Content-Length: ${body.length + wrong}\nContent-Type: text/event-json\n\n${body}`;
      await using peer = await RawPeer.listen((command) => command.startsWith("auth") ? reply("+OK") : lie + obliging(command));
      using opened = await openLink(peer, { commandMs: 300 });
      const outcome = opened.link.command("api version").catch((error) => error);
      await peer.until(() => peer.received.length === 2);
      await opened.timers.pass(300);
      opened.timers.advance(1);
      expect(await outcome).toBeInstanceOf(LinkClosed);
      expect(opened.frames).toEqual([]);
    },
  );
});

describe("anything but an event is skipped", () => {
  const skipped = "An event of the switch is not a JSON object: requesting all live calls instead";

  test.each([
    ["text that is not JSON", event("Event-Name: HEARTBEAT")],
    ["half of a JSON object", event('{"Event-Name":"HEART')],
    ["a JSON list", event('["HEARTBEAT"]')],
    ["a JSON number", event("5")],
    ["a JSON null", event("null")],
    ["an event without a body", "Content-Type: text/event-json\n\n"],
    ["an event of no length", "Content-Length: 0\nContent-Type: text/event-json\n\n"],
  ])("%s: one warning, and the next event arrives", async (_name, bytes) => {
    await using peer = await RawPeer.listen();
    using opened = await openLink(peer);
    const heard = opened.next();
    peer.write(bytes + beat);
    expect({ ...(await heard) }).toEqual({ "Event-Name": "HEARTBEAT" });
    expect(opened.lines.filter((line) => line.includes(skipped))).toHaveLength(1);
    expect((await opened.link.command("api version")).ok).toBe(true);
  });

  test.each([
    ["XML that modesl cannot read", "Content-Length: 5\nContent-Type: text/event-xml\n\n<a></"],
    ["XML without headers", "Content-Length: 8\nContent-Type: text/event-xml\n\n<a>b</a>"],
    ["a plain event", "Content-Length: 3\nContent-Type: text/event-plain\n\n%zz"],
    ["a plain event without a body", "Content-Type: text/event-plain\n\n"],
    ["a log line", "Content-Length: 2\nContent-Type: log/data\n\nhi"],
    ["an unknown type", "Content-Type: error\n\n"],
    ["a type with wildcards", "Content-Type: **\n\n"],
    ["no type", "Reply-Text: +OK\n\n"],
    ["blank lines", "\n\n\n\n\n\n"],
    ["a line without a colon", "hello\n\n"],
    ["headers with dangerous names", "__proto__: x\nconstructor: y\ntoString: z\n\n"],
    ["bytes other than UTF-8", Buffer.from([0xff, 0xfe, 0xc3, 0x28, 0x0a, 0x0a])],
  ])("%s: nothing, and the next event arrives", async (_name, bytes) => {
    await using peer = await RawPeer.listen();
    using opened = await openLink(peer);
    const heard = opened.next();
    peer.write(bytes);
    peer.write(beat);
    expect({ ...(await heard) }).toEqual({ "Event-Name": "HEARTBEAT" });
    expect((await opened.link.command("api version")).text).toBe("the answer to api version");
  });
});

test("bytes other than UTF-8 inside a value are replaced, the event arrives", async () => {
  const body = Buffer.concat([Buffer.from('{"Event-Name":"'), Buffer.from([0xff, 0xc3]), Buffer.from('"}')]);
  await using peer = await RawPeer.listen();
  using opened = await openLink(peer);
  const heard = opened.next();
  peer.write(Buffer.concat([Buffer.from(`Content-Length: ${body.length}\nContent-Type: text/event-json\n\n`), body]));
  expect(text(await heard, "Event-Name")).toBe("\ufffd\ufffd");
});

test("lengths are counted in bytes, not in characters", async () => {
  await using peer = await RawPeer.listen();
  using opened = await openLink(peer);
  const heard = opened.next();
  peer.write(event('{"Event-Name":"é€😀"}') + beat);
  expect(text(await heard, "Event-Name")).toBe("é€😀");
  expect((await opened.link.command("api version")).ok).toBe(true);
  expect(opened.frames).toHaveLength(2);
});

test("half a frame, then a reset: the link is closed, the waiting command is rejected", async () => {
  await using peer = await RawPeer.listen((command) => command.startsWith("auth") ? reply("+OK") : undefined);
  using opened = await openLink(peer);
  const outcome = opened.link.command("api version").catch((error) => error);
  await peer.until(() => peer.received.length === 2);
  peer.write(beat.slice(0, 60));
  peer.rst();
  expect(await outcome).toBeInstanceOf(LinkClosed);
  expect(opened.frames).toEqual([]);
});

describe("readHeaders", () => {
  test.each([
    ["text", '{"a":"b"}', { a: "b" }],
    ["a repeated header", '{"a":["b","c"]}', { a: ["b", "c"] }],
    ["numbers and truth values", '{"a":1,"b":true,"c":[2,false]}', { a: "1", b: "true", c: ["2", "false"] }],
    ["values that are not text", '{"a":null,"b":{},"c":[null,{},["x"],"y"]}', { c: ["y"] }],
    ["objects that cannot be text", '{"a":[{"toString":1,"valueOf":1}],"b":"c"}', { a: [], b: "c" }],
    ["dangerous names", '{"__proto__":{"x":1},"constructor":"y"}', { constructor: "y" }],
  ])("%s", (_name, json, frame) => {
    expect({ ...readHeaders(json) }).toEqual(frame as Record<string, string>);
  });

  test("lists in lists do no harm, however deep", () => {
    expect(readHeaders(`{"a":${"[".repeat(5_000)}${"]".repeat(5_000)}}`)?.["a"]).toEqual([]);
  });

  test.each(["", "x", "5", "null", "[]", '"a"'])("`%s` is not a frame", (json) => {
    expect(readHeaders(json)).toBeUndefined();
  });

  test("whatever the text, it never throws", () => {
    fc.assert(fc.property(fc.oneof(fc.string(), fc.json(), fc.json().map((json) => `{"a":${json}}`)), (json) => {
      const frame = readHeaders(json);
      const values = Object.values(frame ?? {}).flat();
      expect(values.every((value) => typeof value === "string")).toBe(true);
    }));
  });
});

describe("any bytes in any pieces", () => {
  const snippets = [
    "\n",
    "\n\n",
    ": ",
    "%",
    "Content-Type: ",
    "Content-Length: ",
    "Reply-Text: ",
    "Event-Name: ",
    "auth/request",
    "command/reply",
    "api/response",
    "text/event-json",
    "text/event-plain",
    "text/event-xml",
    "log/data",
    "text/rude-rejection",
    "{",
    "}",
    "[]",
    "5",
    '{"Event-Name":"HEARTBEAT"}',
    "<event><headers>",
    "**",
    "-1",
    beat,
    reply("+OK"),
    response("x"),
    "Content-Length: 3\n\n",
  ];
  const piece = fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom(...snippets).map((text) => Buffer.from(text)) },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)) },
  );

  test("over TCP: no bytes cause a crash, and the waiting command settles, by its deadline at the latest", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { minLength: 1, maxLength: 12 }), async (pieces) => {
        await using peer = await RawPeer.listen((command) => command.startsWith("auth") ? reply("+OK") : undefined);
        using opened = await openLink(peer, { commandMs: 100, silenceMs: 5000 });
        let settled: unknown;
        const outcome = opened.link.command("api version").then(() => "reply", (error) => error).then((what) => settled = what);
        await peer.until(() => peer.received.length === 2);
        for (const bytes of pieces) peer.write(bytes);
        // Some turns of the event loop for what was written, and then the deadline.
        for (; settled === undefined; opened.timers.advance(10)) await new Promise((resolve) => setImmediate(resolve));
        await outcome;
        expect(settled === "reply" || settled instanceof LinkClosed).toBe(true);
      }),
      { numRuns: 50 },
    );
  });

  test("in memory: the parser never throws, and reads the same whatever the cuts", () => {
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 25 }), fc.array(fc.nat(200), { maxLength: 10 }), (pieces, cuts) => {
        const bytes = Buffer.concat(pieces);
        expect(parsed(cutAt(bytes, cuts))).toEqual(parsed([bytes]));
      }),
      { numRuns: 3000 },
    );
  });
});

describe("a whole recorded session, byte for byte", () => {
  const path = join(import.meta.dir, "../../../fixtures/recordings/freeswitch/in-answer-caller-hangs-up.jsonl");
  const lines = readFileSync(path, "utf8").split("\n").filter((line) => line !== "").map((line) => JSON.parse(line));
  const frames: Buffer[] = lines.filter(({ dir }) => dir === "recv").map(({ frame }) => Buffer.from(frame));

  test("uncut, every frame is passed on once", () => {
    const { jsons, others, broken } = parsed([Buffer.concat(frames)]);
    const types = frames.map((frame) => /Content-Type: (\S+)/.exec(frame.toString())?.[1]);
    expect(jsons).toHaveLength(types.filter((type) => type === "text/event-json").length);
    expect(others).toHaveLength(types.filter((type) => type !== "text/event-json").length);
    expect(jsons.every((json) => readHeaders(json) !== undefined)).toBe(true);
    expect(broken).toEqual([]);
  });

  // The parser holds nothing between two frames, so that a cut concerns only its frame and the neighbours. In a body the byte
  // makes
  // no difference.
  test("cut at every byte around its headers and at many of its bodies, between its neighbours, it is read the same", () => {
    let cuts = 0;
    const parser = new Listener();
    for (const [index, frame] of frames.entries()) {
      const [before, after] = [frames[index - 1] ?? Buffer.alloc(0), frames[index + 1] ?? Buffer.alloc(0)];
      const all = Buffer.concat([before, frame, after]);
      const uncut = parser.feed([all]);
      const body = frame.indexOf("\n\n") + 2;
      for (let at = 0; at < frame.length; at += at > body + 10 && at < frame.length - 30 ? 19 : 1, cuts++) {
        const [head, rest] = [all.subarray(0, before.length + at), all.subarray(before.length + at)];
        const cut = parser.feed([head, rest]);
        if (!isSame(cut, uncut)) expect([index, at, cut]).toEqual([index, at, uncut]);
      }
    }
    expect(cuts).toBeGreaterThan(frames.length * 100);
  });

  test.each([1, 2, 3, 7, 1460])("in pieces of %d bytes it is read the same", (size) => {
    const bytes = Buffer.concat(frames);
    const pieces = Array.from({ length: Math.ceil(bytes.length / size) }, (_, n) => bytes.subarray(n * size, (n + 1) * size));
    expect(parsed(pieces)).toEqual(parsed([bytes]));
  });
});

interface Parsed {
  readonly jsons: string[];
  readonly others: unknown[];
  readonly broken: string[];
}

/** A parser on a fake socket, and its output. */
class Listener {
  readonly #socket = new EventEmitter();
  #parsed: Parsed = { jsons: [], others: [], broken: [] };

  constructor() {
    const parser = new FrameParser(
      this.#socket as unknown as Socket,
      (json) => this.#parsed.jsons.push(json.toString()),
      (why) => this.#parsed.broken.push(why),
    );
    parser.on("esl::event", (_event, headers, body) => this.#parsed.others.push([headers, body]));
  }

  feed(pieces: readonly Uint8Array[]): Parsed {
    this.#parsed = { jsons: [], others: [], broken: [] };
    for (const piece of pieces) this.#socket.emit("data", piece);
    return this.#parsed;
  }
}

/** `toEqual` takes too long for a quarter of a million comparisons. */
function isSame(a: Parsed, b: Parsed): boolean {
  const isText = a.jsons.length === b.jsons.length && a.jsons.every((json, index) => json === b.jsons[index]);
  return isText && JSON.stringify([a.others, a.broken]) === JSON.stringify([b.others, b.broken]);
}

function parsed(pieces: readonly Uint8Array[]): Parsed {
  return new Listener().feed(pieces);
}

function cutAt(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const places = [0, ...cuts.filter((cut) => cut < bytes.length).sort((a, b) => a - b), bytes.length];
  return places.slice(1).map((end, index) => bytes.subarray(places[index], end));
}
