/** Generates docs/configuration.md, docs/monitoring/metrics.md, the manual pages and the completion for bash from the code. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { type Key, keys, relayKeys } from "./keys.ts";
import { Metrics } from "../src/metrics/metrics.ts";
import { fleetFamilies } from "../src/fleet/metrics.ts";
import { Roster } from "../src/fleet/roster.ts";
import type { Family } from "../src/metrics/exposition.ts";
import { noRelay, relayFamilies } from "../src/relay/metrics.ts";
import { allFamilies } from "../src/metrics/page.ts";
import { completionScript } from "./completion.ts";
import { configurationPage, daemonPage } from "./manual.ts";

function row({ path, meaning, required, fallback, choices, driver, secret }: Key): string {
  const shown = required ? "**required**" : fallback === undefined ? "" : `\`${fallback}\``;
  const among = choices.length > 0 ? ` (${choices.join(", ")})` : "";
  const whose = driver === undefined ? "" : ` (${driver})`;
  return `| \`${path}\`${whose} | ${shown} | ${meaning.replaceAll("|", "\\|")}${among}${secret ? " · secret" : ""} |`;
}

const page = `# Configuration keys

Generated from the schema by \`./scripts/docs\`: change it there. Unknown keys are an error, with a suggestion. A *secret* may be
\`{"credential": "name"}\` (the file /etc/telesetd/secrets/name) or \`{"file": "path"}\` instead of text. Regular expressions are JavaScript's.

| key | default | meaning |
| --- | --- | --- |
${keys().map(row).join("\n")}

## A relay

The configuration of \`telesetd relay\` is /etc/telesetd/relay.json ([fleet.md](fleet.md)). It has the sections \`line\`, \`numbers\` and
\`log\` as above, and \`relay\`:

| key | default | meaning |
| --- | --- | --- |
${relayKeys().map(row).join("\n")}
`;

/** The metrics with their types, labels, label values and meanings. */
function metricsPage(): string {
  const rowOf = ({ name, type, help, labels }: Family) => {
    const among = labels.map((label) => `\`${label.name}\`${label.values.length > 0 ? `: ${label.values.join(", ")}` : ""}`);
    return `| \`${name}\` | ${type} | ${among.join(" · ")} | ${help} |`;
  };
  const rows = allFamilies(new Metrics()).map(rowOf);
  const ofRelay = relayFamilies(noRelay, { server: undefined, connections: 0 }).map(rowOf);
  const ofFleet = fleetFamilies(() => new Roster(() => 0)).map(rowOf);
  return `# Metrics

Generated from the code by \`./scripts/docs\`: change it there. All series exist from the start; times are in seconds, sizes in bytes. No
label contains a customer's number or an agent. A histogram has \`_bucket\`, \`_sum\` and \`_count\`.

| metric | type | labels | meaning |
| --- | --- | --- | --- |
${rows.join("\n")}

## Of a fleet

A relay has one page for all boxes ([fleet.md](../fleet.md#what-to-watch)), with the state in the last report of each desk:

| metric | type | labels | meaning |
| --- | --- | --- | --- |
${[...ofFleet, ...ofRelay].join("\n")}
`;
}

const pages: Record<string, string> = {
  "docs/configuration.md": page,
  "docs/monitoring/metrics.md": metricsPage(),
  "man/telesetd.8": daemonPage(),
  "man/telesetd.json.5": configurationPage(),
  "packaging/completion.bash": completionScript(),
};

function found(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
}

const root = join(import.meta.dir, "..");
const stale = Object.entries(pages).filter(([name, text]) => found(join(root, name)) !== text);
for (const [name, text] of stale) {
  if (process.argv.includes("--check")) process.stderr.write(`${name} is out of date: run ./scripts/docs\n`);
  else {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    writeFileSync(join(root, name), text);
  }
}
if (process.argv.includes("--check") && stale.length > 0) process.exit(1);
