/** The tracker of one desk's dialogs: states, versions, full and partial documents, questions, names of legs. */
import { describe, expect, test } from "bun:test";
import type { Dialog, DialogState } from "../../../../drivers/sip/dialogs/dialog-info.ts";
import type { Report } from "../../../../drivers/sip/dialogs/report.ts";
import type { Envelope } from "../../../../drivers/sip/dialogs/step.ts";
import { connectedTracker, factsOf, type TestTracker } from "../../../support/sip/desk.ts";
import { dialog, end, info } from "../../../support/sip/documents.ts";

const customer = end("sip:14155550123@pbx");
const uuid = "11111111-aaaa-4bbb-8ccc-000000000001";
const uuid2 = "22222222-aaaa-4bbb-8ccc-000000000002";
const uuid3 = "33333333-aaaa-4bbb-8ccc-000000000003";
const freeswitch: Envelope = { userAgent: "FreeSWITCH-mod_sofia/1.11" };
const strict: Envelope = { userAgent: "Strict/1.0" };

/** A tracker that is connected, with what is live. */
function begun(envelope: Envelope, ...live: Dialog[]): TestTracker {
  const tracked = connectedTracker();
  tracked.notify(info(0, "full", ...live), envelope);
  return tracked;
}

const signs = ["rings", "answered", "farCalled", "farAnswered", "held"] as const;
type Sign = typeof signs[number];

const states: readonly DialogState[] = ["trying", "proceeding", "early", "confirmed", "terminated"];
const strictSigns: Record<"recipient" | "initiator", Partial<Record<DialogState, readonly Sign[]>>> = {
  recipient: { early: ["rings"], confirmed: ["answered"] },
  initiator: { early: ["farCalled"], confirmed: ["answered", "farCalled", "farAnswered"] },
};

describe("states only advance:", () => {
  const pairs = (["recipient", "initiator"] as const).flatMap((direction) =>
    states.flatMap((before) => states.map((after) => [direction, before, after] as const))
  );
  test.each(pairs)("a %s that is %s, then %s", (direction, before, after) => {
    const tracked = begun(strict);
    const reports = [before, after].map((state, n) => {
      const { events } = tracked.notify(
        info(n + 1, "partial", dialog("d1", state, { callId: "c1", direction, remote: customer })),
        strict,
      );
      return factsOf(events);
    });
    const known = new Set([before, after].flatMap((state) => strictSigns[direction][state] ?? []));
    if (before === "confirmed") known.delete("rings");
    const last = reports.flat().at(-1);
    if (before === "terminated") expect(reports).toEqual([[], after === "terminated" ? [] : reports[1] ?? []]);
    else if (after === "terminated") expect(reports[1]).toEqual([{ desk: "1001", leg: "c1", ended: expect.anything() }]);
    else expect(signs.filter((sign) => last?.[sign] === true)).toEqual(signs.filter((sign) => known.has(sign)));
    if (before === after) expect(reports[1]).toEqual([]);
  });
});

