/** The hops to the agent's PC: who is registered, whether UWQ listens there, and whether the last events were delivered. */
import { failed, type Finding, good, notTried, warning } from "../../../drivers/shared/probing.ts";
import { unreachable } from "../../cctsdk/unreachable.ts";
import type { StoreLook } from "../../store/inspect.ts";
import { ago, count } from "../../core/count.ts";
import { unattendedText } from "../../status/status.ts";
import { refusalAdvice, type RefusalStatus, refusalText } from "../../status/refusals.ts";
import { tryToConnect } from "../../platform/connect-error.ts";
import { type Daemon, eventsLooked } from "./daemon.ts";
import { withDetails } from "./hop.ts";

/** An agent's registration, as the daemon or the store has it. */
export interface Registered {
  readonly agent: string;
  readonly host: string;
  readonly port: number;
  /** How long ago the Register was received, in ms; absent if unknown. */
  readonly before?: number;
}

/** What is known about the desks, from the daemon, or from the store if the daemon is not running. `now` is the wall clock. */
export interface Known {
  readonly daemon: Daemon | undefined;
  readonly store: StoreLook | undefined;
  /** The store exists but cannot be read. */
  readonly unread: boolean;
  readonly now: number;
}

/** Why the desks are unknown; undefined if they are known. */
function unknown({ daemon, unread }: Known): string | undefined {
  return daemon || !unread ? undefined : "the daemon is not running, and the store cannot be read.";
}

/** Who is registered at a desk. */
export function registeredAt(desk: string, { daemon, store, now }: Known): Registered | undefined {
  if (daemon) {
    const registered = daemon.status.desks.find(({ extension }) => extension === desk)?.registered;
    if (!registered) return undefined;
    const colon = registered.at.lastIndexOf(":");
    return {
      agent: registered.agent,
      host: registered.at.slice(0, colon),
      port: Number(registered.at.slice(colon + 1)),
      ...(registered.since === undefined ? {} : { before: now - Date.parse(registered.since) }),
    };
  }
  const stored = store?.desks.find(({ extension }) => extension === desk);
  if (!stored?.registration) return undefined;
  const { agent, address, port } = stored.registration;
  return { agent, host: address, port, ...(stored.registeredAt === undefined ? {} : { before: now - stored.registeredAt }) };
}

/** An older Register is not from this working day. */
const aDay = 86_400_000;

/** Who is registered at a desk, from where, since when; and which callouts of it were refused, or of no desk of this box. */
export function checkRegistration(desk: string, known: Known, url: string): Finding {
  const why = unknown(known);
  if (why !== undefined) return notTried(why);
  const registered = registeredAt(desk, known);
  const served = known.daemon?.status.desks.map(({ extension }) => extension) ?? [];
  const unattended = known.daemon?.status.desks.find(({ extension }) => extension === desk)?.unattended;
  // A daemon that has not been restarted since an upgrade may not report them.
  const refused = (known.daemon?.status.refused ?? []).filter((refusal) =>
    refusal.desk === desk || (!served.includes(refusal.desk ?? "") && (!registered || served[0] === desk))
  );
  const reason = registered ? undefined : refused.find(({ name }) => name === "Register");
  return withDetails(
    registrationOf(registered, reason, served, known, url),
    [
      ...refused.filter((refusal) => refusal !== reason).slice(0, maxShownEvents)
        .map((refusal) => refusalText(refusal, known.now)),
      ...(unattended ? [unattendedText(unattended, known.now)] : []),
    ],
  );
}

function registrationOf(
  registered: Registered | undefined,
  refused: RefusalStatus | undefined,
  served: readonly string[],
  { now }: Known,
  url: string,
): Finding {
  if (refused) {
    return warning(
      `No agent has registered from UWQ: events cannot be delivered. ${refusalText(refused, now)}`,
      refusalAdvice(refused, served) ?? "Change what the reason names; then have the agent log in to UWQ again.",
    );
  }
  if (registered === undefined) {
    return warning(
      "No agent has registered from UWQ: events cannot be delivered.",
      `Have the agent log in to UWQ. If that does not help, run on the agent's PC: curl.exe "${url}?FunctionName=CheckStatus"`,
    );
  }
  const { agent, host, port, before } = registered;
  const message = `Agent ${agent} at ${host}:${port}${before === undefined ? "" : `, registered ${ago(before)} ago`}.`;
  if (before === undefined || before < aDay) return good(message);
  const advice = `Fine if agent ${agent} is still logged in to UWQ; otherwise have the agent log in again.`;
  return warning(message, advice);
}

/** How long UWQ's port has to answer, in ms. */
const answerMs = 2500;

/**
 * Whether UWQ's port accepts a connection. Nothing is sent: an event would pop up on the agent's screen. A program that hangs, or
 * is not UWQ, accepts connections too, so the desk's last event since the Register shows whether it works.
 */
