/** The administrator's folder of a fleet: keys, credentials, and what has been issued to whom. */
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { accountClaims, operatorClaims, type PublicKeys, type Role, systemClaims } from "../../fleet/claims.ts";
import { claimsIn, issue } from "../../fleet/jwt.ts";
import { type FleetSecrets, isSealed, openSecrets, sealSecrets } from "../../fleet/key-file.ts";
import { type ServerAddress, serverConfig } from "../../fleet/server-config.ts";
import { replaceFile } from "../../platform/replace-file.ts";
import { takeLock } from "../../store/lock.ts";
import type { Io } from "../io.ts";
import { type Asker, Terminal } from "../setup/terminal.ts";

/** A command on a fleet cannot be carried out; the message is for the administrator. */
export class FleetError extends Error {}

/** What is not secret about a fleet. */
export interface FleetFacts {
  readonly v: 1;
  /** The first token of all subjects. */
  readonly prefix: string;
  readonly servers: readonly ServerAddress[];
  readonly keys: PublicKeys;
  /** The folders on the servers: of the files, and of the accounts. */
  readonly serverFolder: string;
  readonly serverState: string;
}

/** A user that has been issued. */
export interface IssuedUser {
  /** Its first desk, or the name of a relay: `relay-a`. */
  readonly name: string;
  readonly role: Exclude<Role, "admin">;
  readonly desks: readonly string[];
  readonly group?: string;
  /** Its public key. */
  readonly key: string;
  /** ISO 8601. */
  readonly issued: string;
  /** ISO 8601; absent while it is valid. */
  readonly revoked?: string;
}

/** A fleet's folder. */
export class FleetFolder {
  readonly path: string;
  readonly facts: FleetFacts;
  readonly #io: Io;
  #users: readonly IssuedUser[];
  #secrets: FleetSecrets | undefined;

  private constructor(path: string, facts: FleetFacts, users: readonly IssuedUser[], io: Io, secrets?: FleetSecrets) {
    this.path = path;
    this.facts = facts;
    this.#users = users;
    this.#io = io;
    this.#secrets = secrets;
  }

  /** Opens a folder. @throws FleetError if there is no fleet, or it cannot be read. */
  static open(path: string, io: Io): FleetFolder {
    const read = <T>(name: string): T => JSON.parse(readFileSync(join(path, name), "utf8")) as T;
    try {
      return new FleetFolder(path, read<FleetFacts>("fleet.json"), read<IssuedUser[]>("users.json"), io);
    } catch (error) {
      throw new FleetError(whyUnreadable(path, error as NodeJS.ErrnoException));
    }
  }

  /** Makes a folder for a new fleet. @throws FleetError if there is one already, or it cannot be written. */
  static create(path: string, facts: FleetFacts, secrets: FleetSecrets, io: Io, passphrase?: string): FleetFolder {
    if (existsSync(join(path, "fleet.json"))) {
      throw new FleetError(`${path} has a fleet already. Its boxes depend on its keys: choose another folder with --folder.`);
    }
    const folder = new FleetFolder(path, facts, [], io, secrets);
    writing(path, () => {
      // The service of a relay reads the list of desks in /etc/telesetd.
      mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
      for (const below of [".", "server", "credentials", "boxes", "relays", "config/groups", "config/desks"]) {
        mkdirSync(join(path, below), { recursive: true, mode: 0o700 });
      }
      chmodSync(path, 0o700);
    });
    folder.write("keys.json", sealSecrets(secrets, passphrase));
    folder.write("users.json", "[]\n");
    // The last one, so that a folder with this file is complete.
    folder.write("fleet.json", `${JSON.stringify(facts, null, 2)}\n`);
    return folder;
  }

  /** The users that have been issued, in this order. */
  get users(): readonly IssuedUser[] {
    return this.#users;
  }

  /** The users that are valid. */
  get valid(): readonly IssuedUser[] {
    return this.#users.filter(({ revoked }) => revoked === undefined);
  }

  /** Records all users. @throws FleetError if that fails. */
  record(users: readonly IssuedUser[]): void {
    this.#users = users;
    this.write("users.json", listText(users));
    const desks = this.valid.flatMap(({ desks }) => desks);
    this.write("desks.json", listText(desks.map((extension) => ({ extension }))));
  }

