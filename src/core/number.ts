/**
 * Numbers: whether an identity of the switch is a number, and what it becomes for the CRM and for dialling. docs/numbers.md has
 * the rules and their order; spelling.ts knows the ways to write a number.
 */
import { codePoint, oddCharacter, readWritten, withoutInvisible } from "./spelling.ts";
import { omitUndefined } from "./omit-undefined.ts";

/** The direction of the call that a number belongs to. */
export type CallDirection = "inbound" | "outbound";

/** A rewrite rule: `match` is a regular expression, `replace` may use `$1`. */
export interface Rewriting {
  readonly match: RegExp;
  readonly replace: string;
}

/** A rewrite rule for the numbers of one direction, or of both. */
export interface NumberRule extends Rewriting {
  readonly direction: CallDirection | "both";
}

/** The number plan of a site. */
export interface NumberPlan {
  /** Numbers that match one of these are internal, as are all that start with `*` or `#`. */
  readonly internal: readonly RegExp[];
  readonly toCrm: readonly NumberRule[];
  readonly toDial: readonly NumberRule[];
  /** Patterns that MakeCall refuses. */
  readonly deny: readonly RegExp[];
  /** If not empty, MakeCall accepts only numbers that match one of these. */
  readonly allow: readonly RegExp[];
  /** Emergency numbers, to which neither these patterns nor any limit applies. */
  readonly emergency?: readonly RegExp[];
  /** Numbers that stand for a withheld caller. */
  readonly withheld?: readonly RegExp[];
  /** Applied to the identity of a caller before it is read as a number. */
  readonly fromIdentity?: readonly Rewriting[];
}

/**
 * The kind of an identity: a number (digits, perhaps with a leading +), withheld (empty, zeros, words such as `anonymous`, or a
 * number that stands for them), or a name: any other text with letters, which is never an outside party.
 */
export type Identity =
  | { readonly kind: "number"; readonly number: string }
  | { readonly kind: "withheld"; readonly number?: string }
  | { readonly kind: "name" };

/** The maximum number of digits of occtANI. A longer number is not truncated: it counts as no number. */
export const maxAniDigits = 40;

/** The maximum length of a dialled number, in characters. */
const maxDialCharacters = 32;

const withheldWords = /^(anonymous|anon|unknown|unavailable|restricted|private|withheld|blocked|not available|no ?caller ?id)\b/i;

/** Reads an identity of the switch. Words never become digits: "anonymous" on a keypad is 266696687, the number of a stranger. */
export function identify(text: string): Identity {
  const { number } = readWritten(text);
  if (/^\+?0*$/.test(number) || withheldWords.test(words(text))) return { kind: "withheld" };
  if (/^\+?\d+$/.test(number)) return { kind: "number", number };
  return { kind: "name" };
}

/** Text that may be one of the words; full-width letters are letters. */
function words(text: string): string {
  return withoutInvisible(text).normalize("NFKC").trim().replace(/^tel:\s*/i, "");
}

/** The identity of a caller by the rules of the site; `rule` is the index in `fromIdentity` of the rule that was applied. */
export interface CallerIdentity {
  readonly identity: Identity;
  readonly rule?: number;
  /** The identity after the rule. */
  readonly rewritten?: string;
}

/** Reads the identity of a caller by the rules of the site: first `numbers.fromIdentity`, then `numbers.withheld`. */
export function identifyCaller(plan: NumberPlan, text: string): CallerIdentity {
  const { number: rewritten, rule } = firstMatch(plan.fromIdentity ?? [], withoutInvisible(text).trim());
  const read = identify(rewritten);
  const stands = read.kind === "number" && plan.withheld?.some((pattern) => pattern.test(read.number));
  const identity: Identity = stands ? { ...read, kind: "withheld" } : read;
  return rule === undefined ? { identity } : { identity, rule, rewritten };
}

/** A dial string without the characters that people write between digits: `+1 (415) 555-0123` becomes `+14155550123`. */
export function plainDialString(text: string): string {
  const { number, parameters } = readWritten(text);
  return [number, ...parameters].join(";");
}

/** Longer numbers with a leading plus or 00 are international: the shortest of those have seven digits. */
const shortNumber = /^\+?(?:00)?(\d{1,6})$/;

