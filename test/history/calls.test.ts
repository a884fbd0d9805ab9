/** Calls as they are shown: in progress and on record, with what was sent, masked where strangers may read along. */
import { describe, expect, onTestFinished, test } from "bun:test";
import { join } from "node:path";
import { withFacts } from "../../src/core/call.ts";
import { newCall } from "../../src/core/call.ts";
import { type Desk, newDesk } from "../../src/core/desk.ts";
import type { CallRecord } from "../../src/core/history.ts";
import { CallHistory } from "../../src/history/calls.ts";
import { openStore } from "../../src/store/sqlite.ts";
import { policyWith } from "../support/core/site.ts";
import { ownFolder } from "../support/folder.ts";

const folder = ownFolder();
let made = 0;
const policy = policyWith();
const to = { address: "10.0.0.7", port: 8080 };
const registration = { agent: "A", ...to };

/** A history over a real store. */
function history(desks: readonly Desk[] = [], write = () => {}) {
  const store = openStore(join(folder, `${++made}.db`));
  onTestFinished(() => store.close());
  return { store, calls: new CallHistory({ store, desks: () => desks, policy, write }) };
}

const record: CallRecord = {
  id: "c1",
  origin: "called",
  kind: "inbound",
  agent: "A",
  party: { identity: "+1 415-555-0123", outside: true },
  began: 1000,
  end: { at: 9000, disposition: "answered", cause: "NORMAL_CLEARING" },
  popped: true,
  established: true,
  timeline: [
    { at: 1000, what: "began" },
    { at: 2000, what: "party", identity: "14155550999", outside: true },
    { at: 9000, what: "ended", cause: "NORMAL_CLEARING" },
  ],
};
const pop = { name: "ScreenPop", call: "c1", ani: "14155550123", dnis: "1001", data: {} } as const;
const quiet: CallRecord = { ...record, popped: false, established: false, agent: null };

