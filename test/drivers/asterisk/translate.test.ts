/** What an event of Asterisk means for a line, rule by rule. Any input: translate-any.test.ts. */
import { describe, expect, test } from "bun:test";
import type { LegFacts } from "../../../src/core/line.ts";
import { type Translated, Translator } from "../../../drivers/asterisk/translate.ts";
import { called, connected, dialEvent, dialling, event, reading, site, trunk } from "../../support/asterisk/shown.ts";

/** All facts of these results, added up. */
function sum(results: readonly Translated[]): Partial<LegFacts> {
  return Object.assign({}, ...results.map((result) => result.type === "leg" ? result.facts : {}));
}

/** The translator after the phone has rung, and the facts so far. */
function ringing(change: Parameters<typeof reading>[0] = {}) {
  const translator = new Translator(site);
  const rings = event("ChannelStateChange", called);
  const read = translator.read(called, reading(change));
  return { translator, facts: sum([...read, ...translator.event(rings)]) };
}

/** The translator after the phone has answered. */
function talking() {
  const { translator } = ringing();
  translator.event(event("ChannelStateChange", { ...called, state: "Up" }));
  return translator;
}

const up = { ...called, state: "Up" };

describe("whose channel it is", () => {
  test.each([
    ["PJSIP/1001-00000007", "1001"],
    ["pjsip/1001-00000007", "1001"],
    ["PJSIP/1001-mobile-0000abcd", "1001"],
    ["PJSIP/1003-00000001", "1003"],
    ["PJSIP/1001-00000007<ZOMBIE>", "1001"],
    ["PJSIP/1002-00000001", undefined],
    ["PJSIP/21001-00000001", undefined],
    ["SIP/1001-00000001", undefined],
    ["Local/1001@default-00000001;1", undefined],
    ["PJSIP/1001", undefined],
  ])("%s", (name, desk) => {
    expect(new Translator(site).deskOf({ id: "x", name })).toBe(desk as string);
  });

  test("a known leg stays with its desk when names are exchanged", () => {
    const { translator } = ringing();
    const renamed = { ...called, name: "PJSIP/1002-00000009<ZOMBIE>" };
    expect(sum(translator.event(event("ChannelDestroyed", renamed, { cause: 26 })))).toMatchObject({
      desk: "1001",
      ended: { cause: "LOSE_RACE" },
    });
    expect(translator.deskOf(renamed)).toBeUndefined();
  });
});

