/** The state of each part at a glance: from the status alone, each with what is wrong and the next step. */
import { describe, expect, test } from "bun:test";
import { newCall } from "../../src/core/call.ts";
import { newDesk } from "../../src/core/desk.ts";
import { liveCalls } from "../../src/status/calls.ts";
import { boxParts, deskParts, type Part, worst } from "../../src/status/health.ts";
import { type DeskStatus, type Status, statusText } from "../../src/status/status.ts";
import { wellStatus } from "../support/page/page.ts";

const now = Date.parse("2026-11-27T10:00:00Z");
const [well] = wellStatus.desks as [DeskStatus];

function partsOf(desk: Partial<DeskStatus>, status: Partial<Status> = {}): Record<string, Part> {
  const given = { ...wellStatus, ...status };
  return Object.fromEntries(deskParts({ ...well, ...desk }, given, now).map((part) => [part.name, part]));
}

const boxOf = (status: Partial<Status>): Record<string, Part> =>
  Object.fromEntries(boxParts({ ...wellStatus, ...status }).map((part) => [part.name, part]));

test("a box where all is well: each part is good, and an agent needs no queue", () => {
  expect(Object.values(partsOf({})).map(({ name, state }) => [name, state])).toEqual([
    ["Switch", "good"],
    ["Phone", "good"],
    ["UWQ", "good"],
    ["Agent", "idle"],
  ]);
  expect(Object.values(boxOf({})).map(({ state }) => state)).toEqual(["good", "good"]);
  expect(worst(Object.values(partsOf({})))).toBe("good");
});

describe("what is wrong has its sentence and the next step:", () => {
  const trouble = "No connection to the phone system: connection refused.";
  test("the switch; then nothing is known about the phone", () => {
    const { Switch, Phone } = partsOf({ switch: "down", phone: "unknown", trouble });
    expect(Switch).toMatchObject({ state: "failed", message: trouble, advice: expect.stringContaining("doctor") });
    expect(Phone).toMatchObject({ state: "idle" });
  });

  test("the phone, not registered or not known yet", () => {
    expect(partsOf({ phone: "unregistered", trouble: "Phone 1001 is not registered." })["Phone"]).toMatchObject({
      state: "failed",
      message: "Phone 1001 is not registered.",
    });
    expect(partsOf({ phone: "unknown", trouble: "Not yet known." })["Phone"]).toMatchObject({ state: "warning" });
    expect(partsOf({ phone: "assumed" })["Phone"]).toMatchObject({ state: "good", message: "Its calls are watched." });
  });

  test("UWQ: nobody is registered, a Register was refused, events are not delivered, calls came to nobody", () => {
    const { registered: _, ...nobody } = well;
    const status = { ...wellStatus, desks: [nobody] };
    const uwq = (desk: Partial<DeskStatus>, refused: Status["refused"] = []): Part | undefined =>
      deskParts({ ...nobody, ...desk }, { ...status, refused }, now).find(({ name }) => name === "UWQ");
    expect(uwq({})).toMatchObject({ state: "warning", advice: "Have the agent log in to UWQ." });
    const refusal = {
      name: "Register",
      desk: "9999",
      from: "10.0.0.7",
      why: "unknown extension",
      at: "2026-11-27T09:59:20Z",
      times: 1,
    };
    expect(uwq({}, [refusal as Status["refused"][number]])).toMatchObject({
      state: "warning",
      details: [expect.stringContaining("A Register for extension 9999 from 10.0.0.7 was refused 40 seconds ago")],
      advice: expect.stringContaining("add 9999 to desks"),
    });
    expect(uwq({ unattended: { calls: 2, last: "2026-11-27T09:59:00Z" } })?.details).toEqual([
      expect.stringContaining("2 calls arrived while no agent was registered"),
    ]);
    const undelivered = [{ agent: "SMITH", why: "Nothing listens at 10.1.2.3:5555." }];
    expect(partsOf({ undelivered })["UWQ"]).toMatchObject({
      state: "failed",
      message: "Events for agent SMITH are not delivered: Nothing listens at 10.1.2.3:5555.",
      advice: expect.stringContaining("Have agent SMITH log in to UWQ again"),
    });
  });

  test("the agent: the state, and why it is not what the agent wants", () => {
    expect(partsOf({ agents: [{ agent: "SMITH", mode: "ready" }] })["Agent"]).toMatchObject({
      state: "good",
      message: "SMITH is ready.",
    });
    expect(partsOf({ agents: [{ agent: "SMITH", mode: "not-ready", why: "the phone is gone" }] })["Agent"]).toMatchObject({
      state: "warning",
      message: "SMITH is not ready: the phone is gone.",
    });
    expect(partsOf({ agents: [{ agent: "JONES", mode: "logged-out" }] })["Agent"]).toMatchObject({ state: "idle" });
  });

  test("the store and the outbox; a young event is on its way", () => {
    expect(boxOf({ storeTrouble: "disk full" })["Store"]).toMatchObject({
      state: "failed",
      message: "Lost: events are kept only in memory: disk full",
      advice: "telesetd doctor checks the store and the disk.",
    });
    expect(boxOf({ outbox: { waiting: 1, oldestSeconds: 2 } })["Outbox"]).toMatchObject({ state: "good" });
    expect(boxOf({ outbox: { waiting: 3, oldestSeconds: 300 } })["Outbox"]).toMatchObject({
      state: "warning",
      message: "3 events waiting, the oldest for 5 minutes.",
      advice: expect.stringContaining("Events"),
    });
  });
});

