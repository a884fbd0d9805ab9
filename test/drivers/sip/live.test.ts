/** What live switches sent to a subscriber while people did what the notes say, and the events that the CRM must get. */
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { TestDesk } from "../../support/sip/desk.ts";
import { fixtures, readFixture } from "../../support/sip/documents.ts";

/** Neither who calls, even if asked, nor what is dialled; a second call is not distinguished from the first. */
const asterisk = {
  "partner dials 6001: ringing": ["?", "ScreenPop 1"],
  answered: ["CallEstablished 1"],
  "partner hangs up": ["CallReleased 1"],
  "partner dials 6001, gives up": ["?", "ScreenPop 2", "CallReleased 2"],
  "partner dials 6001, 6001 declines": ["?", "ScreenPop 3", "CallReleased 3"],
};

/** The first call continues until the second has ended. */
const asteriskWaiting = {
  "cust calls 1001": ["ScreenPop 1 14155550123"],
  "desk answers": ["CallEstablished 1"],
  "cust2 hangs up": ["CallReleased 1"],
};

/** By what people did; `?` where the full state was requested and did not arrive. */
const live: Record<string, Record<string, string[]>> = {
  "live-freeswitch": {
    "partner dials 1001: ringing": ["ScreenPop 1"],
    answered: ["CallEstablished 1"],
    "partner hangs up": ["CallReleased 1"],
    "partner dials 1001, gives up": ["ScreenPop 2", "CallReleased 2"],
    "partner dials 1001, 1001 declines": ["ScreenPop 3", "CallReleased 3"],
    "1001 dials 914155550123 (carrier rings 2 s, answers)": ["ScreenPop 4 14155550123", "CallEstablished 4"],
    "a second call comes in": ["ScreenPop 5"],
    "it is answered": ["?", "CallEstablished 5"],
    "1001 hangs up (current line)": ["?", "CallReleased 5"],
    "1001 hangs up the other": ["CallReleased 4"],
    "1001 dials, the far end is busy": ["ScreenPop 6 14155550486", "CallReleased 6"],
    "1001 dials, early media 183, given up": ["ScreenPop 7 14155550777", "CallReleased 7"],
  },
  "live-kamailio": {
    "partner dials 2001: ringing": ["ScreenPop 1"],
    answered: ["CallEstablished 1"],
    "partner hangs up": ["CallReleased 1"],
    "partner dials 2001, gives up": ["ScreenPop 2", "CallReleased 2"],
    "partner dials 2001, 2001 declines": ["ScreenPop 3", "CallReleased 3"],
    "2001 dials 914155550123 (carrier rings 2 s, answers)": ["ScreenPop 4 14155550123", "CallEstablished 4"],
    "a second call comes in": ["ScreenPop 5"],
    "it is answered": ["CallEstablished 5"],
    "2001 hangs up (current line)": ["CallReleased 5"],
    "2001 hangs up the other": ["CallReleased 4"],
    "2001 dials, early media 183, given up": ["ScreenPop 6 14155550777", "CallReleased 6"],
  },
  // Nobody is named: all callers are unknown, and the dialled party has no number.
  "live-kamailio-bare": {
    "partner dials 2001: ringing": ["?", "ScreenPop 1"],
    answered: ["CallEstablished 1"],
    "partner hangs up": ["CallReleased 1"],
    "partner dials 2001, gives up": ["?", "ScreenPop 2", "CallReleased 2"],
    "partner dials 2001, 2001 declines": ["?", "ScreenPop 3", "CallReleased 3"],
    "a second call comes in": ["?", "ScreenPop 4"],
    "it is answered": ["CallEstablished 4"],
    "2001 hangs up (current line)": ["CallReleased 4"],
  },
  "live-asterisk-pjsip": asterisk,
  "live-asterisk22-two-in-a-row": {
    "cust calls 1001": ["ScreenPop 1 14155550123"],
    "desk answers": ["CallEstablished 1", "CallReleased 1", "ScreenPop 2 14155550999", "CallEstablished 2", "CallReleased 2"],
  },
  // The second call rings as the first ends: its documents are those of a second call during the first.
  "live-asterisk22-two-in-a-row-at-once": {
    "cust calls 1001": ["ScreenPop 1 14155550123"],
    "desk answers": ["CallEstablished 1", "CallReleased 1"],
  },
  "live-asterisk22-call-waiting": asteriskWaiting,
  "live-asterisk22-call-waiting-early-inuse": asteriskWaiting,
  "live-asterisk22-anonymous": {
    "cust calls 7004": ["ScreenPop 1"],
    "desk answers": ["CallEstablished 1", "CallReleased 1"],
  },
  // The first document of the colleague's call names nobody, and the next comes before the answer to the question.
  "live-asterisk22-answered-at-once": {
    "a colleague calls, the desk answers at once": ["?"],
    "cust calls 1001, the desk answers": ["ScreenPop 1 14155550123", "CallEstablished 1"],
    "the desk hangs up": ["CallReleased 1"],
  },
  "live-asterisk22-keypad": {},
  "live-asterisk22-pickup": {},
  "live-asterisk22-transfer-to-desk": {},
  "live-asterisk22-conference": {},
  "live-asterisk-chan-sip": asterisk,
};

/** The partner is a colleague: where the switch names colleagues, internal calls are reported, so that there are events. */
const named: readonly string[] = ["live-freeswitch", "live-kamailio"];

/** The next document comes before the answer to a question. */
const prompt: readonly string[] = ["live-asterisk22-answered-at-once"];

/** The rows of reasons.list, by recording, in the order in which the calls ended. */
const reasons = Map.groupBy(
  readFileSync(join(import.meta.dir, "../../fixtures/dialog-info/reasons.list"), "utf8").split("\n")
    .filter((row) => row !== "" && !row.startsWith("#")),
  (row) => row.split(" | ")[0] ?? "",
);

const names = fixtures.filter((name) => name.startsWith("live-"));

test.each(names)("%s", (name) => {
  const { userAgent, desk: user, documents } = readFixture(name);
  const desk = new TestDesk({ users: [user] }, named.includes(name) ? { internal: "ring" } : {});
  const sent: Record<string, string[]> = {};
  for (const { note, body } of documents) {
    const before = desk.asked.length;
    const texts = body === "" ? desk.hear(desk.tracker.none()) : desk.notify(body, { userAgent });
    if (desk.asked.length > before) texts.push("?", ...prompt.includes(name) ? [] : desk.hear(desk.tracker.noAnswer()));
    if (texts.length > 0) sent[note] = [...sent[note] ?? [], ...texts];
  }
  expect(sent).toEqual(live[name] ?? {});
  expect(desk.calls).toEqual([]);
});

test.each(names)("%s: each call is on record, with the reason why the CRM got nothing, or less than usual", (name) => {
  const { userAgent, desk: user, documents } = readFixture(name);
  const desk = new TestDesk({ users: [user] });
  for (const { body } of documents) {
    const before = desk.asked.length;
    if (body === "") desk.hear(desk.tracker.none());
    else desk.notify(body, { userAgent });
    if (desk.asked.length > before && !prompt.includes(name)) desk.hear(desk.tracker.noAnswer());
  }
  expect(desk.ended.map((row) => `${name} | ${row}`)).toEqual(reasons.get(name) ?? []);
});

test("every recording with expectations exists", () => expect(Object.keys(live).sort()).toEqual(names));
