/**
 * Checks each hop from the box to its phones, on a separate connection to drachtio-server, with a short subscription to each
 * phone. Nothing is dialled, and the subscriptions and the registration of the running daemon stay unchanged.
 */
import type { DriverContext, Hop, Suspect } from "../driver.ts";
import { isConnectFailure } from "../shared/connect-failure.ts";
import { failed, good, type Outcome, outOfTime, sentence, skipped, stopwatch, warning } from "../shared/probing.ts";
import { type FinalResponse, sendRequest } from "./wire/transaction.ts";
import type { SipConfig } from "./config.ts";
import { type About, type EndCode, endOfAnswer, endOfRegister, isNoAnswer } from "./watch/subscription-end.ts";
import { CannotOpen, NotSent, type OpenFailure, type SipIncoming, StackClosed } from "./wire/message.ts";
import { usersOf } from "./dialogs/notifier.ts";
import { readLeniently } from "./dialogs/repair.ts";
import { type Account, accountOf, requestTo } from "./wire/request.ts";
import { Stack } from "./wire/stack.ts";
import { Subscription } from "./watch/subscription.ts";
import { newTracker, step } from "./dialogs/step.ts";
import { oneLine } from "../../src/platform/text.ts";

/** The outcome of a hop. */
interface SipOutcome extends Outcome {
  /** The next hop shows what this one means. */
  readonly unsure?: boolean;
  /** Nothing answered the request. */
  readonly unanswered?: boolean;
}

/** A hop to check. */
type Step = readonly [name: string, check: (stack: Stack) => Promise<SipOutcome>];

/** Passes NOTIFYs to the phone that is being checked. */
class Inbox {
  notify: (request: SipIncoming) => boolean = () => false;
  readonly take = (request: SipIncoming): void => {
    if (!this.notify(request)) request.answer(481);
  };
}

/** The duration of the subscription to a phone, in s: short, in case the probe is killed before it can end it. */
const moment = 60;

/** The longest deadline of a hop, in ms: an administrator is waiting. */
const longest = 5000;

/** See `DriverEntry.probe`. */
export async function* probe(config: SipConfig, context: DriverContext, signal: AbortSignal): AsyncGenerator<Hop> {
  const quick: SipConfig = { ...config, answerSeconds: Math.min(config.answerSeconds, longest / 1000) };
  const inbox = new Inbox();
  const { hops, stack, why } = await wayIn(quick, context, inbox, signal);
  const timeUp = new Promise<SipOutcome>((resolve) => {
    if (signal.aborted) resolve(outOfTime);
    signal.addEventListener("abort", () => resolve(outOfTime), { once: true });
  });
  let lost = why;
  let silent: Hop | undefined;
  try {
    // Here too the reader may stop.
    yield* hops;
    for (const [name, check] of stepsOf(quick, context, inbox)) {
      const hop: Hop & SipOutcome = lost === undefined && stack
        ? await timed(name, () => check(stack), context, timeUp)
        : skipped(name, lost ?? "there is no connection.");
      const { lost: because, unsure, unanswered, ...shown } = hop;
      lost ??= because;
      if (unsure) {
        silent = shown;
        continue;
      }
      // Some switches ignore OPTIONS; one that ignores the next request too is not there.
      if (silent) yield unanswered ? { ...silent, verdict: "failed", advice: nothingAnswers } : silent;
      if (silent && unanswered) lost ??= noSwitch;
      silent = undefined;
      yield shown;
    }
    if (silent) yield silent;
  } finally {
    stack?.close("the probe is done");
  }
}

/** The hops after the login, in order. */
function stepsOf(config: SipConfig, context: DriverContext, inbox: Inbox): readonly Step[] {
  const account = accountOf(config);
  const at = config.proxy ?? config.domain;
  const registration: Step = ["registration", (stack) => checkRegistration(stack, config, account)];
  return [
    ["SIP listener", (stack) => Promise.resolve(checkListener(stack, config))],
    ["switch", (stack) => checkSwitch(stack, config, account)],
    ...(config.register ? [registration] : []),
    ...context.desks.map(({ extension }): Step => [
      `phone ${extension}`,
      (stack) => checkPhone(stack, config, context, inbox, { extension, at, user: config.user }),
    ]),
  ];
}

