/** The dialogs of a document, each once. Pure. */
import type { Dialog } from "./dialog-info.ts";
import { isUnique } from "./legs.ts";

const ranks: readonly Dialog["state"][] = ["trying", "proceeding", "early", "confirmed", "terminated"];

/** FreeSWITCH lists a dialog once for each registration, Kamailio once for each publication: what has come furthest counts. */
export function merged(dialogs: readonly Dialog[]): Dialog[] {
  const byId = new Map<string, Dialog>();
  for (const one of dialogs) {
    const dialog = withoutPickup(one);
    const same = byId.get(dialog.id);
    const isOther = same?.callId !== undefined && dialog.callId !== undefined && same.callId !== dialog.callId;
    const id = isOther ? `${dialog.id} ${dialog.callId}` : dialog.id;
    const before = byId.get(id);
    const isFurther = !before || ranks.indexOf(before.state) < ranks.indexOf(dialog.state);
    byId.set(id, { ...(isFurther ? { ...before, ...dialog } : { ...dialog, ...before }), id });
  }
  return [...byId.values()];
}

/** What a dialog that has ended is remembered by. */
export function keyOf({ id, callId }: Pick<Dialog, "id" | "callId">): string {
  return callId === undefined || isUnique({ id }) ? id : `${callId} ${id}`;
}

/** Asterisk's chan_sip makes its Call-ID of the subscription's own: it is the same for all calls. */
function withoutPickup(dialog: Dialog): Dialog {
  if (dialog.callId?.startsWith("pickup-") !== true) return dialog;
  const { callId: _, ...rest } = dialog;
  return rest;
}
