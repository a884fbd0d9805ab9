/** Who is who on a leg: its own identity, its caller's and its partner's, wherever the switch has put them. Pure. */
import type { LegDirection } from "../../src/core/line.ts";
import { identify } from "../../src/core/number.ts";
import { type Frame, header, text } from "./wire/event.ts";

/** The partner's identity: an outside number if there is one in any of the places where the switch may put it. */
export function partnerIdentity(frame: Frame, direction: LegDirection, outside: boolean): string | undefined {
  const inboundFar = text(frame, "Other-Leg-Direction") === "inbound";
  const callee = text(frame, "Caller-Callee-ID-Number");
  const caller = direction === "to-desk" && !isFlipped(frame) ? text(frame, "Caller-Caller-ID-Number") : undefined;
  // A party withheld by the dialplan is withheld, although the other leg still has the number. Zeros are left by a dialler.
  if (caller !== undefined && /\p{L}/u.test(caller) && identify(caller).kind === "withheld") return caller;
  const far = text(frame, inboundFar ? "Other-Leg-Caller-ID-Number" : "Other-Leg-Destination-Number");
  const isOther = (identity: string) => identity !== "" && !isOwn(frame, identity);
  const isNumber = (identity: string) => identify(identity).kind === "number";
  // The other leg's own number, which uuid_bridge leaves out of this leg's profile (recording: dialler-uuid-bridge).
  const theirs = inboundFar ? text(frame, "Other-Leg-Orig-Caller-ID-Number") : far;
  if (isOther(theirs) && isNumber(theirs) && theirs.replace(/\D/g, "").length > 6) return theirs;
  const places = [caller ?? callee, callee, far, text(frame, "Other-Leg-Callee-ID-Number")].filter(isOther);
  const numbers = places.filter(isNumber);
  if (!outside) return numbers[0] ?? places[0];
  // Colleagues' numbers are short: the longest of several is the outside party's.
  return numbers.toSorted((a, b) => b.length - a.length)[0] ?? places[0] ?? "";
}

/**
 * The number that the caller's leg was created with (switch_caller.c), where a dialplan shows another
 * (effective_caller_id_number). A phone that was called and now calls us passes on its own caller's number (recording:
 * attended-transfer-to-this): that is not who calls.
 */
export function originalCaller(frame: Frame, identity: string): string | undefined {
  const original = text(frame, "Caller-Orig-Caller-ID-Number");
  return original === "" || original === identity || text(frame, "Other-Leg-Direction") === "outbound" ? undefined : original;
}

/** The leg's own identity is in the fields of its caller's identity. */
export function isFlipped(frame: Frame): boolean {
  // Never before the answer: a caller who presents our own extension as the number is still the caller.
  return text(frame, "Answer-State") === "answered" && isOwn(frame, text(frame, "Caller-Caller-ID-Number"));
}

function isOwn(frame: Frame, identity: string): boolean {
  const extension = text(frame, "Channel-Presence-ID").split("@")[0] ?? "";
  const toDesk = text(frame, "Call-Direction") !== "inbound";
  return identity === extension || identity.startsWith(`${extension}-`) ||
    (toDesk && identity === text(frame, "Caller-Destination-Number"));
}

/** The pickup application connects without a bridge on the leg, which then shows itself as the callee (pickup-endpoint). */
export function isPickedUp(frame: Frame, name: string): boolean {
  const caller = text(frame, "Caller-Caller-ID-Number");
  return name === "CALL_UPDATE" && caller !== "" && !isOwn(frame, caller) && isOwn(frame, text(frame, "Caller-Callee-ID-Number"));
}

/** `uuid;name;number` of each leg that this leg has set up (switch_ivr_originate.c). */
export function originatedLegs(frame: Frame): readonly string[] {
  const value = header(frame, "variable_originated_legs");
  return value === undefined ? [] : typeof value === "string" ? [value] : value;
}

/**
 * The other leg is half of a pair of the switch's own (mod_loopback), as a dialplan uses it for follow-me: when the far end
 * has answered, the pair steps aside (bow-out), and the leg that it has called takes its place.
 */
export function isRelay(frame: Frame): boolean {
  return text(frame, "Other-Leg-Channel-Name").startsWith("loopback/");
}
