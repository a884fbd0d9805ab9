/** A dial as a state machine: what each input does in each phase, and what holds of any order of them. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import fc from "fast-check";
import type {
  Attempt,
  AttemptStep,
  DialEffect,
  DialInput,
  DialResponse,
  DialSettings,
} from "../../../../drivers/sip/dial/attempt.ts";
import { outcomeWithin, referAfter, shownWithin, startDial, step, stillStands } from "../../../../drivers/sip/dial/step.ts";

// A backstop: how long many runs of a property take depends on the machine.
setDefaultTimeout(60_000);

const settings: DialSettings = {
  desk: "1001",
  call: "m1",
  number: "914155550123",
  isDirect: false,
  ringMs: 25_000,
  answerMs: 5000,
  reportsAnswer: false,
};
const response = (status: number, part: Partial<DialResponse> = {}): DialInput => ({
  type: "response",
  response: { status, reason: "", own: false, dialog: status < 300 ? "d1" : "", ...part },
});
const notify = (status?: number): DialInput => ({ type: "notify", status, isLast: status === undefined || status >= 200 });
const dialogs = (...legs: string[]): DialInput => ({ type: "dialogs", legs, occupied: undefined });

const inputs: Record<string, DialInput> = {
  "sent": { type: "sent" },
  "180": { type: "provisional" },
  "200": response(200),
  "486": response(486),
  "503 of the stack": response(503, { own: true }),
  "no response": { type: "failed", result: { outcome: "failed", cause: "NO_LINK", why: "not sent" }, why: "not sent" },
  "NOTIFY 180": notify(180),
  "NOTIFY 200": notify(200),
  "NOTIFY 486": notify(486),
  "the last NOTIFY": notify(),
  "BYE": { type: "bye" },
  "a leg": dialogs("l1"),
  "no leg": dialogs(),
  "its end": { type: "leg-ended", facts: { desk: "1001", leg: "l1", call: "m1", ended: { cause: "terminated", why: "over" } } },
  "lost": { type: "lost", why: "cut" },
  "time": { type: "time" },
};

/** Goes on from a step, each input at once or, for `time`, when the step has requested it. */
function after(begun: AttemptStep, ...more: readonly DialInput[]): AttemptStep {
  return more.reduce((made, input) => step(made.attempt, input, input.type === "time" ? made.wakeAt ?? 0 : 0), begun);
}

const start = (part: Partial<DialSettings> = {}) => startDial({ ...settings, ...part }, 0);
const time: DialInput = { type: "time" };
const direct = start({ isDirect: true });

/** Each phase, and how a dial reaches it. */
const phases: Record<string, AttemptStep> = {
  "ringing": start(),
  "given up": after(start(), time),
  "answered": after(start(), response(200)),
  "shown": after(start(), response(200), dialogs("l1")),
  "referred": after(start(), response(200), dialogs("l1"), time),
  "accepted": after(start(), response(200), dialogs("l1"), time, response(202, { dialog: "" })),
  "settled": after(start(), response(486)),
  "asked to dial": direct,
  "accepted to dial": after(direct, response(202)),
  "dials": after(direct, response(202), dialogs("l1")),
};

/** An effect in a word or two. */
function written(effect: DialEffect): string {
  switch (effect.type) {
    case "result":
      return effect.result.outcome === "failed" ? `failed ${effect.result.cause}` : effect.result.outcome;
    case "far":
      return effect.sign;
    case "leg":
      return `end ${effect.facts.ended?.cause}`;
    default:
      return effect.type;
  }
}

function outcome(from: AttemptStep, input: DialInput): string {
  const { attempt, effects } = after(from, input);
  const { name } = attempt.phase;
  return [...effects.map(written), ...(name === from.attempt.phase.name ? [] : [`> ${name}`])].join(", ") || ".";
}

