/** Whether a phone is registered, from the states of its endpoints. */
import { expect, test } from "bun:test";
import type { LineEvent } from "../../../src/core/line.ts";
import { Phones } from "../../../drivers/asterisk/phones.ts";

function rig() {
  const events: LineEvent[] = [];
  const phones = new Phones("PJSIP", (event) => events.push(event));
  const note = (state: string, endpoint = "1001") => phones.note({ desk: "1001", endpoint, state });
  return { phones, note, states: () => events.map((event) => event.type === "phone" && event.registered), events };
}

test("each change is reported once", () => {
  const { note, states } = rig();
  for (const state of ["online", "online", "offline", "offline", "online"]) note(state);
  expect(states()).toEqual([true, false, true]);
});

test("one of several endpoints is enough, and the last one that goes counts", () => {
  const { note, states } = rig();
  note("online");
  note("offline", "mobile1");
  expect(states()).toEqual([true]);
  note("offline");
  expect(states()).toEqual([true, false]);
});

test("an unknown state reports nothing, a missing endpoint is named", () => {
  const { note, events } = rig();
  note("unknown");
  expect(events).toEqual([]);
  note("missing");
  expect(events).toMatchObject([{ registered: false, why: expect.stringContaining("no endpoint PJSIP/1001") }]);
});

test("a MakeCall or a call shows the state before the switch does", () => {
  const { phones, note, states } = rig();
  note("online");
  phones.onUnregistered("1001");
  expect(phones.isUnregistered("1001")).toBe(true);
  phones.onReached("1001");
  phones.onReached("1001");
  expect(states()).toEqual([true, false, true]);
});
