/**
 * What lives on the switch, asked after every connect and once more a little later: `show channels` is an SQL view that
 * lags by up to seconds, so that the legs it names, and those we knew, are each looked at with `uuid_dump`, live truth.
 */
import type { KnownLegs, LegFacts } from "../../src/core/line.ts";
import type { Log } from "../../src/log.ts";
import { type Frame, type Link, readFrame, type Reply } from "./link.ts";
import type { Translator } from "./translate.ts";

/** The live legs of our desks, and for each the sequence number of the event stream that it was true at. */
export interface Snapshot {
  readonly legs: readonly LegFacts[];
  readonly sequence: ReadonlyMap<string, number>;
}

/**
 * Looks at all legs of these desks. Rejects with LinkClosed when the link is lost meanwhile, with an Error for people when
 * the switch does not let us look: a live leg must not be taken for one that is gone.
 */
export async function lookAtLegs(link: Link, translator: Translator, known: KnownLegs, log: Log): Promise<Snapshot> {
  const shown = await link.command("api show channels as json");
  const rows = readRows(shown.text);
  if (!rows) {
    log.rarely("no channels").warning("Cannot read the switch's list of channels: asking only for the legs already known", {
      begins: shown.text.slice(0, 80),
    });
  }
  const ids = new Set([
    ...(rows ?? []).filter((row) => translator.deskOf({ "Channel-Presence-ID": row.presence, "Channel-Name": row.name })).map((
      { uuid },
    ) => uuid),
    ...known().map(({ leg }) => leg),
  ]);
  const legs: LegFacts[] = [];
  const sequence = new Map<string, number>();
  for (const id of ids) {
    if (!isLegId(id)) continue;
    const frame = await dump(link, id);
    const desk = frame && translator.deskOf(frame);
    const facts = frame && desk !== undefined ? translator.facts(frame, desk, "CHANNEL_DATA") : undefined;
    if (!frame || !facts || facts.ended) continue;
    legs.push(
      facts.farLeg !== undefined && !facts.farAnswered && facts.answered ? await withFarAnswer(link, facts, facts.farLeg) : facts,
    );
    sequence.set(facts.leg, Number(frame["Event-Sequence"] ?? 0));
  }
  return { legs, sequence };
}

/** Whether the far end has answered stands on its own leg: our leg's copy is as old as the bridge. */
async function withFarAnswer(link: Link, facts: LegFacts, farLeg: string): Promise<LegFacts> {
  return await hasAnswered(link, farLeg) ? { ...facts, farAnswered: true } : facts;
}

/** Whether a leg is answered now. */
export async function hasAnswered(link: Link, leg: string): Promise<boolean> {
  return isLegId(leg) && (await dump(link, leg))?.["Answer-State"] === "answered";
}

/** What a leg is now; nothing when there is no such leg. */
async function dump(link: Link, id: string): Promise<Frame | undefined> {
  const command = `api uuid_dump ${id} json`;
  const reply = await link.command(command);
  if (!reply.ok && !/no such channel/i.test(reply.text)) throw new Error(refused(command, reply));
  return reply.ok ? readFrame(reply.text) : undefined;
}

/** What to say of a command that the switch does not carry out. */
export function refused(command: string, { text }: Reply): string {
  return `FreeSWITCH refuses the command "${command.slice(0, 60)}" (${text.trim()}): check the rights of line.user`;
}

/** Ids come from the switch and go back into commands. */
export function isLegId(id: string): boolean {
  return /^[0-9A-Za-z-]{1,60}$/.test(id);
}

/** The rows of `show channels as json`, those fields that matter; nothing when it is not to be read. */
function readRows(text: string): { uuid: string; presence: string; name: string }[] | undefined {
  let shown: unknown;
  try {
    shown = JSON.parse(text);
  } catch {
    return undefined;
  }
  const rows = (shown as { rows?: unknown } | null)?.rows ?? [];
  if (!Array.isArray(rows)) return undefined;
  return rows.map((row: Record<string, unknown> | null) => ({
    uuid: plain(row?.["uuid"]),
    presence: plain(row?.["presence_id"]),
    name: plain(row?.["name"]),
  }));
}

function plain(value: unknown): string {
  return typeof value === "string" ? value : "";
}
