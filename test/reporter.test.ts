/** Notifications to the service manager, and the watchdog, with a fake notifier and a fake clock. */
import { describe, expect, test } from "bun:test";
import { type DeskStatus, type Status, statusLine } from "../src/status/status.ts";
import { pingEvery, type Reported, Reporter, statusState } from "../src/platform/systemd.ts";

/** A reporter driven by hand: `check` is what its timer would call. */
class Rig {
  readonly sent: string[][] = [];
  readonly warnings: string[] = [];
  time = 0;
  text = "fine";
  why: string | undefined;
  /** The notifier waits for this promise and returns its result. */
  held: Promise<string | undefined> = Promise.resolve(undefined);
  readonly reporter: Reporter;

  constructor(pingMs?: number) {
    this.reporter = new Reporter({
      notify: (...states) => {
        this.sent.push([...states]);
        return this.held;
      },
      now: () => this.time,
      warn: (text, why) => this.warnings.push(`${text}: ${why}`),
      ...(pingMs === undefined ? {} : { pingMs }),
    });
  }

  async ready(): Promise<void> {
    const reported: Reported = { status: () => this.text, stuck: () => this.why };
    await this.reporter.ready(reported);
    this.sent.length = 0;
  }

  /** Advances the clock and runs the timer; returns what was sent. */
  async later(ms: number): Promise<string[]> {
    this.time += ms;
    const before = this.sent.length;
    this.reporter.check();
    await Promise.resolve();
    await new Promise((done) => setImmediate(done));
    return this.sent.slice(before).flat();
  }
}

async function during(rig: Rig, play: () => Promise<void>): Promise<void> {
  await rig.ready();
  try {
    await play();
  } finally {
    await rig.reporter.stop();
  }
}

describe("the reporter", () => {
  test("sends READY and the status at once, and STOPPING at the end", async () => {
    const rig = new Rig();
    await rig.reporter.ready({ status: () => "all well", stuck: () => undefined });
    await rig.reporter.stop("STATUS=gone");
    expect(rig.sent).toEqual([["READY=1", "STATUS=all well"], ["STOPPING=1", "STATUS=gone"]]);
    expect(await rig.later(1000)).toEqual([]);
  });

  test("sends the status only when it has changed", () => {
    const rig = new Rig();
    return during(rig, async () => {
      expect(await rig.later(1000)).toEqual([]);
      rig.text = "not fine";
      expect(await rig.later(1000)).toEqual(["STATUS=not fine"]);
      expect(await rig.later(1000)).toEqual([]);
    });
  });

  test("pings every 15 s, never without a watchdog", async () => {
    const rig = new Rig(15_000);
    await during(rig, async () => {
      const pings: number[] = [];
      for (let second = 0; second < 46; second++) if ((await rig.later(1000)).includes("WATCHDOG=1")) pings.push(second);
      expect(pings).toEqual([0, 15, 30, 45]);
    });
    const without = new Rig();
    await during(without, async () => {
      for (let second = 0; second < 60; second++) expect(await without.later(1000)).toEqual([]);
    });
  });

  test("does not ping while the daemon is stuck, and warns once; pings again afterwards", () => {
    const rig = new Rig(2000);
    return during(rig, async () => {
      expect(await rig.later(2000)).toEqual(["WATCHDOG=1"]);
      rig.why = "the store does not answer";
      for (let time = 0; time < 5; time++) expect(await rig.later(2000)).toEqual([]);
      expect(rig.warnings).toEqual([
        "Watchdog pings stopped: the service manager will restart telesetd: the store does not answer",
      ]);
      rig.why = undefined;
      expect(await rig.later(2000)).toEqual(["WATCHDOG=1"]);
    });
  });

  test("sends one notification at a time, and stop waits for the one in progress", async () => {
    const rig = new Rig(1000);
    await rig.ready();
    const slow = Promise.withResolvers<string | undefined>();
    rig.held = slow.promise;
    rig.text = "changed";
    expect(await rig.later(1000)).toEqual(["STATUS=changed", "WATCHDOG=1"]);
    rig.text = "changed again";
    expect(await rig.later(1000)).toEqual([]);
    const stopped = rig.reporter.stop();
    expect(rig.sent.flat()).not.toContain("STOPPING=1");
    slow.resolve(undefined);
    await stopped;
    expect(rig.sent.at(-1)).toEqual(["STOPPING=1"]);
  });

  test("warns once that systemd-notify is missing", () => {
    const rig = new Rig(1000);
    return during(rig, async () => {
      rig.held = Promise.resolve("spawn systemd-notify ENOENT");
      await rig.later(1000);
      await rig.later(1000);
      expect(rig.warnings).toEqual(["Cannot notify the service manager with systemd-notify: spawn systemd-notify ENOENT"]);
    });
  });

  test("text from the switch cannot start another line of the message", () => {
    expect(statusState("down: bye\nWATCHDOG=trigger\r\u0000x")).toBe("STATUS=down: bye WATCHDOG=trigger x");
  });
});

describe("the watchdog's interval", () => {
  const cases: [string, Record<string, string>, number | undefined][] = [
    ["half of the timeout", { WATCHDOG_USEC: "30000000", WATCHDOG_PID: "7" }, 15_000],
    ["without WATCHDOG_PID it applies to us", { WATCHDOG_USEC: "1000000" }, 500],
    ["none for another process", { WATCHDOG_USEC: "30000000", WATCHDOG_PID: "8" }, undefined],
    ["none without a watchdog", {}, undefined],
    ["none for an invalid value", { WATCHDOG_USEC: "soon" }, undefined],
    ["none for zero", { WATCHDOG_USEC: "0" }, undefined],
  ];
  test.each(cases)("%s", (_, environment, ms) => expect(pingEvery(environment, 7)).toBe(ms as number));
});

describe("the status line", () => {
  const fine: DeskStatus = {
    extension: "1001",
    switch: "up",
    phone: "registered",
    registered: { agent: "7", at: "10.1.2.3:5555" },
    agents: [],
    calls: [],
  };
  const { registered: _, ...nobody } = fine;
  const down: DeskStatus = {
    ...nobody,
    extension: "1002",
    switch: "down",
    trouble: "No connection to the phone system: nothing listens on 10.1.0.5:8021. Calls are not shown until it is back.",
  };
  const status = (desks: DeskStatus[], waiting?: number, storeTrouble?: string): Status => ({
    version: "0",
    config: "",
    upSeconds: 1,
    desks,
    outbox: { waiting: waiting ?? 0 },
    refused: [],
    ...(storeTrouble === undefined ? {} : { storeTrouble }),
  });
  test.each([
    [status([fine]), "desk 1001: phone registered, switch up, UWQ at 10.1.2.3:5555, 0 waiting"],
    [
      status([down], 3),
      "desk 1002: No connection to the phone system: nothing listens on 10.1.0.5:8021, UWQ not registered, 3 waiting",
    ],
    [
      status([fine], 1, "disk full"),
      "desk 1001: phone registered, switch up, UWQ at 10.1.2.3:5555, 1 waiting, store LOST",
    ],
    [status([{ ...fine, phone: "assumed" }]), "desk 1001: phone watched, switch up, UWQ at 10.1.2.3:5555, 0 waiting"],
    [status([fine, fine]), "2 desks: phones registered, switch up, UWQ at 2, 0 waiting"],
    [
      status([fine, down, down], 2),
      "3 desks: 2 in trouble (1002: No connection to the phone system: nothing listens on 10.1.0.5:8021), UWQ at 1, 2 waiting",
    ],
  ])("%#", (given, line) => expect(statusLine(given)).toBe(line));
});
