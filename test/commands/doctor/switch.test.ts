/** The hops of the switch: each as soon as it is known, also of a driver that fails or hangs. */
import { expect, test } from "bun:test";
import { passedOn } from "../../../src/commands/doctor/switch.ts";

const hop = (name: string) => ({ name, verdict: "good", message: "Fine.", ms: 1 }) as const;

test("a hop is known before the next one is checked", async () => {
  const next = Promise.withResolvers<void>();
  const hops = passedOn(async function* () {
    yield hop("switch");
    await next.promise;
    yield hop("domain");
  })[Symbol.asyncIterator]();
  expect((await hops.next()).value).toEqual(hop("switch"));
  const second = hops.next();
  next.resolve();
  expect((await second).value).toEqual(hop("domain"));
  expect((await hops.next()).done).toBe(true);
});

test("a probe that fails is a failure of the switch, after the hops that are known", async () => {
  const hops = passedOn(async function* () {
    yield hop("switch");
    await Promise.reject(new Error("broken"));
  });
  expect(await Array.fromAsync(hops)).toEqual([
    hop("switch"),
    expect.objectContaining({ name: "switch", verdict: "failed", message: "Cannot check: broken." }),
  ]);
});

test("a probe that hangs, and ignores the signal to stop, ends", async () => {
  const hops = passedOn(async function* () {
    yield hop("switch");
    await new Promise(() => {});
  }, 1);
  const message = "The switch takes more than 0.001 s to answer all questions.";
  expect(await Array.fromAsync(hops)).toEqual([hop("switch"), expect.objectContaining({ verdict: "failed", message })]);
});
