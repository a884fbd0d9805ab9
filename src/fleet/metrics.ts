/** The metrics of a fleet, on one page for all boxes: the state in the last report of each desk. */
import { type Family, startOf } from "../metrics/exposition.ts";
import type { Report } from "./report.ts";
import type { FleetRow, Roster } from "./roster.ts";

/** The states of a desk in `telesetd_fleet_desks`. */
const states = ["good", "warning", "failed", "silent"] as const;

/** The families. `roster` is called at each scrape. */
export function fleetFamilies(roster: () => Pick<Roster, "all" | "summary">): readonly Family[] {
  const ofDesks = (
    name: string,
    help: string,
    value: (report: Report | undefined, state: FleetRow["state"]) => number | undefined,
  ): Family => {
    const starts = new Map<string, string>();
    const startFor = (desk: string): string => {
      const start = starts.get(desk) ?? startOf(name, ["desk"], [desk]);
      starts.set(desk, start);
      return start;
    };
    const series = (): string => {
      let out = "";
      for (const { desk, report, state } of roster().all()) {
        const number = value(report, state);
        if (number !== undefined) out += `${startFor(desk)}${number}\n`;
      }
      return out;
    };
    return { name, type: "gauge", help, labels: [{ name: "desk", values: [] }], series };
  };
  // A desk whose box is silent has no state, except that it is silent.
  const perDesk = (name: string, help: string, value: (report: Report) => number): Family =>
    ofDesks(name, help, (report, state) => report && state !== "silent" ? value(report) : undefined);
  return [
    {
      name: "telesetd_fleet_desks",
      type: "gauge",
      help: "Desks of the fleet by state: good, warning, failed, or silent (the box has not reported for 150 s, or never).",
      labels: [{ name: "state", values: states }],
      series: () => {
        const summary = roster().summary();
        return states.map((state) => `${startOf("telesetd_fleet_desks", ["state"], [state])}${summary[state]}\n`).join("");
      },
    },
    {
      name: "telesetd_fleet_versions",
      type: "gauge",
      help: "Desks of the fleet by the version of telesetd on their boxes.",
      labels: [{ name: "version", values: [] }],
      series: () =>
        Object.entries(roster().summary().versions).map(([version, desks]) =>
          `${startOf("telesetd_fleet_versions", ["version"], [version])}${desks}\n`
        ).join(""),
    },
    ofDesks(
      "telesetd_fleet_desk_up",
      "1 while the box of a desk reports; 0 when it is silent.",
      (_, state) => Number(state !== "silent"),
    ),
    perDesk(
      "telesetd_fleet_desk_ready",
      "1 when the box of a desk is ready: switch up, phone registered, store working.",
      ({ ready }) => Number(ready),
    ),
    perDesk(
      "telesetd_fleet_desk_phone_registered",
      "1 when the phone of a desk is registered at the switch.",
      ({ phone }) => Number(phone === "registered"),
    ),
    perDesk(
      "telesetd_fleet_desk_uwq_registered",
      "1 while an agent's UWQ is registered at a desk.",
      ({ agent }) => Number(agent !== undefined),
    ),
    perDesk("telesetd_fleet_desk_calls", "Calls in progress at a desk when it last reported.", ({ calls }) => calls),
    perDesk(
      "telesetd_fleet_desk_outbox_events",
      "Events that the CRM has not confirmed yet, of the box of a desk.",
      ({ outbox }) => outbox.waiting,
    ),
    perDesk(
      "telesetd_fleet_desk_outbox_oldest_age_seconds",
      "Age of the oldest of these events; 0 if there is none.",
      ({ outbox }) => outbox.oldestSeconds ?? 0,
    ),
    perDesk(
      "telesetd_fleet_desk_config_version",
      "Version of the pushed configuration in force at a desk (ms since 1970); 0 if there is none.",
      ({ pushed }) => pushed.version ?? 0,
    ),
    perDesk(
      "telesetd_fleet_desk_config_refused",
      "1 when the box of a desk has refused the configuration that was pushed last.",
      ({ pushed }) => Number(pushed.refused !== undefined),
    ),
  ];
}
