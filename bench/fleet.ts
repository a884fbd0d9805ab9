/**
 * The fleet: a relay with thousands of desks and a real nats-server, beside direct connections. From the write of the switch's
 * event to the POST of a box, with about 50 calls a second on the switch; then the broker is killed and comes back.
 */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { quietPort } from "../test/support/ports.ts";
import { configuration, launch, type Programs, register } from "./contestants.ts";
import { domain } from "./frames.ts";
import { Site } from "./load.ts";
import { cpuFrom, memory, now, quantile, rest } from "./measure.ts";
import type { Results } from "./results.ts";

const server = ["/usr/sbin/nats-server", "/usr/bin/nats-server"].find((path) => existsSync(path));

/** The desks of the real box; the others are those of the simulated ones, which the switch's other calls go to. */
const own = Array.from({ length: 20 }, (_, index) => String(1001 + index));

/** Calls of the own desks, and events of the others: together about 50 calls a second. */
const pace = { callsPerSecond: 20, gapMs: 215, others: 800 };

/** What the round needs. */
export interface FleetBench {
  readonly programs: Programs;
  readonly extent: { readonly fleets: readonly number[]; readonly fleetTurns: number; readonly calls: number };
  readonly say: (text: string) => void;
  readonly results: Results;
}

/** The round. */
export async function fleet({ programs, extent, say, results }: FleetBench): Promise<void> {
  if (server === undefined) return say("nats-server is missing, the fleet is skipped (Debian: apt-get install nats-server)");
  for (const size of extent.fleets) {
    const folder = mkdtempSync(join(tmpdir(), "telesetd-fleet-"));
    const closers: (() => unknown)[] = [() => rmSync(folder, { recursive: true, force: true })];
    try {
      await oneFleet(size, { programs, extent, results }, folder, closers);
    } finally {
      for (const close of closers.reverse()) await close();
    }
  }
}

