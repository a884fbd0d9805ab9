/**
 * The one function of the core: it turns a desk, an input and the time into the next state of the desk and the effects. Only this
 * file knows both the line and the CRM. It has no clock, no random numbers and no await; `loop.ts` carries out the effects.
 */
import {
  type AcdPolicy,
  afterChange,
  agentTrouble,
  onAcdReset,
  onAgentCallout,
  onAgentEvent,
  onAgentResult,
} from "./agent/acd.ts";
import { hasDial, isCall } from "./call.ts";
import type { Callout, CrmEvent, Reply } from "./crm.ts";
import {
  type CallChange,
  type Desk,
  endIfNeverRang,
  type LineState,
  onLeg,
  onSnapshot,
  phoneTrouble,
  renameLeg,
  withArrival,
  withoutDestination,
} from "./desk.ts";
import { onMakeCall } from "./dial/make-call.ts";
import {
  dialWakeAt,
  expireUnknownDial,
  failureOfDial,
  onDialCall,
  onDialDeadline,
  onDialResult,
  staleDial,
} from "./dial/progress.ts";
import { addressOf, unregistered } from "./destination.ts";
import { elsewhereWakeAt, onElsewhere, settleElsewhere } from "./elsewhere.ts";
import { endedRecord, type Occasion, withTimelines } from "./history.ts";
import type { Effect, Input, Step } from "./input.ts";
import { type CommandResult, desksOf, type LineEvent } from "./line.ts";
import type { Policy } from "./policy.ts";
import { omitUndefined } from "./omit-undefined.ts";

const noAcd: AcdPolicy = { driven: false, afterCall: "nothing" };

/** One step of one desk. */
export function step(desk: Desk, input: Input, now: number, policy: Policy): Step {
  const reacted = react(desk, input, now, policy);
  const rested = afterChange(desk, reacted.desk, now, policy.acd ?? noAcd);
  const healthy = onLineHealth(withEffects(reacted.effects, rested), policy);
  const settled = settleElsewhere(healthy.desk, now);
  const made = {
    effects: [...healthy.effects, ...settled.effects],
    desk: withTimelines(desk, settled.desk, now, occasionOf(input)),
  };
  const wakes = [dialWakeAt(made.desk), elsewhereWakeAt(made.desk)].filter((at) => at !== undefined);
  return wakes.length === 0 ? made : { ...made, wakeAt: Math.min(...wakes) };
}

/**
 * Whether the outcome of a step may be written later. If the daemon is killed, the switch lists the leg of a call again that has
 * sent no event. Most often its ring follows at once, and the ScreenPop must not wait for two writes. The record of a call that
 * sent nothing needs no separate write.
 */
export function mayWait({ desk, effects }: Step, input: Input): boolean {
  if (input.type !== "line" || effects.some(({ type }) => type !== "record")) return false;
  if (input.event.type === "leg-elsewhere") return true;
  if (input.event.type !== "leg") return false;
  const { leg } = input.event.facts;
  return !desk.calls.some((call) => call.popped && call.legs.includes(leg));
}

function occasionOf(input: Input): Occasion {
  if (input.type !== "line") return { isSnapshot: false };
  const { event } = input;
  const cause = event.type === "leg" ? event.facts.ended?.cause : undefined;
  return { isSnapshot: event.type === "snapshot", ...omitUndefined({ cause }) };
}

function react(desk: Desk, input: Input, now: number, policy: Policy): Step {
  switch (input.type) {
    case "line":
      return onLine(desk, input.event, now, policy);
    case "callout":
      return onCallout(desk, input.id, input.callout, now, policy);
    case "arrival":
      return noEffects(withArrival(desk, input.registration));
    case "wake":
      return onWake(desk, now, policy);
  }
}

/** The result of a dial command. Without a dial in progress, only the call may have ended. */
function onResult(desk: Desk, id: string, result: CommandResult, now: number, policy: Policy): Step {
  const call = desk.calls.find((call) => isCall(call, id));
  if (!call) return noEffects(desk);
  const settled = hasDial(call) ? onDialResult(desk, call, result) : noEffects(desk);
  const failure = failureOfDial(call, result);
  const after = settled.desk.calls.find((call) => isCall(call, id));
  return failure && after
    ? withEffects(settled.effects, toEffects(endIfNeverRang(settled.desk, after, failure), now, policy))
    : settled;
}

/** The callout of a dial is answered, or the dial ends, when its time is up. */
function onWake(desk: Desk, now: number, policy: Policy): Step {
  const answered = onDialDeadline(desk, now);
  const stale = staleDial(answered.desk, now);
  if (!stale) return withEffects(answered.effects, expireUnknownDial(answered.desk, now, policy.events?.errors === true));
  const failure = stale.dial.lastEnd?.failure ?? { cause: "UNKNOWN", why: "The switch did not report the outcome." };
  return withEffects(answered.effects, toEffects(endIfNeverRang(answered.desk, stale, failure), now, policy));
}

