/** What an event of FreeSWITCH means for a line. Complete recorded calls: transcript.test.ts; here the rules, one by one. */
import { describe, expect, test } from "bun:test";
import { type Frame, text } from "../../../drivers/freeswitch/wire/event.ts";
import { Translator } from "../../../drivers/freeswitch/translate.ts";
import { connected, dialled, dialling, factsOf, ringing, say, site } from "../../support/freeswitch/frames.ts";

describe("whose leg it is", () => {
  test.each([
    ["the desk's own domain", {}],
    ["an alias", { "Channel-Presence-ID": "1001@10.0.0.1" }],
    ["another case", { "Channel-Presence-ID": "1001@PBX.Example" }],
  ])("%s: ours", (_name, change) => {
    expect(factsOf({ ...ringing, ...change })).toMatchObject({ desk: "1001", leg: "leg" });
  });

  test.each([
    ["another extension", { "Channel-Presence-ID": "1002@pbx.example" }],
    ["another tenant's 1001", { "Channel-Presence-ID": "1001@other.example" }],
    ["an extension that ends like ours", { "Channel-Presence-ID": "21001@pbx.example" }],
    ["no presence id", { "Channel-Presence-ID": "" }],
    ["a gateway's leg", { variable_sip_gateway_name: "carrier" }],
    ["a loopback leg", { "Channel-Name": "loopback/1001-a" }],
    ["a leg without an id", { "Unique-ID": "" }],
    ["an id longer than the CRM takes", { "Unique-ID": "x".repeat(61) }],
  ])("%s: not ours, nothing is reported", (_name, change) => {
    for (const name of ["CHANNEL_CREATE", "CHANNEL_ANSWER", "CHANNEL_BRIDGE", "CHANNEL_HANGUP"]) {
      expect(say({ ...ringing, ...change, "Event-Name": name })).toEqual([]);
    }
  });
});

describe("a called phone", () => {
  test("rings: direction, caller, the caller's profile, number dialled and leg", () => {
    expect(factsOf(ringing)).toEqual({
      desk: "1001",
      leg: "leg",
      rings: true,
      direction: "to-desk",
      caller: { identity: "14155550123", outside: true },
      callerDialled: "18005550100",
      farLeg: "far",
    });
  });

  test.each([
    ["CHANNEL_CREATE, DOWN", undefined, { "Event-Name": "CHANNEL_CREATE" }],
    ["CHANNEL_PROGRESS", true, {}],
    ["CHANNEL_PROGRESS_MEDIA", true, { "Event-Name": "CHANNEL_PROGRESS_MEDIA" }],
    ["CALLSTATE RINGING", true, { "Event-Name": "CHANNEL_CALLSTATE", "Channel-Call-State": "RINGING" }],
    ["CALLSTATE EARLY", true, { "Event-Name": "CHANNEL_CALLSTATE", "Channel-Call-State": "EARLY" }],
  ])("%s: rings is %p", (_name, rings, change) => {
    expect(factsOf({ ...ringing, ...change }).rings).toBe(rings as true);
  });

  test.each([
    ["outside profile", "sofia/external/x@y", true],
    ["second outside profile", "sofia/carrier/x@y", true],
    ["gateway", "sofia/gateway/carrier/x", true],
    ["inside profile", "sofia/internal/1002@pbx.example", false],
    ["another technology", "verto.rtc/x", undefined],
    ["no other leg", "", undefined],
  ])("the caller's leg is of an %s (%s): outside is %p", (_name, channel, outside) => {
    expect(factsOf({ ...ringing, "Other-Leg-Channel-Name": channel }).caller?.outside).toBe(outside as true);
  });

  test.each(["", "anonymous", "Anonymous", "0000000000", "unavailable", "alice", "1002-0x55626db72f40"])(
    "the caller's identity %j is passed on unchanged",
    (identity) => {
      expect(factsOf({ ...ringing, "Caller-Caller-ID-Number": identity }).caller).toEqual({ identity, outside: true });
    },
  );

  test("a caller who shows our own extension is still the caller, while it rings", () => {
    expect(factsOf({ ...ringing, "Caller-Caller-ID-Number": "1001" }).caller?.identity).toBe("1001");
  });

  test("is shown with the number with which the leg came in if a dialplan shows another", () => {
    const original = (part: Record<string, string>) => factsOf({ ...ringing, ...part }).caller?.original;
    const header = "Caller-Orig-Caller-ID-Number";
    expect(original({ "Caller-Caller-ID-Number": "Sales:14155550123", [header]: "14155550123" })).toBe("14155550123");
    expect(original({ [header]: "14155550123" })).toBeUndefined();
    expect(original({ [header]: "" })).toBeUndefined();
    // A colleague's phone, which was called by a customer, calls us.
    const colleague = { "Caller-Caller-ID-Number": "1002", "Other-Leg-Direction": "outbound" };
    expect(original({ ...colleague, [header]: "14155550123" })).toBeUndefined();
    expect(factsOf({ ...ringing, "Call-Direction": "inbound", [header]: "1001" }).caller).toBeUndefined();
  });

  test("CALLSTATE comes without variables: it changes the state of a leg, but cannot start a call", () => {
    const facts = factsOf({ ...ringing, "Event-Name": "CHANNEL_CALLSTATE", "Channel-Call-State": "RINGING" });
    expect(facts).toEqual({ desk: "1001", leg: "leg", rings: true });
  });

  test.each([["CHANNEL_HOLD", true], ["CHANNEL_UNHOLD", false], ["CALL_UPDATE", undefined]])("%s: held is %p", (name, held) => {
    expect(factsOf({ ...connected, "Event-Name": name }).held).toBe(held as boolean);
  });

  test.each([
    ["CHANNEL_HANGUP", "ORIGINATOR_CANCEL", "ORIGINATOR_CANCEL"],
    ["CHANNEL_HANGUP_COMPLETE", "LOSE_RACE", "LOSE_RACE"],
    ["CHANNEL_DESTROY", "", "NORMAL_CLEARING"],
  ])("%s with the cause %j: ended, %s", (name, cause, expected) => {
    const facts = factsOf({ ...ringing, "Event-Name": name, "Hangup-Cause": cause, "Answer-State": "hangup" });
    expect(facts).toEqual({
      desk: "1001",
      leg: "leg",
      ended: { cause: expected, why: expect.any(String), far: expect.any(String) },
    });
  });

  test.each([["Answer-State", "hangup"], ["Channel-Call-State", "HANGUP"]])(
    "an event between hang-up and end (%s %s) says nothing",
    (header, value) => {
      expect(say({ ...connected, "Event-Name": "CHANNEL_CALLSTATE", [header]: value })).toEqual([]);
    },
  );

  test("a new id: renamed", () => {
    const frame = { ...connected, "Event-Name": "CHANNEL_UUID", "Old-Unique-ID": "leg", "Unique-ID": "new" };
    expect(say(frame)).toEqual([{ type: "leg-renamed", desk: "1001", from: "leg", to: "new" }]);
    expect(say({ ...frame, "Old-Unique-ID": "" })).toEqual([]);
  });
});

