/** `telesetd fleet push`: settings for a group or a box are signed for each box and sent to the relays, which hand them out. */
import { existsSync, readFileSync } from "node:fs";
import { drivers, lineSchemas } from "../../../drivers/registry.ts";
import { ConfigError, parseConfig } from "../../config/schema.ts";
import { count, thousands } from "../../core/count.ts";
import { adminSubject, maxBatch, type PushAnswer } from "../../fleet/admin.ts";
import { mergePatch } from "../../fleet/merge-patch.ts";
import type { FleetRow } from "../../fleet/roster.ts";
import { maxSettings, signConfig, type SignedConfig, unpushable } from "../../fleet/signed.ts";
import { oneLine } from "../../platform/text.ts";
import type { Io } from "../io.ts";
import { problemsText } from "../io.ts";
import { FleetError, type FleetFolder, type IssuedUser, NoAnswer, onFleet } from "./folder.ts";
import { type Ask, withBroker } from "./server.ts";
import { askStatus } from "./status.ts";

/** The options of `fleet push`. */
export interface PushOptions {
  readonly folder: string;
  readonly group?: string;
  readonly desk?: string;
  readonly all?: boolean;
  /** How long to wait for the boxes, in seconds. */
  readonly wait: string;
}

/** How often the boxes are asked for, in ms. */
const pollMs = 1000;

/**
 * Pushes settings. Without a file, those pushed before are sent again, to all boxes or to those that are named. Exit codes: 0 the
 * relays have them, and no box has refused them; 1 no relay answers, or a box has refused them; 2 they have errors.
 */
export function pushToFleet(
  file: string | undefined,
  options: PushOptions,
  io: Io,
  now: () => number = Date.now,
): Promise<number> {
  return onFleet(options, io, async (folder) => {
    const wait = secondsIn(options.wait);
    const users = targets(folder, options, file !== undefined);
    if (file !== undefined) keep(folder, file, options);
    const version = Math.max(now(), lastVersion(folder) + 1);
    const { keys } = await folder.secrets();
    const configs = users.map((user) =>
      signConfig({ desk: user.name, version, settings: settingsFor(folder, user) }, keys.config)
    );
    folder.write("config/version", `${version}\n`);
    return await withBroker(folder, "admin", async (ask) => {
      const refused = await send(folder, ask, configs, io);
      if (refused) return 1;
      return wait > 0 ? await report(folder, ask, new Set(users.map(({ name }) => name)), { version, wait, io }) : 0;
    }, now);
  });
}

function secondsIn(text: string): number {
  const seconds = Number(text);
  if (!(seconds >= 0 && seconds <= 3600)) throw new FleetError(`--wait is ${text}: expected a number of seconds, at most 3600.`);
  return seconds;
}

/** The boxes that are named. */
function targets(folder: FleetFolder, { group, desk, all = false }: PushOptions, isNew: boolean): IssuedUser[] {
  if (
    [group !== undefined, desk !== undefined, all].filter(Boolean).length !== 1 &&
    (isNew || group !== undefined || desk !== undefined)
  ) {
    throw new FleetError("Name the boxes with one of --group NAME, --desk EXTENSION and --all.");
  }
  const boxes = folder.valid.filter(({ role }) => role === "desk");
  const named = boxes.filter((user) =>
    desk !== undefined ? user.desks.includes(desk) : group === undefined || user.group === group
  );
  if (named.length > 0) return named;
  const what = desk !== undefined ? `desk ${desk}` : group !== undefined ? `box in the group ${group}` : "box";
  throw new FleetError(`There is no ${what} in this fleet: telesetd fleet list shows all.`);
}

/** Checks the settings, and keeps them in the folder: it is the only place that has the settings of all boxes. */
function keep(folder: FleetFolder, file: string, { group, desk }: PushOptions): void {
  let text: string;
  try {
    text = readFileSync(file, "utf8").replace(/^\uFEFF/, "");
  } catch (error) {
    throw new FleetError(`Cannot read ${file}: ${(error as NodeJS.ErrnoException).code}.`);
  }
  const wrong = unpushable(text) ?? problemsOf(text);
  if (wrong !== undefined) throw new FleetError(`${file}: ${wrong}\nNothing was sent.`);
  const box = desk === undefined ? undefined : folder.valid.find(({ desks }) => desks.includes(desk))?.name;
  const place = box !== undefined ? `desks/${box}` : group !== undefined ? `groups/${group}` : "all";
  folder.write(`config/${place}.json`, text);
}

