/** The box's own registration (RFC 3261, section 10), for switches that serve only accounts that are registered. */
import { pause } from "../../../src/platform/timers.ts";
import { type FinalResponse, sendRequest } from "../wire/transaction.ts";
import { endOfRegister, pauseAfter } from "./subscription-end.ts";
import { secondsIn } from "../wire/headers.ts";
import { NotSent } from "../wire/message.ts";
import { type Connection, requestTo } from "../wire/request.ts";

/** What a registration needs. */
export interface RegistrationOptions extends Connection {
  /** The switch has accepted the registration. */
  readonly onGood: () => void;
  /** The switch has refused it, or did not answer: why, for people. */
  readonly onBad: (why: string) => void;
}

/**
 * Keeps the box registered until the signal.
 * Rejects with StackClosed when the connection to drachtio-server is lost.
 */
export async function keepRegistered(options: RegistrationOptions, signal: AbortSignal): Promise<void> {
  const { config, log, timers, onGood, onBad } = options;
  const at = config.proxy ?? config.domain;
  let expires = config.expiresSeconds;
  let isRegistered = false;
  for (let failures = 0; !signal.aborted;) {
    const answer = await register(options, expires).catch(notSent);
    if (signal.aborted) return;
    if (answer instanceof NotSent) {
      isRegistered = false;
      onBad(answer.message);
      await pause(timers, pauseAfter("soon", failures++, timers.random()), signal);
      continue;
    }
    const least = answer.status === 423 ? secondsIn(answer.header("min-expires")) : undefined;
    if (answer.status >= 200 && answer.status <= 299) {
      if (!isRegistered) log.debug("Registered", { at });
      isRegistered = true;
      failures = 0;
      onGood();
      await pause(timers, renewAfter(answer.header("contact"), answer.header("expires"), expires) * 1000, signal);
    } else if (least !== undefined && least > expires && least <= 86400) expires = least;
    else {
      isRegistered = false;
      const end = endOfRegister(answer, { at, user: config.user });
      onBad(end.why);
      await pause(timers, pauseAfter(end.again, failures++, timers.random()), signal);
    }
  }
}

/** One REGISTER; `expires` 0 unregisters. */
export function register({ stack, config, account }: Connection, expires: number): Promise<FinalResponse> {
  const request = requestTo(account, "REGISTER", undefined, { Contact: account.contact, Expires: String(expires) });
  // The address of record is registered, not the switch.
  const headers = { ...request.headers, To: account.from };
  return sendRequest(stack, { ...request, headers }, {
    withinMs: config.answerSeconds * 1000,
    credentials: account.credentials,
  });
}

function notSent(error: unknown): NotSent {
  if (error instanceof NotSent) return error;
  throw error;
}

/** Half of what was granted, in s: our Contact's own `expires`, else the header. */
function renewAfter(contact: string | undefined, header: string | undefined, asked: number): number {
  const own = /;\s*expires\s*=\s*"?(\d{1,9})/i.exec((contact ?? "").slice(0, 8192))?.[1];
  const granted = (own === undefined ? undefined : Number(own)) ?? secondsIn(header) ?? asked;
  return Math.max(1, Math.min(granted, asked) / 2);
}