describe("a called phone", () => {
  test("rings: direction, caller, number dialled and the leg that has begun the call", () => {
    expect(ringing().facts).toEqual({
      desk: "1001",
      leg: called.id,
      rings: true,
      direction: "to-desk",
      caller: { identity: "14155550123", outside: true },
      callerDialled: "18005550100",
      farLeg: "1795740498.6",
    });
  });

  test("nothing is reported before it is read who calls, and everything once it is", () => {
    const translator = new Translator(site);
    const created = { ...called, state: "Down", connected: { number: "", name: "" }, exten: "s", app: "" };
    expect(translator.mustRead(event("ChannelCreated", created))).toBeUndefined();
    expect(translator.event(event("ChannelCreated", created))).toEqual([]);
    const shown = event("ChannelConnectedLine", { ...called, state: "Down" });
    expect(translator.mustRead(shown)).toBe(called.id);
    translator.read({ ...called, state: "Down" }, reading());
    translator.event(shown);
    expect(translator.mustRead(event("ChannelStateChange", called))).toBeUndefined();
  });

  test.each(["Ringing", "Up"])("the first event that shows %s waits for the reading", (state) => {
    expect(new Translator(site).mustRead(event("ChannelStateChange", { ...called, state }))).toBe(called.id);
  });

  test.each([
    ["a flag on the shown number", { presentation: "prohib_not_screened" }],
    ["a flag on the caller's own channel", { masterPresentation: "prohib_passed_screen" }],
    ["a name", { name: "Anonymous" }],
  ])("withheld by %s", (_name, change) => {
    expect(ringing(change).facts.caller).toMatchObject({ withheld: true, identity: "14155550123" });
  });

  test("a caller who cannot be read counts as withheld", () => {
    const translator = new Translator(site);
    expect(sum(translator.read(called, undefined)).caller).toEqual({
      identity: "14155550123",
      withheld: true,
      unreported: true,
    });
  });

  test.each<[string, Parameters<typeof reading>[0], unknown]>([
    ["a trunk", {}, true],
    ["a trunk's context", { masterName: "PJSIP/other-00000001", masterContext: "from-pstn" }, true],
    [
      "FreePBX's FROM_DID",
      { masterName: "PJSIP/other-00000001", masterContext: "ext-local", masterFromDid: "18005550100" },
      true,
    ],
    ["a served desk", { masterName: "PJSIP/1003-00000001", masterContext: "default" }, false],
    ["an endpoint that is not a trunk", { masterName: "PJSIP/1002-00000001", masterContext: "default" }, false],
    ["another technology", { masterName: "DAHDI/i1/14155550123-1", masterContext: "default" }, undefined],
    // A colleague who consults with a feature code: the master is the customer's channel, but the number is the colleague's.
    ["a colleague on a customer's call", { number: "1002" }, undefined],
    ["a master that is gone", { masterId: called.id }, undefined],
  ])("outside by %s: %#", (_name, change, outside) => {
    expect(ringing(change).facts.caller?.outside).toBe(outside as boolean);
  });

  test.each<[string, Parameters<typeof reading>[0], string | undefined]>([
    ["a ring group's own number", { number: "7001", masterNumber: "7001" }, "14155550123"],
    ["a number that the dialplan has rewritten", { number: "14155550777", masterNumber: "14155550777" }, undefined],
    ["the same number", {}, undefined],
  ])("the caller's own number behind %s", (_name, change, original) => {
    expect(ringing(change).facts.caller?.original).toBe(original as string);
  });

  test.each([
    ["app_queue calls the phone", { ...called, app: "AppQueue" }, {}],
    ["app_queue calls through the dialplan", called, { masterApp: "Queue" }],
  ])("a queue: %s", (_name, channel, change) => {
    const translator = new Translator(site);
    const facts = sum([...translator.read(channel, reading(change)), ...translator.event(event("ChannelStateChange", channel))]);
    expect(facts).toMatchObject({ queue: true, rings: true });
  });

  test.each([
    ["abandoned", { cause: 127, tech_cause: 500 }, "ORIGINATOR_CANCEL"],
    ["declined", { cause: 17, tech_cause: 486 }, "USER_BUSY"],
    ["answered elsewhere", { cause: 26 }, "LOSE_RACE"],
    ["not registered", { cause: 1, tech_cause: 404 }, "USER_NOT_REGISTERED"],
    ["declined by a person", { cause: 21 }, "CALL_REJECTED"],
    ["without a cause", {}, "NORMAL_CLEARING"],
  ])("%s", (_name, fields, cause) => {
    const { ended } = sum(ringing().translator.event(event("ChannelDestroyed", called, fields)));
    expect(ended).toMatchObject({ cause, why: expect.stringMatching(/^[A-Z].*\.$/) });
  });
});