/** Connects and logs in: two hops. */
async function wayIn(
  config: SipConfig,
  { log, timers }: DriverContext,
  inbox: Inbox,
  signal: AbortSignal,
): Promise<{ hops: readonly Hop[]; stack?: Stack; why?: string }> {
  const { host, port, drachtioSecret: secret } = config;
  const ms = stopwatch(timers);
  const reached = (): Hop => ({ name: "drachtio", ...good(`${host}:${port} accepts connections.`), ms: ms() });
  try {
    const connectMs = Math.min(config.connectSeconds * 1000, longest);
    // Without routes: requests outside of this probe's dialogs are for the daemon.
    const stack = await Stack.open({ host, port, secret, connectMs, routes: [], log, timers }, inbox.take, signal);
    const login = { name: "drachtio login", ...good(`Logged in to drachtio-server ${stack.version}.`), ms: ms() };
    return { stack, hops: [reached(), login] };
  } catch (error) {
    if (!(error instanceof CannotOpen)) throw error;
    const finding = failed(sentence(error.message), openAdvice(error.code, config), openSuspects[error.code]);
    const trouble = { ...finding, ms: ms() };
    if (isConnectFailure(error.code)) {
      const why = "drachtio-server cannot be reached.";
      return { why, hops: [{ name: "drachtio", ...trouble }, skipped("drachtio login", why)] };
    }
    return { why: "there is no login to drachtio-server.", hops: [reached(), { name: "drachtio login", ...trouble }] };
  }
}

/** The setting that is probably wrong when there is no connection to drachtio-server. */
const openSuspects: Partial<Record<OpenFailure, Suspect>> = {
  refused: { key: "port" },
  "no-host": { key: "host" },
  "unknown-name": { key: "host" },
  "login-refused": { key: "drachtioSecret" },
  "login-unanswered": { key: "port" },
  "login-lost": { key: "port" },
};

/** What the administrator can do when there is no connection to drachtio-server. */
function openAdvice(code: OpenFailure, { host, port }: SipConfig): string {
  const compare = "Compare line.host and line.port with <admin> in /etc/drachtio.conf.xml";
  const advice: Record<OpenFailure, string> = {
    refused:
      `Start drachtio-server (systemctl status drachtio); <admin> in its drachtio.conf.xml must listen on ${host}, port ${port}.`,
    "no-host": `Check line.host, and whether that machine is on: ip neigh show ${host}.`,
    "no-route": `See the network, above: ip route get ${host}.`,
    "unknown-name": "Set line.host to an IP address, or fix the box's DNS.",
    "not-connected": `Check line.host and line.port, and whether a firewall lets port ${port} through.`,
    "login-refused": "Compare line.drachtioSecret with that of <admin> in /etc/drachtio.conf.xml.",
    "login-unanswered": `Restart drachtio-server (systemctl restart drachtio). ${compare}.`,
    "login-lost": `${compare}: is it drachtio-server that listens there?`,
  };
  return advice[code];
}

function checkListener({ listeners }: Stack, { transport }: SipConfig): SipOutcome {
  if (listeners.split(",").some((listener) => listener.trim().startsWith(`${transport}/`))) {
    return good(`drachtio-server listens for SIP on ${listeners}.`);
  }
  return {
    ...failed(
      `drachtio-server listens for SIP on ${listeners || "no address"}, not over ${transport}.`,
      `Add a <contact> with transport=${transport} to <sip> in drachtio.conf.xml, or change line.transport.`,
      { key: "transport", offers: ["udp", "tcp", "tls"].filter((name) => listeners.includes(`${name}/`)) },
    ),
    lost: `drachtio-server does not speak SIP over ${transport}.`,
  };
}