  /** Other facts, such as other servers. */
  with(facts: FleetFacts): FleetFolder {
    this.write("fleet.json", `${JSON.stringify(facts, null, 2)}\n`);
    return new FleetFolder(this.path, facts, this.#users, this.#io, this.#secrets);
  }

  /** The servers as a client names them. */
  get urls(): readonly string[] {
    return this.facts.servers.map(({ host, port }) => `tls://${host.includes(":") ? `[${host}]` : host}:${port}`);
  }

  /** The path of a file in the folder. */
  file(...names: readonly string[]): string {
    return join(this.path, ...names);
  }

  /** Writes a file of the folder, which only its owner may read. @throws FleetError if that fails. */
  write(name: string, text: string): void {
    writing(this.path, () => replaceFile(this.file(name), text));
  }

  /**
   * Writes a file that can be made again, which only its owner may read. It is not synced: thousands would take seconds.
   * @throws FleetError if that fails.
   */
  writeUnsynced(name: string, text: string): void {
    writing(this.path, () => {
      rmSync(this.file(name), { force: true });
      writeFileSync(this.file(name), text, { mode: 0o600, flag: "wx" });
    });
  }

  /** The secrets. Asks for the passphrase if there is one. @throws FleetError if it is wrong or the file cannot be read. */
  async secrets(): Promise<FleetSecrets> {
    if (this.#secrets) return this.#secrets;
    try {
      const text = readFileSync(this.file("keys.json"), "utf8");
      const passphrase = isSealed(text) ? await askPassphrase("Passphrase of the fleet's keys (not shown): ", this.#io) : "";
      return this.#secrets = openSecrets(text, passphrase);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === undefined) throw new FleetError((error as Error).message);
      throw new FleetError(whyUnreadable(this.path, error as NodeJS.ErrnoException));
    }
  }

  /**
   * Issues the account of the fleet with all revocations, and writes it with the configuration for the servers. Returns the JWT of
   * the account. `now`: the wall clock in ms.
   */
  async writeServerConfig(now: number): Promise<string> {
    const { keys: { operator } } = await this.secrets();
    const { keys, prefix, servers, serverFolder: folder, serverState: state } = this.facts;
    const revoked = this.#users.flatMap(({ key, revoked }) => revoked === undefined ? [] : [[key, seconds(revoked)] as const]);
    const account = issue(accountClaims(keys, prefix, Object.fromEntries(revoked)), operator, this.#accountTime(now));
    const text = serverConfig({
      servers,
      folder,
      state,
      operator: issue(operatorClaims(keys), operator, now),
      system: [keys.system, issue(systemClaims(keys), operator, now)],
      account: [keys.account, account],
    });
    this.write("account.jwt", `${account}\n`);
    this.write("server/nats-server.conf", text);
    return account;
  }

  /** A server takes an account that is as old as its own, to the second, for newer: without this a revocation could get lost. */
  #accountTime(now: number): number {
    const file = this.file("account.jwt");
    const last = existsSync(file) ? claimsIn(readFileSync(file, "utf8").trim())?.iat ?? 0 : 0;
    return Math.max(now, (last + 1) * 1000);
  }
}

/** The broker or the relays do not answer. */
export class NoAnswer extends FleetError {}

/** Runs a command on a fleet, one at a time. Exit codes for a FleetError, whose message is printed: 1 for NoAnswer, else 2. */
export async function onFleet(
  { folder: path }: { readonly folder: string },
  io: Io,
  work: (folder: FleetFolder) => Promise<number>,
): Promise<number> {
  try {
    const folder = FleetFolder.open(path, io);
    const release = writing(path, () => takeLock(folder.file("lock")));
    if (!release) throw new FleetError(`${path} is in use by another telesetd fleet: try again when that has ended.`);
    try {
      return await work(folder);
    } finally {
      release();
    }
  } catch (error) {
    if (!(error instanceof FleetError)) throw error;
    io.err(`${error.message}\n`);
    return error instanceof NoAnswer ? 1 : 2;
  }
}

/** A list in JSON, one item a line. */
function listText(items: readonly object[]): string {
  return `[\n${items.map((item) => `  ${JSON.stringify(item)}`).join(",\n")}\n]\n`;
}

/** Reads a passphrase from the terminal, else the first line of standard input: never from the command line. */
export async function askPassphrase(question: string, { err }: Pick<Io, "err">): Promise<string> {
  if (process.stdin.isTTY !== true) return (await Bun.stdin.text()).split(/\r?\n/)[0] ?? "";
  const asker: Asker = new Terminal(process.stdin, err);
  try {
    return await asker.ask(question, { hidden: true });
  } finally {
    asker.close();
  }
}

/** A revocation covers every JWT issued until this second. */
function seconds(at: string): number {
  return Math.ceil(Date.parse(at) / 1000);
}

function whyUnreadable(path: string, { code, message }: NodeJS.ErrnoException): string {
  if (code === "ENOENT") {
    return `There is no fleet in ${path}: create one with telesetd fleet init, or name its folder with --folder.`;
  }
  if (code === "EACCES") return `${path} may not be read: run this as root, with sudo.`;
  return `Cannot read the fleet in ${path}: ${code ?? message}.`;
}

function writing<T>(path: string, write: () => T): T {
  try {
    return write();
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new FleetError(`Cannot write in ${path}: ${code === "EACCES" ? "run this as root, with sudo" : code ?? message}.`);
  }
}
