/**
 * The history of calls. The timeline is part of each call, so that it is stored with the desk and survives a restart; when a call
 * ends, an effect of the step puts its record into the same transaction. Pure.
 */
import { type Call, isLifted, kindOf, type Moment, type Origin, type PopPolicy, silenceOf } from "./call.ts";
import { type CallKind, type Disposition, dispositionOf } from "./disposition.ts";
import type { Desk } from "./desk.ts";
import type { Failure, Party } from "./line.ts";
import type { Reason, Silence } from "./reason.ts";

/** The other party of a call on record, as the switch shows it; empty if it is withheld. */
export interface RecordedParty {
  readonly identity: string;
  readonly outside: boolean;
}

/** A call on record. Times in ms of the steady clock. */
export interface CallRecord {
  readonly id: string;
  readonly origin: Origin;
  readonly kind: CallKind;
  /** The agent who was registered when it began; null when there was none. */
  readonly agent: string | null;
  readonly party?: RecordedParty;
  /** It came from a queue. */
  readonly queue?: true;
  readonly began: number;
  /** Absent while it is in progress. */
  readonly end?: CallEnd;
  /** ScreenPop and CallEstablished were sent, or are waiting. */
  readonly popped: boolean;
  readonly established: boolean;
  readonly timeline: readonly Moment[];
  /** Why nothing was sent, or less than usual: the one rule that decided it. */
  readonly reason?: Reason;
}

/** How a call has ended. */
export interface CallEnd {
  readonly at: number;
  readonly disposition: Disposition;
  /** The cause as the switch names it. */
  readonly cause: string;
}

/** The maximum number of moments of a timeline; its end is always noted. A call may be held hundreds of times. */
const maxMoments = 40;

/** The maximum length of a text on record: a caller may have a name of 10 kB. A sentence of a driver is shorter. */
const maxTextLength = 200;

/** The same with short texts. */
function shortened<T>(value: T): T {
  if (typeof value === "string") return (value.length > maxTextLength ? `${value.slice(0, maxTextLength)}...` : value) as T;
  if (Array.isArray(value)) return value.map((item: unknown) => shortened(item)) as T;
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, shortened(item)])) as T;
}

/** What a step knows about its changes of the calls besides the calls. */
export interface Occasion {
  /** The calls that are new were found in a snapshot. */
  readonly isSnapshot: boolean;
  /** Why a leg has ended. */
  readonly cause?: string;
}

/** The desk with what a step has changed of its calls noted in their timelines. */
export function withTimelines(before: Desk, after: Desk, now: number, occasion: Occasion): Desk {
  if (after.calls === before.calls) return after;
  const calls = after.calls.map((call) => {
    const old = before.calls.find(({ id }) => id === call.id);
    const moments = old === call ? [] : momentsOf(old, call, now, occasion);
    return moments.length === 0 ? call : { ...call, timeline: [...call.timeline ?? [], ...moments].slice(0, maxMoments) };
  });
  return { ...after, calls };
}

function momentsOf(old: Call | undefined, call: Call, at: number, { isSnapshot, cause = "UNKNOWN" }: Occasion): Moment[] {
  const moments: Moment[] = old ? [] : [{ at, what: isSnapshot ? "found" : "began" }];
  const add = (what: "phone-rang" | "lifted" | "rang" | "answered" | "held" | "retrieved", happened: boolean) => {
    if (happened) moments.push({ at, what });
  };
  const { party, held } = call;
  add("phone-rang", call.origin === "makecall" && call.alerted && !old?.alerted && !isLifted(call));
  add("lifted", isLifted(call) && !(old && isLifted(old)));
  add("rang", call.rang && !old?.rang);
  add("answered", call.answered && !old?.answered);
  if (old?.party && party && (old.party.identity !== party.identity || old.party.outside !== party.outside)) {
    moments.push({ at, what: "party", identity: party.identity, outside: party.outside });
  }
  add("held", held && !old?.held);
  add("retrieved", !held && old?.held === true);
  if (old && call.legs.length > 0 && call.legs.length < old.legs.length) {
    moments.push({ at, what: "leg-ended", cause });
  }
  return shortened(moments);
}

