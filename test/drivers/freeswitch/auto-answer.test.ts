/** How each make of phone is asked to answer automatically, and that a click-to-dial asks for nothing else. */
import { describe, expect, test } from "bun:test";
import { autoAnswer } from "../../../drivers/freeswitch/auto-answer.ts";
import { type PhoneMake, phoneMakes } from "../../../drivers/shared/auto-answer.ts";
import { originate } from "../../../drivers/freeswitch/commands.ts";
import { freeswitchConfig } from "../../../drivers/freeswitch/config.ts";
import { parseOriginate } from "../../../simulator/freeswitch/dialled.ts";

const desk = { extension: "1001", presence: ["1001@pbx"] };

function configOf(part: Record<string, unknown> = {}): ReturnType<typeof freeswitchConfig.parse> {
  return freeswitchConfig.parse({ driver: "freeswitch", password: "x", domain: "pbx", ...part });
}

/** The whole command, its variables for the make left open. */
const command = (variables: string) =>
  "bgapi originate {telesetd_call=m1,origination_caller_id_number=914155550123," +
  `origination_caller_id_name=914155550123,ignore_early_media=true,${variables}originate_timeout=25}user/1001@pbx 914155550123 XML default`;

describe("the click-to-dial for a phone of make", () => {
  const byMake: Record<PhoneMake, string> = {
    generic: "sip_auto_answer=true,",
    yealink: "sip_auto_answer=true,alert_info=info=alert-autoanswer;delay=0,",
    snom: "sip_auto_answer=true,alert_info=<http://localhost>;info=alert-autoanswer;delay=0,",
    polycom: "alert_info='Ring Answer',",
    grandstream: "sip_auto_answer=true,",
    mitel: "alert_info=info=alert-autoanswer,",
    none: "",
  };
  test.each(Object.entries(byMake))("%s", (make, variables) => {
    const text = originate("m1", "914155550123", desk, configOf({ phoneMake: make }));
    expect(text).toBe(command(variables));
  });

  test("absent: as generic; every make that the configuration knows is here", () => {
    expect(originate("m1", "914155550123", desk, configOf())).toBe(command(byMake.generic));
    expect(Object.keys(byMake).toSorted()).toEqual([...phoneMakes].toSorted());
    expect(() => configOf({ phoneMake: "acme" })).toThrow();
  });

  test.each(phoneMakes)("%s: no variable ends the list, starts another word or ends the line", (make) => {
    for (const variable of autoAnswer(make)) {
      // A space only between quotes, which keep it together (switch_separate_string).
      expect(variable).toMatch(/^[a-z_]+=([^\s,{}'"\\]+|'[^,{}'"\\\p{Cc}]+')$/u);
    }
  });
});

describe("nothing but the number and the call's id comes from outside:", () => {
  const bad = [
    "",
    "1 &system(id)",
    "&system(id)",
    "1}{x=y",
    "1,x=y",
    "1 XML evil",
    "1'",
    '1"',
    "1;2",
    "1|2",
    "1\n2",
    "1\r\n\r\napi shutdown",
    "1\\s2",
    "${x}",
    "$${x}",
    "abc",
    "１２３",
    "1\u00a02",
    "1".repeat(33),
  ];
  test.each(bad)("number %j", (number) => expect(() => originate("m1", number, desk, configOf())).toThrow(RangeError));
  test.each(bad.filter((id) => !["abc", "1".repeat(33)].includes(id)))("call %j", (call) => {
    expect(() => originate(call, "1", desk, configOf())).toThrow(RangeError);
  });

  test.each(["*98", "+14155550123", "#31#", "0"])("number %s is dialled unchanged", (number) => {
    expect(originate("m1", number, desk, configOf()).split(" ").slice(-3)).toEqual([number, "XML", "default"]);
  });

  test("the simulated switch reads the same extension and number", () => {
    const text = originate("m1", "914155550123", desk, configOf({ phoneMake: "yealink" })).replace("bgapi originate ", "");
    expect(parseOriginate(text)).toMatchObject({
      extension: "1001",
      domain: "pbx",
      variables: { sip_auto_answer: "true", originate_timeout: "25" },
    });
  });

  test.each(["a b", "a\nb", "a}b", "a,b", "a'b"])("a domain or context that is %j is refused by the schema", (text) => {
    expect(() => configOf({ domain: text })).toThrow();
    expect(() => configOf({ context: text })).toThrow();
  });
});
