/** The tools of the bench. */
import { afterEach, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chart } from "../bench/chart.ts";
import { Crm } from "../bench/crm.ts";
import { Clock, domain, heartbeat, newParties, scripts } from "../bench/frames.ts";
import { Ledger } from "../bench/ledger.ts";
import { rush } from "../bench/load.ts";
import { Pbx } from "../bench/pbx.ts";
import type { Flow } from "../bench/rounds.ts";
import { median, quantile } from "../bench/statistics.ts";
import { markdown, tables } from "../bench/tables.ts";
import { verdicts } from "../bench/verdicts.ts";
import { lineSchemas } from "../drivers/registry.ts";
import { BareClient } from "../simulator/freeswitch/mod.ts";
import { startApp } from "../src/app.ts";
import { encodeEvent } from "../src/cctsdk/encode.ts";
import { sendCallout } from "../simulator/crm/mod.ts";
import { parseConfig } from "../src/config/schema.ts";
import { openLog } from "../src/log/log.ts";

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

const posted = (call: string, name: "CallEstablished" | "CallReleased") => encodeEvent({ name, call }).xml;

describe("the numbers", () => {
  test("a quantile is one of the values (nearest rank)", () => {
    const values = Array.from({ length: 100 }, (_, i) => 100 - i);
    expect([quantile(values, 0.5), quantile(values, 0.99), quantile(values, 1), quantile([7], 0.99)]).toEqual([50, 99, 100, 7]);
    expect(quantile([], 0.5)).toBeNaN();
  });

  test("the median of an even number of values is between the two in the middle; NaN is ignored", () => {
    expect([median([4, 1, 3]), median([4, 1, 3, 2]), median([NaN, 5])]).toEqual([3, 2.5, 5]);
  });
});

describe("the ledger", () => {
  test("measures from the write to the first arrival", () => {
    const ledger = new Ledger();
    ledger.begin("a", true);
    ledger.written("a", 1, 1_000_000);
    ledger.arrived(posted("a", "CallEstablished"), 3_500_000);
    expect(ledger.latencies).toEqual([2.5]);
  });

  test("counts lost, repeated, out-of-order and unknown events", () => {
    const ledger = new Ledger();
    ledger.begin("a", false);
    ledger.arrived(posted("a", "CallReleased"), 1);
    ledger.arrived(posted("a", "CallReleased"), 2);
    ledger.arrived(posted("a", "CallEstablished"), 3);
    ledger.arrived(posted("b", "CallEstablished"), 4);
    expect(ledger.tally).toEqual({ expected: 3, lost: 1, repeated: 1, outOfOrder: 1, strange: 1 });
  });
});

describe("the frames", () => {
  const [script] = scripts();
  const parties = { ...newParties("1777"), number: "14155550000" };
  const frame = script?.[0].frames[script[0].trigger];
  const text = frame?.bytes(parties, 42, new Clock()).toString() ?? "";
  const event = JSON.parse(text.slice(text.indexOf("\n\n"))) as Record<string, string>;

  test("a frame has the ids of another call and the right length", () => {
    expect(event).toMatchObject({
      "Event-Name": "CHANNEL_PROGRESS",
      "Unique-ID": parties.leg,
      "Other-Leg-Unique-ID": parties.far,
      "Channel-Presence-ID": `1777@${domain}`,
      "Caller-Caller-ID-Number": parties.number,
      "Event-Sequence": "100000042",
      variable_dialed_user: "1777",
    });
    const length = Number(/Content-Length: (\d+)/.exec(text)?.[1]);
    expect(Buffer.byteLength(text.slice(text.indexOf("\n\n") + 2))).toBe(length);
  });

  test("no value of the recorded call is left", () => {
    expect(text).not.toContain("14155550123");
    expect(text).not.toMatch(/\b1001@/);
    expect(text).not.toContain("fecfb5cb-d338-450f-a2fc-25aa0f3a06a7");
  });

  test("a frame has the current time", () => {
    expect(Math.abs(Number(event["Event-Date-Timestamp"]) / 1000 - Date.now())).toBeLessThan(60_000);
  });
});

