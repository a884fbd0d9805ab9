/**
 * The cost of a call, without measuring time: events from the switch, transactions, bytes to the flash, log lines, system
 * calls, objects kept. The limits are slightly above the measured counts; a commit that raises one explains why.
 */
import { heapStats } from "bun:jsc";
import { Statement } from "bun:sqlite";
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Crm } from "../bench/crm.ts";
import { domain, heartbeat, newParties, scripts } from "../bench/frames.ts";
import { Ledger } from "../bench/ledger.ts";
import { rush } from "../bench/load.ts";
import { type Cost, Pbx } from "../bench/pbx.ts";
import { lineSchemas } from "../drivers/registry.ts";
import { type App, startApp } from "../src/app.ts";
import { sendCallout } from "../simulator/crm/mod.ts";
import { parseConfig } from "../src/config/schema.ts";
import { openLog } from "../src/log/log.ts";
import { quietPort } from "./support/ports.ts";
import { ownFolder } from "./support/folder.ts";

setDefaultTimeout(60_000);

const root = join(import.meta.dir, "..");
const folder = ownFolder();

/** The number of answered calls, each from a recording, one after the other. */
const calls = 30;

/** A switch and a CRM, with calls between them. */
class Site {
  readonly pbx = new Pbx();
  #ledger = new Ledger();
  readonly crm = new Crm((body, at) => this.#ledger.arrived(body, at));

  constructor() {
    this.pbx.listen(heartbeat(), newParties("1001"));
  }

  /** Plays calls at a desk, each event after the one before has arrived; all must be delivered once and in order. */
  async play(desk = "1001", count = calls): Promise<void> {
    this.#ledger = new Ledger();
    await rush({ pbx: this.pbx, ledger: this.#ledger, scripts: scripts(), desks: [desk] }, count, 1);
    expect(this.#ledger.tally).toEqual({ expected: 3 * count, lost: 0, repeated: 0, outOfOrder: 0, strange: 0 });
  }

  /** Forgets the played calls. */
  forget(): void {
    this.#ledger = new Ledger();
  }

  configuration(name: string, port: number): string {
    return JSON.stringify({
      desks: [{ extension: "1001" }],
      line: { driver: "freeswitch", host: "127.0.0.1", port: this.pbx.port, password: "ClueCon", domain },
      http: { host: "127.0.0.1", port },
      store: { path: join(folder, `${name}.db`) },
    });
  }

  /** Registers an agent as soon as the line is up. */
  async register(port: number): Promise<void> {
    await this.pbx.settled(1, 2);
    const agent = { telesetNumber: "1001", agentID: "anna", ipAddress: "127.0.0.1", port: String(this.crm.port) };
    await sendCallout(port, "/", { FunctionName: "Register", ...agent });
  }

  close(): void {
    this.pbx.close();
    this.crm.close();
  }
}

describe("in the process", () => {
  const site = new Site();
  const lines: string[] = [];
  let app: App;
  beforeAll(async () => {
    const config = parseConfig(site.configuration("inside", 1), lineSchemas, {});
    app = await startApp({ ...config, http: { ...config.http, port: 0 } }, openLog((line) => lines.push(line), "info", true));
    await site.register(app.port);
  });
  afterAll(async () => {
    await app.stop();
    site.close();
  });
  const cost = (): Cost => site.pbx.costs()[0] ?? { filters: NaN, events: NaN, bytes: NaN, commands: NaN };

  test("a desk's connection has 7 filters and starts with 13 commands, two of them for the channels", () => {
    expect(cost().filters).toBe(7);
    expect(cost().commands).toBeLessThanOrEqual(13);
  });

  test("an answered call needs 10 of the 31 events of the switch, and two commands", async () => {
    const before = cost();
    await site.play();
    const after = cost();
    expect((after.events - before.events) / calls).toBe(10);
    // The filter of its leg is added and deleted.
    expect(after.commands - before.commands).toBe(2 * calls);
    expect(after.filters).toBe(before.filters);
  });

  test("a call at another desk costs nothing", () => {
    const before = cost();
    const parties = newParties("1002");
    for (const burst of scripts()[0] ?? []) for (const frame of burst.frames) site.pbx.publish(frame, parties);
    expect(cost()).toEqual(before);
  });

  /** The settlement of the last POST is written after its arrival. */
  const settled = async () => {
    while (app.status().outbox.waiting > 0) await new Promise((done) => setImmediate(done));
  };

  test("a call is 3 transactions on the disk and 4 lines of the log, of less than 160 characters", async () => {
    await settled();
    lines.length = 0;
    const transactions = counted();
    await site.play();
    await settled();
    // PROGRESS, ANSWER and HANGUP with their events; the CREATE is written with the PROGRESS.
    expect(transactions() / calls).toBeLessThanOrEqual(3.1);
    expect(lines.filter((line) => line.includes("Delivered to the CRM"))).toHaveLength(2 * calls);
    expect(lines.length).toBe(4 * calls);
    expect(lines.join("").length / lines.length).toBeLessThan(160);
  });

  test("no object of a call stays in the heap", async () => {
    // First fill the bounded memory of the last 64 legs and the last POSTs.
    await site.play("1001", 100);
    const objects = await resting();
    await site.play("1001", 200);
    expect((await resting() - objects) / 200).toBeLessThan(3);
  });

  /** The number of objects while idle. */
  async function resting(): Promise<number> {
    await settled();
    site.forget();
    lines.length = 0;
    for (let i = 0; i < 3; i++) {
      await new Promise((done) => setTimeout(done, 20));
      Bun.gc(true);
    }
    return heapStats().objectCount;
  }
});

describe("as a process", () => {
  const site = new Site();
  let pid: number;
  let child: Bun.Subprocess;
  const strace = Bun.which("strace");
  const straced = strace && Bun.spawnSync([strace, "-o", join(folder, "try"), "true"]).exitCode === 0;
  const noStrace = straced ? "" : " (skipped: strace is not installed or may not trace here)";

  /** The daemon from its sources, JIT off as in the unit. */
  beforeAll(async () => {
    const port = await quietPort();
    const config = join(folder, "process.json");
    writeFileSync(config, site.configuration("process", port));
    const command = [process.execPath, join(root, "src/main.ts"), "run", "--config", config];
    const env = { PATH: process.env["PATH"], BUN_JSC_useJIT: "0" };
    child = Bun.spawn(command, { stdin: "ignore", stdout: "ignore", stderr: Bun.file(join(folder, "process.log")), env });
    pid = child.pid;
    await site.register(port);
    await site.play("1001", 10);
  });
  afterAll(async () => {
    child.kill("SIGTERM");
    await child.exited;
    site.close();
  });

  test("an event writes 10 kB to the disk and the log, in 20 pieces", async () => {
    const before = written(pid);
    await site.play("1001", calls);
    const after = written(pid);
    expect((after.bytes - before.bytes) / (3 * calls)).toBeLessThan(11_000);
    expect((after.writes - before.writes) / (3 * calls)).toBeLessThan(23);
  });

  test.skipIf(noStrace !== "")(`an event is one connection and some 65 system calls${noStrace}`, async () => {
    const trace = await traced(pid);
    await site.play("1001", calls);
    const of = await trace();
    const perEvent = (name: string) => (of.get(name) ?? 0) / (3 * calls);
    expect(perEvent("connect")).toBeLessThan(1.05);
    expect(perEvent("socket")).toBeLessThan(1.05);
    // Besides the POST: two commands to the switch for the three events of a call.
    expect(perEvent("sendto") + perEvent("sendmsg")).toBeLessThan(1.9);
    expect(perEvent("pwrite64")).toBeLessThan(22);
    // One sync for all writes within 100 ms.
    expect(perEvent("fdatasync")).toBeLessThan(0.5);
    expect(perEvent("execve") + perEvent("clone3") + perEvent("fork")).toBe(0);
    // The number of calls for waiting between threads and for returning memory varies.
    for (const name of ["futex", "madvise", "sched_yield", "total"]) of.delete(name);
    expect([...of.values()].reduce((sum, count) => sum + count, 0) / (3 * calls)).toBeLessThan(85);
  });

  /** Counts the system calls of a process from now on; the returned function stops and returns the counts. */
  async function traced(pid: number): Promise<() => Promise<Map<string, number>>> {
    const report = join(folder, "strace");
    const output = join(folder, "strace.log");
    const command = [strace ?? "", "-c", "-f", "-U", "name,calls", "-o", report, "-p", String(pid)];
    const child = Bun.spawn(command, { stdin: "ignore", stdout: "ignore", stderr: Bun.file(output) });
    while (!existsSync(output) || !readFileSync(output, "utf8").includes("attached")) {
      await new Promise((done) => setTimeout(done, 5));
    }
    return async () => {
      child.kill("SIGINT");
      await child.exited;
      const rows = [...readFileSync(report, "utf8").matchAll(/^(\w+) +(\d+)$/gm)];
      return new Map(rows.map(([, name = "", count]) => [name, Number(count)]));
    };
  }
});

/** The bytes and calls of write(2) and similar of a process so far, without sockets (proc(5)). */
function written(pid: number): { bytes: number; writes: number } {
  const io = readFileSync(`/proc/${pid}/io`, "utf8");
  const value = (name: string) => Number(new RegExp(`^${name}: (\\d+)`, "m").exec(io)?.[1]);
  return { bytes: value("wchar"), writes: value("syscw") };
}

/** Counts the transactions on the disk from now on; the returned function stops and returns the count. */
function counted(): () => number {
  const { run } = Statement.prototype;
  let count = 0;
  Statement.prototype.run = function (this: Statement, ...values) {
    count += Number(this.toString() === "COMMIT");
    return run.apply(this, values);
  };
  return () => {
    Statement.prototype.run = run;
    return count;
  };
}
