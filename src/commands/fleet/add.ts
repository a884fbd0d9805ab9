/** `telesetd fleet add`: credentials for boxes and relays, and the configuration of a box for its image. */
import { readFileSync } from "node:fs";
import { count } from "../../core/count.ts";
import { userClaims } from "../../fleet/claims.ts";
import { credentialsFile, issue } from "../../fleet/jwt.ts";
import { mergePatch } from "../../fleet/merge-patch.ts";
import { newKey } from "../../broker/nkey.ts";
import { usualPrefix } from "../../broker/subjects.ts";
import type { Io } from "../io.ts";
import { FleetError, FleetFolder, type IssuedUser, onFleet } from "./folder.ts";
import { sendAccount } from "./server.ts";

/** The options of `fleet add`. */
export interface AddOptions {
  readonly folder: string;
  readonly csv?: string;
  readonly group?: string;
  /** Whether a box that exists gets a new credential; the old one is revoked. */
  readonly replace?: boolean;
  readonly relay?: boolean;
  /** Whether to write telesetd.json too; a text: a file with the settings that all boxes share. */
  readonly imageConfig?: boolean | string;
}

/** A user to issue. */
type NewUser = Pick<IssuedUser, "name" | "role" | "desks" | "group">;

/**
 * Issues credentials. `name`: a desk (`1001`), the desks of one box (`1001+1002`), or with `relay` a relay's name (`c`).
 * Exit codes: 0 done; 1 issued, but the servers do not know yet that the old credentials are revoked; 2 nothing was done.
 */
export function addToFleet(
  name: string | undefined,
  options: AddOptions,
  io: Io,
  now: () => number = Date.now,
): Promise<number> {
  return onFleet(options, io, async (folder) => {
    const users = wanted(name, options);
    const shared = typeof options.imageConfig === "string" ? sharedSettings(options.imageConfig) : {};
    const old = existing(folder, users, options.replace === true);
    if (old.length > 0) revoke(folder, old, now());
    await issueUsers(folder, users, now());
    if (options.imageConfig !== undefined) {
      const authority = readFileSync(folder.file("server/ca.pem"), "utf8");
      for (const user of users) writeImageConfig(folder, user, shared, authority);
    }
    io.out(
      users.length === 1
        ? oneText(folder, users[0]?.name ?? "", options)
        : `Issued ${count(users.length, "credential")} in ${folder.file("credentials")}.\n`,
    );
    return old.length > 0 ? await sendAccount(folder, io, now) : 0;
  });
}

/** Issues users: recorded first, so that no credential exists that cannot be revoked. `now`: the wall clock in ms. */
export async function issueUsers(folder: FleetFolder, users: readonly NewUser[], now: number): Promise<void> {
  const { keys } = await folder.secrets();
  const made = users.map((user) => ({ user, key: newKey("user") }));
  const issued = new Date(now).toISOString();
  folder.record([...folder.users, ...made.map(({ user, key }) => ({ ...user, key: key.public, issued }))]);
  for (const { user: { name, role, desks }, key } of made) {
    const jwt = issue(userClaims(key.public, { name, desks }, folder.facts.keys), keys[role], now);
    folder.writeUnsynced(credentialsOf(name), credentialsFile(jwt, key.seed));
    if (role === "relay") writeRelayConfig(folder, name);
  }
}

/** Writes relay.json of a relay, complete but for the switch, which only the administrator knows. */
function writeRelayConfig(folder: FleetFolder, user: string): void {
  const { prefix, keys } = folder.facts;
  const relay = {
    name: user.replace(/^relay-/, ""),
    rank: folder.users.filter(({ role }) => role === "relay").findIndex(({ name }) => name === user) + 1,
    servers: folder.urls,
    ca: readFileSync(folder.file("server/ca.pem"), "utf8"),
    credentials: readFileSync(folder.file(credentialsOf(user)), "utf8"),
    ...(prefix === usualPrefix ? {} : { prefix }),
    desks: { file: "/etc/telesetd/desks.json" },
    configKey: keys.config,
  };
  const line = {
    driver: "freeswitch",
    host: "127.0.0.1",
    user: "telesetd@pbx.example.com",
    password: "change-me",
    domain: "pbx.example.com",
  };
  folder.write(`relays/${user}.json`, `${JSON.stringify({ relay, line }, null, 2)}\n`);
}

/** Marks users as revoked. `now`: the wall clock in ms. */
export function revoke(folder: FleetFolder, users: readonly IssuedUser[], now: number): void {
  const at = new Date(now).toISOString();
  folder.record(folder.users.map((user) => users.includes(user) ? { ...user, revoked: at } : user));
}

function credentialsOf(name: string): string {
  return `credentials/${name}.creds`;
}

