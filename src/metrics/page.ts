/** The page `/metrics`: the counters, and the state of the daemon at the moment of the scrape. */
import type { Desk } from "../core/desk.ts";
import type { ImageState } from "../image/state.ts";
import { version } from "../version.ts";
import { exposition, type Family, type Format, startOf } from "./exposition.ts";
import type { Metrics } from "./metrics.ts";

/** The state of the daemon at the moment of a scrape. */
export interface Present {
  readonly desks: readonly Desk[];
  readonly outbox: { readonly waiting: number; readonly oldest?: number };
  readonly storeLost: boolean;
  /** People who are logged in to the page. */
  readonly sessions: number;
  /** The image that runs; absent on other machines. */
  readonly image?: ImageState | undefined;
  /** Steady ms, like `oldest`. */
  readonly now: number;
}

/** Returns a function that writes the page; `present` is called at each scrape. */
export function metricsPage(metrics: Metrics, present: () => Present): (format: Format) => string {
  let seen = present();
  const families = [
    ...gauges(() => seen),
    ...ofImage(() => seen.image),
    ...perDesk(() => seen.desks),
    ...metrics.families(),
    ...processFamilies(),
  ];
  return (format) => {
    seen = present();
    return exposition(families, format);
  };
}

/** Returns all families, for the documentation. */
export function allFamilies(metrics: Metrics): readonly Family[] {
  const nothing: Present = { desks: [], outbox: { waiting: 0 }, storeLost: false, sessions: 0, now: 0 };
  return [
    ...gauges(() => nothing),
    ...ofImage(() => undefined),
    ...perDesk(() => []),
    ...metrics.families(),
    ...processFamilies(),
  ];
}

function gauges(present: () => Present): Family[] {
  return [
    {
      name: "telesetd_build_info",
      type: "info",
      help: "Always 1; the label is the running version.",
      labels: [{ name: "version", values: [] }],
      series: () => `${startOf("telesetd_build_info", ["version"], [version])}1\n`,
    },
    single(
      "gauge",
      "telesetd_ready",
      "1 when /readyz reports ready: every line up, every phone registered, the store working.",
      () => {
        const { desks, storeLost } = present();
        return Number(!storeLost && desks.every(({ line }) => line.link.up && line.phone === "registered"));
      },
    ),
    single("gauge", "telesetd_active_calls", "Calls in progress at all desks.", () => {
      let calls = 0;
      for (const desk of present().desks) calls += desk.calls.length;
      return calls;
    }),
    single("gauge", "telesetd_outbox_events", "Events that the CRM has not confirmed yet.", () => present().outbox.waiting),
    single(
      "gauge",
      "telesetd_outbox_oldest_age_seconds",
      "Age of the oldest event that the CRM has not confirmed yet; 0 if there is none.",
      () => {
        const { outbox: { oldest }, now } = present();
        return oldest === undefined ? 0 : Math.max(0, now - oldest) / 1000;
      },
    ),
    single(
      "gauge",
      "telesetd_store_lost",
      "1 while events are kept only in memory because the store cannot be written.",
      () => Number(present().storeLost),
    ),
    single("gauge", "telesetd_page_sessions", "Sessions of people who are logged in to the page.", () => present().sessions),
  ];
}

/** Metrics of the image; without series on other machines. */
function ofImage(image: () => ImageState | undefined): Family[] {
  const family = (
    type: Family["type"],
    name: string,
    help: string,
    labels: Family["labels"],
    series: (image: ImageState) => string,
  ) => ({
    name,
    type,
    help,
    labels,
    series: () => {
      const current = image();
      return current ? series(current) : "";
    },
  });
  return [
    family(
      "info",
      "telesetd_image_info",
      "Always 1, on the image only; the labels are the version of the image and its slot.",
      [{ name: "version", values: [] }, { name: "slot", values: [] }],
      ({ version, slot = "" }) => `${startOf("telesetd_image_info", ["version", "slot"], [version, slot])}1\n`,
    ),
    family(
      "gauge",
      "telesetd_image_rejected",
      "1 while a version of the image is rejected, because its boots were not good or an administrator went back; on the image only.",
      [{ name: "version", values: [] }],
      ({ rejected }) => rejected ? `${startOf("telesetd_image_rejected", ["version"], [rejected.version])}1\n` : "",
    ),
    family(
      "gauge",
      "telesetd_image_update_failed",
      "1 when the last update of the image failed, 0 when it succeeded; on the image only, after its first update.",
      [],
      ({ update }) => update ? `telesetd_image_update_failed ${Number(!update.good)}\n` : "",
    ),
  ];
}

/** Metrics with one series per desk. */
function perDesk(desks: () => readonly Desk[]): Family[] {
  return [
    ofDesks("telesetd_line_up", "1 while the desk's switch is connected.", desks, ({ line }) => line.link.up),
    ofDesks(
      "telesetd_phone_registered",
      "1 when the desk's phone is registered at the switch; 0 if not, or unknown because the line is down. With the SIP driver, which does not know registrations: 1 while the phone is watched.",
      desks,
      ({ line }) => line.phone === "registered",
    ),
    ofDesks(
      "telesetd_uwq_registered",
      "1 while an agent's UWQ is registered at the desk.",
      desks,
      (desk) => desk.registration !== null,
    ),
  ];
}

function ofDesks(name: string, help: string, desks: () => readonly Desk[], holds: (desk: Desk) => boolean): Family {
  const starts = new Map<string, string>();
  const startFor = (extension: string): string => {
    const start = starts.get(extension) ?? startOf(name, ["desk"], [extension]);
    starts.set(extension, start);
    return start;
  };
  const series = (): string => {
    let out = "";
    for (const desk of desks()) out += startFor(desk.extension) + (holds(desk) ? "1\n" : "0\n");
    return out;
  };
  return { name, type: "gauge", help, labels: [{ name: "desk", values: [] }], series };
}

/** The process metrics, named as in Prometheus' own libraries. */
function processFamilies(): Family[] {
  let start = 0;
  return [
    single("gauge", "process_start_time_seconds", "When the process started, in seconds since 1970.", () => {
      const at = Date.now() / 1000 - process.uptime();
      // Changes only when the wall clock is corrected, not by the rounding of two clocks.
      if (Math.abs(at - start) > 2) start = at;
      return Math.round(start * 100) / 100;
    }),
    single("gauge", "process_resident_memory_bytes", "Resident memory of the process.", () => process.memoryUsage.rss()),
    single("counter", "process_cpu_seconds_total", "Processor time, user and system.", () => {
      const { user, system } = process.cpuUsage();
      return (user + system) / 1_000_000;
    }),
  ];
}

function single(type: "gauge" | "counter", name: string, help: string, read: () => number): Family {
  return { name, type, help, labels: [], series: () => `${name} ${read()}\n` };
}
