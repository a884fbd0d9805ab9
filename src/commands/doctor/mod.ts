/** `telesetd doctor`: checks every hop from the phone to UWQ and says how to fix what fails. */
import { driverOf, type Hop } from "../../../drivers/registry.ts";
import { skipped } from "../../../drivers/shared/probing.ts";
import { type Config, usualStore } from "../../config/schema.ts";
import type { Place } from "../ask.ts";
import type { Io } from "../io.ts";
import { agentsIn, uwqUrls, uwqUrlText } from "../uwq-url.ts";
import { checkClock, checkDisk, checkNetwork } from "./box.ts";
import { checkConfig } from "./config.ts";
import { checkCrmPort, checkDeliveries, checkRegistration, registeredAt } from "./crm.ts";
import { type Answered, askWhoAnswers, checkDaemon, checkHttp, type Daemon } from "./daemon.ts";
import { checked, withDetails } from "./hop.ts";
import { type Machine, thisMachine } from "./machine.ts";
import { checkImage } from "./image.ts";
import { checkPage } from "./page.ts";
import { printer, report } from "./print.ts";
import { calloutSettings, eventSettings } from "./profile.ts";
import { checkStoreFile, type StoreCheck } from "./store.ts";
import { switchHops } from "./switch.ts";

/** The options of `doctor`. */
export interface DoctorOptions extends Place {
  readonly json?: boolean;
  /** Whether no daemon was started, as after a setup: its hops are omitted. */
  readonly notStarted?: boolean;
  /** Whether it runs inside the daemon, which must not be kept from its work: the file of the store is not read as a whole. */
  readonly inDaemon?: boolean;
}

/** Exit code 0 when all is good, warnings allowed; 1 when a hop fails; 2 when the configuration is invalid. */
export async function doctor(options: DoctorOptions, io: Io, machine: Machine = thisMachine): Promise<number> {
  const since = performance.now();
  const print = options.json === true ? undefined : printer(io);
  const hops: Hop[] = [];
  const { answering, config, checks } = await start(options, io, machine);
  for await (const hop of checks) {
    hops.push(hop);
    print?.hop(hop);
  }
  if (print) {
    print.summary(hops, performance.now() - since);
    const urls = await urlsFor(config, await answering, machine);
    if (urls) io.out(`${uwqUrlText(urls)}\n`);
  } else io.out(`${JSON.stringify(report(options.config, config, hops), null, 2)}\n`);
  if (config === undefined) return 2;
  return hops.some(({ verdict }) => verdict === "failed") ? 1 : 0;
}

/** Every hop, each as soon as it is known. */
export async function* doctorHops(options: DoctorOptions, io: Pick<Io, "environment">): AsyncGenerator<Hop> {
  yield* (await start(options, io, thisMachine)).checks;
}

/** Reads the configuration, which decides what is checked. */
async function start(
  options: DoctorOptions,
  io: Pick<Io, "environment">,
  machine: Machine,
): Promise<{ readonly answering: Promise<Answered>; readonly config: Config | undefined; readonly checks: AsyncIterable<Hop> }> {
  const answering = askWhoAnswers(options);
  let config: Config | undefined;
  const first = await checked("config", () => {
    const result = checkConfig(options.config, io);
    config = result.config;
    return result.finding;
  });
  const checks = async function* () {
    yield first;
    yield* config ? withConfig(config, options, answering, machine) : withoutConfig(options, answering, machine);
  };
  return { answering, config, checks: checks() };
}