describe("the switch and the CRM of the bench", () => {
  test("a client with filters gets only its desk's events, and the cost is counted", async () => {
    const pbx = new Pbx();
    pbx.listen(heartbeat(), newParties("1001"));
    closers.push(() => pbx.close());
    const client = await BareClient.connect(pbx.port);
    closers.push(() => client.close());
    await client.send("auth ClueCon");
    await client.send(`filter Channel-Presence-ID 1001@${domain}`);
    await client.send("event json CHANNEL_PROGRESS CHANNEL_ANSWER");
    const [script] = scripts();
    for (const extension of ["1001", "1002"]) {
      const parties = newParties(extension);
      for (const frame of script?.[0].frames ?? []) pbx.publish(frame, parties);
    }
    await client.until(() => client.events().length > 0);
    expect(client.events().map((event) => [event["Event-Name"], event["Channel-Presence-ID"]])).toEqual([
      ["CHANNEL_PROGRESS", `1001@${domain}`],
    ]);
    expect(pbx.costs()).toEqual([{ filters: 1, events: 1, bytes: expect.any(Number), commands: 3 }]);
  });

  test("the daemon delivers every call, and its times are measured", async () => {
    const ledger = new Ledger();
    const crm = new Crm((body, at) => ledger.arrived(body, at));
    const pbx = new Pbx();
    pbx.listen(heartbeat(), newParties("1001"));
    const folder = mkdtempSync(join(tmpdir(), "telesetd-"));
    const text = JSON.stringify({
      desks: [{ extension: "1001" }],
      line: { driver: "freeswitch", host: "127.0.0.1", port: pbx.port, password: "ClueCon", domain },
      http: { host: "127.0.0.1" },
      store: { path: join(folder, "bench.db") },
    });
    const config = parseConfig(text, lineSchemas, {});
    const app = await startApp({ ...config, http: { ...config.http, port: 0 } }, openLog(() => {}, "error", false));
    try {
      const agent = { telesetNumber: "1001", agentID: "anna", ipAddress: "127.0.0.1", port: String(crm.port) };
      await sendCallout(app.port, "/", { FunctionName: "Register", ...agent });
      await pbx.settled(1, 1);
      await rush({ pbx, ledger, scripts: scripts(), desks: ["1001"] }, 6, 2);
      expect(ledger.tally).toEqual({ expected: 18, lost: 0, repeated: 0, outOfOrder: 0, strange: 0 });
      expect(ledger.latencies).toHaveLength(18);
      expect(Math.min(...ledger.latencies)).toBeGreaterThan(0);
    } finally {
      await app.stop();
      crm.close();
      pbx.close();
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

describe("the report", () => {
  const flow = (p50: number, p99: number): Flow => {
    const tally = { expected: 300, lost: 0, repeated: 0, outOfOrder: 0, strange: 0 };
    return { p50, p99, max: p99, cpu: 1, load: 0.1, ...tally };
  };
  const results = { oneDesk: { unit: [flow(1, 4), flow(1.2, 4)], floor: [flow(0.5, 1), flow(0.5, 1)] } };

  test("shows whether each target is met, by the median of the ratios of the turns", () => {
    const [p50, p99, node] = verdicts(results);
    expect(p50).toMatchObject({ measured: "2.20 times", met: false });
    expect(p99).toMatchObject({ measured: "4.00 times", met: false });
    expect(node).toMatchObject({ measured: "not measured in this run" });
    expect(node?.met).toBeUndefined();
  });

  test("the tables have a column for each contestant in the run", () => {
    const [, sideBySide] = tables(results, verdicts(results)).map(markdown);
    expect(sideBySide).toContain("| C floor");
    expect(sideBySide).not.toContain("Node");
  });

  test("the chart is deterministic, and has texts for screen readers", () => {
    expect(chart(results)).toBe(chart(structuredClone(results)));
    expect(chart(results)).toContain("prefers-color-scheme:dark");
    expect(chart(results)).toContain("<title>");
  });
});
