/**
 * All counters: the source of `/metrics` and docs/monitoring/metrics.md. Labels never contain customers' numbers or agents:
 * their values are listed here, or are the configured extensions.
 */
import { type CallKind, callKinds, type Disposition, dispositions } from "../core/disposition.ts";
import { calloutNames, type CrmEvent, type Delivery } from "../core/crm.ts";
import { dialResults } from "../core/input.ts";
import { type Reason, reasonCodes } from "../core/reason.ts";
import { logLevels } from "../log/log.ts";
import { Counter, type Family, Histogram } from "./exposition.ts";
import { Hours } from "./hours.ts";

/** The names of events, in Oracle's spelling. */
const eventNames = [
  "ScreenPop",
  "CallEstablished",
  "CallReleased",
  "Error",
  "TelephonyDisabled",
  "TelephonyEnabled",
] as const satisfies readonly CrmEvent["name"][];

/**
 * Results of an event. `delivered`, `delivered_with_error`: confirmed, without and with an Error in the answer; `discarded`: too
 * old, refused, its ScreenPop was not delivered, or the outbox was full; `withdrawn`: its agent has left; `dropped` by the
 * administrator.
 */
const eventResults = ["delivered", "delivered_with_error", "discarded", "withdrawn", "dropped"] as const;
export type EventResult = (typeof eventResults)[number];

/** Results of one POST: 2xx; 3xx or 4xx; no answer or 5xx, so that the CRM may have received it; CRM not reached. */
const attemptResults = ["confirmed", "refused", "unconfirmed", "unreached"] as const;

/**
 * Results of a callout: executed; failed, or a CheckStatus that reports trouble; refused: not allowed now, or for a desk or an
 * address that this box does not accept; malformed.
 */
const calloutResults = ["ok", "error", "refused", "malformed"] as const;

/** Statuses of requests refused before they counted as callouts. */
const refusals = ["400", "403", "404", "405", "408", "413", "414", "429", "431", "503"] as const;

/** Results of an attempt to log in to the page. */
const loginResults = ["ok", "wrong", "locked"] as const;

/** Upper bounds of the delivery buckets, in seconds: from a healthy LAN (1 to 10 ms) to a PC that was switched off. */
const deliveryBounds = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 120, 600];

/** The counters of a daemon. */
export class Metrics {
  readonly calls = new Counter(
    "telesetd_calls_total",
    "Calls that have ended, by kind and by how they ended.",
    { name: "kind", values: callKinds },
    { name: "disposition", values: dispositions },
  );
  readonly reasons = new Counter(
    "telesetd_calls_by_reason_total",
    "Calls that have ended of which the CRM got nothing, or less than usual, by the rule that decided it.",
    { name: "reason", values: reasonCodes },
  );
  readonly events = new Counter(
    "telesetd_events_total",
    "Settled events, by name and result.",
    { name: "event", values: eventNames },
    { name: "result", values: eventResults },
  );
  readonly attempts = new Counter(
    "telesetd_event_attempts_total",
    "POSTs of events to the CRM, by result.",
    { name: "result", values: attemptResults },
  );
  readonly delivery = new Histogram(
    "telesetd_event_delivery_seconds",
    "Time from an event to the CRM's confirmation, retries included, in whole milliseconds.",
    deliveryBounds,
  );
  readonly callouts = new Counter(
    "telesetd_callouts_total",
    "Callouts of the CRM, by function and result: ok; error (it failed, or a CheckStatus reports trouble); refused (not allowed now, or for a desk or an address that this box does not accept); malformed. unknown is a function that Oracle does not define.",
    { name: "function", values: [...calloutNames, "unknown"] },
    { name: "result", values: calloutResults },
  );
  readonly refused = new Counter(
    "telesetd_requests_refused_total",
    "HTTP requests refused before they counted as callouts, by status.",
    { name: "status", values: refusals },
  );
  readonly dials = new Counter(
    "telesetd_dials_total",
    "Dial requests of the CRM: asked (passed to the switch) or refused (by telesetd); of those asked: answered, called (the switch does not report whether the number answered) or failed.",
    { name: "result", values: dialResults },
  );
  readonly linkUps = new Counter("telesetd_link_ups_total", "How often the connection to the switch came up.");
  readonly linkDowns = new Counter("telesetd_link_downs_total", "How often the connection to the switch was lost.");
  readonly linkFailures = new Counter(
    "telesetd_link_failures_total",
    "How often an attempt to connect to the switch failed.",
  );
  readonly logins = new Counter(
    "telesetd_page_logins_total",
    "Attempts to log in to the page: ok; wrong (the password); locked (too many attempts before, so that the password was not looked at).",
    { name: "result", values: loginResults },
  );
  readonly logLines = new Counter(
    "telesetd_log_lines_total",
    "Lines written to the log, by level.",
    { name: "level", values: logLevels },
  );

  /** Calls and deliveries of the last 24 hours, for the page. */
  readonly hours = new Hours(deliveryBounds);

  /** Counts a call that has ended. `reason`: why it sent nothing, or less than usual. */
  callEnded(kind: CallKind, disposition: Disposition, reason?: Reason["code"]): void {
    this.hours.call();
    this.calls.add(kind, disposition);
    if (reason) this.reasons.add(reason);
  }

  /** Counts an event confirmed by the CRM after `seconds`; `error`: with an Error in its answer. */
  confirmed(event: CrmEvent["name"], seconds: number, error: boolean): void {
    this.events.add(event, error ? "delivered_with_error" : "delivered");
    this.delivery.observe(seconds);
    this.hours.delivered(seconds);
  }

  /** Counts a finished POST. */
  attempted(delivery: Delivery): void {
    if (delivery.outcome === "done") this.attempts.add("confirmed");
    else if (delivery.outcome === "refused") this.attempts.add("refused");
    else this.attempts.add(delivery.reached ? "unconfirmed" : "unreached");
  }

  /** Counts a change of the link to the switch, or a failure to connect; `before`: whether it was up. */
  linkChanged(up: boolean, before: boolean): void {
    if (up) this.linkUps.add();
    else if (before) this.linkDowns.add();
    else this.linkFailures.add();
  }

  /** All counters. */
  families(): readonly Family[] {
    const {
      calls,
      reasons,
      events,
      attempts,
      delivery,
      callouts,
      refused,
      dials,
      linkUps,
      linkDowns,
      linkFailures,
      logins,
      logLines,
    } = this;
    return [
      calls,
      reasons,
      events,
      attempts,
      delivery,
      callouts,
      refused,
      dials,
      linkUps,
      linkDowns,
      linkFailures,
      logins,
      logLines,
    ];
  }
}
