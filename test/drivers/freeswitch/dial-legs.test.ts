/** Which of several contacts' causes is the reason of a dial. */
import { describe, expect, test } from "bun:test";
import { DialLegs } from "../../../drivers/freeswitch/dial-legs.ts";

/** `rings USER_BUSY`, `NO_ANSWER`, `rings`: whether a contact's phone rang, and how its leg ended. */
function causeOf(contacts: readonly string[], reported: string): string {
  const legs = new DialLegs();
  contacts.forEach((contact, index) => {
    const leg = { desk: "1001", leg: `L${index}` };
    legs.note(leg);
    if (contact.startsWith("rings")) legs.note({ ...leg, rings: true });
    const cause = contact.replace(/^rings ?/, "");
    if (cause !== "") legs.note({ ...leg, ended: { cause, why: "" } });
  });
  return legs.cause(reported);
}

describe("the reason of a dial", () => {
  const cases: [string, string[], string, string][] = [
    ["no leg was seen: what the switch reports", [], "USER_NOT_REGISTERED", "USER_NOT_REGISTERED"],
    ["no leg was seen, and time is up", [], "NO_ANSWER", "NO_ANSWER"],
    ["one phone rang and was not answered", ["rings NO_ANSWER"], "NO_ANSWER", "NO_ANSWER"],
    ["one phone declined", ["rings CALL_REJECTED"], "CALL_REJECTED", "CALL_REJECTED"],
    ["one phone is busy without ringing", ["USER_BUSY"], "USER_BUSY", "USER_BUSY"],
    [
      "a stale contact first, the phone declined",
      ["NORMAL_TEMPORARY_FAILURE", "rings USER_BUSY"],
      "NORMAL_TEMPORARY_FAILURE",
      "USER_BUSY",
    ],
    ["the phone declined first, a stale contact", ["rings USER_BUSY", "NO_ANSWER"], "NO_ANSWER", "USER_BUSY"],
    [
      "a stale contact, the phone rang in vain",
      ["NORMAL_TEMPORARY_FAILURE", "rings NO_ANSWER"],
      "NORMAL_TEMPORARY_FAILURE",
      "NO_ANSWER",
    ],
    ["one declined, the other rang in vain", ["rings NO_ANSWER", "rings USER_BUSY"], "NO_ANSWER", "USER_BUSY"],
    ["one busy without ringing, the other rang in vain", ["USER_BUSY", "rings NO_ANSWER"], "USER_BUSY", "NO_ANSWER"],
    [
      "one lost its network while it rang, the other rang in vain",
      ["rings DESTINATION_OUT_OF_ORDER", "rings NO_ANSWER"],
      "DESTINATION_OUT_OF_ORDER",
      "NO_ANSWER",
    ],
    ["codecs", ["NO_ANSWER", "rings INCOMPATIBLE_DESTINATION"], "NO_ANSWER", "INCOMPATIBLE_DESTINATION"],
    ["the phone's end is yet to come", ["NORMAL_TEMPORARY_FAILURE", "rings"], "NO_ANSWER", "NO_ANSWER"],
    ["one busy, the other never responded", ["NO_ANSWER", "USER_BUSY"], "NO_ANSWER", "USER_BUSY"],
    ["no phone responded until the time was up", ["NO_ANSWER", "NO_ANSWER"], "NO_ANSWER", "RECOVERY_ON_TIMER_EXPIRE"],
    [
      "nobody can be reached",
      ["NORMAL_TEMPORARY_FAILURE", "NORMAL_TEMPORARY_FAILURE"],
      "NORMAL_TEMPORARY_FAILURE",
      "NORMAL_TEMPORARY_FAILURE",
    ],
  ];
  test.each(cases)("%s: %j, reported %s: %s", (_, contacts, reported, cause) => expect(causeOf(contacts, reported)).toBe(cause));

  test("the first end of a leg counts", () => {
    const legs = new DialLegs();
    const leg = { desk: "1001", leg: "L1" };
    legs.note({ ...leg, rings: true });
    legs.note({ ...leg, ended: { cause: "USER_BUSY", why: "" } });
    legs.note({ ...leg, ended: { cause: "NORMAL_CLEARING", why: "" } });
    expect([legs.cause("X"), legs.areUnseen, legs.has("L1"), legs.has("L2")]).toEqual(["USER_BUSY", false, true, false]);
  });
});
