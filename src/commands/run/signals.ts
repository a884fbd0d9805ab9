/** The signals that the daemon handles. */

/** SIGHUP: read the configuration again. The others: stop. */
export type DaemonSignal = "SIGTERM" | "SIGINT" | "SIGHUP";

/** A queue of the signals received. */
export class Signals {
  readonly #received: DaemonSignal[] = [];
  #wake: (() => void) | undefined;

  constructor() {
    for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) {
      process.on(signal, () => {
        this.#received.push(signal);
        this.#wake?.();
      });
    }
  }

  /** Whether a signal to stop has been received. */
  get stopWanted(): boolean {
    return this.#received.some((signal) => signal !== "SIGHUP");
  }

  /** Waits for the next signal. A signal to stop goes before one to reload. */
  async next(): Promise<DaemonSignal> {
    while (this.#received.length === 0) await new Promise<void>((wake) => this.#wake = wake);
    const stop = this.#received.find((signal) => signal !== "SIGHUP");
    if (stop === undefined) this.#received.length = 0;
    return stop ?? "SIGHUP";
  }
}
