/**
 * Legs whose events wait until something has been looked up: an event sent to the CRM cannot be taken back. The events of other
 * legs do not wait for them.
 */
import { type Frame, text } from "./wire/event.ts";

/** The legs of one connection that are held back. */
export class HeldLegs {
  readonly #held = new Map<string, Frame[]>();

  /** Whether an event waits, because its leg is held back. */
  takes(frame: Frame): boolean {
    const held = this.#held.get(text(frame, "Unique-ID"));
    held?.push(frame);
    return held !== undefined;
  }

  /**
   * Holds back a leg's events, from this one on, until a query is done; then `pass` gets them in order, unless the query failed.
   */
  async until(done: Promise<void>, frame: Frame, pass: (frame: Frame) => void): Promise<void> {
    const leg = text(frame, "Unique-ID");
    const held = [frame];
    this.#held.set(leg, held);
    try {
      await done;
    } finally {
      this.#held.delete(leg);
    }
    held.forEach(pass);
  }
}
