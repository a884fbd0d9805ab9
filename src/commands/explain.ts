/** `telesetd explain NUMBER [--desk N]` */
import { policyOf } from "../app.ts";
import { type Config, fingerprint } from "../config/schema.ts";
import { type Desk, newDesk } from "../core/desk.ts";
import { foreseeMakeCall, type ForeseenMakeCall } from "../core/dial/make-call.ts";
import {
  type AniSteps,
  aniSteps,
  dialSteps,
  identify,
  internalPattern,
  isInternal,
  type NumberPlan,
  plainDialString,
  quoted,
} from "../core/number.ts";
import { askDaemon, type Place } from "./ask.ts";
import { configOr2, type Io } from "./io.ts";

/** What to explain. */
export interface ExplainOptions extends Place {
  readonly number: string;
  /** The desk at which MakeCall would dial it. */
  readonly desk?: string;
  readonly json: boolean;
}

/**
 * Prints what a number becomes for the CRM in each direction, what MakeCall dials, and the rules; at a desk also whether MakeCall
 * would dial it there: by the running daemon, else by the configuration alone. Exit code 0 or 2.
 */
export async function explain({ number, desk, json, ...place }: ExplainOptions, io: Io): Promise<number> {
  const config = configOr2(place.config, io);
  if (config === 2) return 2;
  const served = config.desks.map(({ extension }) => extension);
  if (desk !== undefined && !served.includes(desk)) {
    io.err(`Desk ${desk} is not in the configuration: expected ${served.join(", ")}.\n`);
    return 2;
  }
  const found = foundOf(number, config.numbers);
  const makeCall = desk === undefined ? undefined : { desk, ...await verdictAt(desk, number, config, place, io) };
  const text = [title(number), ...lines(found, config), ...makeCall ? [`MakeCall at desk ${desk} ${makeCall.why}`] : []];
  io.out(json ? `${JSON.stringify({ ...found, makeCall }, null, 2)}\n` : `${text.join("\n  ")}\n`);
  return 0;
}

/** What happens to a number, a line each, and the rules that apply to it, such as `numbers.toCrm[0]`. */
export function explanation(
  number: string,
  config: Pick<Config, "numbers" | "screenPop">,
): { readonly lines: readonly string[]; readonly rules: readonly string[] } {
  const found = foundOf(number, config.numbers);
  const [first = "", ...rest] = [title(number), ...lines(found, config)];
  return { lines: [first, ...rest], rules: [...new Set(rulesOf(found, config.numbers))] };
}

function rulesOf({ number, inbound, outbound, dial }: Found, plan: NumberPlan): string[] {
  const { identity } = inbound;
  const plain = identity.kind === "number" ? identity.number : plainDialString(number);
  const has = (patterns: readonly RegExp[] = []): boolean => patterns.some((pattern) => pattern.test(dial.plain));
  const nth = (list: string, rule: number | undefined): string[] => rule === undefined ? [] : [`numbers.${list}[${rule}]`];
  return [
    ...internalPattern(plan, plain) ? ["numbers.internal"] : [],
    ...identity.kind === "withheld" && identity.number !== undefined ? ["numbers.withheld"] : [],
    ...nth("fromIdentity", inbound.fromIdentity?.rule),
    ...nth("toCrm", inbound.rule),
    ...nth("toCrm", outbound.rule),
    ...nth("toDial", dial.rule),
    ...dial.ok && dial.emergency ? ["numbers.emergency"] : [],
    ...has(plan.deny) ? ["numbers.deny"] : [],
    ...has(plan.allow) ? ["numbers.allow"] : [],
  ];
}

/** Whether MakeCall would be accepted, with the reason. `accepted` is absent if it depends on unknown facts. */
interface Verdict {
  readonly accepted?: boolean;
  readonly why: string;
}

const noLimit = "it is an emergency number, to which no limit applies";

/** The daemon's decision about a MakeCall at the desk now, without dialling; if no daemon answers, the configuration's. */
async function verdictAt(desk: string, number: string, config: Config, place: Place, io: Io): Promise<Verdict> {
  let trouble = "";
  const path = `/dials/foreseen?desk=${encodeURIComponent(desk)}&dialString=${encodeURIComponent(number)}`;
  const now = await askDaemon<ForeseenMakeCall & { readonly config: string }>(place, "GET", path, {
    ...io,
    err: (text) => trouble += text,
  });
  if (typeof now === "number") return byConfiguration(number, desk, config, trouble.trim());
  const caveat = now.config === fingerprint(config) ? "" : " The daemon runs with another configuration than this file.";
  if (now.type === "refuse") return { accepted: false, why: `would be refused now: ${now.why}${caveat}` };
  const from = now.agent === undefined ? "" : ` from agent ${now.agent}`;
  const what = now.type === "join" ? ": the phone is dialling this number already" : now.emergency ? `: ${noLimit}` : "";
  return { accepted: true, why: `would be accepted now${from}${what}${caveat && `.${caveat}`}` };
}

