/**
 * Numbers: what an identity of the switch is worth, and what it becomes for the CRM and for dialling.
 * The rules and their order: design, section 5 (Policies, "Which number").
 */

/** The direction of the call that a number belongs to. */
export type CallDirection = "inbound" | "outbound";

/** One rewrite rule: `match` is a regular expression, `replace` may use `$1`. */
export interface NumberRule {
  readonly match: RegExp;
  readonly replace: string;
  readonly direction: CallDirection | "both";
}

/** The number plan of a site. */
export interface NumberPlan {
  /** What matches one of these is internal; so is what begins with `*` or `#`. */
  readonly internal: readonly RegExp[];
  readonly toCrm: readonly NumberRule[];
  readonly toDial: readonly NumberRule[];
  /** Patterns that MakeCall refuses. */
  readonly deny: readonly RegExp[];
  /** When not empty, MakeCall accepts only what matches one of these. */
  readonly allow: readonly RegExp[];
  /** Emergency numbers, which neither these nor any limit hold back. */
  readonly emergency?: readonly RegExp[];
}

/**
 * What an identity is: a number (digits, perhaps a leading +), withheld (nothing, zeros, or words such as `anonymous`), or
 * a name: any other text with letters, which is never an outside party.
 */
export type Identity =
  | { readonly kind: "number"; readonly number: string }
  | { readonly kind: "withheld" }
  | { readonly kind: "name" };

/** The most digits that occtANI may have; a longer number is no number, never cut (cctsdk, section 4). */
export const longestAni = 40;

const punctuation = /[\s().\/-]/g;
const withheldWords = /^(anonymous|anon|unknown|unavailable|restricted|private|withheld|blocked|not available|no ?caller ?id)\b/i;

/** Reads an identity of the switch. Words never become digits: on a keypad "anonymous" is 266696687, a stranger. */
export function identify(text: string): Identity {
  const plain = text.replace(punctuation, "");
  if (/^\+?0*$/.test(plain) || withheldWords.test(text.trim())) return { kind: "withheld" };
  if (/^\+?\d+$/.test(plain)) return { kind: "number", number: plain };
  return { kind: "name" };
}

/** A dial string without what people write between digits: `+1 (415) 555-0123` becomes `+14155550123`. */
export function plainDialString(text: string): string {
  return text.replace(punctuation, "");
}

/** Whether a number is one of the house: the plan's patterns, or a feature code. */
export function isInternal(plan: NumberPlan, number: string): boolean {
  return /^[*#]/.test(number) || plan.internal.some((pattern) => pattern.test(number));
}

/** The first rule that matches, applied; `rule` is its place in the list, counted from 0, absent when none matched. */
export function rewrite(
  rules: readonly NumberRule[],
  number: string,
  direction: CallDirection,
): { readonly number: string; readonly rule?: number } {
  const rule = rules.findIndex((r) => (r.direction === "both" || r.direction === direction) && r.match.test(number));
  const found = rules[rule];
  return found ? { number: number.replace(found.match, found.replace), rule } : { number };
}

/** How an identity became occtANI, step by step: for the event itself and for `telesetd explain`. */
export interface AniSteps {
  readonly identity: Identity;
  /** The rule of `numbers.toCrm` that was applied, counted from 0. */
  readonly rule?: number;
  readonly rewritten?: string;
  /** Digits only, at most 40; empty when there is no number. */
  readonly ani: string;
  /** Why the number was thrown away. */
  readonly dropped?: string;
}

/** What the CRM gets as occtANI. Order: no number, rewrite rules, digits only, longer than 40 is no number. */
export function aniSteps(plan: NumberPlan, text: string, direction: CallDirection): AniSteps {
  const identity = identify(text);
  if (identity.kind !== "number") return { identity, ani: "" };
  const { number, rule } = rewrite(plan.toCrm, identity.number, direction);
  const ani = number.replace(/\D/g, "");
  const steps = { identity, ...(rule === undefined ? {} : { rule }), rewritten: number };
  if (ani.length > longestAni) {
    return { ...steps, ani: "", dropped: `it has ${ani.length} digits: the CRM takes at most ${longestAni}` };
  }
  if (/^0*$/.test(ani)) return { ...steps, ani: "", dropped: "no digits but zeros are left, which would match everybody" };
  return { ...steps, ani };
}

/** How a dial string became the number to dial, or why not. */
export type DialSteps =
  & { readonly plain: string; readonly rule?: number }
  & ({ readonly ok: true; readonly number: string; readonly emergency: boolean } | { readonly ok: false; readonly why: string });

/** What MakeCall dials. The result holds only `0-9 * # +`, so that nothing else can reach the switch. */
export function dialSteps(plan: NumberPlan, dialString: string): DialSteps {
  const plain = plainDialString(dialString);
  const { number, rule } = rewrite(plan.toDial, plain, "outbound");
  const steps = { plain, ...(rule === undefined ? {} : { rule }) };
  const refuse = (why: string): DialSteps => ({ ...steps, ok: false, why });
  if (!/^[0-9*#+]{1,32}$/.test(number)) {
    return refuse(`Cannot dial ${quoted(dialString)}: want 1 to 32 of the characters 0-9 * # +.`);
  }
  const tested = [plain, number];
  if (plan.emergency?.some((pattern) => tested.some((n) => pattern.test(n)))) {
    return { ...steps, ok: true, number, emergency: true };
  }
  if (plan.deny.some((pattern) => tested.some((n) => pattern.test(n)))) {
    return refuse(`Cannot dial ${quoted(dialString)}: the administrator does not allow this number.`);
  }
  if (plan.allow.length > 0 && !plan.allow.some((pattern) => tested.some((n) => pattern.test(n)))) {
    return refuse(`Cannot dial ${quoted(dialString)}: it is not among the numbers that the administrator allows.`);
  }
  return { ...steps, ok: true, number, emergency: false };
}

/** A value from outside, short enough and tame enough for an error text. */
export function quoted(value: string): string {
  // deno-lint-ignore no-control-regex -- control characters are exactly what must not come through
  const tame = value.replace(/[\u0000-\u001f\u007f-\u009f"]/g, "?");
  return `"${tame.length > 40 ? `${tame.slice(0, 40)}...` : tame}"`;
}
