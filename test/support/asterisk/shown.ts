/** Events and readings of Asterisk, for the tests of the translation: each as the recordings show them, with changes. */
import { siteOf } from "../../../drivers/asterisk/site.ts";
import { parse } from "valibot";
import { type Reading, readingOf } from "../../../drivers/asterisk/reading.ts";
import { type AriEvent, type Channel, readEvent } from "../../../drivers/asterisk/wire/message.ts";
import { asteriskConfig } from "../../../drivers/asterisk/config.ts";

/** The settings of the tests. */
export const config = parse(asteriskConfig, {
  driver: "asterisk",
  user: "telesetd",
  password: "s3cret",
  outsideEndpoints: "trunk",
});

/** Desk 1001 with a second endpoint, and desk 1003. */
export const site = siteOf(
  config,
  [{ extension: "1001", aliases: ["1001-mobile"] }, { extension: "1003", aliases: [] }],
  ["CustomerID"],
);

/** The phone's channel of a call to 1001. */
export const called: Channel = {
  id: "1795740498.7",
  name: "PJSIP/1001-00000007",
  state: "Ringing",
  caller: { number: "1001", name: "Phone 1001" },
  connected: { number: "14155550123", name: "" },
  exten: "1001",
  context: "default",
  app: "AppDial",
};

/** The phone's channel of a call from the keypad. */
export const dialling: Channel = {
  ...called,
  id: "1795740596.41",
  name: "PJSIP/1001-00000029",
  state: "Ring",
  connected: { number: "", name: "" },
  exten: "914155550123",
  app: "",
};

/** The channel that it has dialled. */
export const trunk: Channel = {
  ...called,
  id: "1795740596.42",
  name: "PJSIP/trunk-0000002a",
  state: "Down",
  caller: { number: "914155550123", name: "" },
  connected: { number: "1001", name: "Phone 1001" },
  context: "from-trunk",
};

/** An event, in the form in which Asterisk sends it. */
export function event(type: string, channel: Channel | undefined, fields: Record<string, unknown> = {}): AriEvent {
  const json = { type, application: "telesetd", ...(channel ? { channel: model(channel) } : {}), ...fields };
  const read = readEvent(JSON.stringify(json));
  if (!read) throw new Error(`Cannot read the event ${type} of the test`);
  return read;
}

/** A `Dial` of a channel. */
export function dialEvent(status: string, peer: Channel, by: Channel | undefined = dialling, fields: object = {}): AriEvent {
  return event("Dial", undefined, { dialstatus: status, peer: model(peer), ...(by ? { caller: model(by) } : {}), ...fields });
}

/** A channel as Asterisk's JSON (model Channel). */
export function model({ exten, context, app, ...channel }: Channel): Record<string, unknown> {
  return { ...channel, dialplan: { exten, context, priority: 1, app_name: app, app_data: "" } };
}

/** What is read of the called phone's channel while it rings: the customer's channel has begun the call. */
export function reading(change: Partial<Reading> = {}): Reading {
  return {
    ...readingOf(new Map(), []),
    id: called.id,
    linkedId: "1795740498.6",
    number: "14155550123",
    presentation: "allowed_not_screened",
    masterId: "1795740498.6",
    masterName: "PJSIP/trunk-00000006",
    masterContext: "from-trunk",
    masterApp: "Dial",
    masterNumber: "14155550123",
    masterPresentation: "allowed_not_screened",
    masterOriginal: "14155550123",
    masterDialled: "18005550100",
    ...change,
  };
}

/** What is read when it is connected with the customer. */
export function connected(change: Partial<Reading> = {}): Reading {
  return reading({
    bridgePeer: "PJSIP/trunk-00000006",
    peerId: "1795740498.6",
    peerNumber: "14155550123",
    peerPresentation: "allowed_not_screened",
    peerContext: "from-trunk",
    peerCameIn: "127.0.0.1",
    ...change,
  });
}
