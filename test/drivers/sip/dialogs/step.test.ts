/** The step of a desk's dialogs: the meaning of each kind of document, by its notifier and the known dialogs. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import fc from "fast-check";
import type { LineEvent } from "../../../../src/core/line.ts";
import type { Dialog, DialogInfo, DialogState } from "../../../../drivers/sip/dialogs/dialog-info.ts";
import {
  type Envelope,
  fullStateWithin,
  newTracker,
  step,
  type TrackerInput,
  type TrackerState,
} from "../../../../drivers/sip/dialogs/step.ts";
import { cpuMs } from "../../../support/cpu.ts";
import { dialog, end, info } from "../../../support/sip/documents.ts";

// A backstop: how long many runs of a property take depends on the machine.
setDefaultTimeout(60_000);

const notifiers = {
  "lists all": { userAgent: "Strict/1.0" },
  "lists all and the ends": { userAgent: "kamailio (5.6.3)" },
  "lists what has changed": { userAgent: "FreeSWITCH-mod_sofia/1.11" },
  "is not known": {},
} satisfies Record<string, Envelope>;

/** Two callers, whose dialogs have different names. */
const a = (state: DialogState): Dialog =>
  dialog("11111111-aaaa-4bbb-8ccc-00000000000a", state, { remote: end("sip:14155550123@pbx") });
const b = (state: DialogState): Dialog =>
  dialog("22222222-aaaa-4bbb-8ccc-00000000000b", state, { remote: end("sip:14155550999@pbx") });

const known: Record<string, readonly Dialog[]> = {
  nothing: [],
  "a rings": [a("early")],
  "a talks": [a("confirmed")],
  "a talks, b rings": [a("confirmed"), b("early")],
};

const documents: Record<string, Omit<DialogInfo, "version"> | undefined> = {
  "nothing": info(0, "full"),
  "a confirmed": info(0, "full", a("confirmed")),
  "a over": info(0, "full", a("terminated")),
  "b early": info(0, "full", b("early")),
  "both": info(0, "full", a("confirmed"), b("early")),
  "partial: b early": info(0, "partial", b("early")),
  "partial: a over": info(0, "partial", a("terminated")),
  "partial, one is missing": info(2, "partial", a("confirmed")),
  "no body": undefined,
};

/**
 * The events, by the known dialogs: `+a` is the first event of a, `a!` its answer, `-a` its end; `?` the full state is asked
 * for, and then the events when it does not come; `??` the same for the second time, after the document was repeated; `.` none.
 */
const expected: Record<keyof typeof notifiers, string> = {
  "lists all": `
                            | nothing | a rings    | a talks    | a talks, b rings
    nothing                 | .       | -a         | -a         | -a -b
    a confirmed             | +a      | a!         | .          | -b
    a over                  | .       | -a         | -a         | -a ? ?? -b
    b early                 | +b      | -a +b      | -a +b      | -a
    both                    | +a +b   | a! +b      | +b         | .
    partial: b early        | +b      | +b         | +b         | .
    partial: a over         | .       | -a         | -a         | -a
    partial, one is missing | +a ?    | a! ?       | ?          | ?
    no body                 | .       | -a         | -a         | -a -b`,
  "lists all and the ends": `
                            | nothing | a rings    | a talks    | a talks, b rings
    nothing                 | .       | ? ?? -a    | ? ?? -a    | ? ?? -a -b
    a confirmed             | +a      | a!         | .          | ? ?? -b
    a over                  | .       | -a         | -a         | -a ? ?? -b
    b early                 | +b      | +b ? ?? -a | +b ? ?? -a | ? ?? -a
    both                    | +a +b   | a! +b      | +b         | .
    partial: b early        | +b      | +b         | +b         | .
    partial: a over         | .       | -a         | -a         | -a
    partial, one is missing | +a ?    | a! ?       | ?          | ?
    no body                 | .       | -a         | -a         | -a -b`,
  "lists what has changed": `
                            | nothing | a rings    | a talks    | a talks, b rings
    nothing                 | .       | ?          | ?          | ?
    a confirmed             | +a      | a!         | .          | ?
    a over                  | .       | -a         | -a         | -a ? -b
    b early                 | +b      | +b         | +b         | ? -b
    both                    | +a +b   | a! +b      | +b         | .
    partial: b early        | +b      | +b         | +b         | .
    partial: a over         | .       | -a         | -a         | -a
    partial, one is missing | +a ?    | a! ?       | ?          | ?
    no body                 | .       | -a         | -a         | -a -b`,
  "is not known": `
                            | nothing | a rings    | a talks    | a talks, b rings
    nothing                 | .       | -a         | -a         | -a -b
    a confirmed             | +a      | a!         | .          | ? ?? -b
    a over                  | .       | -a         | -a         | -a ? ?? -b
    b early                 | +b      | +b ? ?? -a | +b ? ?? -a | ? ?? -a
    both                    | +a +b   | a! +b      | +b         | .
    partial: b early        | +b      | +b         | +b         | .
    partial: a over         | .       | -a         | -a         | -a
    partial, one is missing | +a ?    | a! ?       | ?          | ?
    no body                 | .       | -a         | -a         | -a -b`,
};

