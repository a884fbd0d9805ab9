/**
 * Questions on a terminal, read key by key: what is typed ahead is kept for the question that it answers, so that a password typed
 * early is never shown.
 */

/** Where questions are asked. */
export interface Asker {
  /**
   * Reads one line, without its end and surrounding spaces; a hidden one exactly as typed. Rejects with Interrupted on Ctrl-C, at
   * the end of input, and when the terminal goes away.
   */
  ask(question: string, options?: { readonly hidden?: boolean }): Promise<string>;
  close(): void;
}

/** The administrator quit. */
export class Interrupted extends Error {}

/** The terminal's input: process.stdin, or a test's. */
export interface Keys extends AsyncIterable<Uint8Array | string> {
  setRawMode?(raw: boolean): unknown;
  pause?(): unknown;
}

/** Asks on a terminal. */
export class Terminal implements Asker {
  readonly #keys: Keys;
  readonly #out: (text: string) => void;
  readonly #parts: AsyncIterator<Uint8Array | string>;
  readonly #decoder = new TextDecoder();
  #ahead = "";

  constructor(keys: Keys, out: (text: string) => void) {
    this.#keys = keys;
    this.#out = out;
    this.#keys.setRawMode?.(true);
    this.#parts = keys[Symbol.asyncIterator]();
  }

  async ask(question: string, { hidden = false } = {}): Promise<string> {
    this.#out(question);
    const show = (text: string) => this.#out(hidden ? "" : text);
    let line = "";
    for (;;) {
      const key = await this.#key();
      if (key === "\r" || key === "\n") break;
      if (key === "\x03" || (key === "\x04" && line === "")) {
        this.#out("\n");
        throw new Interrupted("interrupted");
      }
      if (key === "\x7f" || key === "\b") {
        if (line !== "") show("\b \b");
        line = [...line].slice(0, -1).join("");
      } else if (key === "\x15") {
        show("\b \b".repeat([...line].length));
        line = "";
      } else if (key >= " ") {
        line += key;
        show(key);
      }
    }
    this.#out("\n");
    return hidden ? line : line.trim();
  }

  close(): void {
    this.#keys.setRawMode?.(false);
    this.#keys.pause?.();
  }

  /** The next key; arrow keys and other escape sequences are skipped. */
  async #key(): Promise<string> {
    for (;;) {
      const [first] = this.#ahead;
      if (first !== undefined) {
        this.#ahead = this.#ahead.slice(first.length);
        if (first !== "\x1b") return first;
        // An escape sequence: [ or O, then parameters, then a letter or ~ (ECMA-48, 5.4).
        this.#ahead = this.#ahead.replace(/^[[O][0-?]*[ -/]*[@-~]/, "");
        continue;
      }
      const { value, done } = await this.#parts.next();
      if (done === true) throw new Interrupted("the input has ended");
      this.#ahead += typeof value === "string" ? value : this.#decoder.decode(value, { stream: true });
    }
  }
}
