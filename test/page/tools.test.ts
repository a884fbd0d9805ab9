/** The doctor and the trace of the page: one for everybody, bounded. */
import { describe, expect, jest, test } from "bun:test";
import type { LogEntry } from "../../src/log/log.ts";
import { wireMessage } from "../../src/commands/follow.ts";
import { DoctorRun } from "../../src/page/doctor-run.ts";
import { Trace, type TracedMessage } from "../../src/page/trace.ts";
import { standStill } from "../support/timers.ts";

const hop = { name: "disk", verdict: "good", message: "Fine.", ms: 1 } as const;

describe("the doctor", () => {
  test("shows each hop as it is known, and runs once at a time", async () => {
    const next = Promise.withResolvers<void>();
    let runs = 0;
    const seen: number[] = [];
    const run = new DoctorRun(async function* () {
      runs += 1;
      yield hop;
      await next.promise;
      yield hop;
    }, () => seen.push(run.model.hops.length));
    const [first, second] = [run.start(), run.start()];
    await second;
    expect([runs, run.isRunning]).toEqual([1, true]);
    next.resolve();
    await first;
    expect([run.isRunning, seen]).toEqual([false, [0, 1, 2, 2]]);
    await run.start();
    expect(runs).toBe(2);
  });

  test("that fails itself reports why", async () => {
    const run = new DoctorRun(async function* () {
      yield hop;
      await Promise.reject(new Error("broken"));
    }, () => {});
    await run.start();
    expect(run.model).toMatchObject({ hops: [hop], trouble: "broken", ended: expect.any(String) });
  });
});

describe("the trace", () => {
  standStill();

  const entry: LogEntry = { level: "trace", text: "Event posted", fields: { body: "<CCTSDK/>" } };
  function rig() {
    const followers = new Set<(entry: LogEntry) => void>();
    const added: TracedMessage[] = [];
    const trace = new Trace({
      follow: (take) => (followers.add(take), () => void followers.delete(take)),
      message: wireMessage,
      added: (message) => added.push(message),
      changed: () => {},
    });
    return { trace, followers, added, log: (entry: LogEntry) => followers.forEach((take) => take(entry)) };
  }

  test("costs nothing while it is off, follows once for all, and ends after ten minutes", () => {
    const { trace, followers, added, log } = rig();
    expect(followers.size).toBe(0);
    trace.start();
    trace.start();
    expect([followers.size, trace.state]).toEqual([1, { until: expect.any(String) }]);
    log(entry);
    log({ level: "info", text: "Call started", fields: {} });
    expect(added).toEqual([expect.objectContaining({ wire: "crm", to: "peer", short: "<CCTSDK/>", id: 1 })]);
    jest.advanceTimersByTime(600_000);
    expect([followers.size, trace.state]).toEqual([0, {}]);
    expect(trace.messages).toHaveLength(1);
  });

  test("passes on at most 50 messages a second, keeps 60, and cuts long ones", () => {
    const { trace, added, log } = rig();
    trace.start();
    const body = "x".repeat(100_000);
    for (let i = 0; i < 500; i++) log({ ...entry, fields: { body } });
    expect(added.length).toBeLessThanOrEqual(100);
    expect(added[0]?.whole).toHaveLength(4000);
    expect(trace.messages).toHaveLength(Math.min(added.length, 60));
    trace.stop();
  });
});
