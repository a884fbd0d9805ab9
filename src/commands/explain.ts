/** `telesetd explain NUMBER [--desk N]` */
import { count } from "../core/count.ts";
import type { Config } from "../config/schema.ts";
import {
  type AniSteps,
  aniSteps,
  type DialSteps,
  dialSteps,
  identify,
  internalPattern,
  isInternal,
  type NumberPlan,
  plainDialString,
  quoted,
} from "../core/number.ts";
import type { DeskStatus, Status } from "../status/status.ts";
import { askDaemon } from "./ask.ts";
import { configOr2, type Io } from "./io.ts";

/** Says what a number becomes for the CRM in each direction, what MakeCall would dial, and by which rules. Exit code 0 or 2. */
export function explain(number: string, file: string, json: boolean, io: Io): number {
  const config = configOr2(file, io);
  if (config === 2) return 2;
  const found = foundOf(number, config.numbers);
  io.out(json ? `${JSON.stringify(found, null, 2)}\n` : [title(number), ...lines(found, config)].join("\n  ") + "\n");
  return 0;
}

/** The same, and whether MakeCall would dial it at a desk: by the configuration, and by what the daemon says if it runs. */
export async function explainAtDesk(
  { number, desk, file, json }: {
    readonly number: string;
    readonly desk: string;
    readonly file: string;
    readonly json: boolean;
  },
  io: Io,
): Promise<number> {
  const config = configOr2(file, io);
  if (config === 2) return 2;
  const served = config.desks.map(({ extension }) => extension);
  if (!served.includes(desk)) {
    io.err(`Cannot explain for desk ${desk}: the configuration has ${served.join(", ")}\n`);
    return 2;
  }
  const found = foundOf(number, config.numbers);
  const status = await askDaemon<Status>(file, "GET", "/status", { ...io, err: () => {} });
  const now = typeof status === "number" ? undefined : status.desks.find(({ extension }) => extension === desk);
  const makeCall = { desk, ...verdict(found.dial, config, desk, now) };
  if (json) io.out(`${JSON.stringify({ ...found, makeCall }, null, 2)}\n`);
  else io.out([title(number), ...lines(found, config), `MakeCall at desk ${desk} ${makeCall.why}`].join("\n  ") + "\n");
  return 0;
}

/** Whether MakeCall would be accepted, as far as that is known, in words. `accepted` is absent when it hangs on what is not known. */
function verdict(dial: DialSteps, { dial: limits }: Config, desk: string, now: DeskStatus | undefined): {
  readonly accepted?: boolean;
  readonly why: string;
} {
  if (!dial.ok) return { accepted: false, why: `is refused: ${dial.why}` };
  const held = now === undefined ? [] : [
    ...(now.switch === "down" ? ["the connection to the phone system is down"] : []),
    ...(dial.emergency ? [] : heldBack(limits, now)),
  ];
  if (held.length > 0) return { accepted: false, why: `would be refused now: ${held.join("; ")}` };
  const unless = dial.emergency
    ? "it is an emergency number, which no limit holds back"
    : `unless it is still dialling another number, or has dialled ${count(limits.perMinute, "number")} within a minute or ` +
      `${limits.perDay.toLocaleString("en")} within 24 hours (dial.perMinute, dial.perDay)`;
  if (now !== undefined) {
    const who = limits.registeredOnly && !dial.emergency ? ` from agent ${now.registered?.agent}` : "";
    return { accepted: true, why: `would be accepted now${who}: ${unless}` };
  }
  const conditions = dial.emergency ? [] : [
    ...(limits.registeredOnly ? ["from the agent who is registered there (dial.registeredOnly)"] : []),
    ...(limits.whileOnCall ? [] : ["while it is on no call (dial.whileOnCall)"]),
  ];
  const known = ["while the switch is connected", ...conditions].join(", ");
  return { why: `is accepted ${known}: ${unless}. The state of desk ${desk} is not known: telesetd does not answer` };
}

/** What of the desk's state keeps a MakeCall back. */
function heldBack({ registeredOnly, whileOnCall }: Config["dial"], { registered, calls }: DeskStatus): string[] {
  const talks = calls.some(({ state }) => ["answered", "called", "held"].includes(state));
  return [
    ...(registeredOnly && registered === undefined ? ["nobody is registered there (dial.registeredOnly)"] : []),
    ...(!whileOnCall && talks ? ["it is on a call (dial.whileOnCall)"] : []),
  ];
}

