/** The request of a MakeCall, and what Asterisk's refusals mean for the agent. */
import { describe, expect, test } from "bun:test";
import { parse } from "valibot";
import { originate, refusalResult } from "../../../drivers/asterisk/originate.ts";
import { asteriskConfig } from "../../../drivers/asterisk/config.ts";
import { config } from "../../support/asterisk/shown.ts";

const command = { type: "dial", desk: "1001", call: "c-1", number: "914155550123" } as const;
const body = (change: object = {}) =>
  originate(command, parse(asteriskConfig, { ...config, ...change })).body as {
    endpoint: string;
    variables: Record<string, string>;
  };

test("it rings the phone, shows it the number, and dials as the desk", () => {
  expect(originate(command, config)).toEqual({
    method: "POST",
    path: "channels",
    body: {
      endpoint: "PJSIP/1001",
      extension: "914155550123",
      context: "default",
      priority: 1,
      channelId: "telesetd-c-1",
      callerId: '"914155550123" <914155550123>',
      timeout: 25,
      variables: {
        "CALLERID(num)": "1001",
        "CALLERID(name)": "",
        "PJSIP_HEADER(add,Call-Info)": "<sip:127.0.0.1>;answer-after=0",
      },
    },
  });
});

test("the customer sees the number of the site", () => {
  expect(body({ callerId: "14155550100" }).variables["CALLERID(num)"]).toBe("14155550100");
});

test.each([
  ["yealink", ["Call-Info", "Alert-Info"], "info=alert-autoanswer;delay=0"],
  ["polycom", ["Alert-Info"], "Ring Answer"],
  ["none", [], undefined],
])("a phone of %s", (phoneMake, headers, alertInfo) => {
  const { variables } = body({ phoneMake });
  const added = Object.keys(variables).flatMap((name) => /^PJSIP_HEADER\(add,(.*)\)$/.exec(name)?.[1] ?? []);
  expect(added).toEqual(headers);
  expect(variables["PJSIP_HEADER(add,Alert-Info)"]).toBe(alertInfo as string);
});

test("through the dialplan no header can be given", () => {
  const { endpoint, variables } = body({ dial: "Local/{extension}@from-internal" });
  expect(endpoint).toBe("Local/1001@from-internal");
  expect(Object.keys(variables)).toEqual(["CALLERID(num)", "CALLERID(name)"]);
});

test.each([[{ number: "1&x" }], [{ number: "" }], [{ call: "a b" }], [{ call: "x".repeat(51) }]])("%j is refused", (change) => {
  expect(() => originate({ ...command, ...change }, config)).toThrow(RangeError);
});

describe("a refusal", () => {
  test.each([
    [500, '{"error":"Allocation failed"}', "USER_NOT_REGISTERED", "Phone 1001 is not registered: check its cable and power."],
    [403, '{"message":"Write access denied"}', "HTTP_403", "read_only"],
    [401, "", "HTTP_401", "password of user telesetd"],
    [409, '{"message":"Channel with given unique ID already exists"}', "HTTP_409", "Try again"],
    [400, '{"message":"Invalid endpoint\\nspecified"}', "HTTP_400", "400, Invalid endpoint specified"],
    [503, '{"message":"Asterisk not booted"}', "HTTP_503", "Asterisk not booted"],
  ])("%p %s", (status, text, cause, why) => {
    const result = refusalResult({ status, ok: false, text }, "1001", config);
    expect(result).toMatchObject({ outcome: "failed", cause, why: expect.stringContaining(why) });
  });
});