describe("an answered call", () => {
  test("hold, data, end", () => {
    const translator = talking();
    expect(sum(translator.event(event("ChannelHold", up)))).toMatchObject({ held: true });
    expect(sum(translator.event(event("ChannelUnhold", up)))).toMatchObject({ held: false });
    expect(sum(translator.event(event("ChannelVarset", up, { variable: "__CustomerID", value: "C-4711" })))).toMatchObject({
      data: { CustomerID: "C-4711" },
    });
    expect(translator.event(event("ChannelVarset", up, { variable: "Other", value: "x" }))).toEqual([]);
    expect(sum(translator.event(event("ChannelDestroyed", up, { cause: 16 }))).ended).toMatchObject({ cause: "NORMAL_CLEARING" });
  });

  test.each(["BLINDTRANSFER", "ATTENDEDTRANSFER"])("%s: the call continues elsewhere", (variable) => {
    const translator = talking();
    translator.event(event("ChannelVarset", up, { variable, value: "PJSIP/trunk-00000006" }));
    expect(sum(translator.event(event("ChannelDestroyed", up, { cause: 16 }))).ended?.transferred).toBe(true);
  });

  test("a desk that is transferred itself does not leave the call", () => {
    const translator = talking();
    translator.event(event("ChannelVarset", up, { variable: "BLINDTRANSFER", value: "PJSIP/1002-00000001" }));
    translator.event(dialEvent("", trunk, up));
    expect(sum(translator.event(event("ChannelDestroyed", up, { cause: 16 }))).ended?.transferred).toBeUndefined();
  });

  test("a colleague puts the customer through: the new bridge is read, and shows the customer", () => {
    const translator = talking();
    const bridged = event("ChannelVarset", up, { variable: "BRIDGEPEER", value: "PJSIP/trunk-00000058" });
    expect(translator.mustRead(bridged)).toBe(called.id);
    const facts = sum(translator.read(up, connected({ number: "1002", bridgePeer: "PJSIP/trunk-00000058", peerId: "far" })));
    expect(facts).toMatchObject({
      partner: { identity: "14155550123", outside: true, dialledByLeg: false },
      farLeg: "far",
      farAnswered: true,
    });
    expect(facts).not.toHaveProperty("caller");
    translator.event(bridged);
    expect(translator.mustRead(bridged)).toBeUndefined();
    expect(translator.mustRead(event("ChannelConnectedLine", up))).toBe(called.id);
    // Asterisk takes the variable away while it joins bridges.
    translator.event(event("ChannelVarset", up, { variable: "BRIDGEPEER", value: "" }));
    expect(translator.mustRead(bridged)).toBe(called.id);
  });

  test.each([
    ["14155550123@trunk", "14155550123"],
    ["trunk/sip:14155550123@127.0.0.1", "14155550123"],
    ["trunk", "914155550123"],
    ["99914155550123@trunk", "914155550123"],
  ])("somebody else has the phone's channel dial %p: the party at its answer is %p", (dialstring, identity) => {
    const translator = talking();
    translator.event(dialEvent("", trunk, up, { dialstring }));
    expect(sum(translator.event(dialEvent("RINGING", trunk, up)))).not.toHaveProperty("partner");
    expect(sum(translator.event(dialEvent("ANSWER", trunk, up))).partner).toMatchObject({
      identity,
      outside: true,
      called: true,
    });
  });

  test("a customer who is put through and withheld", () => {
    const { partner } = sum(talking().read(up, connected({ peerPresentation: "prohib_passed_screen" })));
    expect(partner).toMatchObject({ withheld: true });
  });

  test.each([
    ["nobody", connected({ bridgePeer: "" }), up],
    ["several", connected({ bridgePeer: "PJSIP/a-00000001,PJSIP/b-00000002" }), up],
    ["an announcer of a conference", connected({ bridgePeer: "CBAnn/room-00000000;2" }), up],
    ["a conference", connected(), { ...up, app: "ConfBridge" }],
  ])("connected with %s: no party", (_name, read, channel) => {
    expect(sum(talking().read(channel, read))).not.toHaveProperty("partner");
  });

  test("a leg of the switch itself is a relay, and who was called behind it was not put through", () => {
    const translator = talking();
    expect(sum(translator.read(up, connected({ bridgePeer: "Local/1002@default-00000001;2" })))).toMatchObject({ relay: true });
    expect(sum(translator.read(up, connected({ peerCameIn: "" }))).partner).toMatchObject({ called: true });
  });
});