/** What an input does and the phase that it leads to. An input that is not here does nothing at once. */
const expected: Record<string, Record<string, string>> = {
  "ringing": {
    "200": "> answered",
    "486": "failed USER_BUSY, > settled",
    "503 of the stack": "failed SIP 408, > settled",
    "no response": "failed NO_LINK, > settled",
    "NOTIFY 180": "called",
    "NOTIFY 200": "called",
    "lost": "unknown, > settled",
    "time": "cancel",
  },
  "given up": {
    "200": "bye, failed NO_ANSWER, > settled",
    "486": "failed RECOVERY_ON_TIMER_EXPIRE, > settled",
    "sent": "cancel",
    "503 of the stack": "failed SIP 408, > settled",
    "no response": "failed NO_LINK, > settled",
    "NOTIFY 180": "called",
    "NOTIFY 200": "called",
    "lost": "unknown, > settled",
    "time": "failed SIP 408, > settled",
  },
  "answered": {
    "NOTIFY 180": "called",
    "NOTIFY 200": "called",
    "a leg": "done, > shown",
    "lost": "unknown, > settled",
    "time": "bye, failed NOT_THE_PHONE, > settled",
  },
  "shown": {
    "NOTIFY 180": "called",
    "NOTIFY 200": "called",
    "lost": "> settled",
    "time": "refer, > referred",
  },
  "referred": {
    "486": "log, end REFER 486, bye, > settled",
    "503 of the stack": "log, end REFER 503, bye, > settled",
    "no response": "log, > settled",
    "NOTIFY 180": "called",
    "NOTIFY 200": "called",
    "lost": "> settled",
  },
  "accepted": {
    "NOTIFY 180": "called",
    "NOTIFY 200": "called, unreported, bye, > settled",
    "NOTIFY 486": "log, end USER_BUSY, bye, > settled",
    "the last NOTIFY": "bye, > settled",
    "BYE": "> settled",
    "lost": "> settled",
    "time": "bye, > settled",
  },
  "settled": {
    "200": "bye",
    "NOTIFY 180": "called",
    "NOTIFY 200": "called",
    "its end": "end USER_BUSY",
    "time": "over, > over",
  },
  "asked to dial": {
    "200": "> answered",
    "486": "failed USER_BUSY, > settled",
    "503 of the stack": "failed SIP 408, > settled",
    "no response": "failed NO_LINK, > settled",
    "NOTIFY 180": "called",
    "NOTIFY 200": "called",
    "lost": "unknown, > settled",
  },
  "accepted to dial": {
    "NOTIFY 180": "called",
    "NOTIFY 200": "called",
    "NOTIFY 486": "failed USER_BUSY, > settled",
    "a leg": "done, > referred",
    "lost": "unknown, > settled",
    "time": "failed NO_ANSWER, > settled",
  },
  "dials": {
    "NOTIFY 180": "called",
    "NOTIFY 200": "called, > settled",
    "NOTIFY 486": "log, end USER_BUSY, > settled",
    "the last NOTIFY": "> settled",
    "BYE": "> settled",
    "lost": "> settled",
    "time": "> settled",
  },
};

const cases = Object.keys(phases).flatMap((phase) =>
  Object.keys(inputs).map((input) => ({ phase, input, wanted: expected[phase]?.[input] ?? "." }))
);

describe("a dial", () => {
  test.each(cases)(
    "in the phase $phase, at $input: $wanted",
    ({ phase, input, wanted }) => expect(outcome(phases[phase] ?? start(), inputs[input] ?? time)).toBe(wanted),
  );
  test("every phase and input of the table is known", () => {
    expect(Object.keys(phases)).toEqual(Object.keys(expected));
    const named = Object.values(expected).flatMap((row) => Object.keys(row));
    expect(named.filter((input) => inputs[input] === undefined)).toEqual([]);
  });
});

/** The effects of all inputs, with their times. */
function played(part: Partial<DialSettings>, ...story: readonly (readonly [number, DialInput])[]): string[] {
  let made = start(part);
  const lines = [`0 ${made.effects.map(written).join(", ")}`];
  for (const [at, input] of [...story, [1e6, time] as const]) {
    // Anything due earlier comes first.
    while (made.wakeAt !== undefined && made.wakeAt <= at) {
      const now: number = made.wakeAt;
      made = step(made.attempt, time, now);
      if (made.effects.length > 0) lines.push(`${now} ${made.effects.map(written).join(", ")}`);
    }
    made = step(made.attempt, input, at);
    if (made.effects.length > 0) lines.push(`${at} ${made.effects.map(written).join(", ")}`);
  }
  return lines;
}

const end = inputs["its end"] ?? time;

