/** The hops of the daemon: whether it runs, as what, with which configuration; and the port that UWQ calls. */
import { failed, type Finding, good, warning } from "../../../drivers/shared/probing.ts";
import { createServer } from "node:net";
import { isLoopback, parseRanges } from "../../platform/address.ts";
import { type Config, fingerprint } from "../../config/schema.ts";
import type { ShownEvent } from "../../outbox/admin.ts";
import type { Status } from "../../status/status.ts";
import { version } from "../../version.ts";
import { exchange, parsed, placeOf } from "../ask.ts";
import { ago, count } from "../../core/count.ts";
import { asRoot } from "./hop.ts";
import type { Machine, ServiceState } from "./machine.ts";

/** The state of the running daemon, as it reports it. */
export interface Daemon {
  readonly status: Status;
  /** The newest first. */
  readonly events: readonly ShownEvent[];
}

/** What answers on the daemon's port: the daemon, another program, or nothing. */
export type Answered =
  | { readonly who: "daemon"; readonly daemon: Daemon }
  | { readonly who: "other"; readonly message: string }
  | { readonly who: "nobody"; readonly code: string };

/** How many of the last events are read. */
export const eventsLooked = 20;

/** Asks the program that listens on the daemon's port. */
export async function askWhoAnswers({ http }: Config): Promise<Answered> {
  const ask = (path: string) => exchange(placeOf(http), http.port, "GET", path);
  try {
    const { status, text } = await ask("/status");
    const report = status === 200 ? parsed(text) as Status | undefined : undefined;
    if (!Array.isArray(report?.desks) || typeof report.version !== "string") {
      return { who: "other", message: `it answers with status ${status}` };
    }
    const events = parsed((await ask(`/outbox?all=1&limit=${eventsLooked}`)).text);
    return { who: "daemon", daemon: { status: report, events: Array.isArray(events) ? events : [] } };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const nobody = code === "ECONNREFUSED" || code === "ConnectionRefused" || code === "EADDRNOTAVAIL";
    return nobody ? { who: "nobody", code } : { who: "other", message: `it does not answer HTTP (${code ?? message})` };
  }
}

/** Whether the daemon is running, with this version and this configuration. */
export async function checkDaemon(answered: Answered, config: Config, { service }: Machine): Promise<Finding> {
  if (answered.who !== "daemon") {
    return failed(
      `telesetd does not answer at ${placeOf(config.http)}:${config.http.port}.${stateOf(await service())}`,
      "systemctl enable --now telesetd; journalctl -u telesetd -n 20 shows why it stopped.",
    );
  }
  const { status } = answered.daemon;
  if (status.storeTrouble !== undefined) {
    const advice = "Fix the store and the disk above: the daemon tries again every 10 s.";
    return failed(`The daemon is running without its store: ${status.storeTrouble}.`, advice);
  }
  const runs = `telesetd ${status.version} has run for ${ago(status.upSeconds * 1000)}`;
  if (status.version !== version) {
    return warning(`${runs}, but version ${version} is installed.`, "systemctl restart telesetd");
  }
  if (status.config !== fingerprint(config)) {
    const advice = "telesetd apply; or check the file that it uses: telesetd doctor --config FILE";
    return warning(`${runs} with a different configuration than this file.`, advice);
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
  if (answered.who !== "daemon") {
    const refusal = await tryToListen(http.host, http.port);
    if (refusal !== undefined) return cannotListen(refusal, http, answered);
  }
  const state = answered.who === "daemon" ? `The daemon listens on ${where}` : `${where} is free`;
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

function cannotListen(code: string, { host, port }: Config["http"], answered: Answered): Finding {
  const where = `${host}:${port}`;
  if (code === "EADDRINUSE") {
    const message = answered.who === "other" ? ` (${answered.message})` : "";
    return failed(
      `${where} is in use by another program${message}.`,
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
