import { describe, expect, test } from "bun:test";
import { type AddressInfo, createServer } from "node:net";
import { FrameReader, type Headers } from "../../../../drivers/freeswitch/wire/framing.ts";
import { text } from "../../../../drivers/freeswitch/wire/event.ts";
import { Link } from "../../../../drivers/freeswitch/wire/link.ts";
import { openLog } from "../../../../src/log/log.ts";
import { FakeTimers } from "../../../support/timers.ts";

const event = (name: string) => `Content-Length: ${name.length}\nContent-Type: text/event-json\n\n${name}`;
const reply = "Content-Type: command/reply\nReply-Text: +OK\n\n";

/** A reader that continues on command. */
function reader() {
  const read: string[] = [];
  const turns: (() => void)[] = [];
  const onFrame = (headers: Headers, body?: Buffer) => {
    read.push(body?.toString() ?? String(headers["Reply-Text"]));
    return headers["Content-Type"] === "text/event-json";
  };
  const reader = new FrameReader(onFrame, (why) => read.push(why), (go) => turns.push(go));
  const take = (text: string) => {
    reader.push(Buffer.from(text));
    return read.splice(0);
  };
  const turn = () => {
    turns.shift()?.();
    return read.splice(0);
  };
  return { reader, take, turn, turns };
}

test("on a link, the effects of an event are done before the next one is read", async () => {
  const order: string[] = [];
  const seen = new Set<string>();
  const server = createServer((socket) => void socket.write("Content-Type: auth/request\n\n"));
  server.on(
    "connection",
    (socket) => socket.once("data", () => socket.write(`${reply}${event('{"a":"1"}')}${event('{"a":"2"}')}`)),
  );
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const log = openLog(() => {}, "error", false);
  const both = Promise.withResolvers<void>();
  const options = {
    host: "127.0.0.1",
    port,
    login: "auth x",
    connectMs: 1000,
    commandMs: 1000,
    silenceMs: 5000,
    log,
    timers: new FakeTimers(),
  };
  const link = await Link.open(options, (frame) => {
    const a = text(frame, "a");
    order.push(`read ${a}`);
    Promise.resolve().then(() => {}).then(() => process.nextTick(() => order.push(`done ${a}`)));
    if (seen.add(a).size === 2) setTimeout(both.resolve, 0);
  }, new AbortController().signal);
  await both.promise;
  link.close("over");
  server.close();
  expect(order).toEqual(["read 1", "done 1", "read 2", "done 2"]);
});

describe("events that arrive at once", () => {
  test("are passed on one at a time, in order, replies between them in their places", () => {
    const { take, turn, turns } = reader();
    const more = event("three") + event("four");
    expect(take(event("one") + reply + event("two") + more)).toEqual(["one"]);
    expect(turn()).toEqual(["+OK", "two"]);
    expect(turn()).toEqual(["three"]);
    expect(turn()).toEqual(["four"]);
    expect(turns).toEqual([]);
    expect(take(event("five") + event("six"))).toEqual(["five"]);
    expect(turn()).toEqual(["six"]);
  });

  test("later frames wait for them", () => {
    const { take, turn, turns } = reader();
    expect(take(event("one") + event("two").slice(0, 30))).toEqual(["one"]);
    expect(take(event("two").slice(30) + event("three"))).toEqual([]);
    expect(turns).toHaveLength(1);
    expect(turn()).toEqual(["two"]);
    expect(turn()).toEqual(["three"]);
  });

  test("after a single event the reader does not wait", () => {
    const { take, turns } = reader();
    expect(take(event("one"))).toEqual(["one"]);
    expect(turns).toEqual([]);
  });

  test("are all passed on when the stream has ended, and none when it is stopped", () => {
    const ended = reader();
    ended.take(event("one") + event("two") + event("three"));
    ended.reader.flush();
    expect(ended.turn()).toEqual(["two", "three"]);
    const stopped = reader();
    stopped.take(event("one") + event("two"));
    stopped.reader.stop();
    expect(stopped.turn()).toEqual([]);
  });
});
