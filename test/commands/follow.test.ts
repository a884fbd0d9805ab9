/** The lines of `telesetd log follow`. */
import { describe, expect, test } from "bun:test";
import { entryText } from "../../src/commands/follow.ts";
import type { LogFields, LogLevel } from "../../src/log/log.ts";

const shown = (text: string, fields: LogFields, { level = "trace" as LogLevel, wire = false } = {}) =>
  entryText({ at: "2026-11-27T10:31:05.123Z", level, text, fields }, { utc: true, wire })?.replace(
    "2026-11-27T10:31:05.123Z  ",
    "",
  );

const answer = JSON.stringify({
  "Event-Name": "CHANNEL_ANSWER",
  "Unique-ID": "5a761c59-1",
  "Caller-Caller-ID-Number": "14155550123",
  "Caller-Destination-Number": "1001",
});

describe("one line for", () => {
  test.each<[string, string, LogFields, string | undefined]>([
    [
      "an event of the switch",
      "from the switch",
      { event: answer },
      "FreeSWITCH --> telesetd               CHANNEL_ANSWER  leg 5a761c59  14155550123 > 1001",
    ],
    ["an event that is not JSON", "from the switch", { event: "{" }, undefined],
    ["a reply to a command", "from the switch", { reply: "+OK" }, undefined],
    [
      "a command",
      "to the switch",
      { frame: "bgapi originate x\nJob-UUID: 1" },
      "FreeSWITCH <-- telesetd               bgapi originate x",
    ],
    ["a filter", "to the switch", { frame: "filter Unique-ID 1" }, undefined],
    [
      "a SIP message",
      "from drachtio-server",
      { frame: "9|sip|x\r\nNOTIFY sip:b@x SIP/2.0\r\nEvent: dialog" },
      "SIP        --> telesetd               NOTIFY sip:b@x SIP/2.0",
    ],
    [
      "a callout",
      "Callout received",
      { request: "GET /?FunctionName=Ready" },
      "             telesetd <-- CRM    GET /?FunctionName=Ready",
    ],
    ["an answer without a body", "Callout answered", { status: 200, body: "" }, "             telesetd --> CRM    status 200"],
    ["an event", "Event posted", { request: "POST /", body: "<CCTSDK/>" }, "             telesetd --> CRM    <CCTSDK/>"],
    ["no answer", "Event answered", { trouble: "timeout" }, "             telesetd <-- CRM    status none: timeout"],
  ])("%s", (_, text, fields, line) => {
    expect(shown(text, fields)).toBe(line);
  });

  test("an entry of the log, but not at debug", () => {
    expect(shown("Register", { desk: "1001" }, { level: "info" })).toBe("Register  desk=1001");
    expect(shown("Register", { desk: "1001" }, { level: "debug" })).toBeUndefined();
  });
});

test("with --wire a message is whole, and cannot control the terminal", () => {
  expect(shown("from the switch", { desk: "1001", reply: "+OK\r\n\u001b[2J\r\n" }, { wire: true })).toBe(
    "from the switch\n    desk: 1001\n    reply:\n      +OK\n      \\u001b[2J",
  );
});
