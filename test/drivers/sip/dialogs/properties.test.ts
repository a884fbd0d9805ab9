/** Properties of the tracker for any reports of a switch, in any pieces. */
import { expect, setDefaultTimeout, test } from "bun:test";
import fc from "fast-check";
import { newDesk } from "../../../../src/core/desk.ts";
import type { LegFacts, LineEvent } from "../../../../src/core/line.ts";
import { step } from "../../../../src/core/step.ts";
import type { Dialog, DialogInfo, DialogState } from "../../../../drivers/sip/dialogs/dialog-info.ts";
import type { Envelope, TrackerOutput } from "../../../../drivers/sip/dialogs/step.ts";
import { policyWith } from "../../../support/core/site.ts";
import { connectedTracker, factsOf, type TestTracker } from "../../../support/sip/desk.ts";
import { dialog, end, info } from "../../../support/sip/documents.ts";

// A backstop: how long many runs of a property take depends on the machine.
setDefaultTimeout(60_000);

const ids = [
  "1001",
  "1",
  "c-long-enough-to-be-unique",
  "11111111-aaaa-4bbb-8ccc-000000000001",
  "11111111-aaaa-4bbb-8ccc-000000000002",
];
const uris = [
  "sip:14155550123@pbx",
  "sip:14155550999@pbx",
  "sip:1002@pbx",
  "sip:1001@pbx",
  "sip:1009@pbx",
  "sip:anonymous@anonymous.invalid",
  "tel:*8",
  "",
];
const states: readonly DialogState[] = ["trying", "proceeding", "early", "confirmed", "terminated"];

const maybe = <T>(what: fc.Arbitrary<T>) => fc.option(what, { nil: undefined });
const ends = maybe(fc.tuple(fc.constantFrom(...uris), maybe(fc.constantFrom("yes" as const, "no" as const))));

const anyDialog: fc.Arbitrary<Dialog> = fc.record({
  id: fc.constantFrom(...ids),
  state: fc.constantFrom(...states),
  direction: maybe(fc.constantFrom("initiator" as const, "recipient" as const)),
  callId: maybe(fc.constantFrom("c1", "c2", "pickup-1", `x${"y".repeat(80)}`)),
  local: ends,
  remote: ends,
  code: maybe(fc.constantFrom(200, 486)),
}).map(({ id, state, direction, callId, local, remote, code }) => ({
  id,
  state,
  ...(direction === undefined ? {} : { direction }),
  ...(callId === undefined ? {} : { callId }),
  ...(code === undefined ? {} : { code }),
  ...(local === undefined ? {} : { local: end(...local) }),
  ...(remote === undefined ? {} : { remote: end(...remote) }),
}));

const anyInfo: fc.Arbitrary<DialogInfo> = fc.record({
  version: fc.nat(12),
  state: fc.constantFrom("full" as const, "partial" as const),
  entity: fc.constantFrom("sip:1001@pbx", "sip:1001@pbx", "", "sip:1002@pbx"),
  dialogs: fc.array(anyDialog, { maxLength: 3 }),
});

const envelopes: readonly Envelope[] = [{}, { userAgent: "FreeSWITCH" }, { userAgent: "Asterisk" }];

type Act = (tracked: TestTracker) => TrackerOutput;
const events = (all: readonly LineEvent[]): TrackerOutput => ({ events: all });
const anyAct: fc.Arbitrary<Act> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.tuple(anyInfo, fc.constantFrom(...envelopes)).map(([document, envelope]): Act =>
      Object.assign((tracked: TestTracker) => tracked.notify(document, envelope), {
        [fc.toStringMethod]: () => JSON.stringify([document, envelope]),
      })
    ),
  },
  fc.constantFrom<Act>(
    (tracked) => tracked.noAnswer(),
    (tracked) => tracked.none(),
    (tracked) => (tracked.subscribed(), events([])),
    (tracked) => (tracked.connected(["old-1", "c1"]), events([])),
    (tracked) => (tracked.dial({ call: "m1", number: "14155550123" }), tracked.invite("m1", "c2"), events([])),
    (tracked) => events(tracked.far("m1", "answered")),
    (tracked) => (tracked.dialOver("m1"), events([])),
  ),
);

/** What must hold of every event, given all before it. */
class Watch {
  readonly #alive = new Map<string, LegFacts>();
  readonly #over = new Set<string>();
  /** A leg whose end was reported while it was not alive: it is listed next. */
  #echo: string | undefined;

