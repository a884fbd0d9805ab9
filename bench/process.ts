/** What a process uses, read from /proc. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** Resident memory in kB: all of it, and what is the process's own (not the pages of its file). */
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
 * Time on a processor from now on, of all threads, in ms; exact to the microsecond (schedstat), not to a tick. What a thread
 * does between the last look at it and its end is not seen.
 */
export class Cpu {
  readonly #pid: number;
  #seen: ReadonlyMap<string, number>;
  #sum = 0;

  constructor(pid: number) {
    this.#pid = pid;
    this.#seen = this.#threads();
  }

  /** The time since the beginning. */
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
