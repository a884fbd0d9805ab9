/** `telesetd relay` */
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { driverOf, lineSchemas } from "../../drivers/registry.ts";
import { textOrFile } from "../broker/credentials.ts";
import { KeptBroker } from "../broker/keep.ts";
import { parseRelayConfig, type RelayConfig } from "../config/relay.ts";
import { ConfigError } from "../config/schema.ts";
import { configError } from "../config/text.ts";
import { count } from "../core/count.ts";
import { startFleet } from "../fleet/serve.ts";
import { isJournal, openLog } from "../log/log.ts";
import { messageOf } from "../platform/text.ts";
import { notify, statusState } from "../platform/systemd.ts";
import { systemTimers } from "../platform/timers.ts";
import { relayFamilies } from "../relay/metrics.ts";
import { bootNow, Relay } from "../relay/relay.ts";
import { version } from "../version.ts";
import { defaultRelayConfig, type Io, problemsText } from "./io.ts";
import { reporterFor, stopSignal } from "./serving.ts";

/** What the command line gives. */
export interface RelayOptions {
  readonly config: string;
  /** Only check the configuration. */
  readonly check?: boolean;
  /** The folder for pushed configurations. */
  readonly state?: string;
}

/** The deadline for connecting to the broker, in ms. */
const connectMs = 10_000;

/** Runs a relay until a signal stops it. Exit code 2 means an invalid configuration: systemd does not start it again then. */
export async function relay({ config: file, check = false, state }: RelayOptions, io: Io): Promise<number> {
  const config = await relayConfigOrProblems(file, io);
  if (config === undefined) return 2;
  if (check) {
    const { desks, name } = config.relay;
    io.out(`${file} is valid: relay ${name}, ${count(desks.length, "desk")}, driver ${config.line.driver}\n`);
    return 0;
  }
  const log = openLog((line) => io.err(`${line}\n`), config.log.level, isJournal(io.environment["JOURNAL_STREAM"]));
  const stopped = stopSignal();
  const reporter = reporterFor(io, log);
  try {
    const running = await startRelay(config, log, state ?? io.environment["STATE_DIRECTORY"] ?? dirname(file));
    log.info("The relay is running", { version, name: config.relay.name, desks: config.relay.desks.length });
    await reporter.ready({ status: running.status, stuck: running.stuck });
    const end = await Promise.race([stopped, running.failed]);
    await reporter.stop();
    await running.stop();
    if (end instanceof Error) throw end;
    log.info("The relay has stopped", { signal: end });
    return 0;
  } catch (error) {
    const why = messageOf(error);
    log.error("The relay failed", { why });
    await reporter.stop(statusState(`Failed: ${why}`));
    return 1;
  }
}

/** A running relay with its part of the fleet. */
interface RunningRelay {
  readonly status: () => string;
  readonly stuck: () => string | undefined;
  /** Resolves if the line ends or fails. */
  readonly failed: Promise<Error>;
  stop(): Promise<void>;
}

async function startRelay(config: RelayConfig, log: ReturnType<typeof openLog>, stateFolder: string): Promise<RunningRelay> {
  const { name, rank, prefix, desks, variables, dial, agents, configKey, http, servers } = config.relay;
  const timers = systemTimers;
  const line = await driverOf(config.line).open({ desks, variables, log, timers, wholeSwitch: true });
  const ca = textOrFile(config.relay.ca, "relay.ca");
  const credentials = textOrFile(config.relay.credentials, "relay.credentials");
  const connection = (name: string) => new KeptBroker({ servers, ca, credentials, name, connectMs, log, timers });
  const [broker, beats] = [connection(`relay-${name}`), connection(`relay-${name}-beats`)];
  const extensions = desks.map(({ extension }) => extension);
  const relay = new Relay({
    name,
    rank,
    prefix,
    desks: extensions,
    line,
    broker,
    beats,
    rules: { numbers: config.numbers, ...dial, agents },
    log,
    timers,
    boot: bootNow(Date.now()),
  });
  const troubles = () => [
    ...relay.switch.up ? [] : [`No connection to the switch: ${relay.switch.why}.`],
    ...broker.server === undefined ? [`No connection to the broker: ${broker.why}.`] : [],
  ];
  const fleet = await startFleet({
    broker,
    prefix,
    name,
    desks: extensions,
    configKey,
    stateFolder,
    http,
    families: relayFamilies(relay, broker),
    troubles,
    log,
    timers,
  });
  const failed = relay.ended.then(() => new Error("the line has ended"), (error: unknown) => new Error(messageOf(error)));
  return {
    status: () => [`${count(extensions.length, "desk")}.`, ...troubles()].join(" "),
    stuck: () => line.stuck?.(),
    failed,
    stop: async () => {
      await fleet.stop();
      await relay.stop();
      await Promise.all([broker.close(), beats.close()]);
    },
  };
}

/** The configuration; its errors go to the log and to the service manager. */
async function relayConfigOrProblems(file: string, io: Io): Promise<RelayConfig | undefined> {
  try {
    return readRelayConfig(file, io);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const problems = error.placed;
    io.err(problemsText(shown(file, io), problems));
    await notify(statusState(`The configuration has ${count(problems.length, "error")}: ${problems[0]}`));
    return undefined;
  }
}

/** The path to show: the service reads a copy among its credentials. */
function shown(file: string, { environment }: Pick<Io, "environment">): string {
  const given = environment["CREDENTIALS_DIRECTORY"];
  return given !== undefined && file === join(given, "relay.json") ? defaultRelayConfig : file;
}

/** Reads the configuration of a relay, with credentials as in `readConfig`. @throws ConfigError with all errors. */
export function readRelayConfig(file: string, { environment }: Pick<Io, "environment">): RelayConfig {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    throw new ConfigError([`cannot read it: ${messageOf(error)}`]);
  }
  const secrets = join(dirname(file), "secrets");
  const folder = existsSync(secrets) ? { CREDENTIALS_DIRECTORY: secrets } : {};
  const config = parseRelayConfig(text, lineSchemas, { ...folder, ...environment });
  if (driverOf(config.line).namesAgents && config.relay.agents === undefined) {
    const why = "relay.agents is missing: the names of agents contain {agent}, so that a box chooses whose state it changes. " +
      'List which agents may log in at which desks, for example {"1001": ["7"], "20*": ["70*"]}.';
    throw configError(text, [{ path: ["relay", "agents"], text: why }]);
  }
  return config;
}
