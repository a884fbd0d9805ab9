/** What is remembered of dialogs that have ended, of names and of questions, and for how long. */
import { describe, expect, test } from "bun:test";
import type { Dialog } from "../../../../drivers/sip/dialogs/dialog-info.ts";
import { adopt, nameLeg, newLegNames } from "../../../../drivers/sip/dialogs/leg-ids.ts";
import { afterReconnect, learnIdle, namingOf, newNotifier, withSharedId } from "../../../../drivers/sip/dialogs/notifier.ts";
import { newTracker, step, type TrackerState } from "../../../../drivers/sip/dialogs/step.ts";
import { connectedTracker, factsOf } from "../../../support/sip/desk.ts";
import { dialog, end, info } from "../../../support/sip/documents.ts";

const customer = end("sip:14155550123@pbx");
const another = end("sip:14155550999@pbx");
const strict = { userAgent: "Strict/1.0" };
const kamailio = { userAgent: "kamailio (5.6.3)" };
const freeswitch = { userAgent: "FreeSWITCH-mod_sofia/1.11" };
const a = "11111111-aaaa-4bbb-8ccc-00000000000a";
const b = "22222222-aaaa-4bbb-8ccc-00000000000b";

describe("the same id and Call-ID with another caller is another call,", () => {
  const ring = (remote: typeof customer) => dialog("d1", "early", { callId: "c1", remote });
  const over = (part = {}) => dialog("d1", "terminated", { callId: "c1", ...part });
  test("also when the end of the first does not name its caller", () => {
    const phone = connectedTracker();
    for (const [n, one] of [ring(customer), over()].entries()) phone.notify(info(n, "partial", one), strict);
    phone.notify(info(2, "full"), strict);
    expect(factsOf(phone.notify(info(3, "partial", ring(another)), strict).events)).toHaveLength(1);
  });
  test("also when only the end of the first names its caller", () => {
    const phone = connectedTracker();
    phone.notify(info(0, "full"), strict);
    phone.notify(info(1, "partial", dialog("d1", "early", { callId: "c1" })), strict);
    phone.notify(info(2, "partial", over({ remote: customer })), strict);
    expect(factsOf(phone.notify(info(3, "partial", ring(another)), strict).events)).toHaveLength(1);
  });
});

test("a call that rings for a customer does not become our own dial when its report shows our user", () => {
  const phone = connectedTracker();
  phone.notify(info(0, "full", dialog("d1", "early", { callId: "c1", remote: customer })), strict);
  phone.dial({ call: "m1", number: "14155550999" });
  const shown = dialog("d1", "early", { callId: "c1", remote: end("sip:1009@pbx") });
  expect(factsOf(phone.notify(info(1, "partial", shown), strict).events).map(({ call }) => call)).not.toContain("m1");
  expect(phone.legsOf("m1")).toEqual([]);
});

test("the answer to a SUBSCRIBE is not a report that something has happened", () => {
  const phone = connectedTracker();
  const dials = dialog(a, "confirmed", { direction: "initiator", remote: customer });
  phone.notify(info(0, "full", dials), freeswitch);
  expect(factsOf(phone.notify(info(1, "full", dials), freeswitch).events).filter(({ farAnswered }) => farAnswered)).toEqual([]);
});

describe("a later report answers the question whether a call has ended:", () => {
  test("it is held, so it was answered", () => {
    const phone = connectedTracker();
    phone.notify(info(0, "full", dialog(a, "confirmed", { remote: customer })), freeswitch);
    phone.notify(info(1, "full", dialog(b, "early", { remote: another })), freeswitch);
    expect(phone.notify(info(2, "full", dialog(b, "confirmed", { remote: another })), freeswitch).asks).toBeString();
    const held = dialog(b, "early", { remote: another, local: end("sip:1001@pbx", "no") });
    expect(factsOf(phone.notify(info(3, "full", held), freeswitch).events)).toMatchObject([{ leg: b, answered: true }]);
    expect(phone.noAnswer().events).toEqual([]);
  });
  test("it was omitted from a document, and is reported again", () => {
    const phone = connectedTracker();
    phone.notify(info(0, "full"), kamailio);
    phone.notify(info(1, "full", dialog("d1", "early", { callId: "c1", remote: customer })), kamailio);
    expect(phone.notify(info(2, "full"), kamailio).asks).toBeString();
    phone.notify(info(3, "partial", dialog("d1", "confirmed", { callId: "c1", remote: customer })), kamailio);
    expect(phone.noAnswer().events).toEqual([]);
  });
});

