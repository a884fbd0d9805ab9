/** The hops of the switch: the driver checks them, each is passed on as soon as it is known. */
import { driverOf, type Hop, type ProbeContext } from "../../../drivers/registry.ts";
import { AsyncQueue } from "../../../drivers/shared/async-queue.ts";
import { failed } from "../../../drivers/shared/probing.ts";
import type { Config } from "../../config/schema.ts";
import { openLog } from "../../log/log.ts";
import { messageOf } from "../../platform/text.ts";
import { systemTimers } from "../../platform/timers.ts";

/** How long the hops of the switch may take together, in ms. */
const switchMs = 11_000;

/** How long a driver may take to stop after that, in ms. */
const stopMs = 500;

/** Checks the hops of the switch, starting now. */
export function switchHops({ line, desks, screenPop, agent }: Config): AsyncIterable<Hop> {
  const context: ProbeContext = {
    desks,
    variables: Object.values(screenPop.data),
    directory: agent.verify === "directory",
    // Wire messages are not logged: they contain customers' numbers.
    log: openLog(() => {}, "error", false),
    timers: systemTimers,
  };
  return passedOn((signal) => driverOf(line).probe(context, signal));
}

/** The hops of a probe that starts now. It may fail or hang: the hops still end, after `within` ms at the latest. */
export function passedOn(probe: (signal: AbortSignal) => AsyncIterable<Hop>, within = switchMs): AsyncIterable<Hop> {
  const hops = new AsyncQueue<Hop>();
  const fail = (message: string, advice: string, ms: number): void =>
    hops.push({ name: "switch", ...failed(message, advice), ms });
  const end = (): void => hops.end(Promise.resolve());
  const timeout = AbortSignal.timeout(within);
  const late = (): void => {
    const message = `The switch takes more than ${within / 1000} s to answer all questions.`;
    fail(message, "Check the switch's load and the network path to it.", within);
    end();
  };
  timeout.addEventListener("abort", () => setTimeout(late, stopMs));
  const all = async (): Promise<void> => {
    for await (const hop of probe(timeout)) hops.push(hop);
  };
  void all().catch((error: unknown) => fail(`Cannot check: ${messageOf(error)}.`, "Report it with this line.", 0)).then(end);
  return hops;
}
