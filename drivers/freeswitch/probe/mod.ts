/**
 * Checks each hop from the box to its phones, on a separate connection: what FreeSWITCH allows this login, and what it knows
 * about the phones and queues. Nothing is dialled or changed: filters and events are those of this connection, and `agent get`,
 * which fires events, is never sent.
 */
import type { DriverContext, Hop, ProbeContext, Suspect } from "../../driver.ts";
import { eventNames, filters, login, subscribe } from "../commands.ts";
import type { FreeswitchConfig } from "../config.ts";
import { CannotOpen, Link, LinkClosed, type OpenFailure } from "../wire/link.ts";
import {
  failed,
  type Finding,
  good,
  type Outcome,
  outOfTime,
  sentence,
  skipped,
  stopwatch,
  warning,
} from "../../shared/probing.ts";
import { type Ask, domainsOf, isDenied } from "./ask.ts";
import { checkDomain, checkPhone } from "./phone.ts";
import { checkQueues } from "./queues.ts";

/** The longest deadlines of a probe, in ms: an administrator is waiting. */
const connectMs = 4000;
const commandMs = 3000;

/** A hop to check. */
type Step = readonly [name: string, check: (link: Link) => Promise<Finding>];

/** See `DriverEntry.probe`. */
export async function* probe(config: FreeswitchConfig, context: ProbeContext, signal: AbortSignal): AsyncGenerator<Hop> {
  const { hops, link, why } = await wayIn(config, context, signal);
  let lost = why;
  try {
    // Here too the reader may stop.
    yield* hops;
    for (const [name, check] of stepsOf(config, context)) {
      const hop: Hop & Outcome = lost === undefined && link
        ? await timed(name, () => check(link), context, signal)
        : skipped(name, lost ?? "there is no link.");
      const { lost: because, ...shown } = hop;
      lost ??= because;
      yield shown;
    }
  } finally {
    link?.close("the probe is done");
  }
}

/** See `domainsOf`; empty if the switch cannot be queried. */
export async function domains(
  config: FreeswitchConfig,
  context: DriverContext,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const { link } = await wayIn(config, context, signal);
  if (!link) return [];
  try {
    const { served } = await domainsOf((command) => link.command(`api ${command}`));
    return served.filter((domain) => /^[A-Za-z0-9_.:-]+$/.test(domain));
  } catch (error) {
    if (error instanceof LinkClosed) return [];
    throw error;
  } finally {
    link.close("the probe is done");
  }
}

/** The hops after the login, in order. */
function stepsOf(config: FreeswitchConfig, context: ProbeContext): readonly Step[] {
  const ask = (link: Link): Ask => (command) => link.command(`api ${command}`);
  const desks = context.desks.map(({ extension }) => extension);
  return [
    ["switch commands", (link) => checkRights(ask(link), config, context)],
    ["switch filters", (link) => checkFilters(link, config, context)],
    ["switch events", checkEvents],
    ["domain", (link) => checkDomain(ask(link), config)],
    ...desks.map((desk): Step => [`phone ${desk}`, (link) => checkPhone(ask(link), desk, config)]),
    ["call queues", (link) => checkQueues(ask(link), config, desks)],
  ];
}

/** Connects and logs in: two hops. */
async function wayIn(
  config: FreeswitchConfig,
  { log, timers }: DriverContext,
  signal: AbortSignal,
): Promise<{ hops: readonly Hop[]; link?: Link; why?: string }> {
  let ms = stopwatch(timers);
  let reached: Hop | undefined;
  const onStage = (done: string) => {
    if (done !== "connect") return;
    reached = { name: "switch", ...good(answers(config)), ms: ms() };
    ms = stopwatch(timers);
  };
  try {
    const link = await Link.open({ ...linkOptions(config), log, timers, onStage }, () => {}, signal);
    const who = config.user === undefined
      ? "with the event socket's own password, which allows every command"
      : `as ${config.user}`;
    return { link, hops: [...reached ? [reached] : [], { name: "switch login", ...good(`Logged in ${who}.`), ms: ms() }] };
  } catch (error) {
    const trouble = { ...notOpened(error, config), ms: ms() };
    if (reached) return { why: "there is no login to the switch.", hops: [reached, { name: "switch login", ...trouble }] };
    const why = "the switch cannot be reached.";
    return { why, hops: [{ name: "switch", ...trouble }, skipped("switch login", why)] };
  }
}