describe("FreeSWITCH says", () => {
  const report = (direction: Dialog["direction"], state: DialogState, rendering: "yes" | "no", uri = "sip:914155550123@pbx") =>
    dialog(uuid, state, { direction: direction ?? "recipient", local: end("sip:1001@pbx", rendering), remote: end(uri) });
  test.each([
    ["that the phone dials", [report("initiator", "confirmed", "yes")], ["farCalled"]],
    ["it again when the far end answers", [report("initiator", "confirmed", "yes"), report("initiator", "confirmed", "yes")], [
      "answered",
      "farCalled",
      "farAnswered",
    ]],
    ["it again when the dialplan sends the call elsewhere", [
      report("initiator", "confirmed", "yes"),
      report("initiator", "confirmed", "yes", "sip:3000@pbx"),
    ], ["farCalled"]],
    ["early of a call that is held", [report("recipient", "confirmed", "yes"), report("recipient", "early", "no")], [
      "answered",
      "held",
    ]],
    ["confirmed of one that is taken back", [
      report("recipient", "confirmed", "yes"),
      report("recipient", "early", "no"),
      report("recipient", "confirmed", "yes"),
    ], ["answered"]],
  ])("%s", (_, reports, wanted) => {
    const tracked = begun(freeswitch);
    const facts = reports.flatMap((report, n) => factsOf(tracked.notify(info(n + 1, "full", report), freeswitch).events));
    expect(signs.filter((sign) => facts.at(-1)?.[sign] === true)).toEqual(wanted as Sign[]);
  });

  test("what others report: a peer with its name that complies with the RFC", () => {
    const tracked = begun(freeswitch);
    const dials = (version: number, state: DialogState) =>
      factsOf(tracked.notify(info(version, "full", { ...report("initiator", state, "yes"), callId: "c1" }), freeswitch).events);
    expect([...dials(1, "trying"), ...dials(2, "early"), ...dials(3, "confirmed")].at(-1)?.farAnswered).toBe(true);
  });

  test("in its answer to a query, as when it dials: this is not a second report", () => {
    const tracked = begun(freeswitch);
    tracked.notify(info(1, "full", report("initiator", "confirmed", "yes")), freeswitch);
    const listed = { ...report("initiator", "confirmed", "yes"), callId: "c@10.0.0.21" };
    expect(tracked.notify(info(2, "full", listed), freeswitch).events).toEqual([]);
  });
});

test("a held call is known by the parameter without its plus too", () => {
  const tracked = begun(strict);
  const talks = (version: number, rendering: string) =>
    tracked.notify(
      info(
        version,
        "full",
        dialog("d1", "confirmed", { callId: "c1", local: { params: { "sip.rendering": rendering } }, remote: customer }),
      ),
      strict,
    );
  expect([talks(1, "no"), talks(2, "yes")].map(({ events }) => factsOf(events)[0]?.held)).toEqual([true, false]);
});

test("another notifier's early phone that plays nothing yet is neither answered nor held", () => {
  const ringing = dialog("d1", "early", { callId: "c1", local: end("sip:1001@pbx", "no"), remote: customer });
  const [facts] = factsOf(begun(strict).notify(info(1, "partial", ringing), strict).events);
  expect(signs.filter((sign) => facts?.[sign] === true)).toEqual(["rings"]);
});

describe("versions:", () => {
  const ring = (version: number, state: "full" | "partial" = "partial") =>
    info(version, state, dialog("d1", "early", { callId: "c1", remote: customer }));
  const answer = (version: number, state: "full" | "partial" = "partial") =>
    info(version, state, dialog("d1", "confirmed", { callId: "c1" }));

  test("a repeat is dropped silently", () => {
    const tracked = begun(strict);
    tracked.notify(ring(1), strict);
    expect(tracked.notify(ring(1), strict)).toEqual({ events: [] });
  });
  test.each([[1, 1], [2, 1], [7, 0]])(
    "after version %i another document of version %i is dropped, and the state requested",
    (last, next) => {
      const tracked = begun(strict);
      tracked.notify(ring(last, "full"), strict);
      expect(tracked.notify(answer(next), strict)).toEqual({
        events: [],
        asks: `version ${next} came after version ${last}`,
      });
    },
  );
  test("after a gap in partial documents the full state is requested, and the document is believed", () => {
    const tracked = begun(strict);
    const { events, asks } = tracked.notify(ring(3), strict);
    expect([factsOf(events)[0]?.rings, asks]).toEqual([true, "versions between 0 and 3 are missing"]);
  });
  test("a gap in full documents does not matter", () => {
    const tracked = begun(strict);
    expect(tracked.notify(ring(9, "full"), strict).asks).toBeUndefined();
  });
  test("a new subscription counts from 0, and its first full state is the truth", () => {
    const tracked = begun(strict);
    tracked.notify(ring(7, "full"), strict);
    tracked.subscribed();
    expect(factsOf(tracked.notify(answer(0, "full"), strict).events)[0]?.answered).toBe(true);
  });
  test("the answer to a query may have any version", () => {
    const tracked = begun(strict);
    tracked.notify(ring(7, "full"), strict);
    expect(tracked.notify(answer(0), strict).asks).toBeString();
    expect(factsOf(tracked.notify(answer(0, "full"), strict).events)[0]?.answered).toBe(true);
  });
  test("one query at a time, repeated if it was not answered", () => {
    const tracked = begun(strict);
    tracked.notify(ring(7, "full"), strict);
    const asked = () => tracked.notify(answer(0), strict).asks;
    expect([asked(), asked()]).toEqual(["version 0 came after version 7", undefined]);
    tracked.noAnswer();
    expect(asked()).toBeString();
  });
  test("a query of an earlier link is forgotten with it", () => {
    const tracked = begun(strict);
    tracked.notify(ring(7, "full"), strict);
    tracked.notify(answer(0), strict);
    tracked.connected();
    tracked.notify(ring(0, "full"), strict);
    expect(tracked.notify(answer(5), strict).asks).toBeString();
  });
});

