/** Writes dialog-info documents for tests. */
import type { Dialog, DialogInfo } from "../../../drivers/sip/dialog-info.ts";

/** A dialog in a word or two, with what a test wants otherwise. */
export function dialog(id: string, state: Dialog["state"], part: Partial<Dialog> = {}): Dialog {
  return { id, state, direction: "recipient", ...part };
}

/** An end of a dialog: whose, and whether it plays the call's sound. */
export function end(uri: string, rendering?: "yes" | "no"): NonNullable<Dialog["remote"]> {
  return { identity: { uri }, params: rendering === undefined ? {} : { "+sip.rendering": rendering } };
}

/** A document about 1001. */
export function info(version: number, state: DialogInfo["state"], ...dialogs: Dialog[]): DialogInfo {
  return { version, state, entity: "sip:1001@pbx", dialogs };
}