const noSwitch = "the switch does not answer.";
const nothingAnswers = "Check line.proxy, line.domain and line.transport: nothing answers there.";

/** Whether a response means that the switch did not answer: also 503 and 504 from a proxy in front of it. */
function isSilence(answer: FinalResponse): boolean {
  return isNoAnswer(answer) || [503, 504].includes(answer.status);
}

async function checkSwitch(stack: Stack, config: SipConfig, account: Account): Promise<SipOutcome> {
  const at = config.proxy ?? config.domain;
  const request = requestTo(account, "OPTIONS", undefined, { Contact: account.contact });
  const answer = await sendRequest(stack, request, { withinMs: config.answerSeconds * 1000 });
  const { status, header } = answer;
  if (!isSilence(answer)) {
    const name = header("user-agent") ?? header("server");
    const agent = name && oneLine(name).slice(0, 60);
    const message = `${at} answers (${status}${agent === undefined ? "" : `, ${agent}`}).`;
    // It answers such a REFER with 202 and does nothing (docs/sip.md).
    const deaf = config.dialMethod === "refer" ? /FreeSWITCH|Asterisk/.exec(agent ?? "")?.[0] : undefined;
    if (deaf === undefined) return good(message);
    return warning(
      `${message} ${deaf} does not make a phone dial, which line.dialMethod "refer" requires: MakeCall will fail.`,
      'Set line.dialMethod to "invite-refer".',
    );
  }
  if (answer.own && status === 503) {
    const about = { extension: "", at, user: config.user };
    const { why, code } = endOfAnswer(answer, about);
    return { ...failed(sentence(why), endAdvice(code, about), endSuspect(code, config)), lost: noSwitch };
  }
  return {
    ...warning(
      `${at} does not answer OPTIONS over ${config.transport} (${status}).`,
      "Check line.proxy, line.domain and line.transport, and whether the switch accepts this box; some switches never answer OPTIONS.",
    ),
    unsure: true,
  };
}

/** A REGISTER without a Contact queries the registration and changes nothing (RFC 3261, section 10.2.3). */
async function checkRegistration(stack: Stack, config: SipConfig, account: Account): Promise<SipOutcome> {
  const request = requestTo(account, "REGISTER", undefined, {});
  const answer = await sendRequest(stack, { ...request, headers: { ...request.headers, To: account.from } }, {
    withinMs: config.answerSeconds * 1000,
    credentials: account.credentials,
  });
  if (answer.status >= 200 && answer.status <= 299) {
    const bound = answer.header("contact") === undefined ? "is not registered now" : "is registered";
    return good(`The switch knows user ${config.user} and the password; it ${bound}.`);
  }
  const at = config.proxy ?? config.domain;
  const { why, code } = endOfRegister(answer, { at, user: config.user });
  const advice = code === undefined || code === "forbidden"
    ? `Compare line.user and line.password with the account on the switch (${answer.status}).`
    : endAdvice(code, { extension: config.user, at, user: config.user });
  const suspect = answer.status === 404 ? { key: "user" } : endSuspect(code, config);
  return { ...failed(sentence(why), advice, suspect), unanswered: code === "no-answer" };
}