/** Connects until an event socket greets, without a login: for a test before there is a password. */
export async function* checkGreeting(
  config: FreeswitchConfig,
  { log, timers }: DriverContext,
  signal: AbortSignal,
): AsyncGenerator<Hop> {
  const ms = stopwatch(timers);
  const greeted = new AbortController();
  const options = { ...linkOptions(config), log, timers, onStage: (done: string) => done === "greet" && greeted.abort() };
  let finding = good(answers(config));
  try {
    const link = await Link.open(options, () => {}, AbortSignal.any([signal, greeted.signal]));
    link.close("the probe is done");
  } catch (error) {
    if (!greeted.signal.aborted) finding = notOpened(error, config);
  }
  yield { name: "switch", ...finding, ms: ms() };
}

function answers({ host, port }: FreeswitchConfig): string {
  return `${host}:${port} answers.`;
}

function linkOptions(config: FreeswitchConfig) {
  return {
    host: config.host,
    port: config.port,
    login: login(config),
    connectMs: Math.min(config.connectSeconds * 1000, connectMs),
    commandMs: Math.min(config.commandSeconds * 1000, commandMs),
    silenceMs: 60_000,
  };
}

/** Why there is no link, and what to do. @throws anything that is not a CannotOpen: a fault in telesetd. */
function notOpened(error: unknown, config: FreeswitchConfig): Finding {
  if (!(error instanceof CannotOpen)) throw error;
  return failed(sentence(error.message), openAdvice(error.code, config), suspects[error.code]);
}

/** The setting that is probably wrong when there is no link. */
const suspects: Partial<Record<OpenFailure, Suspect>> = {
  refused: { key: "port" },
  "no-host": { key: "host" },
  "unknown-name": { key: "host" },
  "no-greeting": { key: "port" },
  "login-refused": { key: "password" },
};

/** What the administrator can do when there is no link. */
function openAdvice(code: OpenFailure, { host, port, user }: FreeswitchConfig): string {
  const advice: Record<OpenFailure, string> = {
    refused:
      `On the switch: fs_cli -x "load mod_event_socket"; its event_socket.conf.xml must listen on ${host} (listen-ip), port ${port}.`,
    "no-host": `Check whether the switch is on, and in the box's network: ip neigh show ${host}.`,
    "no-route": `See the network, above: ip route get ${host}.`,
    "unknown-name": "Set line.host to an IP address, or fix the box's DNS.",
    "not-connected":
      `Try: ping ${host}. Check line.host, the box's cable and route, and whether a firewall lets port ${port} through.`,
    denied: "Add this box's address to the access list that apply-inbound-acl names in event_socket.conf.xml, then reloadacl.",
    "no-greeting": "Compare line.port with listen-port in event_socket.conf.xml (8021 by default).",
    "login-refused": user === undefined
      ? "Compare line.password with password in event_socket.conf.xml, and restart mod_event_socket if that was changed."
      : `Check that the switch's directory has the user ${user} with an esl-password, and that line.password is the same: ` +
        "FreeSWITCH gives one answer for all of these.",
    "login-lost": "The password is not the cause: check the log of the switch at this moment, and its load.",
  };
  return advice[code];
}

/**
 * The commands that the driver uses, and what is lost without each; `needed: false`: the driver works without it, but less well.
 */
