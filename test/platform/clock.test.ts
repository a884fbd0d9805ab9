/** A box without a battery-backed clock: its wall clock jumps by hours, but expiry and waiting times stay right. */
import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { clockBy, type ClockMark, type MachineClocks, machineClocks, markFor } from "../../src/platform/clock.ts";
import { done, hour, minute, Office, unreachable } from "../support/faults/office.ts";
import { ownFolder } from "../support/folder.ts";

const folder = ownFolder();

/** A machine whose clocks are set by the test. */
class Machine {
  boot = "boot-1";
  up = 10_000;
  wall = 1_800_000_000_000;

  clocks(): MachineClocks {
    return { boot: this.boot, uptime: () => this.up, wall: () => this.wall };
  }

  pass(ms: number): void {
    this.up += ms;
    this.wall += ms;
  }

  /** Reboots; without a battery the wall clock may then show any time. */
  reboot(wall: number): void {
    this.boot = `boot-${Number(this.boot.slice(5)) + 1}`;
    this.up = 5000;
    this.wall = wall;
  }
}

describe("within one boot", () => {
  test.each([["forward", hour], ["back", -hour], ["to 1970", -1_800_000_000_000]])(
    "the wall clock jumps %s: the mark stays, and time advances with the uptime",
    (_, jump) => {
      const machine = new Machine();
      const mark = markFor(machine.clocks(), undefined, 0);
      const before = clockBy(mark, machine.clocks())();
      machine.wall += jump;
      machine.pass(1234);
      expect(markFor(machine.clocks(), mark, before)).toBe(mark);
      expect(clockBy(mark, machine.clocks())()).toBe(before + 1234);
    },
  );

  test("if the boot id is unknown, a new mark is made, and time still does not go back", () => {
    const machine = new Machine();
    machine.boot = "";
    const mark = markFor(machine.clocks(), undefined, 0);
    const last = clockBy(mark, machine.clocks())();
    machine.wall -= hour;
    machine.pass(10);
    expect(clockBy(markFor(machine.clocks(), mark, last), machine.clocks())()).toBe(last);
  });
});

describe("after another boot", () => {
  test.each([["right", 60_000, 60_000], ["an hour ahead", hour, hour], ["an hour back", -hour, 0], [
    "in 1970",
    -1_790_000_000_000,
    0,
  ]])(
    "whose wall clock is %s: time continues from the last recorded time, or from the wall clock if later",
    (_, jump, later) => {
      const machine = new Machine();
      const mark = markFor(machine.clocks(), undefined, 0);
      const last = clockBy(mark, machine.clocks())();
      machine.reboot(machine.wall + jump);
      const fresh = markFor(machine.clocks(), mark, last);
      expect(fresh.boot).toBe("boot-2");
      expect(clockBy(fresh, machine.clocks())()).toBe(last + later);
    },
  );

  test("a later correction of the clock takes effect at the next boot", () => {
    const machine = new Machine();
    const right = machine.wall;
    machine.wall = 1000;
    const mark = markFor(machine.clocks(), undefined, 0);
    machine.pass(500);
    machine.wall = right;
    expect(clockBy(mark, machine.clocks())()).toBe(1500);
    machine.reboot(right + minute);
    expect(clockBy(markFor(machine.clocks(), mark, 1500), machine.clocks())()).toBe(right + minute);
  });
});

describe("the machine's own clocks", () => {
  test("agree with the kernel to a tenth of a second, so that time does not jump when the daemon restarts", () => {
    const { uptime, boot } = machineClocks();
    const kernel = Number.parseFloat(readFileSync("/proc/uptime", "utf8")) * 1000;
    expect(Math.abs(uptime() - kernel)).toBeLessThan(100);
    expect(boot).toBe(readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim());
  });
});

/** An outbox on a machine, with restarts of the daemon and of the machine; time is restored from the store. */
class OnMachine {
  readonly machine = new Machine();
  readonly office: Office;
  #now: () => number;

  constructor(path: string) {
    this.office = new Office({ path, now: () => this.#now() });
    this.#now = this.#takeUp();
  }

  /** Opens the clock as src/app.ts does. */
  #takeUp(): () => number {
    const { mark, last } = this.office.store.clock();
    const current: ClockMark = markFor(this.machine.clocks(), mark, last);
    this.office.store.setClock(current);
    return clockBy(current, this.machine.clocks());
  }

  /** Restarts the daemon. */
  async restart(): Promise<void> {
    await this.office.close();
    this.#now = () => 0;
    this.office.reopen();
    this.#now = this.#takeUp();
    this.office.courier.sendDue();
  }

  async pass(ms: number): Promise<void> {
    for (let gone = 0; gone < ms; gone += 1000) {
      this.machine.pass(1000);
      await this.office.pass(1000);
    }
  }
}

let stores = 0;
const jumps: readonly (readonly [string, number])[] = [["an hour forward", hour], ["an hour back", -hour], [
  "to 1970",
  -1_800_000_000_000,
]];
const starts = ["nothing else happens", "the daemon restarts", "the box reboots"] as const;
const cases = jumps.flatMap(([jump, by]) => starts.map((start) => ({ jump, by, start })));

async function jumpOn(machine: OnMachine, by: number, start: (typeof starts)[number]): Promise<void> {
  machine.machine.wall += by;
  if (start === "the box reboots") machine.machine.reboot(machine.machine.wall);
  if (start !== "nothing else happens") await machine.restart();
}

/** After a reboot, a jump of the clock cannot be distinguished from an hour without power: see below. */
const decidable = cases.filter(({ by, start }) => by < 0 || start !== "the box reboots");

describe("the wall clock jumps", () => {
  test.each(decidable)(
    "$jump and $start: a waiting ScreenPop is delivered when the CRM is back a minute later, neither expired nor delayed",
    async ({ by, start }) => {
      const on = new OnMachine(join(folder, `${++stores}.db`));
      on.office.answer = unreachable;
      on.office.send("c1", "ScreenPop");
      await on.pass(30_000);
      await jumpOn(on, by, start);
      await on.pass(30_000);
      on.office.answer = done;
      await on.pass(5000);
      expect(on.office.arrived()).toEqual(["ScreenPop c1"]);
      await on.office.close();
    },
  );

  test.each(cases.filter(({ start }) => start !== "the box reboots"))(
    "$jump and $start: a ScreenPop expires at two minutes, not earlier or later",
    async ({ by, start }) => {
      const on = new OnMachine(join(folder, `${++stores}.db`));
      on.office.answer = unreachable;
      on.office.send("c1", "ScreenPop");
      await on.pass(60_000);
      await jumpOn(on, by, start);
      await on.pass(58_000);
      expect(on.office.fates("c1")).toEqual(["ScreenPop waits"]);
      await on.pass(3000);
      expect(on.office.fates("c1")).toEqual(["ScreenPop discarded"]);
      await on.office.close();
    },
  );

  test("an hour forward and a reboot: maybe an hour without power, so a ScreenPop has expired, a CallReleased has not", async () => {
    const on = new OnMachine(join(folder, `${++stores}.db`));
    on.office.send("c1", "ScreenPop");
    await on.pass(1000);
    on.office.answer = unreachable;
    on.office.send("c1", "CallReleased");
    on.office.send("c2", "ScreenPop");
    await on.pass(1000);
    await jumpOn(on, hour, "the box reboots");
    on.office.answer = done;
    await on.pass(5000);
    expect(on.office.arrived()).toEqual(["ScreenPop c1", "CallReleased c1"]);
    expect(on.office.fates("c2")).toEqual(["ScreenPop discarded"]);
    await on.office.close();
  });
});
