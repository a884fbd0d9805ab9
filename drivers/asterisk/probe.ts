/**
 * Checks each hop from the box to its phones, on a separate connection with a separate application, beside a running daemon.
 * Nobody is called: what only a channel can show is read on one that leads nowhere, and is removed.
 */
import { oneLine } from "../../src/platform/text.ts";
import type { DriverContext, Hop, ProbeContext, Suspect } from "../driver.ts";
import { isConnectFailure } from "../shared/connect-failure.ts";
import { failed, type Finding, good, type Outcome, outOfTime, sentence, skipped, stopwatch, warning } from "../shared/probing.ts";
import { addressOf, applicationOf } from "./address.ts";
import { type AsteriskConfig, usualContexts } from "./config.ts";
import { evaluation, expressionsOf, readValues } from "./reading.ts";
import { siteOf } from "./site.ts";
import { type AriFailure, codeOf, login, refusal, subscribe, unsubscribe } from "./wire/ari.ts";
import { readEndpoint, readList, readObject, textOf } from "./wire/message.ts";
import { placeOf, refusalOf, Rest } from "./wire/rest.ts";
import { EventSocket } from "./wire/socket.ts";

/** The longest deadline of a request, in ms: an administrator is waiting. */
const longest = 5000;

/** The modules without which nothing works, and those without which less does. */
const required = [
  "res_ari_applications",
  "res_ari_channels",
  "res_ari_endpoints",
  "res_ari_events",
  "func_channel",
  "func_callerid",
];
const useful = ["func_strings", "func_uri", "func_logic"];

/** What the hops share. */
interface Bench {
  readonly config: AsteriskConfig;
  readonly context: ProbeContext;
  readonly rest: Rest;
  readonly signal: AbortSignal;
  readonly application: string;
  /** What is undone at the end, the last first. */
  readonly undo: (() => Promise<unknown>)[];
  /** The channel for questions; absent if there is none. */
  channel?: string;
  /** Why there is none. */
  noChannel: string;
}

type Step = readonly [name: string, check: (bench: Bench) => Promise<Outcome>];

/** See `DriverEntry.probe`. */
export async function* probe(config: AsteriskConfig, context: ProbeContext, signal: AbortSignal): AsyncGenerator<Hop> {
  let lost: string | undefined;
  let bench: Bench | undefined;
  const timeUp = new Promise<Outcome>((resolve) => {
    if (signal.aborted) resolve(outOfTime);
    signal.addEventListener("abort", () => resolve(outOfTime), { once: true });
  });
  try {
    for (const [name, check] of stepsOf(context)) {
      if (lost !== undefined) {
        yield skipped(name, lost);
        continue;
      }
      const ms = stopwatch(context.timers);
      const tried = () => check(bench ??= open(config, context, signal));
      const { lost: because, ...finding } = await Promise.race([outcome(tried, config), timeUp]);
      lost = because;
      yield { name, ...finding, ms: ms() };
    }
  } finally {
    // They have deadlines, and so has each of their requests.
    for (const undo of bench?.undo.toReversed() ?? []) await undo().catch(() => {});
    bench?.rest.close("the probe is done");
  }
}

/** The contexts in which the phones dial, as the switch has them; empty if unknown. */
export async function contexts(config: AsteriskConfig, context: DriverContext, signal: AbortSignal): Promise<string[]> {
  const bench = open(config, { directory: false, ...context }, signal);
  try {
    const found = await Promise.all(
      context.desks.slice(0, 5).map(async ({ extension }) => {
        const { ok, text } = await bench.rest.get(`asterisk/config/dynamic/res_pjsip/endpoint/${encodeURIComponent(extension)}`);
        const fields = (ok ? readList(text) : undefined) ?? [];
        const field = fields.find((field) => (field as { attribute?: unknown } | null)?.attribute === "context");
        return textOf((field as { value?: unknown } | undefined)?.value);
      }),
    );
    return [...new Set(found.filter((name) => /^[A-Za-z0-9_.+@-]{1,80}$/.test(name)))];
  } catch {
    return [];
  } finally {
    bench.rest.close("the question is answered");
  }
}

function open(config: AsteriskConfig, context: ProbeContext, signal: AbortSignal): Bench {
  const commandMs = Math.min(config.commandSeconds * 1000, longest);
  const { log, timers } = context;
  const rest = new Rest({ ...addressOf(config), commandMs, log, timers });
  return { config, context, rest, signal, application: `${applicationOf(config)}-doctor`, undo: [], noChannel: "" };
}