test("what is remembered has a limit, however many calls there are", () => {
  let state: TrackerState = newTracker({ desk: "1001", users: ["1001"], self: "1009", seed: "made" });
  ({ state } = step(state, { type: "connected", known: [] }, 0));
  let version = 0;
  const call = (id: string, part: Partial<Dialog>) => {
    for (const shown of ["early", "terminated"] as const) {
      const document = info(version++, "full", dialog(id, shown, part));
      ({ state } = step(state, { type: "document", info: document, envelope: strict }, version));
    }
  };
  for (let n = 0; n < 300; n++) {
    ({ state } = step(state, { type: "dial", dial: { call: `m${n}`, number: "14155550777" } }, n));
    // A name that is used again with another party stands for more than one call.
    call(`line-number-${n}-of-many`, { remote: customer });
    call(`line-number-${n}-of-many`, { remote: another });
  }
  for (let n = 0; n < 300; n++) call(`d${n}`, { callId: `c${n}`, remote: customer });
  const { names, ended, dials, notifier } = state.table;
  expect([names.used, ended.dialogs, dials.dials, notifier.sharedIds].map(({ length }) => length)).toEqual([256, 64, 16, 64]);
});

test("the reliability of a name is known after the next connect too", () => {
  const notifier = afterReconnect(withSharedId(newNotifier(["1001"]), "line-a-0000000001"));
  expect(namingOf(notifier, { id: "line-a-0000000001" })).toBe("phone");
});

test("the end of a call of FreeSWITCH, with nothing but its id, is not an idle phone", () => {
  const notifier = { ...newNotifier(["1001"]), lists: "changed" } as const;
  expect(learnIdle(notifier, [{ id: a, state: "terminated" }])).toEqual(notifier);
});

test("a leg from before a restart is adopted once", () => {
  const notifier = newNotifier(["1001"]);
  const first = nameLeg(adopt(newLegNames("made"), ["old-1"]), notifier, { id: "1" });
  const second = nameLeg(first.names, notifier, { id: "2" });
  expect([first.leg, second.leg]).toEqual(["old-1", "made-1"]);
});

test("a leg that has lived longer than its name is remembered is not adopted by another call", () => {
  const phone = connectedTracker();
  const old = dialog("1", "confirmed", { remote: customer });
  const [leg] = factsOf(phone.notify(info(0, "full", old), strict).events).map(({ leg }) => leg);
  for (let n = 2; n < 300; n++) phone.notify(info(n, "full", old, dialog(`${n}`, "early", { remote: another })), strict);
  phone.connected([leg ?? ""]);
  const { events } = phone.notify(info(0, "full", dialog("9", "early", { remote: another }), old), strict);
  expect(factsOf(events)).toMatchObject([{ leg, caller: { identity: "14155550123" } }, { leg: "fresh-300" }]);
});

test("a forgotten dialog may appear again", () => {
  const phone = connectedTracker();
  const shown = (state: "confirmed" | "terminated") => dialog("d1", state, { callId: "c1", remote: customer });
  phone.notify(info(0, "full", shown("confirmed")), strict);
  phone.notify(info(1, "partial", shown("terminated")), strict);
  phone.take({ type: "forgotten" });
  phone.connected();
  expect(factsOf(phone.notify(info(0, "full", shown("confirmed")), strict).events)).toHaveLength(1);
});
