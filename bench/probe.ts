/**
 * Loaded before telesetd's main (`bun --preload`): records when each stage of an event starts and ends, by wrapping public
 * methods of the parts, and sends the times to the bench over loopback. telesetd does not know about it.
 */
import { FrameParser } from "../drivers/freeswitch/wire/link.ts";
import { Translator } from "../drivers/freeswitch/translate.ts";
import type { CrmEvent } from "../src/core/crm.ts";
import { Courier } from "../src/outbox/courier.ts";
import { SafeStore } from "../src/store/resilient.ts";

/** Times of an event, in ns of this process's clock, in order. */
export interface Stamps {
  /** The bytes have been read. */
  data: number;
  /** The frame has been extracted and parsed. */
  frame: number;
  /** Its facts have been derived. */
  facts: number;
  /** The step is done, and its change is written to the store. */
  commit: number;
  committed: number;
  /** The courier has started to send it. */
  sent: number;
  /** The CRM has answered: the event is settled. */
  settle: number;
  settled: number;
}

/** The event of the switch that causes each event for the CRM, in the played calls. */
const cause: Readonly<Record<string, string>> = {
  ScreenPop: "CHANNEL_PROGRESS",
  CallEstablished: "CHANNEL_ANSWER",
  CallReleased: "CHANNEL_HANGUP",
};

const stamps = new Map<string, Partial<Stamps>>();
const ids = new Map<number, string>();
let data = 0;
let committing: string[] = [];

function of(key: string): Partial<Stamps> {
  const known = stamps.get(key);
  if (known) return known;
  const fresh = {};
  stamps.set(key, fresh);
  return fresh;
}

function keyOf({ name, call }: CrmEvent & { readonly call?: string }): string {
  return `${call} ${name}`;
}

/** Wraps a method: `around` gets the original one. */
function wrap<T, K extends keyof T>(prototype: T, name: K, around: (was: T[K]) => T[K]): void {
  prototype[name] = around(prototype[name]);
}

wrap(FrameParser.prototype, "_onData", (was) =>
  function (this: FrameParser, bytes) {
    data = Bun.nanoseconds();
    return was.call(this, bytes);
  });

wrap(Translator.prototype, "frame", (was) =>
  function (this: Translator, frame) {
    const begun = Bun.nanoseconds();
    const facts = was.call(this, frame);
    const name = Object.keys(cause).find((event) => cause[event] === frame["Event-Name"]);
    if (name !== undefined) Object.assign(of(`${frame["Unique-ID"]} ${name}`), { data, frame: begun, facts: Bun.nanoseconds() });
    return facts;
  });

wrap(SafeStore.prototype, "commit", (was) =>
  function (this: SafeStore, change, now) {
    committing = change.send.map(({ event }) => keyOf(event as CrmEvent & { call?: string }));
    const commit = Bun.nanoseconds();
    const added = was.call(this, change, now);
    const committed = Bun.nanoseconds();
    for (const key of committing) Object.assign(of(key), { commit, committed });
    for (const { id, event } of added) ids.set(id, keyOf(event as CrmEvent & { call?: string }));
    return added;
  });

wrap(Courier.prototype, "add", (was) =>
  function (this: Courier, events) {
    was.call(this, events);
    for (const key of committing) of(key).sent = Bun.nanoseconds();
  });

wrap(SafeStore.prototype, "settle", (was) =>
  function (this: SafeStore, id, ...rest) {
    const settle = Bun.nanoseconds();
    was.call(this, id, ...rest);
    Object.assign(of(ids.get(id) ?? ""), { settle, settled: Bun.nanoseconds() });
  });

/** Commands: `p` returns the time, `d` everything recorded so far, on one line. */
await Bun.connect({
  hostname: "127.0.0.1",
  port: Number(process.env["BENCH_PROBE_PORT"]),
  socket: {
    data: (socket, asked) => {
      for (const command of asked.toString()) {
        socket.write(command === "p" ? `${Bun.nanoseconds()}\n` : `${JSON.stringify([...stamps])}\n`);
      }
    },
    error: () => {},
  },
});