  see(event: LineEvent): void {
    if (event.type === "snapshot") {
      expect(event.desks).toEqual(["1001"]);
      for (const leg of this.#alive.keys()) if (!event.legs.some((facts) => facts.leg === leg)) this.#end(leg);
      for (const facts of event.legs) this.#leg(facts);
    } else if (event.type === "leg") this.#leg(event.facts);
    else throw new Error(`The tracker reports ${event.type}`);
  }

  #leg(facts: LegFacts): void {
    const { leg, ended } = facts;
    const isListedAfterEnd = ended === undefined && facts.direction === undefined;
    expect([facts.desk, leg.length > 0 && leg.length <= 60]).toEqual(["1001", true]);
    if (!ended) expect(this.#over.has(leg)).toBe(isListedAfterEnd);
    expect([undefined, leg]).toContain(this.#echo);
    this.#echo = undefined;
    if (isListedAfterEnd) return;
    const before = this.#alive.get(leg);
    if (ended) {
      if (!before) this.#echo = leg;
      return this.#end(leg);
    }
    expect([undefined, facts.direction]).toContain(before?.direction);
    expect(facts.direction).toBeDefined();
    for (const sign of ["rings", "answered", "farCalled", "farAnswered"] as const) {
      if (before?.[sign]) expect(facts[sign]).toBe(true);
    }
    for (const fixed of ["call", "dialled", "farLeg"] as const) {
      if (before?.[fixed] !== undefined) expect(facts[fixed]).toBe(before[fixed]);
    }
    this.#alive.set(leg, facts);
  }

  #end(leg: string): void {
    this.#alive.delete(leg);
    this.#over.add(leg);
  }
}

test("nothing breaks it, states only advance, names are never reused, only dialogs end that are known or still listed", () => {
  fc.assert(
    fc.property(fc.array(anyAct, { maxLength: 30 }), (acts) => {
      const tracked = connectedTracker();
      const watch = new Watch();
      for (const act of acts) for (const event of act(tracked).events) watch.see(event);
    }),
    { numRuns: 1000 },
  );
});

test("whatever came before, a requested full state corrects it: the dialogs that it lists are alive, and no others", () => {
  const list = fc.uniqueArray(fc.constantFrom(...ids.slice(2)), { maxLength: 3 });
  fc.assert(
    fc.property(fc.array(anyAct, { maxLength: 15 }), list, (acts, listed) => {
      const tracked = connectedTracker();
      const before = acts.flatMap((act) => [...act(tracked).events]);
      tracked.subscribed();
      const truth = info(0, "full", ...listed.map((id) => dialog(id, "confirmed", { callId: `of ${id}` })));
      let desk = newDesk("1001");
      for (const event of [...before, ...tracked.notify(truth).events]) {
        desk = step(desk, { type: "line", event }, 0, policyWith()).desk;
      }
      expect(desk.calls.flatMap(({ legs }) => legs).length).toBeLessThanOrEqual(listed.length);
      expect(tracked.notify({ ...truth, version: 1 })).toEqual({ events: [] });
    }),
    { numRuns: 300 },
  );
});

/** Calls of a notifier that keeps to the RFC, as one report after the other. */
const stories = fc.array(
  fc.record({ call: fc.nat(2), state: fc.constantFrom(...states.slice(0, 4)), over: fc.boolean(), held: fc.boolean() }),
  { maxLength: 12 },
);

interface Report {
  readonly call: number;
  readonly state: DialogState;
  readonly held: boolean;
}

/** The reports in the order in which a state can follow another. */
function reportsOf(story: readonly { call: number; state: DialogState; over: boolean; held: boolean }[]): Dialog[] {
  const rank = new Map<number, number>();
  return story.flatMap(({ call, state, over, held }): Report[] => {
    const before = rank.get(call) ?? -1;
    if (before === 4) return [];
    const next = over && before >= 0 ? 4 : Math.max(before, states.indexOf(state));
    rank.set(call, next);
    return [{ call, state: states[next] ?? "trying", held }];
  }).map(({ call, state, held }) =>
    dialog(`id-${call}`, state, {
      callId: `call-${call}`,
      direction: call === 2 ? "initiator" : "recipient",
      local: end("sip:1001@pbx", held ? "no" : "yes"),
      remote: end(`sip:1415555012${call}@pbx`),
    })
  );
}

/** All that is known in the end: the reported signs of each leg, and whether it is over. */
function known(all: readonly LineEvent[]): Record<string, unknown> {
  const legs: Record<string, Record<string, unknown>> = {};
  for (const facts of factsOf(all)) legs[facts.leg] = { ...legs[facts.leg], ...facts, ended: facts.ended !== undefined };
  return legs;
}

function heard(documents: readonly (readonly Dialog[])[], state: "full" | "partial"): Record<string, unknown> {
  const tracked = connectedTracker();
  const strict = { userAgent: "Strict/1.0" };
  return known(
    [info(0, "full"), ...documents.map((dialogs, n) => info(n + 1, state, ...dialogs))].flatMap((
      document,
    ) => [...tracked.notify(document, strict).events]),
  );
}

test("partial documents mean the same one by one and combined", () => {
  fc.assert(
    fc.property(stories, fc.array(fc.boolean()), (story, cuts) => {
      const reports = reportsOf(story);
      const joined: Dialog[][] = [];
      for (const [n, report] of reports.entries()) {
        // A document has a dialog only once.
        const last = joined.at(-1);
        if (last && !cuts[n] && !last.some(({ id }) => id === report.id)) last.push(report);
        else joined.push([report]);
      }
      expect(heard(joined, "partial")).toEqual(heard(reports.map((report) => [report]), "partial"));
    }),
    { numRuns: 300 },
  );
});

test("full documents mean the same as partial ones, and a repeated one changes nothing", () => {
  fc.assert(
    fc.property(stories, (story) => {
      const live = new Map<string, Dialog>();
      const full = reportsOf(story).map((report) => {
        for (const [id, { state }] of live) if (state === "terminated") live.delete(id);
        live.set(report.id, report);
        return [...live.values()];
      });
      const partial = heard(reportsOf(story).map((report) => [report]), "partial");
      expect(heard(full, "full")).toEqual(partial);
      expect(heard(full.flatMap((document) => [document, document]), "full")).toEqual(partial);
    }),
    { numRuns: 300 },
  );
});
