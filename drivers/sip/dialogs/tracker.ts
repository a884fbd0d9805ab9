/** The dialogs of one desk from step to step: they outlive a connection, and both the watch and the dials change them. */
import { dialogsOfCall, liveDialogs } from "./table.ts";
import { namingOf } from "./notifier.ts";
import { newTracker, step, type TrackerInput, type TrackerStep, type Watched } from "./step.ts";

/** Holds the dialogs of one desk. */
export class DialogTracker {
  #state;

  constructor(watched: Watched) {
    this.#state = newTracker(watched);
  }

  /**
   * Takes an input, and returns its result.
   * @param now in ms of a monotonic clock.
   */
  take(input: TrackerInput, now: number): Omit<TrackerStep, "state"> {
    const { state, ...made } = step(this.#state, input, now);
    this.#state = state;
    return made;
  }

  /** The live legs of a dial, in the order in which they appeared. */
  legsOf(call: string): readonly string[] {
    return dialogsOfCall(this.#state.table, call).map(({ leg }) => leg);
  }

  /**
   * The state of the one dialog that the switch shows for all calls of the phone (Asterisk): another call would not be visible.
   * Undefined if the phone is idle, or each of its calls has a dialog.
   */
  occupied(): "talking" | "ringing" | undefined {
    const { table } = this.#state;
    const shared = liveDialogs(table).filter((entry) => namingOf(table.notifier, entry) === "phone");
    if (shared.length === 0) return undefined;
    return shared.some(({ facts }) => facts.answered === true) ? "talking" : "ringing";
  }
}