/** The users that the command line and the list name. */
function wanted(name: string | undefined, { csv, group, relay = false }: AddOptions): NewUser[] {
  if ((name === undefined) === (csv === undefined)) {
    throw new FleetError("Name a desk, for example 1001, or a list with --csv FILE.");
  }
  if (relay) {
    if (name === undefined || !/^[a-z][a-z0-9-]{0,15}$/.test(name)) {
      throw new FleetError(`The relay's name is ${name ?? "missing"}: expected a short word, for example c.`);
    }
    return [{ name: `relay-${name}`, role: "relay", desks: [] }];
  }
  const users = csv === undefined ? [userOf(name ?? "", group, "")] : listed(csv, group);
  const seen = new Set<string>();
  for (const desk of users.flatMap(({ desks }) => desks)) {
    if (seen.has(desk)) throw new FleetError(`Desk ${desk} is listed twice.`);
    seen.add(desk);
  }
  return users;
}

/** The lines `1001,sales` or `1001+1002,sales` of a file; a first line without digits is a heading. */
function listed(file: string, group: string | undefined): NewUser[] {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    throw new FleetError(`Cannot read ${file}: ${(error as NodeJS.ErrnoException).code}.`);
  }
  const users = text.replace(/^\uFEFF/, "").split(/\r?\n/).flatMap((line, index) => {
    const [desks = "", own = ""] = line.split(/[,;\t]/).map((cell) => cell.trim().replace(/^"(.*)"$/, "$1"));
    if (line.trim() === "" || (index === 0 && !/\d/.test(desks))) return [];
    return [userOf(desks, own === "" ? group : own, `${file}, line ${index + 1}: `)];
  });
  if (users.length === 0) throw new FleetError(`${file} has no desks: expected a line such as 1001,sales for each box.`);
  return users;
}

/** @param place where it is written, for errors. */
function userOf(text: string, group: string | undefined, place: string): NewUser {
  const desks = text.split("+");
  const [name = ""] = desks;
  if (!desks.every((desk) => /^\d{1,20}$/.test(desk)) || desks.length > 16) {
    throw new FleetError(
      `${place}${JSON.stringify(text)} is not a desk: expected digits (1001), or the desks of one box (1001+1002).`,
    );
  }
  if (group !== undefined && !groupPattern.test(group)) {
    throw new FleetError(`${place}the group ${JSON.stringify(group)} is invalid: expected a word of letters, digits, - or _.`);
  }
  return { name, role: "desk", desks, ...(group === undefined ? {} : { group }) };
}

/** The valid names of groups, which are also names of files. */
const groupPattern = /^[A-Za-z][\w-]{0,30}$/;

/** The valid users with the same name or one of the same desks. @throws FleetError if they are not to be replaced. */
function existing(folder: FleetFolder, users: readonly NewUser[], replace: boolean): IssuedUser[] {
  const names = new Set(users.flatMap(({ name, desks }) => [name, ...desks]));
  const found = folder.valid.filter(({ name, desks }) => names.has(name) || desks.some((desk) => names.has(desk)));
  const [first, ...others] = found;
  if (first && !replace) {
    const more = others.length > 0 ? ` and ${count(others.length, "other")}` : "";
    throw new FleetError(`${first.name}${more} exists already: --replace issues a new credential and revokes the old one.`);
  }
  return found;
}

function sharedSettings(file: string): Record<string, unknown> {
  try {
    const settings: unknown = JSON.parse(readFileSync(file, "utf8"));
    if (typeof settings === "object" && settings !== null && !Array.isArray(settings)) return settings as Record<string, unknown>;
    throw new Error("it is not an object");
  } catch (error) {
    throw new FleetError(`Cannot read the settings in ${file}: ${(error as Error).message}.`);
  }
}

/** Writes telesetd.json of a box, complete with its secrets: a box needs no other file. */
function writeImageConfig(folder: FleetFolder, { name, desks, role }: NewUser, shared: unknown, authority: string): void {
  if (role !== "desk") return;
  const { facts: { prefix, keys } } = folder;
  const own = {
    desks: desks.map((extension) => ({ extension })),
    line: {
      driver: "relay",
      servers: folder.urls,
      ca: authority,
      credentials: readFileSync(folder.file(credentialsOf(name)), "utf8"),
      ...(prefix === usualPrefix ? {} : { prefix }),
    },
    fleet: { configKey: keys.config },
  };
  folder.writeUnsynced(`boxes/${name}.json`, `${JSON.stringify(mergePatch(shared, own), null, 2)}\n`);
}

function oneText(folder: FleetFolder, name: string, { imageConfig, relay }: AddOptions): string {
  const credential = `Issued ${folder.file(credentialsOf(name))}.\n`;
  if (imageConfig === undefined || relay === true) return credential;
  return `${credential}Wrote ${
    folder.file("boxes", `${name}.json`)
  }: copy it to the boot partition as telesetd.json, then delete it here.\n`;
}
