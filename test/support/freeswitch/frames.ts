/** Frames of a handset's leg, as the tests of the translator change them. */
import type { LegFacts } from "../../../src/core/line.ts";
import type { Frame } from "../../../drivers/freeswitch/wire/event.ts";
import { type Translated, Translator } from "../../../drivers/freeswitch/translate.ts";

const presence = ["1001@pbx.example", "1001@10.0.0.1"];
export const site = {
  desks: [{ extension: "1001", presence }],
  outsideProfiles: ["external", "carrier"],
  variables: ["CustomerID"],
};

/** The handset's leg of a call from outside, as it rings. */
export const ringing: Frame = {
  "Event-Name": "CHANNEL_PROGRESS",
  "Unique-ID": "leg",
  "Channel-Presence-ID": "1001@pbx.example",
  "Channel-Name": "sofia/internal/1001-0x55@10.0.0.9:5060",
  "Call-Direction": "outbound",
  "Answer-State": "ringing",
  "Channel-Call-State": "DOWN",
  "Caller-Caller-ID-Number": "14155550123",
  "Caller-Destination-Number": "1001-0x55",
  "Other-Leg-Unique-ID": "far",
  "Other-Leg-Direction": "inbound",
  "Other-Leg-Channel-Name": "sofia/external/14155550123@10.0.0.2",
  "Other-Leg-Destination-Number": "18005550100",
  "Other-Leg-Caller-ID-Number": "14155550123",
};

/** The same, answered and connected. */
export const connected: Frame = {
  ...ringing,
  "Event-Name": "CALL_UPDATE",
  "Answer-State": "answered",
  "Channel-Call-State": "ACTIVE",
};

/** The handset's leg when it has dialled. */
export const dialling: Frame = {
  "Event-Name": "CHANNEL_CREATE",
  "Unique-ID": "leg",
  "Channel-Presence-ID": "1001@pbx.example",
  "Channel-Name": "sofia/internal/1001@pbx.example",
  "Call-Direction": "inbound",
  "Answer-State": "ringing",
  "Channel-Call-State": "DOWN",
  "Caller-Caller-ID-Number": "1001",
  "Caller-Destination-Number": "914155550123",
};

/** The same, connected to a gateway's leg that it has set up. */
export const dialled: Frame = {
  ...dialling,
  "Event-Name": "CHANNEL_BRIDGE",
  "Answer-State": "answered",
  "Channel-Call-State": "ACTIVE",
  "Caller-Callee-ID-Number": "14155550123",
  "Other-Type": "originatee",
  "Other-Leg-Unique-ID": "far",
  "Other-Leg-Direction": "outbound",
  "Other-Leg-Channel-Name": "sofia/external/14155550123",
  "Other-Leg-Channel-Answered-Time": "1700000000000000",
  "Other-Leg-Destination-Number": "14155550123",
  variable_originated_legs: "far;Outbound Call;14155550123",
};

/** What the translator makes of a frame. */
export function say(frame: Frame, translator = new Translator(site)): Translated[] {
  return translator.frame(frame);
}

/** The facts of the one leg that an event speaks of. */
export function factsOf(frame: Frame, translator?: Translator): LegFacts {
  const [first, ...more] = say(frame, translator);
  if (first?.type !== "leg" || more.length > 0) throw new Error(`Cannot read facts: ${JSON.stringify(first)}`);
  return first.facts;
}