describe("after a connect", () => {
  const talking = dialog("d1", "confirmed", { callId: "c1", remote: customer });
  test("the first full state is the snapshot", () => {
    const tracked = connectedTracker();
    expect(tracked.notify(info(0, "full", talking, dialog("d2", "terminated"))).events).toEqual([{
      type: "snapshot",
      desks: ["1001"],
      legs: [{
        desk: "1001",
        leg: "c1",
        direction: "to-desk",
        answered: true,
        caller: { identity: "14155550123" },
        farLeg: "c1",
      }],
    }]);
  });
  test("partial documents cause no events before it, and are in it", () => {
    const tracked = connectedTracker();
    expect(tracked.notify(info(0, "partial", talking))).toEqual({
      events: [],
      asks: "the first document is not a full state",
    });
    expect(factsOf(tracked.notify(info(1, "full", { ...talking, local: end("sip:1001@pbx", "no") })).events)).toMatchObject([{
      leg: "c1",
      held: true,
    }]);
  });
  test("after the link was lost, the one dialog that FreeSWITCH reports is not the snapshot: the full state is requested", () => {
    const tracked = begun(freeswitch, dialog(uuid, "confirmed", { remote: customer }));
    tracked.take({ type: "link-lost" });
    const report = tracked.notify(info(1, "full", dialog(uuid2, "early")), freeswitch);
    expect(report).toEqual({ events: [], asks: "the first document is not a full state" });
    const listed = [dialog(uuid, "confirmed", { callId: "c1" }), dialog(uuid2, "early", { callId: "c2" })];
    expect(factsOf(tracked.notify(info(2, "full", ...listed), freeswitch).events).map(({ leg }) => leg)).toEqual([uuid, uuid2]);
  });
  test("if no full state arrives, the known dialogs are the snapshot", () => {
    const tracked = connectedTracker();
    tracked.notify(info(0, "partial", talking));
    expect(tracked.noAnswer().events).toMatchObject([{ type: "snapshot", legs: [{ leg: "c1" }] }]);
  });
  test("a call keeps its name after a break, even under other ids, if it has a Call-ID", () => {
    const tracked = begun(strict, talking);
    tracked.connected();
    expect(factsOf(tracked.notify(info(0, "full", { ...talking, id: "e9" }), strict).events)).toMatchObject([{ leg: "c1" }]);
    expect(factsOf(tracked.notify(info(1, "partial", dialog("e9", "terminated")), strict).events)).toMatchObject([{
      leg: "c1",
      ended: {},
    }]);
  });
  test("a call that ended meanwhile is not in the snapshot", () => {
    const tracked = begun(strict, talking);
    tracked.connected();
    expect(tracked.notify(info(0, "full"), strict).events).toEqual([{ type: "snapshot", desks: ["1001"], legs: [] }]);
  });
  test("a document about another extension is dropped, with a reason", () => {
    const tracked = connectedTracker();
    const about = (entity: string) => tracked.notify({ ...info(0, "full"), entity });
    expect(about("sip:1002@pbx")).toEqual({ events: [], dropped: 'it is about "sip:1002@pbx": expected 1001' });
    expect(about("sip:%31001@elsewhere;transport=udp").events).toHaveLength(1);
  });
  test("a NOTIFY without a body means that there are no calls", () => {
    const tracked = begun(strict, talking);
    expect(factsOf(tracked.none().events)).toMatchObject([{ leg: "c1", ended: {} }]);
  });
});

