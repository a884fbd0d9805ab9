/** The alternate screen of a terminal, on which only the lines that have changed are written. */
import type { Line } from "./frame.ts";

const styles: Readonly<Record<NonNullable<Line[number][1]>, string>> = {
  good: "32",
  warning: "33",
  failed: "31",
  quiet: "90",
  strong: "1",
};

/** Draws lines in place. */
export class Screen {
  readonly #write: (text: string) => void;
  readonly #coloured: boolean;
  #shown: readonly string[] = [];
  #open = false;

  constructor(write: (text: string) => void, coloured: boolean) {
    this.#write = write;
    this.#coloured = coloured;
  }

  /** Switches to the alternate screen, without cursor and without line wrap (xterm control sequences, DECSET). */
  open(): void {
    this.#open = true;
    this.#write("\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[2J");
  }

  /** Draws the lines; the terminal shows them at once (mode 2026). `all`: also the unchanged ones, after a resize. */
  draw(lines: readonly Line[], all = false): void {
    if (!this.#open) return;
    const texts = lines.map((line) => this.#text(line));
    const before = all ? [] : this.#shown;
    const changed = texts.map((text, row) => text === before[row] ? "" : `\x1b[${row + 1};1H${text}\x1b[K`).join("");
    const below = texts.length < before.length ? `\x1b[${texts.length + 1};1H\x1b[J` : "";
    this.#shown = texts;
    const drawn = `${all ? "\x1b[2J" : ""}${changed}${below}`;
    if (drawn !== "") this.#write(`\x1b[?2026h${drawn}\x1b[?2026l`);
  }

  /** Restores the terminal. A second call does nothing. */
  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#write("\x1b[?7h\x1b[?25h\x1b[?1049l");
  }

  #text(line: Line): string {
    return line.map(([text, colour]) => this.#coloured && colour ? `\x1b[${styles[colour]}m${text}\x1b[0m` : text).join("");
  }
}