async function oneFleet(
  size: number,
  { programs: { unit = [] }, extent, results }: Omit<FleetBench, "say">,
  folder: string,
  closers: (() => unknown)[],
): Promise<void> {
  const table = "A fleet on one nats-server, beside a direct connection: about 50 calls a second on the switch";
  const column = `${size.toLocaleString("en")} desks`;
  const add = (row: string, unit: Parameters<Results["add"]>[2], value: number) => results.add(column, row, unit, value, table);
  const others = Array.from({ length: size - own.length }, (_, index) => String(9000 - size + own.length + index));

  const port = await quietPort();
  let broker = startBroker(port);
  closers.push(() => broker.kill("SIGKILL"));
  const [relayed, direct] = [await Site.open(own), await Site.open(own)];
  closers.push(() => relayed.close(), () => direct.close());

  const start = (name: string, file: string, text: string, command: readonly string[]) => {
    writeFileSync(join(folder, file), text);
    const process = launch(
      { key: "unit", desks: [], command: unit },
      [...command, "--config", join(folder, file)],
      `${folder}/${name}.log`,
    );
    closers.push(process.stop);
    return process;
  };
  const started = now();
  const relay = start("relay", "relay.json", relayConfiguration([...own, ...others], port, relayed.pbx.port), ["relay"]);
  await relayed.pbx.settled(2);
  add("relay: until it knows all phones", "ms", now() - started);

  // On other machines they would cost this one nothing: they get what the others leave.
  const idle = ["chrt", "--other", "0", "nice", "-n", "19"];
  const simulated = [process.execPath, join(import.meta.dirname, "boxes.ts"), `${port}`, ...others];
  const boxes = Bun.spawn([...idle, ...simulated], { stdin: "pipe", stdout: "pipe" });
  closers.push(() => boxes.kill());
  const ask = asker(boxes);
  await until(async () => (await ask()).synced === others.length, 60_000, () => "the simulated boxes are not synced");

  const seats = await Promise.all([[relayed, "relay"], [direct, "direct"]].map(async ([site, driver]) => {
    const httpPort = await quietPort();
    const text = JSON.parse(configuration(own, (site as Site).pbx.port, httpPort, join(folder, `${driver}.db`)));
    if (driver === "relay") text.line = { driver, servers: [`nats://127.0.0.1:${port}`] };
    const process = start(`${driver}`, `${driver}-box.json`, JSON.stringify(text), ["run"]);
    await until(() => Promise.resolve(process.log().includes("telesetd is running")), 20_000, process.log);
    await register(httpPort, site as Site);
    return { site: site as Site, process, driver: driver as "relay" | "direct" };
  }));
  await rest(3000);
  for (const { site } of seats) await site.play({ ...pace, calls: 20 });

  const [relayCpu, brokerCpu] = [cpuFrom(relay.pid), cpuFrom(broker.pid)];
  const since = now();
  const all: Record<"relay" | "direct", number[]> = { relay: [], direct: [] };
  for (let turn = 0; turn < extent.fleetTurns; turn++) {
    for (const { site, driver } of seats) {
      const { latencies, tally } = await site.play({ ...pace, calls: extent.calls });
      all[driver].push(...latencies);
      results.addFaults(column, driver === "relay" ? "through the relay" : "direct", tally, table);
    }
  }
  const lasted = now() - since;
  for (const share of [0.5, 0.99] as const) {
    const name = share === 0.5 ? "p50" : "p99";
    const [direct, relayed] = [quantile(all.direct, share), quantile(all.relay, share)];
    add(`event to POST, direct, ${name}`, "ms", direct);
    add(`event to POST, through the relay, ${name}`, "ms", relayed);
    add(`added, ${name}`, "ms", relayed - direct);
  }
  add("relay: CPU", "core", relayCpu() / lasted);
  add("broker: CPU", "core", brokerCpu() / lasted);
  add("relay: memory", "kB", memory(relay.pid).rss);
  add("broker: memory", "kB", memory(broker.pid).rss);
  const cost = relayed.pbx.costs()[0];
  add("connections at the switch", "whole", relayed.pbx.costs().length);
  add("filters at the switch", "whole", cost?.filters ?? NaN);

  broker.kill("SIGKILL");
  await broker.exited;
  await rest(2000);
  broker = startBroker(port);
  const back = now();
  const isBack = async () => (await ask()).synced === others.length && relay.log().split("Connected to the broker").length > 2;
  await until(isBack, 60_000, () => "not all are back");
  add("after kill -9 of the broker: all back and synced", "s", (now() - back) / 1000);
  const { tally } = await relayed.play({ ...pace, calls: extent.calls });
  results.addFaults(column, "after it, through the relay", tally, table);
  add("relay: memory after it", "kB", memory(relay.pid).rss);
}

function startBroker(port: number): Bun.Subprocess {
  return Bun.spawn([server ?? "", "-a", "127.0.0.1", "-p", `${port}`], { stdin: "ignore", stdout: "ignore", stderr: "ignore" });
}

function relayConfiguration(desks: readonly string[], brokerPort: number, switchPort: number): string {
  return JSON.stringify({
    relay: { servers: [`nats://127.0.0.1:${brokerPort}`], desks: desks.map((extension) => ({ extension })) },
    line: { driver: "freeswitch", host: "127.0.0.1", port: switchPort, password: "ClueCon", domain },
  });
}

/** The counts of the simulated boxes. */
function asker(boxes: Bun.Subprocess<"pipe", "pipe", "inherit">): () => Promise<{ synced: number }> {
  const reader = boxes.stdout.getReader();
  return async () => {
    boxes.stdin.write("?\n");
    await boxes.stdin.flush();
    let text = "";
    while (!text.endsWith("\n")) text += new TextDecoder().decode((await reader.read()).value);
    return JSON.parse(text) as { synced: number };
  };
}

async function until(look: () => Promise<boolean>, ms: number, otherwise: () => string): Promise<void> {
  for (const late = now() + ms; !await look(); await rest(50)) if (now() > late) throw new Error(otherwise());
}
