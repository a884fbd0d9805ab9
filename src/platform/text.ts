/** Foreign text made safe to show: on a terminal, in a log, in the status line of systemd. */

/**
 * The text on one line: each run of control, format and unassigned characters, and of Unicode's line separators, becomes a space.
 * A terminal would execute some of them or reverse the text, and others would start a new line or a new message.
 */
export function oneLine(text: string): string {
  return text.replace(/[\p{C}\p{Zl}\p{Zp}]+/gu, " ");
}

/** The message of a thrown value, which may not be an Error. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
