/** The alerts and the dashboard use existing metrics and labels; the page of metrics is complete. */
import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Metrics } from "../../src/metrics/metrics.ts";
import { fleetFamilies } from "../../src/fleet/metrics.ts";
import { noRelay, relayFamilies } from "../../src/relay/metrics.ts";
import { Roster } from "../../src/fleet/roster.ts";
import { allFamilies } from "../../src/metrics/page.ts";
import { alerts, dashboard, folder, strangers } from "../support/promql.ts";

describe("the reader of PromQL finds", () => {
  test.each([
    ["telesetd_outbox_event > 1", ["telesetd_outbox_event"]],
    ["sum by (instace) (telesetd_outbox_events)", ["instace"]],
    ['telesetd_events_total{result="given_op"}', ['telesetd_events_total{result="given_op"}']],
    ['telesetd_events_total{results="discarded"}', ["telesetd_events_total{results}"]],
    ['telesetd_log_lines_total{level=~"warning|eror"}', ['telesetd_log_lines_total{level="eror"}']],
    ["telesetd_event_delivery_seconds > 1", ["telesetd_event_delivery_seconds"]],
    ["sume(telesetd_outbox_events)", ["sume"]],
    ['rate(telesetd_event_delivery_seconds_bucket{instance=~"x"}[5m]) > 9e6', []],
  ])("in %s the errors %j", (expr, wrong) => expect(strangers(expr)).toEqual(wrong));
});

describe("the alerts", () => {
  const all = alerts();
  test("have unique names", () => expect(new Set(all.map(({ alert }) => alert)).size).toBe(all.length));
  test.each(all.map((alert) => [alert.alert, alert] as const))(
    "%s: existing metrics, a summary and a next step",
    (name, alert) => {
      expect(strangers(alert.expr)).toEqual([]);
      expect(name).toMatch(/^Telesetd[A-Z]\w+$/);
      expect(["critical", "warning", "info"]).toContain(alert.labels["severity"] ?? "");
      expect(alert.annotations["summary"]).toMatch(/\.$/);
      expect(alert.annotations["next_step"]).toMatch(/.{20,}/);
      expect(alert.for).toMatch(/^\d+[mhd]$/);
    },
  );
  test("the memory alert fires below the unit's throttling limit", () => {
    const unit = readFileSync(join(import.meta.dir, "../../systemd/telesetd.service"), "utf8");
    const throttled = Number(/^MemoryHigh=(\d+)M$/m.exec(unit)?.[1]) * 1024 * 1024;
    const alarm = all.find(({ alert }) => alert === "TelesetdMemoryHigh")?.expr ?? "";
    expect(Number(/> (\S+)$/.exec(alarm)?.[1])).toBeLessThan(throttled);
  });
});

describe("the dashboard", () => {
  const { schemaVersion, templating, panels } = dashboard();
  test.each(panels.map((panel) => [panel.title, panel] as const))(
    "%s: existing metrics of the selected boxes and data source",
    (_, panel) => {
      expect(panel.datasource.uid).toBe("${datasource}");
      for (const { expr, datasource } of panel.targets) {
        expect(strangers(expr.replaceAll("$__rate_interval", "5m"))).toEqual([]);
        expect(expr).toContain('instance=~"$instance"');
        expect(datasource.uid).toBe("${datasource}");
      }
    },
  );
  test("can be imported: a schema version, variables, panels that do not overlap", () => {
    expect(schemaVersion).toBeGreaterThanOrEqual(36);
    expect(templating.list.map(({ name, type }) => `${name} ${type}`)).toEqual(["datasource datasource", "instance query"]);
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
      Array.from({ length: w * h }, (_, at) => `${x + at % w},${y + Math.floor(at / w)}`)
    );
    expect(new Set(cells).size).toBe(cells.length);
    expect(panels.every(({ gridPos: { x, w } }) => x + w <= 24)).toBe(true);
  });
});

test("every metric is used in an alert or a panel", () => {
  const used = [
    ...alerts().map(({ expr }) => expr),
    ...dashboard().panels.flatMap(({ targets }) => targets.map(({ expr }) => expr)),
  ];
  const unused = allFamilies(new Metrics()).map(({ name }) => name).filter((name) => !used.some((expr) => expr.includes(name)));
  expect(unused).toEqual([]);
});

test("docs/monitoring/metrics.md lists exactly the existing metrics with their types", () => {
  const page = readFileSync(join(folder, "metrics.md"), "utf8");
  const rows = [...page.matchAll(/^\| `(\w+)` \| (\w+) \|/gm)].map(([, name, type]) => `${name} ${type}`);
  const ofRelay = relayFamilies(noRelay, { server: undefined, connections: 0 });
  const families = [...allFamilies(new Metrics()), ...fleetFamilies(() => new Roster(() => 0)), ...ofRelay];
  expect(rows).toEqual(families.map(({ name, type }) => `${name} ${type}`));
});
