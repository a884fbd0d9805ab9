/**
 * A checked configuration becomes that of the service: installed, and the service is restarted with it. If the daemon does not
 * become ready, the old configuration returns. `apply`, `setup` and `install` use it. After a kill or a power cut in between,
 * each file is complete, and the same command can be run again.
 */
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { dirname } from "node:path";
import { lineSchemas } from "../../../drivers/registry.ts";
import { ConfigError, parseConfig } from "../../config/schema.ts";
import { replaceFile } from "../../platform/replace-file.ts";
import { takeLock } from "../../store/lock.ts";
import { type Io, withCredentials } from "../io.ts";
import { installConfig } from "./install-config.ts";
import { rulesOf } from "./rules.ts";
import type { Service } from "./service.ts";

/** The change to make. */
export interface Change {
  /** The text, which has been checked. */
  readonly text: string;
  /** Where the configuration goes. */
  readonly to: string;
  /** Whether a service that does not run is started and enabled; default: it is left alone. */
  readonly start?: boolean;
}

/** The outcome. */
export interface Applied {
  /** What was done, a sentence each. */
  readonly done: readonly string[];
  /** Why the configuration is not in force, in sentences; undefined if it is, or will be at the next start. */
  readonly problem?: string;
}

/** Makes the change, one process at a time. Without a service nothing is restarted. */
export async function makeChange(
  change: Change,
  io: Pick<Io, "environment">,
  service: Service | undefined,
): Promise<Applied> {
  const { to } = change;
  let release: (() => void) | undefined;
  try {
    mkdirSync(dirname(to), { recursive: true, mode: 0o755 });
    release = takeLock(`${to}.lock`);
  } catch (error) {
    return unchanged(to, error);
  }
  if (!release) return { done: [], problem: `${to} is being changed by another telesetd: try again when that has ended.` };
  try {
    return await changed(change, io, service);
  } finally {
    release();
  }
}

function unchanged(to: string, error: unknown): Applied {
  return { done: [], problem: `Cannot write ${to}: ${reasonOf(error)}: nothing was changed.` };
}

function reasonOf(error: unknown): string {
  const { code } = error as NodeJS.ErrnoException;
  return code === "EACCES" ? "run this as root, with sudo" : code ?? String(error);
}

async function changed(
  { text, to, start = false }: Change,
  io: Pick<Io, "environment">,
  service: Service | undefined,
): Promise<Applied> {
  const state = await service?.state();
  let former: string | undefined;
  let done: string[];
  try {
    former = keepGood(to, text, service, state);
    done = installed(to, text, former);
  } catch (error) {
    return unchanged(to, error);
  }
  if (service === undefined || state === undefined) {
    done.push("No service was restarted here. A daemon that runs with this file must be restarted.");
    return { done };
  }
  done.push(...await restrict(service, text, to, io));
  if (state === "inactive" && !start) {
    done.push("telesetd is not running. To start it now and at each boot: telesetd apply --start");
    return { done };
  }
  const disabled = start ? await service.enable() : undefined;
  if (disabled !== undefined) done.push(`systemd cannot start telesetd at each boot: ${disabled}`);
  const why = await service.restart();
  if (why !== undefined) return { done, problem: await goBack(to, former, why, { service, io }) };
  done.push("telesetd is running with it.");
  try {
    replaceFile(goodOf(to), text);
  } catch (error) {
    done.push(`Cannot keep a copy as ${goodOf(to)}: ${reasonOf(error)}.`);
  }
  return { done };
}

/** The last configuration with which a daemon became ready. */
function goodOf(to: string): string {
  return `${to}.last-good`;
}

/**
 * The configuration to return to; undefined if none is known. That of a running daemon is saved first, because there may be no
 * other copy.
 */
function keepGood(to: string, text: string, service: Service | undefined, state: string | undefined): string | undefined {
  const running = state === "active" ? service?.running() : undefined;
  if (running !== undefined && running !== textOf(goodOf(to))) replaceFile(goodOf(to), running);
  const known = [textOf(goodOf(to)), textOf(to)];
  // A running daemon whose configuration cannot be read was usually started with the file.
  if (state === "active" && running === undefined) known.reverse();
  return known.find((candidate) => candidate !== undefined && candidate !== text);
}

function installed(to: string, text: string, former: string | undefined): string[] {
  const { changed, backup } = installConfig(to, text);
  if (!changed && former !== undefined) {
    replaceFile(`${to}.1`, former);
    return [`${to} was changed in its place; the configuration before is kept as ${to}.1.`];
  }
  if (!changed) return [`${to} has this configuration already.`];
  return [`Wrote ${to}, readable only by its owner${backup === undefined ? "" : `; the old file is kept as ${backup}`}.`];
}

/** Restores the old configuration and restarts; returns what happened, for the administrator. */
async function goBack(
  to: string,
  former: string | undefined,
  why: string,
  { service, io }: { readonly service: Service; readonly io: Pick<Io, "environment"> },
): Promise<string> {
  const failed = `telesetd did not become ready with this configuration: ${why}.`;
  if (former === undefined) {
    return `${failed} There is no old configuration to return to: correct ${to}, then run telesetd apply.`;
  }
  try {
    installConfig(to, former, `${to}.failed`);
  } catch (error) {
    return `${failed} The old configuration cannot be restored (${reasonOf(error)}): correct ${to}, then run telesetd apply.`;
  }
  await restrict(service, former, to, io);
  const again = await service.restart();
  const back = again === undefined
    ? "The old configuration is in force again"
    : `The old configuration is back, but telesetd did not become ready with it either: ${again}`;
  return `${failed} ${back}; the new one is kept as ${to}.failed.`;
}

/** Restricts the service to the addresses in a configuration. Says so if systemd refuses, which must not prevent calls. */
async function restrict(service: Service, text: string, to: string, io: Pick<Io, "environment">): Promise<string[]> {
  let ranges: readonly string[] | undefined;
  try {
    ranges = rulesOf(parseConfig(text, lineSchemas, withCredentials(to, io).environment));
  } catch (error) {
    // An old configuration may be invalid by now; it gets no restriction.
    if (!(error instanceof ConfigError)) throw error;
  }
  const refusal = await service.restrict(ranges);
  return refusal === undefined ? [] : [`systemd refused to restrict telesetd to the addresses in the configuration: ${refusal}`];
}

function textOf(file: string): string | undefined {
  return existsSync(file) ? readFileSync(file, "utf8") : undefined;
}
