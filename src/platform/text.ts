/** Text of others, fit to be shown: on a terminal, in a log, in the status line of systemd. */

/**
 * The text on one line: each run of control characters, and of the line separators of Unicode, becomes a space. A terminal would
 * obey some of them, and others would start a new line or a new message.
 */
export function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\u2028\u2029]+/gu, " ");
}

/** The message of what was thrown, which need not be an Error. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
