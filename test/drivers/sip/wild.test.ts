/** A switch and a drachtio-server that send random messages, from a seed: telesetd survives, and watches the phone again. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import fc from "fast-check";
import { Rig } from "../../support/sip/rig.ts";

// A backstop: how long many runs of a property take depends on the machine.
setDefaultTimeout(60_000);

const statuses = [
  100,
  180,
  181,
  200,
  202,
  299,
  300,
  302,
  400,
  401,
  403,
  404,
  407,
  408,
  420,
  423,
  480,
  481,
  486,
  489,
  500,
  503,
  600,
  603,
  699,
];
const text = fc.oneof(
  fc.constantFrom(
    "",
    "0",
    "-1",
    "1",
    "99999999999",
    "é\u{1f600}",
    "a,b;c=d",
    '"',
    "<>",
    "Digest",
    'Digest realm="é", nonce="\u0080"',
    "terminated;reason=probation;retry-after=0",
  ),
  fc.string({ maxLength: 40 }),
);
/** No header may end its line here: that is for the frames that are torn. */
const oneLine = text.map((value) => value.replace(/[\r\n\0]/g, " "));
const names = [
  "Expires",
  "Min-Expires",
  "Retry-After",
  "WWW-Authenticate",
  "Proxy-Authenticate",
  "Contact",
  "Reason",
  "Subscription-State",
  "To",
  "From",
  "CSeq",
];
const headers = fc.dictionary(fc.constantFrom(...names), oneLine, { maxKeys: 4 });

const deed = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant("answer" as const), status: fc.constantFrom(...statuses), headers }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("notify" as const), state: oneLine, body: text }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("bytes" as const), bytes: fc.uint8Array({ maxLength: 60 }) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("ask" as const),
      method: fc.constantFrom("BYE", "INVITE", "INFO", "REFER", "MESSAGE", "NOTIFY"),
      body: text,
    }),
  },
  { weight: 1, arbitrary: fc.constant({ kind: "cut" as const }) },
);

const faults: unknown[] = [];
const note = (error: unknown) => void faults.push(error);
beforeAll(() => void process.on("unhandledRejection", note).on("uncaughtException", note));
afterAll(() => void process.off("unhandledRejection", note).off("uncaughtException", note));

const seeds = Array.from({ length: 12 }, (_, seed) => seed + 1);
test.each(seeds)("seed %d", async (seed) => {
  const actions = fc.sample(deed, { numRuns: 60, seed });
  const config = { answerSeconds: 1, refreshSeconds: 0.5, pingSeconds: 1, ringSeconds: 2 };
  await using rig = await Rig.ready({ timeFlows: true, config });
  const answers = actions.flatMap((action) => action.kind === "answer" ? [action] : []);
  let turn = 0;
  rig.pbx.instead = () => {
    const answer = answers[turn++ % Math.max(1, answers.length)];
    return answer === undefined || turn % 3 === 0
      ? undefined
      : turn % 7 === 0
      ? "silence"
      : { status: answer.status, headers: answer.headers };
  };
  for (const action of actions) {
    const [client] = rig.pbx.server.clients;
    const [sub] = rig.pbx.subscriptions.values();
    if (action.kind === "notify" && sub) rig.pbx.notify(sub, action);
    else if (action.kind === "bytes") client?.raw(Buffer.from(action.bytes));
    else if (action.kind === "cut") client?.socket.destroy();
    else if (action.kind === "ask" && rig.pbx.invite) {
      rig.pbx.invite.client.ask(action.method, rig.pbx.invite.message, { Event: "refer" }, action.body, 9);
    } else if (action.kind === "answer" && action.status % 5 === 0) rig.dial().catch(note);
    await new Promise((done) => setTimeout(done, 1));
  }
  rig.pbx.instead = () => undefined;
  // A new connection starts with short pauses again.
  const from = rig.events.length;
  for (const client of rig.pbx.server.clients) client.socket.destroy();
  await rig.next("snapshot", () => true, from);
  rig.pbx.rings("14155550123");
  await rig.facts(({ caller }) => caller?.identity === "14155550123");
  expect(faults).toEqual([]);
});
