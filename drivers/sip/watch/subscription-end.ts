/** Why a subscription could not be had or has ended, and when to ask again (RFC 6665, sections 4.1.2 and 4.1.3). Pure. */
import { pauseBefore } from "../../../src/platform/backoff.ts";
import { parameter, secondsIn, word } from "../wire/headers.ts";
import type { FinalResponse } from "../wire/transaction.ts";

/** Why a subscription or a registration ended or was refused. */
export type EndCode =
  /** No response, or a proxy that got none from the switch. */
  | "no-answer"
  /** The name of the switch cannot be resolved. */
  | "unknown-name"
  | "password-missing"
  | "password-refused"
  /** The switch asks for a password in a way that is not supported. */
  | "auth-unsupported"
  /** The account may not do this. */
  | "forbidden"
  | "unknown-extension"
  /** The switch has no dialog subscriptions at all. */
  | "no-dialogs";

/** How a subscription, or an attempt at one, ended. */
export interface SubscriptionEnd {
  /** Absent: any other reason. */
  readonly code?: EndCode;
  /** A sentence for the agent, to follow "No connection to the phone system:". */
  readonly why: string;
  /**
   * When to subscribe again: `now`, `soon` (with growing pauses), `after` this many seconds, or `long`, because only a person can
   * change it.
   */
  readonly again: "now" | "soon" | "long" | { readonly after: number };
}

/** The subject of the sentences. */
export interface About {
  readonly extension: string;
  /** Where SIP is sent to. */
  readonly at: string;
  readonly user: string;
}

/** The parts of a response that matter here. */
export type Refusal = Pick<FinalResponse, "status" | "reason" | "own" | "authorized" | "hasPassword" | "header">;

/**
 * Whether a response means that the switch has not answered: 408, or a 503 of drachtio-server itself, which could not reach it (a
 * closed port, a machine that is off, an unknown name).
 */
export function isNoAnswer({ status, own }: Pick<Refusal, "status" | "own">): boolean {
  return status === 408 || (own && status === 503);
}

/** The meaning of a response other than 2xx to REGISTER, which is about the box's own account, not about a phone. */
export function endOfRegister(answer: Refusal, { at, user }: Omit<About, "extension">): SubscriptionEnd {
  const { status, reason } = answer;
  const end = endOfAnswer(answer, { extension: user, at, user });
  if ([401, 407].includes(status) || isNoAnswer(answer)) return end;
  if (status === 404) return { ...end, code: "forbidden", why: `${at} does not know user ${user} (404): check line.user` };
  return { ...end, why: `${at} does not allow user ${user} to register (${`${status} ${reason}`.trim()})` };
}

/** The meaning of a response other than 2xx to SUBSCRIBE. 423 and 481 are handled before. */
export function endOfAnswer(answer: Refusal, { extension, at, user }: About): SubscriptionEnd {
  const { status, reason, authorized } = answer;
  const retry = secondsIn(answer.header("retry-after"));
  if (isNoAnswer(answer)) {
    if (reason === "DNS Error") return { code: "unknown-name", why: unknownName(at), again: "soon" };
    return { code: "no-answer", why: `${at} does not answer`, again: "soon" };
  }
  switch (status) {
    case 401:
    case 407:
      return { ...refusedPassword(answer, at, user), again: "long" };
    case 403:
      return {
        code: authorized ? "password-refused" : "forbidden",
        why: authorized
          ? `${at} refuses user ${user} (403): check line.password, and whether it may watch extension ${extension}`
          : `${at} does not allow user ${user} to watch extension ${extension} (403)`,
        again: "long",
      };
    case 404:
    case 410:
    case 604:
      return { code: "unknown-extension", why: `${at} does not know extension ${extension} (${status})`, again: "long" };
    case 405:
    case 489:
    case 501:
      return {
        code: "no-dialogs",
        why: `${at} does not report the state of phones: it does not accept dialog subscriptions (${status})`,
        again: "long",
      };
  }
  const why = `${at} refuses to report the state of phone ${extension} (${status} ${reason})`.replace(/ \)/, ")");
  const again = retry !== undefined ? { after: retry } : status >= 600 ? "long" : "soon";
  return { why, again, ...(status === 503 || status === 504 ? { code: "no-answer" } : {}) };
}

/** The meaning of 401 and 407. */
function refusedPassword({ authorized, hasPassword }: Refusal, at: string, user: string): Pick<SubscriptionEnd, "code" | "why"> {
  if (authorized) {
    return { code: "password-refused", why: `${at} refuses the password of user ${user}: check line.user and line.password` };
  }
  if (!hasPassword) {
    return { code: "password-missing", why: `${at} asks for the password of user ${user}: line.password is not set` };
  }
  const ways = "expected Digest with MD5, SHA-256 or SHA-512-256";
  return { code: "auth-unsupported", why: `${at} asks for a password in a way that is not supported: ${ways}` };
}

function unknownName(at: string): string {
  return `the name ${at.replace(/:\d+$/, "")} is not known: set line.proxy to an IP address`;
}

/** The meaning of `Subscription-State: terminated`. */
export function endOfState(state: string | undefined, { extension, at }: About): SubscriptionEnd {
  const reason = word(`${parameter(state, "reason") ?? ""};`);
  const retry = secondsIn(parameter(state, "retry-after"));
  const later = (seconds: number): SubscriptionEnd["again"] => ({ after: retry ?? seconds });
  const why = `${at} has ended the subscription to phone ${extension} (${reason || "no reason"})`;
  switch (reason) {
    case "deactivated":
    case "timeout":
      return { why, again: "now" };
    case "probation":
      return { why, again: later(30) };
    case "giveup":
      return { why: `${why}: nobody there has approved it`, again: later(60) };
    case "rejected":
      return {
        code: "forbidden",
        why: `${at} no longer allows this box to watch extension ${extension} (rejected)`,
        again: "long",
      };
    case "noresource":
      return { code: "unknown-extension", why: `${at} says that there is no extension ${extension} (noresource)`, again: "long" };
    case "invariant":
      return { why: `${at} says that the state of phone ${extension} never changes (invariant)`, again: "long" };
  }
  return { why, again: retry === undefined ? "soon" : { after: retry } };
}

/** The pauses of `long`, in s: a wrong password that is tried often locks an account. */
const longPauses = [30, 120, 300, 600] as const;

/** The longest Retry-After that is kept, in s: one of weeks is a mistake, and the phone would not be watched. */
const maxRetryAfter = 3600;

/**
 * The pause before the next attempt, in ms.
 * @param failures the number of attempts that have failed in a row, from 0.
 * @param random from 0 to 1: jitter never shortens the pause that the switch requested, up to an hour.
 */
export function pauseAfter(again: SubscriptionEnd["again"], failures: number, random: number): number {
  // `now` twice in a row: the switch ends each subscription that it accepts.
  if (again === "now" && failures === 0) return 0;
  const growing = pauseBefore(failures, random);
  if (again === "now" || again === "soon") return growing;
  const seconds = again === "long"
    ? longPauses[Math.min(failures, longPauses.length - 1)] ?? 600
    : Math.min(again.after, maxRetryAfter);
  // So does one that asks for a Retry-After of 0 again and again.
  return Math.max(seconds * 1000 * (1 + random / 10), failures > 0 ? growing : 0);
}