function stepsOf({ desks }: ProbeContext): readonly Step[] {
  return [
    ["switch", checkHttp],
    ["switch login", checkLogin],
    ["switch modules", checkModules],
    ["switch websocket", checkSocket],
    ["switch events", checkEvents],
    ...desks.map(({ extension }): Step => [`phone ${extension}`, (bench) => checkPhone(bench, extension)]),
    ["outside", checkOutside],
    ["dialplan", checkDialplan],
    ["variables", checkVariables],
  ];
}

/** The outcome of a hop, also of one that fails by an error. */
async function outcome(check: () => Promise<Outcome>, config: AsteriskConfig): Promise<Outcome> {
  try {
    return await check();
  } catch (error) {
    const code = codeOf(error);
    const message = sentence(oneLine((error as Error).message));
    const advice = code === undefined ? "Try again; if it happens again, check Asterisk's log." : adviceOn(code, config);
    return { ...failed(message, advice, code && suspects[code]), lost: lostBy(code) };
  }
}

function lostBy(code: AriFailure | undefined): string {
  if (code !== undefined && isConnectFailure(code)) return "Asterisk cannot be reached.";
  return code === "login-refused" || code === "no-ari" ? "there is no login." : "the switch does not do what is needed.";
}

const suspects: Partial<Record<AriFailure, Suspect>> = {
  refused: { key: "port" },
  "no-host": { key: "host" },
  "unknown-name": { key: "host" },
  tls: { key: "tls" },
  broken: { key: "port" },
  "no-ari": { key: "port" },
  "login-refused": { key: "password" },
};

/** What the administrator can do about each failure. */
function adviceOn(code: AriFailure, { host, port, user }: AsteriskConfig): string {
  const advice: Record<AriFailure, string> = {
    refused:
      `Enable the HTTP server: [general] enabled=yes, bindaddr and bindport=${port} in http.conf; then "module reload http".`,
    "no-host": `Check line.host, and whether that machine is on: ip neigh show ${host}.`,
    "no-route": `Check the box's network: ip route get ${host}.`,
    "unknown-name": "Set line.host to an IP address, or fix the box's DNS.",
    "not-connected": `Check line.host and line.port, and whether a firewall lets port ${port} through.`,
    tls: "Compare line.tls, line.port and line.ca with tlsenable, tlsbindaddr and tlscertfile of http.conf.",
    silent: `Check the load of the switch, and whether a firewall lets port ${port} through.`,
    broken: `Check line.port and line.tls: is it Asterisk's HTTP server that listens there?`,
    closed: "Try again.",
    "login-refused": `Compare line.user and line.password with [${user}] in ari.conf; then "module reload res_ari".`,
    forbidden:
      `Remove read_only=yes from [${user}] in ari.conf, and let the address of the box through its acl; then "module reload res_ari".`,
    "no-ari":
      'Set enabled=yes in ari.conf, compare line.prefix with prefix of http.conf, and load the modules: "module show like res_ari".',
    "no-application": 'Load res_stasis and res_ari_events: "module show like stasis".',
  };
  return advice[code];
}

/** Whatever HTTP answers shows that the server is reached. */
async function checkHttp({ rest, config }: Bench): Promise<Outcome> {
  const { status } = await rest.get("asterisk/info", { only: "system,status" });
  return good(`${placeOf(config)} answers over ${config.tls ? "TLS" : "HTTP"} (${status}).`);
}

async function checkLogin({ rest, config: { user } }: Bench): Promise<Outcome> {
  const { version } = await login(rest, user);
  return good(`Logged in as ${user} to Asterisk ${oneLine(version).slice(0, 40)}.`);
}

async function checkModules({ rest, config: { user, technology } }: Bench): Promise<Outcome> {
  const answer = await rest.get("asterisk/modules");
  if (!answer.ok) throw refusal(answer, user, "the list of its modules");
  const running = new Set((readList(answer.text) ?? []).flatMap((module) => {
    const { name, status } = (module ?? {}) as { name?: unknown; status?: unknown };
    return textOf(status) === "Running" ? [textOf(name).replace(/\.so$/, "")] : [];
  }));
  const lacking = [...required, ...technology.toLowerCase() === "pjsip" ? ["chan_pjsip"] : []].filter((name) =>
    !running.has(name)
  );
  const load = (names: readonly string[]) =>
    `Load ${names.length > 1 ? "them" : "it"}: ${
      names.map((name) => `"module load ${name}"`).join(", ")
    }; and check modules.conf.`;
  if (lacking.length > 0) {
    const message = `Asterisk has not loaded ${lacking.join(", ")}, without which calls cannot be watched.`;
    return { ...failed(message, load(lacking)), lost: "modules are missing." };
  }
  const slow = useful.filter((name) => !running.has(name));
  if (slow.length > 0) {
    return warning(
      `Asterisk has not loaded ${slow.join(", ")}: calls are reported later, and transfers may be missed.`,
      load(slow),
    );
  }
  return good(`All modules that are needed are loaded (${running.size} in all).`);
}

