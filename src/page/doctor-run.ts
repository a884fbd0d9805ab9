/** A run of the doctor for the page: one at a time, for everybody who looks. */
import { messageOf } from "../platform/text.ts";
import type { DoctorHop } from "./source.ts";

/** A run, in progress or finished. Times in ISO 8601. */
export interface DoctorModel {
  readonly started?: string;
  readonly ended?: string;
  readonly hops: readonly DoctorHop[];
  /** Why the run itself failed. */
  readonly trouble?: string;
}

/** Runs the doctor. */
export class DoctorRun {
  readonly #doctor: () => AsyncIterable<DoctorHop>;
  readonly #changed: () => void;
  #model: DoctorModel = { hops: [] };

  /** @param changed is called after each hop. */
  constructor(doctor: () => AsyncIterable<DoctorHop>, changed: () => void) {
    this.#doctor = doctor;
    this.#changed = changed;
  }

  /** The present run, or the last one. */
  get model(): DoctorModel {
    return this.#model;
  }

  get isRunning(): boolean {
    return this.#model.started !== undefined && this.#model.ended === undefined;
  }

  /** Starts a run unless one is in progress; resolves at its end. */
  async start(): Promise<void> {
    if (this.isRunning) return;
    this.#set({ started: new Date().toISOString(), hops: [] });
    try {
      for await (const hop of this.#doctor()) this.#set({ ...this.#model, hops: [...this.#model.hops, hop] });
    } catch (error) {
      this.#set({ ...this.#model, trouble: messageOf(error) });
    }
    this.#set({ ...this.#model, ended: new Date().toISOString() });
  }

  #set(model: DoctorModel): void {
    this.#model = model;
    this.#changed();
  }
}
