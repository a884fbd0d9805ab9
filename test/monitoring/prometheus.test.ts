/** Debian's Prometheus scrapes the compiled daemon with the example configuration, and answers queries. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { closeSync, copyFileSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { YAML } from "bun";
import { Simulator } from "../../simulator/freeswitch/mod.ts";
import { sendCallout, SmallCrm } from "../../simulator/crm/mod.ts";
import { version } from "../../src/version.ts";
import { Box, noBinary } from "../support/daemon/box.ts";
import { quietPort } from "../support/ports.ts";
import { alerts, dashboard, folder } from "../support/promql.ts";

setDefaultTimeout(60_000);

const missing = existsSync("/usr/bin/prometheus") && existsSync("/usr/bin/promtool")
  ? noBinary
  : " (skipped: /usr/bin/prometheus is missing, apt-get install prometheus)";

interface Answer {
  readonly status: string;
  readonly error?: string;
  readonly data: { readonly result: readonly { readonly metric: Record<string, string>; readonly value: [number, string] }[] };
}

/** The example configuration with the addresses of this test and a scrape every second. */
function configuration(box: number): string {
  const example = YAML.parse(readFileSync(join(folder, "prometheus.yml"), "utf8")) as {
    rule_files: string[];
    scrape_configs: { static_configs: { targets: string[] }[] }[];
  };
  const [job] = example.scrape_configs;
  if (!job) throw new Error("The example scrapes nothing");
  return JSON.stringify({
    global: { scrape_interval: "1s", scrape_timeout: "1s", evaluation_interval: "1s" },
    rule_files: ["alerts.yml"],
    scrape_configs: [{ ...job, static_configs: [{ targets: [`127.0.0.1:${box}`] }] }],
  });
}

