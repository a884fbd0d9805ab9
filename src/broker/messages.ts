/**
 * The messages between relays and boxes, as JSON texts with the version of their schema. Everything that arrives is read field by
 * field (facts.ts); what cannot be read is undefined, and never ends anything.
 */
import type { AgentMode, CommandResult, Failure, Party } from "../core/line.ts";
import { type Fields, isFlag, isId, isParty, isText, read, readFacts, readFailure, type WireFacts } from "./facts.ts";

/** The version of this schema: a reader drops unknown fields, and messages of another version. */
export const schemaVersion = 1;

/** The largest message that is read, in characters. */
export const maxMessage = 1_000_000;

/** The state of the link between a relay and its switch. */
export type SwitchState = { readonly up: true; readonly to: string } | { readonly up: false; readonly why: string };

/** What a relay says every two seconds, and at once when the state of its switch changes. */
export interface Beat {
  /** The relay: its name and its boot, `a#1f0c`. */
  readonly r: string;
  /** Boxes prefer the relay with the lowest rank. */
  readonly rank: number;
  /** The number of its connection to the broker: what it published at the end of the former one may be lost. */
  readonly c: number;
  /** The relay's clock, in ms: steady, from an arbitrary origin. */
  readonly at: number;
  readonly switch: SwitchState;
  /** Since when it sees what happens on the switch, by its clock, in ms: what ended earlier it does not know. */
  readonly since?: number;
  /** The number of desks that it serves: the more, the longer the time over which boxes spread their logins. */
  readonly desks?: number;
}

/** What happens at a desk. */
export type FeedEvent =
  /** The link to the switch is up; the live legs of the desk. */
  | { readonly type: "link-up"; readonly to: string; readonly legs: readonly WireFacts[]; readonly gone?: readonly string[] }
  | { readonly type: "link-down"; readonly why: string }
  /**
   * The live legs of the desk that the relay knows. Those of `gone` have ended; what is in neither list is not known: the list of
   * a switch may lag, and a relay that has just started has only that list.
   */
  | { readonly type: "snapshot"; readonly legs: readonly WireFacts[]; readonly gone?: readonly string[] }
  | { readonly type: "leg"; readonly facts: WireFacts }
  | {
    readonly type: "leg-elsewhere";
    readonly leg: string;
    readonly farLeg?: string;
    readonly caller?: Party;
    readonly to?: string;
  }
  | { readonly type: "leg-renamed"; readonly from: string; readonly to: string }
  | { readonly type: "agent"; readonly mode: AgentMode; readonly why: string }
  | { readonly type: "acd-reset" }
  | { readonly type: "phone"; readonly registered: boolean; readonly contact?: string; readonly why?: string }
  /** The result of the command with this id. */
  | { readonly type: "result"; readonly id: string; readonly result: CommandResult };

/** One event of a desk's feed: `n` counts those of this desk since the relay started; `at` is the relay's clock. */
export interface FeedItem {
  readonly n: number;
  readonly at: number;
  readonly e: FeedEvent;
}

/** A feed item on the wire. */
export interface FeedMessage extends FeedItem {
  readonly r: string;
}

/** A box asks for the state of its desk. */
export interface SyncRequest {
  /** The relay that is asked; absent: each. */
  readonly to?: string;
  /** The relay that the box follows, and its last item that the box has; absent: none. */
  readonly r?: string;
  readonly n?: number;
  /**
   * The ids of the legs that the box believes to be alive. The relay asks the switch for those that it does not know, and reports
   * each: its facts, or its end.
   */
  readonly legs?: readonly string[];
}

/** The maximum number of legs in a question. */
export const maxNamed = 50;

/** The state of a desk. A leg that is neither alive nor among the ended is not known to the relay. */
export interface DeskState {
  readonly link: SwitchState;
  readonly legs: readonly WireFacts[];
  /** Legs that have ended in the last minutes, with all their facts; `began` and `at` by the relay's clock, in ms. */
  readonly ended: readonly { readonly began: number; readonly at: number; readonly facts: WireFacts }[];
  readonly phone?: { readonly registered: boolean; readonly contact?: string; readonly why?: string };
}

/** The answer: what has happened since, or the state. */
export interface SyncAnswer extends Beat {
  /** The number of the last item of this desk. */
  readonly n: number;
  readonly items?: readonly FeedItem[];
  readonly state?: DeskState;
}

/** A relay does not serve the desk, or does not accept the question. */
export interface Refusal {
  readonly r: string;
  /** A sentence. */
  readonly refused: string;
}

interface CommandRequest {
  readonly to: string;
  /** The same id is executed once. */
  readonly id: string;
  /** Until when the box waits for the answer to this request, by the relay's clock: a relay that is later does nothing. */
  readonly by: number;
  /** The box has asked another relay before, which has not answered (`asked`), or has taken the command (`taken`). */
  readonly again?: "asked" | "taken";
  /** How long ago it has asked the first relay, in ms: nobody can have announced the command earlier. */
  readonly age?: number;
}

