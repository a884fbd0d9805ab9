/** What a process uses, read from /proc. */
import { readdirSync, readFileSync } from "node:fs";

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

/** Time on a processor so far, of all threads that live, in ms; exact to the microsecond (schedstat), not to a tick. */
export function cpuMs(pid: number): number {
  const ns = readdirSync(`/proc/${pid}/task`).map((thread) => {
    const [ran = "0"] = readFileSync(`/proc/${pid}/task/${thread}/schedstat`, "utf8").split(" ");
    return Number(ran);
  });
  return ns.reduce((sum, each) => sum + each, 0) / 1e6;
}
