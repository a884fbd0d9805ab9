/** `telesetd explain NUMBER` */
import { type AniSteps, aniSteps, type CallDirection, dialSteps, isInternal, type NumberPlan } from "../core/number.ts";
import { configOr2, type Io } from "./io.ts";

/** Says what a number becomes for the CRM in each direction, what MakeCall would dial, and by which rules. */
export function explain(number: string, file: string, json: boolean, io: Io): number {
  const config = configOr2(file, io);
  if (config === 2) return 2;
  const plan = config.numbers;
  const inbound = aniSteps(plan, number, "inbound");
  const outbound = aniSteps(plan, number, "outbound");
  const dial = dialSteps(plan, number);
  const internal = isInternal(plan, inbound.identity.kind === "number" ? inbound.identity.number : number);
  if (json) io.out(`${JSON.stringify({ number, internal, inbound, outbound, dial }, null, 2)}\n`);
  else {
    io.out(
      `${number}\n  is ${
        internal ? "internal: no screen pop unless the caller comes in from outside (screenPop.internal)" : "outside"
      }\n`,
    );
    io.out(popLine("as a caller", inbound, "inbound", plan));
    io.out(popLine("when dialled on the phone", outbound, "outbound", plan));
    io.out(dial.ok ? `  MakeCall dials ${dial.number}${by(dial.rule, "toDial", plan)}\n` : `  MakeCall refuses: ${dial.why}\n`);
  }
  return 0;
}

function popLine(what: string, steps: AniSteps, _direction: CallDirection, plan: NumberPlan): string {
  const words =
    { number: "", withheld: ": the caller is unknown", name: ": it has letters, so it is no number" }[steps.identity.kind];
  const why = steps.dropped ?? words;
  const ani = steps.ani === "" ? `empty${why === "" ? "" : why.startsWith(":") ? why : `: ${why}`}` : steps.ani;
  return `  ${what}: occtANI is ${ani}${by(steps.rule, "toCrm", plan)}\n`;
}

function by(rule: number | undefined, list: "toCrm" | "toDial", plan: NumberPlan): string {
  const found = rule === undefined ? undefined : plan[list][rule];
  return found ? ` (numbers.${list}[${rule}]: ${found.match.source} becomes ${found.replace})` : "";
}
