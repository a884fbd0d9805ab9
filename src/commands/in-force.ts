/** Compares the configuration that the daemon runs on with the file that it was read from. */
import { existsSync } from "node:fs";
import { type Config, ConfigError, fingerprint } from "../config/schema.ts";
import { count } from "../core/count.ts";
import type { ConfigInForce } from "../http/admin/routes.ts";
import { shortTime } from "../platform/local-time.ts";
import { type Io, isUnreadable, readConfig, withCredentials } from "./io.ts";

/** A sentence if the daemon's file has errors, or has changed since the daemon read it; undefined otherwise. */
export function troubleOfFile(
  { file, read, fingerprint: known }: ConfigInForce,
  io: Pick<Io, "environment">,
): string | undefined {
  // A member of the group may ask the daemon, but not read its file.
  if (file === undefined || (existsSync(file) && isUnreadable(file))) return undefined;
  const now = readOrErrors(file, io);
  if (typeof now !== "string" && fingerprint(now) === known) return undefined;
  const trouble = typeof now === "string" ? now : `${file} has changed (telesetd apply puts it in force)`;
  return `${trouble}: the daemon runs on the configuration of ${timeOf(read)}.`;
}

/** The configuration in a file, or the number of its errors as the start of a sentence. */
export function readOrErrors(file: string, io: Pick<Io, "environment">): Config | string {
  try {
    return readConfig(file, withCredentials(file, io));
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return `${file} has ${count(error.problems.length, "error")} (telesetd check)`;
  }
}

/** A time in the machine's zone: `10:31` of today, otherwise with the date. */
export function timeOf(iso: string, now: Date = new Date()): string {
  return shortTime(new Date(iso), now).slice(0, -":00".length);
}