/** The hops that need no configuration, and those of the daemon, which runs on an earlier one. */
async function* withoutConfig(options: DoctorOptions, answering: Promise<Answered>, machine: Machine): AsyncGenerator<Hop> {
  const why = "the configuration is wrong.";
  yield skipped("store", why);
  yield await checked("disk", () => checkDisk(usualStore));
  yield await checked("clock", () => checkClock(machine, undefined));
  yield await checked("network", () => checkNetwork(machine, undefined));
  yield* imageHop(machine);
  const answered = await answering;
  yield await checked("daemon", () => checkDaemon(answered, undefined, machine));
  for (const name of ["http", "switch"]) yield skipped(name, why);
  if (!("daemon" in answered)) {
    for (const name of ["CRM", "CRM port", "deliveries"]) yield skipped(name, why);
    return;
  }
  const { daemon } = answered;
  const known = { daemon, store: undefined, unread: false, now: machine.clocks.wall() };
  const url = await urlInAdvice(options, undefined, answered, machine);
  for (const { extension } of daemon.status.desks) {
    yield await checked(`CRM ${extension}`, () => checkRegistration(extension, known, url));
    yield await checked(`CRM port ${extension}`, () => checkCrmPort(extension, registeredAt(extension, known), known));
  }
  yield await checked("deliveries", () => checkDeliveries(known));
}

/** The hop of the image; none on other machines. */
async function* imageHop({ image }: Machine): AsyncGenerator<Hop> {
  const state = image();
  if (state) yield await checked("image", () => checkImage(state));
}

/** The hops in order; independent ones are checked at the same time. */
async function* withConfig(
  config: Config,
  options: DoctorOptions,
  answering: Promise<Answered>,
  machine: Machine,
): AsyncGenerator<Hop> {
  const line = switchHops(config);
  let store: StoreCheck["look"];
  let unread = false;
  yield await checked("store", () => {
    const result = checkStoreFile(config.store.path, options.inDaemon);
    store = result.look;
    unread = result.unread ?? false;
    return result.finding;
  });
  const clock = checked("clock", () => checkClock(machine, store));
  yield await checked("disk", () => checkDisk(config.store.path));
  yield await clock;
  const places = { listen: config.http.host, peers: driverOf(config.line).hosts };
  yield await checked("network", () => checkNetwork(machine, places));
  yield* imageHop(machine);
  const answered = await answering;
  const daemon: Daemon | undefined = "daemon" in answered ? answered.daemon : undefined;
  const known = { daemon, store, unread, now: machine.clocks.wall() };
  const ports = config.desks.map(({ extension }) =>
    checked(`CRM port ${extension}`, () => checkCrmPort(extension, registeredAt(extension, known), known))
  );
  if (!options.notStarted) yield await checked("daemon", () => checkDaemon(answered, config, machine));
  yield await checked("http", async () => withDetails(await checkHttp(answered, config, machine), calloutSettings(config)));
  if (config.http.page) yield await checked("page", async () => checkPage(config, await urlsFor(config, answered, machine)));
  yield* line;
  if (options.notStarted) return;
  const url = await urlInAdvice(options, config, answered, machine);
  for (const [index, { extension }] of config.desks.entries()) {
    // The same for all desks: shown once.
    const settings = index === 0 ? eventSettings(config) : [];
    yield await checked(
      `CRM ${extension}`,
      () => withDetails(checkRegistration(extension, known, url), settings),
    );
    const port = ports[index];
    if (port) yield await port;
  }
  yield await checked("deliveries", () => checkDeliveries(known));
}

/** UWQ's URL by the running daemon, or else by the configuration; undefined without either. The JSON omits it, as a secret. */
async function urlsFor(config: Config | undefined, answered: Answered, machine: Machine): Promise<readonly string[] | undefined> {
  const daemon = "daemon" in answered ? answered.daemon : undefined;
  const served = daemon?.inForce ?? (config && { ...config.http, peers: driverOf(config.line).hosts });
  return served && await uwqUrls({ ...served, peers: [...agentsIn(daemon?.status.desks ?? []), ...served.peers ?? []] }, machine);
}

/** The URL to try by hand. */
async function urlInAdvice(
  { json }: DoctorOptions,
  config: Config | undefined,
  answered: Answered,
  machine: Machine,
): Promise<string> {
  const [url] = json ? [] : await urlsFor(config, answered, machine) ?? [];
  return url ?? "http://BOX:PORT/PREFIX/";
}
