/** The parts of the bundle: what each contains, and where it comes from. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { lineSchemas } from "../../../drivers/registry.ts";
import { type Hidden, withoutSecrets } from "../../config/hidden.ts";
import { ConfigError } from "../../config/schema.ts";
import { omitUndefined } from "../../core/omit-undefined.ts";
import type { ShownEvent } from "../../outbox/admin.ts";
import { imageState, recordFolder, records, textOf } from "../../image/facts.ts";
import { messageOf } from "../../platform/text.ts";
import { version } from "../../version.ts";
import { ask, type Place, socketFor } from "../ask.ts";
import { doctor } from "../doctor/mod.ts";
import { type Io, isUnreadable, problemsText, readConfig, withCredentials } from "../io.ts";
import { type Content, journalText, machineText } from "./machine.ts";

/** How a part is masked: see `Mask`. */
export type Kind = "text" | "log" | "counters" | "plain";

/** A part of the bundle: one file. */
export interface Part {
  readonly file: string;
  readonly about: string;
  readonly kind: Kind;
  readonly content: Content;
}

/** The configuration file, and what it says that must be hidden. */
export interface Collected {
  readonly parts: readonly Part[];
  readonly secrets: readonly string[];
}

/** How many of the newest calls, dials and events are included. */
const newest = 100;

/** How long the daemon may take for a list, in ms. */
const maxSilenceMs = 10_000;

/** Collects everything, with secrets, numbers and names. The running daemon is asked, if there is one. */
export async function collect(place: Place, io: Io): Promise<Collected> {
  const socket = socketFor(place);
  const fromDaemon = async (path: string): Promise<Content> => {
    const answer = await ask<unknown>(socket, "GET", path, maxSilenceMs);
    return "value" in answer ? { json: answer.value } : { missing: answer.message };
  };
  const [found, status, inForce, calls, dials, events, metrics, doctorText, machine, log] = await Promise.all([
    configOf(place.config, io),
    fromDaemon("/status"),
    fromDaemon("/config"),
    fromDaemon(`/calls?limit=${newest}`),
    fromDaemon(`/dials?limit=${newest}`),
    eventsOf(socket),
    fromDaemon("/metrics"),
    doctorFindings(place, io),
    machineText(),
    journalText(),
  ]);
  const prefix = "json" in inForce ? (inForce.json as { readonly prefix?: string }).prefix : undefined;
  const parts: Part[] = [
    { file: "version.txt", about: "the version of telesetd", kind: "plain", content: { text: versionText() } },
    { file: "machine.txt", about: "kernel, release, memory, disk, service", kind: "plain", content: { text: machine } },
    { file: "config.json", about: "the configuration, secrets hidden", kind: "text", content: found.content },
    { file: "config-errors.txt", about: "its errors", kind: "text", content: { text: found.errors } },
    {
      file: "in-force.json",
      about: "the configuration that the daemon runs on: file, time, fingerprint",
      kind: "text",
      content: inForce,
    },
    { file: "doctor.txt", about: "the findings of telesetd doctor", kind: "text", content: doctorText },
    { file: "status.json", about: "the state of the daemon", kind: "text", content: status },
    { file: "calls.json", about: `the last ${newest} calls, with their reasons`, kind: "text", content: calls },
    { file: "dials.json", about: `the last ${newest} dials`, kind: "text", content: dials },
    { file: "events.json", about: `the last ${newest} events`, kind: "text", content: events },
    { file: "metrics.txt", about: "the counters", kind: "counters", content: asText(metrics) },
    ...imageParts(),
    { file: "log.txt", about: "the log of the last hour", kind: "log", content: log },
  ];
  return { parts, secrets: [...found.secrets, ...(prefix === undefined ? [] : [prefix])] };
}

/** On the image: its state, and the journal of a boot that failed. */
function imageParts(): readonly Part[] {
  const state = imageState();
  if (!state) return [];
  const journal = textOf(join(recordFolder, records.failedJournal));
  const missing = "No boot has ended in emergency mode.";
  return [
    {
      file: "image.json",
      about: "the version of the image, a rejected one, the last update",
      kind: "text",
      content: { json: state },
    },
    {
      file: "failed-boot.txt",
      about: "the journal of a boot that failed",
      kind: "log",
      content: journal === undefined ? { missing } : { text: journal },
    },
  ];
}

function versionText(): string {
  return `telesetd ${version}\nBun ${Bun.version} (${Bun.revision})\n${process.platform} ${process.arch}\n`;
}

function asText(content: Content): Content {
  return "json" in content && typeof content.json === "string" ? { text: content.json } : content;
}

/** The configuration without secrets, and its errors as `telesetd check` prints them. */
function configOf(file: string, io: Io): Hidden & { readonly content: Content; readonly errors: string } {
  const nothing = { config: undefined, secrets: [], errors: "" };
  if (!existsSync(file)) return { ...nothing, content: { missing: `There is no file ${file}.` } };
  if (isUnreadable(file)) return { ...nothing, content: { missing: `This user may not read ${file}: run this as root.` } };
  const { environment } = withCredentials(file, io);
  const hidden = withoutSecrets(readFileSync(file, "utf8"), lineSchemas, environment);
  const content = hidden.config === undefined ? { missing: `${file} is not JSON.` } : { json: hidden.config };
  return { ...hidden, content, errors: errorsOf(file, { environment }) };
}

function errorsOf(file: string, io: Pick<Io, "environment">): string {
  try {
    readConfig(file, io);
    return "none\n";
  } catch (error) {
    return error instanceof ConfigError ? problemsText(file, error.placed) : `${messageOf(error)}\n`;
  }
}

/** The newest events with their data. */
async function eventsOf(socket: string): Promise<Content> {
  const answer = await ask<readonly ShownEvent[]>(socket, "GET", `/outbox?all=1&limit=${newest}`, maxSilenceMs);
  if (!("value" in answer)) return { missing: answer.message };
  const events: unknown[] = [];
  for (const event of answer.value) {
    const whole = await ask<{ readonly data: { ani?: string; data?: unknown } }>(
      socket,
      "GET",
      `/outbox/${event.id}`,
      maxSilenceMs,
    );
    const { ani: number, data } = "value" in whole ? whole.value.data : {};
    events.push({ ...event, ...omitUndefined({ number, data }) });
  }
  return { json: events };
}

async function doctorFindings(place: Place, { environment }: Io): Promise<Content> {
  let text = "";
  const add = (more: string): void => void (text += more);
  try {
    await doctor(place, { out: add, err: add, terminal: false, environment });
    return { text };
  } catch (error) {
    return { missing: `The doctor failed: ${messageOf(error)}` };
  }
}
