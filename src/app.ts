/** The composition root: creates the running parts from a configuration, for the daemon, the demo and the end-to-end tests. */
import { driverOf, lineSchemas } from "../drivers/registry.ts";
import { type HttpCrm, httpCrm } from "./cctsdk/client.ts";
import { clockBy, machineClocks, markFor } from "./platform/clock.ts";
import { socketBeside } from "./platform/admin-socket.ts";
import { Housekeeping } from "./platform/housekeeping.ts";
import { systemTimers, type Timers } from "./platform/timers.ts";
import { type Config, fingerprint, settingsOf } from "./config/schema.ts";
import type { PushedSettings } from "./fleet/box.ts";
import { foreseeMakeCall } from "./core/dial/make-call.ts";
import type { Line } from "./core/line.ts";
import { imageReader } from "./image/facts.ts";
import type { ImageState } from "./image/state.ts";
import type { Policy } from "./core/policy.ts";
import { CallHistory } from "./history/calls.ts";
import type { AdminOptions } from "./http/admin/routes.ts";
import { type AdminSocket, openAdminSocket, SocketInUse } from "./http/admin/socket.ts";
import { type HttpOptions, type Listener, openHttp } from "./http/listener.ts";
import type { Levels } from "./log/level.ts";
import type { Log } from "./log/log.ts";
import { Metrics } from "./metrics/metrics.ts";
import { metricsPage } from "./metrics/page.ts";
import { Loop } from "./loop.ts";
import { Courier } from "./outbox/courier.ts";
import { dialPages } from "./outbox/dial-pages.ts";
import { OutboxDesk } from "./outbox/admin.ts";
import { Outbox } from "./outbox/outbox.ts";
import { Registrations } from "./outbox/registrations.ts";
import { deliveryRules } from "./outbox/schedule.ts";
import { Sessions } from "./page/sessions.ts";
import type { PageSource, PageTools } from "./page/source.ts";
import { Passwords, type Verify } from "./passwords.ts";
import { readiness } from "./status/readiness.ts";
import { liveCalls } from "./status/calls.ts";
import { watchedState, watching } from "./status/watch.ts";
import { Refusals } from "./status/refusals.ts";
import { openSafeStore, type SafeStore } from "./store/resilient.ts";
import { type Status, status } from "./status/status.ts";
import { omitUndefined } from "./core/omit-undefined.ts";
import { messageOf } from "./platform/text.ts";

/** A running daemon. */
export interface App {
  /** The port that callouts are served on. */
  readonly port: number;
  /** The path of the socket for the administrator's commands. */
  readonly socket: string;
  status(): Status;
  /** What a page shows of it. */
  readonly view: PageSource;
  readonly calls: Pick<CallHistory, "pages" | "find">;
  /** Why the daemon is permanently stuck, as a sentence; the watchdog is then not pinged. Undefined while it is alive. */
  stuck(): string | undefined;
  /** Resolves if the line's loop fails or ends. */
  readonly failed: Promise<Error>;
  /** Answers the callouts, finishes POSTs in progress, and stops, within about 4 s. A second call waits for the same stop. */
  stop(): Promise<void>;
}

/** How long the last POSTs may take during a stop, in ms. */
const lastPostsMs = 3000;

/** How often old records are deleted, in ms. */
const pruneMs = 3_600_000;

/**
 * Starts the store, the listener, the administrator's socket and the line. When it resolves, callouts are served, and the store
 * is open or declared lost. A socket that cannot be opened does not stop calls.
 * @throws Error with a sentence if the listener cannot be opened, or another daemon has the socket.
 */
export async function startApp(
  config: Config,
  log: Log,
  { metrics = new Metrics(), levels, tools, timers = systemTimers, file, socket = socketBeside(config.store.path), image, fleet }:
    AppParts = {},
): Promise<App> {
  const read = new Date().toISOString();
  const store = openSafeStore(config.store.path, log);
  const now = openClock(store);
  const parts = {
    store,
    now,
    log,
    metrics,
    registrations: new Registrations(),
    refusals: new Refusals(now),
    sessions: new Sessions(now),
    timers,
    image: image ?? imageReader(now),
    fleet,
  };
  const { line, loop, courier, crm } = await compose(config, parts);
  const { currentStatus, calls, admin, monitoring } = views(config, parts, { loop, courier }, levels);
  const view = viewOf(
    config,
    parts,
    { loop, calls, outbox: admin.outbox, status: currentStatus },
    omitUndefined({ levels, tools }),
  );
  const page = pageOf(config, parts, view);
  const http = await listen(config, loop, { monitoring, ...omitUndefined({ page }) }, parts).catch((error: unknown) => {
    store.close();
    throw error;
  });
  const { host, prefix } = config.http;
  const served = { host, port: http.port, ...omitUndefined({ prefix, peers: driverOf(config.line).hosts }) };
  const inForce = { ...omitUndefined({ file }), read, fingerprint: fleet?.own ?? fingerprint(config), ...served };
  const commands = await openSocket(socket, { ...admin, config: inForce }, log).catch(async (error: unknown) => {
    await http.stop();
    store.close();
    throw error;
  });
  const desks = config.desks.map(({ extension }) => extension);
  // Loaded now, so that a box without a fleet does not pay for it.
  const leaveFleet = line.fleet &&
    (await import("./fleet/box.ts")).joinFleet(line.fleet, { desks, status: currentStatus, view, pushed: fleet, timers });
  const failed = Promise.withResolvers<Error>();
  let dead: string | undefined;
  const running = loop.run().catch((error: unknown) => {
    dead = messageOf(error);
    failed.resolve(new Error(dead));
  });
  const stuck = () => dead ?? (store.answers() ? loop.stuck() : "the store does not answer");
  const tidy = () => {
    loop.closeFormer();
    const { keepDays: days, keepRecords: rows, keepCalls: calls } = config.store;
    store.prune({ days, rows, calls }, now());
  };
  tidy();
  const tidying = setInterval(tidy, pruneMs);
  courier.sendDue();
  const stop = async () => {
    clearInterval(tidying);
    leaveFleet?.();
    // Every accepted callout is answered: most get their own answer, the rest an Error.
    loop.refuseCallouts();
    await http.drain();
    loop.stop();
    await Promise.all([http.stop(), commands?.stop(), running, courier.stop(lastPostsMs)]);
    crm.close();
    store.close();
  };
  let stopped: Promise<void> | undefined;
  return {
    port: http.port,
    socket,
    status: currentStatus,
    view,
    calls,
    stuck,
    failed: failed.promise,
    stop: () => stopped ??= stop(),
  };
}