describe("the number that the caller dialled", () => {
  const without = { ...ringing, "Other-Leg-Destination-Number": "" };
  const offer: Frame = {
    "Event-Name": "CUSTOM",
    "Event-Subclass": "callcenter::info",
    "CC-Action": "agent-offering",
    "CC-Member-Session-UUID": "far",
    "CC-Member-DNIS": "7000",
  };
  const queued = { ...ringing, "Other-Leg-Unique-ID": "", "Other-Leg-Direction": "", variable_cc_member_session_uuid: "far" };

  test.each([
    ["the other leg's destination", ringing, "18005550100"],
    ["without it the redirecting number", { ...without, "Caller-RDNIS": "18005550111" }, "18005550111"],
    ["the destination before the redirecting number", { ...ringing, "Caller-RDNIS": "18005550111" }, "18005550100"],
    ["not the destination of a leg that was called", { ...ringing, "Other-Leg-Direction": "outbound" }, undefined],
    ["not a phone's own contact", { ...without, "Caller-RDNIS": "1001-0x55" }, undefined],
    ["nothing, where there is nothing", without, undefined],
  ])("%s", (_name, frame, expected) => {
    expect(factsOf(frame).callerDialled).toBe(expected as string);
  });

  test("a queue's member: from the queue's offer, which arrives before the leg", () => {
    const translator = new Translator(site);
    expect(factsOf(queued, translator).callerDialled).toBeUndefined();
    expect(say(offer, translator)).toEqual([]);
    expect(factsOf(queued, translator)).toMatchObject({ callerDialled: "7000", farLeg: "far" });
    expect(factsOf({ ...queued, "Caller-RDNIS": "7009" }, translator).callerDialled).toBe("7009");
  });

  test("of the queue's offers the last hundred are remembered", () => {
    const translator = new Translator(site);
    say(offer, translator);
    for (let n = 0; n < 99; n++) say({ ...offer, "CC-Member-Session-UUID": `other-${n}` }, translator);
    expect(factsOf(queued, translator).callerDialled).toBe("7000");
    say({ ...offer, "CC-Member-Session-UUID": "one more" }, translator);
    expect(factsOf(queued, translator).callerDialled).toBeUndefined();
  });

  test.each([["variable_cc_member_uuid", "m"], ["variable_cc_queue", "support@default"]])(
    "%s: it comes from a queue",
    (name, value) => {
      expect(factsOf({ ...ringing, [name]: value }).queue).toBe(true);
      expect(factsOf(ringing).queue).toBeUndefined();
    },
  );
});

