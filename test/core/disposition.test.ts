import { describe, expect, test } from "bun:test";
import { type Call, kindOf, newCall } from "../../src/core/call.ts";
import { type Disposition, dispositionOf } from "../../src/core/disposition.ts";

const party = (outside: boolean, direction: "inbound" | "outbound") => ({ identity: "14155550123", outside, direction });
const registration = { agent: "A", address: "10.0.0.7", port: 8080 };
const inbound: Call = { ...newCall("c1", "called", registration, 0), legs: ["c1"], party: party(true, "inbound") };
const rang: Call = { ...inbound, rang: true };
const dialled: Call = { ...newCall("c1", "keypad", registration, 0), legs: ["c1"], party: party(true, "outbound") };

describe("a call", () => {
  const cases: [string, Call, string, Disposition][] = [
    ["that was talked on, however it ends", { ...rang, answered: true }, "USER_BUSY", "answered"],
    ["whose caller gave up", rang, "ORIGINATOR_CANCEL", "abandoned"],
    ["that nobody answered", rang, "NO_ANSWER", "no_answer"],
    ["that a colleague's phone took", rang, "LOSE_RACE", "elsewhere"],
    ["that the agent rejected on a phone that says busy", rang, "USER_BUSY", "rejected"],
    ["to a phone that was busy", inbound, "USER_BUSY", "busy"],
    ["to a number that was busy", { ...dialled, rang: true }, "USER_BUSY", "busy"],
    ["that was refused", dialled, "CALL_REJECTED", "rejected"],
    ["that ended while the link was down", rang, "GONE", "unknown"],
    ["that was refused over SIP", dialled, "rejected 603", "rejected"],
    ["refused without a status", dialled, "rejected", "rejected"],
    ["to a number that SIP does not know", dialled, "rejected 404", "failed"],
    ["to a number that SIP says is busy", dialled, "rejected 486", "busy"],
    ["rejected on a SIP phone that has rung", rang, "rejected 486", "rejected"],
    ["whose caller gave up, over SIP", rang, "cancelled", "abandoned"],
    ["cancelled, with its status", rang, "cancelled 487", "abandoned"],
    ["a dialog that ended without a reason", rang, "terminated", "unknown"],
    ["of a phone that is away", dialled, "SIP 480", "no_answer"],
    ["whose answer nobody reports", { ...dialled, rang: true, answerUnreported: true }, "local-bye", "unknown"],
    ["whose phone never answered the switch", rang, "NO_USER_RESPONSE", "no_answer"],
    ["that rang for as long as it may", rang, "ALLOTTED_TIMEOUT", "no_answer"],
    ["that never began to ring in time", inbound, "PROGRESS_TIMEOUT", "no_answer"],
    ["that the switch hung up before it was answered", rang, "NORMAL_CLEARING", "abandoned"],
    ["that a colleague picked up", rang, "PICKED_OFF", "elsewhere"],
    ["that was transferred away while it rang", rang, "BLIND_TRANSFER", "elsewhere"],
    ["that was transferred away after a consultation", rang, "ATTENDED_TRANSFER", "elsewhere"],
    ["that the phone ended before the answer", dialled, "local-bye", "abandoned"],
    ["that the far end ended before the answer", rang, "remote-bye", "abandoned"],
    ["whose dialog timed out", rang, "timeout", "no_answer"],
    ["whose dialog was replaced", rang, "replaced", "elsewhere"],
    ["rejected because of a timeout", dialled, "rejected 408", "no_answer"],
    ["busy everywhere", dialled, "rejected 600", "busy"],
    ["cancelled, with a status that says nothing more", rang, "cancelled 410", "abandoned"],
    ["of a status that says nothing", dialled, "SIP 500", "failed"],
    ["of a cause that is new to us", dialled, "UNALLOCATED_NUMBER", "failed"],
    ["of a cause that is a trap", dialled, "constructor", "failed"],
    [
      "whose phone could not be rung",
      dialled,
      "USER_NOT_REGISTERED",
      "failed",
    ],
    ["whose leg continues with another party", rang, "PARTY_CHANGED", "elsewhere"],
    ["of which nothing came", dialled, "UNKNOWN", "unknown"],
  ];
  test.each(cases)("%s", (_, call, cause, disposition) => expect(dispositionOf(call, cause)).toBe(disposition));

  test.each(
    [
      ["inbound", inbound],
      ["outbound", dialled],
      ["internal", { ...inbound, party: party(false, "inbound") }],
      ["internal", { ...newCall("c1", "called", registration, 0) }],
    ] as const,
  )("is %s by its party", (kind, call) => expect(kindOf(call)).toBe(kind));
});
