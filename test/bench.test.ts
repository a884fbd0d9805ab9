/** The tools of the bench. */
import { afterEach, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chart } from "../bench/chart.ts";
import { configuration, labels, register } from "../bench/contestants.ts";
import { domain, newParties, scripts } from "../bench/frames.ts";
import { Ledger } from "../bench/ledger.ts";
import { Site } from "../bench/load.ts";
import { median, quantile } from "../bench/measure.ts";
import { Results, verdicts } from "../bench/results.ts";
import { lineSchemas } from "../drivers/registry.ts";
import { BareClient } from "../simulator/freeswitch/mod.ts";
import { startApp } from "../src/app.ts";
import { encodeEvent } from "../src/cctsdk/encode.ts";
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
    ledger.begin("a");
    ledger.written("a", 1, 1);
    ledger.arrived(posted("a", "CallEstablished"), 3.5);
    expect(ledger.latencies).toEqual([2.5]);
  });

  test("counts lost, repeated, out-of-order and unknown events", () => {
    const ledger = new Ledger();
    ledger.begin("a");
    ledger.arrived(posted("a", "CallReleased"), 1);
    ledger.arrived(posted("a", "CallReleased"), 2);
    ledger.arrived(posted("a", "CallEstablished"), 3);
    ledger.arrived(posted("b", "CallEstablished"), 4);
    expect(ledger.tally).toEqual({ expected: 3, lost: 1, repeated: 1, outOfOrder: 1, strange: 1 });
  });
});

describe("the frames", () => {
  const parties = { ...newParties("1777"), number: "14155550000" };
  const frame = scripts()[0]?.[0]?.find(({ isCause }) => isCause);
  const text = frame?.text(parties, 42) ?? "";
  const event = JSON.parse(text.slice(text.indexOf("\n\n"))) as Record<string, string>;

  test("a frame has the ids of another call and the right length", () => {
    expect(event).toMatchObject({
      "Event-Name": "CHANNEL_PROGRESS",
      "Unique-ID": parties.leg,
      "Other-Leg-Unique-ID": parties.far,
      "Channel-Presence-ID": `1777@${domain}`,
      "Caller-Caller-ID-Number": parties.number,
      "Event-Sequence": "42",
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
    const site = await openSite();
    const client = await BareClient.listen(site.pbx.port, "CHANNEL_PROGRESS CHANNEL_ANSWER", [
      `Channel-Presence-ID 1001@${domain}`,
    ]);
    closers.push(() => client.close());
    for (const extension of ["1001", "1002"]) {
      const parties = newParties(extension);
      for (const frame of scripts()[0]?.[0] ?? []) site.pbx.publish(frame, parties);
    }
    await client.until(() => client.events().length > 0);
    expect(client.events().map((event) => [event["Event-Name"], event["Channel-Presence-ID"]])).toEqual([
      ["CHANNEL_PROGRESS", `1001@${domain}`],
    ]);
    expect(site.pbx.costs()).toEqual([{ filters: 1, events: 1, bytes: expect.any(Number), commands: 3 }]);
  });

  test("the daemon delivers every call, one after the other and in bursts, and its times are measured", async () => {
    const site = await openSite();
    const folder = mkdtempSync(join(tmpdir(), "telesetd-"));
    const config = parseConfig(configuration(site.desks, site.pbx.port, 1, join(folder, "bench.db")), lineSchemas, {});
    const app = await startApp({ ...config, http: { ...config.http, port: 0 } }, openLog(() => {}, "error", false));
    try {
      await register(app.port, site);
      await site.pbx.settled(1);
      const burst = { callsPerSecond: 40, calls: 6, gapMs: 0, others: 0 };
      for (const ledger of [await site.rush(6, 2), await site.play(burst)]) {
        expect(ledger.tally).toEqual({ expected: 18, lost: 0, repeated: 0, outOfOrder: 0, strange: 0 });
        expect(ledger.latencies).toHaveLength(18);
        expect(Math.min(...ledger.latencies)).toBeGreaterThan(0);
      }
    } finally {
      await app.stop();
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

async function openSite(): Promise<Site> {
  const site = await Site.open(["1001"]);
  closers.push(() => site.close());
  return site;
}

describe("the report", () => {
  const results = new Results();
  const times = { unit: { p50: [1, 1.2], p99: [4, 4] }, floor: { p50: [0.5, 0.5], p99: [1, 1] } };
  for (const [key, { p50, p99 }] of Object.entries(times)) {
    for (const value of p50) results.add(key, "event to POST, p50", "ms", value);
    for (const value of p99) results.add(key, "event to POST, p99", "ms", value);
    results.addFaults(key, "event to POST", { expected: 6, lost: 1, repeated: 2, outOfOrder: 0, strange: 0 });
    results.addFaults(key, "event to POST", { expected: 6, lost: 0, repeated: 0, outOfOrder: 1, strange: 0 });
  }

  test("shows whether each target is met, by the median of the ratios of the turns", () => {
    const [p50, p99, node] = verdicts(results);
    expect(p50).toEqual(["event to POST, p50, against the C floor", "at most 3 times", "2.20 times", "met"]);
    expect(p99).toEqual(["event to POST, p99, against the C floor", "at most 3 times", "4.00 times", "MISSED"]);
    expect(node?.slice(2)).toEqual(["not measured in this run", ""]);
  });

  test("a table has a column for each contestant in the run, the median of the times and the sum of the faults", () => {
    expect(results.tables(labels)).toEqual([`### Side by side

|                                               | telesetd (as the unit runs it) | C floor |
| --------------------------------------------- | ------------------------------ | ------- |
| event to POST, p50                            | 1.10 ms                        | 0.50 ms |
| event to POST, p99                            | 4.00 ms                        | 1.00 ms |
| event to POST, lost, repeated or out of order | 4                              | 4       |
`]);
  });

  test("the chart is deterministic, and has texts for screen readers", () => {
    expect(chart(results)).toBe(chart(results));
    expect(chart(results)).toContain("prefers-color-scheme:dark");
    expect(chart(results)).toContain("<title>");
  });
});