function onLine(desk: Desk, event: LineEvent, now: number, policy: Policy): Step {
  if (desksOf(event)?.includes(desk.extension) === false) return noEffects(desk);
  switch (event.type) {
    case "link-up":
      return noEffects({ ...desk, line: { link: { up: true, to: event.to }, phone: "unknown" } });
    case "link-down":
      return noEffects({ ...desk, line: { link: { up: false, why: event.why }, phone: "unknown" } });
    case "phone":
      return noEffects({ ...desk, line: withPhone(desk.line, event) });
    case "agent":
      return onAgentEvent(desk, event.mode, event.why, now);
    case "acd-reset":
      return onAcdReset(desk, policy.acd ?? noAcd);
    case "result":
      if (event.command.type === "agent") return onAgentResult(desk, event.command, event.result, now);
      return onResult(desk, event.command.call, event.result, now, policy);
    case "leg-elsewhere":
      return onElsewhere(desk, event, now);
    case "leg-renamed":
      return noEffects(renameLeg(desk, event.from, event.to));
    case "leg":
      return toEffects(onLeg(desk, event.facts, policy, now), now, policy);
    case "snapshot":
      return toEffects(onSnapshot(desk, event.legs.filter((facts) => facts.desk === desk.extension), policy, now), now, policy);
  }
}

function withPhone(line: LineState, event: Extract<LineEvent, { type: "phone" }>): LineState {
  return {
    link: line.link,
    phone: event.registered ? "registered" : "unregistered",
    ...omitUndefined({ contact: event.contact, why: event.why }),
  };
}

/** Turns a change of the calls into effects: the events, those for the dial in progress, and the records of ended calls. */
function toEffects(change: CallChange, now: number, policy: Policy): Step {
  const effects: Effect[] = change.send.flatMap(({ call, event }): Effect[] => {
    const { agent, to } = call;
    if (agent === null) return [];
    const undeliverable = unregistered(agent, change.desk.extension);
    return [{ type: "send", agent, event, ...(to ? { to } : to === undefined ? { undeliverable } : {}) }];
  });
  const dial = onDialCall(change.desk, change.ended, now, policy.events?.errors === true);
  const records = change.ended.map(({ call, failure }): Effect => (
    { type: "record", call: endedRecord(call, failure, change.desk.extension, policy, now) }
  ));
  return { desk: dial.desk, effects: [...effects, ...dial.effects, ...records] };
}

function onCallout(desk: Desk, id: string, callout: Callout, now: number, policy: Policy): Step {
  switch (callout.name) {
    case "Register":
      return withReply(id, onRegister(desk, callout, now));
    case "Unregister":
      return withReply(id, onUnregister(desk, callout.agent));
    case "Login":
    case "Logout":
    case "Ready":
    case "NotReady":
      return onAgentCallout(desk, id, callout, now, policy.acd ?? noAcd);
    case "MakeCall":
    case "DialCanonical":
      return onMakeCall(desk, id, callout, now, policy);
  }
}

/** The registered agent gets the calls that start from now on. Calls in progress stay with their agents. */
function onRegister(desk: Desk, callout: Extract<Callout, { name: "Register" }>, now: number): Step {
  const { agent, address, port } = callout;
  const registration = { agent, address, port };
  return noEffects(withArrival({ ...desk, registration, registeredAt: now }, registration));
}

/** An Unregister by any agent other than the registered one changes nothing. */
function onUnregister(desk: Desk, agent: string): Step {
  if (desk.registration?.agent !== agent) return noEffects(desk);
  const why = unregistered(agent, desk.extension);
  return { desk: { ...withoutDestination(desk, agent), registration: null }, effects: [{ type: "discard", agent, why }] };
}

function noEffects(desk: Desk): Step {
  return { desk, effects: [] };
}

function withReply(to: string, made: Step): Step {
  return withEffects(made.effects, { desk: made.desk, effects: [{ type: "reply", to, reply: { ok: true } }] });
}

function withEffects(effects: readonly Effect[], made: Step): Step {
  return { ...made, effects: [...effects, ...made.effects] };
}

/** Sends TelephonyDisabled when the line is lost, TelephonyEnabled when it is back, to the registered agent. */
function onLineHealth(made: Step, policy: Policy): Step {
  const { desk } = made;
  const { link, phone } = desk.line;
  if (!policy.events?.telephony || (link.up && phone === "unknown")) return made;
  const lost = !link.up || phone === "unregistered";
  if (lost === (desk.lineLost === true)) return made;
  const after = { ...made, desk: { ...desk, lineLost: lost } };
  if (!desk.registration) return after;
  const event: CrmEvent = { name: lost ? "TelephonyDisabled" : "TelephonyEnabled", call: "" };
  const { agent } = desk.registration;
  return { ...after, effects: [...made.effects, { type: "send", agent, to: addressOf(desk.registration), event }] };
}

/**
 * Answers CheckStatus: ok if the switch is reachable, the phone registered and the agent in the requested state, at every desk
 * in question.
 */
export function checkStatus(desks: readonly Desk[], from: string): Reply {
  const own = desks.filter(({ registration }) => registration?.address === from);
  const wrong = (own.length > 0 ? own : desks).flatMap((desk) =>
    lineTrouble(desk.extension, desk.line) ?? agentTrouble(desk) ?? []
  );
  return wrong.length === 0 ? { ok: true } : { ok: false, why: [...new Set(wrong)].join(" ") };
}

/** What is wrong with the line of a desk, as a sentence for the agent; undefined if all is well. */
export function lineTrouble(extension: string, line: LineState): string | undefined {
  if (!line.link.up) {
    const { why } = line.link;
    return `No connection to the phone system: ${why}${/[.?!]$/.test(why) ? "" : "."} Calls are not shown until it is back.`;
  }
  const trouble = phoneTrouble(extension, line);
  if (trouble !== undefined) return trouble;
  if (line.phone === "unknown") return `It is not yet known whether phone ${extension} is registered.`;
  return undefined;
}