describe("a call on record", () => {
  test("is shown with its events: when, where to, how long it took, and how many attempts", () => {
    const { store, calls } = history();
    const [event] = store.commit(
      { desk: newDesk("1001"), send: [{ desk: "1001", agent: "A", to, event: pop }], discard: [] },
      2000,
    );
    if (event) store.update({ ...event, attempts: 2 }, true);
    store.settle(1, "delivered", "", 2350);
    store.commit({ desk: newDesk("1001"), send: [], discard: [], calls: [record] }, 9000);
    expect([...calls.pages()].flat()).toEqual([{
      id: "c1",
      desk: "1001",
      agent: "A",
      direction: "inbound",
      kind: "inbound",
      origin: "called",
      party: "+1 415-555-0123",
      queue: false,
      began: "1970-01-01T00:00:01.000Z",
      end: { at: "1970-01-01T00:00:09.000Z", disposition: "answered", text: "answered", cause: "NORMAL_CLEARING" },
      timeline: [
        { at: "1970-01-01T00:00:01.000Z", what: "began", text: "began" },
        { at: "1970-01-01T00:00:02.000Z", what: "party", text: "another party: 14155550999" },
        { at: "1970-01-01T00:00:09.000Z", what: "ended", text: "ended (NORMAL_CLEARING)" },
      ],
      events: [{
        id: 1,
        event: "ScreenPop",
        state: "delivered",
        created: "1970-01-01T00:00:02.000Z",
        attempts: 2,
        to: "10.0.0.7:8080",
        tookMs: 350,
      }],
    }]);
  });

  test("is masked as in the log: party, timeline, reason and its facts", () => {
    const { store, calls } = history();
    const forwarded = { ...quiet, reason: { code: "forwarded-by-switch", to: "14155550999" } } as const;
    store.commit({ desk: newDesk("1001"), send: [], discard: [], calls: [forwarded] }, 9000);
    const [call] = [...calls.pages({ masked: true })].flat();
    expect(call).toMatchObject({ party: "...0123", reason: { to: "...0999" } });
    expect(JSON.stringify(call)).not.toContain("55509");
    expect(calls.find("c1", true)).toEqual({ call } as never);
    expect(calls.find("c1")).toMatchObject({ call: { party: "+1 415-555-0123" } });
  });

  const reasons: [string, Partial<CallRecord>, "delivered" | "discarded" | undefined, string, string | undefined][] = [
    [
      "its ScreenPop was discarded",
      {},
      "discarded",
      "too old after 120 s",
      "The CRM did not get the ScreenPop: too old after 120 s.",
    ],
    ["its ScreenPop waits for a reason", {}, undefined, "no answer", "Not delivered yet: ScreenPop: no answer."],
    ["its ScreenPop has just been sent", {}, undefined, "", undefined],
    ["everything was delivered", {}, "delivered", "", undefined],
    ["less was delivered", { reason: { code: "withheld" } }, "delivered", "", "The number is withheld: occtANI is empty."],
  ];
  test.each(reasons)("%s", (_, part, settlement, why, text) => {
    const { store, calls } = history();
    const [event] = store.commit(
      { desk: newDesk("1001"), send: [{ desk: "1001", agent: "A", to, event: pop }], discard: [] },
      2000,
    );
    if (settlement) store.settle(1, settlement, why, 3000);
    else if (event && why !== "") store.update({ ...event, attempts: 1, why }, false);
    store.commit({ desk: newDesk("1001"), send: [], discard: [], calls: [{ ...record, ...part }] }, 9000);
    const found = calls.find("c1");
    expect("call" in found ? found.call.reason?.text : "not found").toBe(text as string);
  });

  describe("with several events that were not delivered", () => {
    /** An event's outcome with its reason; empty: it waits. */
    type Fate = Partial<Record<"delivered" | "discarded" | "tried", string>>;

    function reasonsAfter(fates: readonly Fate[], part: Partial<CallRecord> = {}, address: typeof to | null = to): string[] {
      const { store, calls } = history();
      const names = ["ScreenPop", "CallEstablished", "CallReleased"] as const;
      const send = fates.map((_, n) => {
        const name = names[n] ?? "CallReleased";
        const event = name === "ScreenPop" ? pop : { name, call: "c1" };
        return { desk: "1001", agent: "A", ...(address ? { to: address } : {}), event };
      });
      const events = store.commit({ desk: newDesk("1001"), send, discard: [], calls: [{ ...record, ...part }] }, 2000);
      fates.forEach((fate, n) => {
        const [[how, why = ""] = []] = Object.entries(fate);
        const event = events[n];
        if (how === "tried" && event) store.update({ ...event, attempts: 1, why }, false);
        else if (how === "delivered" || how === "discarded") {
          if (event && !why.startsWith("its ScreenPop")) store.update({ ...event, attempts: 1 }, false);
          store.settle(n + 1, how, why, 3000);
        }
      });
      const found = calls.find("c1");
      if (!("call" in found)) return [];
      return [found.call.reason, ...found.call.moreReasons ?? []].flatMap((reason) => reason?.text ?? []);
    }

    const cases: [string, Fate[], string[]][] = [
      ["one is in question, and one was delivered", [{ delivered: "" }, { discarded: "refused" }], [
        "The CRM did not get the CallEstablished: refused.",
      ]],
      [
        "the ScreenPop, and so those that follow",
        [{ discarded: "too old" }, { discarded: "its ScreenPop was not delivered: too old" }, {
          discarded: "its ScreenPop was not delivered",
        }],
        ["The CRM did not get the ScreenPop, the CallEstablished and the CallReleased: too old."],
      ],
      ["two for the same reason", [{ delivered: "" }, { discarded: "refused" }, { discarded: "refused" }], [
        "The CRM did not get the CallEstablished and the CallReleased: refused.",
      ]],
      ["two for different reasons", [{ delivered: "" }, { discarded: "refused" }, { tried: "no answer" }], [
        "The CRM did not get the CallEstablished: refused.",
        "Not delivered yet: CallReleased: no answer.",
      ]],
      ["one that may have arrived, and one that was not tried yet", [{ discarded: "too old" }, {}], [
        "The CRM did not get the ScreenPop: too old.",
      ]],
      ["one that waits, and those behind it", [{ tried: "no answer" }, {}, {}], [
        "Not delivered yet: ScreenPop, CallEstablished, CallReleased: no answer.",
      ]],
    ];
    test.each(cases)("%s", (_, fates, texts) => expect(reasonsAfter(fates)).toEqual(texts));

    test("and a number that was withheld", () => {
      const withheld = { reason: { code: "withheld" } } as const;
      expect(reasonsAfter([{ delivered: "" }, { discarded: "refused" }], withheld)).toEqual([
        "The CRM did not get the CallEstablished: refused.",
        "The number is withheld: occtANI is empty.",
      ]);
    });

    test("because another agent has the address", () => {
      expect(reasonsAfter([{}, {}], {}, null)).toEqual([
        "Another agent has registered at the address of agent A, who must log in to UWQ again. " +
        "Not delivered yet: ScreenPop, CallEstablished.",
      ]);
    });
  });

  const gone = "Agent A has unregistered from desk 1001: the CRM did not get the CallEstablished and the CallReleased.";
  const waits = { desk: "1001", agent: "A", to, event: pop };
  const established = { ...waits, event: { name: "CallEstablished", call: "c1" } as const };
  const released = { desk: "1001", agent: "A", event: { name: "CallReleased", call: "c1" } as const };
  test.each<["discard" | "withdraw"]>([["discard"], ["withdraw"]])(
    "whose agent unregistered while an event waited (%s), and before its end: one code, whatever the text",
    (how) => {
      const { store, calls } = history();
      store.commit({ desk: newDesk("1001"), send: [waits, established], discard: [] }, 2000);
      store.settle(1, "delivered", "", 2001);
      const discard = how === "discard" ? [{ agent: "A", why: "some words" }] : [];
      if (how === "withdraw") store.withdraw([2], "some words", 2002);
      const send = [{ ...released, undeliverable: "other words" }];
      store.commit({ desk: newDesk("1001"), send, discard, calls: [record] }, 2002);
      const events = ["CallEstablished", "CallReleased"];
      const reason = { code: "agent-unregistered", events, agent: "A", desk: "1001", text: gone };
      expect(calls.find("c1")).toMatchObject({ call: { reason } });
      store.retry(2, 3000, to);
      expect(calls.find("c1")).toMatchObject({ call: { reason: { events: ["CallReleased"] } } });
    },
  );

  test("whose events were deleted", () => {
    const { store, calls } = history();
    store.commit({ desk: newDesk("1001"), send: [], discard: [], calls: [record] }, 9000);
    expect(calls.find("c1")).toMatchObject({ call: { events: [], reason: { code: "no-longer-on-record" } } });
  });
});