/** The errors of settings over a configuration without any; a box may find others. */
function problemsOf(text: string): string | undefined {
  const whole = mergePatch({ desks: [{ extension: "1001" }], line: drivers[0].reference }, JSON.parse(text));
  try {
    parseConfig(JSON.stringify(whole), lineSchemas, {});
    return undefined;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    // Credentials are on the boxes.
    const problems = error.problems.filter((problem) => !/ (asks for the credential|names .*: cannot read it)/.test(problem));
    return problems.length === 0 ? undefined : problemsText("the settings", problems).trim();
  }
}

/** What a box gets: the settings for all, over these those of its group, over these its own. */
function settingsFor(folder: FleetFolder, { name, group }: IssuedUser): string {
  const places = ["all", ...(group === undefined ? [] : [`groups/${group}`]), `desks/${name}`];
  const files = places.map((place) => folder.file(`config/${place}.json`)).filter((file) => existsSync(file));
  const settings = JSON.stringify(files.reduce<unknown>((sum, file) => layered(sum, JSON.parse(readFileSync(file, "utf8"))), {}));
  if (settings.length > maxSettings) {
    throw new FleetError(`The settings for box ${name} are longer than ${maxSettings} characters.`);
  }
  return settings;
}

/** One patch over another: unlike a patch over a value it keeps null, which is for the box's own file. */
function layered(below: unknown, above: unknown): unknown {
  const isObject = (value: unknown): value is Record<string, unknown> =>
    typeof value === "object" && value !== null && !Array.isArray(value);
  if (!isObject(below) || !isObject(above)) return above;
  const merged = new Map(Object.entries(below));
  for (const [key, part] of Object.entries(above)) merged.set(key, merged.has(key) ? layered(merged.get(key), part) : part);
  return Object.fromEntries(merged);
}

function lastVersion(folder: FleetFolder): number {
  const file = folder.file("config/version");
  return existsSync(file) ? Number(readFileSync(file, "utf8")) : 0;
}

/** Sends the configurations to all relays. @returns whether a relay has refused one. @throws NoAnswer */
async function send(folder: FleetFolder, ask: Ask, configs: readonly SignedConfig[], io: Io): Promise<boolean> {
  const kept = new Map<string, number>();
  const refused = new Set<string>();
  for (const batch of batches(configs)) {
    const subject = adminSubject(folder.facts.prefix, "config");
    const answers = (await ask(subject, `{"v":1,"configs":[${batch.join(",")}]}`)).map((text) => JSON.parse(text) as PushAnswer);
    if (answers.length === 0) throw new NoAnswer("No relay answers: is telesetd-relay running, and connected to the broker?");
    for (const answer of answers) {
      kept.set(answer.relay, (kept.get(answer.relay) ?? 0) + answer.kept);
      for (const why of answer.refused) refused.add(`relay ${answer.relay}: ${why}`);
    }
  }
  for (const [relay, boxes] of kept) io.out(`Relay ${oneLine(relay)} has the settings of ${count(boxes, "desk")}.\n`);
  for (const why of refused) io.err(`Refused by ${oneLine(why)}.\n`);
  return refused.size > 0;
}

/** The texts of configurations, in groups that fit into a message. */
function* batches(configs: readonly SignedConfig[]): Generator<string[]> {
  let batch: string[] = [];
  let size = 0;
  for (const text of configs.map((config) => JSON.stringify(config))) {
    if (batch.length > 0 && size + text.length > maxBatch) {
      yield batch;
      [batch, size] = [[], 0];
    }
    batch.push(text);
    size += text.length;
  }
  if (batch.length > 0) yield batch;
}

/** Waits for the boxes, and says which have the settings in force. @returns the exit code. */
async function report(
  folder: FleetFolder,
  ask: Ask,
  names: ReadonlySet<string>,
  { version, wait, io }: { readonly version: number; readonly wait: number; readonly io: Io },
): Promise<number> {
  const end = performance.now() + wait * 1000;
  for (;;) {
    const { rows } = await askStatus(folder, ask, {});
    const boxes = rows.filter(({ desk }) => names.has(desk));
    const inForce = boxes.filter(({ pushed }) => pushed === version);
    const refused = boxes.filter((row) => row.refused?.version === version);
    const open = names.size - inForce.length - refused.length;
    const reachable = boxes.filter((row) => row.state !== "silent" && !inForce.includes(row) && !refused.includes(row));
    if (reachable.length > 0 && performance.now() < end) {
      await Bun.sleep(pollMs);
      continue;
    }
    io.out(`In force at ${thousands(inForce.length)} of ${count(names.size, "box")}.\n`);
    if (open > 0) io.out(`${open === 1 ? "One box gets" : `${open} boxes get`} them with the next report.\n`);
    for (const row of refused) io.err(refusalText(row));
    return refused.length > 0 ? 1 : 0;
  }
}

function refusalText({ desk, refused }: FleetRow): string {
  return `${oneLine(`The box of desk ${desk} has refused them: ${refused?.why}`)}\n`;
}
