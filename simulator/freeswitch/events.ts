/**
 * Events of the switch, with headers in their live order. Source of the order: recordings of FreeSWITCH 1.11
 * (test/fixtures/recordings) and src/switch_event.c, `switch_event_prep_for_delivery_detailed`.
 */

/** Repeated headers are arrays in JSON. */
export type HeaderValue = string | readonly string[];

/** An event: header name to value, in the order of transmission. `_body` is the body. */
export type SwitchEvent = Readonly<Record<string, HeaderValue>>;

/** A header's value in filters and `plain` events: a repeated one is `ARRAY::a|:b`. */
export function headerText(value: HeaderValue): string {
  return typeof value === "string" ? value : `ARRAY::${value.join("|:")}`;
}

/** Where in the switch's source an event is fired; clients ignore it. */
export interface Source {
  readonly file: string;
  readonly function: string;
  readonly line: number;
}

/** The common headers of all events of one run of the switch: Core-UUID, host, an increasing sequence. */
export class Stamp {
  readonly coreUuid: string;
  readonly host: string;
  #sequence = 0;
  readonly #now: () => number;

  /** `now` gives milliseconds since 1970. */
  constructor(coreUuid: string, now: () => number = Date.now, host = "simulator") {
    this.coreUuid = coreUuid;
    this.host = host;
    this.#now = now;
  }

  /** Microseconds since 1970, as text. */
  micros(): string {
    return `${Math.floor(this.#now())}000`;
  }

  /** The number of the last event stamped. */
  get sequence(): number {
    return this.#sequence;
  }

  /** The first headers of every event. */
  head(name: string, source?: Source, subclass?: string): Record<string, HeaderValue> {
    const now = new Date(this.#now());
    const { file, function: called, line } = source ?? fired;
    return {
      ...(subclass === undefined ? {} : { "Event-Subclass": subclass }),
      "Event-Name": name,
      "Core-UUID": this.coreUuid,
      "FreeSWITCH-Hostname": this.host,
      "FreeSWITCH-Switchname": this.host,
      "FreeSWITCH-IPv4": "127.0.0.1",
      "FreeSWITCH-IPv6": "::1",
      "Event-Date-Local": now.toISOString().slice(0, 19).replace("T", " "),
      "Event-Date-GMT": now.toUTCString(),
      "Event-Date-Timestamp": `${now.getTime()}000`,
      "Event-Calling-File": file,
      "Event-Calling-Function": called,
      "Event-Calling-Line-Number": String(line),
      "Event-Sequence": String(++this.#sequence),
    };
  }
}

const fired: Source = { file: "switch_core.c", function: "switch_event_fire", line: 1 };

/** The body of a HEARTBEAT, without its first headers. `upMs`: milliseconds since the switch started. */
export function heartbeatFacts(upMs: number, sessions: number): Record<string, string> {
  return {
    "Event-Info": "System Ready",
    "Up-Time": upTime(upMs),
    "FreeSWITCH-Version": version,
    "Uptime-msec": String(Math.floor(upMs)),
    "Session-Count": String(sessions),
    "Max-Sessions": "1000",
    "Session-Per-Sec": "30",
    "Session-Per-Sec-Last": "0",
    "Session-Per-Sec-Max": "2",
    "Session-Per-Sec-FiveMin": "1",
    "Session-Since-Startup": String(sessions),
    "Session-Peak-Max": String(sessions),
    "Session-Peak-FiveMin": String(sessions),
    "Idle-CPU": "99.000000",
  };
}

/** The version reported by the simulator. */
export const version = "1.11.3-dev+simulator~64bit";

/** `0 years, 0 days, 0 hours, 5 minutes, 38 seconds, 631 milliseconds, 197 microseconds` */
export function upTime(ms: number): string {
  const part = (unitMs: number, wrap: number) => Math.floor(ms / unitMs) % wrap;
  const day = 86_400_000;
  return `${part(365 * day, 1e9)} years, ${part(day, 365)} days, ${part(3_600_000, 24)} hours, ${part(60_000, 60)} minutes, ` +
    `${part(1_000, 60)} seconds, ${part(1, 1_000)} milliseconds, 0 microseconds`;
}