/** The parts that the caller may bring. */
export interface AppParts {
  readonly metrics?: Metrics;
  /** The log's level, for `telesetd log`. */
  readonly levels?: Levels;
  /** What the commands can do for the page. */
  readonly tools?: PageTools | undefined;
  /** The timers of the driver; default: those of the machine. */
  readonly timers?: Timers;
  /** The file that the configuration is read from. */
  readonly file?: string;
  /** The path of the administrator's socket; default: beside the store. */
  readonly socket?: string;
  /** The state of the image; default: that of this machine. */
  readonly image?: () => ImageState | undefined;
  /** What the box's fleet has pushed. */
  readonly fleet?: PushedSettings | undefined;
}

/** Opens the administrator's socket; if that fails, the reason is logged, and the daemon works without. @throws SocketInUse */
async function openSocket(path: string, admin: AdminOptions, log: Log): Promise<AdminSocket | undefined> {
  try {
    return await openAdminSocket(path, admin, log);
  } catch (error) {
    if (error instanceof SocketInUse) throw error;
    log.error("No command can reach this daemon", { why: messageOf(error) });
    return undefined;
  }
}

/** The shared parts. */
interface Parts {
  readonly store: SafeStore;
  readonly now: () => number;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly registrations: Registrations;
  readonly refusals: Refusals;
  /** Of the page. */
  readonly sessions: Sessions;
  readonly timers: Timers;
  readonly image: () => ImageState | undefined;
  readonly fleet: PushedSettings | undefined;
}

/** Creates line, courier and loop. */
async function compose(
  config: Config,
  { store, now, log, metrics, registrations, timers }: Parts,
): Promise<{ line: Line; loop: Loop; courier: Courier; crm: HttpCrm }> {
  const crm = httpCrm({ ...config.crm, timeoutMs: config.crm.timeoutSeconds * 1000, log });
  const variables = Object.values(config.screenPop.data);
  const line = await driverOf(config.line).open({ desks: config.desks, variables, log, timers });
  const { screenPopSeconds, callEventHours, maxEvents } = config.outbox;
  const rules = { ...deliveryRules, screenPopFor: screenPopSeconds * 1000, othersFor: callEventHours * 3_600_000, maxEvents };
  const housekeeping = new Housekeeping(systemTimers, () => {
    store.tidy();
    Bun.gc(false);
  });
  const attemptEnded = () => housekeeping.eventHandled();
  const courier = new Courier({ store, crm, now, random: Math.random, rules, log, metrics, attemptEnded });
  const desks = config.desks.map(({ extension }) => extension);
  const loop = new Loop({
    desks,
    line,
    store,
    outbox: new Outbox({ store, courier, now, log }),
    registrations,
    policy: policyOf(config),
    expect: (expected) => crm.expect(expected),
    passwords: new Passwords(verifyBy(config, line), now),
    now,
    newId: () => crypto.randomUUID(),
    log,
    metrics,
  });
  return { line, loop, courier, crm };
}