describe("a dialling phone", () => {
  function dialled() {
    const translator = new Translator(site);
    return { translator, facts: sum(translator.event(event("ChannelCreated", dialling))) };
  }

  test("the number as it was dialled, before the dialplan has moved on", () => {
    const { translator, facts } = dialled();
    expect(facts).toEqual({ desk: "1001", leg: dialling.id, direction: "from-desk", dialled: "914155550123" });
    const later = { ...dialling, state: "Up", exten: "s", app: "Dial" };
    expect(sum(translator.event(event("ChannelStateChange", later)))).not.toHaveProperty("dialled");
    expect(translator.snapshot(later, undefined)).toMatchObject({ dialled: "914155550123" });
  });

  test.each([["RINGING", true, undefined], ["PROGRESS", true, undefined], ["ANSWER", true, true], ["", undefined, undefined]])(
    "Dial %p: farCalled %p, farAnswered %p",
    (status, farCalled, farAnswered) => {
      const { translator } = dialled();
      const facts = sum(translator.event(dialEvent(status, trunk)));
      expect([facts.farCalled, facts.farAnswered]).toEqual([farCalled as true, farAnswered as true]);
    },
  );

  test.each([
    ["BUSY", 17, "The number is busy."],
    ["NOANSWER", 16, "Nobody answers."],
    ["CONGESTION", 34, "All lines are busy: try again in a moment."],
    ["CHANUNAVAIL", 20, "The number cannot be reached now."],
  ])("Dial %s: the far end is the reason", (status, cause, far) => {
    const { translator } = dialled();
    translator.event(dialEvent("", trunk));
    translator.event(dialEvent(status, trunk));
    expect(sum(translator.event(event("ChannelDestroyed", dialling, { cause }))).ended).toMatchObject({ far, calledFar: true });
  });

  test("nobody was called: a wrong number", () => {
    const { translator } = dialled();
    const { ended } = sum(translator.event(event("ChannelDestroyed", dialling, { cause: 0 })));
    expect(ended).toMatchObject({ cause: "NO_ROUTE_DESTINATION" });
    expect(ended).not.toHaveProperty("calledFar");
  });

  test("what it dials is not read: the ringing waits for nothing", () => {
    const { translator } = dialled();
    const shown = { ...dialling, connected: { number: "914155550123", name: "" }, app: "Dial" };
    expect(translator.mustRead(event("ChannelConnectedLine", shown))).toBeUndefined();
    translator.event(dialEvent("ANSWER", trunk));
    const answered = { ...shown, state: "Up" };
    translator.event(event("ChannelStateChange", answered));
    const bridged = event("ChannelVarset", answered, { variable: "BRIDGEPEER", value: trunk.name });
    expect(translator.mustRead(bridged)).toBeUndefined();
  });

  test("a pickup: the party is shown before the bridge", () => {
    const { translator } = dialled();
    const picks = { ...dialling, exten: "**1002", state: "Up", app: "Pickup", connected: { number: "14155550123", name: "" } };
    expect(translator.mustRead(event("ChannelConnectedLine", { ...picks, state: "Ring" }))).toBeUndefined();
    expect(translator.mustRead(event("ChannelStateChange", picks))).toBe(dialling.id);
    const own = reading({ id: dialling.id, linkedId: dialling.id, masterId: dialling.id, presentation: "prohib" });
    expect(sum(translator.read(picks, own))).toMatchObject({
      partner: { identity: "14155550123", withheld: true, dialledByLeg: false },
      farAnswered: true,
    });
  });

  test("a pickup: the bridge shows the customer", () => {
    const { translator } = dialled();
    const picked = { ...dialling, exten: "**1002", state: "Up", app: "AppDial" };
    translator.event(event("ChannelStateChange", picked));
    const bridged = event("ChannelVarset", picked, { variable: "BRIDGEPEER", value: "PJSIP/trunk-00000006" });
    expect(translator.mustRead(bridged)).toBe(dialling.id);
    expect(sum(translator.read(picked, connected({ id: dialling.id })))).toMatchObject({
      partner: { identity: "14155550123", outside: true, dialledByLeg: false },
      farAnswered: true,
    });
  });
});

