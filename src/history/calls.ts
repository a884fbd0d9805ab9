/**
 * The history of calls for people: calls in progress and on record, each with what was sent to the CRM, or why nothing was. For
 * `telesetd calls` and the box's page.
 */
import type { Moment, PopPolicy } from "../core/call.ts";
import { addressText } from "../core/crm.ts";
import type { Desk } from "../core/desk.ts";
import { recordOf } from "../core/elsewhere.ts";
import { type CallRecord, liveRecord } from "../core/history.ts";
import { omitUndefined } from "../core/omit-undefined.ts";
import { masked, maskedIdentity } from "../log/log.ts";
import type { CallSpan, Recorded, Store } from "../outbox/record.ts";
import { type AnyReason, type DeliveryReason, dispositionTexts, momentText, reasonText } from "./sentences.ts";

/** An event of a call. Times in ISO 8601. */
export interface ShownCallEvent {
  readonly id: number;
  readonly event: string;
  readonly state: "waiting" | "delivered" | "discarded";
  /** When it was due. */
  readonly created: string;
  readonly attempts: number;
  /** Where it was sent. */
  readonly to?: string;
  /** How long its delivery took, in ms. */
  readonly tookMs?: number;
  /** Why the last attempt failed, or why it was discarded. */
  readonly why?: string;
}

/** A call as it is shown. Times in ISO 8601. */
export interface ShownCall {
  readonly id: string;
  readonly desk: string;
  /** Absent if nobody was registered when it began. */
  readonly agent?: string;
  readonly direction: "inbound" | "outbound";
  readonly kind: CallRecord["kind"];
  readonly origin: CallRecord["origin"];
  /** The other party: a number, or what the switch shows instead; empty if it is withheld; absent if it is unknown. */
  readonly party?: string;
  readonly queue: boolean;
  readonly began: string;
  /** Absent while it is in progress. */
  readonly end?: { readonly at: string; readonly disposition: string; readonly text: string; readonly cause: string };
  readonly timeline: readonly { readonly at: string; readonly what: Moment["what"]; readonly text: string }[];
  /** What was sent, in order. */
  readonly events: readonly ShownCallEvent[];
  /** Why the CRM got nothing, or less than usual: the code, its facts, and the sentence. */
  readonly reason?: ShownReason;
  /** What else is missing: a second failed delivery, a withheld number beside it. */
  readonly moreReasons?: readonly ShownReason[];
}

/** A reason with its sentence. */
export type ShownReason = AnyReason & { readonly text: string };

/** All sentences about what the CRM did not get of a call; undefined if it got everything. */
export function reasonsText({ reason, moreReasons = [] }: Pick<ShownCall, "reason" | "moreReasons">): string | undefined {
  return reason && [reason, ...moreReasons].map(({ text }) => text).join(" ");
}

/** What it needs. */
export interface HistoryOptions {
  readonly store: Pick<Store, "calls" | "callsNamed" | "eventsOf">;
  readonly desks: () => readonly Desk[];
  readonly policy: PopPolicy;
  /** Writes the calls that have ended and are not written yet. */
  readonly write: () => void;
}

/** Which calls, and whether their numbers are masked as in the log. */
export interface HistoryQuery {
  readonly desk?: string;
  readonly masked?: boolean;
}

/** One call, or a sentence. */
export type FoundCall = { readonly call: ShownCall } | { readonly status: 404 | 409; readonly why: string };

/** How the other parties are shown: in texts, and alone. */
interface Mask {
  readonly text: (text: string) => string;
  readonly identity: (identity: string) => string;
}

const open: Mask = { text: (text) => text, identity: (identity) => identity };

/** As in the log: only the last four digits of a customer's number, however it is written. */
const hidden: Mask = {
  text: masked,
  identity: maskedIdentity,
};

/** A call in progress or on record. */
type KnownCall = CallRecord & CallSpan;

/** How many calls are read from the store in one turn of the event loop. */
const pageSize = 25;

/** Reads the history. */
export class CallHistory {
  readonly #options: HistoryOptions;

  constructor(options: HistoryOptions) {
    this.#options = options;
  }

  /** The calls in progress, then those on record: page by page, the newest first. */
  *pages({ desk, masked = false }: HistoryQuery = {}): Generator<ShownCall[]> {
    const { store, write } = this.#options;
    write();
    const live = this.#live().filter((call) => desk === undefined || call.desk === desk);
    if (live.length > 0) yield this.#shown(live, masked);
    const query = { limit: pageSize, ...omitUndefined({ desk }) };
    let page = store.calls(query);
    for (; page.length > 0; page = store.calls({ ...query, before: page.at(-1)?.place ?? 0 })) yield this.#shown(page, masked);
  }

  /** Why there is nothing to list for a desk, if it is not served and has no call on record. */
  unknownDesk(desk: string): string | undefined {
    const { desks, store } = this.#options;
    if (desks().some(({ extension }) => extension === desk) || store.calls({ limit: 1, desk }).length > 0) return undefined;
    return `This telesetd does not serve desk ${desk}: see telesetd status.`;
  }

