import { describe, expect, test } from "bun:test";
import { type Call, newCall } from "../../src/core/call.ts";
import { type Desk, newDesk } from "../../src/core/desk.ts";
import type { Input } from "../../src/core/input.ts";
import { type Disposition, endedCalls } from "../../src/core/disposition.ts";

const party = (outside: boolean, direction: "inbound" | "outbound") => ({ identity: "14155550123", outside, direction });
const registration = { agent: "A", address: "10.0.0.7", port: 8080 };
const inbound: Call = { ...newCall("c1", "called", registration, 0), legs: ["c1"], party: party(true, "inbound") };
const rang: Call = { ...inbound, rang: true };
const dialled: Call = { ...newCall("c1", "keypad", registration, 0), legs: ["c1"], party: party(true, "outbound") };
const withCalls = (...calls: Call[]): Desk => ({ ...newDesk("1001"), calls });
const ends = (cause: string): Input => ({
  type: "line",
  event: { type: "leg", facts: { desk: "1001", leg: "c1", ended: { cause, why: "" } } },
});
const look: Input = { type: "line", event: { type: "snapshot", desks: ["1001"], legs: [] } };
const command = { type: "dial", desk: "1001", call: "c1", number: "1" } as const;

describe("a call", () => {
  const cases: [string, Call, Input, Disposition][] = [
    ["that was talked on, however it ends", { ...rang, answered: true }, ends("USER_BUSY"), "answered"],
    ["whose caller gave up", rang, ends("ORIGINATOR_CANCEL"), "abandoned"],
    ["that nobody answered", rang, ends("NO_ANSWER"), "no_answer"],
    ["that a colleague's phone took", rang, ends("LOSE_RACE"), "elsewhere"],
    ["that the agent rejected on a phone that says busy", rang, ends("USER_BUSY"), "rejected"],
    ["to a phone that was busy", inbound, ends("USER_BUSY"), "busy"],
    ["to a number that was busy", { ...dialled, rang: true }, ends("USER_BUSY"), "busy"],
    ["that was refused", dialled, ends("CALL_REJECTED"), "rejected"],
    ["that ended while the link was down", rang, look, "unknown"],
    ["that was refused over SIP", dialled, ends("rejected 603"), "rejected"],
    ["refused without a status", dialled, ends("rejected"), "rejected"],
    ["to a number that SIP does not know", dialled, ends("rejected 404"), "failed"],
    ["to a number that SIP says is busy", dialled, ends("rejected 486"), "busy"],
    ["rejected on a SIP phone that has rung", rang, ends("rejected 486"), "rejected"],
    ["whose caller gave up, over SIP", rang, ends("cancelled"), "abandoned"],
    ["cancelled, with its status", rang, ends("cancelled 487"), "abandoned"],
    ["a dialog that ended without a reason", rang, ends("terminated"), "unknown"],
    ["of a phone that is away", dialled, ends("SIP 480"), "no_answer"],
    ["whose answer nobody reports", { ...dialled, rang: true, answerUnreported: true }, ends("local-bye"), "unknown"],
    ["whose phone never answered the switch", rang, ends("NO_USER_RESPONSE"), "no_answer"],
    ["that rang for as long as it may", rang, ends("ALLOTTED_TIMEOUT"), "no_answer"],
    ["that never began to ring in time", inbound, ends("PROGRESS_TIMEOUT"), "no_answer"],
    ["that the switch hung up before it was answered", rang, ends("NORMAL_CLEARING"), "abandoned"],
    ["that a colleague picked up", rang, ends("PICKED_OFF"), "elsewhere"],
    ["that was transferred away while it rang", rang, ends("BLIND_TRANSFER"), "elsewhere"],
    ["that was transferred away after a consultation", rang, ends("ATTENDED_TRANSFER"), "elsewhere"],
    ["that the phone ended before the answer", dialled, ends("local-bye"), "abandoned"],
    ["that the far end ended before the answer", rang, ends("remote-bye"), "abandoned"],
    ["whose dialog timed out", rang, ends("timeout"), "no_answer"],
    ["whose dialog was replaced", rang, ends("replaced"), "elsewhere"],
    ["rejected because of a timeout", dialled, ends("rejected 408"), "no_answer"],
    ["busy everywhere", dialled, ends("rejected 600"), "busy"],
    ["cancelled, with a status that says nothing more", rang, ends("cancelled 410"), "abandoned"],
    ["of a status that says nothing", dialled, ends("SIP 500"), "failed"],
    ["of a cause that is new to us", dialled, ends("UNALLOCATED_NUMBER"), "failed"],
    ["of a cause that is a trap", dialled, ends("constructor"), "failed"],
    [
      "whose phone could not be rung",
      dialled,
      { type: "line", event: { type: "result", command, result: { outcome: "failed", cause: "USER_NOT_REGISTERED", why: "" } } },
      "failed",
    ],
    [
      "whose end came before the result of the command",
      dialled,
      { type: "line", event: { type: "result", command, result: { outcome: "done" } } },
      "unknown",
    ],
    ["whose leg continues with another party", rang, {
      type: "line",
      event: { type: "leg", facts: { desk: "1001", leg: "c1" } },
    }, "elsewhere"],
    ["of which nothing came", dialled, { type: "wake" }, "unknown"],
  ];
  test.each(cases)("%s", (_, call, input, disposition) => {
    expect(endedCalls(withCalls(call), withCalls(), input)).toEqual([expect.objectContaining({ call, disposition })]);
  });

  test.each(
    [
      ["inbound", inbound],
      ["outbound", dialled],
      ["internal", { ...inbound, party: party(false, "inbound") }],
      ["internal", { ...newCall("c1", "called", registration, 0) }],
    ] as const,
  )(
    "is %s by its party",
    (kind, call) => expect(endedCalls(withCalls(call), withCalls(), look)).toEqual([expect.objectContaining({ kind })]),
  );

  test("that continues, changed or not, has not ended; another one has", () => {
    const desk = withCalls(inbound);
    expect(endedCalls(desk, desk, ends("NO_ANSWER"))).toEqual([]);
    expect(endedCalls(desk, withCalls(rang), look)).toEqual([]);
    const second = { ...dialled, id: "c2", legs: ["c2"] };
    expect(endedCalls(withCalls(inbound, second), withCalls(rang), look).map(({ call }) => call.id)).toEqual(["c2"]);
  });
});
