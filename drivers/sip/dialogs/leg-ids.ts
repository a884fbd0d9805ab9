/** Names for the legs of dialogs: unique, at most 60 characters, and stable across restarts if the notifier allows it. Pure. */
import { createHash } from "node:crypto";
import { type DialogNames, isDistinct, namingOf, type Notifier } from "./notifier.ts";

const maxNameLength = 60;

/** The number of names of ended legs that are remembered. */
const maxUsedNames = 256;

/** An id of this form is random (RFC 9562). */
const uuid = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** The names that were given, so that the name of an ended leg is never given again. */
export interface LegNames {
  /** The prefix of generated names: never used before, at most 32 characters. */
  readonly seed: string;
  /** The number of names generated with the seed. */
  readonly made: number;
  readonly used: readonly string[];
  /** The names of legs that lived before a restart: a dialog without a distinct name continues as one of them. */
  readonly adoptable: readonly string[];
}

export function newLegNames(seed: string): LegNames {
  return { seed, made: 0, used: [], adoptable: [] };
}

/** With the legs that the daemon believes to live, after a restart. */
export function adopt(names: LegNames, legs: readonly string[]): LegNames {
  return { ...names, adoptable: legs.filter((leg) => !names.used.includes(leg)) };
}

/** The dialogs of these legs are forgotten, not over: they may have their names again. */
export function release(names: LegNames, legs: ReadonlySet<string>): LegNames {
  return { ...names, used: names.used.filter((leg) => !legs.has(leg)) };
}

/** The name of a new dialog's leg: after a restart the one that the daemon knows, else a new one. */
export function nameLeg(
  names: LegNames,
  notifier: Notifier,
  dialog: DialogNames,
): { readonly leg: string; readonly names: LegNames } {
  const leg = knownName(names, notifier, dialog) ?? newName(names, notifier, dialog);
  const used = names.used.includes(leg) ? names.used : [...names.used, leg].slice(-maxUsedNames);
  const made = names.made + (leg.endsWith(freshName(names)) ? 1 : 0);
  return { leg, names: { ...names, made, used, adoptable: names.adoptable.filter((name) => name !== leg) } };
}

/** The name that a dialog had before the restart. */
function knownName({ adoptable }: LegNames, notifier: Notifier, { id, callId }: DialogNames): string | undefined {
  if (adoptable.length === 0) return undefined;
  const own = [id, ...(callId === undefined ? [] : [callId])].map(fitting);
  const isDistinctId = isDistinct(notifier, id);
  const known = adoptable.find((leg) => own.includes(leg) || (isDistinctId && leg.startsWith(prefixOf(id))));
  return known ?? (callId === undefined && !isDistinctId ? adoptable[0] : undefined);
}

/**
 * A long id of a unique dialog first: all documents have it, the Call-ID only some (FreeSWITCH, Kamailio). An id that may turn
 * out to stand for every call is made unique: after a restart nothing remembers that it was used.
 */
function newName(names: LegNames, notifier: Notifier, { id, callId }: DialogNames): string {
  const naming = namingOf(notifier, { id });
  const isDistinctId = naming === "phone" ? isDistinct(notifier, id) : naming !== "counter";
  const isSure = naming === "unique" || (naming === "unproven" && (callId !== undefined || uuid.test(id)));
  const [first, ...others] = [...(isSure ? [id] : []), ...(callId === undefined ? [] : [callId])].map(fitting);
  if (first === undefined) return isDistinctId ? `${prefixOf(id)}${freshName(names)}` : freshName(names);
  const free = [first, ...others].find((name) => !names.used.includes(name));
  if (free !== undefined) return free;
  return callId === undefined ? `${prefixOf(id)}${freshName(names)}` : unusedName(names, first, id);
}

/** A name for a dialog without distinct names. */
function freshName({ seed, made }: LegNames): string {
  return `${seed}-${made + 1}`;
}

/** Branches of a forked call have one Call-ID, and may ring one after the other. */
function unusedName({ used }: LegNames, name: string, id: string): string {
  let free = name;
  for (let n = 1; used.includes(free); n++) free = digest(`${name} ${id} ${n}`);
  return free;
}

/** A Call-ID may have any length, and contain quotes and angle brackets (RFC 3261, section 25.1). */
function fitting(name: string): string {
  return name.length <= maxNameLength && /^[\w.!%*+`'~()@:;,=$&\/?{}\[\]-]+$/.test(name) ? name : digest(name);
}

/** The common prefix of the names of all calls with this id. */
function prefixOf(id: string): string {
  return `${digest(id).slice(0, 16)}-`;
}

function digest(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 40);
}
