/** The limits on MakeCall: how often a desk may dial, and for which agents. No limit applies to emergency numbers. */
import { count } from "../count.ts";
import type { Desk } from "../desk.ts";
import type { DialCount } from "./dial.ts";

/** The limits of a site. */
export interface DialPolicy {
  readonly perMinute: number;
  readonly perDay: number;
  /** Whether a desk that is on a call may dial. */
  readonly whileOnCall: boolean;
  /** Whether only the agent who is registered at the desk may dial. */
  readonly registeredOnly: boolean;
}

const minute = 60_000;
const day = 24 * 60 * minute;

/** Why an agent (absent: no agent) may not dial now, as a sentence for the agent; undefined if the agent may. */
export function dialRefusal(desk: Desk, agent: string | undefined, now: number, policy: DialPolicy): string | undefined {
  const { extension, registration } = desk;
  if (policy.registeredOnly && (agent === undefined || registration?.agent !== agent)) {
    const who = agent === undefined ? "no agent is" : `agent ${agent} is not`;
    return `Cannot dial: ${who} registered at phone ${extension}: log in to UWQ again.`;
  }
  if (!policy.whileOnCall && desk.calls.some(({ answered, answerUnreported }) => answered || answerUnreported)) {
    return `Cannot dial: phone ${extension} is on a call: end it first.`;
  }
  return rateRefusal(extension, desk.dialled, now, policy);
}

/** Why a phone has dialled too often, as a sentence for the agent; undefined if it has not. */
export function rateRefusal(
  extension: string,
  before: DialCount | undefined,
  now: number,
  policy: Pick<DialPolicy, "perMinute" | "perDay">,
): string | undefined {
  const dialled = counted(before, now);
  if (dialled.minute.length >= policy.perMinute) {
    return `Cannot dial: phone ${extension} has dialled ${
      count(dialled.minute.length, "number")
    } within a minute, which is the maximum: wait a moment.`;
  }
  if (dialled.inDay >= policy.perDay) {
    return `Cannot dial: phone ${extension} has dialled ${
      count(dialled.inDay, "number")
    } in the last 24 hours, which is the maximum: ask the administrator.`;
  }
  return undefined;
}

/** The count with one more dial. */
export function countDial(old: DialCount | undefined, now: number): DialCount {
  const dialled = counted(old, now);
  return { day: dialled.day, inDay: dialled.inDay + 1, minute: [...dialled.minute, now] };
}

/** The count as of now: a new day starts 24 hours after the first dial of the old one. */
function counted(old: DialCount | undefined, now: number): DialCount {
  const fresh = old === undefined || now - old.day >= day;
  return {
    day: fresh ? now : old.day,
    inDay: fresh ? 0 : old.inDay,
    minute: (old?.minute ?? []).filter((at) => now - at < minute),
  };
}
