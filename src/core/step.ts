/**
 * The core's one function: a desk, an input and the time give the desk's next state and what is to be done. The only
 * place that knows both the line and the CRM. No clock, no random, no await: effects are carried out by `loop.ts`.
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
import { dialledParty, newCall } from "./call.ts";
import type { Callout, CrmEvent, Reply } from "./crm.ts";
import {
  type CallChange,
  type Desk,
  type Dial,
  endUnmade,
  type LineState,
  onLeg,
  onSnapshot,
  phoneTrouble,
  renameLeg,
  withArrival,
  withCall,
  withoutDestination,
} from "./desk.ts";
import { mayNotDial, withDial } from "./dial/limits.ts";
import {
  dialAnswerAt,
  dialling,
  endUnsure,
  giveUpDial,
  isStale,
  onDialCall,
  onDialDeadline,
  onDialResult,
  recordOf,
  unmadeBy,
} from "./dial/dial.ts";
import { addressOf, unregistered } from "./destination.ts";
import type { Effect, Input, Step } from "./input.ts";
import type { LineCommand, LineEvent } from "./line.ts";
import { dialSteps } from "./number.ts";
import type { Policy } from "./policy.ts";

const noAcd: AcdPolicy = { driven: false, afterCall: "nothing" };

/** One step of one desk. */
export function step(desk: Desk, input: Input, now: number, policy: Policy): Step {
  const reacted = react(desk, input, now, policy);
  const rested = afterChange(desk, reacted.desk, now, policy.acd ?? noAcd);
  const made = onLineHealth(withEffects(reacted.effects, rested), policy);
  const wakeAt = dialAnswerAt(made.desk);
  return wakeAt === undefined ? made : { ...made, wakeAt };
}

function react(desk: Desk, input: Input, now: number, policy: Policy): Step {
  switch (input.type) {
    case "line":
      return onLine(desk, input.event, now, policy);
    case "callout":
      return onCallout(desk, input.id, input.callout, now, policy);
    case "result": {
      if (input.command.type === "agent") return onAgentResult(desk, input.command, input.result, now);
      const { command: { call }, result } = input;
      const settled = onDialResult(desk, call, result);
      // A late result carries no information about a newer dial.
      const over = desk.dial?.call === call ? unmadeBy(settled.desk, result) : undefined;
      return over ? withEffects(settled.effects, told(endUnmade(settled.desk, over), now, policy)) : settled;
    }
    case "arrival":
      return quiet(withArrival(desk, input.registration));
    case "wake": {
      const answered = onDialDeadline(desk, now);
      if (!isStale(answered.desk, now)) {
        return withEffects(answered.effects, endUnsure(answered.desk, now, policy.events?.errors === true));
      }
      const unknown = { cause: "UNKNOWN", why: "The switch did not report the outcome." };
      const failure = answered.desk.dial?.lastEnd?.failure ?? unknown;
      return withEffects(answered.effects, told(endUnmade(answered.desk, failure), now, policy));
    }
  }
}

function onLine(desk: Desk, event: LineEvent, now: number, policy: Policy): Step {
  switch (event.type) {
    case "link-up":
      if (event.desks && !event.desks.includes(desk.extension)) return quiet(desk);
      return quiet({ ...desk, line: { link: { up: true, to: event.to }, phone: "unknown" } });
    case "link-down":
      if (event.desks && !event.desks.includes(desk.extension)) return quiet(desk);
      return quiet({ ...desk, line: { link: { up: false, why: event.why }, phone: "unknown" } });
    case "phone":
      return event.desk === desk.extension ? quiet({ ...desk, line: withPhone(desk.line, event) }) : quiet(desk);
    case "agent":
      return event.desk === desk.extension ? onAgentEvent(desk, event.mode, event.why, now) : quiet(desk);
    case "acd-reset":
      return event.desks.includes(desk.extension) ? onAcdReset(desk, policy.acd ?? noAcd) : quiet(desk);
    case "leg-renamed":
      return event.desk === desk.extension ? quiet(renameLeg(desk, event.from, event.to)) : quiet(desk);
    case "leg":
      return event.facts.desk === desk.extension ? told(onLeg(desk, event.facts, policy, now), now, policy) : quiet(desk);
    case "snapshot":
      if (!event.desks.includes(desk.extension)) return quiet(desk);
      return told(onSnapshot(desk, event.legs.filter((facts) => facts.desk === desk.extension), policy, now), now, policy);
  }
}

function withPhone(line: LineState, event: Extract<LineEvent, { type: "phone" }>): LineState {
  return {
    link: line.link,
    phone: event.registered ? "registered" : "unregistered",
    ...(event.contact === undefined ? {} : { contact: event.contact }),
    ...(event.why === undefined ? {} : { why: event.why }),
  };
}

