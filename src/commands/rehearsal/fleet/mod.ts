/** `telesetd demo --fleet`: calls through a relay and a broker while parts are killed, and what a stolen box can do. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { openBroker } from "../../../broker/open.ts";
import { count } from "../../../core/count.ts";
import { pushToFleet } from "../../fleet/push.ts";
import { revokeFromFleet } from "../../fleet/revoke.ts";
import { fleetStatus } from "../../fleet/status.ts";
import type { Io } from "../../io.ts";
import { desks, findNatsServer, Town } from "./town.ts";

/** What a scene works with. */
interface Stage {
  readonly town: Town;
  readonly io: Io;
  readonly tell: (text: string) => void;
  readonly pause: (ms?: number) => Promise<void>;
}

/** A scene. `events`: how many each desk's UWQ must get. */
interface Scene {
  readonly title: string;
  readonly events: Readonly<Record<string, number>>;
  /** Returns false if something is not as expected. */
  play(stage: Stage): Promise<boolean | void>;
}

const customer = "14155550123";

/** How long the events of a scene may take, in ms: boxes notice the end of a relay after 6 s, that of the broker within 10 s. */
const maxDeliveryMs = 25_000;

/** How long it takes a box to notice that a relay is dead, and some more, in ms. */
const beatsMissedMs = 7000;

const scenes: readonly Scene[] = [
  {
    title: "A customer calls desk 1001: FreeSWITCH > relay > nats-server > box > UWQ; the other boxes hear nothing",
    events: { "1001": 3 },
    async play({ town, pause }) {
      const call = await town.sim.inbound({ from: customer, to: "1001" });
      await pause();
      await call.answer();
      await pause();
      await call.callerHangsUp();
    },
  },
  {
    title: "Relay a is killed during a call: the box follows relay b",
    events: { "1002": 3 },
    async play({ town, pause, tell }) {
      const call = await town.sim.inbound({ from: customer, to: "1002" });
      await pause();
      await call.answer();
      await pause();
      await town.kill("relay-a");
      tell("kill -9 relay-a");
      await pause(1000);
      await call.callerHangsUp();
      tell("the caller hangs up");
      // The other boxes notice it too.
      await pause(beatsMissedMs);
    },
  },
  {
    title: "nats-server is killed, the caller hangs up meanwhile, nats-server starts again: the box asks for what it has missed",
    events: { "1003": 3 },
    async play({ town, pause, tell }) {
      const call = await town.sim.inbound({ from: customer, to: "1003" });
      await pause();
      await call.answer();
      await pause();
      await town.kill("nats-server");
      tell("kill -9 nats-server");
      await pause(500);
      await call.callerHangsUp();
      tell("the caller hangs up");
      await pause(500);
      town.startBroker();
      tell("nats-server starts");
    },
  },
  {
    title: "The administrator pushes a rule for numbers to the group sales: UWQ gets the number without its 1",
    events: { "1001": 3 },
    async play({ town, io, pause }) {
      const file = join(town.folder, "sales.json");
      const rule = { match: "^1(\\d{10})$", replace: "$1", direction: "inbound" };
      writeFileSync(file, JSON.stringify({ numbers: { toCrm: [rule] } }));
      const pushed = await pushToFleet(file, { folder: town.keys, group: "sales", wait: "30" }, io);
      const call = await town.sim.inbound({ from: customer, to: "1001" });
      await pause();
      await call.answer();
      await pause();
      await call.callerHangsUp();
      await town.crms.get("1001")?.until(6, maxDeliveryMs);
      return pushed === 0 && town.crms.get("1001")?.events.at(-3)?.data["occtANI"] === customer.slice(1);
    },
  },
  {
    title: "Box 1003 is stolen. Its credential is used to hear desk 1001, to dial from there, and to report as 1001",
    events: {},
    async play({ town, io, tell }) {
      const refused: string[] = [];
      const stop = new AbortController();
      const thief = await openBroker({
        servers: [`tls://${town.server}`],
        ca: town.read("server/ca.pem"),
        credentials: town.read("credentials/1003.creds"),
        name: "thief",
        connectMs: 5000,
        random: Math.random,
        onRefused: (why) => refused.push(why),
      }, stop.signal);
      let heard = 0;
      for (const subject of ["tele.desk.1001.line", "tele.>"]) thief.subscribe(subject, () => heard++);
      for (const subject of ["tele.ask.1001.dial", "tele.status.1001", "tele.desk.1001.line"]) thief.publish(subject, "{}");
      await thief.flush();
      await Bun.sleep(200);
      const attempts = [...refused];
      for (const why of attempts) tell(why);
      const revoked = await revokeFromFleet("1003", { folder: town.keys }, io);
      tell(await thief.closed);
      stop.abort();
      return attempts.length === 5 && heard === 0 && revoked === 0;
    },
  },
];

/** Plays all scenes. Exit codes: 0 all as expected; 1 something was not; 2 there is no nats-server. */
export async function demoFleet(io: Io): Promise<number> {
  const nats = findNatsServer();
  if (nats === undefined) {
    io.err("The demo of a fleet needs nats-server, which is not installed: apt install nats-server\n");
    return 2;
  }
  const startedAt = performance.now();
  const tell = (text: string): void => io.out(`${((performance.now() - startedAt) / 1000).toFixed(3).padStart(7)}  ${text}\n`);
  const pause = (ms = 350): Promise<void> => Bun.sleep(ms);
  const town = new Town(nats);
  // Ctrl-C leaves no processes and files behind.
  const interrupted = Promise.withResolvers<number>();
  process.once("SIGINT", () => interrupted.resolve(1));
  const playing = async (): Promise<number> => {
    io.out("\n== The administrator makes a fleet: telesetd fleet init, telesetd fleet add 1001, 1002, 1003\n");
    await town.prepare(io, (desk, { name, data }) => tell(`box ${desk} --> UWQ  ${name} ${data["occtANI"] ?? ""}`.trimEnd()));
    io.out("\n== nats-server, two relays and three boxes start; no box has a password of the switch\n");
    town.startBroker();
    for (const name of ["relay-a", "relay-b"]) town.startRelay(name);
    for (const [desk] of desks) town.startBox(desk);
    await town.ready();
    tell("all boxes are ready, and an agent is registered at each");
    const ok = await playAll({ town, io, tell, pause });
    io.out("\n== telesetd fleet status\n");
    await fleetStatus(undefined, { folder: town.keys, all: true }, io);
    const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
    io.out(ok ? `\n== All as expected, in ${seconds} s\n` : "\n== NOT as expected: see above\n");
    return ok ? 0 : 1;
  };
  try {
    return await Promise.race([playing(), interrupted.promise]);
  } finally {
    await town.stop();
  }
}

async function playAll(stage: Stage): Promise<boolean> {
  let ok = true;
  for (const scene of scenes) {
    stage.io.out(`\n== ${scene.title}\n`);
    ok = await playScene(scene, stage) && ok;
  }
  return ok;
}

async function playScene(scene: Scene, stage: Stage): Promise<boolean> {
  const { crms } = stage.town;
  const before = new Map([...crms].map(([desk, { events }]) => [desk, events.length]));
  const played = await scene.play(stage) !== false;
  let ok = played;
  for (const [desk, crm] of crms) {
    const [known, expected] = [before.get(desk) ?? 0, scene.events[desk] ?? 0];
    await crm.until(known + expected, maxDeliveryMs);
    const got = crm.events.length - known;
    if (got === expected) continue;
    ok = false;
    stage.tell(`!! UWQ at desk ${desk} got ${count(got, "event")}: expected ${expected}.`);
  }
  return ok;
}
