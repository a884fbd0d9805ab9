/** How long the driver pauses between two connections, on a fake clock. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import fc from "fast-check";
import { longestPause, pauseBefore, shortestPause } from "../../../src/platform/backoff.ts";
import { type ConnectionAttempt, Reconnection, type Session } from "../../../drivers/shared/reconnection.ts";
import type { LineEvent } from "../../../src/core/line.ts";
import { type Log, openLog } from "../../../src/log/log.ts";
import { FakeTimers } from "../../support/timers.ts";

// A backstop: how long many runs of a property take depends on the machine.
setDefaultTimeout(60_000);

async function settle(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await Promise.resolve();
}

/** A line to a switch that accepts connections as scripted; `attempts` counts them. */
class ScriptedLine extends Reconnection<Session> {
  attempts = 0;
  readonly #script: Script;

  constructor(script: Script, log: Log, timers: FakeTimers) {
    super("the switch", { log, timers });
    this.#script = script;
  }

  protected override async connect({ onUp, onSession }: ConnectionAttempt<Session>): Promise<string> {
    onSession({ execute: () => {} });
    if (this.#script(this.attempts++) === "refused") throw new Error("refused");
    onUp({ took: 1 });
    return await Promise.resolve("lost");
  }
}

type Script = (attempt: number) => "refused" | "up and lost";

/** The running line, with its reports and its log. */
class Site implements AsyncDisposable {
  readonly events: LineEvent[] = [];
  readonly lines: string[] = [];
  readonly line: ScriptedLine;
  readonly #timers = new FakeTimers();
  readonly #stop = new AbortController();
  readonly #over: Promise<void>;

  constructor(script: Script) {
    // The longest pause that full jitter can give.
    this.#timers.chance = 1;
    this.line = new ScriptedLine(script, openLog((line) => this.lines.push(line), "info", false), this.#timers);
    this.#over = this.#run();
  }

  async #run(): Promise<void> {
    for await (const event of this.line.events(this.#stop.signal, () => [])) this.events.push(event);
  }

  /** Lets time pass until the next attempt, and gives how long that took, in ms. */
  async nextAttempt(): Promise<number> {
    await settle();
    const before = this.line.attempts;
    for (let ms = 0; ms <= 60_000; ms += 250) {
      if (this.line.attempts > before) return ms;
      this.#timers.advance(250);
      await settle();
    }
    throw new Error("There was no further attempt within a minute");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#over;
  }
}

describe("the pause before the next attempt", () => {
  const attempt = fc.oneof(fc.nat(20), fc.nat(1_000_000));
  const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

  test("is never shorter than 0.5 s, never longer than 30 s", () => {
    fc.assert(fc.property(attempt, random, (n, dice) => {
      expect(pauseBefore(n, dice)).toBeWithin(shortestPause, longestPause);
    }));
    expect([shortestPause, longestPause]).toEqual([500, 30_000]);
  });

  test("is full jitter: between the shortest and twice the longest before, by the random number", () => {
    fc.assert(fc.property(fc.nat(20), random, random, (n, low, high) => {
      if (low <= high) expect(pauseBefore(n, low)).toBeLessThanOrEqual(pauseBefore(n, high));
      expect(pauseBefore(n, low)).toBeLessThanOrEqual(pauseBefore(n + 1, low));
    }));
    expect([0, 1, 2, 5, 6].map((n) => pauseBefore(n, 0))).toEqual([500, 500, 500, 500, 500]);
    expect([0, 1, 2, 5, 6].map((n) => pauseBefore(n, 1))).toEqual([1000, 2000, 4000, 30_000, 30_000]);
  });

  test("grows with each failed attempt, up to 30 s", async () => {
    await using site = new Site(() => "refused");
    const pauses = [];
    for (let n = 0; n < 7; n++) pauses.push(await site.nextAttempt());
    expect(pauses).toEqual([1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
  });

  test("is short again after a connection that was good", async () => {
    await using site = new Site((attempt) => attempt === 4 ? "up and lost" : "refused");
    const pauses = [];
    for (let n = 0; n < 7; n++) pauses.push(await site.nextAttempt());
    expect(pauses).toEqual([1000, 2000, 4000, 8000, 1000, 2000, 4000]);
  });
});

test("a reason is logged once, not at every attempt, and so is the number of failed attempts before the connection", async () => {
  await using site = new Site((attempt) => attempt === 3 ? "up and lost" : "refused");
  for (let n = 0; n < 3; n++) await site.nextAttempt();
  await settle();
  const logged = site.lines.map((line) => /why=\S+|failed=\d+/.exec(line)?.[0]);
  expect(logged).toEqual(["why=refused", "failed=3", "why=lost"]);
  expect(site.events).toEqual(["refused", "refused", "refused", "lost"].map((why) => ({ type: "link-down", why })));
});

test("a command has a session only while there is a connection; afterwards it fails with the reason of the loss", async () => {
  await using site = new Site(() => "up and lost");
  await settle();
  site.line.execute({ type: "dial", desk: "1001", call: "call-1", number: "914155550123" });
  await settle();
  const why = "Cannot dial: the connection to the phone system is down (lost).";
  expect(site.events.at(-1)).toMatchObject({ type: "result", result: { outcome: "failed", cause: "NO_LINK", why } });
});
