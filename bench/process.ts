/** Resource usage of a process, from /proc. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** Resident memory in kB: total, and anonymous (without the pages of its file). */
export interface Memory {
  readonly rss: number;
  readonly own: number;
}

export function memory(pid: number): Memory {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const kB = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(status)?.[1] ?? NaN);
  return { rss: kB("VmRSS"), own: kB("RssAnon") };
}

/**
 * Processor time of all threads from now on, in ms; exact to the microsecond (schedstat). The time of a thread between the last
 * reading and its end is missed.
 */
export class Cpu {
  readonly #pid: number;
  #seen: ReadonlyMap<string, number>;
  #sum = 0;

  constructor(pid: number) {
    this.#pid = pid;
    this.#seen = this.#threads();
  }

  /** The time since construction. */
  ms(): number {
    const now = this.#threads();
    for (const [thread, ran] of now) this.#sum += ran - (this.#seen.get(thread) ?? 0);
    this.#seen = now;
    return this.#sum / 1e6;
  }

  #threads(): Map<string, number> {
    const folder = `/proc/${this.#pid}/task`;
    return new Map(
      readdirSync(folder).map((thread) => {
        const [ran = "0"] = readFileSync(join(folder, thread, "schedstat"), "utf8").split(" ");
        return [thread, Number(ran)];
      }),
    );
  }
}