const legs = new Map([[a("early").id, "a"], [b("early").id, "b"]]);

/** The events as the table writes them. */
function written(events: readonly LineEvent[], live: ReadonlySet<string>): string[] {
  return events.flatMap((event) => {
    if (event.type !== "leg") return [event.type];
    const name = legs.get(event.facts.leg) ?? event.facts.leg;
    if (event.facts.ended) return [`-${name}`];
    return [live.has(name) ? `${name}!` : `+${name}`];
  });
}

/** A tracker whose first full state has shown these dialogs, followed by one report of each. */
function knowing(envelope: Envelope, dialogs: readonly Dialog[]): TrackerState {
  const start = step(
    newTracker({ desk: "1001", users: ["1001"], self: "1009", seed: "made" }),
    { type: "connected", known: [] },
    0,
  );
  return step(start.state, { type: "document", info: info(0, "full", ...dialogs), envelope }, 0).state;
}

function outcome(envelope: Envelope, dialogs: readonly Dialog[], document: Omit<DialogInfo, "version"> | undefined): string {
  const before = knowing(envelope, dialogs);
  const live = new Set(dialogs.map(({ id }) => legs.get(id) ?? id));
  const version = 1 + ((document as DialogInfo | undefined)?.version ?? 0);
  const input: TrackerInput = document ? { type: "document", info: { ...document, version }, envelope } : { type: "no-dialogs" };
  const first = step(before, input, 1000);
  const { output, wakeAt } = first;
  expect([output.asks !== undefined, wakeAt]).toEqual([
    wakeAt !== undefined,
    output.asks === undefined ? undefined : 1000 + fullStateWithin,
  ]);
  const events = written(output.events, live);
  if (wakeAt === undefined) return events.join(" ") || ".";
  const unanswered = step(first.state, { type: "time" }, wakeAt);
  const again = step(unanswered.state, repeated(input), wakeAt);
  const last = again.wakeAt === undefined ? [] : written(step(again.state, { type: "time" }, again.wakeAt).output.events, live);
  return [...events, "?", ...written(unanswered.output.events, live), ...(last.length > 0 ? ["??", ...last] : [])].join(" ");
}

function repeated(input: TrackerInput): TrackerInput {
  return input.type === "document" ? { ...input, info: { ...input.info, version: input.info.version + 1 } } : input;
}

const cases = Object.entries(notifiers).flatMap(([notifier, envelope]) => {
  const [head = [], ...rows] = expected[notifier as keyof typeof notifiers].trim().split("\n").map((line) =>
    line.split("|").map((cell) => cell.trim())
  );
  return rows.flatMap(([document = "", ...cells]) =>
    cells.map((wanted, n) => ({ notifier, envelope, document, live: head[n + 1] ?? "", wanted }))
  );
});

describe("a switch that", () => {
  test.each(cases)(
    "$notifier, while $live, writes $document: $wanted",
    ({ envelope, document, live, wanted }) => expect(outcome(envelope, known[live] ?? [], documents[document])).toBe(wanted),
  );
  test("each combination is in the table", () =>
    expect(cases).toHaveLength(Object.keys(notifiers).length * Object.keys(known).length * Object.keys(documents).length));
});

/** Names of dialogs whose Call-ID is unique to a call. */
const names = ["c1", "c2", "c3"];
const anyState = fc.constantFrom<DialogState>("trying", "early", "confirmed", "terminated");
const anyDialogs = fc.uniqueArray(fc.record({ name: fc.constantFrom(...names), state: anyState }), {
  selector: ({ name }) => name,
});
const strict = notifiers["lists all"];
const talk = (name: string, state: DialogState): Dialog =>
  dialog(`id-${name}`, state, { callId: name, remote: end(`sip:1415555012${name.at(-1)}@pbx`) });

