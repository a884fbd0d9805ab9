/** The signals that the daemon obeys. */

/** SIGHUP: read the configuration again. The others: end. */
export type Wish = "SIGTERM" | "SIGINT" | "SIGHUP";

/** Signals as they come, none lost. */
export class Signals {
  readonly #come: Wish[] = [];
  #wake: (() => void) | undefined;

  constructor() {
    for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) {
      process.on(signal, () => {
        this.#come.push(signal);
        this.#wake?.();
      });
    }
  }

  /** Somebody wants the daemon to end. */
  get stopWanted(): boolean {
    return this.#come.some((signal) => signal !== "SIGHUP");
  }

  /** The next one. A wish to stop goes before one to reload. */
  async next(): Promise<Wish> {
    while (this.#come.length === 0) await new Promise<void>((wake) => this.#wake = wake);
    const stop = this.#come.find((signal) => signal !== "SIGHUP");
    if (stop === undefined) this.#come.length = 0;
    return stop ?? "SIGHUP";
  }
}