describe("a full document that omits a live call", () => {
  const a = dialog(uuid, "confirmed", { remote: customer });
  const b = dialog(uuid2, "early", { remote: end("sip:14155550999@pbx") });
  const ends = (events: Parameters<typeof factsOf>[0]) => factsOf(events).filter(({ ended }) => ended).map(({ leg }) => leg);

  test("ends it, from a notifier that complies with the RFC", () => {
    const { events, asks } = begun(strict, a).notify(info(1, "full", b), strict);
    expect([ends(events), asks]).toEqual([[uuid], undefined]);
  });
  test("does not end it, from FreeSWITCH", () => {
    const { events, asks } = begun(freeswitch, a).notify(info(1, "full", b), freeswitch);
    expect([ends(events), asks]).toEqual([[], undefined]);
  });
  test("causes a query, from a notifier that does not identify itself", () => {
    const tracked = begun({}, a);
    const { events, asks } = tracked.notify(info(1, "full", b));
    expect([ends(events), asks]).toEqual([[], expect.any(String)]);
    expect(ends(tracked.notify(info(2, "full", b)).events)).toEqual([uuid]);
  });
  test("ends it, when that notifier has shown several calls before", () => {
    const tracked = begun({}, a);
    tracked.notify(info(1, "full", a, b));
    expect(ends(tracked.notify(info(2, "full", b)).events)).toEqual([uuid]);
  });
  test("ends it, from FreeSWITCH too, if it contains Call-IDs: it answers a query", () => {
    expect(ends(begun(freeswitch, a).notify(info(1, "full", { ...b, callId: "c2" }), freeswitch).events)).toEqual([uuid]);
  });
  test("ends it, from FreeSWITCH too, if it lists several", () => {
    const c = dialog(uuid3, "confirmed", { remote: customer });
    expect(ends(begun(freeswitch, a, b, c).notify(info(1, "full", b, c), freeswitch).events)).toEqual([uuid]);
  });
  test("ends none if it is empty, from FreeSWITCH, which sends one at a registration; the full state is requested", () => {
    const tracked = begun(freeswitch, a);
    const { events, asks } = tracked.notify(info(1, "full"), freeswitch);
    expect([ends(events), asks]).toEqual([[], expect.any(String)]);
    expect(tracked.noAnswer().events).toEqual([]);
  });
  test("ends none after FreeSWITCH has listed all at a renewal", () => {
    const tracked = begun(freeswitch, a);
    tracked.notify(info(1, "full", { ...a, callId: "c1" }, { ...b, callId: "c2" }), freeswitch);
    expect(ends(tracked.notify(info(2, "full", dialog(uuid3, "early")), freeswitch).events)).toEqual([]);
  });
  test("ends it if FreeSWITCH reports that the last one has ended", () => {
    const tracked = begun(freeswitch, a, { ...b, callId: "c2" });
    const { events, asks } = tracked.notify(info(1, "full", dialog(uuid2, "terminated")), freeswitch);
    expect([ends(events), asks]).toEqual([[uuid2], expect.any(String)]);
    expect(ends(tracked.noAnswer().events)).toEqual([uuid]);
  });
});