describe("the partner", () => {
  test.each([
    ["the caller, as in the call", connected, "14155550123"],
    [
      "after an attended transfer the profile is turned round: the callee",
      { ...connected, "Caller-Caller-ID-Number": "1001-0x55", "Caller-Callee-ID-Number": "14155550999" },
      "14155550999",
    ],
    [
      "turned round, by our extension alone",
      { ...connected, "Caller-Caller-ID-Number": "1001", "Caller-Callee-ID-Number": "14155550999" },
      "14155550999",
    ],
    [
      "from outside, a number rather than a contact",
      { ...connected, "Caller-Caller-ID-Number": "1002-0x55", "Caller-Callee-ID-Number": "14155550999" },
      "14155550999",
    ],
    [
      "from outside, the long number rather than a colleague's",
      { ...connected, "Caller-Caller-ID-Number": "1002", "Other-Leg-Caller-ID-Number": "14155550999" },
      "14155550999",
    ],
    ["from outside, withheld everywhere", {
      ...connected,
      "Caller-Caller-ID-Number": "anonymous",
      "Other-Leg-Caller-ID-Number": "",
    }, "anonymous"],
  ])("%s", (_name, frame, identity) => {
    expect(factsOf(frame).partner).toEqual({ identity, outside: true, dialledByLeg: false });
  });

  test("a party that the dialplan withholds stays withheld, although the other leg has the number", () => {
    const withheld = { ...connected, "Caller-Caller-ID-Number": "anonymous", "Other-Leg-Caller-ID-Number": "14155550123" };
    expect(factsOf({ ...withheld, "Other-Leg-Direction": "inbound" }).partner?.identity).toBe("anonymous");
    const dialler = { ...withheld, "Caller-Caller-ID-Number": "0000000000", "Other-Leg-Direction": "inbound" };
    expect(factsOf(dialler).partner?.identity).toBe("14155550123");
  });

  test("after the identities are swapped, our own is not the caller", () => {
    const facts = factsOf({ ...connected, "Caller-Caller-ID-Number": "1001-0x55", "Caller-Callee-ID-Number": "14155550999" });
    expect(facts.caller).toBeUndefined();
  });

  test("a colleague is inside; the contact is not a number, but it is all that is known", () => {
    const frame = {
      ...connected,
      "Caller-Caller-ID-Number": "1002-0x55",
      "Other-Leg-Caller-ID-Number": "",
      "Other-Leg-Channel-Name": "sofia/internal/1002",
    };
    expect(factsOf(frame).partner).toEqual({ identity: "1002-0x55", outside: false, dialledByLeg: false });
  });

  test.each([
    ["text", "far;Outbound Call;14155550123"],
    ["a list", ["other;x;1", "far;Outbound Call;14155550123"]],
  ])("a party that this leg has called itself (originated_legs as %s) is dialled", (_name, legs) => {
    expect(factsOf({ ...dialled, variable_originated_legs: legs }).partner?.dialledByLeg).toBe(true);
    expect(factsOf({ ...dialled, variable_originated_legs: "other;x;1" }).partner?.dialledByLeg).toBe(false);
  });

  test.each([["before the answer", { "Answer-State": "ringing" }], ["in an event other than a connection", {
    "Event-Name": "CHANNEL_HOLD",
  }]])(
    "%s there is none",
    (_name, change) => {
      expect(factsOf({ ...connected, ...change }).partner).toBeUndefined();
    },
  );

  test("the pickup application connects without a bridge: the caller is the partner, and connected", () => {
    const pickup = {
      ...dialling,
      "Event-Name": "CALL_UPDATE",
      "Answer-State": "answered",
      "Caller-Destination-Number": "*81002",
      "Caller-Caller-ID-Number": "14155550123",
      "Caller-Callee-ID-Number": "1001",
    };
    expect(factsOf(pickup)).toMatchObject({ dialled: "*81002", partner: { identity: "14155550123" }, farAnswered: true });
    const voicemail = { ...pickup, "Caller-Caller-ID-Number": "1001", "Caller-Callee-ID-Number": "1001" };
    expect(factsOf(voicemail)).not.toHaveProperty("partner");
    expect(factsOf(voicemail)).not.toHaveProperty("farAnswered");
    expect(factsOf({ ...pickup, "Event-Name": "CHANNEL_ANSWER" })).not.toHaveProperty("farAnswered");
  });
});

