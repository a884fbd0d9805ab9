/**
 * Why a call sends nothing to the CRM, or less than usual: the one rule that decided it, as a code with its facts. A reason is
 * made where the rule is applied; the sentences are in `src/history/sentences.ts`.
 */
import { identifyCaller, internalPattern, type NumberPlan } from "./number.ts";

/** Why a party is not outside. */
export type Inside =
  /** The number matches this pattern of `numbers.internal`. */
  | { readonly code: "internal-number"; readonly number: string; readonly pattern: string }
  | { readonly code: "feature-code"; readonly number: string }
  /** The identity is not a number: `1002-0x55`. */
  | { readonly code: "name"; readonly identity: string }
  /** The number is withheld, and nothing shows that the party came from outside. */
  | { readonly code: "withheld-inside" };

/** Why a call sends nothing. */
export type Silence =
  | Inside
  /** The switch has not reported who the other party is. */
  | { readonly code: "unknown-party" }
  /** The phone is on a call that did not ring there, and the switch has not reported the number that it has dialled. */
  | { readonly code: "dialled-unreported" }
  /** `screenPop.inbound` or `screenPop.outbound` is never. */
  | { readonly code: "never"; readonly kind: "inbound" | "outbound" }
  /** `screenPop.KIND` is answer, and the call was not answered. */
  | { readonly code: "not-answered"; readonly kind: "inbound" | "outbound" | "internal" }
  /** The desk was called, and its phone never rang. */
  | { readonly code: "phone-never-rang" }
  /** The phone has sent the call elsewhere (SIP 302) before it rang. */
  | { readonly code: "redirected-by-phone" }
  /** The switch has called another place for the desk (follow-me, call forwarding). `to`: where, as the switch names it. */
  | { readonly code: "forwarded-by-switch"; readonly to?: string }
  /** MakeCall: the phone never rang. */
  | { readonly code: "handset-never-rang" }
  /** MakeCall: the phone rang, and was not answered. */
  | { readonly code: "handset-not-answered" }
  /** The desk dialled, and the switch has called nobody: an announcement, a wrong number. */
  | { readonly code: "nobody-called" }
  /** The number that the desk dialled never rang; the switch does not report whether it has called it. */
  | { readonly code: "number-never-rang" }
  /** The switch has called the far end, which never rang. */
  | { readonly code: "far-end-never-rang" }
  /** MakeCall: the switch has not reported the outcome. `why`: the reason. */
  | { readonly code: "dial-unknown"; readonly why: string }
  /** The call ended while the switch was not connected, and nothing had rung before. */
  | { readonly code: "end-not-seen" }
  /** No agent was registered when the call started. */
  | { readonly code: "nobody-registered"; readonly desk: string };

/** Why a call sends less than usual. */
export type Shortfall =
  /** occtANI is empty. */
  | { readonly code: "withheld" }
  /** occtANI is empty: the switch does not report who calls. */
  | { readonly code: "caller-unreported" }
  /** occtANI is empty: the identity is not a number. */
  | { readonly code: "no-number"; readonly identity: string }
  /** occtANI is empty: the number has too many digits after the rules. */
  | { readonly code: "number-too-long"; readonly digits: number; readonly most: number }
  /** occtANI is empty: only zeros are left of the number. */
  | { readonly code: "number-is-zero" }
  /** occtANI is empty, as for every internal call (`screenPop.internal`). */
  | { readonly code: "internal-number-hidden" }
  /** No CallEstablished: the switch does not report whether the number answered. */
  | { readonly code: "answer-unreported" };

/** A reason of either kind. */
export type Reason = Silence | Shortfall;

/** The codes of all reasons. */
export const reasonCodes = [
  "internal-number",
  "feature-code",
  "name",
  "withheld-inside",
  "unknown-party",
  "dialled-unreported",
  "never",
  "not-answered",
  "phone-never-rang",
  "redirected-by-phone",
  "forwarded-by-switch",
  "handset-never-rang",
  "handset-not-answered",
  "nobody-called",
  "number-never-rang",
  "far-end-never-rang",
  "dial-unknown",
  "end-not-seen",
  "nobody-registered",
  "withheld",
  "caller-unreported",
  "no-number",
  "number-too-long",
  "number-is-zero",
  "internal-number-hidden",
  "answer-unreported",
] as const satisfies readonly Reason["code"][];

/** Why a number is internal; undefined if it is outside. */
export function insideNumber(plan: NumberPlan, number: string): Inside | undefined {
  if (/^[*#]/.test(number)) return { code: "feature-code", number };
  const pattern = internalPattern(plan, number);
  return pattern && { code: "internal-number", number, pattern: pattern.source };
}

/** Why a party with this identity is inside, if the way that it came in does not decide it; undefined if it is outside. */
export function insideIdentity(plan: NumberPlan, text: string, cameFromInside: boolean): Inside | undefined {
  const { identity } = identifyCaller(plan, text);
  if (identity.kind === "name") return { code: "name", identity: text };
  // A number that stands for "anonymous" is still an outside number.
  if (identity.number !== undefined) return insideNumber(plan, identity.number);
  return cameFromInside || text.trim() !== "" ? { code: "withheld-inside" } : undefined;
}
