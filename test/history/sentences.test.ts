/** Every reason and every moment has a sentence, and every sentence belongs to a reason. */
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Moment } from "../../src/core/call.ts";
import { dispositions } from "../../src/core/disposition.ts";
import { reasonCodes } from "../../src/core/reason.ts";
import { type AnyReason, dispositionTexts, momentText, reasonSentences, reasonText } from "../../src/history/sentences.ts";

const pattern = "^\\d{2,5}$";

/** An example of each reason, with its sentence. */
const examples: readonly (readonly [AnyReason, string])[] = [
  [{ code: "internal-number", number: "1002", pattern }, "Internal call: 1002 matches numbers.internal (^\\d{2,5}$)."],
  [{ code: "feature-code", number: "*98" }, "Internal call: *98 is a feature code, because it starts with * or #."],
  [{ code: "name", identity: "alice" }, 'Internal call: the identity "alice" is not a number.'],
  [{ code: "withheld-inside" }, "The number is withheld, and nothing shows that the caller is from outside."],
  [{ code: "unknown-party" }, "The switch has not reported who the other party is."],
  [
    { code: "dialled-unreported" },
    "The phone system did not report the number that the phone has dialled, or whose call it has picked up.",
  ],
  [{ code: "number-never-rang" }, "The number never rang (USER_BUSY): is it busy or wrong?"],
  [{ code: "never", kind: "inbound" }, "screenPop.inbound is never."],
  [{ code: "not-answered", kind: "outbound" }, "screenPop.outbound is answer, and the call was not answered."],
  [{ code: "phone-never-rang" }, "The phone never rang (USER_BUSY)."],
  [{ code: "redirected-by-phone" }, "The phone has forwarded the call to another place, and never rang."],
  [{ code: "forwarded-by-switch", to: "14155550999" }, "The call was forwarded elsewhere, to 14155550999: the phone never rang."],
  [{ code: "forwarded-by-switch" }, "The call was forwarded elsewhere: the phone never rang."],
  [{ code: "handset-never-rang" }, "MakeCall: the phone never rang (USER_BUSY)."],
  [{ code: "handset-not-answered" }, "MakeCall: the phone rang, and nobody answered it (USER_BUSY)."],
  [{ code: "nobody-called" }, "The switch called nobody for this number (USER_BUSY): is the number wrong?"],
  [{ code: "far-end-never-rang" }, "The number was called, and never rang (USER_BUSY)."],
  [
    { code: "dial-unknown", why: "telesetd was restarted" },
    "telesetd was restarted: it is not known whether the number was dialled.",
  ],
  [{ code: "end-not-seen" }, "The call ended while the switch was not connected; nothing had rung before."],
  [{ code: "nobody-registered", desk: "1001" }, "Nobody was registered at desk 1001 when the call began."],
  [{ code: "withheld" }, "The number is withheld: occtANI is empty."],
  [{ code: "caller-unreported" }, "The phone system did not report who calls: occtANI is empty."],
  [{ code: "no-number", identity: "alice" }, 'The identity "alice" is not a number: occtANI is empty.'],
  [
    { code: "number-too-long", digits: 41, most: 40 },
    "The number has 41 digits, and the CRM takes at most 40: occtANI is empty.",
  ],
  [{ code: "number-is-zero" }, "Only zeros are left of the number, which would match everybody: occtANI is empty."],
  [{ code: "internal-number-hidden" }, "Internal calls carry no number: occtANI is empty."],
  [
    { code: "answer-unreported" },
    "This phone system does not report whether the number answers: CallEstablished is not sent.",
  ],
  [
    { code: "not-delivered", events: ["ScreenPop"], why: "too old after 120 s" },
    "The CRM did not get the ScreenPop: too old after 120 s.",
  ],
  [
    { code: "not-delivered", events: ["ScreenPop", "CallEstablished", "CallReleased"], why: "too old" },
    "The CRM did not get the ScreenPop, the CallEstablished and the CallReleased: too old.",
  ],
  [{ code: "waiting", events: ["ScreenPop"], why: "no answer" }, "Not delivered yet: ScreenPop: no answer."],
  [
    { code: "agent-unregistered", events: ["CallReleased"], agent: "A7", desk: "1001" },
    "Agent A7 has unregistered from desk 1001: the CRM did not get the CallReleased.",
  ],
  [
    { code: "address-taken", events: ["ScreenPop", "CallReleased"], agent: "A7" },
    "Another agent has registered at the address of agent A7, who must log in to UWQ again. Not delivered yet: ScreenPop, CallReleased.",
  ],
  [{ code: "no-longer-on-record" }, "Its events are no longer on record (store.keepRecords)."],
];

test.each(examples)("%p", (reason, sentence) => expect(reasonText(reason, "USER_BUSY")).toBe(sentence));

test("there is an example of every sentence", () => {
  expect([...new Set(examples.map(([{ code }]) => code))].sort()).toEqual(Object.keys(reasonSentences).sort() as never);
});

test("every code of the core has a sentence, and is counted", () => {
  const core = readFileSync(join(import.meta.dir, "../../src/core/reason.ts"), "utf8").replace(
    /export const reasonCodes[^;]*;/,
    "",
  );
  const codes = [...core.matchAll(/readonly code: "([a-z-]+)"/g)].map(([, code]) => code);
  expect(codes.length).toBeGreaterThan(20);
  expect(codes).toEqual([...reasonCodes] as never);
  expect(reasonCodes.filter((code) => !(code in reasonSentences))).toEqual([]);
});

test("docs/calls.md explains every code, and no other", () => {
  const page = readFileSync(join(import.meta.dir, "../../docs/calls.md"), "utf8");
  expect([...page.matchAll(/^\| `([a-z-]+)` /gm)].map(([, code = ""]) => code).sort()).toEqual(
    Object.keys(reasonSentences).sort(),
  );
});

test("without a cause there are no brackets", () =>
  expect(reasonText({ code: "phone-never-rang" })).toBe("The phone never rang."));

const moments: readonly (readonly [Moment, string])[] = [
  [{ at: 0, what: "began" }, "began"],
  [{ at: 0, what: "found" }, "found after a connect to the switch: its beginning was not seen"],
  [{ at: 0, what: "phone-rang" }, "the phone rang"],
  [{ at: 0, what: "lifted" }, "the phone was answered"],
  [{ at: 0, what: "rang" }, "rang"],
  [{ at: 0, what: "answered" }, "answered"],
  [{ at: 0, what: "held" }, "held"],
  [{ at: 0, what: "retrieved" }, "retrieved"],
  [{ at: 0, what: "party", identity: "14155550123", outside: true }, "another party: 14155550123"],
  [{ at: 0, what: "party", identity: "", outside: true }, "another party: withheld"],
  [{ at: 0, what: "party", identity: "1002", outside: false }, "another party: 1002, internal"],
  [{ at: 0, what: "leg-ended", cause: "LOSE_RACE" }, "one of the phones stopped (LOSE_RACE)"],
  [{ at: 0, what: "ended", cause: "NORMAL_CLEARING" }, "ended (NORMAL_CLEARING)"],
  [{ at: 0, what: "transferred", cause: "BLIND_TRANSFER" }, "transferred (BLIND_TRANSFER)"],
];
test.each(moments)("%p", (moment, text) => expect(momentText(moment)).toBe(text));

test("every disposition has a text", () => expect(Object.keys(dispositionTexts).sort()).toEqual([...dispositions].sort()));
