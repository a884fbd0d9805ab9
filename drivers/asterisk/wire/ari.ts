/** The steps of a connection to ARI: the login, the subscription. Each failure has a code and says what to check. */
import { fieldsOf, readObject, textOf } from "./message.ts";
import { type Answer, type Asked, NoAnswer, refusalOf, type Rest, type RestFailure } from "./rest.ts";

/**
 * Why ARI does not work: a request without an answer (`RestFailure`); `login-refused` (401); `forbidden` (403); `no-ari`: what
 * answers has no ARI, or its modules are not loaded; `no-application`: the application is not known; `refused`: anything else.
 */
export type AriFailure = RestFailure | "login-refused" | "forbidden" | "no-ari" | "no-application" | "refused";

/** A step that failed; its message is a clause for people. */
export class AriRefused extends Error {
  constructor(readonly code: AriFailure, message: string) {
    super(message);
  }
}

/** Logs in. @returns the version of Asterisk, and when it was started (empty if unknown). Rejects with NoAnswer or AriRefused. */
export async function login(
  rest: Pick<Rest, "get">,
  user: string,
): Promise<{ readonly version: string; readonly startedAt: string }> {
  const answer = await rest.get("asterisk/info", { only: "system,status" });
  if (!answer.ok) throw refusal(answer, user, "its version");
  const fields = readObject(answer.text);
  const version = textOf(fieldsOf(fields?.["system"])?.["version"]);
  if (version === "") throw new AriRefused("no-ari", "what answers is not ARI: check line.host and line.port");
  return { version, startedAt: textOf(fieldsOf(fields?.["status"])?.["startup_time"]) };
}

/** Why a request of a user was refused. @param what was asked for, as a noun. */
export function refusal(answer: Answer, user: string, what: string): AriRefused {
  if (answer.status === 401) {
    return new AriRefused("login-refused", `Asterisk refuses user ${user}: check line.user and line.password with ari.conf`);
  }
  if (answer.status === 403) {
    return new AriRefused("forbidden", `Asterisk does not give user ${user} ${what} (${refusalOf(answer)}): check ari.conf`);
  }
  if (answer.status === 404) {
    return new AriRefused("no-ari", "Asterisk's HTTP server has no ARI (404): is ARI enabled in ari.conf, and res_ari loaded?");
  }
  return new AriRefused("refused", `Asterisk does not give ${what} (${refusalOf(answer)})`);
}

/** How many sources one request names. */
const maxSources = 20;

/**
 * Requests the events of these sources, such as `endpoint:PJSIP/1001`. Subscribing again changes nothing.
 * @returns those that the switch does not have. Rejects with NoAnswer or AriRefused.
 */
export async function subscribe(
  rest: Pick<Rest, "again">,
  { application, user }: { readonly application: string; readonly user: string },
  sources: readonly string[],
): Promise<readonly string[]> {
  const missing: string[] = [];
  for (const some of groupsOf(sources)) {
    const answer = await rest.again(subscription("POST", application, some));
    if (answer.ok) continue;
    // One unknown endpoint refuses all of them.
    if (answer.status === 422 && some.length === 1) missing.push(...some);
    else if (answer.status === 422) {
      for (const source of some) missing.push(...await subscribe(rest, { application, user }, [source]));
    } else throw subscriptionRefusal(answer, application, user);
  }
  return missing;
}

/** Ends subscriptions. Rejects with NoAnswer. */
export async function unsubscribe(
  rest: Pick<Rest, "again">,
  application: string,
  sources: readonly string[],
): Promise<void> {
  for (const some of groupsOf(sources)) await rest.again(subscription("DELETE", application, some));
}

function subscription(method: "POST" | "DELETE", application: string, sources: readonly string[]): Asked {
  return {
    method,
    path: `applications/${encodeURIComponent(application)}/subscription`,
    query: { eventSource: sources.join(",") },
  };
}

function groupsOf(sources: readonly string[]): readonly (readonly string[])[] {
  const count = Math.ceil(sources.length / maxSources);
  return Array.from({ length: count }, (_, index) => sources.slice(index * maxSources, (index + 1) * maxSources));
}

function subscriptionRefusal(answer: Answer, application: string, user: string): AriRefused {
  if (answer.status === 403) {
    return new AriRefused(
      "forbidden",
      `Asterisk does not let user ${user} subscribe to events (${refusalOf(answer)}): remove read_only from ari.conf`,
    );
  }
  if (answer.status === 404) {
    return new AriRefused(
      "no-application",
      `Asterisk does not know the application ${application}, although its websocket is open`,
    );
  }
  return refusal(answer, user, "events");
}

/** The code of a failed step. */
export function codeOf(error: unknown): AriFailure | undefined {
  return error instanceof AriRefused || error instanceof NoAnswer ? error.code : undefined;
}