/** Causes that say the same as `Failure.transferred` (FreeSWITCH: switch_types.h; RFC 4235). */
const transfers = new Set(["BLIND_TRANSFER", "ATTENDED_TRANSFER", "replaced"]);

/** The record of a call that has ended. */
export function endedRecord(call: Call, failure: Failure, extension: string, policy: PopPolicy, at: number): CallRecord {
  const { cause, transferred } = failure;
  const what = call.answered && (transferred || transfers.has(cause)) ? "transferred" : "ended";
  const record = recordOf(call, reasonOf(call, failure, extension, policy));
  return shortened({
    ...record,
    end: { at, disposition: dispositionOf(call, cause), cause },
    timeline: [...record.timeline, { at, what, cause }],
  });
}

/** The record of a call in progress: a reason that may still change is omitted. */
export function liveRecord(call: Call, extension: string, policy: PopPolicy): CallRecord {
  const reason = reasonOf(call, undefined, extension, policy);
  return shortened(recordOf(call, reason && !provisional.has(reason.code) ? reason : undefined));
}

/** The record of a call for the desk that went elsewhere, so that the desk had no part in it. */
export function elsewhereRecord(leg: string, caller: Party | undefined, to: string | undefined, at: number): CallRecord {
  const identity = caller?.withheld ? "" : caller?.identity;
  return shortened({
    id: leg,
    origin: "called",
    kind: caller?.outside ? "inbound" : "internal",
    agent: null,
    ...(identity === undefined ? {} : { party: { identity, outside: caller?.outside === true } }),
    began: at,
    end: { at, disposition: "elsewhere", cause: "FORWARDED" },
    popped: false,
    established: false,
    timeline: [],
    reason: { code: "forwarded-by-switch", ...(to === undefined ? {} : { to }) },
  });
}

/** The reasons that later facts of the call may take away. */
const provisional: ReadonlySet<Reason["code"]> = new Set<Reason["code"]>([
  "unknown-party",
  "dialled-unreported",
  "not-answered",
  "phone-never-rang",
  "handset-never-rang",
  "handset-not-answered",
  "nobody-called",
  "far-end-never-rang",
]);

function reasonOf(call: Call, failure: Failure | undefined, extension: string, policy: PopPolicy): Reason | undefined {
  if (call.popped) {
    return call.shortfall ?? (call.answerUnreported && !call.established ? { code: "answer-unreported" } : undefined);
  }
  const silence = silenceOf(call, extension, policy);
  return silence && failure && provisional.has(silence.code) ? atEnd(call, silence, failure) : silence;
}

/** What the end of the call adds to the reason. */
function atEnd(call: Call, silence: Silence, { cause, calledFar, farUnreported }: Failure): Silence {
  const { code } = silence;
  if (cause === "GONE" && code !== "unknown-party" && code !== "dialled-unreported") return { code: "end-not-seen" };
  if (code === "phone-never-rang" && cause === "REDIRECTION_TO_NEW_DESTINATION") return { code: "redirected-by-phone" };
  // Only a far end that was called can be busy.
  const reached = calledFar || ["busy", "rejected", "no_answer"].includes(dispositionOf(call, cause));
  if (code === "nobody-called" && reached) return { code: "far-end-never-rang" };
  return code === "nobody-called" && farUnreported ? { code: "number-never-rang" } : silence;
}

function recordOf(call: Call, reason: Reason | undefined): CallRecord {
  const { id, origin, agent, party, queue, since, popped, established, timeline = [] } = call;
  // The words of the switch for it, such as anonymous, carry no information.
  const isWithheld = reason?.code === "withheld" || reason?.code === "withheld-inside";
  return {
    id,
    origin,
    kind: kindOf(call),
    agent,
    ...(party && !party.unreported ? { party: { identity: isWithheld ? "" : party.identity, outside: party.outside } } : {}),
    ...(queue ? { queue } : {}),
    began: since,
    popped,
    established,
    timeline,
    ...(reason ? { reason } : {}),
  };
}