describe("times:", () => {
  type Story = readonly (readonly [number, DialInput])[];
  test.each<[string, Story, readonly string[]]>([
    [
      "a phone that is not answered in time is no longer rung, and a late answer is released",
      [[1, { type: "provisional" }], [31_000, response(200)]],
      ["25000 cancel", "30000 failed NO_ANSWER", "31000 bye", "35000 over"],
    ],
    [
      "a request that goes out with a password after it was given up is cancelled too",
      [[26_000, { type: "sent" }]],
      ["25000 cancel", "26000 cancel", "30000 failed SIP 408", "35000 over"],
    ],
    [
      "if no leg appears in time, something other than the phone has answered",
      [[100, response(200)]],
      [`${100 + shownWithin} bye, failed NOT_THE_PHONE`, `${100 + shownWithin + 5000} over`],
    ],
    [
      "the end of a leg waits for its reason",
      [[100, end], [500, response(486)]],
      ["500 end USER_BUSY, failed USER_BUSY", "5500 over"],
    ],
    [
      "the end of a leg does not wait longer than a second",
      [[100, end], [1200, response(486)]],
      ["1100 end terminated", "1200 failed USER_BUSY", "6200 over"],
    ],
    [
      "the end of a leg after its reason does not wait",
      [[100, response(486)], [200, end]],
      ["100 failed USER_BUSY", "200 end USER_BUSY", "5100 over"],
    ],
    [
      "a connection that is lost after the dial is settled changes nothing",
      [[100, response(486)], [200, { type: "lost", why: "cut" }]],
      ["100 failed USER_BUSY", "5100 over"],
    ],
  ])("%s", (_, story, lines) => expect(played({}, ...story)).toEqual(["0 invite", ...lines]));

  const toReferred: Story = [[100, response(200)], [150, dialogs("l1")]];
  const referred = ["0 invite", "150 done", `${150 + referAfter} refer`];
  test.each<[string, Story, readonly string[]]>([
    [
      "no NOTIFY at all: the box leaves, and the number counts as called a while later",
      [],
      ["5400 bye", `${5400 + stillStands} unreported`, "10400 over"],
    ],
    ["a NOTIFY, and then nothing: the box leaves after two minutes", [[500, notify(180)]], [
      "500 called",
      `${400 + outcomeWithin} bye`,
      `${400 + outcomeWithin + stillStands} unreported`,
      `${400 + outcomeWithin + 5000} over`,
    ]],
    [
      "a busy number is the reason for the end of the phone's leg, even if the leg ended before",
      [[500, end], [600, notify(486)]],
      ["600 log, end USER_BUSY, end USER_BUSY, bye", "5600 over"],
    ],
    [
      "a BYE after a NOTIFY: more NOTIFYs may come, until the phone shows no call of the dial",
      [[500, notify(180)], [600, { type: "bye" }], [700, dialogs()]],
      ["500 called", `${700 + stillStands} unreported`, "5700 over"],
    ],
  ])("%s", (_, story, lines) => {
    expect(played({}, ...toReferred, [400, response(202)], ...story)).toEqual([...referred, ...lines]);
  });
  test("the NOTIFYs may come before the answer to the REFER", () =>
    expect(played({ reportsAnswer: true }, ...toReferred, [400, notify(200)], [500, response(202)])).toEqual([
      ...referred,
      "400 answered",
      "500 bye",
      "5500 over",
    ]));
  test("the switch shows one call of a phone, and that is another one: this is the reason", () => {
    const { effects } = after(phases["answered"] ?? start(), { type: "dialogs", legs: [], occupied: "talking" }, time);
    expect(effects.map(written)).toEqual(["bye", "failed PHONE_OCCUPIED"]);
  });
  test("the answer to the INVITE that shows that the phone is not registered is passed on", () =>
    expect(after(start(), response(404)).effects.map(written)).toEqual(["unregistered", "failed SIP 404"]));
  test.each([405, 501])(
    "a phone that answers %d to a REFER of its own cannot dial",
    (status) => expect(after(direct, response(status)).effects.map(written)).toEqual([`failed REFER ${status}`]),
  );
});

test("whatever arrives in whatever order: one result, no REFER without a dialog, no end of a leg lost, and the dial ends", () => {
  const anyInput = fc.tuple(fc.constantFrom(...Object.values(inputs)), fc.nat(3000));
  fc.assert(
    fc.property(fc.boolean(), fc.boolean(), fc.array(anyInput, { maxLength: 30 }), (isDirect, reportsAnswer, story) => {
      let made = start({ isDirect, reportsAnswer });
      const effects = [...made.effects];
      let now = 0;
      let held = 0;
      const take = (input: DialInput) => {
        const before: Attempt = made.attempt;
        made = step(before, input, now);
        expect(step(before, input, now)).toEqual(made);
        effects.push(...made.effects);
        if (made.effects.some(({ type }) => type === "refer")) expect(before.dialog).toBeDefined();
      };
      for (const [input, passed] of story) {
        now += passed;
        if (input.type === "leg-ended") held++;
        take(input);
      }
      // A direct dial whose request is never answered does nothing more: the request has its own deadline.
      take({ type: "lost", why: "cut" });
      for (let turns = 0; made.wakeAt !== undefined; turns++) {
        expect(turns).toBeLessThan(10);
        now = Math.max(now, made.wakeAt);
        take(time);
      }
      const count = (type: DialEffect["type"]) => effects.filter((effect) => effect.type === type).length;
      expect([count("result"), count("over"), made.attempt.phase.name]).toEqual([1, 1, "over"]);
      expect(count("invite") + count("refer")).toBeLessThanOrEqual(isDirect ? 1 : 2);
      const ends = effects.filter((effect) => effect.type === "leg" && effect.facts.call === "m1");
      expect(ends).toHaveLength(held);
    }),
    { numRuns: 1000 },
  );
});