function commandsFor({ acd, domain }: FreeswitchConfig, { directory, desks: [desk] }: ProbeContext) {
  const extension = desk?.extension ?? "0";
  return [
    { command: "show channels as json", lost: "calls that started while the link was down are not seen" },
    { command: `sofia_contact */${extension}@${domain}`, lost: "it is not known whether the phone is registered" },
    { command: `uuid_dump ${crypto.randomUUID()} json`, lost: "calls in progress are lost at a reconnect" },
    // Without arguments it prints its usage and dials nothing (mod_commands.c, originate_function).
    { command: "originate", lost: "MakeCall cannot dial" },
    ...(acd === "none" ? [] : [
      { command: "callcenter_config agent list", lost: "agents cannot be logged in to their queues" },
      { command: "global_getvar core_uuid", lost: "agents are set again after every reconnect", needed: false },
    ]),
    // The user's id, never the password.
    ...(directory ? [{ command: `user_data ${extension}@${domain} attr id`, lost: "no agent can log in with a password" }] : []),
  ];
}

async function checkRights(ask: Ask, config: FreeswitchConfig, context: ProbeContext): Promise<Finding> {
  const commands = commandsFor(config, context);
  const denied = [];
  for (const needed of commands) if (isDenied(await ask(needed.command))) denied.push(needed);
  const name = ({ command }: { readonly command: string }) => command.split(" ")[0] ?? command;
  if (denied.length === 0) return good(`Allowed: ${commands.map(name).join(", ")}.`);
  const user = config.user ?? "the user";
  return (denied.every(({ needed }) => needed === false) ? warning : failed)(
    `The switch denies ${denied.map((command) => `${name(command)} (${command.lost})`).join(", ")}.`,
    `Add to esl-allowed-api of ${user} on the switch: ${denied.map(name).join(" ")}; then reloadxml.`,
  );
}

async function checkFilters(link: Link, config: FreeswitchConfig, { desks }: ProbeContext): Promise<Finding> {
  const names = desks.map(({ extension, aliases }) => ({ extension, presence: [`${extension}@${config.domain}`, ...aliases] }));
  const commands = filters(names, config);
  for (const command of commands) {
    const { ok, text } = await link.command(command);
    if (!ok) {
      return failed(
        `The switch refuses "${command}" (${text.trim()}).`,
        "Is this FreeSWITCH 1.8 or later? Without filters the box would receive the events of every call.",
      );
    }
  }
  return good(`${commands.length} filters accepted: only the events of these desks are sent.`);
}

async function checkEvents(link: Link): Promise<Finding> {
  const allowed = async (names?: readonly string[]) => (await link.command(subscribe(names))).ok;
  if (await allowed()) return good(`All ${eventNames.length - 1} kinds of events are allowed.`);
  const custom = eventNames.indexOf("CUSTOM");
  const denied: string[] = [];
  for (const name of eventNames.slice(0, custom)) if (!await allowed([name])) denied.push(name);
  const subclasses: string[] = [];
  for (const name of eventNames.slice(custom + 1)) if (!await allowed(["CUSTOM", name])) subclasses.push(name);
  if (denied.length === 0 && subclasses.length === 0) {
    return good("All kinds of events are allowed, when requested one by one.");
  }
  const add = [...denied, ...(subclasses.length > 0 ? ["CUSTOM", ...subclasses] : [])].join(" ");
  const advice = `Add to esl-allowed-events of line.user on the switch (CUSTOM and its subclasses last): ${add}; then reloadxml.`;
  const missing = `The switch does not allow this user the events ${(denied.length > 0 ? denied : subclasses).join(", ")}`;
  return denied.length > 0
    ? failed(`${missing}: the driver cannot connect.`, advice)
    : warning(`${missing}: the registration is polled every 20 s instead.`, advice);
}

/** Runs a hop. When the connection is lost, later hops cannot be checked. */
async function timed(
  name: string,
  check: () => Promise<Finding>,
  { timers }: DriverContext,
  signal: AbortSignal,
): Promise<Hop & Outcome> {
  const ms = stopwatch(timers);
  try {
    return { name, ...(await check()), ms: ms() };
  } catch (error) {
    if (!(error instanceof LinkClosed)) throw error;
    if (signal.aborted) return { name, ms: ms(), ...outOfTime };
    const advice = "Try again; if it happens again, check the log of the switch at this moment.";
    return { name, ...failed(sentence(error.message), advice), ms: ms(), lost: "the connection was lost." };
  }
}
