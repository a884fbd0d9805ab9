/** `telesetd fleet init` and `telesetd fleet servers`: the keys of a fleet, and the configuration of its nats-servers. */
import { readFileSync } from "node:fs";
import { prefixPattern } from "../../broker/subjects.ts";
import { newKeys, publicKeys } from "../../fleet/key-file.ts";
import type { ServerAddress } from "../../fleet/server-config.ts";
import type { Io } from "../io.ts";
import { issueUsers } from "./add.ts";
import { type Certificate, makeCertificate } from "./certificate.ts";
import { askPassphrase, FleetError, type FleetFacts, FleetFolder, onFleet } from "./folder.ts";

/** The options of a certificate that is given. */
interface GivenCertificate {
  readonly certificate?: string;
  readonly key?: string;
  readonly ca?: string;
}

/** The options of `fleet init`. */
export interface InitOptions extends GivenCertificate {
  readonly folder: string;
  /** `HOST[:PORT]`, as boxes reach them. */
  readonly server: readonly string[];
  readonly prefix: string;
  readonly serverFolder: string;
  readonly serverState: string;
  /** Whether the keys are encrypted. */
  readonly passphrase?: boolean;
}

/** Makes a new fleet. Exit codes: 0 done; 2 it cannot be made, nothing was written that counts. */
export async function initFleet(options: InitOptions, io: Io, now: () => number = Date.now): Promise<number> {
  try {
    if (!prefixPattern.test(options.prefix)) {
      throw new FleetError(`--prefix is ${options.prefix}: expected letters, digits, - and _, for example tele.`);
    }
    const servers = options.server.map(addressOf);
    const passphrase = options.passphrase ? await newPassphrase(io) : undefined;
    const given = certificateGiven(options);
    const made = given ? undefined : await makeCertificate(servers.map(({ host }) => host));
    const keys = newKeys();
    const facts: FleetFacts = {
      v: 1,
      prefix: options.prefix,
      servers,
      keys: publicKeys(keys),
      serverFolder: options.serverFolder,
      serverState: options.serverState,
    };
    const secrets = { keys, ...(made ? { authorityKey: made.authorityKey } : {}) };
    const folder = FleetFolder.create(options.folder, facts, secrets, io, passphrase);
    writeCertificate(folder, given ?? made as Certificate);
    await issueUsers(folder, ["a", "b"].map((name) => ({ name: `relay-${name}`, role: "relay", desks: [] })), now());
    await folder.writeServerConfig(now());
    io.out(nextSteps(folder));
    return 0;
  } catch (error) {
    if (!(error instanceof FleetError)) throw error;
    io.err(`${error.message}\n`);
    return 2;
  }
}

/** Writes the files of the servers again: for other addresses, or a new certificate. */
export function renewServers(
  hosts: readonly string[],
  options: GivenCertificate & { readonly folder: string },
  io: Io,
  now: () => number = Date.now,
): Promise<number> {
  return onFleet(options, io, async (opened) => {
    const folder = hosts.length === 0 ? opened : opened.with({ ...opened.facts, servers: hosts.map(addressOf) });
    writeCertificate(folder, certificateGiven(options) ?? await renewed(folder));
    await folder.writeServerConfig(now());
    io.out(`Wrote ${folder.file("server")}. Copy its files to each server, then: systemctl reload nats-server\n`);
    return 0;
  });
}

/** A new certificate by the authority that the boxes know. */
async function renewed(folder: FleetFolder): Promise<ServerFiles> {
  const { authorityKey } = await folder.secrets();
  if (authorityKey === undefined) {
    throw new FleetError(
      "The certificate of this fleet was made elsewhere: give the new one with --certificate, --key and --ca.",
    );
  }
  const authority = readFileSync(folder.file("server/ca.pem"), "utf8");
  return makeCertificate(folder.facts.servers.map(({ host }) => host), { authority, authorityKey });
}

function addressOf(text: string): ServerAddress {
  const [, name, bracketed, port = "4222"] = /^(?:([^\s:/[\]]+)|\[([0-9a-fA-F:.]+)\])(?::(\d{1,5}))?$/.exec(text) ?? [];
  const host = name ?? bracketed;
  if (host === undefined || Number(port) < 1 || Number(port) > 65_535) {
    throw new FleetError(`The server ${text} is invalid: expected a host name or an address, for example nats1.example.com.`);
  }
  return { host, port: Number(port) };
}

async function newPassphrase(io: Io): Promise<string> {
  const passphrase = await askPassphrase("New passphrase of the fleet's keys (not shown): ", io);
  if (passphrase.length < 12) throw new FleetError("The passphrase is too short: expected at least 12 characters.");
  return passphrase;
}

/** The files of a certificate for the servers. */
type ServerFiles = Pick<Certificate, "authority" | "certificate" | "key">;

function writeCertificate(folder: FleetFolder, { authority, certificate, key }: ServerFiles): void {
  folder.write("server/ca.pem", authority);
  folder.write("server/server.pem", certificate);
  folder.write("server/server.key", key);
}

/** The certificate that is given, if any. */
function certificateGiven({ certificate, key, ca }: GivenCertificate): ServerFiles | undefined {
  if (certificate === undefined && key === undefined && ca === undefined) return undefined;
  if (certificate === undefined || key === undefined || ca === undefined) {
    throw new FleetError("A certificate needs all of --certificate, --key and --ca, each a file in PEM.");
  }
  return { authority: pem(ca, "CERTIFICATE"), certificate: pem(certificate, "CERTIFICATE"), key: pem(key, "PRIVATE KEY") };
}

function pem(file: string, label: string): string {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    throw new FleetError(`Cannot read ${file}: ${(error as NodeJS.ErrnoException).code}.`);
  }
  if (!new RegExp(`^-----BEGIN [A-Z ]*${label}-----$`, "m").test(text)) {
    throw new FleetError(`${file} has no ${label.toLowerCase()} in PEM.`);
  }
  return text;
}

function nextSteps({ path, facts: { serverFolder, serverState, servers } }: FleetFolder): string {
  const place = servers.length > 1 ? "On each server" : "On the server";
  return `The keys of the fleet are in ${path}: they control all boxes. Keep a copy offline.
${place}, with the files in ${path}/server:
  install -d -o nats -g nats -m 700 ${serverFolder} ${serverState}
  install -o nats -g nats -m 600 ${path}/server/* ${serverFolder}/
  ln -sf ${serverFolder}/nats-server.conf /etc/nats-server.conf && systemctl restart nats-server
Then, for each desk: telesetd fleet add 1001
On the machine of a relay: ${path}/relays/relay-a.json as /etc/telesetd/relay.json, with the access to the switch filled in,
and ${path}/desks.json as /etc/telesetd/desks.json. See /usr/share/doc/telesetd/docs/fleet.md
`;
}