describe.skipIf(missing !== "")(`Prometheus${missing}`, () => {
  const place = mkdtempSync(join(tmpdir(), "telesetd-prometheus-"));
  const sim = new Simulator();
  let crm: SmallCrm;
  let box: Box;
  let server: Bun.Subprocess;
  let api = "";

  beforeAll(async () => {
    await sim.start();
    crm = await SmallCrm.open();
    box = new Box({ folder: place, port: await quietPort(), switchPort: sim.port, desks: ["1001", "1002"] });
    await box.start();
    await box.connected();
    const register = { FunctionName: "Register", telesetNumber: "1001", agentID: "7", port: String(crm.port) };
    await sendCallout(box.port, "/", register);
    const call = await sim.inbound({ from: "14155550123", to: "1001" });
    await call.answer();
    await call.callerHangsUp();
    await crm.until(3, 5000);
    copyFileSync(join(folder, "alerts.yml"), join(place, "alerts.yml"));
    writeFileSync(join(place, "prometheus.yml"), configuration(box.port));
    const port = await quietPort();
    const log = openSync(join(place, "prometheus.log"), "w");
    server = Bun.spawn([
      "/usr/bin/prometheus",
      `--config.file=${join(place, "prometheus.yml")}`,
      `--storage.tsdb.path=${join(place, "data")}`,
      `--web.listen-address=127.0.0.1:${port}`,
    ], { stdin: "ignore", stdout: log, stderr: log });
    closeSync(log);
    api = `http://127.0.0.1:${port}/api/v1`;
    await until('telesetd_events_total{event="CallReleased",result="delivered"} == 1');
    // A rate needs two scrapes.
    await until("rate(process_cpu_seconds_total[1m])");
  });

  afterAll(async () => {
    server?.kill("SIGKILL");
    await server?.exited;
    await box?.kill();
    crm?.close();
    sim.stop();
    rmSync(place, { recursive: true, force: true });
  });

  async function query(expr: string): Promise<Answer> {
    const answer = await fetch(`${api}/query?query=${encodeURIComponent(expr)}`);
    return await answer.json() as Answer;
  }

  /** Queries until there is a result: Prometheus scrapes at its own pace. */
  async function until(expr: string): Promise<Answer> {
    for (const late = performance.now() + 50_000; performance.now() < late; await Bun.sleep(100)) {
      const answer = await query(expr).catch(() => undefined);
      if (answer?.data?.result.length) return answer;
    }
    throw new Error(`Nothing for ${expr}: ${readFileSync(join(place, "prometheus.log"), "utf8")}`);
  }

  const values = async (expr: string): Promise<Record<string, string>> =>
    Object.fromEntries((await query(expr)).data.result.map(({ metric, value }) => [JSON.stringify(metric), value[1]]));

  test("sees the box as a healthy target", async () => {
    const targets = await (await fetch(`${api}/targets`)).json() as {
      data: { activeTargets: { health: string; lastError: string; scrapeUrl: string }[] };
    };
    expect(targets.data.activeTargets).toEqual([
      expect.objectContaining({ health: "up", lastError: "", scrapeUrl: `http://127.0.0.1:${box.port}/metrics` }),
    ]);
  });

  test("answers queries with the values of the box", async () => {
    expect(await values("sum by (kind, disposition) (telesetd_calls_total) > 0")).toEqual({
      '{"disposition":"answered","kind":"inbound"}': "1",
    });
    expect(await values("sum by (desk) (telesetd_phone_registered)")).toEqual({ '{"desk":"1001"}': "1", '{"desk":"1002"}': "1" });
    expect(await values("sum by (version) (telesetd_build_info)")).toEqual({ [JSON.stringify({ version })]: "1" });
    const quantile = "histogram_quantile(0.99, sum by (le) (telesetd_event_delivery_seconds_bucket))";
    expect(Number(Object.values(await values(quantile))[0])).toBeLessThan(5);
    expect(Number(Object.values(await values("process_resident_memory_bytes"))[0])).toBeGreaterThan(10e6);
    const age = Object.values(await values("time() - process_start_time_seconds"))[0];
    expect(Math.abs(Number(age) - 15)).toBeLessThan(30);
  });

  test("knows the types and meanings", async () => {
    const { data } = await (await fetch(`${api}/metadata`)).json() as { data: Record<string, { type: string; help: string }[]> };
    // In OpenMetrics a counter's family has no suffix.
    expect(data["telesetd_calls"]?.[0]?.type ?? data["telesetd_calls_total"]?.[0]?.type).toBe("counter");
    expect(data["telesetd_event_delivery_seconds"]?.[0]?.type).toBe("histogram");
    expect(data["telesetd_ready"]?.[0]?.help).toContain("/readyz");
  });

  test("evaluates all alerts, and none fires", async () => {
    type Rules = { data: { groups: { rules: { name: string; health: string; state: string; lastError?: string }[] }[] } };
    let rules: Rules["data"]["groups"][number]["rules"] = [];
    for (const late = performance.now() + 50_000; performance.now() < late; await Bun.sleep(100)) {
      rules = (await (await fetch(`${api}/rules`)).json() as Rules).data.groups.flatMap((group) => group.rules);
      if (rules.length > 0 && rules.every(({ health }) => health !== "unknown")) break;
    }
    expect(rules.map(({ name }) => name).toSorted()).toEqual(alerts().map(({ alert }) => alert).toSorted());
    expect(rules.filter(({ health, state }) => health !== "ok" || state === "firing")).toEqual([]);
  });

  test.each(dashboard().panels.flatMap(({ title, targets }) => targets.map(({ expr }) => [title, expr] as const)))(
    "answers the query of the panel %s: %s",
    async (_, expr) => {
      const filled = expr.replaceAll("$__rate_interval", "1m").replaceAll("$instance", ".*");
      const answer = await query(filled);
      expect([answer.status, answer.error]).toEqual(["success", undefined]);
      expect(answer.data.result.length).toBeGreaterThan(0);
    },
  );

  test("promtool finds nothing wrong with the page", async () => {
    const page = await (await fetch(`http://127.0.0.1:${box.port}/metrics`)).text();
    const check = Bun.spawnSync(["/usr/bin/promtool", "check", "metrics"], { stdin: Buffer.from(page) });
    expect([check.exitCode, `${check.stdout}${check.stderr}`]).toEqual([0, ""]);
  });

  test("promtool finds nothing wrong with the example", () => {
    writeFileSync(
      join(place, "example.yml"),
      readFileSync(join(folder, "prometheus.yml"), "utf8").replace("/etc/prometheus/telesetd/", `${place}/`),
    );
    const check = Bun.spawnSync(["/usr/bin/promtool", "check", "config", join(place, "example.yml")]);
    expect([check.exitCode, `${check.stderr}`]).toEqual([0, ""]);
  });

  test("notices that the box is down", async () => {
    await box.kill();
    await until('up{job="telesetd"} == 0');
  });
});
