/**
 * `telesetd address-rules`: the addresses that the service may exchange packets with, derived from the configuration; shown, or
 * passed to systemd. systemd keeps them until the next boot (systemctl set-property --runtime), and
 * telesetd-addresses.service renews them before each start.
 */
import { spawn } from "node:child_process";
import { lookup } from "node:dns/promises";
import { readFileSync } from "node:fs";
import { driverOf } from "../../../drivers/registry.ts";
import {
  type AddressRules,
  addressRules,
  dropIn,
  type Names,
  nameServers,
  namesIn,
  type Peers,
} from "../../platform/ip-filter.ts";
import type { Config } from "../../config/schema.ts";
import { configOr2, type Io } from "../io.ts";

/** The system that the command works on; tests replace it. */
export interface AddressWorld {
  /** The addresses of a name; rejects, or resolves with none, when the lookup fails. */
  lookUp(name: string): Promise<readonly string[]>;
  /** The text of resolv.conf. */
  resolvConf(): string;
  /** Runs systemctl with these arguments; resolves with its exit code and output. */
  systemctl(...args: readonly string[]): Promise<{ readonly code: number; readonly output: string }>;
}

const service = "telesetd.service";
const timer = "telesetd-addresses.timer";

/** The deadline of a lookup, in ms: the start of the service waits for it. */
const lookUpMs = 5000;

/** Shows or applies the rules. Exit codes: 0 success, 1 systemd refused them, 2 invalid configuration. */
export async function showAddressRules(file: string, apply: boolean, io: Io, world: AddressWorld = box): Promise<number> {
  const config = configOr2(file, io);
  if (config === 2) return 2;
  const peers = peersOf(config);
  const names = namesIn(peers);
  const rules = addressRules(peers, await known(names, world));
  if (!apply) {
    io.out(dropIn(rules));
    return 0;
  }
  for (const name of rules.unknown) {
    io.err(`Cannot look up ${name}: telesetd may exchange packets with any address until the name is known\n`);
  }
  return await applied(rules, names.length > 0, io, world);
}

/** All hosts and ranges that the daemon exchanges packets with. */
function peersOf({ line, http, crm }: Config): Peers {
  return { switches: driverOf(line).hosts, ranges: [...http.allow, ...http.monitorAllow, ...crm.registerAllow] };
}

async function known(names: readonly string[], world: AddressWorld): Promise<Names> {
  const found = await Promise.all(
    names.map(async (name) => [name, await world.lookUp(name).catch((): readonly string[] => [])] as const),
  );
  return { addresses: new Map(found), servers: names.length > 0 ? nameServers(world.resolvConf()) : [] };
}

/**
 * While the service runs, addresses are only added: it may return to its old configuration, and a name may have changed its
 * address during an open connection. The next start applies exactly the rules.
 */
async function applied({ allow }: AddressRules, byName: boolean, io: Io, world: AddressWorld): Promise<number> {
  const state = (await world.systemctl("show", "--property=ActiveState", "--value", service)).output.trim();
  const runs = state === "active" || state === "reloading";
  const rules = `IPAddressAllow=${allow.join(" ")}`;
  const { code, output } = await world.systemctl(
    "set-property",
    "--runtime",
    service,
    ...(runs ? [rules] : ["IPAddressAllow=", rules]),
  );
  if (code !== 0) {
    io.err(`systemd refused the address rules: ${output.trim()}\n`);
    return 1;
  }
  io.out(`telesetd may ${runs ? "now also " : ""}exchange packets with ${allow.join(" ")}\n`);
  // The address of a name may change.
  await world.systemctl("--no-block", byName ? "start" : "stop", timer);
  return 0;
}

const box: AddressWorld = {
  lookUp: async (name) => {
    const late = new Promise<never>((_, reject) => setTimeout(() => reject(new Error("no answer")), lookUpMs).unref());
    return (await Promise.race([lookup(name, { all: true }), late])).map(({ address }) => address);
  },
  resolvConf: () => {
    try {
      return readFileSync("/etc/resolv.conf", "utf8");
    } catch {
      return "";
    }
  },
  systemctl: (...args) =>
    new Promise((resolve) => {
      const child = spawn("systemctl", args, { stdio: ["ignore", "pipe", "pipe"] });
      let output = "";
      child.stdout.on("data", (part) => output += String(part));
      child.stderr.on("data", (part) => output += String(part));
      child.once("error", ({ message }) => resolve({ code: 1, output: message }));
      child.once("close", (code) => resolve({ code: code ?? 1, output }));
    }),
};
