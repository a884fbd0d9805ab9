/** What `/metrics` shows: what was counted, and what is true at the moment of the scrape. */
import type { Desk } from "../core/desk.ts";
import { version } from "../version.ts";
import { exposition, type Family, type Format, startOf } from "./exposition.ts";
import type { Metrics } from "./metrics.ts";

/** The daemon at the moment of a scrape. */
export interface Present {
  readonly desks: readonly Desk[];
  readonly outbox: { readonly waiting: number; readonly oldest?: number };
  readonly storeLost: boolean;
  /** Steady ms, as `oldest` is. */
  readonly now: number;
}

/** Makes the page for these counters; what is asked for is read at each scrape. */
export function metricsPage(metrics: Metrics, present: () => Present): (format: Format) => string {
  let seen = present();
  const families = [...gauges(() => seen), ...perDesk(() => seen.desks), ...metrics.families(), ...processFamilies()];
  return (format) => {
    seen = present();
    return exposition(families, format);
  };
}

/** All families, for the documentation. */
export function allFamilies(metrics: Metrics): readonly Family[] {
  const nothing: Present = { desks: [], outbox: { waiting: 0 }, storeLost: false, now: 0 };
  return [...gauges(() => nothing), ...perDesk(() => []), ...metrics.families(), ...processFamilies()];
}

function gauges(present: () => Present): Family[] {
  return [
    {
      name: "telesetd_build_info",
      type: "info",
      help: "Always 1; the label says which version runs.",
      labels: [{ name: "version", values: [] }],
      series: () => `${startOf("telesetd_build_info", ["version"], [version])}1\n`,
    },
    single("gauge", "telesetd_ready", "1 when /readyz says so: every line up, every phone registered, the store fine.", () => {
      const { desks, storeLost } = present();
      return Number(!storeLost && desks.every(({ line }) => line.link.up && line.phone === "registered"));
    }),
    single("gauge", "telesetd_active_calls", "Calls that are going on, of all desks.", () => {
      let calls = 0;
      for (const desk of present().desks) calls += desk.calls.length;
      return calls;
    }),
    single("gauge", "telesetd_outbox_events", "Events that the CRM has not confirmed yet.", () => present().outbox.waiting),
    single("gauge", "telesetd_outbox_oldest_age_seconds", "How long the oldest of them has waited; 0 when none does.", () => {
      const { outbox: { oldest }, now } = present();
      return oldest === undefined ? 0 : Math.max(0, now - oldest) / 1000;
    }),
    single(
      "gauge",
      "telesetd_store_lost",
      "1 while events are told from memory because the store cannot be written.",
      () => Number(present().storeLost),
    ),
  ];
}

/** Series that each desk has one of. What their lines begin with is made once. */
function perDesk(desks: () => readonly Desk[]): Family[] {
  return [
    ofDesks("telesetd_line_up", "1 while the connection to the desk's switch stands.", desks, ({ line }) => line.link.up),
    ofDesks(
      "telesetd_phone_registered",
      "1 when the desk's phone is registered at the switch; 0 when not, or not known because the line is down. The SIP driver is not told: 1 while the phone is watched.",
      desks,
      ({ line }) => line.phone === "registered",
    ),
    ofDesks(
      "telesetd_uwq_registered",
      "1 when an agent's UWQ is registered at the desk.",
      desks,
      (desk) => desk.registration !== null,
    ),
  ];
}

function ofDesks(name: string, help: string, desks: () => readonly Desk[], is: (desk: Desk) => boolean): Family {
  const starts = new Map<string, string>();
  const startFor = (extension: string): string => {
    const start = starts.get(extension) ?? startOf(name, ["desk"], [extension]);
    starts.set(extension, start);
    return start;
  };
  const series = (): string => {
    let out = "";
    for (const desk of desks()) out += startFor(desk.extension) + (is(desk) ? "1\n" : "0\n");
    return out;
  };
  return { name, type: "gauge", help, labels: [{ name: "desk", values: [] }], series };
}

/** Named as all of Prometheus' own libraries do. */
function processFamilies(): Family[] {
  let start = 0;
  return [
    single("gauge", "process_start_time_seconds", "When the process started, in seconds since 1970.", () => {
      const at = Date.now() / 1000 - process.uptime();
      // Only a wall clock that was put right moves it, not the rounding of two clocks.
      if (Math.abs(at - start) > 2) start = at;
      return Math.round(start * 100) / 100;
    }),
    single("gauge", "process_resident_memory_bytes", "Memory that the process holds.", () => process.memoryUsage.rss()),
    single("counter", "process_cpu_seconds_total", "Processor time, of user and system.", () => {
      const { user, system } = process.cpuUsage();
      return (user + system) / 1_000_000;
    }),
  ];
}

function single(type: "gauge" | "counter", name: string, help: string, read: () => number): Family {
  return { name, type, help, labels: [], series: () => `${name} ${read()}\n` };
}
