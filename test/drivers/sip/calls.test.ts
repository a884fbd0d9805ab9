/** Names of legs, the party at the other end, and our own dials. */
import { describe, expect, test } from "bun:test";
import type { LegFacts } from "../../../src/core/line.ts";
import type { Dialog } from "../../../drivers/sip/dialogs/dialog-info.ts";
import type { Envelope } from "../../../drivers/sip/dialogs/step.ts";
import { factsOf, TestDesk, type TestTracker, tracker } from "../../support/sip/desk.ts";
import { dialog, end, info } from "../../support/sip/documents.ts";

const uuid = "11111111-aaaa-4bbb-8ccc-000000000001";
const customer = end("sip:14155550123@pbx");
const strict: Envelope = { userAgent: "Strict/1.0" };
const freeswitch: Envelope = { userAgent: "FreeSWITCH" };

/** Documents to a tracker that is connected, each of one dialog. */
class Line {
  readonly tracker: TestTracker;
  #version = 0;

  constructor(readonly envelope: Envelope = strict, known: readonly string[] = []) {
    this.tracker = tracker();
    this.tracker.connected(known);
    this.tracker.notify(info(0, "full"), envelope);
  }

  reports(...dialogs: Dialog[]): LegFacts[] {
    const state = this.envelope === freeswitch ? "full" : "partial";
    return factsOf(this.tracker.notify(info(++this.#version, state, ...dialogs), this.envelope).events);
  }
}

const legOf = (...dialogs: Dialog[]) => new Line().reports(...dialogs).map(({ leg }) => leg);

describe("the name of a leg is", () => {
  test.each<[string, Partial<Dialog>, string]>([
    ["the id, when it is a UUID", { id: uuid, callId: "c1@pbx" }, uuid],
    ["the Call-ID", { id: "1", callId: "c1@pbx" }, "c1@pbx"],
    ["a digest of a long id with a fresh one behind it", { id: "Y2FsbGhhbGYtMTU1OTU6MA==" }, "77f9db4d6bff46c0-fresh-1"],
    ["a long id, when there is a Call-ID too", { id: "padi-6b0502bf-2a8e-1", callId: "c1" }, "padi-6b0502bf-2a8e-1"],
    ["a fresh one, when the id may be anybody's", { id: "1001" }, "fresh-1"],
    ["a fresh one, when the Call-ID is the subscription's", { id: "1001", callId: "pickup-81@pbx" }, "fresh-1"],
  ])("%s", (_, part, leg) => expect(legOf({ ...dialog("1001", "early", { remote: customer }), ...part })).toEqual([leg]));

  test.each([["too long", `${"x".repeat(60)}@pbx`], ["of odd characters", 'a<b>"c d\u00e9'], [
    "of 61 characters",
    "y".repeat(61),
  ]])(
    "a digest of a Call-ID that is %s, the same every time",
    (_, callId) => {
      const [legs, again] = [0, 1].map(() => legOf(dialog("1", "early", { callId, remote: customer })));
      expect(legs).toEqual([expect.stringMatching(/^[0-9a-f]{40}$/)]);
      expect(again).toEqual(legs ?? []);
    },
  );

  test("a different one for every call of a phone without ids", () => {
    const line = new Line();
    const states = (["early", "confirmed", "terminated", "early", "terminated"] as const).map((state) => dialog("1001", state));
    expect(states.flatMap((report) => line.reports(report)).map(({ leg }) => leg)).toEqual([
      "fresh-1",
      "fresh-1",
      "fresh-1",
      "fresh-2",
      "fresh-2",
    ]);
  });

  test("not used again for a branch that rings later under the same Call-ID", () => {
    const line = new Line();
    const branch = (id: string, state: Dialog["state"]) => line.reports(dialog(id, state, { callId: "c1", remote: customer }));
    const legs = [branch("b1", "early"), branch("b1", "terminated"), branch("b2", "early")].flat().map(({ leg }) => leg);
    expect(legs).toEqual(["c1", "c1", expect.stringMatching(/^[0-9a-f]{40}$/)]);
  });

  test("not given to an echo of an ended call", () => {
    const line = new Line();
    const states = ["early", "terminated", "confirmed", "confirmed"] as const;
    const [, , ...echoes] = states.map((state) => line.reports(dialog("b1", state, { callId: "c1" })));
    // The first says once that the leg has ended and is still listed: without a direction that does not change a call.
    expect(echoes).toMatchObject([[{ leg: "c1", ended: { cause: "GONE" } }, { leg: "c1" }], []]);
    expect(echoes[0]?.[1]).toEqual({ desk: "1001", leg: "c1" });
  });
});

test("a phone has at most a hundred calls at once", () => {
  const line = new Line();
  const many = Array.from({ length: 150 }, (_, n) => dialog(`${n}`, "early", { callId: `c${n}`, remote: customer }));
  expect(line.reports(...many)).toHaveLength(100);
  expect(line.reports(dialog("0", "terminated"), dialog("120", "early", { callId: "c120" })).map(({ leg }) => leg)).toEqual([
    "c0",
    "c120",
  ]);
});

describe("after a restart of the box", () => {
  const look = (known: readonly string[], ...live: Dialog[]) => {
    const tracked = tracker();
    tracked.connected(known);
    const first = factsOf(tracked.notify(info(0, "full", ...live)).events).map(({ leg }) => leg);
    return [...first, ...factsOf(tracked.notify(info(1, "partial", dialog("later", "early"))).events).map(({ leg }) => leg)];
  };
  test("a call with its own name continues", () => {
    expect(look(["c1"], dialog("1", "confirmed", { callId: "c1" }))).toEqual(["c1", "fresh-1"]);
  });
  test.each([["c1@pbx"], ["padi-6b0502bf-2a8e-1"]])("a call that was known as %s keeps this name", (leg) => {
    expect(look([leg], dialog("padi-6b0502bf-2a8e-1", "confirmed", { callId: "c1@pbx" }))).toEqual([leg, "fresh-1"]);
  });
  test("a call without one continues as the call that was active", () => {
    expect(look(["fresh-9"], dialog("1001", "confirmed"))).toEqual(["fresh-9", "fresh-1"]);
  });
  test("the name of an ended call is not used again", () => expect(look(["fresh-9"])).toEqual(["fresh-1"]));
});

test("without ids, another caller after a break is another call", () => {
  const tracked = tracker();
  const look = (number: string) => {
    tracked.connected();
    return factsOf(tracked.notify(info(0, "full", dialog("1001", "early", { remote: end(`sip:${number}@pbx`) }))).events)[0]?.leg;
  };
  expect([look("14155550123"), look("14155550123"), look("14155550999")]).toEqual(["fresh-1", "fresh-1", "fresh-2"]);
});

describe("one call of two phones:", () => {
  const rings = (id: string, number: string, part: Partial<Dialog> = {}) =>
    dialog(id, "early", { callId: `of-${id}`, remote: end(`sip:${number}@pbx`), ...part });
  test.each<[string, Dialog, Dialog, boolean]>([
    ["the same caller", rings("a", "14155550123"), rings("b", "14155550123"), true],
    ["branches of one Call-ID", rings("a", "anonymous", { callId: "c" }), rings("b", "anonymous", { callId: "c" }), true],
    ["not another caller", rings("a", "14155550123"), rings("b", "14155550999"), false],
    ["not two who withhold their number", rings("a", "anonymous"), rings("b", "anonymous"), false],
    [
      "not a caller who is being talked to",
      { ...rings("a", "14155550123"), state: "confirmed" },
      rings("b", "14155550123"),
      false,
    ],
  ])("%s", (_, first, second, same) => {
    const [a, b] = new Line().reports(first, second);
    expect(a?.farLeg === b?.farLeg).toBe(same);
  });
});

test("branches of the phone's own call are one call", () => {
  const desk = new TestDesk();
  const body = (version: number, ...branches: [string, string][]) =>
    `<dialog-info xmlns="urn:ietf:params:xml:ns:dialog-info" version="${version}" state="${
      version ? "partial" : "full"
    }" entity="sip:1001@pbx">${
      branches.map(([id, state]) =>
        `<dialog id="${id}" call-id="a84b4c76e66710" local-tag="1" remote-tag="${id}" direction="initiator"><state>${state}</state>
        <remote><identity>sip:914155550123@pbx</identity></remote></dialog>`
      ).join("")
    }</dialog-info>`;
  const documents = [
    body(0),
    body(1, ["b1", "trying"]),
    body(2, ["b1", "early"]),
    body(3, ["b2", "early"]),
    body(4, ["b2", "confirmed"]),
    body(5, ["b1", "terminated"]),
    body(6, ["b2", "terminated"]),
  ];
  expect(documents.map((body) => desk.notify(body, strict).join())).toEqual(
    ["", "", "ScreenPop 1 14155550123", "", "CallEstablished 1", "", "CallReleased 1"],
  );
});

describe("the party at the other end", () => {
  const talk = (...remotes: string[]) => {
    const line = new Line();
    return remotes.map((uri) => line.reports(dialog("d", "confirmed", { callId: "c", remote: end(uri) })).at(-1)?.partner);
  };
  test("changes when a colleague puts the customer through", () => {
    expect(talk("sip:1002@pbx", "sip:14155550123@pbx")).toEqual([undefined, { identity: "14155550123" }]);
  });
  test("is not a caller who rings meanwhile in the only dialog", () => {
    const line = new Line();
    line.reports(dialog("1001", "confirmed", { remote: end("sip:1002@pbx") }));
    expect(line.reports(dialog("1001", "early", { remote: customer }))).toEqual([]);
    expect(line.reports(dialog("1001", "confirmed", { remote: end("sip:1002@pbx") }))).toEqual([]);
  });
  test("is never the desk itself", () => expect(talk("sip:1002@pbx", "sip:1001@pbx")).toEqual([undefined, undefined]));
  test.each([["*81002", { identity: "14155550123" }], ["1002", { identity: "14155550123", dialledByLeg: true }]])(
    "after the phone dialled %s, and somebody else answered, is reported",
    (dialled, partner) => {
      const line = new Line();
      const dials = (uri: string) =>
        line.reports(dialog("d", "confirmed", { callId: "c", direction: "initiator", remote: end(uri) }));
      dials(`sip:${dialled}@pbx`);
      expect(dials("sip:14155550123@pbx")).toMatchObject([{ dialled, partner }]);
    },
  );
  test.each(["sip:voicemail@pbx", "sip:anonymous@anonymous.invalid", "sip:1001@pbx"])(
    "is nobody when the phone dials %s",
    (uri) => {
      expect(new Line().reports(dialog("d", "early", { callId: "c", direction: "initiator", remote: end(uri) }))[0]).not
        .toHaveProperty("dialled");
    },
  );
  test("is the customer when a transfer to this desk is reported", () => {
    const desk = new TestDesk();
    const body = (version: number, state: string, number: string) =>
      `<dialog-info xmlns="urn:ietf:params:xml:ns:dialog-info" version="${version}" state="full" entity="sip:1001@pbx">
      <dialog id="d" call-id="c" direction="recipient"><state>${state}</state><remote><identity>sip:${number}@pbx</identity></remote></dialog>
      </dialog-info>`;
    const documents = [body(0, "early", "1002"), body(1, "confirmed", "1002"), body(2, "confirmed", "14155550123")];
    expect(documents.map((body) => desk.notify(body, strict))).toEqual([[], [], [
      "ScreenPop 1 14155550123",
      "CallEstablished 1",
    ]]);
  });

  test.each(["keep", "new"] as const)("is another customer: a new call if onPartyChange is new (%s)", (onPartyChange) => {
    const desk = new TestDesk({}, { onPartyChange });
    const says = (version: number, state: string, number: string) =>
      desk.notify(
        `<dialog-info xmlns="urn:ietf:params:xml:ns:dialog-info" version="${version}" state="full" entity="sip:1001@pbx">
        <dialog id="d" call-id="c" direction="recipient"><state>${state}</state><remote><identity>sip:${number}@pbx</identity></remote></dialog>
        </dialog-info>`,
        strict,
      );
    says(0, "early", "18005550100");
    says(1, "confirmed", "18005550100");
    const changes = [
      says(2, "confirmed", "+18005550100"),
      says(3, "confirmed", "14155550123"),
      says(4, "confirmed", "anonymous"),
    ];
    const released = says(5, "terminated", "14155550123");
    expect([...changes, released]).toEqual(
      onPartyChange === "keep"
        ? [[], [], [], ["CallReleased 1"]]
        : [[], ["CallReleased 1", "ScreenPop 2 14155550123", "CallEstablished 2"], [], ["CallReleased 2"]],
    );
  });
});

describe("our own dial:", () => {
  const dial = { call: "m1", number: "914155550123" };
  const called = (remote: string | undefined, part: Partial<Dialog> = {}) =>
    dialog(uuid, "early", remote === undefined ? part : { remote: end(`sip:${remote}@pbx`), ...part });

  test.each<[string, Dialog, boolean]>([
    ["the phone is called by our own user", called("1009"), true],
    ["the number itself calls meanwhile", called("914155550123"), false],
    ["the phone is called by nobody", called(undefined), true],
    ["a proxy shows our Call-ID", called("14155550999", { callId: "ours@box" }), true],
    ["the phone dials the number, on request", called("914155550123", { direction: "initiator" }), true],
    ["a customer calls meanwhile", called("14155550999"), false],
    ["somebody anonymous calls meanwhile", called("anonymous"), false],
    ["the phone dials another number", called("914155550999", { direction: "initiator" }), false],
  ])("%s", (_, shown, isOurs) => {
    const line = new Line();
    line.tracker.dial(dial);
    line.tracker.invite("m1", "ours@box");
    const [facts] = line.reports(shown);
    expect(facts?.call).toBe(isOurs ? "m1" : undefined);
    expect(line.tracker.legsOf("m1")).toEqual(isOurs ? [uuid] : []);
    // The requested number must not be mistaken for a caller.
    if (isOurs) expect([facts?.caller, facts?.dialled, facts?.farLeg]).toEqual([undefined, undefined, undefined]);
  });

  test("because of it one phone rings for an unnamed caller, not two", () => {
    const line = new Line();
    line.tracker.dial(dial);
    const [first] = line.reports(called(undefined));
    const [second] = line.reports(called(undefined, { id: "22222222-aaaa-4bbb-8ccc-000000000002" }));
    expect([first?.call, second?.call]).toEqual(["m1", undefined]);
    line.tracker.invite("m1", "ours@box");
    expect(line.reports(called(undefined, { id: "branch-of-our-invite", callId: "ours@box" }))[0]?.call).toBe("m1");
  });

  test("news of the far end from the REFER belongs to its leg, also to a later one", () => {
    const line = new Line(freeswitch);
    line.tracker.dial(dial);
    expect(line.tracker.far("m1", "called")).toEqual([]);
    expect(line.reports(called("1009"))).toMatchObject([{ call: "m1", rings: true, farCalled: true }]);
    expect(line.tracker.far("m1", "answered")).toMatchObject([{ facts: { leg: uuid, farCalled: true, farAnswered: true } }]);
    expect(line.tracker.far("m1", "called")).toEqual([]);
    expect(line.tracker.far("m2", "answered")).toEqual([]);
  });

  test("an ended dial gets no new dialogs, and keeps those that it has", () => {
    const line = new Line();
    line.tracker.dial(dial);
    line.reports(called("1009"));
    line.tracker.dialOver("m1");
    const [later] = line.reports(called("1009", { id: "22222222-aaaa-4bbb-8ccc-000000000002" }));
    expect([later?.call, later?.caller]).toEqual([undefined, { identity: "1009" }]);
    expect(line.reports(called("1009", { state: "terminated" }))).toMatchObject([{ leg: uuid, ended: {} }]);
    expect(line.tracker.legsOf("m1")).toEqual([]);
  });
});

describe("the end of a dialog as a sentence:", () => {
  test.each<[string, Partial<Dialog>, string, RegExp]>([
    ["cancelled", { event: "cancelled" }, "cancelled", /cancelled/],
    ["busy", { event: "rejected", code: 486 }, "rejected 486", /busy/],
    ["declined", { event: "rejected", code: 603 }, "rejected 603", /declined/],
    ["not answered", { event: "timeout" }, "timeout", /not answer/],
    ["not answered, by its code", { code: 480 }, "rejected 480", /not answered/],
    ["put down here", { event: "local-bye" }, "local-bye", /handset was put down/],
    ["put down there", { event: "remote-bye" }, "remote-bye", /other side/],
    ["replaced", { event: "replaced" }, "replaced", /took the place/],
    ["an error", { event: "error", code: 500 }, "error 500", /failed: the phone system says 500/],
    ["ended, by a code", { code: 500 }, "rejected 500", /ended: the phone system says 500/],
  ])("%s", (_, part, cause, why) => {
    const line = new Line();
    line.reports(dialog(uuid, "early", { remote: customer }));
    const [facts] = line.reports(dialog(uuid, "terminated", part));
    expect(facts?.ended).toEqual({ cause, why: expect.stringMatching(why), far: expect.stringMatching(/\.$/) });
  });

  test.each([
    ["was called", true, "The number was not reached: the phone system gives no reason."],
    ["may not have been called", false, undefined],
  ])("a dial's leg that ends without a reason, whose number %s", (_, called, far) => {
    const line = new Line();
    line.tracker.dial({ call: "call-1", number: "914155550123" });
    line.reports(dialog(uuid, "early", { remote: end("sip:1009@pbx") }));
    if (called) line.tracker.far("call-1", "called");
    const [facts] = line.reports(dialog(uuid, "terminated"));
    expect([facts?.call, facts?.ended?.far]).toEqual(["call-1", far]);
  });

  test("ended without a reason: it is not reported whether the far end was reached", () => {
    const line = new Line();
    line.reports(dialog(uuid, "early", { remote: customer }));
    const [facts] = line.reports(dialog(uuid, "terminated"));
    expect(facts?.ended).toEqual({ cause: "terminated", why: "The call has ended: the phone system gives no reason." });
  });
});