/** Whether a number is internal: by the plan's patterns, with or without `+` or 00 before a short number, or a feature code. */
export function isInternal(plan: NumberPlan, number: string): boolean {
  return /^[*#]/.test(number) || internalPattern(plan, number) !== undefined;
}

/**
 * Whether two numbers are the same, although one may have a plus, an international prefix, the country code, or the digit for an
 * outside line.
 */
export function isSameNumber(a: string, b: string): boolean {
  const [short = "", long = ""] = [a, b].map((number) => number.replace(/\D/g, "").replace(/^0+/, ""))
    .sort((a, b) => a.length - b.length);
  return short === long || (short.length >= 7 && long.endsWith(short));
}

/** The pattern of `numbers.internal` that a number matches. */
export function internalPattern({ internal }: NumberPlan, number: string): RegExp | undefined {
  const short = shortNumber.exec(number)?.[1];
  return internal.find((pattern) => pattern.test(number) || (short !== undefined && pattern.test(short)));
}

/** A number after its rule; `rule` is the index of the rule, absent if none matched. */
interface Rewritten {
  readonly number: string;
  readonly rule?: number;
}

/** Applies the first rule of the direction that matches. */
export function rewrite(rules: readonly NumberRule[], number: string, direction: CallDirection): Rewritten {
  return firstMatch(rules, number, (rule) => rule.direction === "both" || rule.direction === direction);
}

function firstMatch<R extends Rewriting>(
  rules: readonly R[],
  number: string,
  counts: (rule: R) => boolean = () => true,
): Rewritten {
  const rule = rules.findIndex((rule) => counts(rule) && rule.match.test(number));
  const found = rules[rule];
  return found ? { number: number.replace(found.match, found.replace), rule } : { number };
}

/** How an identity becomes occtANI, step by step: for the event itself and for `telesetd explain`. */
export interface AniSteps {
  readonly identity: Identity;
  /** The index of the rule of `numbers.fromIdentity` that was applied, and the identity after it. */
  readonly fromIdentity?: { readonly rule: number; readonly rewritten: string };
  /** The index of the rule of `numbers.toCrm` that was applied. */
  readonly rule?: number;
  readonly rewritten?: string;
  /** Digits only, at most 40; empty if there is no number. */
  readonly ani: string;
  /** Why the number was dropped. */
  readonly dropped?: string;
}

/** The occtANI of an identity. Order: identity, rewrite rules, digits only; more than 40 digits are not a number. */
export function aniSteps(plan: NumberPlan, text: string, direction: CallDirection): AniSteps {
  // Only a caller can be withheld, or have a name before the number; a dialled number is used unchanged.
  const read: CallerIdentity = direction === "inbound" ? identifyCaller(plan, text) : { identity: identify(text) };
  const { identity, rule: place, rewritten = "" } = read;
  const seen = { identity, ...(place === undefined ? {} : { fromIdentity: { rule: place, rewritten } }) };
  if (identity.kind !== "number") return { ...seen, ani: "" };
  const { number, rule } = rewrite(plan.toCrm, identity.number, direction);
  const ani = number.replace(/\D/g, "");
  const steps = { ...seen, ...omitUndefined({ rule }), rewritten: number };
  if (ani.length > maxAniDigits) {
    return { ...steps, ani: "", dropped: `it has ${ani.length} digits: the CRM takes at most ${maxAniDigits}` };
  }
  if (/^0*$/.test(ani)) return { ...steps, ani: "", dropped: "only zeros are left, which would match everybody" };
  return { ...steps, ani };
}

/** The number to dial for a dial string, or why there is none. */
export type DialSteps =
  & { readonly plain: string; readonly rule?: number }
  & ({ readonly ok: true; readonly number: string; readonly emergency: boolean } | { readonly ok: false; readonly why: string });

/** The number that MakeCall dials. It has only `0-9 * # +`, so that nothing else can reach the switch. */
export function dialSteps(plan: NumberPlan, dialString: string): DialSteps {
  const plain = plainDialString(dialString);
  const { number, rule } = rewrite(plan.toDial, plain, "outbound");
  const steps = { plain, ...omitUndefined({ rule }) };
  const refuse = (why: string): DialSteps => ({ ...steps, ok: false, why });
  const obstacle = whyUndialable(number, rule);
  if (obstacle !== undefined) return refuse(`Cannot dial ${quoted(dialString)}: ${obstacle}`);
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

const expected = `Expected 1 to ${maxDialCharacters} of 0-9 * # + (spaces, brackets, hyphens, dots and slashes are ignored)`;

/** Why a number cannot be dialled, for the end of a sentence; undefined if it can. `rule`: the rule that has rewritten it. */
function whyUndialable(number: string, rule: number | undefined): string | undefined {
  const made = rule === undefined ? "" : ` (as numbers.toDial[${rule}] has rewritten it)`;
  const length = [...number].length;
  if (/^\+*$/.test(number)) return `it has no digits${made}. ${expected}.`;
  const parameter = /^[0-9*#+]*;([a-z-]+)/i.exec(number)?.[1];
  if (parameter !== undefined) return `its ;${parameter} cannot be dialled. Dial the number without it, and the rest by hand.`;
  const scheme = /^(sips?|callto|https?|mailto|h323|im|xmpp|fax|sms):/i.exec(number)?.[1]?.toLowerCase();
  if (scheme !== undefined) return `a ${scheme}: address is not a number. ${expected}, or a tel: URI.`;
  const odd = oddCharacter(number, /[0-9*#+]/);
  if (odd !== undefined) return `${odd} is not dialable${made}. ${expected}; a rule of numbers.toDial can remove the rest.`;
  if (/\+(?!\d)|\+.*\+/.test(number)) return `a + is allowed only once, directly before a digit${made}.`;
  return length > maxDialCharacters ? `it has ${length} digits${made}. ${expected}.` : undefined;
}

/** A value from outside for an error text: at most 40 characters, invisible ones shown as code points. */
export function quoted(value: string): string {
  const tame = value.replace(/["\p{Cc}]/gu, "?").replace(
    /(?! )[\p{C}\p{Z}\p{Default_Ignorable_Code_Point}]/gu,
    (character) => `<${codePoint(character)}>`,
  );
  return `"${tame.length > 40 ? `${tame.slice(0, 40)}...` : tame}"`;
}
