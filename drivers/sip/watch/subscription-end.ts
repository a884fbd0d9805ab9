/** Why a subscription could not be had or has ended, and when to ask again (RFC 6665, sections 4.1.2 and 4.1.3). Pure. */
import { pauseBefore } from "../../shared/pause.ts";
import { parameter, secondsIn, word } from "../wire/headers.ts";

/** Why a subscription or a registration ended or was refused. */
export type EndCode =
  /** No answer, also none from the switch behind a proxy. */
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

/** The end of a subscription. */
export interface End {
  /** Absent: any other reason. */
  readonly code?: EndCode;
  /** In words for the agent, to stand behind "No connection to the phone system:". */
  readonly why: string;
  /**
   * When to ask again: `now`, `soon` (with growing pauses), `after` so many seconds, or `long`, because only a person can
   * change it.
   */
  readonly again: "now" | "soon" | "long" | { readonly after: number };
}

/** Whom the words are about. */
export interface About {
  readonly extension: string;
  /** Where SIP is sent to. */
  readonly at: string;
  readonly user: string;
}

/** What of an answer counts. */
export interface Refusal {
  readonly status: number;
  readonly reason: string;
  readonly own: boolean;
  readonly authorized: boolean;
  readonly hasPassword: boolean;
  header(name: string): string | undefined;
}

/**
 * Whether an answer stands for none: 408, or the 503 of drachtio-server itself, which nothing lets through to the switch (the port is
 * closed, the machine is off, its name is not known).
 */
export function isNoAnswer({ status, own }: Pick<Refusal, "status" | "own">): boolean {
  return status === 408 || (own && status === 503);
}

/** The end that an answer other than 2xx to REGISTER means: it is about the box's own account, not about a phone. */
export function endOfRegister(answer: Refusal, { at, user }: Omit<About, "extension">): End {
  const { status, reason } = answer;
  const end = endOfAnswer(answer, { extension: user, at, user });
  if ([401, 407].includes(status) || isNoAnswer(answer)) return end;
  if (status === 404) return { ...end, code: "forbidden", why: `${at} does not know user ${user} (404): check line.user` };
  return { ...end, why: `${at} does not let user ${user} register (${`${status} ${reason}`.trim()})` };
}

/** The end that an answer other than 2xx to SUBSCRIBE means. 423 and 481 are dealt with before. */
export function endOfAnswer(answer: Refusal, { extension, at, user }: About): End {
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
          : `${at} does not let user ${user} watch extension ${extension} (403)`,
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
        why: `${at} does not tell the state of phones: it takes no dialog subscriptions (${status})`,
        again: "long",
      };
  }
  const why = `${at} refuses to tell the state of phone ${extension} (${status} ${reason})`.replace(/ \)/, ")");
  const again = retry !== undefined ? { after: retry } : status >= 600 ? "long" : "soon";
  return { why, again, ...(status === 503 || status === 504 ? { code: "no-answer" } : {}) };
}

/** What the switch did not like about our credentials, after 401 or 407. */
function refusedPassword({ authorized, hasPassword }: Refusal, at: string, user: string): Pick<End, "code" | "why"> {
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
  return `the name ${at.replace(/:\d+$/, "")} is not known: set line.proxy to the address of the switch`;
}

/** The end that `Subscription-State: terminated` means. */
export function endOfState(state: string | undefined, { extension, at }: About): End {
  const reason = word(`${parameter(state, "reason") ?? ""};`);
  const retry = secondsIn(parameter(state, "retry-after"));
  const later = (seconds: number): End["again"] => ({ after: retry ?? seconds });
  const why = `${at} has ended the subscription to phone ${extension} (${reason || "no reason"})`;
  switch (reason) {
    case "deactivated":
    case "timeout":
      return { why, again: "now" };
    case "probation":
      return { why, again: later(30) };
    case "giveup":
      return { why: `${why}: nobody there has allowed it`, again: later(60) };
    case "rejected":
      return { code: "forbidden", why: `${at} does not let us watch extension ${extension} any more (rejected)`, again: "long" };
    case "noresource":
      return { code: "unknown-extension", why: `${at} says that there is no extension ${extension} (noresource)`, again: "long" };
    case "invariant":
      return { why: `${at} says that the state of phone ${extension} never changes (invariant)`, again: "long" };
  }
  return { why, again: retry === undefined ? "soon" : { after: retry } };
}

/** The pauses of `long`, in s: a wrong password that is tried often locks an account. */
const longPauses = [30, 120, 300, 600] as const;

/** The longest time that a switch is left alone because it says so, in s: a Retry-After of weeks is a mistake, and the phone is not watched. */
const longestWait = 3600;

/**
 * The pause before the next try, in ms.
 * @param failures how many tries have failed in a row, from 0.
 * @param random from 0 to 1: jitter only ever lengthens what the switch asked for, up to an hour.
 */
export function pauseAfter(again: End["again"], failures: number, random: number): number {
  // `now` twice in a row is a switch that ends what it gives.
  if (again === "now" && failures === 0) return 0;
  const growing = pauseBefore(failures, random);
  if (again === "now" || again === "soon") return growing;
  const seconds = again === "long"
    ? longPauses[Math.min(failures, longPauses.length - 1)] ?? 600
    : Math.min(again.after, longestWait);
  // A Retry-After of 0 again and again is such a switch too.
  return Math.max(seconds * 1000 * (1 + random / 10), failures > 0 ? growing : 0);
}