export async function checkCrmPort(desk: string, registered: Registered | undefined, known: Known): Promise<Finding> {
  if (registered === undefined) return notTried(unknown(known) ?? "nobody has registered.");
  const { agent, host, port, before = 0 } = registered;
  const where = `${host}:${port}`;
  const code = await tryToConnect(host, port, answerMs);
  if (code === undefined) {
    const last = eventsOf(known).find((event) => event.desk === desk && event.before <= before && wasTried(event));
    if (last === undefined) {
      return good(`${where} accepts connections; no event has been sent there since.`);
    }
    if (last.state === "delivered") {
      return good(`${where} accepts connections; it accepted the last event ${ago(last.before)} ago.`);
    }
    return failed(
      `${where} accepts connections, but not the last event: ${last.why}.`,
      `Have agent ${agent} log in to UWQ again. If that does not help: check what listens there, and compare crm.path, crm.contentType and crm.delivered with what UWQ expects (/usr/share/doc/telesetd/docs/cctsdk.md).`,
    );
  }
  const trouble = unreachable(code, { address: host, port }, answerMs, `agent ${agent}`);
  return failed(`${trouble.why}.`, trouble.advice);
}

/** An event, as the daemon and the store both describe it. */
interface RecordedEvent {
  readonly name: string;
  readonly desk: string;
  readonly state: "waiting" | "delivered" | "discarded";
  readonly before: number;
  readonly attempts: number;
  readonly why?: string;
}

/** How many of the last events are shown. */
const maxShownEvents = 5;

/** An event that has waited longer is late, in ms. */
const lateAfter = 15_000;

/** The newest first. */
function eventsOf({ daemon, store, now }: Known): RecordedEvent[] {
  return daemon
    ? daemon.events.map(({ event, created, ...rest }) => ({ ...rest, name: event, before: now - Date.parse(created) }))
    : (store?.events ?? []).map(({ created, ...rest }) => ({ ...rest, before: now - created }));
}

/** Whether the delivery of an event has succeeded or failed at least once; the first attempt may still be running. */
function wasTried({ state, attempts, why }: RecordedEvent): boolean {
  return state === "delivered" || (attempts > 0 && why !== undefined);
}

/** Whether the last events were delivered, and which are pending. */
export function checkDeliveries(known: Known): Finding {
  const { daemon, store } = known;
  const why = unknown(known);
  if (why !== undefined) return notTried(why);
  if (!daemon && !store) return notTried("the daemon is not running, and there is no store to read.");
  const last = eventsOf(known).slice(0, eventsLooked);
  return withDetails(deliveriesOf(known, last), last.slice(0, maxShownEvents).map(describe));
}

function deliveriesOf(known: Known, last: readonly RecordedEvent[]): Finding {
  const { daemon, store, now } = known;
  const waiting = daemon ? daemon.status.outbox.waiting : store?.waiting ?? 0;
  const oldest = daemon ? (daemon.status.outbox.oldestSeconds ?? 0) * 1000 : store?.oldest === undefined ? 0 : now - store.oldest;
  const pending = eventsOf(known).filter(({ state }) => state === "waiting");
  const failing = pending.find(wasTried);
  const onTheirOwn = "Fix the hops to UWQ above: the events are then sent automatically.";
  if (waiting > 0 && oldest > lateAfter) {
    const { why } = failing ?? pending[0] ?? {};
    const message = `${count(waiting, "event")} waiting, the oldest for ${ago(oldest)}${why === undefined ? "" : `: ${why}`}.`;
    return failed(message, daemon ? onTheirOwn : "Start the daemon: it sends them.");
  }
  const delivered = last.filter(({ state }) => state === "delivered").length;
  const summary = `${count(delivered, "event")} of the last ${last.length} delivered`;
  if (failing) {
    const message = `${summary}, ${count(waiting, "event")} on the way; an attempt has failed: ${failing.why}.`;
    return warning(message, onTheirOwn);
  }
  const discarded = last.filter(({ state }) => state === "discarded");
  if (discarded.length > 0) {
    return warning(
      `${summary}, ${discarded.length} discarded; the reason of the last one: ${discarded[0]?.why ?? "unknown"}.`,
      "telesetd outbox list --all shows them; telesetd outbox retry ID sends one again.",
    );
  }
  if (last.length === 0) return good("No event has been recorded yet, and none is pending.");
  return good(`${summary}, ${waiting === 0 ? "none is pending" : `${waiting} on the way`}.`);
}

function describe({ name, desk, state, before, attempts, why }: RecordedEvent): string {
  const tries = attempts > 1 ? `, ${attempts} attempts` : "";
  return `${ago(before)} ago, desk ${desk}: ${name} ${state}${tries}${why === undefined ? "" : ` (${why})`}`;
}
