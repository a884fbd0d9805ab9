/**
 * Whether a party has asked that the number not be shown, in every form in which FreeSWITCH reports it. The number itself is
 * often still there. `Caller-Screen-Bit` is not one of them: it says whether the network has verified the number.
 */
import { isHidingName } from "../shared/anonymous-name.ts";
import { type Frame, text } from "./wire/event.ts";

/**
 * Variables of a leg that say how its caller is presented to the phone: mod_sofia's (sofia.c; `sip_h_` is a header that is sent),
 * of originate (switch_ivr_originate.c), and what dialplans set. RFC 3323 and 3325 name the values `id`, `user`, `header`.
 */
const variables = [
  "privacy",
  "origination_privacy",
  "sip_Privacy",
  "sip_h_Privacy",
  "sip_h_privacy",
  "sip_i_privacy",
];
const hidingWords = new Set(["id", "user", "header", "full", "yes", "true", "on", "number", "hide_number"]);
const hidingParameter = /;\s*privacy\s*=\s*"?(full|yes|number|id|uri|on|true)\b/i;

/**
 * Whether the caller on a leg to the desk is withheld: by the leg's profile, its variables, or the profile of the calling leg.
 */
export function isCallerWithheld(frame: Frame): boolean {
  return hidesNumber(frame, "Caller") || isOtherWithheld(frame) ||
    variables.some((name) => hides(text(frame, `variable_${name}`))) ||
    ["sip_Remote-Party-ID", "sip_h_Remote-Party-ID"].some((name) => hidingParameter.test(text(frame, `variable_${name}`)));
}

/** Whether the party of the other leg is withheld. On a leg set up by the switch, the flag is that of its caller. */
export function isOtherWithheld(frame: Frame): boolean {
  return text(frame, "Other-Leg-Direction") === "inbound" && hidesNumber(frame, "Other-Leg");
}

/** The flag of a caller profile (switch_caller.c), or a name such as `Anonymous`, which may be the only sign from a trunk. */
export function hidesNumber(frame: Frame, profile: "Caller" | "Other-Leg"): boolean {
  return /^(true|yes|on|1)$/i.test(text(frame, `${profile}-Privacy-Hide-Number`)) ||
    isHidingName(text(frame, `${profile}-Caller-ID-Name`));
}

/** `id`, `user;id;critical`, `Privacy: id`, `hide_name:hide_number`. */
function hides(value: string): boolean {
  return value !== "" && value.toLowerCase().split(/[^a-z_]+/).some((word) => hidingWords.has(word));
}
