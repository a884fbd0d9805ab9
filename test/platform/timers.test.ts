/** The machine's timers, and the fake timers for tests. */
import { describe, expect, test } from "bun:test";
import { systemTimers } from "../../src/platform/timers.ts";
import { FakeTimers } from "../support/timers.ts";

describe("the machine's timers", () => {
  test("run a function after the time has passed on their clock", async () => {
    const began = systemTimers.now();
    await new Promise<void>((resolve) => systemTimers.after(20, resolve));
    expect(systemTimers.now() - began).toBeGreaterThanOrEqual(19);
  });

  test("do not run a cancelled function", async () => {
    const ran: string[] = [];
    const cancel = systemTimers.after(1, () => ran.push("cancelled"));
    cancel();
    await new Promise<void>((resolve) => systemTimers.after(5, resolve));
    expect(ran).toEqual([]);
  });

  test("return random numbers from 0 to 1", () => {
    const rolls = Array.from({ length: 1000 }, () => systemTimers.random());
    expect(rolls.filter((roll) => roll < 0 || roll >= 1)).toEqual([]);
    expect(new Set(rolls).size).toBeGreaterThan(900);
  });
});

describe("fake timers", () => {
  test("run functions when due, in order, including those scheduled meanwhile", () => {
    const timers = new FakeTimers();
    const ran: string[] = [];
    const note = (name: string) => () => void ran.push(`${name} at ${timers.now()}`);
    timers.after(30, note("late"));
    timers.after(10, note("first"));
    timers.after(10, note("second"));
    timers.after(5, () => timers.after(7, note("nested")));
    const cancel = timers.after(11, note("cancelled"));
    cancel();
    expect(timers.pending).toEqual([5, 10, 10, 30]);
    timers.advance(29);
    expect(ran).toEqual(["first at 10", "second at 10", "nested at 12"]);
    timers.advance(1);
    expect(ran.at(-1)).toBe("late at 30");
    expect(timers.pending).toEqual([]);
  });
});