test("the far end's answer that was in doubt is believed when FreeSWITCH lists the call", () => {
  const held = dialog(uuid, "early", { local: end("sip:1001@pbx", "no"), remote: customer });
  const dials = dialog(uuid2, "confirmed", { direction: "initiator", remote: end("sip:14155550999@pbx") });
  const tracked = begun(freeswitch, held);
  tracked.notify(info(1, "full", dials), freeswitch);
  expect(tracked.notify(info(2, "full", dials), freeswitch)).toMatchObject({ events: [], asks: expect.any(String) });
  const listed = [{ ...held, callId: "c1" }, { ...dials, callId: "c2" }];
  expect(factsOf(tracked.notify(info(3, "full", ...listed), freeswitch).events)).toMatchObject([{
    leg: uuid2,
    farAnswered: true,
  }]);
});

describe("if no full state arrives, FreeSWITCH's state for a second call", () => {
  const shown = (state: DialogState, rendering: "yes" | "no" = "yes"): Partial<Dialog> & Pick<Report, "state"> => ({
    state,
    local: end("sip:1001@pbx", rendering),
  });
  const cases: [string, Partial<Dialog>, Partial<Dialog>, DialogState, string][] = [
    ["confirmed", shown("confirmed"), shown("early"), "confirmed", "ended"],
    ["confirmed, the first being held,", shown("early", "no"), shown("early"), "confirmed", "answered"],
    ["confirmed, the first still ringing,", shown("early"), shown("early"), "confirmed", "answered"],
    ["early again", shown("early"), shown("early"), "early", "ended"],
    ["confirmed again", shown("confirmed"), shown("confirmed"), "confirmed", "ended"],
    ["early, though it was confirmed,", shown("early"), shown("confirmed"), "early", "ended"],
  ];
  const named = cases.map((row) => ({ state: row[0], meaning: row[4], row }));
  test.each(named)("$state, means that it has $meaning", ({ row: [, first, second, word, meaning] }) => {
    const tracked = begun(freeswitch);
    tracked.notify(info(1, "full", { ...dialog(uuid, "early"), remote: customer, ...first }), freeswitch);
    tracked.notify(info(2, "full", { ...dialog(uuid2, "early"), remote: end("sip:14155550999@pbx"), ...second }), freeswitch);
    const { events, asks } = tracked.notify(
      info(3, "full", { ...dialog(uuid2, word), local: end("sip:1001@pbx", "yes") }),
      freeswitch,
    );
    expect([events, asks]).toEqual([[], expect.any(String)]);
    const decided = factsOf(tracked.noAnswer().events);
    expect(decided).toMatchObject([{ leg: uuid2, [meaning]: meaning === "answered" ? true : { cause: "GONE" } }]);
    expect(tracked.noAnswer().events).toEqual([]);
  });

  test("is clear when the last call has ended: it ended before", () => {
    const tracked = begun(freeswitch, dialog(uuid, "confirmed", { remote: customer }));
    tracked.notify(info(1, "full", dialog(uuid2, "early", { remote: end("sip:14155550999@pbx") })), freeswitch);
    tracked.notify(info(2, "full", dialog(uuid2, "confirmed")), freeswitch);
    const { events } = tracked.notify(info(3, "full", dialog(uuid, "terminated")), freeswitch);
    expect(factsOf(events)).toMatchObject([{ leg: uuid2, ended: {} }, { leg: uuid, ended: {} }]);
    expect(tracked.noAnswer().events).toEqual([]);
  });

  test("a third one is left alone", () => {
    const tracked = begun(freeswitch, dialog(uuid, "confirmed", { remote: customer }));
    tracked.notify(info(1, "full", dialog(uuid2, "early", { remote: end("sip:14155550999@pbx") })), freeswitch);
    tracked.notify(info(2, "full", dialog(uuid3, "early", { remote: end("sip:14155550777@pbx") })), freeswitch);
    tracked.notify(info(3, "full", dialog(uuid2, "confirmed")), freeswitch);
    expect(factsOf(tracked.noAnswer().events).map(({ leg }) => leg)).toEqual([uuid2]);
  });
});
