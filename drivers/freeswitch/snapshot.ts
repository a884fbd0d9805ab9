/**
 * The live legs on the switch, queried after every connect and once more a little later: `show channels` is an SQL view that
 * lags by up to seconds, so the legs that it lists, and those known before, are each queried with `uuid_dump`, which is up to
 * date.
 */
import type { KnownLegs, LegFacts } from "../../src/core/line.ts";
import type { Log } from "../../src/log/log.ts";
import { parseHeaders } from "./wire/framing.ts";
import { type Frame, readHeaders, readJson, text } from "./wire/event.ts";
import type { Link, Reply } from "./wire/link.ts";
import { isCallerWithheld } from "./privacy.ts";
import type { Translator } from "./translate.ts";

/** The live legs of our desks, each with the sequence number of the event stream at which it was current. */
export interface Snapshot {
  readonly legs: readonly LegFacts[];
  readonly sequence: ReadonlyMap<string, number>;
}

/**
 * Queries all legs of these desks. Rejects with LinkClosed if the link is lost meanwhile, with an Error for people if
 * the switch does not allow the query: a live leg must not be mistaken for one that has ended.
 */
export async function takeSnapshot(link: Link, translator: Translator, known: KnownLegs, log: Log): Promise<Snapshot> {
  const shown = await link.command("api show channels as json");
  const whole = readRows(shown.text);
  const rows = whole ?? readBrokenRows(shown.text);
  if (!whole) {
    log.rarely("no channels").warning("Cannot read the switch's list of channels: using only the rows that can be read", {
      begins: shown.text.slice(0, 80),
    });
  }
  const ids = new Map(rows.filter((row) => translator.deskOf(row)).map((row) => [text(row, "Unique-ID"), ""]));
  for (const { leg, desk } of known()) ids.set(leg, desk);
  const legs: LegFacts[] = [];
  const sequence = new Map<string, number>();
  for (const [id, knownDesk] of ids) {
    if (!isLegId(id)) continue;
    const frame = await dump(link, id);
    // It is alive; nothing else is known about it.
    if (frame === "unreadable" && knownDesk !== "") legs.push({ desk: knownDesk, leg: id });
    if (frame === undefined || frame === "unreadable") continue;
    const caller = translator.unseenCaller(frame);
    if (caller !== undefined) await readCaller(link, translator, caller);
    const desk = translator.deskOf(frame);
    const facts = desk === undefined ? undefined : translator.facts(frame, desk, "CHANNEL_DATA");
    if (!facts || facts.ended) continue;
    legs.push(facts);
    sequence.set(facts.leg, Number(text(frame, "Event-Sequence")));
  }
  return { legs, sequence };
}

/**
 * The facts of a leg that is believed to be one of this desk; undefined if the switch does not know it as that. A leg whose
 * presence id was changed shows no desk: it counts as this desk's unless it leads outside.
 */
export async function findLeg(
  link: Link,
  translator: Translator,
  { desk, leg }: { readonly desk: string; readonly leg: string },
): Promise<LegFacts | undefined> {
  const frame = isLegId(leg) ? await dump(link, leg) : undefined;
  if (frame === "unreadable") return { desk, leg };
  if (frame === undefined) return undefined;
  const caller = translator.unseenCaller(frame);
  if (caller !== undefined) await readCaller(link, translator, caller);
  const found = translator.deskOf(frame) ?? (translator.leadsOutside(frame) ? undefined : desk);
  const facts = found === desk ? translator.facts(frame, desk, "CHANNEL_DATA") : undefined;
  return facts?.ended ? undefined : facts;
}

/** Whether a leg is answered now. */
export async function hasAnswered(link: Link, leg: string): Promise<boolean> {
  const frame = isLegId(leg) ? await dump(link, leg) : undefined;
  return typeof frame === "object" && text(frame, "Answer-State") === "answered";
}

/**
 * Notes whether a queue's caller is withheld: only the caller's own leg shows that, because mod_callcenter passes on the number
 * alone.
 */
export async function readCaller(link: Link, translator: Translator, leg: string): Promise<void> {
  const frame = isLegId(leg) ? await dump(link, leg) : undefined;
  translator.noteCaller(leg, typeof frame === "object" && isCallerWithheld(frame));
}

/** The present state of a leg; undefined if there is no such leg. Read as plain text if it is not valid JSON. */
async function dump(link: Link, id: string): Promise<Frame | "unreadable" | undefined> {
  const command = `api uuid_dump ${id} json`;
  const reply = await link.command(command);
  if (!reply.ok && !/no such channel/i.test(reply.text)) throw new Error(refused(command, reply));
  if (!reply.ok) return undefined;
  const frame = readHeaders(reply.text);
  if (frame) return frame;
  const plain = await link.command(`api uuid_dump ${id}`);
  const headers = plain.ok ? parseHeaders(plain.text) : {};
  return headers["Unique-ID"] === id
    ? Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]))
    : "unreadable";
}

/** The error for a command that the switch refuses. */
export function refused(command: string, { text }: Reply): string {
  return `FreeSWITCH refuses the command "${command.slice(0, 60)}" (${text.trim()}): check the rights of line.user`;
}

/** Whether an id of the switch may go back into a command. */
export function isLegId(id: string): boolean {
  return /^[0-9A-Za-z-]{1,60}$/.test(id);
}

/** The rows of `show channels as json`, each as an event of its leg; undefined if it cannot be read. */
function readRows(text: string): Frame[] | undefined {
  const shown = readJson(text);
  if (shown === undefined) return undefined;
  const rows = (shown as { rows?: unknown } | null)?.rows ?? [];
  if (!Array.isArray(rows)) return undefined;
  return rows.map((row: Record<string, unknown> | null) => readRow((name) => row?.[name]));
}

/** The same from a list that is not valid JSON: each row begins with its `uuid`, before any text that a caller can choose. */
function readBrokenRows(text: string): Frame[] {
  return text.split(/(?="uuid":)/).slice(1).map((row) => readRow((name) => new RegExp(`"${name}":"([^"]*)"`).exec(row)?.[1]));
}

/** The fields that show whose leg it is. */
function readRow(value: (name: string) => unknown): Frame {
  const plain = (name: string) => {
    const field = value(name);
    return typeof field === "string" ? field : "";
  };
  return {
    "Unique-ID": plain("uuid"),
    "Channel-Presence-ID": plain("presence_id"),
    "Channel-Name": plain("name"),
    "Call-Direction": plain("direction"),
  };
}
