/** What the doctor queries from the machine; tests replace it. */
import { existsSync, readFileSync } from "node:fs";
import { networkInterfaces } from "node:os";
import { addressTowards } from "../uwq-url.ts";
import { imageState } from "../../image/facts.ts";
import type { ImageState } from "../../image/state.ts";
import { type MachineClocks, machineClocks } from "../../platform/clock.ts";

/** An address of the machine that is not loopback. */
export interface Address {
  readonly interface: string;
  readonly address: string;
}

/** The service, as systemd sees it. */
export interface ServiceState {
  /** systemd's ActiveState: `active`, `failed`, ... */
  readonly state: string;
  /** The exit code of its last run; 0 also while it runs. */
  readonly exitCode: number;
  /** The only addresses that it may communicate with; undefined: all. */
  readonly allowed?: readonly string[];
}

/** The machine. */
export interface Machine {
  readonly clocks: MachineClocks;
  /** Whether NTP synchronises the clock; undefined if that is not known. */
  synchronised(): Promise<boolean | undefined>;
  addresses(): readonly Address[];
  hasDefaultRoute(): boolean;
  /** See `Network.addressTowards`. */
  addressTowards(peer: string): Promise<string | undefined>;
  /** The image that runs; undefined on other machines. */
  image(): ImageState | undefined;
  /** What systemd knows about the service; undefined without systemd, or if the service is not installed. */
  service(): Promise<ServiceState | undefined>;
}

/** This machine. */
export const thisMachine: Machine = {
  clocks: machineClocks(),
  synchronised,
  addresses: () =>
    Object.entries(networkInterfaces()).flatMap(([name, list]) =>
      (list ?? []).filter(({ internal }) => !internal).map(({ address }) => ({ interface: name, address }))
    ),
  hasDefaultRoute: () =>
    // proc_net_route: the second column is the destination, 0 for the default route; likewise 32 zeros for IPv6.
    linesOf("/proc/net/route").some((line) => line.split(/\s+/)[1] === "00000000") ||
    linesOf("/proc/net/ipv6_route").some((line) => /^0{32} 00 /.test(line) && !/\blo$/.test(line)),
  addressTowards,
  image: () => imageState(),
  service,
};

function linesOf(file: string): string[] {
  try {
    return readFileSync(file, "utf8").split("\n");
  } catch {
    return [];
  }
}

/** timesyncd leaves a mark; the kernel knows about chrony and ntpd, and timedatectl shows it. */
async function synchronised(): Promise<boolean | undefined> {
  if (existsSync("/run/systemd/timesync/synchronized")) return true;
  const printed = await output("timedatectl", "show", "--property=NTPSynchronized", "--value");
  return printed === "yes" ? true : printed === "no" ? false : undefined;
}

async function service(): Promise<ServiceState | undefined> {
  const properties = "LoadState,ActiveState,ExecMainStatus,IPAddressDeny,IPAddressAllow";
  const printed = await output("systemctl", "show", "telesetd.service", `--property=${properties}`);
  const field = (name: string) => new RegExp(`^${name}=(.*)$`, "m").exec(printed ?? "")?.[1];
  if (field("LoadState") !== "loaded") return undefined;
  return {
    state: field("ActiveState") ?? "unknown",
    exitCode: Number(field("ExecMainStatus") ?? 0),
    ...(field("IPAddressDeny") ? { allowed: (field("IPAddressAllow") ?? "").split(" ").filter((range) => range !== "") } : {}),
  };
}

/** The output of a program within 2 s; undefined if it is missing or fails. */
async function output(...command: string[]): Promise<string | undefined> {
  try {
    const child = Bun.spawn(command, { stdin: "ignore", stdout: "pipe", stderr: "ignore", timeout: 2000 });
    const text = await new Response(child.stdout).text();
    return await child.exited === 0 ? text.trim() : undefined;
  } catch {
    return undefined;
  }
}