describe("the far end of a call that the phone dials", () => {
  const callee = { "Caller-Callee-ID-Number": "14155550123" };
  const called = { variable_originated_legs: "far;x;14155550123" };
  const early = { ...dialled, "Other-Leg-Channel-Answered-Time": "0" };

  test.each([
    ["created: nothing yet", undefined, undefined, dialling],
    ["progress without a far leg (a wrong number)", undefined, undefined, { ...dialling, "Event-Name": "CHANNEL_PROGRESS" }],
    ["progress with a callee", true, undefined, { ...dialling, "Event-Name": "CHANNEL_PROGRESS", ...callee }],
    ["progress with a separate leg", true, undefined, { ...dialling, "Event-Name": "CHANNEL_PROGRESS", ...called }],
    ["early media with a callee", true, undefined, { ...dialling, "Event-Name": "CHANNEL_PROGRESS_MEDIA", ...callee }],
    ["answered by the dialplan alone", undefined, undefined, {
      ...dialling,
      "Event-Name": "CHANNEL_ANSWER",
      "Answer-State": "answered",
    }],
    ["RING_WAIT", true, undefined, { ...dialling, "Event-Name": "CHANNEL_CALLSTATE", "Channel-Call-State": "RING_WAIT" }],
    ["bridged", true, true, dialled],
    ["bridged to early media", true, undefined, early],
    ["answered after early media", true, true, { ...early, "Event-Name": "CHANNEL_ANSWER" }],
    ["updated after early media that the dialplan had answered", true, true, { ...early, "Event-Name": "CALL_UPDATE" }],
    ["bridged to somebody who called us", true, true, { ...early, "Other-Type": "originator", "Other-Leg-Direction": "inbound" }],
    ["a query of it while the far end rings", true, undefined, { ...dialling, "Event-Name": "CHANNEL_DATA", ...called }],
    ["a query of it, bridged to early media", true, undefined, { ...early, "Event-Name": "CHANNEL_DATA" }],
  ])("%s: called is %p, answered is %p", (_name, farCalled, farAnswered, frame) => {
    const name = text(frame as Frame, "Event-Name");
    const facts = new Translator(site).facts(frame, "1001", name);
    expect([facts?.farCalled, facts?.farAnswered]).toEqual([farCalled as true, farAnswered as true]);
  });

  test("of a MakeCall, bridged to early media: answered only when its own far leg shows it", () => {
    const translator = new Translator(site);
    translator.dials.set("leg", "1001");
    const makecall = { ...early, "Call-Direction": "outbound", variable_telesetd_call: "leg" };
    expect(factsOf(makecall, translator)).toMatchObject({ call: "leg", farCalled: true });
    expect(factsOf(makecall, translator).farAnswered).toBeUndefined();
    expect(factsOf({ ...makecall, "Event-Name": "CALL_UPDATE" }, translator).farAnswered).toBeUndefined();
    const far = { "Event-Name": "CHANNEL_ANSWER", "Unique-ID": "far", variable_originating_leg_uuid: "leg" };
    expect(factsOf(far, translator)).toEqual({ desk: "1001", leg: "leg", farCalled: true, farAnswered: true });
  });

  test.each([
    ["an event of it other than an answer", { "Event-Name": "CHANNEL_PROGRESS", variable_originating_leg_uuid: "leg" }],
    ["the answer of another call's far leg", { "Event-Name": "CHANNEL_ANSWER", variable_originating_leg_uuid: "another" }],
    ["the answer of a leg that nobody has set up", { "Event-Name": "CHANNEL_ANSWER" }],
  ])("%s reports nothing", (_name, frame) => {
    const translator = new Translator(site);
    translator.dials.set("leg", "1001");
    expect(say({ "Unique-ID": "far", ...frame }, translator)).toEqual([]);
  });
});

test.each([
  ["text", "C-1", { CustomerID: "C-1" }],
  ["a list: the last counts", ["C-1", "C-2"], { CustomerID: "C-2" }],
  ["an empty list", [], undefined],
  ["empty text", "", undefined],
])("a configured channel variable, as %s", (_name, value, data) => {
  expect(factsOf({ ...ringing, variable_CustomerID: value, variable_other: "x" }).data).toEqual(data);
});

test("of a repeated header the last counts", () => {
  expect(factsOf({ ...ringing, "Caller-Caller-ID-Number": ["1002", "14155550999"] }).caller?.identity).toBe("14155550999");
});