/** Control characters and others that a terminal does not show, or that turn the text around. */
const hidden = /[\p{C}\p{Default_Ignorable_Code_Point}]|(?! )\p{Z}/u;

/** The number as it was given; what cannot be seen in it is shown by its code point, and how it is read. */
function title(number: string): string {
  const identity = identify(number);
  if (identity.kind === "number" && identity.number !== number) return `${quoted(number)}, read as ${identity.number}`;
  return hidden.test(number) ? quoted(number) : number;
}

function foundOf(number: string, plan: NumberPlan): Found {
  const inbound = aniSteps(plan, number, "inbound");
  return {
    number,
    internal: isInternal(plan, inbound.identity.kind === "number" ? inbound.identity.number : plainDialString(number)),
    inbound,
    outbound: aniSteps(plan, number, "outbound"),
    dial: dialSteps(plan, number),
  };
}

interface Found {
  readonly number: string;
  readonly internal: boolean;
  readonly inbound: AniSteps;
  readonly outbound: AniSteps;
  readonly dial: DialSteps;
}

function lines({ number, internal, inbound, outbound, dial }: Found, { numbers, screenPop }: Config): string[] {
  const read = inbound.fromIdentity;
  const first = read === undefined
    ? []
    : [`as a caller it is read as "${read.rewritten}"${by(read.rule, "fromIdentity", numbers)}`];
  const emergency = dial.ok && dial.emergency ? ", an emergency number: no limit holds it back (numbers.emergency)" : "";
  const dialled = dial.ok
    ? `MakeCall dials ${dial.number}${by(dial.rule, "toDial", numbers)}${emergency}`
    : `MakeCall refuses: ${dial.why}`;
  const { identity } = inbound;
  if (internal) return [...first, ...internalLines(number, inbound, numbers, screenPop.internal), dialled];
  if (identity.kind === "withheld" && identity.number === undefined) {
    return [...first, "is an unknown caller: occtANI is empty, and the call pops when it comes in from outside", dialled];
  }
  if (identity.kind === "name") {
    return [...first, "is a name, not a number: occtANI is empty, and it pops only when it comes in from outside", dialled];
  }
  // What a rule makes of a caller's name says nothing about dialling it.
  const outgoing = identify(number).kind !== "number"
    ? []
    : [`when dialled on the phone or by MakeCall: ${ani(outbound, numbers)}${pops(screenPop.outbound)}`];
  return [...first, "is outside", `as a caller: ${ani(inbound, numbers)}${pops(screenPop.inbound)}`, ...outgoing, dialled];
}

function internalLines(number: string, inbound: AniSteps, plan: NumberPlan, when: string): string[] {
  const { identity } = inbound;
  const plain = identity.kind === "number" ? identity.number : plainDialString(number);
  const pattern = internalPattern(plan, plain);
  const shorter = pattern?.test(plain) === false ? `, without the ${plain.startsWith("+") ? "+" : "00"} in front` : "";
  const why = pattern ? `numbers.internal: ${pattern.source}${shorter}` : "it begins with * or #";
  const effect = when === "never" ? "sends the CRM nothing" : `pops at ${when}, with an empty occtANI`;
  const outside = identity.kind === "number" ? [`as a caller who comes in from outside all the same: ${ani(inbound, plan)}`] : [];
  return [`is internal (${why})`, `a call with it ${effect} (screenPop.internal)`, ...outside];
}

function ani({ identity, ani, dropped, rule }: AniSteps, plan: NumberPlan): string {
  if (identity.kind === "withheld" && identity.number !== undefined) {
    const { number } = identity;
    const place = plan.withheld?.findIndex((pattern) => pattern.test(number));
    return `occtANI is empty: this number means that the caller's is withheld (numbers.withheld[${place}])`;
  }
  return `occtANI is ${ani === "" ? `empty: ${dropped ?? "there is no number"}` : ani}${by(rule, "toCrm", plan)}`;
}

function pops(when: string): string {
  return when === "never" ? ", but such calls are not sent to the CRM (never)" : `, popped at ${when}`;
}

function by(rule: number | undefined, list: "toCrm" | "toDial" | "fromIdentity", plan: NumberPlan): string {
  const found = rule === undefined ? undefined : plan[list]?.[rule];
  return found ? ` (numbers.${list}[${rule}]: ${found.match.source} becomes ${found.replace || "nothing"})` : "";
}
