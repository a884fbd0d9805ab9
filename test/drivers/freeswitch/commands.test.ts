/** The commands to FreeSWITCH, word for word, and the meaning of its answers for an agent. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { parse } from "valibot";
import fc from "fast-check";
import { eventNames, filters, login, originate, originateResult } from "../../../drivers/freeswitch/commands.ts";
import { freeswitchConfig } from "../../../drivers/freeswitch/config.ts";
import { parseOriginate } from "../../../simulator/freeswitch/dialled.ts";

// A backstop: how long many runs of a property take depends on the machine.
setDefaultTimeout(60_000);

const parsed = (part: object) =>
  parse(freeswitchConfig, { driver: "freeswitch", password: "hush", domain: "pbx.example", ...part });
const config = parsed({});
const desk = { extension: "1001", presence: ["1001@pbx.example"] };
const call = "7f3c1a2e-0000-4000-8000-000000000001";

describe("login", () => {
  test.each([
    ["the socket's password", { user: undefined, password: "hush" }, "auth hush"],
    ["a directory user", { user: "box@pbx.example", password: "hush" }, "userauth box@pbx.example:hush"],
  ])("with %s", (_name, settings, text) => {
    expect(login(settings)).toBe(text);
  });
});

describe("originate", () => {
  test("rings every contact, marks each leg, and sends the answered one into the dialplan with the number", () => {
    expect(originate(call, "914155550123", desk, config)).toBe(
      `bgapi originate {telesetd_call=${call},origination_caller_id_number=914155550123,` +
        "origination_caller_id_name=914155550123,ignore_early_media=true,sip_auto_answer=true,originate_timeout=25}user/1001@pbx.example 914155550123 XML default",
    );
  });

  test("follows the settings: no auto answer, another context, another time", () => {
    const text = originate(call, "*99#", desk, { ...config, phoneMake: "none", context: "agents", ringSeconds: 9 });
    expect(text).not.toContain("sip_auto_answer");
    expect(text).toContain("originate_timeout=9}");
    expect(text).toEndWith("user/1001@pbx.example *99# XML agents");
  });

  // Text that could break out of its place: before the number, among the variables, as another command.
  const bad = [
    "",
    " ",
    "12 34",
    "1,2",
    "1}",
    "1{x=y}",
    "&park()",
    "1\n\napi reload",
    "1\r",
    "1\0",
    "1".repeat(33),
    "1|2",
    "1'2",
    '1"2',
    "${x}",
    "１２３",
    "1;2",
    "-1",
    "(1)",
    "1 &system(id)",
    "&system(id)",
    "1}{x=y",
    "1,x=y",
    "1 XML evil",
    "1'",
    '1"',
    "1\n2",
    "1\r\n\r\napi shutdown",
    "1\\s2",
    "$${x}",
    "abc",
    "1\u00a02",
  ];
  test.each(bad)("refuses to dial %j", (number) => {
    expect(() => originate(call, number, desk, config)).toThrow("expected at most 32 of 0-9 * # +");
  });

  const badIds = [...bad.filter((id) => !/^[0-9a-z-]+$/.test(id)), "a,b=c", "a}user/1002", "a=b", "é", "x".repeat(61)];
  test.each(badIds)("refuses the call id %j", (id) => {
    expect(() => originate(id, "1234", desk, config)).toThrow("expected at most 60 letters, digits and -");
  });

  test.each(["*98", "+14155550123", "#31#", "0"])("number %s is dialled unchanged", (number) => {
    expect(originate(call, number, desk, config).split(" ").slice(-3)).toEqual([number, "XML", "default"]);
  });

  test("the simulated switch reads the same extension and number", () => {
    const text = originate(call, "914155550123", desk, { ...config, phoneMake: "yealink" }).replace("bgapi originate ", "");
    expect(parseOriginate(text)).toMatchObject({
      extension: "1001",
      domain: "pbx.example",
      variables: { sip_auto_answer: "true", originate_timeout: "25" },
    });
  });

  test.each(["a b", "a\nb", "a}b", "a,b", "a'b"])("a domain or context that is %j is refused by the schema", (text) => {
    expect(() => parsed({ domain: text })).toThrow();
    expect(() => parsed({ context: text })).toThrow();
  });

  test("whatever number and id are accepted, the command keeps its form", () => {
    const shape = /^bgapi originate \{[^{}\s]*\}user\/1001@pbx\.example [0-9*#+]{1,32} XML default$/;
    fc.assert(fc.property(
      fc.oneof(fc.string(), fc.stringMatching(/^[0-9*#+]{1,32}$/)),
      fc.oneof(fc.string(), fc.uuid()),
      (number, id) => {
        let text: string | undefined;
        try {
          text = originate(id, number, desk, config);
        } catch (error) {
          expect(error).toBeInstanceOf(RangeError);
        }
        if (text !== undefined) expect(text).toMatch(shape);
      },
    ));
  });
});

describe("the answer to an originate", () => {
  test.each([
    ["+OK 7f3c1a2e\n", { answered: "7f3c1a2e" }],
    ["+OK", { answered: "" }],
    ["-ERR USER_NOT_REGISTERED\n", { cause: "USER_NOT_REGISTERED" }],
    ["-ERR Destination out of order", { cause: "Destination out of order" }],
    ["-USAGE: <call url> <exten>", { cause: "-USAGE: <call url> <exten>" }],
    ["-ERR permission denied", { cause: "permission denied" }],
    ["-ERR", { cause: "" }],
    ["", { cause: "" }],
  ])("%j", (body, result) => {
    expect(originateResult(body)).toEqual(result);
  });
});

describe("filters", () => {
  test("of one desk: its legs, its registrations, its agent, the switch's own health; nothing else", () => {
    expect(filters([desk], config)).toEqual([
      "filter Channel-Presence-ID 1001@pbx.example",
      "filter from-user 1001",
      "filter user 1001",
      "filter to-user 1001",
      "filter CC-Agent 1001@default",
      "filter Event-Name HEARTBEAT",
      "filter Event-Name SHUTDOWN",
    ]);
  });

  test("an alias adds its presence id, its user only when it is another", () => {
    const aliased = { extension: "1001", presence: ["1001@pbx.example", "1001@10.0.0.1", "anna@pbx.example"] };
    expect(filters([aliased], config).filter((filter) => /Presence|user/.test(filter))).toEqual([
      "filter Channel-Presence-ID 1001@pbx.example",
      "filter Channel-Presence-ID 1001@10.0.0.1",
      "filter Channel-Presence-ID anna@pbx.example",
      "filter from-user 1001",
      "filter user 1001",
      "filter to-user 1001",
      "filter from-user anna",
      "filter user anna",
      "filter to-user anna",
    ]);
  });

  test("each of two desks has its own, the switch's health comes once", () => {
    const both = filters([desk, { extension: "1002", presence: ["1002@pbx.example"] }], config);
    expect(both).toHaveLength(12);
    expect(new Set(both).size).toBe(12);
  });
});

test("events are subscribed to by name, CUSTOM with its subclasses last, none twice", () => {
  const custom = eventNames.indexOf("CUSTOM");
  expect(eventNames.slice(0, custom).every((name) => /^[A-Z_]+$/.test(name))).toBe(true);
  expect(eventNames.slice(custom + 1).every((name) => name.includes("::"))).toBe(true);
  expect(new Set(eventNames).size).toBe(eventNames.length);
});