async function checkSocket(bench: Bench): Promise<Outcome> {
  const { config, context: { log, timers }, application, signal, undo } = bench;
  const [connectMs, silenceMs] = [Math.min(config.connectSeconds * 1000, longest), config.silenceSeconds * 1000];
  const options = { ...addressOf(config), application, connectMs, silenceMs, log, timers, onMessage: () => {} };
  try {
    const socket = await EventSocket.open(options, signal);
    undo.push(() => Promise.resolve(socket.close("the probe is done")));
    return good(`The websocket for application ${application} is open; the daemon uses ${applicationOf(config)}.`);
  } catch (error) {
    const advice = 'Load res_http_websocket and res_ari_events: "module show like websocket"; and check proxies in between.';
    return { ...failed(sentence((error as Error).message), advice), lost: "there is no websocket." };
  }
}

async function checkEvents(bench: Bench): Promise<Outcome> {
  const { config, context, rest, application, undo } = bench;
  const { desks } = siteOf(config, context.desks, []);
  const sources = desks.flatMap(({ endpoints }) => endpoints.map((name) => `endpoint:${config.technology}/${name}`));
  const missing = await subscribe(rest, { application, user: config.user }, sources);
  undo.push(() => unsubscribe(rest, application, sources.filter((source) => !missing.includes(source))));
  await openChannel(bench);
  if (missing.length === 0) return good(`Asterisk sends the events of ${sources.length === 1 ? "the phone" : "all phones"}.`);
  const names = missing.map((source) => source.replace("endpoint:", "")).join(", ");
  return warning(`Asterisk has no endpoint ${names}.`, 'Compare the desks and line.technology with "pjsip show endpoints".');
}

/** Creates the channel for questions. It calls nobody, and is not executed. */
async function openChannel(bench: Bench): Promise<void> {
  const { rest, application, config, undo } = bench;
  const channelId = `telesetd-doctor-${crypto.randomUUID()}`;
  const answer = await rest.command({
    method: "POST",
    path: "channels/create",
    body: { endpoint: `Local/s@${config.context}`, app: application, channelId },
  });
  if (!answer.ok) return void (bench.noChannel = refusalOf(answer));
  bench.channel = channelId;
  undo.push(() => rest.command({ method: "DELETE", path: `channels/${channelId}` }));
}

/** The values of expressions on that channel; undefined if they cannot be read. */
async function ask({ rest, channel }: Bench, expressions: readonly string[]): Promise<readonly string[] | undefined> {
  if (channel === undefined) return undefined;
  const { ok, text } = await rest.get(`channels/${channel}/variable`, { variable: evaluation(expressions) });
  const values = ok ? readValues(textOf(readObject(text)?.["value"]), expressions) : undefined;
  return values && expressions.map((expression) => values.get(expression) ?? "");
}

/** The names of all endpoints of the phones' technology. */
async function endpointNames({ rest, config: { technology } }: Bench): Promise<readonly string[]> {
  const { text } = await rest.get(`endpoints/${encodeURIComponent(technology)}`);
  return (readList(text) ?? []).flatMap((endpoint) => readEndpoint(endpoint)?.resource ?? []);
}

/** Names that the settings have and the switch does not: they decide which callers are outside. */
async function checkOutside(bench: Bench): Promise<Outcome> {
  const { config: { outsideEndpoints = [], outsideContexts }, context: { desks } } = bench;
  const known = await endpointNames(bench);
  const others = known.filter((name) => !desks.some(({ extension }) => extension === name));
  const unknown = outsideEndpoints.filter((name) => !known.includes(name));
  if (unknown.length > 0) {
    return failed(
      `Asterisk has no endpoint ${unknown.join(", ")}, which line.outsideEndpoints names: it has ${few(others)}.`,
      'Set line.outsideEndpoints to the endpoints of the trunks: "pjsip show endpoints" lists them.',
      { key: "outsideEndpoints", offers: others.slice(0, 8) },
    );
  }
  const exist = await ask(bench, outsideContexts.map((name) => `DIALPLAN_EXISTS(${name})`));
  const missing = exist ? outsideContexts.filter((_, index) => exist[index] !== "1") : [];
  const named = missing.filter((name) => !usualContexts.includes(name));
  if (named.length > 0) {
    return failed(
      `The dialplan has no context ${named.join(", ")}, which line.outsideContexts names.`,
      'Set line.outsideContexts to the contexts of the trunks: "pjsip show endpoint NAME" shows that of each.',
    );
  }
  if (outsideEndpoints.length > 0 || missing.length < outsideContexts.length) {
    const contexts = exist ? outsideContexts.filter((name) => !missing.includes(name)) : outsideContexts;
    return good(`Calls from outside come in by ${[...outsideEndpoints, ...contexts].join(", ")}.`);
  }
  return warning(
    `Nothing shows which calls come from outside: numbers.internal alone decides, and a withheld colleague counts as a customer.`,
    `Set line.outsideEndpoints to the endpoints of the trunks; Asterisk has ${few(others)}.`,
  );
}

