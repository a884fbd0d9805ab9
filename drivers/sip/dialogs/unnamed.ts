/**
 * Callers whom a document does not name. Some switches do not name a caller who withholds the number, some name nobody. But a
 * document may also be incomplete: Asterisk looks for the caller among the channels that ring, and finds none if the phone was
 * answered meanwhile. So the full state is requested, and a caller counts as anonymous only if it does not name them either.
 * Pure.
 */
import { type Change, type DialogTable, inTurn, type LiveDialog, liveDialogs, unchanged, withEntry, withFacts } from "./table.ts";

const anonymous = { identity: "anonymous", outside: true, unreported: true } as const;

/** Marks new calls of unnamed callers, for whom the full state must be requested; the same table if there are none. */
export function askUnnamed(table: DialogTable): DialogTable {
  const unnamed = liveDialogs(table).filter((entry) => isUnnamed(entry) && entry.unnamed === undefined);
  return unnamed.reduce((table, entry) => withEntry(table, { ...entry, unnamed: "asked" }), table);
}

/** The full state has arrived, or did not arrive in time: whom it does not name either is anonymous, or stays unknown. */
export function decideUnnamed(table: DialogTable): Change {
  return inTurn(table, liveDialogs(table).filter((entry) => isUnnamed(entry) && entry.unnamed === "asked"), decide);
}

function isUnnamed({ facts: { direction, call, caller, partner, rings, answered } }: LiveDialog): boolean {
  return direction === "to-desk" && call === undefined && !caller && !partner && (rings === true || answered === true);
}

/**
 * If the documents name the desk (Asterisk), the caller was left out by accident, and is not named once the call is answered.
 * It may be a colleague, who must not appear as a customer.
 */
function decide(table: DialogTable, entry: LiveDialog): Change {
  const { facts, namesDesk } = entry;
  if (!facts.answered) return withFacts(table, entry, { ...entry, facts: { ...facts, caller: anonymous } });
  if (namesDesk) return unchanged(withEntry(table, { ...entry, unnamed: "unknown" }));
  // Who answers a call that is already answered is a partner (core/call.ts).
  return withFacts(table, entry, { ...entry, facts: { ...facts, partner: anonymous } });
}
