/**
 * Housekeeping is done between the events of the switch: the collection of garbage, which without the runtime's JIT visits the
 * whole heap and takes several ms, and the copying of the store's write-ahead log into its file, which waits for the flash. Both
 * would otherwise come in the middle of an event.
 */
import type { Timers } from "./timers.ts";

/** How many events leave about half of the garbage that makes the runtime start a collection. */
const eventsBetween = 24;
/** The silence after an event before housekeeping starts, in ms: an answered call is several messages of the switch. */
const silence = 3;

/** Does its work in moments of silence. */
export class Housekeeping {
  readonly #timers: Pick<Timers, "after">;
  readonly #work: () => void;
  #events = 0;
  #cancel = (): void => {};

  /** @param work what is done. */
  constructor(timers: Pick<Timers, "after">, work: () => void) {
    this.#timers = timers;
    this.#work = work;
  }

  /** An event has been handled. Nothing is done while more follow. */
  eventHandled(): void {
    this.#cancel();
    if (++this.#events < eventsBetween) return;
    this.#cancel = this.#timers.after(silence, () => {
      this.#events = 0;
      this.#work();
    });
  }
}
