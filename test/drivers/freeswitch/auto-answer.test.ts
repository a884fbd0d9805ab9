/** How each make of phone is asked to answer automatically. */
import { describe, expect, test } from "bun:test";
import { parse } from "valibot";
import { autoAnswer } from "../../../drivers/freeswitch/auto-answer.ts";
import { type PhoneMake, phoneMakes } from "../../../drivers/shared/auto-answer.ts";
import { originate } from "../../../drivers/freeswitch/commands.ts";
import { type FreeswitchConfig, freeswitchConfig } from "../../../drivers/freeswitch/config.ts";

const desk = { extension: "1001", presence: ["1001@pbx"] };

function configOf(part: Record<string, unknown> = {}): FreeswitchConfig {
  return parse(freeswitchConfig, { driver: "freeswitch", password: "x", domain: "pbx", ...part });
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