/** Turns a change of the calls into effects; the dial in progress learns of it too. */
function told(change: CallChange, now: number, policy: Policy): Step {
  const effects: Effect[] = change.tell.flatMap(({ call, event }): Effect[] => {
    const { agent, to } = call;
    if (agent === null) return [];
    const lost = `agent ${agent} has unregistered from desk ${change.desk.extension}`;
    return [{ type: "tell", agent, event, ...(to ? { to } : to === undefined ? { lost } : {}) }];
  });
  const dial = onDialCall(change.desk, change.ended, now, policy.events?.errors === true);
  return { desk: dial.desk, effects: [...effects, ...dial.effects] };
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

/** The registered agent gets the calls that begin from now on. Calls in progress stay with their agents. */
function onRegister(desk: Desk, callout: Extract<Callout, { name: "Register" }>, now: number): Step {
  const { agent, address, port } = callout;
  const registration = { agent, address, port };
  return quiet(withArrival({ ...desk, registration, registeredAt: now }, registration));
}

/** By one who is not, or no longer, the registered agent it changes nothing. */
function onUnregister(desk: Desk, agent: string): Step {
  if (desk.registration?.agent !== agent) return quiet(desk);
  const why = unregistered(agent, desk.extension);
  return { desk: { ...withoutDestination(desk, agent), registration: null }, effects: [{ type: "retire", agent, why }] };
}

type MakeCall = Extract<Callout, { name: "MakeCall" | "DialCanonical" }>;

function onMakeCall(desk: Desk, id: string, callout: MakeCall, now: number, policy: Policy): Step {
  const { agent, from, dialString } = callout;
  const wanted = dialSteps(policy.numbers, dialString);
  const refuse = (why: string): Step => ({
    desk,
    effects: [{ type: "reply", to: id, reply: { ok: false, why } }, {
      type: "audit",
      result: "refused",
      dial: { id, at: now, agent, from, dialString, ...(wanted.ok ? { number: wanted.number } : {}), outcome: `refused: ${why}` },
    }],
  });
  if (!wanted.ok) return refuse(wanted.why);
  // A dial that hangs must not keep an emergency call back.
  const freed = wanted.emergency && desk.dial?.number !== wanted.number ? giveUpDial(desk, now) : { desk, effects: [] };
  const other = freed.desk.dial;
  if (other && other.number !== wanted.number) {
    return refuse(`Phone ${desk.extension} is still dialling ${other.dialString}: hang up first.`);
  }
  const busy = dialling(freed.desk, id);
  if (busy) return busy;
  const limit = policy.dial && !wanted.emergency ? mayNotDial(desk, agent, now, policy.dial) : undefined;
  if (limit !== undefined) return refuse(limit);
  if (!desk.line.link.up) {
    return refuse(`Cannot dial: the connection to the phone system is down (${desk.line.link.why}). Dial on the phone itself.`);
  }
  const call = {
    ...newCall(id, "makecall", desk.registration, now),
    party: dialledParty(wanted.plain, policy.numbers),
  };
  const dial: Dial = {
    call: id,
    dialString,
    number: wanted.number,
    agent,
    from,
    since: now,
    waiting: [id],
    settled: false,
    lifted: false,
  };
  const command: LineCommand = { type: "dial", desk: desk.extension, call: id, number: wanted.number };
  return {
    desk: { ...withCall(freed.desk, call), dial, dialled: withDial(desk.dialled, now) },
    effects: [...freed.effects, { type: "audit", dial: recordOf(dial, "asked"), result: "asked" }, { type: "drive", command }],
  };
}

function quiet(desk: Desk): Step {
  return { desk, effects: [] };
}

function withReply(to: string, made: Step): Step {
  return withEffects(made.effects, { desk: made.desk, effects: [{ type: "reply", to, reply: { ok: true } }] });
}

function withEffects(effects: readonly Effect[], made: Step): Step {
  return { ...made, effects: [...effects, ...made.effects] };
}

/** TelephonyDisabled when the line is lost, TelephonyEnabled when it is back: to the agent who is registered. */
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
  return { ...after, effects: [...made.effects, { type: "tell", agent, to: addressOf(desk.registration), event }] };
}

/** The answer to CheckStatus: fine when the switch is reachable, the phone registered and the agent in the state asked for, at every desk asked about. */
export function checkStatus(desks: readonly Desk[], from: string): Reply {
  const own = desks.filter(({ registration }) => registration?.address === from);
  const wrong = (own.length > 0 ? own : desks).flatMap((desk) =>
    lineTrouble(desk.extension, desk.line) ?? agentTrouble(desk) ?? []
  );
  return wrong.length === 0 ? { ok: true } : { ok: false, why: [...new Set(wrong)].join(" ") };
}

/** What is wrong with a desk's line, in words for the agent; nothing when all is well. */
export function lineTrouble(extension: string, line: LineState): string | undefined {
  if (!line.link.up) {
    const { why } = line.link;
    return `No connection to the phone system: ${why}${/[.?!]$/.test(why) ? "" : "."} Calls are not shown until it is back.`;
  }
  const trouble = phoneTrouble(extension, line);
  if (trouble !== undefined) return trouble;
  if (line.phone === "unknown") return `Phone ${extension}: not known yet whether it is registered.`;
  return undefined;
}