/**
 * The same decision for an idle desk, with its agent registered and the switch connected.
 * @param trouble why the daemon does not answer.
 */
function byConfiguration(number: string, desk: string, config: Config, trouble: string): Verdict {
  const atRest: Desk = {
    ...newDesk(desk),
    line: { link: { up: true, to: "" }, phone: "registered" },
    registration: { agent: "", address: "", port: 0 },
  };
  const decision = foreseeMakeCall(atRest, number, 0, policyOf(config));
  if (decision.type === "refuse") return { accepted: false, why: `is refused by the configuration: ${decision.why}` };
  const limits = decision.type === "dial" && decision.emergency
    ? `: ${noLimit}`
    : ", within the limits dial.registeredOnly, dial.whileOnCall, dial.perMinute and dial.perDay";
  return { why: `is allowed by the configuration${limits}. Whether it would be accepted now is not known: ${trouble}` };
}

/** The number as given, quoted if a terminal does not show all of it, and how it is read. */
function title(number: string): string {
  const identity = identify(number);
  const visible = quoted(number);
  if (identity.kind === "number" && identity.number !== number) return `${visible}, read as ${identity.number}`;
  return visible === `"${number}"` ? number : visible;
}

function foundOf(number: string, plan: NumberPlan) {
  const inbound = aniSteps(plan, number, "inbound");
  return {
    number,
    internal: isInternal(plan, inbound.identity.kind === "number" ? inbound.identity.number : plainDialString(number)),
    inbound,
    outbound: aniSteps(plan, number, "outbound"),
    dial: dialSteps(plan, number),
  };
}

type Found = ReturnType<typeof foundOf>;

function lines(
  { number, internal, inbound, outbound, dial }: Found,
  { numbers, screenPop }: Pick<Config, "numbers" | "screenPop">,
): string[] {
  const read = inbound.fromIdentity;
  const first = [
    ...dial.ok && dial.emergency ? ["is an emergency number: MakeCall dials it without any limit (numbers.emergency)"] : [],
    ...read === undefined ? [] : [`as a caller it is read as "${read.rewritten}"${by(read.rule, "fromIdentity", numbers)}`],
  ];
  const dialled = dial.ok ? `MakeCall dials ${dial.number}${by(dial.rule, "toDial", numbers)}` : `MakeCall refuses: ${dial.why}`;
  const { identity } = inbound;
  if (internal) return [...first, ...internalLines(number, inbound, numbers, screenPop.internal), dialled];
  if (identity.kind === "withheld" && identity.number === undefined) {
    return [...first, "is an unknown caller: occtANI is empty, and a call from outside sends a ScreenPop", dialled];
  }
  if (identity.kind === "name") {
    return [...first, "is a name, not a number: occtANI is empty, and only a call from outside sends a ScreenPop", dialled];
  }
  // A rule for the name of a caller does not apply to dialling.
  const outgoing = identify(number).kind !== "number"
    ? []
    : [`when dialled on the phone or by MakeCall: ${ani(outbound, numbers)}${popText(screenPop.outbound)}`];
  return [...first, "is outside", `as a caller: ${ani(inbound, numbers)}${popText(screenPop.inbound)}`, ...outgoing, dialled];
}

function internalLines(number: string, inbound: AniSteps, plan: NumberPlan, when: string): string[] {
  const { identity } = inbound;
  const plain = identity.kind === "number" ? identity.number : plainDialString(number);
  const pattern = internalPattern(plan, plain);
  const shorter = pattern?.test(plain) === false ? `, without the ${plain.startsWith("+") ? "+" : "00"} in front` : "";
  const why = pattern ? `numbers.internal: ${pattern.source}${shorter}` : "it starts with * or #";
  const effect = when === "never" ? "sends no events" : `sends a ScreenPop at ${when}, with an empty occtANI`;
  const outside = identity.kind === "number" ? [`as a caller from outside: ${ani(inbound, plan)}`] : [];
  return [`is internal (${why})`, `a call with it ${effect} (screenPop.internal)`, ...outside];
}

function ani({ identity, ani, dropped, rule }: AniSteps, plan: NumberPlan): string {
  if (identity.kind === "withheld" && identity.number !== undefined) {
    const { number } = identity;
    const place = plan.withheld?.findIndex((pattern) => pattern.test(number));
    return `occtANI is empty: this number stands for a withheld caller (numbers.withheld[${place}])`;
  }
  return `occtANI is ${ani === "" ? `empty: ${dropped ?? "there is no number"}` : ani}${by(rule, "toCrm", plan)}`;
}

function popText(when: string): string {
  return when === "never" ? ", but such calls send no events (never)" : `, ScreenPop at ${when}`;
}

function by(rule: number | undefined, list: "toCrm" | "toDial" | "fromIdentity", plan: NumberPlan): string {
  const found = rule === undefined ? undefined : plan[list]?.[rule];
  return found ? ` (numbers.${list}[${rule}]: ${found.match.source} becomes ${found.replace || "nothing"})` : "";
}