/** What the administrator and monitors can see and do. */
function views(
  config: Config,
  { store, now, metrics, registrations, refusals, sessions, image, fleet }: Parts,
  { loop, courier }: { readonly loop: Loop; readonly courier: Courier },
  levels: Levels | undefined,
): {
  currentStatus: () => Status;
  calls: CallHistory;
  admin: Omit<AdminOptions, "config">;
  monitoring: HttpOptions["monitoring"];
} {
  const configFingerprint = fleet?.own ?? fingerprint(config);
  const currentStatus = (): Status => {
    const { trouble } = store;
    return status({
      config: configFingerprint,
      desks: loop.desks(),
      assumed: driverOf(config.line).assumesRegistered,
      outbox: courier.status(),
      undelivered: (desk) => courier.troubles(desk),
      refused: refusals.list(),
      unattended: loop.unattended(),
      upSeconds: process.uptime(),
      now: now(),
      ...omitUndefined({ trouble, image: image(), pushed: fleet?.state }),
    });
  };
  const page = metricsPage(metrics, () => ({
    desks: loop.desks(),
    outbox: courier.status(),
    storeLost: store.trouble !== undefined,
    sessions: sessions.size,
    image: image(),
    now: now(),
  }));
  const monitoring = { ready: () => readiness(currentStatus()), metrics: page, monitorAllow: config.http.monitorAllow };
  const calls = new CallHistory({
    store,
    desks: () => loop.desks(),
    policy: policyOf(config),
    write: () => loop.commitWaiting(),
  });
  const watch: AdminOptions["watch"] = ({ masked }, send) =>
    watching({
      state: () =>
        watchedState(currentStatus(), liveCalls(loop.desks(), masked ? undefined : (text) => text), calls.pages({ masked })),
      follow: (changed) => store.follow(changed),
      send,
    });
  const admin = {
    watch,
    status: currentStatus,
    ...omitUndefined({ levels }),
    outbox: new OutboxDesk({ store, courier, now, registrations }),
    calls,
    dials: () => dialPages(store),
    metrics: () => page("text"),
    makeCall: (extension: string, dialString: string) => {
      const desk = loop.desks().find((desk) => desk.extension === extension);
      return desk && { ...foreseeMakeCall(desk, dialString, now(), policyOf(config)), config: fingerprint(config) };
    },
  };
  return { currentStatus, calls, admin, monitoring };
}

/** The page of the box; undefined unless it is configured. */
function pageOf(
  { http: { page, connections } }: Config,
  { metrics, sessions }: Pick<Parts, "metrics" | "sessions">,
  source: PageSource,
): HttpOptions["page"] {
  return page && {
    ...page,
    // A browser holds one connection for each open page; most must stay free for UWQ.
    maxStreams: Math.min(maxPages, Math.max(1, Math.floor(connections / 4))),
    sessions,
    loggedIn: (result) => metrics.logins.add(result),
    source,
  };
}

/** What a page shows. */
function viewOf(
  config: Config,
  { store, metrics }: Pick<Parts, "store" | "metrics">,
  { loop, ...views }: Pick<PageSource, "calls" | "outbox" | "status"> & { readonly loop: Loop },
  { levels, tools }: Pick<AppParts, "levels" | "tools">,
): PageSource {
  return {
    ...views,
    liveCalls: () => liveCalls(loop.desks()),
    dials: () => dialPages(store),
    hours: () => metrics.hours.list(),
    settings: settingsOf(config, lineSchemas),
    follow: (changed) => store.follow(changed),
    followLog: levels && ((take) => levels.follow(take)),
    tools,
  };
}

/** The maximum number of open pages with live updates. */
const maxPages = 16;

function listen(
  config: Config,
  loop: Loop,
  { monitoring, page }: Pick<HttpOptions, "monitoring" | "page">,
  { now, log, metrics, refusals }: Pick<Parts, "now" | "log" | "metrics" | "refusals">,
): Promise<Listener> {
  const { host, port, connections, answer, page: _, ...guards } = config.http;
  const { registerAllow, port: defaultPort } = config.crm;
  const desks = config.desks.map(({ extension }) => extension);
  return openHttp({
    host,
    port,
    connections,
    callouts: {
      ...guards,
      answers: answer,
      registerAllow,
      defaultPort,
      desks: () => desks,
      submit: (callout) => loop.submit(callout),
      checkStatus: (from) => loop.checkStatus(from),
      log,
      now,
      refusals,
      counted: {
        callout: (name, result) => metrics.callouts.add(name, result),
        refused: (status) => metrics.refused.add(`${status}`),
      },
    },
    monitoring,
    ...omitUndefined({ page }),
    log,
  });
}

/** The configured policy in the core's form. */
export function policyOf({ screenPop, numbers, line, agent, dial, crm }: Config): Policy {
  return {
    ...screenPop,
    numbers,
    dial,
    acd: { driven: driverOf(line).drivesAgents, afterCall: agent.afterCall },
    events: { errors: crm.errorEvents, telephony: crm.telephonyEvents },
  };
}

function verifyBy({ agent }: Config, line: Line): Verify {
  if (agent.verify === "config") return { by: "config", hashes: agent.passwordHashes };
  if (agent.verify === "none") return { by: "none" };
  const lookUp = (user: string): Promise<string | undefined> =>
    line.passwordOf ? line.passwordOf(user) : Promise.reject(new Error("this driver's switch has no directory"));
  return { by: "directory", lookUp };
}

/** Continues the clock from the store. */
function openClock(store: SafeStore): () => number {
  const machine = machineClocks();
  const { mark, last } = store.clock();
  const current = markFor(machine, mark, last);
  if (current !== mark) store.setClock(current);
  return clockBy(current, machine);
}
