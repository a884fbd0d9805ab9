/** One question at a time. */
import type { Asker } from "./terminal.ts";

/** Where questions are asked, and where findings are shown. */
export interface Talk {
  readonly asker: Asker;
  readonly say: (text: string) => void;
  /** Where credentials are looked up. */
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** A question, and what its answer means. */
export interface TalkQuestion<T> {
  readonly text: string;
  /** The answer that Enter gives; "": none. */
  readonly fallback: string;
  /** The value of an answer; undefined if it is invalid. */
  readonly read: (typed: string) => T | undefined;
  /** What a valid answer is. */
  readonly expected: string;
}

/** Asks until the answer is valid. Rejects with Interrupted. */
export async function answer<T>({ asker, say }: Talk, { text, fallback, read, expected }: TalkQuestion<T>): Promise<T> {
  for (;;) {
    const typed = await asker.ask(`${text}${fallback === "" ? "" : ` [${fallback}]`}: `);
    const given = typed === "" ? fallback : typed;
    const value = given === "" ? undefined : read(given);
    if (value !== undefined) return value;
    say(given === "" ? `  Enter ${expected}.` : `  ${JSON.stringify(given)} is invalid: expected ${expected}.`);
  }
}

/** Explains why an answer does not work. @returns whether the administrator keeps it. */
export async function keeps({ asker, say }: Talk, subject: string, why: string): Promise<boolean> {
  say(`  ${why}`);
  return /^(y|yes|keep)$/i.test(await asker.ask(`Keep ${subject} anyway? y or n [n]: `));
}
