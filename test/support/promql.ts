/** What the documents for monitoring say, read just far enough to compare it with the metrics that there are. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { YAML } from "bun";
import { Metrics } from "../../src/metrics/metrics.ts";
import { fleetFamilies } from "../../src/fleet/metrics.ts";
import { Roster } from "../../src/fleet/roster.ts";
import { noRelay, relayFamilies } from "../../src/relay/metrics.ts";
import { allFamilies } from "../../src/metrics/page.ts";

/** Where the documents are. */
export const folder = join(import.meta.dir, "../../docs/monitoring");

/** An alert of alerts.yml. */
export interface Alert {
  readonly alert: string;
  readonly expr: string;
  readonly for: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

/** All alerts. */
export function alerts(): Alert[] {
  const { groups } = YAML.parse(readFileSync(join(folder, "alerts.yml"), "utf8")) as { groups: { rules: Alert[] }[] };
  return groups.flatMap(({ rules }) => rules);
}

/** A panel of dashboard.json. */
export interface Panel {
  readonly id: number;
  readonly title: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly datasource: { readonly uid: string };
  readonly targets: readonly { readonly expr: string; readonly datasource: { readonly uid: string } }[];
}

/** dashboard.json. */
export interface Dashboard {
  readonly schemaVersion: number;
  readonly templating: {
    readonly list: readonly { readonly name: string; readonly type: string; readonly definition?: string }[];
  };
  readonly panels: readonly Panel[];
}

/** The dashboard. */
export function dashboard(): Dashboard {
  return JSON.parse(readFileSync(join(folder, "dashboard.json"), "utf8")) as Dashboard;
}

/** Words of PromQL in use, which are not metrics. */
const words = new Set(
  "and or unless sum min max count rate increase changes histogram_quantile vector hour day_of_week".split(" "),
);

/** The names of all samples, each with the labels that it can have, `job` and `instance` among them. */
function samples(): ReadonlyMap<string, ReadonlySet<string>> {
  const all = new Map([["up", new Set(["job", "instance"])]]);
  const relay = relayFamilies(noRelay, { server: undefined, connections: 0 });
  for (const { name, type, labels } of [...allFamilies(new Metrics()), ...fleetFamilies(() => new Roster(Date.now)), ...relay]) {
    const own = new Set(["job", "instance", ...labels.map((label) => label.name)]);
    if (type !== "histogram") all.set(name, own);
    else {for (const suffix of ["_bucket", "_sum", "_count"]) {
        all.set(name + suffix, suffix === "_bucket" ? own.union(new Set(["le"])) : own);
      }}
  }
  return all;
}

/** The values that a label of a metric can have; undefined if they are not known here. */
function valuesOf(metric: string, label: string): readonly string[] | undefined {
  const family = allFamilies(new Metrics()).find(({ name }) => name === metric);
  const values = family?.labels.find(({ name }) => name === label)?.values;
  return values?.length ? values : undefined;
}

/** What is wrong with an expression: metrics, labels and label values that do not exist. */
export function strangers(expr: string): string[] {
  const known = samples();
  const used = [...expr.matchAll(/([A-Za-z_:][\w:]*)\s*(?:\{([^}]*)\})?/g)];
  const groups = /\b(?:by|on|without|ignoring)\s*\(([^)]*)\)/g;
  const inGroups = [...expr.matchAll(groups)].flatMap(([, list = ""]) =>
    list.split(",").map((label) => label.trim()).filter(Boolean)
  );
  const plain = expr.replace(groups, " ").replace(/\{[^}]*\}/g, " ").replace(/\[[^\]]*\]/g, " ").replace(/\b[0-9][\w.]*/g, " ");
  const names = [...plain.matchAll(/[A-Za-z_:][\w:]*/g)].map(([name]) => name).filter((name) => !words.has(name));
  const wrong = names.filter((name) => !known.has(name));
  const labels = new Set(names.flatMap((name) => [...known.get(name) ?? []]));
  wrong.push(...inGroups.filter((label) => !labels.has(label)));
  for (const [, metric = "", selector] of used) {
    for (const [, label = "", , value = ""] of (selector ?? "").matchAll(/(\w+)\s*(=~|!~|!=|=)\s*"([^"]*)"/g)) {
      if (!known.get(metric)?.has(label)) wrong.push(`${metric}{${label}}`);
      const values = valuesOf(metric, label);
      if (values) {
        wrong.push(...value.split("|").filter((part) => !values.includes(part)).map((part) => `${metric}{${label}="${part}"}`));
      }
    }
  }
  return wrong;
}
