/** How FreeSWITCH reports that a number is withheld. */
import { describe, expect, test } from "bun:test";
import { connected, dialled, dialling, factsOf, ringing } from "../../support/freeswitch/frames.ts";

describe("a caller", () => {
  test.each([
    ["the leg's caller profile", { "Caller-Privacy-Hide-Number": "true" }],
    ["the profile of the calling leg", { "Other-Leg-Privacy-Hide-Number": "true" }],
    ["their name alone, beside the number that a trunk asserts", { "Caller-Caller-ID-Name": "Anonymous" }],
    ["the name on the calling leg alone", { "Other-Leg-Caller-ID-Name": "Private Number" }],
    ["the Privacy header that the phone is sent", { variable_sip_h_Privacy: "id" }],
    ["a Privacy header with several values", { variable_sip_Privacy: "Privacy: user;id;critical" }],
    ["the privacy variable", { variable_privacy: "full" }],
    ["originate's variable", { variable_origination_privacy: "hide_name:hide_number" }],
    ["Remote-Party-ID", { "variable_sip_h_Remote-Party-ID": "<sip:14155550123@10.0.0.2>;party=calling;screen=yes;privacy=full" }],
  ])("a number withheld by %s is marked", (_name, change) => {
    for (const name of ["CHANNEL_CREATE", "CHANNEL_PROGRESS", "CALL_UPDATE", "CHANNEL_DATA"]) {
      expect(factsOf({ ...ringing, ...change, "Event-Name": name }).caller).toEqual({
        identity: "14155550123",
        outside: true,
        withheld: true,
      });
    }
  });

  test.each([
    ["false", { "Caller-Privacy-Hide-Number": "false", "Other-Leg-Privacy-Hide-Number": "false" }],
    ["a name that is not known", { "Caller-Caller-ID-Name": "Unknown", "Other-Leg-Caller-ID-Name": "Private Bank" }],
    ["only the name is hidden", { "Caller-Privacy-Hide-Name": "true", variable_origination_privacy: "hide_name:screen" }],
    ["Privacy: none", { variable_sip_h_Privacy: "none", variable_privacy: "no" }],
    ["an unverified number is not a withheld one", { "Caller-Screen-Bit": "false", variable_sip_cid_type: "none" }],
    ["Remote-Party-ID with privacy=off", { "variable_sip_h_Remote-Party-ID": "<sip:1@2>;screen=no;privacy=off" }],
    ["the flag of a leg that the switch set up", {
      "Other-Leg-Direction": "outbound",
      "Other-Leg-Privacy-Hide-Number": "true",
    }],
  ])("a number that is not withheld, %s, is not marked", (_name, change) => {
    expect(factsOf({ ...ringing, ...change }).caller).toEqual({ identity: "14155550123", outside: true });
  });
});

describe("the party of a leg", () => {
  test.each([
    ["who called in", connected, { "Other-Leg-Privacy-Hide-Number": "true" }],
    ["who called in, by the leg's own profile", connected, { "Caller-Privacy-Hide-Number": "true" }],
    ["who was put through", {
      ...connected,
      "Caller-Caller-ID-Number": "1001-0x55",
      "Caller-Callee-ID-Number": "14155550999",
      "Other-Leg-Caller-ID-Number": "14155550999",
    }, { "Other-Leg-Privacy-Hide-Number": "true" }],
    ["who was picked up", { ...dialling, "Event-Name": "CHANNEL_BRIDGE", "Answer-State": "answered" }, {
      "Other-Leg-Unique-ID": "far",
      "Other-Leg-Direction": "inbound",
      "Other-Leg-Channel-Name": "sofia/external/14155550999@10.0.0.2",
      "Other-Leg-Caller-ID-Number": "14155550999",
      "Other-Leg-Privacy-Hide-Number": "true",
    }],
  ])("a withheld party %s is marked", (_name, frame, change) => {
    expect(factsOf({ ...frame, ...change }).partner).toMatchObject({ outside: true, withheld: true });
    expect(factsOf({ ...frame, ...change, "Caller-Privacy-Hide-Number": "", "Other-Leg-Privacy-Hide-Number": "" }).partner)
      .not.toHaveProperty("withheld");
  });

  test.each([
    ["a colleague's who put the party through", {
      ...connected,
      "Caller-Caller-ID-Number": "1001",
      "Caller-Callee-ID-Number": "14155550999",
    }],
    ["the desk's own, on a leg that dialled", dialled],
  ])("the wish of %s is not the party's", (_name, frame) => {
    expect(factsOf({ ...frame, "Caller-Privacy-Hide-Number": "true" }).partner).not.toHaveProperty("withheld");
  });
});
