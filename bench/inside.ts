/**
 * Loaded before telesetd's main (`bun --preload`), and unknown to it: records when each stage of an event starts and ends, by
 * wrapping public methods of the parts, or (BENCH_INSIDE=turns) the processor time of the main thread between two turns of its
 * event loop; processor time, since on a busy machine every process has to wait. The result is the last line of its output.
 */
import { FrameParser } from "../drivers/freeswitch/wire/link.ts";
import { Translator } from "../drivers/freeswitch/translate.ts";
import { text } from "../drivers/freeswitch/wire/event.ts";
import type { CrmEvent } from "../src/core/crm.ts";
import { Courier } from "../src/outbox/courier.ts";
import { SafeStore } from "../src/store/resilient.ts";
import { causes } from "./frames.ts";
import { now, processorTime } from "./measure.ts";

/** The result: times in ms of each event (call and name), and the turns of the loop that took more than a millisecond. */
export interface Inside {
  readonly stamps: readonly (readonly [event: string, Readonly<Record<string, number>>])[];
  readonly turns: readonly { readonly from: number; readonly to: number; readonly ms: number }[];
}

const turns: { from: number; to: number; ms: number }[] = [];
const stamps = new Map<string, Record<string, number>>();
const ids = new Map<number, string>();

function note(key: string, times: Readonly<Record<string, number>>): void {
  stamps.set(key, { ...stamps.get(key), ...times });
}

function keyOf(event: CrmEvent & { readonly call?: string }): string {
  return `${event.call} ${event.name}`;
}

/** Wraps a method: `around` gets the original one. */
function wrap<T, K extends keyof T>(prototype: T, name: K, around: (was: T[K]) => T[K]): void {
  prototype[name] = around(prototype[name]);
}

function recordStages(): void {
  let data = 0;
  let committing: string[] = [];
  wrap(FrameParser.prototype, "_onData", (was) =>
    function (this: FrameParser, bytes) {
      data = now();
      return was.call(this, bytes);
    });
  wrap(Translator.prototype, "frame", (was) =>
    function (this: Translator, frame) {
      const begun = now();
      const facts = was.call(this, frame);
      const [name] = Object.entries(causes).find(([, cause]) => cause === text(frame, "Event-Name")) ?? [];
      if (name) note(`${text(frame, "Unique-ID")} ${name}`, { data, frame: begun, facts: now() });
      return facts;
    });
  wrap(SafeStore.prototype, "commit", (was) =>
    function (this: SafeStore, change, at) {
      committing = change.send.map(({ event }) => keyOf(event));
      const commit = now();
      const added = was.call(this, change, at);
      const committed = now();
      for (const key of committing) note(key, { commit, committed });
      for (const { id, event } of added) ids.set(id, keyOf(event));
      return added;
    });
  wrap(Courier.prototype, "add", (was) =>
    function (this: Courier, events) {
      was.call(this, events);
      for (const key of committing) note(key, { sent: now() });
    });
  wrap(SafeStore.prototype, "settle", (was) =>
    function (this: SafeStore, id, ...rest) {
      const settle = now();
      was.call(this, id, ...rest);
      note(ids.get(id) ?? "", { settle, settled: now() });
    });
}

function recordTurns(): void {
  let [from, last] = [now(), processorTime("/proc/self")];
  setInterval(() => {
    const [to, time] = [now(), processorTime("/proc/self")];
    if (time - last > 1) turns.push({ from, to, ms: time - last });
    [from, last] = [to, time];
  }, 1).unref();
}

if (process.env["BENCH_INSIDE"] === "turns") recordTurns();
else recordStages();
process.on("exit", () => process.stderr.write(`\n${JSON.stringify({ stamps: [...stamps], turns } satisfies Inside)}\n`));
