/** Foreign text made safe to show: on a terminal, in a log, in the status line of systemd. */

/**
 * Puts the text on one line: each run of control characters and Unicode line separators becomes a space. Otherwise they could
 * control the terminal, or start a new line or message.
 */
export function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\u2028\u2029]+/gu, " ");
}

/** The message of a thrown value, which may not be an Error. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