describe("finding a call", () => {
  const found = (start: string) => {
    const { store, calls } = history();
    const named = (id: string) => ({ ...quiet, id });
    store.commit({ desk: newDesk("1001"), send: [], discard: [], calls: ["ab", "abc", "xyz"].map(named) }, 1);
    return calls.find(start);
  };
  test.each(["ab", "abc"])("%s: the whole id", (id) => expect(found(id)).toMatchObject({ call: { id } }));
  test("the first call of a line whose party has changed often", () => {
    const { store, calls } = history();
    const named = (id: string) => ({ ...quiet, id });
    store.commit({ desk: newDesk("1001"), send: [], discard: [], calls: ["u", "u-2", "u-3", "u-4"].map(named) }, 1);
    expect(calls.find("u")).toMatchObject({ call: { id: "u" } });
  });
  test("x: a start that no other has", () => expect(found("x")).toMatchObject({ call: { id: "xyz" } }));
  test("a: a start that several have", () =>
    expect(found("a")).toEqual({ status: 409, why: "Several calls start with a: enter more of the id." }));
  test.each(["", "q", "abcd", "%"])(
    "%j: none",
    (start) => expect(found(start)).toEqual({ status: 404, why: "There is no such call on record: see telesetd calls --all" }),
  );
});

test("a desk is known if it is served, or has a call on record", () => {
  const { store, calls } = history([newDesk("1001")]);
  store.commit({ desk: newDesk("1005"), send: [], discard: [], calls: [quiet] }, 1);
  expect(["1001", "1005", "1009"].map((desk) => calls.unknownDesk(desk))).toEqual([
    undefined,
    undefined,
    "This telesetd does not serve desk 1009: see telesetd status.",
  ]);
});

describe("a call in progress", () => {
  const called = newCall("L1", "called", registration, 5000);
  const facts = { desk: "1001", leg: "L1", direction: "to-desk" as const, caller: { identity: "14155550123", outside: true } };
  const desk = (part: Partial<typeof facts> & { rings?: boolean } = {}): Desk => ({
    ...newDesk("1001"),
    calls: [withFacts(called, { ...facts, ...part }, policy.numbers)],
  });
  const shown = (desks: Desk[]) => [...history(desks).calls.pages()].flat();

  test("comes first, without an end, and without a reason that may still change", () => {
    expect(shown([desk()])).toMatchObject([{ id: "L1", party: "14155550123", direction: "inbound" }]);
    expect(shown([desk()])[0]).not.toHaveProperty("end");
    expect(shown([desk()])[0]).not.toHaveProperty("reason");
  });

  test("may be one that went elsewhere a moment ago", () => {
    const waiting = { ...newDesk("1001"), elsewhere: [{ leg: "M1", farLeg: "F1", to: "14155550777", at: 5000 }] };
    expect(shown([waiting])).toMatchObject([{ id: "M1", reason: { code: "forwarded-by-switch", to: "14155550777" } }]);
  });

  test("has the reason that is certain", () => {
    const internal = desk({ caller: { identity: "1002", outside: false } });
    expect(shown([internal])[0]?.reason?.code).toBe("internal-number");
  });

  test("is found by its id, and listed for its desk only", () => {
    const { calls } = history([desk()]);
    expect(calls.find("L")).toMatchObject({ call: { id: "L1" } });
    expect([...calls.pages({ desk: "1002" })].flat()).toEqual([]);
    expect([...calls.pages({ desk: "1001" })].flat()).toHaveLength(1);
  });
});

test("pages: every call once, the newest first, those that were not written yet included", () => {
  let unwritten: CallRecord[] = [{ ...quiet, id: "last" }];
  const { store, calls } = history([], () => {
    store.commit({ desk: newDesk("1001"), send: [], discard: [], calls: unwritten }, 1);
    unwritten = [];
  });
  const all = Array.from({ length: 60 }, (_, n) => ({ ...quiet, id: `c${n}` }));
  store.commit({ desk: newDesk("1001"), send: [], discard: [], calls: all }, 1);
  const pages = [...calls.pages()];
  expect(pages.map(({ length }) => length)).toEqual([25, 25, 11]);
  expect(pages.flat().map(({ id }) => id)).toEqual(["last", ...all.map(({ id }) => id).reverse()]);
});
