/**
 * Garbage is collected between the events of the switch. Without its JIT the runtime has no young generation: each collection
 * visits the whole heap and takes several ms, and the runtime starts it when memory is allocated, which is in the middle of an
 * event.
 */
import type { Timers } from "./timers.ts";

/** How many events leave about half of the garbage that makes the runtime start a collection. */
const eventsBetween = 24;
/** The silence after an event before a collection starts, in ms: an answered call is several messages of the switch. */
const silence = 3;

/** Starts collections in moments of silence. */
export class Garbage {
  readonly #timers: Pick<Timers, "after">;
  readonly #collect: () => void;
  #events = 0;
  #cancel = (): void => {};

  /** @param collect starts a collection. */
  constructor(timers: Pick<Timers, "after">, collect: () => void) {
    this.#timers = timers;
    this.#collect = collect;
  }

  /** An event has been handled. Nothing is collected while more follow. */
  eventHandled(): void {
    this.#cancel();
    if (++this.#events < eventsBetween) return;
    this.#cancel = this.#timers.after(silence, () => {
      this.#events = 0;
      this.#collect();
    });
  }
}