describe("a MakeCall", () => {
  const call = "0b0d3a4e-0000-4000-8000-000000000001";
  const own = { ...called, id: `telesetd-${call}`, app: "AppDial2" };

  test("its phone needs no reading, and names the call", () => {
    const translator = new Translator(site);
    const rings = event("ChannelStateChange", own);
    expect(translator.mustRead(rings)).toBeUndefined();
    expect(sum(translator.event(rings))).toEqual({ desk: "1001", leg: own.id, direction: "to-desk", call, rings: true });
    expect(sum(translator.event(event("ChannelStateChange", { ...own, state: "Up" })))).toMatchObject({ call, answered: true });
    expect(sum(translator.event(dialEvent("RINGING", trunk, own)))).toMatchObject({ farCalled: true, leg: own.id });
    expect(sum(translator.event(dialEvent("ANSWER", trunk, own)))).toMatchObject({ farAnswered: true });
  });

  test("through the dialplan: the leg of the phone belongs to it, and what its channel dials is its far end", () => {
    const translator = new Translator(site);
    const linked = reading({ linkedId: own.id, masterId: own.id });
    expect(sum(translator.read(called, linked))).toMatchObject({ call, direction: "to-desk", leg: called.id });
    translator.event(event("ChannelStateChange", up));
    const through = connected({ linkedId: own.id, bridgePeer: "Local/1001@default-00000001;2" });
    expect(sum(translator.read(up, through))).not.toHaveProperty("farAnswered");
    const local = { ...own, name: "Local/1001@default-00000001;1" };
    expect(sum(translator.event(dialEvent("RINGING", trunk, local)))).toMatchObject({ leg: called.id, farCalled: true });
    expect(sum(translator.event(dialEvent("ANSWER", trunk, local)))).toMatchObject({ leg: called.id, farAnswered: true });
  });
});

test("a MakeCall through the dialplan whose far end rings before it is known which leg is the phone's", () => {
  const translator = new Translator(site);
  const local = { ...called, id: "telesetd-c-1", name: "Local/1001@default-00000001;1" };
  expect(translator.event(dialEvent("RINGING", trunk, local))).toEqual([]);
  translator.read(called, reading({ linkedId: local.id }));
  expect(sum(translator.event(event("ChannelStateChange", up)))).toMatchObject({ call: "c-1", answered: true, farCalled: true });
});

describe("a snapshot", () => {
  test("shows a ringing phone whole, and an answered one with its party", () => {
    const translator = new Translator(site);
    expect(translator.snapshot(called, reading())).toMatchObject({ rings: true, caller: { identity: "14155550123" } });
    expect(translator.snapshot(up, connected())).toMatchObject({
      answered: true,
      direction: "to-desk",
      caller: { identity: "14155550123" },
      partner: { outside: true },
    });
  });

  test("a phone that has dialled before a restart of telesetd: by its own variables", () => {
    const translator = new Translator(site);
    const channel = { ...dialling, state: "Up", exten: "s", app: "Dial", connected: trunk.caller };
    const own = reading({ linkedId: dialling.id, masterId: dialling.id, cameIn: "127.0.0.1", dialled: "914155550123" });
    const facts = translator.snapshot(channel, { ...own, bridgePeer: trunk.name, peerId: trunk.id, peerNumber: "914155550123" });
    expect(facts).toMatchObject({ direction: "from-desk", dialled: "914155550123", answered: true, farAnswered: true });
    expect(facts?.partner).toMatchObject({ dialledByLeg: true });
  });

  test("foreign channels are not in it, and what is not listed is forgotten", () => {
    const { translator } = ringing();
    expect(translator.snapshot({ ...called, id: "2", name: "PJSIP/1002-00000001" }, reading())).toBeUndefined();
    translator.keep(new Set());
    expect(translator.deskOfLeg(called.id)).toBeUndefined();
  });
});

test("an endpoint is reported with its state, a foreign one is not", () => {
  const say = (resource: string, technology = "PJSIP") =>
    new Translator(site).event(event("EndpointStateChange", undefined, { endpoint: { technology, resource, state: "offline" } }));
  expect(say("1001-mobile")).toEqual([{ type: "endpoint", desk: "1001", endpoint: "1001-mobile", state: "offline" }]);
  expect([say("1002"), say("1001", "IAX2")]).toEqual([[], []]);
});
