/** Each alert fires when it should and not before: `promtool test rules` of Debian's Prometheus, with sample series. */
import { describe, expect, onTestFinished, test } from "bun:test";
import { copyFileSync, existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { alerts, folder } from "../support/promql.ts";

const promtool = "/usr/bin/promtool";
const missing = existsSync(promtool) ? "" : ` (skipped: ${promtool} is missing, apt-get install prometheus)`;

interface Scene {
  /** Series and their values, one a minute (promtool's notation), from Thursday 1970-01-01 00:00 UTC. */
  readonly series: Readonly<Record<string, string>>;
  /** A time at which it must not fire yet. */
  readonly quiet: string;
  /** A time at which it must fire, with its labels besides the severity, and its summary. */
  readonly at: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly summary: string;
}

const box = 'instance="b:1",job="telesetd"';
const relay = 'instance="r:1",job="telesetd-relay"';
const instance = { instance: "b:1" };
const scenes: Readonly<Record<string, Scene>> = {
  TelesetdUnreachable: {
    series: { [`up{${box}}`]: "1x5 0x10", 'up{instance="n:1",job="node"}': "0x20" },
    quiet: "8m",
    at: "9m",
    labels: { ...instance, job: "telesetd" },
    summary: "Box b:1 does not answer Prometheus.",
  },
  TelesetdLineDown: {
    series: { [`telesetd_line_up{${box},desk="1001"}`]: "1x5 0x10", [`telesetd_line_up{${box},desk="1002"}`]: "1x5 0x10" },
    quiet: "7m",
    at: "8m",
    labels: instance,
    summary: "Box b:1 has no connection to the switch: agents get no screen pops.",
  },
  TelesetdPhoneUnregistered: {
    // Unregistered all night: it fires a quarter of an hour after the office opens, not at night.
    series: {
      [`telesetd_phone_registered{${box},desk="1001"}`]: "0x600",
      [`telesetd_phone_registered{${box},desk="1002"}`]: "1x600",
      [`telesetd_phone_registered{${box},desk="1003"}`]: "0x600",
      [`telesetd_line_up{${box},desk="1001"}`]: "1x600",
      [`telesetd_line_up{${box},desk="1002"}`]: "1x600",
      [`telesetd_line_up{${box},desk="1003"}`]: "0x600",
    },
    quiet: "434m",
    at: "435m",
    labels: { ...instance, job: "telesetd", desk: "1001" },
    summary: "Phone 1001 at b:1 has not been registered for 15 minutes of office hours.",
  },
  TelesetdEventsOld: {
    series: { [`telesetd_outbox_oldest_age_seconds{${box}}`]: "0+60x20" },
    quiet: "7m",
    at: "8m",
    labels: { ...instance, job: "telesetd" },
    summary: "The oldest event at b:1 has waited for 8m 0s.",
  },
  TelesetdEventsWaiting: {
    series: { [`telesetd_outbox_events{${box}}`]: "50x5 51x20" },
    quiet: "15m",
    at: "16m",
    labels: { ...instance, job: "telesetd" },
    summary: "51 events wait at b:1.",
  },
  TelesetdEventsDiscarded: {
    series: {
      [`telesetd_events_total{${box},event="ScreenPop",result="discarded"}`]: "0x5 1x30",
      [`telesetd_events_total{${box},event="ScreenPop",result="delivered"}`]: "0+1x30",
    },
    quiet: "5m",
    at: "6m",
    labels: { ...instance, event: "ScreenPop" },
    summary: "ScreenPop events of b:1 were discarded: an agent's UWQ never got them.",
  },
  TelesetdCrmAnswersErrors: {
    series: { [`telesetd_events_total{${box},event="ScreenPop",result="delivered_with_error"}`]: "0x5 2x5 6x30" },
    quiet: "10m",
    at: "12m",
    labels: instance,
    summary: "UWQ accepts the events of b:1 but answers with errors.",
  },
  TelesetdReconnectStorm: {
    series: { [`telesetd_link_ups_total{${box}}`]: "1x14 1+1x20" },
    quiet: "16m",
    at: "30m",
    labels: { ...instance, job: "telesetd" },
    summary: "Box b:1 has connected to the switch 15 times in 15 minutes.",
  },
  TelesetdStoreLost: {
    series: { [`telesetd_store_lost{${box}}`]: "0x3 1x10" },
    quiet: "4m",
    at: "5m",
    labels: { ...instance, job: "telesetd" },
    summary: "The store of b:1 cannot be written: events are kept only in memory, and a power cut loses them.",
  },
  TelesetdMemoryHigh: {
    series: {
      [`process_resident_memory_bytes{${box}}`]: "60000000x5 94371840x20",
      'process_resident_memory_bytes{instance="n:1",job="node"}': "900000000x30",
    },
    quiet: "15m",
    at: "16m",
    labels: { ...instance, job: "telesetd" },
    summary: "telesetd at b:1 uses 90MiB; the unit throttles it at 96 MiB and kills it at 160 MiB.",
  },
  TelesetdRestarting: {
    series: { [`process_start_time_seconds{${box}}`]: "100 200 300 400 500 500x20" },
    quiet: "3m",
    at: "4m",
    labels: { ...instance, job: "telesetd" },
    summary: "telesetd at b:1 has started 4 times in an hour.",
  },
  TelesetdErrorsLogged: {
    series: {
      [`telesetd_log_lines_total{${box},level="error"}`]: "0x5 1x20",
      [`telesetd_log_lines_total{${box},level="warning"}`]: "0+9x30",
    },
    quiet: "5m",
    at: "6m",
    labels: instance,
    summary: "telesetd at b:1 has logged errors.",
  },
  TelesetdRegisterRefused: {
    series: {
      [`telesetd_callouts_total{${box},function="Register",result="refused"}`]: "0x5 1x20",
      [`telesetd_callouts_total{${box},function="MakeCall",result="refused"}`]: "0+9x30",
    },
    quiet: "5m",
    at: "6m",
    labels: instance,
    summary: "Box b:1 has refused a Register: an agent gets no screen pops.",
  },
  TelesetdRequestsRefused: {
    series: { [`telesetd_requests_refused_total{${box},status="404"}`]: "0+1x5 5+50x20" },
    quiet: "5m",
    at: "15m",
    labels: { ...instance, status: "404" },
    summary: "Box b:1 refuses many requests, with status 404.",
  },
  TelesetdImageRejected: {
    series: { [`telesetd_image_rejected{${box},version="0.4.0"}`]: "_x5 1x20" },
    quiet: "4m",
    at: "6m",
    labels: { ...instance, job: "telesetd", version: "0.4.0" },
    summary: "Box b:1 has rejected version 0.4.0 of the image and runs the one before.",
  },
  TelesetdImageUpdateFailed: {
    series: { [`telesetd_image_update_failed{${box}}`]: "0x10 1x2000" },
    quiet: "24h",
    at: "24h15m",
    labels: { ...instance, job: "telesetd" },
    summary: "The image of box b:1 could not be updated for a day.",
  },
  TelesetdVersionSkew: {
    series: {
      [`telesetd_build_info{${box},version="0.1.0"}`]: "1x2000",
      'telesetd_build_info{instance="b:2",job="telesetd",version="0.2.0"}': "_x9 1x2000",
    },
    quiet: "24h",
    at: "24h15m",
    labels: {},
    summary: "The boxes have run 2 different versions of telesetd for a day.",
  },
  TelesetdRelayUnreachable: {
    series: { [`up{${relay}}`]: "1x5 0x10", [`up{${box}}`]: "0x20" },
    quiet: "8m",
    at: "9m",
    labels: { instance: "r:1", job: "telesetd-relay" },
    summary: "Relay r:1 does not answer Prometheus.",
  },
  TelesetdRelaySwitchDown: {
    series: { [`telesetd_relay_switch_up{${relay}}`]: "1x5 0x10" },
    quiet: "7m",
    at: "8m",
    labels: { instance: "r:1", job: "telesetd-relay" },
    summary: "Relay r:1 has no connection to the switch.",
  },
  TelesetdRelayBrokerDown: {
    series: { [`telesetd_relay_broker_up{${relay}}`]: "1x5 0x10" },
    quiet: "7m",
    at: "8m",
    labels: { instance: "r:1", job: "telesetd-relay" },
    summary: "Relay r:1 has no connection to the broker.",
  },
  TelesetdRelayFlooded: {
    series: { [`telesetd_relay_dropped_total{${relay}}`]: "0+100x10 1000+1000x10" },
    quiet: "10m",
    at: "14m",
    labels: { instance: "r:1" },
    summary: "Boxes ask relay r:1 far too often: their questions are dropped.",
  },
  TelesetdFleetBoxesSilent: {
    series: {
      [`telesetd_fleet_desks{${relay},state="silent"}`]: "0x5 2x20",
      [`telesetd_fleet_desks{${relay},state="failed"}`]: "9x30",
    },
    quiet: "15m",
    at: "16m",
    labels: {},
    summary: "The boxes of 2 desks do not report to the fleet.",
  },
  TelesetdFleetDeskNotReady: {
    series: {
      [`telesetd_fleet_desk_ready{${relay},desk="1001"}`]: "1x5 0x20",
      [`telesetd_fleet_desk_ready{${relay},desk="1002"}`]: "1x30",
    },
    quiet: "10m",
    at: "11m",
    labels: { desk: "1001" },
    summary: "The box of desk 1001 is not ready: its agent gets no screen pops, or will soon get none.",
  },
  TelesetdFleetEventsOld: {
    series: { [`telesetd_fleet_desk_outbox_oldest_age_seconds{${relay},desk="1001"}`]: "0+60x20" },
    quiet: "7m",
    at: "8m",
    labels: { desk: "1001" },
    summary: "The oldest event at desk 1001 has waited for 8m 0s.",
  },
  TelesetdFleetSettingsRefused: {
    series: { [`telesetd_fleet_desk_config_refused{${relay},desk="1001"}`]: "0x5 1x20" },
    quiet: "5m",
    at: "6m",
    labels: { desk: "1001" },
    summary: "The box of desk 1001 has refused the settings that were pushed last.",
  },
};

/** The test file of one alert, for promtool. Its annotations are those of the rule, with the labels inserted. */
function testFile(name: string, { series, quiet, at, labels, summary }: Scene): string {
  const rule = alerts().find(({ alert }) => alert === name);
  const step = rule?.annotations["next_step"]?.replace(/\{\{ \$labels\.(\w+) \}\}/g, (_, label: string) => labels[label] ?? "");
  const fired = {
    exp_labels: { ...labels, severity: rule?.labels["severity"] },
    exp_annotations: { summary, next_step: step },
  };
  return JSON.stringify({
    rule_files: ["alerts.yml"],
    evaluation_interval: "1m",
    tests: [{
      interval: "1m",
      input_series: Object.entries(series).map(([name, values]) => ({ series: name, values })),
      alert_rule_test: [
        { eval_time: quiet, alertname: name, exp_alerts: [] },
        { eval_time: at, alertname: name, exp_alerts: [fired] },
      ],
    }],
  });
}

function run(...args: string[]): { readonly code: number; readonly output: string } {
  const { exitCode, stdout, stderr } = Bun.spawnSync([promtool, ...args]);
  return { code: exitCode, output: `${stdout}${stderr}` };
}

// Without promtool too: otherwise a new wording of an alert is noticed only where it is installed.
test.each(alerts().map(({ alert, annotations }) => [alert, annotations["summary"] ?? ""] as const))(
  "the scene of %s expects the summary of its rule",
  (name, template) => {
    const fixed = template.split(/\{\{.*?\}\}/).map((text) => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
    expect(scenes[name]?.summary).toMatch(new RegExp(`^${fixed.join(".+")}$`));
  },
);

describe.skipIf(missing !== "")(`promtool${missing}`, () => {
  test("finds nothing wrong with the alerts", () => {
    expect(run("check", "rules", "--lint=all", "--lint-fatal", join(folder, "alerts.yml"))).toMatchObject({ code: 0 });
  });

  test.each(alerts().map(({ alert }) => alert))("%s fires when it should and not before", (name) => {
    const scene = scenes[name];
    if (!scene) throw new Error(`There is no scene for ${name}: add one`);
    const place = mkdtempSync(join(tmpdir(), "telesetd-alerts-"));
    onTestFinished(() => rmSync(place, { recursive: true, force: true }));
    copyFileSync(join(folder, "alerts.yml"), join(place, "alerts.yml"));
    writeFileSync(join(place, "test.yml"), testFile(name, scene));
    const { code, output } = run("test", "rules", join(place, "test.yml"));
    expect(code === 0 ? "" : output).toBe("");
  });
});
