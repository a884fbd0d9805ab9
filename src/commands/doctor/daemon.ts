/** The hops of the daemon: whether it runs, as what, with which configuration; and the port that UWQ calls. */
import { failed, type Finding, good, warning } from "../../../drivers/shared/probing.ts";
import { createServer } from "node:net";
import { driverOf } from "../../../drivers/registry.ts";
import { isLoopback, parseRanges } from "../../platform/address.ts";
import { type Config, fingerprint } from "../../config/schema.ts";
import type { ShownEvent } from "../../outbox/admin.ts";
import type { Status } from "../../status/status.ts";
import { version } from "../../version.ts";
import type { ConfigInForce } from "../../http/admin/routes.ts";
import { ago, count } from "../../core/count.ts";
import { ask, type NoAnswer, type Place, socketFor } from "../ask.ts";
import { timeOf } from "../in-force.ts";
import { asRoot } from "./hop.ts";
import type { Machine, ServiceState } from "./machine.ts";

/** The state of the running daemon, as it reports it. */
export interface Daemon {
  readonly status: Status;
  readonly inForce: ConfigInForce;
  /** The newest first. */
  readonly events: readonly ShownEvent[];
}

/** The daemon, or why there is no answer at its socket. */
export type Answered = { readonly daemon: Daemon } | NoAnswer;

/** How many of the last events are read. */
export const eventsLooked = 20;

/** Asks the running daemon. */
export async function askWhoAnswers(place: Place): Promise<Answered> {
  const socket = socketFor(place);
  const status = await ask<Status>(socket, "GET", "/status");
  if (!("value" in status)) return status;
  const inForce = await ask<ConfigInForce>(socket, "GET", "/config");
  if (!("value" in inForce)) return inForce;
  const events = await ask<ShownEvent[]>(socket, "GET", `/outbox?all=1&limit=${eventsLooked}`);
  return { daemon: { status: status.value, inForce: inForce.value, events: "value" in events ? events.value : [] } };
}

/** Whether the daemon is running, with this version and this configuration. Without `config` the file has errors. */
export async function checkDaemon(answered: Answered, config: Config | undefined, { service }: Machine): Promise<Finding> {
  if (!("daemon" in answered)) return failed(`${answered.message}${stateOf(await service())}`, answered.advice);
  const { status, inForce } = answered.daemon;
  if (status.storeTrouble !== undefined) {
    const advice = "Fix the store and the disk above: the daemon tries again every 10 s.";
    return failed(`The daemon is running without its store: ${status.storeTrouble}.`, advice);
  }
  const runs = `telesetd ${status.version} has been running for ${ago(status.upSeconds * 1000)}`;
  if (status.version !== version) {
    return warning(`${runs}, but version ${version} is installed.`, "systemctl restart telesetd");
  }
  if (config === undefined) {
    return good(`${runs} on the configuration of ${timeOf(inForce.read)}, and keeps it until it is restarted.`);
  }
  if (status.config !== fingerprint(config)) {
    const advice = "telesetd apply; or check the file that it uses: telesetd doctor --config FILE";
    return warning(`${runs} with a different configuration than this file.`, advice);
  }
  const shut = unreachable(config, (await service())?.allowed);
  if (shut.length > 0) {
    return warning(`${runs} with this configuration, but systemd keeps it from reaching ${shut.join(", ")}.`, "telesetd apply");
  }
  const troubled = status.desks.flatMap(({ extension, trouble }) =>
    trouble === undefined ? [] : [`desk ${extension}: ${trouble}`]
  );
  if (troubled.length > 0) {
    return warning(
      `${runs} with this configuration, and reports: ${troubled[0]}${
        troubled.length > 1 ? ` (and ${troubled.length - 1} more)` : ""
      }`,
      "The hops of the switch below say why; once they are good, the daemon recovers within 30 s.",
    );
  }
  return good(`${runs} with this configuration.`);
}

/** The hosts of the switch that an address filter shuts out: those of a configuration that was not applied by telesetd apply. */
function unreachable({ line }: Config, allowed: readonly string[] | undefined): readonly string[] {
  const passes = parseRanges(allowed ?? []);
  return allowed === undefined ? [] : (driverOf(line).hosts ?? ["the switch"]).filter((host) => !passes(host));
}

/** The report of systemd, as further sentences. */
function stateOf(service: ServiceState | undefined): string {
  if (service === undefined) return "";
  const { state, exitCode } = service;
  const wrong = exitCode === 2 ? " Exit code 2: its configuration was wrong." : "";
  return ` systemd says: ${state}${exitCode === 0 ? "" : `, exit code ${exitCode}`}.${wrong}`;
}

/** Whether UWQ can reach the port: the daemon has it or it is free, the agents' PCs are allowed, and others are not. */
export async function checkHttp(answered: Answered, { http }: Config, { addresses }: Machine): Promise<Finding> {
  const where = `${http.host}:${http.port}`;
  const serves = "daemon" in answered && answered.daemon.inForce.host === http.host && answered.daemon.inForce.port === http.port;
  if (!serves) {
    const refusal = await tryToListen(http.host, http.port);
    if (refusal !== undefined) return cannotListen(refusal, http, "runs" in answered);
  }
  const state = serves ? `The daemon listens on ${where}` : `${where} is free`;
  if (isLoopback(http.host)) {
    const advice = "Fine if UWQ runs on this box; otherwise set http.host to 0.0.0.0.";
    return warning(`${state}: only programs on this box can send callouts.`, advice);
  }
  const allowed = parseRanges(http.allow);
  const own = addresses().filter(({ address }) => !/^(169\.254\.|fe80:)/i.test(address));
  const shut = own.filter(({ address }) => !allowed(address));
  if (own.length > 0 && shut.length === own.length) {
    return warning(
      `${state}, but http.allow does not contain the network of ${shut.map(({ address }) => address).join(", ")}.`,
      `Add the network of the agents' PCs to http.allow, which has ${http.allow.join(", ")}.`,
    );
  }
  if (http.prefix === undefined) {
    return warning(
      `${state}, without a prefix: any PC that reaches the box can send callouts, and dial.`,
      'Set http.prefix to a secret path such as "/k3y", and put it into UWQ\'s URL; omit it only for forwarded ports.',
    );
  }
  return good(`${state}, behind a prefix, for ${count(http.allow.length, "range")} of addresses.`);
}

/** Opens the port for a moment. @returns the error's code when that fails. */
function tryToListen(host: string, port: number): Promise<string | undefined> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    server.listen({ port, host, exclusive: true }, () => server.close(() => resolve(undefined)));
  });
}

function cannotListen(code: string, { host, port }: Config["http"], hangs: boolean): Finding {
  const where = `${host}:${port}`;
  if (code === "EADDRINUSE") {
    return failed(
      `${where} is in use by ${hangs ? "the telesetd that does not answer, or by " : ""}another program.`,
      `ss -ltnp 'sport = :${port}' shows it. If it is telesetd, systemctl restart telesetd; otherwise stop it, ` +
        "or choose another http.port, also in UWQ's URL.",
    );
  }
  if (code === "EADDRNOTAVAIL") {
    return failed(`The box does not have the address ${host}.`, "Set http.host to an address of the box, or to 0.0.0.0 for all.");
  }
  if (code === "EACCES") {
    const advice = port < 1024 ? "Choose an http.port of 1024 or above." : asRoot;
    return (port < 1024 ? failed : warning)(`This user may not listen on ${where}.`, advice);
  }
  return failed(`Cannot listen on ${where}: ${code}.`, "Check http.host and http.port.");
}
