/** Long-term tests: memory and descriptors of one daemon over many calls, then repeated kill -9. See scripts/soak. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Simulator } from "../simulator/freeswitch/mod.ts";
import { sendCallout } from "../simulator/crm/mod.ts";
import { Box } from "../test/support/daemon/box.ts";
import { quietPort } from "../test/support/ports.ts";
import { desks, killAgainAndAgain, type Kills } from "../test/support/daemon/kills.ts";
import { Site } from "../test/support/daemon/people.ts";
import { Random } from "../test/support/faults/random.ts";
import { WildCrm } from "../test/support/faults/wild-crm.ts";

/** The maximum memory that the second half of the calls may add, in kB. */
const maxGrowth = 1024;
const parts = 8;
/** How long the daemon is idle before its memory is read, in ms: under load it varies by 10 MB. */
const restMs = 6000;

interface Sample {
  readonly calls: number;
  readonly seconds: number;
  /** Resident memory in kB: total and anonymous. */
  readonly rss: number;
  readonly anonymous: number;
  readonly descriptors: number;
}

function sample(pid: number, calls: number, began: number): Sample {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const kB = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(status)?.[1] ?? 0);
  const seconds = Math.round((performance.now() - began) / 1000);
  return { calls, seconds, rss: kB("VmRSS"), anonymous: kB("RssAnon"), descriptors: readdirSync(`/proc/${pid}/fd`).length };
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

function row({ calls, seconds, rss, anonymous, descriptors }: Sample): string {
  return [calls, seconds, rss, anonymous, descriptors].map((value) => String(value).padStart(9)).join("");
}

/** Plays `count` calls through one daemon, in parts with a rest after each; returns the problems. */
async function manyCalls(folder: string, count: number, late: number): Promise<string[]> {
  const sim = new Simulator({});
  await sim.start();
  let posts = 0;
  const crm = await WildCrm.open(() => posts++);
  const port = await quietPort();
  const box = new Box({ folder, port, switchPort: sim.port, desks });
  const began = performance.now();
  let calls = 0;
  const part = async (until: number) => {
    const site = new Site(sim, new Random(until), () => port, { ring: 12, talk: 12, rest: 6 });
    const working = desks.map((desk) => site.work(desk));
    while (site.calls.length < count / parts && performance.now() < until) {
      await pause(50);
      // Events are counted, not kept.
      crm.posts.length = 0;
    }
    site.over = true;
    await Promise.all(working);
    calls += site.calls.length;
    const busy = sample(box.pid, calls, began);
    await box.until("a call does not end", ({ desks }) => desks.every(({ calls }) => calls.length === 0));
    await box.delivered();
    await pause(restMs);
    const rested = sample(box.pid, calls, began);
    say(`${row(busy)}   at rest${row(rested)}`);
    return rested;
  };
  try {
    await box.start();
    for (const desk of desks) {
      const agent = { telesetNumber: desk, agentID: `agent-${desk}`, port: String(crm.port) };
      await sendCallout(port, "/", { FunctionName: "Register", ...agent });
    }
    await box.connected();
    say(["calls", "seconds", "RSS kB", "anon kB", "open fds"].map((name) => name.padStart(9)).join(""));
    say(row(sample(box.pid, 0, began)));
    const rested: Sample[] = [];
    for (let turn = 1; turn <= parts; turn++) rested.push(await part(began + ((late - began) * turn) / parts));
    say(`${calls} calls, ${posts} POSTs of events, ended with ${await box.terminate()}`);
    return growth(rested);
  } finally {
    await box.kill();
    crm.close();
    sim.stop();
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((done) => setTimeout(done, ms));
}

/** The first half is the warm-up; growth in the second half is a leak. Minima, since an allocator holds back varying amounts. */
function growth(rested: readonly Sample[]): string[] {
  const least = (samples: readonly Sample[], of: (sample: Sample) => number) => Math.min(...samples.map(of));
  const [first, second] = [rested.slice(parts / 4, parts / 2), rested.slice(parts / 2)];
  const added = least(second, ({ anonymous }) => anonymous) - least(first, ({ anonymous }) => anonymous);
  const opened = least(second, ({ descriptors }) => descriptors) - least(first, ({ descriptors }) => descriptors);
  say(`the second half added ${added} kB and ${opened} descriptors`);
  return [
    ...(added > maxGrowth ? [`memory grows: ${added} kB in the second half, expected at most ${maxGrowth}`] : []),
    ...(opened > 0 ? [`descriptors grow: ${opened} more in the second half`] : []),
  ];
}

/** Kills the daemon `count` times, in rounds of 250, each with its own store and seed; returns the problems. */
async function manyKills(folder: string, count: number, late: number, fleet: boolean): Promise<string[]> {
  const problems: string[] = [];
  const sums: Record<string, number> = {};
  for (let done = 0; done < count && performance.now() < late;) {
    const seed = Math.floor(Math.random() * 1e9);
    const kills = Math.min(250, count - done);
    const report: Kills = await killAgainAndAgain({ fleet, folder, kills, seed, until: () => performance.now() > late });
    done += report.kills;
    const { problems: found, seed: _, longestCutOff, ...counted } = report;
    for (const [name, value] of Object.entries(counted)) sums[name] = (sums[name] ?? 0) + value;
    sums["longestCutOff"] = Math.max(sums["longestCutOff"] ?? 0, longestCutOff);
    problems.push(...found.map((problem) => `SEED=${seed}: ${problem}`));
    say(Object.entries(sums).map(([name, sum]) => `${name} ${sum}`).join(", "));
  }
  return problems;
}

const { values } = parseArgs({
  options: {
    calls: { type: "string", default: "10000" },
    kills: { type: "string", default: "1000" },
    minutes: { type: "string", default: "5" },
    fleet: { type: "boolean", default: false },
  },
});
const folder = mkdtempSync(join(tmpdir(), "telesetd-soak-"));
const began = performance.now();
const minutes = Number(values.minutes) * 60_000;
let problems: string[];
try {
  const kills = Number(values.kills);
  problems = [
    ...(Number(values.calls) > 0
      ? await manyCalls(folder, Number(values.calls), began + (kills > 0 ? minutes / 2 : minutes))
      : []),
    ...(kills > 0 ? await manyKills(folder, kills, began + minutes, values.fleet) : []),
  ];
} finally {
  rmSync(folder, { recursive: true, force: true });
}
for (const problem of problems) say(`PROBLEM ${problem}`);
say(problems.length === 0 ? "No problems." : `${problems.length} problems.`);
process.exit(problems.length === 0 ? 0 : 1);
