/** `telesetd check` */
import { readFileSync } from "node:fs";
import { ConfigError } from "../config/schema.ts";
import { isRelayConfig } from "../config/relay.ts";
import { configOr2, type Io, readConfig } from "./io.ts";

/** Lists every error of the configuration. Exit code 0 or 2. */
export function check(file: string, json: boolean, io: Io): number {
  if (isRelayFile(file)) {
    io.err(`${file} is the configuration of a relay: check it with telesetd relay --check --config ${file}\n`);
    return 2;
  }
  if (json) return checkJson(file, io);
  const config = configOr2(file, io);
  if (config === 2) return 2;
  io.out(
    `${file} is valid: ${config.desks.map(({ extension }) => `desk ${extension}`).join(", ")}, driver ${config.line.driver}\n`,
  );
  return 0;
}

function isRelayFile(file: string): boolean {
  try {
    return isRelayConfig(readFileSync(file, "utf8"));
  } catch {
    return false;
  }
}

function checkJson(file: string, io: Io): number {
  try {
    readConfig(file, io);
    io.out(`${JSON.stringify({ file, errors: [] })}\n`);
    return 0;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    io.out(`${JSON.stringify({ file, errors: error.problems })}\n`);
    return 2;
  }
}