/** A dial from the desk of the subject. */
export interface DialRequest extends CommandRequest {
  readonly call: string;
  readonly number: string;
  /** What the agent has dialled, if the box has rewritten it. */
  readonly dialled?: string;
}

/** A change of the state of the desk's agent. */
export interface AgentRequest extends CommandRequest {
  readonly agent: string;
  readonly login: boolean;
  readonly mode: AgentMode;
  readonly queue?: string;
}

/** The relay has the command: the result comes with the feed, unless it is here because the command was refused. */
export interface CommandAnswer {
  readonly r: string;
  readonly id: string;
  readonly result?: CommandResult;
}

/** A message as text. */
export function encode(
  message:
    | Beat
    | FeedMessage
    | SyncRequest
    | SyncAnswer
    | Refusal
    | DialRequest
    | AgentRequest
    | CommandAnswer,
): string {
  return JSON.stringify({ v: schemaVersion, ...message });
}

/** The text of a feed item, which is kept: the message around it is made with `feedMessage`. */
export function encodeItem(item: FeedItem): string {
  return JSON.stringify(item);
}

/** The message of an item's text. */
export function feedMessage(relay: string, item: string): string {
  return `{"v":${schemaVersion},"r":${JSON.stringify(relay)},${item.slice(1)}`;
}

/** The answer to a sync with the texts of items. */
export function itemsAnswer(answer: Omit<SyncAnswer, "items" | "state">, items: readonly string[]): string {
  return `${encode(answer as SyncAnswer).slice(0, -1)},"items":[${items.join(",")}]}`;
}

/** Parses a message of this version; undefined if it is not one. */
export function parsed(text: string): Record<string, unknown> | undefined {
  if (text.length > maxMessage) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && (value as { v?: unknown }).v === schemaVersion
      ? value as Record<string, unknown>
      : undefined;
  } catch {
    return undefined;
  }
}

/** A whole number from 0. */
export const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) >= 0;
const isTime = (value: unknown): boolean => typeof value === "number" && Number.isFinite(value);
/** The name of a relay and its boot. */
export const isRelay = (value: unknown): boolean =>
  typeof value === "string" && /^[A-Za-z0-9_-]{1,32}#[A-Za-z0-9]{1,16}$/.test(value);
const isMode = (value: unknown): boolean => value === "logged-out" || value === "not-ready" || value === "ready";
const areIds = (value: unknown): boolean => Array.isArray(value) && value.every(isId);
const anything = (): boolean => true;

/** Reads a beat. */
export function readBeat(text: string): Beat | undefined {
  return beatIn(parsed(text));
}

function beatIn(value: Record<string, unknown> | undefined): Beat | undefined {
  const beat = read<Beat>(value, {
    r: isRelay,
    rank: isCount,
    c: isCount,
    at: isTime,
    switch: anything,
    since: isTime,
    desks: isCount,
  }, [
    "r",
    "rank",
    "c",
    "at",
    "switch",
  ]);
  const state = beat && readSwitch(beat.switch);
  return state && { ...beat, switch: state };
}

function readSwitch(value: unknown): SwitchState | undefined {
  return read<Extract<SwitchState, { up: true }>>(value, { up: (up) => up === true, to: isText(300) }, ["up", "to"]) ??
    read<Extract<SwitchState, { up: false }>>(value, { up: (up) => up === false, why: isText(2000) }, ["up", "why"]);
}

/** Reads a message of a desk's feed. */
export function readFeed(text: string): FeedMessage | undefined {
  const value = parsed(text);
  const item = readItem(value);
  return item && isRelay(value?.["r"]) ? { ...item, r: value?.["r"] as string } : undefined;
}

function readItem(value: unknown): FeedItem | undefined {
  const item = read<FeedItem>(value, { n: isCount, at: isTime, e: anything }, ["n", "at", "e"]);
  const e = item && readEvent(item.e);
  return e && { ...item, e };
}

/** Reads an event of a feed. */
export function readEvent(value: unknown): FeedEvent | undefined {
  const type = (value as { type?: unknown } | null)?.type;
  const reader = typeof type === "string" && Object.hasOwn(events, type) ? events[type as FeedEvent["type"]] : undefined;
  return reader?.(value);
}

type Of<T extends FeedEvent["type"]> = Extract<FeedEvent, { type: T }>;

const events: { readonly [T in FeedEvent["type"]]: (value: unknown) => Of<T> | undefined } = {
  "link-up": (value) =>
    withLegs(read<Of<"link-up">>(value, { type: anything, to: isText(300), legs: anything, gone: areIds }, ["to", "legs"])),
  "link-down": (value) => read<Of<"link-down">>(value, { type: anything, why: isText(2000) }, ["why"]),
  snapshot: (value) => withLegs(read<Of<"snapshot">>(value, { type: anything, legs: anything, gone: areIds }, ["legs"])),
  leg: (value) => {
    const facts = readFacts((value as { facts?: unknown }).facts);
    return facts && { type: "leg", facts };
  },
  "leg-elsewhere": (value) =>
    read<Of<"leg-elsewhere">>(
      value,
      { type: anything, leg: isId, farLeg: isText(100), caller: isParty, to: isText(1000) },
      ["leg"],
    ),
  "leg-renamed": (value) => read<Of<"leg-renamed">>(value, { type: anything, from: isId, to: isId }, ["from", "to"]),
  agent: (value) => read<Of<"agent">>(value, { type: anything, mode: isMode, why: isText(1000) }, ["mode", "why"]),
  "acd-reset": (value) => read<Of<"acd-reset">>(value, { type: anything }, []),
  phone: (value) => read<Of<"phone">>(value, { type: anything, ...phone }, ["registered"]),
  result: (value) => {
    const { id, result } = value as { id?: unknown; result?: unknown };
    const outcome = readResult(result);
    return outcome && isId(id) ? { type: "result", id: id as string, result: outcome } : undefined;
  },
};

