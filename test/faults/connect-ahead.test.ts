/** The whole daemon with a connection to the CRM made ahead of events, and CRMs that cannot handle one. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { domain, newParties, type Parties, scripts } from "../../bench/frames.ts";
import { Pbx } from "../../bench/pbx.ts";
import { sendCallout } from "../../simulator/crm/mod.ts";
import { answer, type PeerOptions, SparePeer } from "../support/cctsdk/spare-peer.ts";
import { ownFolder } from "../support/folder.ts";
import { quietPort } from "../support/ports.ts";
import { until } from "../support/until.ts";

setDefaultTimeout(60_000);

const folder = ownFolder();
const [script] = scripts();
const root = join(import.meta.dir, "../..");

/** The daemon from its sources, its switch and its CRM. */
class Site {
  #child: Bun.Subprocess | undefined;
  #log = "";

  private constructor(readonly pbx: Pbx, readonly crm: SparePeer, readonly port: number) {}

  static async open(options: PeerOptions = {}): Promise<Site> {
    const site = new Site(await Pbx.open(), await SparePeer.open(options), await quietPort());
    await site.start();
    const agent = { agentID: "anna", ipAddress: "127.0.0.1", port: String(site.crm.port) };
    for (const telesetNumber of ["1001", "1002"]) {
      expect(await sendCallout(site.port, "/", { FunctionName: "Register", telesetNumber, ...agent, agentID: telesetNumber }))
        .not.toContain("Error");
    }
    return site;
  }

  async start(): Promise<void> {
    const config = join(folder, `${this.port}.json`);
    writeFileSync(
      config,
      JSON.stringify({
        desks: [{ extension: "1001" }, { extension: "1002" }],
        line: { driver: "freeswitch", host: "127.0.0.1", port: this.pbx.port, password: "ClueCon", domain },
        http: { host: "127.0.0.1", port: this.port },
        store: { path: join(folder, `${this.port}.db`) },
      }),
    );
    this.#log = join(folder, `${this.port}.log`);
    const command = [process.execPath, join(root, "src/main.ts"), "run", "--config", config];
    const env = { PATH: process.env["PATH"] };
    this.#child = Bun.spawn(command, { stdin: "ignore", stdout: "ignore", stderr: Bun.file(this.#log), env });
    // This switch lists no channels: a call that lives when the daemon looks once more would end.
    await this.pbx.settled(2);
  }

  log(): Promise<string> {
    return Bun.file(this.#log).text();
  }

  get descriptors(): number {
    return readdirSync(`/proc/${this.#child?.pid}/fd`).length;
  }

  async end(signal: NodeJS.Signals): Promise<void> {
    this.#child?.kill(signal);
    await this.#child?.exited;
    await until("its connection to the switch is left", () => this.pbx.costs().length === 0);
  }

  /** The frames of a moment of a call; `from` and `to` select some of them. */
  play(parties: Parties, moment: number, from?: number, to?: number): void {
    for (const frame of script?.[moment]?.slice(from, to) ?? []) this.pbx.publish(frame, parties);
  }

  /** What the CRM has got of a call. */
  events({ leg }: Parties): string[] {
    return this.crm.events.flatMap((event) => event.endsWith(leg) ? [event.replace(/ .*/, "")] : []);
  }

  async arrives(name: string, { leg }: Parties): Promise<void> {
    await until(() => `${name} of ${leg} is not among ${this.crm.events}`, () => this.crm.events.includes(`${name} ${leg}`));
  }

  /** A call at a desk, each moment after the event of the one before. */
  async call(desk = "1001"): Promise<Parties> {
    const parties = newParties(desk);
    for (const [moment, name] of all.entries()) {
      this.play(parties, moment);
      await this.arrives(name, parties);
    }
    return parties;
  }

  async close(): Promise<void> {
    await this.end("SIGTERM");
    this.crm.close();
    this.pbx.close();
  }
}

const all = ["ScreenPop", "CallEstablished", "CallReleased"];
/** The frames of the ring before it rings; the CHANNEL_CREATE of the desk's leg is one of them. */
const announced = script?.[0]?.findIndex(({ isCause }) => isCause) ?? 0;

test("the leg of a call makes a connection, which carries its ScreenPop; between calls none is open, nor after a stop", async () => {
  const site = await Site.open();
  const parties = newParties("1001");
  site.play(parties, 0, 0, announced);
  await site.crm.connections(1, 1);
  site.play(parties, 0, announced);
  await site.arrives("ScreenPop", parties);
  expect(site.crm.seen[0]?.text).toContain("ScreenPop");
  await site.crm.connections(2, 1);
  site.play(parties, 1);
  site.play(parties, 2);
  await site.arrives("CallReleased", parties);
  await site.crm.connections(3, 0);
  site.play(newParties("1001"), 0, 0, announced);
  await site.crm.connections(4, 1);
  await site.end("SIGTERM");
  await site.crm.connections(4, 0);
  expect(site.events(parties)).toEqual(all);
  await site.close();
});

test("killed with a connection open: nothing was sent over it, and the next daemon works as before", async () => {
  const site = await Site.open();
  const parties = newParties("1001");
  site.play(parties, 0, 0, announced);
  await site.crm.connections(1, 1);
  await site.end("SIGKILL");
  await site.crm.connections(1, 0);
  expect(site.crm.seen[0]?.text).toBe("");
  await site.start();
  expect(site.events(await site.call())).toEqual(all);
  await site.close();
});

describe("calls at two desks with a CRM that", () => {
  const cases: [string, PeerOptions][] = [
    ["serves one connection at a time", { oneAtATime: true }],
    ["needs a while for each answer", { onPost: (seen) => void setTimeout(() => answer(seen), 20) }],
  ];
  test.concurrent.each(cases)("%s: all arrives once and in order", async (_, options) => {
    const site = await Site.open(options);
    await site.call();
    const before = site.descriptors;
    const calls: Parties[] = [];
    await Promise.all(["1001", "1002"].map(async (desk) => {
      for (let call = 0; call < 8; call++) calls.push(await site.call(desk));
    }));
    // All moments at once: the events of a call wait for each other, those of the calls do not.
    const bursts = ["1001", "1002", "1001", "1002"].map((desk) => newParties(desk));
    for (const parties of bursts) for (const moment of all.keys()) site.play(parties, moment);
    for (const parties of bursts) await site.arrives("CallReleased", parties);
    expect([...calls, ...bursts].map((parties) => site.events(parties))).toEqual(Array(20).fill(all));
    await until("a connection is left", () => site.crm.open.length === 0);
    await until("descriptors are left", () => site.descriptors <= before);
    await site.close();
  });
});

test("a CRM that closes unused connections is named in the log once", async () => {
  const site = await Site.open();
  for (let call = 0; call < 4; call++) {
    site.play(newParties("1001"), 0, 0, announced);
    if (call < 2) {
      await site.crm.connections(call + 1, 1);
      site.crm.open[0]?.socket.end();
      await site.crm.connections(call + 1, 0);
    }
  }
  const parties = await site.call();
  expect(site.events(parties)).toEqual(all);
  expect(site.crm.seen).toHaveLength(5);
  expect((await site.log()).split("No more connections are made ahead")).toHaveLength(2);
  await site.close();
});
