/** `telesetd explain NUMBER` */
import type { Config } from "../config.ts";
import {
  type AniSteps,
  aniSteps,
  type DialSteps,
  dialSteps,
  identify,
  isInternal,
  type NumberPlan,
  plainDialString,
} from "../core/number.ts";
import { configOr2, type Io } from "./io.ts";

/** Says what a number becomes for the CRM in each direction, what MakeCall would dial, and by which rules. Exit code 0 or 2. */
export function explain(number: string, file: string, json: boolean, io: Io): number {
  const config = configOr2(file, io);
  if (config === 2) return 2;
  const plan = config.numbers;
  const found = {
    number,
    internal: isInternal(plan, plainDialString(number)),
    inbound: aniSteps(plan, number, "inbound"),
    outbound: aniSteps(plan, number, "outbound"),
    dial: dialSteps(plan, number),
  };
  io.out(json ? `${JSON.stringify(found, null, 2)}\n` : [number, ...lines(found, config)].join("\n  ") + "\n");
  return 0;
}

interface Found {
  readonly number: string;
  readonly internal: boolean;
  readonly inbound: AniSteps;
  readonly outbound: AniSteps;
  readonly dial: DialSteps;
}

function lines({ number, internal, inbound, outbound, dial }: Found, { numbers, screenPop }: Config): string[] {
  const dialled = dial.ok ? `MakeCall dials ${dial.number}${by(dial.rule, "toDial", numbers)}` : `MakeCall refuses: ${dial.why}`;
  const { kind } = identify(number);
  if (kind === "withheld") return [`is an unknown caller: occtANI is empty, and he pops when he comes in from outside`, dialled];
  if (kind === "name" && !internal) {
    return ["is a name, no number: occtANI is empty, and it pops only when it comes in from outside", dialled];
  }
  if (internal) return [...internalLines(number, inbound, numbers, screenPop.internal), dialled];
  return [
    "is outside",
    `as a caller: ${ani(inbound, numbers)}${pops(screenPop.inbound)}`,
    `when dialled on the phone or by MakeCall: ${ani(outbound, numbers)}${pops(screenPop.outbound)}`,
    dialled,
  ];
}

function internalLines(number: string, inbound: AniSteps, plan: NumberPlan, when: string): string[] {
  const pattern = plan.internal.find((each) => each.test(plainDialString(number)));
  const why = pattern ? `numbers.internal: ${pattern.source}` : "it begins with * or #";
  const told = when === "never" ? "tells the CRM nothing" : `pops at ${when}, with an empty occtANI`;
  const outside = inbound.identity.kind === "number"
    ? [`as a caller who comes in from outside all the same: ${ani(inbound, plan)}`]
    : [];
  return [`is internal (${why})`, `a call with it ${told} (screenPop.internal)`, ...outside];
}

function ani({ ani, dropped, rule }: AniSteps, plan: NumberPlan): string {
  return `occtANI is ${ani === "" ? `empty: ${dropped ?? "there is no number"}` : ani}${by(rule, "toCrm", plan)}`;
}

function pops(when: string): string {
  return when === "never" ? ", but such calls are not told (never)" : `, popped at ${when}`;
}

function by(rule: number | undefined, list: "toCrm" | "toDial", plan: NumberPlan): string {
  const found = rule === undefined ? undefined : plan[list][rule];
  return found ? ` (numbers.${list}[${rule}]: ${found.match.source} becomes ${found.replace})` : "";
}