test("a switch that keeps to the RFC: the dialogs that it lists are alive, unless it has reported their end", () => {
  const anyDocument = fc.record({ state: fc.constantFrom("full" as const, "partial" as const), listed: anyDialogs });
  fc.assert(
    fc.property(fc.array(anyDocument, { maxLength: 12 }), (texts) => {
      let tracked = knowing(strict, []);
      const over = new Set<string>();
      const live = new Set<string>();
      for (const [n, { state, listed }] of texts.entries()) {
        // A switch that lists ends in full documents is asked about the omitted ones.
        const shown = listed.filter((dialog) => state === "partial" || dialog.state !== "terminated");
        if (state === "full") live.clear();
        for (const { name, state } of shown) {
          if (state === "terminated") over.add(name);
          if (over.has(name)) live.delete(name);
          else live.add(name);
        }
        const document = info(n + 1, state, ...shown.map(({ name, state }) => talk(name, state)));
        tracked = step(tracked, { type: "document", info: document, envelope: strict }, n).state;
        expect([...tracked.table.live.values()].map(({ callId }) => callId ?? "").sort()).toEqual([...live].sort());
      }
    }),
    { numRuns: 300 },
  );
});

const anyInput: fc.Arbitrary<TrackerInput> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      type: fc.constant("document" as const),
      info: fc.record({
        version: fc.nat(20),
        state: fc.constantFrom("full" as const, "partial" as const),
        entity: fc.constant("sip:1001@pbx"),
        dialogs: anyDialogs.map((dialogs) => dialogs.map(({ name, state }) => talk(name, state))),
      }),
      envelope: fc.constantFrom<Envelope>(...Object.values(notifiers)),
    }),
  },
  fc.constantFrom<TrackerInput>(
    { type: "time" },
    { type: "no-dialogs" },
    { type: "unsubscribed" },
    { type: "link-lost" },
    { type: "forgotten" },
    { type: "connected", known: ["c1"] },
    { type: "dial", dial: { call: "m1", number: "14155550121" } },
    { type: "invite", call: "m1", callId: "c1" },
    { type: "far", call: "m1", sign: "answered" },
    { type: "dial-over", call: "m1" },
  ),
);

test("a step is the same every time, does not change its input, and a query is open until its deadline at the latest", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(anyInput, fc.nat(1000)), { maxLength: 25 }), (inputs) => {
      let state = newTracker({ desk: "1001", users: ["1001"], self: "1009", seed: "made" });
      let now = 0;
      for (const [input, passed] of inputs) {
        now += passed;
        const before = structuredClone(state);
        const made = step(state, input, now);
        expect(step(state, input, now)).toEqual(made);
        expect(state).toEqual(before);
        if (made.output.asks !== undefined) expect(made.wakeAt).toBe(now + fullStateWithin);
        if (made.wakeAt !== undefined) {
          expect(step(made.state, { type: "time" }, made.wakeAt - 1)).toEqual({
            state: made.state,
            output: { events: [] },
            wakeAt: made.wakeAt,
          });
        }
        if (made.wakeAt !== undefined) expect(step(made.state, { type: "time" }, made.wakeAt).wakeAt).toBeUndefined();
        ({ state } = made);
      }
    }),
    { numRuns: 200 },
  );
});

test.each<[string, (n: number) => Dialog]>([
  ["that ring", (n) => talk(`c${n}`, "early")],
  ["that are over", (n) => talk(`c${n}`, "terminated")],
  ["of one id, each another branch", (n) => dialog("fork", "early", { callId: "c1", localTag: `tag-${n}`, remoteTag: "r" })],
])("thousands of dialogs in one document, %s, are processed quickly, and at most a hundred are kept", async (_, make) => {
  const dialogs = Array.from({ length: 4000 }, (_, n) => make(n));
  let state = knowing(strict, []);
  const cost = await cpuMs(() => {
    for (const version of [1, 2]) {
      ({ state } = step(state, { type: "document", info: info(version, "full", ...dialogs), envelope: strict }, version));
    }
  });
  expect(cost).toBeLessThan(2000);
  expect(state.table.live.size).toBeLessThanOrEqual(100);
});
