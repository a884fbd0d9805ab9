/** A fault in telesetd inside the watch of one phone: it is logged, that watch restarts, and nothing else is affected. */
import { afterEach, expect, setDefaultTimeout, spyOn, test } from "bun:test";
import type { SipRequest } from "../../../drivers/sip/wire/message.ts";
import { Stack } from "../../../drivers/sip/wire/stack.ts";
import { Subscription } from "../../../drivers/sip/watch/subscription.ts";
import type { TrackerInput } from "../../../drivers/sip/dialogs/step.ts";
import { DialogTracker } from "../../../drivers/sip/dialogs/tracker.ts";
import { Rig } from "../../support/sip/rig.ts";

setDefaultTimeout(60_000);

const spies: { mockRestore(): void }[] = [];
afterEach(() => {
  for (const spy of spies.splice(0)) spy.mockRestore();
});

const why = (desk: string) => `internal error in telesetd while watching phone ${desk}`;
const fault = new TypeError("undefined is not an object");

/** Makes a method of a class throw, once, the first time that `when` holds. */
function breaks<T extends object>(prototype: T, method: keyof T & string, when: (self: T, input: unknown) => boolean): void {
  const original = prototype[method] as (...args: unknown[]) => unknown;
  let broken = false;
  const spy = spyOn(prototype, method as never).mockImplementation(
    function (this: T, ...args: unknown[]) {
      if (!when(this, args[0]) || broken) return original.apply(this, args);
      broken = true;
      throw fault;
    } as never,
  );
  spies.push(spy);
}

/** Makes the tracker throw, once, at the next input of this type. Gives the types of all inputs from then on. */
function breaksAt(type: TrackerInput["type"]): readonly string[] {
  const inputs: string[] = [];
  breaks(DialogTracker.prototype, "take", (_, input) => (inputs.push((input as TrackerInput).type), inputs.at(-1) === type));
  return inputs;
}

/** The first request of this kind ends in a fault. */
function fails(isIt: (request: SipRequest) => boolean): void {
  let failed = false;
  const send = Stack.prototype.send;
  spies.push(
    spyOn(Stack.prototype, "send").mockImplementation(function (this: Stack, request, watcher) {
      if (failed || !isIt(request)) return send.call(this, request, watcher);
      failed = true;
      setTimeout(() => watcher.failed(fault as never), 0);
    }),
  );
}

const desks = ["1001", "1002"];
const isDown = (desk: string) => (event: { readonly desks?: readonly string[] }) => event.desks?.includes(desk) === true;

/** Desk 1002 continues its call, and 1001 is watched again. */
async function goesOn(rig: Rig, call: string): Promise<void> {
  expect((await rig.next("link-down", isDown("1001"))).why).toBe(why("1001"));
  const from = rig.events.findIndex(({ type }) => type === "link-down");
  await rig.next("link-up", isDown("1001"), from);
  rig.pbx.change(call, { state: "confirmed" });
  await rig.facts(({ desk, answered }) => desk === "1002" && answered === true);
  rig.pbx.rings("14155550999");
  await rig.facts(({ desk, rings, caller }) => desk === "1001" && rings === true && caller?.identity === "14155550999");
  expect(rig.events.filter(({ type }) => type === "link-down")).toHaveLength(1);
  const [line] = rig.lines.filter((line) => line.includes("Internal error while watching a phone"));
  expect(line).toMatch(/^error .*desk=1001 .*undefined is not an object/);
}

/** Two desks, with a call at 1002. */
async function office(): Promise<{ rig: Rig; call: string }> {
  const rig = await Rig.open({ desks, timeFlows: true });
  for (const desk of desks) await rig.next("phone", (event) => event.desk === desk);
  const { id } = rig.pbx.rings("14155550123", "1002");
  await rig.facts(({ desk, rings }) => desk === "1002" && rings === true);
  return { rig, call: id };
}

test("in a document", async () => {
  const { rig, call } = await office();
  await using _ = rig;
  breaksAt("document");
  rig.pbx.publish("1001");
  await goesOn(rig, call);
});

test("in a renewal", async () => {
  const { rig, call } = await office();
  await using _ = rig;
  fails(({ method, dialog }) => method === "SUBSCRIBE" && dialog !== undefined);
  const [sub] = [...rig.pbx.subscriptions.values()].filter(({ extension }) => extension === "1001");
  if (!sub) throw new Error("Cannot find the subscription of 1001");
  // An unreadable document is requested again.
  rig.pbx.notify(sub, { body: "hello" });
  await goesOn(rig, call);
});

test("in each new subscription: with growing pauses, the other desk unaffected", async () => {
  const begin = Subscription.prototype.begin;
  let faults = 0;
  const times: number[] = [];
  spies.push(
    spyOn(Subscription.prototype, "begin").mockImplementation(function (this: Subscription) {
      if (faults++ >= 6 || faults % 2 === 0) return begin.call(this);
      times.push(performance.now());
      return Promise.reject(fault);
    }),
  );
  await using rig = await Rig.open({ desks, timeFlows: true });
  await rig.next("link-down", ({ why: text }) => text === why("1001"));
  await rig.next("phone", ({ desk }) => desk === "1002");
  rig.pbx.rings("14155550123", "1002");
  await rig.facts(({ desk, rings }) => desk === "1002" && rings === true);
  await rig.next("phone", ({ desk }) => desk === "1001");
  expect(times.length).toBeGreaterThan(0);
});

test("in the news from a dial", async () => {
  const { rig, call } = await office();
  await using _ = rig;
  breaksAt("far");
  expect(await rig.dial()).toEqual({ outcome: "done" });
  await rig.next("link-down", isDown("1001"));
  await rig.until(() => rig.pbx.count("BYE") === 1);
  await goesOn(rig, call);
});

test("that the believed state of the calls causes repeatedly: this state is forgotten", async () => {
  const rig = await Rig.ready({ timeFlows: true });
  await using _ = rig;
  const { id } = rig.pbx.rings("14155550123");
  const { leg } = await rig.facts(({ rings }) => rings === true);
  rig.known = [{ desk: "1001", leg }];
  const inputs = breaksAt("document");
  rig.pbx.publish("1001");
  await rig.next("link-down");
  const from = rig.events.findIndex(({ type }) => type === "link-down");
  // The call that lives keeps its name.
  expect((await rig.next("snapshot", () => true, from)).legs).toMatchObject([{ leg, rings: true }]);
  expect(inputs.filter((type) => type === "forgotten")).toHaveLength(1);
  rig.pbx.change(id, { state: "terminated" });
  expect(await rig.facts(({ ended }) => ended !== undefined)).toMatchObject({ leg });
});

test("in the registration of the box: the whole session starts again, whatever the number of desks", async () => {
  fails(({ method }) => method === "REGISTER");
  await using rig = await Rig.open({ desks, timeFlows: true, config: { register: true } });
  await rig.next("link-down", ({ why: text }) => text === fault.message);
  for (const desk of desks) await rig.next("phone", (event) => event.desk === desk);
});
