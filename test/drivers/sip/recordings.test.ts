/**
 * Recordings of FreeSWITCH behind a drachtio-server: the CRM must get the same as from the event socket's recordings of the
 * same flows. The recorder requested no full state; FreeSWITCH's answer to that is written out here (sofia_presence.c,
 * do_dialog_probe).
 */
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { TestDesk } from "../../support/sip/desk.ts";

const folder = join(import.meta.dir, "../../fixtures/recordings");
const expected: Record<string, [string, number, Record<string, string>, number][]> = JSON.parse(
  readFileSync(join(folder, "freeswitch/expected.json"), "utf8"),
);

/** The recordings, each with its twin on the event socket. */
const twins: [string, string][] = [
  ["dialog-in-answer", "in-answer-caller-hangs-up"],
  ["dialog-in-abandoned", "in-abandoned"],
  ["dialog-hold", "in-hold-retrieve"],
  ["dialog-out-keypad", "out-keypad-answered"],
  ["dialog-call-waiting", "call-waiting-two-calls"],
];

interface Notify {
  readonly body: string;
  readonly userAgent: string;
}

/** The content of a recording: marks and the received NOTIFYs. */
function read(name: string): (Notify | "mark")[] {
  return readFileSync(join(folder, `drachtio/${name}.jsonl`), "utf8").trim().split("\n").flatMap((line): (Notify | "mark")[] => {
    const { dir, data } = JSON.parse(line) as { dir: string; data: string };
    if (dir === "mark") return ["mark"];
    if (dir !== "server>client") return [];
    return [...data.matchAll(/NOTIFY sip:[^]*?User-Agent: (.*)\r\n[^]*?\r\n\r\n(<\?xml[^]*?<\/dialog-info>)/g)].map((
      [, userAgent = "", body = ""],
    ) => ({ userAgent, body }));
  });
}

/** The answer of FreeSWITCH to a query while these legs are alive, with a Call-ID for each. */
function probe(version: number, ...legs: [string, string][]): string {
  const dialogs = legs.map(([id, number]) =>
    `<dialog id="${id}" call-id="of-${id}" local-tag="l" remote-tag="r" direction="recipient"><state>confirmed</state>
    <local><identity display="1001">sip:1001@127.0.0.1</identity><target uri="sip:1001@127.0.0.1"/></local>
    <remote><identity display="${number}">sip:${number}@127.0.0.1</identity><target uri="**1001@127.0.0.1"/></remote></dialog>`
  );
  return `<?xml version="1.0"?>\n<dialog-info xmlns="urn:ietf:params:xml:ns:dialog-info" version="${version}" state="full"
    entity="sip:1001@127.0.0.1">${dialogs.join("")}</dialog-info>`;
}

const first: [string, string] = ["d56df926-d42c-44bf-a6e9-cd5b30972d83", "14155550123"];

const answers: Record<string, (desk: TestDesk) => string[]> = {
  "asks for the full state and does not get it": (desk) => desk.hear(desk.tracker.noAnswer()),
  "refreshes its subscription": (desk) => desk.notify(probe(5, first)),
  "makes a new subscription": (desk) => {
    desk.tracker.subscribed();
    return desk.notify(probe(0, first));
  },
};

for (const [how, answer] of Object.entries(answers)) {
  test.each(twins)(`%s brings the same events as %s, when a box ${how}`, (name, twin) => {
    const desk = new TestDesk();
    const sent: [string, number][] = [];
    let [mark, later] = [0, 0];
    for (const what of read(name)) {
      if (what === "mark") {
        mark++;
        continue;
      }
      const before = desk.asked.length;
      // What follows an answer that was not recorded has the version after it.
      const body = what.body.replace(/version="(\d+)"/, (_, version) => `version="${Number(version) + later}"`);
      const texts = desk.notify(body, what);
      if (desk.asked.length > before) {
        texts.push(...answer(desk));
        later = 1;
      }
      sent.push(...texts.map((text): [string, number] => [text, mark]));
    }
    expect(sent).toEqual(
      (expected[twin] ?? []).map(([event, call, { occtANI }, at]) => [[event, call, occtANI ?? ""].join(" ").trim(), at]),
    );
    expect(desk.calls).toEqual([]);
    expect(desk.asked).toEqual(name === "dialog-call-waiting" ? ["it is unclear whether a call was answered or has ended"] : []);
  });
}

test("a recording without the User-Agent of FreeSWITCH brings the same events", () => {
  const desk = new TestDesk();
  for (const what of read("dialog-call-waiting")) {
    if (what === "mark") continue;
    const before = desk.asked.length;
    desk.notify(what.body);
    if (desk.asked.length > before) desk.hear(desk.tracker.noAnswer());
  }
  expect(desk.sent).toEqual([
    "ScreenPop 1 14155550123",
    "CallEstablished 1",
    "ScreenPop 2 14155550999",
    "CallReleased 2",
    "CallReleased 1",
  ]);
});
