/** Whatever Asterisk sends, what is read of it has the right shape. */
import { expect, setDefaultTimeout, test } from "bun:test";
import fc from "fast-check";
import { isLegId, readChannel, readEndpoint, readEvent } from "../../../../drivers/asterisk/wire/message.ts";

setDefaultTimeout(60_000);

test("an event as Asterisk sends it", () => {
  const text = JSON.stringify({
    type: "ChannelDestroyed",
    application: "telesetd",
    cause: 17,
    cause_txt: "User busy",
    tech_cause: 486,
    channel: {
      id: "1795740510.11",
      name: "PJSIP/1001-0000000b",
      state: "Ringing",
      caller: { name: "Phone 1001", number: "1001" },
      connected: { name: "", number: "14155550123" },
      dialplan: { context: "default", exten: "1001", priority: 1, app_name: "AppDial", app_data: "" },
    },
  });
  expect(readEvent(text)).toMatchObject({
    type: "ChannelDestroyed",
    cause: 17,
    techCause: 486,
    channel: { id: "1795740510.11", state: "Ringing", exten: "1001", app: "AppDial", connected: { number: "14155550123" } },
  });
});

test.each(["", "x", "null", "[]", "1", "{}", '{"type":1}', '{"type":""}'])("%j is not an event", (text) => {
  expect(readEvent(text)).toBeUndefined();
});

test.each([
  ["1795740510.11", true],
  ["telesetd-0b0d3a4e", true],
  ["", false],
  ["x".repeat(61), false],
  ["a b", false],
  ["a\nb", false],
  ["a\u202eb", false],
])("the id %j may be that of a leg: %p", (id, may) => expect(isLegId(id)).toBe(may));

test("a channel without a proper id or name is not read; an endpoint lists only proper ids", () => {
  expect(readChannel({ id: "a\u0000", name: "PJSIP/1001-00000001" })).toBeUndefined();
  expect(readChannel({ id: "1.1" })).toBeUndefined();
  const endpoint = { technology: "PJSIP", resource: "1001", state: "online", channel_ids: ["1.1", 5, "a b", null] };
  expect(readEndpoint(endpoint)?.channels).toEqual(["1.1"]);
});

test("any JSON is read without an error, into texts and numbers", () => {
  fc.assert(fc.property(fc.json(), (text) => {
    const event = readEvent(text);
    if (event) expect([typeof event.value, typeof event.cause, typeof event.dialStatus]).toEqual(["string", "number", "string"]);
  }));
  fc.assert(fc.property(fc.jsonValue(), fc.jsonValue(), (channel, endpoint) => {
    const event = readEvent(JSON.stringify({ type: "x", channel, caller: channel, peer: endpoint, endpoint }));
    expect(event?.type).toBe("x");
    if (event?.channel) expect(isLegId(event.channel.id)).toBe(true);
  }));
});
