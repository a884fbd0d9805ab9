/**
 * Documents of other notifiers than the recorded one (test/fixtures/dialog-info), made after their sources and manuals: each
 * document goes through the reader, the tracker and the core, and the CRM must get these events.
 */
import { expect, test } from "bun:test";
import { TestDesk } from "../../../support/sip/desk.ts";
import { type Fixture, fixtures, readFixture as read } from "../../../support/sip/documents.ts";

/** By the note of the document that causes it. */
const expected: Record<string, Record<string, string[]>> = {
  "asterisk-in-answered": {
    "14155550123 calls": ["ScreenPop 1 14155550123"],
    answered: ["CallEstablished 1"],
    over: ["CallReleased 1"],
    "14155550999 calls": ["ScreenPop 2 14155550999"],
    "given up": ["CallReleased 2"],
  },
  "asterisk-anonymous": { "somebody calls": ["ScreenPop 1"], "given up": ["CallReleased 1"] },
  "asterisk-keypad": {},
  "asterisk-call-waiting": {
    "14155550123 calls": ["ScreenPop 1 14155550123"],
    answered: ["CallEstablished 1"],
    "the first is over": ["CallReleased 1"],
  },
  "asterisk-chan-sip": {
    "somebody calls, notifycid=no": ["?"],
    "asked: the same": ["ScreenPop 1"],
    "answered": ["CallEstablished 1"],
    "over": ["CallReleased 1"],
    "14155550123 calls, notifycid=yes": ["ScreenPop 2 14155550123"],
    "answered again": ["CallEstablished 2"],
    "over again": ["CallReleased 2"],
    "somebody calls whom it does not know": ["?"],
    "asked again: the same": ["ScreenPop 3"],
    "given up": ["CallReleased 3"],
  },
  "dialog-id-is-the-uri": {
    "14155550123 calls": ["ScreenPop 1 14155550123"],
    answered: ["CallEstablished 1"],
    over: ["CallReleased 1"],
    "14155550999 calls": ["ScreenPop 2 14155550999"],
    "answered again": ["CallEstablished 2"],
    "over again": ["CallReleased 2"],
  },
  "kamailio-early-after-terminated": {
    "first rings": ["ScreenPop 1 14155550123"],
    answered: ["CallEstablished 1"],
    "first is over; the stale early stays": ["CallReleased 1"],
  },
  // Older publications are listed beside the newest: whether the call has ended is queried.
  "kamailio-in-answered": {
    rings: ["ScreenPop 1 14155550123"],
    answered: ["CallEstablished 1"],
    over: ["?"],
    "the publication has expired": ["CallReleased 1"],
  },
  "kamailio-call-waiting": {
    "the first rings": ["ScreenPop 1 14155550123"],
    answered: ["CallEstablished 1"],
    "the second rings": ["ScreenPop 2 14155550999"],
    "the second is given up": ["CallReleased 2"],
    "the first has vanished": ["CallReleased 1"],
  },
  // The busy number was never reported as ringing.
  "kamailio-keypad": {
    "the far end rings": ["ScreenPop 1 14155550123"],
    "the far end answers": ["CallEstablished 1"],
    over: ["CallReleased 1"],
  },
  "kamailio-two-phones": {
    "both ring": ["ScreenPop 1 14155550123"],
    "the second answers": ["CallEstablished 1"],
    over: ["CallReleased 1"],
  },
  "rfc-partial": {
    rings: ["ScreenPop 1 14155550123"],
    answered: ["CallEstablished 1"],
    "a second one rings": ["ScreenPop 2 14155550999"],
    "the second is answered": ["CallEstablished 2"],
    "the second hangs up": ["CallReleased 2"],
    "the handset is put down": ["CallReleased 1"],
    "the far end rings": ["ScreenPop 3 14155550123"],
    "the far end declines": ["CallReleased 3"],
  },
  "forked-tags": {
    "both phones ring": ["ScreenPop 1 14155550123"],
    "the first answers, the second is cancelled": ["CallEstablished 1"],
    over: ["CallReleased 1"],
    "a second call rings on both": ["ScreenPop 2 14155550999"],
    "the second answers": ["CallEstablished 2"],
    "over again": ["CallReleased 2"],
  },
  "broadworks": {
    rings: ["ScreenPop 1 14155550123"],
    answered: ["CallEstablished 1"],
    over: ["CallReleased 1"],
    "an account in the URI, the number in the name": ["ScreenPop 2 14155550999"],
    "given up": ["CallReleased 2"],
  },
  "cisco": {
    rings: ["ScreenPop 1 14155550123"],
    answered: ["CallEstablished 1"],
    "another one rings under its id": ["CallReleased 1", "ScreenPop 2 14155550999"],
    over: ["CallReleased 2"],
  },
  "turned": { rings: ["ScreenPop 1 14155550123"], answered: ["CallEstablished 1"], over: ["CallReleased 1"] },
  "freeswitch-second-answered": {
    "the first rings": ["ScreenPop 1 14155550123"],
    answered: ["CallEstablished 1"],
    "the second rings": ["ScreenPop 2 14155550999"],
    "the second is answered, or over": ["?"],
    "asked: both live, one listed twice": ["CallEstablished 2"],
    "the first is over, or held": ["?"],
    "asked: the second lives": ["CallReleased 1"],
    "the second is over": ["CallReleased 2"],
  },
  "freeswitch-first-over-while-second-rings": {
    "the first rings": ["ScreenPop 1 14155550123"],
    answered: ["CallEstablished 1"],
    "the second rings": ["ScreenPop 2 14155550999"],
    "the first is over": ["?"],
    "asked: the second lives": ["CallReleased 1"],
    "the second is answered": ["CallEstablished 2"],
    "the phone registers: an empty document": ["?"],
    over: ["CallReleased 2"],
  },
  "freeswitch-keypad-rerouted": {
    "the phone dials": ["ScreenPop 1 14155550123"],
    "the far end answers": ["CallEstablished 1"],
    over: ["CallReleased 1"],
    "the phone dials again": ["ScreenPop 2 14155550999"],
    busy: ["CallReleased 2"],
  },
};

const names = fixtures.filter((name) => !name.startsWith("live-"));

/** The events of each document, if it has any; `?` where the full state was requested. */
function played({ documents, userAgent }: Fixture): Record<string, string[]> {
  const desk = new TestDesk();
  const events: Record<string, string[]> = {};
  for (const { note, body } of documents) {
    const before = desk.asked.length;
    const heard = body.trim() === "" ? desk.hear(desk.tracker.none()) : desk.notify(body, userAgent === "" ? {} : { userAgent });
    const texts = [...heard, ...(desk.asked.length > before ? ["?"] : [])];
    if (texts.length > 0) events[events[note] ? `${note} again` : note] = texts;
  }
  expect(desk.calls).toEqual([]);
  return events;
}

test.each(names)("%s", (name) => expect(played(read(name))).toEqual(expected[name] ?? {}));

test("every notifier with expectations exists", () => expect(Object.keys(expected).sort()).toEqual(names));

test.each(names.filter((name) => !name.startsWith("freeswitch")))(
  "%s, without a User-Agent, results in the same events in the end",
  (name) => {
    const desk = new TestDesk();
    for (const { body } of read(name).documents) {
      const before = desk.asked.length;
      if (body.trim() === "") desk.hear(desk.tracker.none());
      else desk.notify(body);
      if (desk.asked.length > before) desk.hear(desk.tracker.noAnswer());
    }
    expect(desk.sent).toEqual(Object.values(expected[name] ?? {}).flat().filter((text) => text !== "?"));
  },
);
