/**
 * `telesetd address-rules`: whom the service may speak with, from the configuration; shown, or given to systemd. systemd keeps
 * them until the next boot (systemctl set-property --runtime), and telesetd-addresses.service makes them anew before each
 * start and reload.
 */
import { spawn } from "node:child_process";
import { lookup } from "node:dns/promises";
import { readFileSync } from "node:fs";
import { lineHosts } from "../../../drivers/registry.ts";
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

/** What is around the command: tests give it another. */
export interface AddressWorld {
  /** The addresses of a name; rejects, or resolves with none, when it cannot be looked up. */
  lookUp(name: string): Promise<readonly string[]>;
  /** The text of resolv.conf. */
  resolvConf(): string;
  /** Runs systemctl with these arguments, and gives its exit code and what it said. */
  systemctl(...args: readonly string[]): Promise<{ readonly code: number; readonly said: string }>;
}

const service = "telesetd.service";
const timer = "telesetd-addresses.timer";

/** How long a name is looked up, in ms: the start of the service waits for it. */
const lookUpMs = 5000;

/** Shows the rules, or applies them. Exit codes: 0 done, 1 systemd does not take them, 2 wrong configuration. */
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
    io.err(`Cannot look up ${name}: telesetd may speak with any address until the name is known\n`);
  }
  return await applied(rules, names.length > 0, io, world);
}

/** Everybody whom the daemon speaks with, as the configuration says. */
function peersOf({ line, http, crm }: Config): Peers {
  return { switches: lineHosts(line), ranges: [...http.allow, ...http.monitorAllow, ...crm.registerAllow] };
}

async function known(names: readonly string[], world: AddressWorld): Promise<Names> {
  const found = await Promise.all(
    names.map(async (name) => [name, await world.lookUp(name).catch((): readonly string[] => [])] as const),
  );
  return { addresses: new Map(found), servers: names.length > 0 ? nameServers(world.resolvConf()) : [] };
}

/**
 * While the service runs, addresses are only added: it may go back to its old configuration when the new one cannot be
 * started, and a name may have moved on while a connection stands. The next start has the rules exactly.
 */
async function applied({ allow }: AddressRules, byName: boolean, io: Io, world: AddressWorld): Promise<number> {
  const state = (await world.systemctl("show", "--property=ActiveState", "--value", service)).said.trim();
  const runs = state === "active" || state === "reloading";
  const rules = `IPAddressAllow=${allow.join(" ")}`;
  const { code, said } = await world.systemctl(
    "set-property",
    "--runtime",
    service,
    ...(runs ? [rules] : ["IPAddressAllow=", rules]),
  );
  if (code !== 0) {
    io.err(`systemd does not take the address rules: ${said.trim()}\n`);
    return 1;
  }
  io.out(`telesetd may speak with ${runs ? "these too: " : ""}${allow.join(" ")}\n`);
  // A name may stand for another address tomorrow.
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
      let said = "";
      child.stdout.on("data", (part) => said += String(part));
      child.stderr.on("data", (part) => said += String(part));
      child.once("error", ({ message }) => resolve({ code: 1, said: message }));
      child.once("close", (code) => resolve({ code: code ?? 1, said }));
    }),
};