  /** The call with this id, or the only one whose id starts with it. */
  find(start: string, masked = false): FoundCall {
    if (start === "") return { status: 404, why: noSuchCall };
    this.#options.write();
    const live = this.#live().filter(({ id }) => id.startsWith(start));
    const found = [...live, ...this.#options.store.callsNamed(start, 2)];
    const [call = undefined, ...others] = found.some(({ id }) => id === start) ? found.filter(({ id }) => id === start) : found;
    if (!call) return { status: 404, why: noSuchCall };
    if (others.some(({ id }) => id !== call.id)) {
      return { status: 409, why: `Several calls start with ${start}: enter more of the id.` };
    }
    const [shown] = this.#shown([call], masked);
    return shown ? { call: shown } : { status: 404, why: noSuchCall };
  }

  #live(): KnownCall[] {
    return this.#options.desks().flatMap(({ extension, calls, elsewhere = [] }) =>
      [...calls.map((call) => liveRecord(call, extension, this.#options.policy)), ...elsewhere.map(recordOf)]
        .map((call) => ({ ...call, desk: extension }))
    ).sort((a, b) => b.began - a.began);
  }

  #shown(calls: readonly KnownCall[], isMasked: boolean): ShownCall[] {
    const events = Map.groupBy(this.#options.store.eventsOf(calls), ({ desk, event }) => `${desk} ${event.call}`);
    return calls.map((call) => shown(call, events.get(`${call.desk} ${call.id}`) ?? [], isMasked ? hidden : open));
  }
}

const noSuchCall = "There is no such call on record: see telesetd calls --all";

function shown(call: KnownCall, events: readonly Recorded[], mask: Mask): ShownCall {
  const { id, desk, agent, origin, kind, party, queue = false, began, end, timeline } = call;
  const [reason, ...moreReasons] = [...deliveryReasons(call, events), ...call.reason ? [call.reason] : []].map(
    (reason): ShownReason => ({ ...maskedFacts(reason, mask), text: mask.text(reasonText(reason, end?.cause)) }),
  );
  return {
    id,
    desk,
    ...omitUndefined({ agent: agent ?? undefined }),
    direction: kind === "internal" ? (origin === "called" ? "inbound" : "outbound") : kind,
    kind,
    origin,
    ...(party ? { party: mask.identity(party.identity) } : {}),
    queue,
    began: iso(began),
    ...(end
      ? { end: { at: iso(end.at), disposition: end.disposition, text: dispositionTexts[end.disposition], cause: end.cause } }
      : {}),
    timeline: timeline.map((moment) => ({ at: iso(moment.at), what: moment.what, text: textOf(moment, mask) })),
    events: events.map((event) => shownEvent(event, mask)),
    ...(reason ? { reason } : {}),
    ...(moreReasons.length > 0 ? { moreReasons } : {}),
  };
}

function textOf(moment: Moment, { identity }: Mask): string {
  return momentText(moment.what === "party" ? { ...moment, identity: identity(moment.identity) } : moment);
}

/** The facts of a reason; the pattern of a rule contains no customer's number. */
function maskedFacts<R extends AnyReason>(reason: R, mask: Mask): R {
  return Object.fromEntries(
    Object.entries(reason).map(([name, fact]) => [name, typeof fact === "string" && name !== "code" ? mask.text(fact) : fact]),
  ) as R;
}

/** Why the CRM did not get events of a call, in order; events with the same reason share it. */
function deliveryReasons({ popped, desk }: KnownCall, events: readonly Recorded[]): DeliveryReason[] {
  if (!popped) return [];
  if (events.length === 0) return [{ code: "no-longer-on-record" }];
  const reasons: DeliveryReason[] = [];
  const isUnknownToCrm = events.some(({ event, settlement }) => event.name === "ScreenPop" && settlement === "discarded");
  for (const recorded of events) {
    const last = reasons.at(-1);
    const reason = deliveryReason(desk, recorded);
    // An event that was not tried follows those before it: it waits behind them, or the CRM does not know the call.
    const follows = recorded.attempts === 0 &&
      (reason?.code === "not-delivered"
        ? last?.code === "not-delivered" && isUnknownToCrm
        : recorded.settlement === undefined && (last?.code === "waiting" || last?.code === "address-taken"));
    if (last && "events" in last && (follows || isSameReason(last, reason))) {
      reasons[reasons.length - 1] = { ...last, events: [...last.events, recorded.event.name] };
    } else if (reason) reasons.push(reason);
  }
  return reasons;
}

function isSameReason({ code, ...facts }: DeliveryReason, other: DeliveryReason | undefined): boolean {
  return code === other?.code && ("why" in facts && facts.why) === ("why" in other && other.why);
}

function deliveryReason(
  desk: string,
  { agent, event, to, settlement, withdrawn, ...recorded }: Recorded,
): DeliveryReason | undefined {
  const events = [event.name];
  const why = (recorded.why ?? "").replace(/[.]$/, "");
  if (settlement === "delivered") return undefined;
  if (withdrawn) return { code: "agent-unregistered", events, agent, desk };
  if (settlement === "discarded") return { code: "not-delivered", events, why };
  if (!to) return { code: "address-taken", events, agent };
  // A retried event has the reason of its former end until it is tried.
  return why === "" || recorded.attempts === 0 ? undefined : { code: "waiting", events, why };
}

function shownEvent(recorded: Recorded, mask: Mask): ShownCallEvent {
  const { id, event, to, created, attempts, settlement, ended, why } = recorded;
  return {
    id,
    event: event.name,
    state: settlement ?? "waiting",
    created: iso(created),
    attempts,
    ...(to ? { to: addressText(to) } : {}),
    ...(settlement === "delivered" && ended !== undefined ? { tookMs: Math.max(0, ended - created) } : {}),
    ...(why === undefined || why === "" ? {} : { why: mask.text(why) }),
  };
}

function iso(at: number): string {
  return new Date(at).toISOString();
}
