/**
 * kill -9 at random moments, again and again, while people call and the CRM is up and down. The tests and scripts/soak use it.
 */
import { Simulator } from "../../../simulator/freeswitch/mod.ts";
import { Random } from "../faults/random.ts";
import { type Mood, WildCrm } from "../faults/wild-crm.ts";
import { Box } from "./box.ts";
import { FleetWay } from "./fleet-way.ts";
import { register } from "./stage.ts";
import { quietPort } from "../ports.ts";
import { type Entry, judge, type Verdict } from "./ledger.ts";
import { Site } from "./people.ts";
import { until } from "../until.ts";

/** How often, and from which seed. */
export interface KillPlan {
  readonly folder: string;
  readonly kills: number;
  readonly seed: number;
  /** The box reaches the switch through a broker and two relays, which are killed too. */
  readonly fleet?: boolean;
  /** Called after every kill. */
  readonly onKill?: (kill: number) => void;
  /** Ends it early. */
  readonly until?: () => boolean;
}

/** What happened. */
export interface Kills extends Verdict {
  readonly kills: number;
  readonly seed: number;
  readonly calls: number;
  readonly problems: readonly string[];
}

export const desks = ["1001", "1002", "1003"];
/** More good than bad: else too little of what follows a ScreenPop would ever be sent. */
const crmMoods: readonly Mood[] = [
  ...["answers", "answers", "answers", "answers", "refuses", "hangs", "says 500"] as const,
  ...["closes before the answer", "closes mid-answer"] as const,
];
const longestMood = 250;

/** Kills the daemon this many times, waits until it is idle, and checks what the CRM has received. */
export async function killAgainAndAgain(plan: KillPlan): Promise<Kills> {
  const random = new Random(plan.seed);
  const sim = new Simulator({});
  // A second phone on the first desk: its click-to-dials have two legs.
  sim.phones.register("1001", 1);
  await sim.start();
  const port = await quietPort();
  const way = plan.fleet ? await FleetWay.start(plan.folder, sim.port, desks) : undefined;
  const site = new Site(sim, random, () => port, { ring: 120, talk: 160, rest: 60 });
  const entries: Entry[] = [];
  const crm = await WildCrm.open((post) => entries.push({ ...post, period: site.period, beforeKill: -performance.now() }));
  const box = new Box({
    folder: plan.folder,
    port,
    switchPort: sim.port,
    desks,
    more: { store: { path: `${plan.folder}/box-${port}.db`, keepRecords: 1_000_000 }, ...(way ? { line: way.line } : {}) },
  });
  try {
    await begin(box, site, crm.port);
    const working = [...desks.map((desk) => site.work(desk)), changeMoods(crm, site, random)];
    let kills = 0;
    while (kills < plan.kills && plan.until?.() !== true) {
      if (way && random.next() < 0.7) await way.killOne(random.next());
      else await liveAndDie(box, site, random, entries);
      kills++;
      plan.onKill?.(kills);
    }
    site.over = true;
    await Promise.all(working);
    const left = await comeToRest(box, site, crm);
    const { problems, ...verdict } = judge(entries, site.calls);
    return { ...verdict, kills, seed: plan.seed, calls: site.calls.length, problems: [...problems, ...site.problems, ...left] };
  } finally {
    site.over = true;
    await box.kill();
    await way?.stop();
    crm.close();
    sim.stop();
  }
}

async function begin(box: Box, site: Site, crmPort: number): Promise<void> {
  await box.start();
  site.period++;
  for (const desk of desks) await register(box.port, desk, crmPort);
  await box.connected();
}

/** A life of random length, then death, then a random time in which calls continue, start and end; then it is restarted. */
async function liveAndDie(box: Box, site: Site, random: Random, entries: readonly Entry[]): Promise<void> {
  const from = entries.length;
  // One in five is killed while it starts, three in five at a ScreenPop or soon after it, however fast the machine is.
  if (random.next() < 0.2) await pause(random.whole(0, 200));
  else {
    await box.says("telesetd is running");
    const popped = () => entries.slice(from).some(({ name }) => name === "ScreenPop");
    if (random.next() < 0.75) await until(() => `no call pops: ${box.log}`, popped);
    await pause(random.whole(0, 300));
  }
  const killed = performance.now();
  await box.kill();
  if (box.log.includes("Store unavailable")) site.problems.push(`the store was lost: ${box.log}`);
  for (const entry of entries.filter(({ period }) => period === site.period)) entry.beforeKill += killed;
  site.period++;
  if (random.next() < 0.5) await site.ghost(random.of(desks));
  await pause(random.whole(0, 60));
  box.spawn();
  site.period++;
}

async function changeMoods(crm: WildCrm, site: Site, random: Random): Promise<void> {
  while (!site.over) {
    await crm.turn(random.of(crmMoods));
    await pause(random.whole(20, longestMood));
  }
  await crm.turn("answers");
}

/** All calls end, the outbox empties; one more call then works normally. Anything left is a problem. */
async function comeToRest(box: Box, site: Site, crm: WildCrm): Promise<string[]> {
  await box.connected();
  await allQuiet(site);
  site.noteDials();
  await box.until("a call does not end", (status) => status.desks.every(({ calls }) => calls.length === 0));
  // What waits for its next try is tried at once when its agent registers.
  for (const desk of desks) await register(box.port, desk, crm.port);
  await box.delivered();
  const before = crm.posts.length;
  await site.ghost("1001");
  await crm.until(({ posts }) => posts.length >= before + 3);
  const { storeTrouble } = await box.delivered();
  const retired = (await box.outbox()).filter(({ state }) => state !== "delivered");
  const code = await box.terminate();
  return [
    ...retired.map((event) => `not delivered: ${JSON.stringify(event)}`),
    ...(storeTrouble === undefined ? [] : [storeTrouble]),
    ...(code === 0 ? [] : [`SIGTERM ended it with ${code}`]),
  ];
}

/** The click-to-dials that are still playing finish. */
async function allQuiet({ sim }: Site): Promise<void> {
  const legs = () => [...sim.sw.channels.values()];
  await until(() => `These legs never end: ${legs().map(({ name }) => name)}`, () => legs().length === 0);
}

function pause(ms: number): Promise<void> {
  return new Promise((done) => setTimeout(done, ms));
}