test("calls in progress: the other party is masked, withheld or not known yet", () => {
  const call = newCall("a", "called", { agent: "SMITH", address: "10.1.2.3", port: 1 }, now);
  const party = (identity: string) => ({ ...call, party: { identity, outside: true, direction: "inbound" as const } });
  const calls = [party("+1 (415) 555-0123"), party(""), call, party("1002"), {
    ...party("<b>Sales:4155550123</b>"),
    popped: true,
    rang: true,
  }];
  const [masked, withheld, unknown, inside, named] = liveCalls([{ ...newDesk("1001"), calls }]);
  expect([masked, withheld, unknown, inside].map((live) => live?.who)).toEqual(["...0123", "Withheld", "Not known yet", "1002"]);
  expect(named).toMatchObject({
    who: "...0123",
    desk: "1001",
    kind: "inbound",
    state: "ringing",
    agent: "SMITH",
    sent: ["ScreenPop"],
  });
});

describe("the image:", () => {
  const image = { version: "0.3.0", slot: "A" };
  test("off the image there is no part; where all is well it is good", () => {
    expect(boxOf({})["Image"]).toBeUndefined();
    const update = {
      when: "2026-11-27T02:00:00Z",
      good: true,
      message: "The server has no version that is newer than those on this box; 0.3.0 is running.",
    };
    expect(boxOf({ image: { ...image, waiting: "0.4.0", update } })["Image"]).toEqual({
      name: "Image",
      state: "good",
      message: "Version 0.3.0 in slot A.",
      details: [
        "Version 0.4.0 runs after the next restart.",
        "Last update: The server has no version that is newer than those on this box; 0.3.0 is running.",
      ],
    });
  });
  test("a rejected version, with its reason and the next step", () => {
    const rejected = { version: "0.4.0", why: "telesetd did not become ready." };
    expect(boxOf({ image: { ...image, rejected } })["Image"]).toMatchObject({
      state: "warning",
      details: ["Version 0.4.0 was rejected, and 0.3.0 runs again: telesetd did not become ready."],
      advice: expect.stringContaining("Publish a newer version"),
    });
  });
  test("a failed update", () => {
    const update = {
      when: "2026-11-27T02:00:00Z",
      good: false,
      message: "The server does not answer.",
      advice: "Check update.url.",
    };
    expect(boxOf({ image: { ...image, update } })["Image"]).toMatchObject({
      state: "warning",
      details: ["The last update failed: The server does not answer."],
      advice: "Check update.url.",
    });
  });
  test("telesetd status shows it in its second line", () => {
    expect(statusText({ ...wellStatus, image }, now).split("\n")[1]).toBe("image: 0.3.0 in slot A");
  });
});