/** Subscribes for a moment and waits for the dialogs of the phone. */
async function checkPhone(
  stack: Stack,
  config: SipConfig,
  context: DriverContext,
  inbox: Inbox,
  about: About,
): Promise<SipOutcome> {
  const reported = Promise.withResolvers<number | Error>();
  let blind = "";
  const subscription = new Subscription({
    stack,
    config,
    account: accountOf(config),
    about,
    log: context.log,
    timers: context.timers,
    expires: moment,
    onDocument: (body, { userAgent }) => {
      if (userAgent?.startsWith("FreeSWITCH")) blind = " FreeSWITCH does so for any number, whether it is a phone or not.";
      try {
        reported.resolve(body === "" ? 0 : dialogsIn(body, context, about));
      } catch (error) {
        reported.resolve(error as Error);
      }
      return "read";
    },
    onPending: () => {},
  });
  inbox.notify = (request) => subscription.notify(request);
  try {
    void subscription.begin();
    const found = await Promise.race([reported.promise, subscription.ended]);
    if (typeof found === "number") {
      return good(`${about.at} reports the calls of phone ${about.extension} (${found} active).${blind}`);
    }
    if (found instanceof Error) {
      const message = `Cannot use what ${about.at} reports about phone ${about.extension}: ${found.message}`;
      const advice =
        "/usr/share/doc/telesetd/docs/sip.md says what is supported; add another name of the phone to desks[].aliases.";
      return failed(sentence(message), advice);
    }
    const { why, code } = found;
    const suspect = code === "unknown-extension" ? { extension: about.extension } : endSuspect(code, config);
    return { ...failed(sentence(why), endAdvice(code, about), suspect), unanswered: code === "no-answer" };
  } finally {
    await subscription.giveBack();
  }
}

/** The number of live dialogs in a document. @throws Error if it cannot be read, or the daemon would drop it. */
function dialogsIn(body: string, { desks }: DriverContext, { extension, user }: About): number {
  const aliases = desks.find((desk) => desk.extension === extension)?.aliases ?? [];
  const tracker = newTracker({ desk: extension, users: usersOf(extension, aliases), self: user, seed: "probe" });
  const { info } = readLeniently(body);
  const { output: { dropped } } = step(tracker, { type: "document", info, envelope: {} }, 0);
  if (dropped !== undefined) throw new Error(dropped);
  return info.dialogs.filter(({ state }) => state !== "terminated").length;
}

/** What the administrator can do when the switch refuses a subscription, or ends it. */
function endAdvice(code: EndCode | undefined, { extension, user }: About): string {
  if (code === undefined) {
    return "Check the log of the switch at this moment; /usr/share/doc/telesetd/docs/sip.md says what it must allow.";
  }
  const advice: Record<EndCode, string> = {
    "no-answer": nothingAnswers,
    "unknown-name": "Alternatively fix the DNS of the machine that drachtio-server runs on.",
    "password-missing": `Set line.password, for user ${user}.`,
    "password-refused": "Compare line.user and line.password with the account on the switch.",
    "auth-unsupported": "Configure the switch to use one of these.",
    forbidden: `Allow user ${user} to subscribe to ${extension} on the switch.`,
    "unknown-extension":
      `Does the switch have extension ${extension}, and a hint for it? See /usr/share/doc/telesetd/docs/sip.md.`,
    "no-dialogs":
      "Turn on presence of phones on the switch: /usr/share/doc/telesetd/docs/sip.md says how for Asterisk, FreeSWITCH and Kamailio.",
  };
  return advice[code];
}

/** The setting that is probably wrong when the switch refuses a request of the box. */
function endSuspect(code: EndCode | undefined, { proxy }: SipConfig): Suspect | undefined {
  if (code === "unknown-name") return { key: proxy === undefined ? "domain" : "proxy" };
  return code === "password-missing" || code === "password-refused" ? { key: "password" } : undefined;
}

/** Runs a hop. When the connection is lost, later hops cannot be tried. */
async function timed(
  name: string,
  check: () => Promise<SipOutcome>,
  { timers }: DriverContext,
  timeUp: Promise<SipOutcome>,
): Promise<Hop & SipOutcome> {
  const ms = stopwatch(timers);
  try {
    return { name, ...await Promise.race([check(), timeUp]), ms: ms() };
  } catch (error) {
    if (!(error instanceof NotSent) && !(error instanceof StackClosed)) throw error;
    const advice = "Try again; if it happens again, check the log of drachtio-server at this moment.";
    const lost = error instanceof StackClosed ? { lost: "the connection was lost." } : {};
    return { name, ...failed(sentence(error.message), advice), ...lost, ms: ms() };
  }
}