const phone = { registered: isFlag, contact: isText(5000), why: isText(1000) };

function withLegs<T extends { readonly legs: readonly WireFacts[] }>(event: T | undefined): T | undefined {
  const legs = event && readList(event.legs, readFacts);
  return legs && { ...event, legs };
}

/** Reads each item of a list; undefined if one cannot be read. */
function readList<T>(value: unknown, item: (value: unknown) => T | undefined): T[] | undefined {
  if (!Array.isArray(value)) return undefined;
  const items = value.map(item);
  return items.every((read) => read !== undefined) ? items : undefined;
}

/** Reads the result of a command. */
export function readResult(value: unknown): CommandResult | undefined {
  switch ((value as { outcome?: unknown } | null | undefined)?.outcome) {
    case "done":
      return { outcome: "done" };
    case "failed": {
      const failure: Failure | undefined = readFailure(value);
      return failure && { outcome: "failed", ...failure };
    }
    case "unknown":
      return read<Extract<CommandResult, { outcome: "unknown" }>>(value, { outcome: anything, why: isText(2000) }, ["why"]);
    default:
      return undefined;
  }
}

/** Reads a box's question about its desk. */
export function readSync(text: string): SyncRequest | undefined {
  const areNamed = (value: unknown) => areIds(value) && (value as unknown[]).length <= maxNamed;
  return read<SyncRequest>(parsed(text), { to: isRelay, r: isRelay, n: isCount, legs: areNamed }, []);
}

/** Reads the answer to it. */
export function readSyncAnswer(text: string): SyncAnswer | Refusal | undefined {
  const value = parsed(text);
  const refusal = read<Refusal>(value, { r: isRelay, refused: isText(2000) }, ["r", "refused"]);
  if (refusal) return refusal;
  const beat = beatIn(value);
  const answer = beat && read<Pick<SyncAnswer, "n">>(value, { n: isCount }, ["n"]);
  if (!answer) return undefined;
  const items = value && "items" in value ? readList(value["items"], readItem) : undefined;
  const state = value && "state" in value ? readState(value["state"]) : undefined;
  if (items) return { ...beat, ...answer, items };
  return state && { ...beat, ...answer, state };
}

function readState(value: unknown): DeskState | undefined {
  const state = read<DeskState>(
    value,
    { link: anything, legs: anything, ended: anything, phone: (value) => read(value, phone, ["registered"]) !== undefined },
    ["link", "legs", "ended"],
  );
  const [link, legs, ended] = [readSwitch(state?.link), readList(state?.legs, readFacts), readList(state?.ended, readEnded)];
  return state && link && legs && ended && { ...state, link, legs, ended };
}

function readEnded(value: unknown): DeskState["ended"][number] | undefined {
  const ended = read<DeskState["ended"][number]>(value, { began: isTime, at: isTime, facts: anything }, ["began", "at", "facts"]);
  const facts = ended && readFacts(ended.facts);
  return facts && { ...ended, facts };
}

const command: Fields<CommandRequest> = {
  to: isRelay,
  id: isId,
  by: isTime,
  age: isCount,
  again: (value) => value === "asked" || value === "taken",
};

/** Reads a dial. */
export function readDial(text: string): DialRequest | undefined {
  const number = (value: unknown) => typeof value === "string" && /^[0-9*#+]{1,32}$/.test(value);
  const call = (value: unknown) => typeof value === "string" && /^[0-9A-Za-z-]{1,60}$/.test(value);
  return read<DialRequest>(parsed(text), { ...command, call, number, dialled: isText(100) }, [
    "to",
    "id",
    "by",
    "call",
    "number",
  ]);
}

/** Reads a change of an agent's state. */
export function readAgent(text: string): AgentRequest | undefined {
  return read<AgentRequest>(
    parsed(text),
    { ...command, agent: isText(100), login: isFlag, mode: isMode, queue: isText(200) },
    ["to", "id", "by", "agent", "login", "mode"],
  );
}

/** Reads the answer to a command. */
export function readCommandAnswer(text: string): CommandAnswer | undefined {
  const answer = read<CommandAnswer>(parsed(text), { r: isRelay, id: isId, result: anything }, ["r", "id"]);
  if (answer?.result === undefined) return answer;
  const result = readResult(answer.result);
  return result && { ...answer, result };
}