function few(names: readonly string[]): string {
  return names.length === 0 ? "no others" : `${names.slice(0, 8).join(", ")}${names.length > 8 ? ", ..." : ""}`;
}

async function checkPhone(bench: Bench, extension: string): Promise<Outcome> {
  const { rest, config: { technology, user } } = bench;
  const name = `${technology}/${extension}`;
  const answer = await rest.get(`endpoints/${encodeURIComponent(technology)}/${encodeURIComponent(extension)}`);
  if (answer.status === 404) {
    const known = await endpointNames(bench);
    return failed(
      `Asterisk has no endpoint ${name}: it has ${few(known)}.`,
      'Compare desks[].extension and line.technology with "pjsip show endpoints".',
      known.length === 0 ? { key: "technology" } : { extension, offers: known.slice(0, 8) },
    );
  }
  if (!answer.ok) throw refusal(answer, user, `endpoint ${name}`);
  const state = readEndpoint(readObject(answer.text))?.state ?? "";
  const contacts = technology.toLowerCase() === "pjsip" ? await contactsOf(bench, extension) : [];
  const details = contacts.map((contact) => `contact ${contact}`);
  if (state === "online") {
    const count = contacts.length === 0 ? "" : ` with ${contacts.length === 1 ? "1 contact" : `${contacts.length} contacts`}`;
    return { ...good(`Endpoint ${name} is registered${count}.`), details };
  }
  const word = state === "" ? "in an unknown state" : oneLine(state);
  return {
    ...failed(
      `Endpoint ${name} is ${word}: the phone is not registered, or does not answer.`,
      `Check the phone's cable, power and account; "pjsip show endpoint ${extension}" shows its contacts.`,
    ),
    details,
  };
}

/** The contacts of a phone: the URI of each; empty if unknown. */
async function contactsOf(bench: Bench, extension: string): Promise<readonly string[]> {
  const [aors = ""] = await ask(bench, [`PJSIP_ENDPOINT(${extension},aors)`]) ?? [];
  const names = aors.split(",").map((aor) => aor.trim()).filter((aor) => /^[A-Za-z0-9_.+@-]+$/.test(aor)).slice(0, 4);
  if (names.length === 0) return [];
  const lists = await ask(bench, names.map((aor) => `PJSIP_AOR(${aor},contact)`)) ?? [];
  const ids = lists.flatMap((list) => list.split(",")).map((id) => id.trim()).filter((id) => /^[^\s(){}$"]+$/.test(id)).slice(
    0,
    10,
  );
  const uris = ids.length === 0 ? [] : await ask(bench, ids.map((id) => `PJSIP_CONTACT(${id},uri)`)) ?? [];
  return uris.map((uri, index) => oneLine(uri || (ids[index] ?? "")).slice(0, 120));
}

function noChannel({ noChannel }: Bench): Finding {
  return warning(
    `Asterisk does not create a channel for this question${noChannel === "" ? "" : ` (${noChannel})`}.`,
    "Make a call at the phone: if its events arrive with the caller's number, all is well.",
  );
}

async function checkDialplan(bench: Bench): Promise<Outcome> {
  const { config: { context } } = bench;
  const [exists] = await ask(bench, [`DIALPLAN_EXISTS(${context})`]) ?? [];
  if (exists === undefined || exists === "") return noChannel(bench);
  if (exists === "1") return good(`The dialplan has the context ${context}, in which MakeCall dials.`);
  return failed(
    `The dialplan has no context ${context}: MakeCall would fail.`,
    'Set line.context to the context of the phones: "pjsip show endpoint" shows it, "dialplan show" lists all.',
    { key: "context" },
  );
}

async function checkVariables(bench: Bench): Promise<Outcome> {
  if (bench.channel === undefined) return noChannel(bench);
  const all = expressionsOf(bench.context.variables);
  const values = await ask(bench, ["CHANNEL(uniqueid)", "CONNECTEDLINE(num-pres)", "CHANNEL(linkedid)"]);
  if (values?.[0] === bench.channel) {
    return good(`The variables of a call can be read: ${all.length} expressions in one request.`);
  }
  return failed(
    "Asterisk does not let a channel's variables be read in one request.",
    'Load func_strings, func_uri, func_channel and func_callerid: "module show like func_".',
  );
}
