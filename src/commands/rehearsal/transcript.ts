/** The transcript of the demo: one timed line for each message on either wire, readable for newcomers. */

/** One message: `wire` names the side, `to` the receiver. */
export interface Entry {
  /** Seconds since the start of the demo. */
  readonly at: number;
  readonly wire: "switch" | "crm" | "story";
  readonly to: "telesetd" | "peer" | "reader";
  readonly text: string;
}

/** The line to print. */
export function entryText(entry: Entry): string {
  return entry.wire === "story" ? `\n${entry.text}` : `${entry.at.toFixed(3).padStart(7)}  ${messageText(entry)}`;
}

/** A message with the way that it takes; `peer` is the name of the switch, at most 10 characters. */
export function messageText({ wire, to, text }: Omit<Entry, "at">, peer = "FreeSWITCH"): string {
  const arrow = to === "telesetd" ? "-->" : "<--";
  const side = wire === "switch"
    ? `${peer.padEnd(10)} ${arrow} telesetd             `
    : `             telesetd ${to === "telesetd" ? "<--" : "-->"} CRM  `;
  return `${side}  ${text}`;
}

/** A short text for a frame of the event socket; undefined for frames that are of no interest here. */
export function frameText(direction: "in" | "out", frame: string): string | undefined {
  if (direction === "in") {
    return frame.startsWith("filter ") || frame.startsWith("api uuid_dump") ? undefined : frame.split("\n")[0]?.slice(0, 170);
  }
  return frame.includes("text/event-json") ? eventText(frame.slice(frame.indexOf("\n\n") + 2)) : undefined;
}

/** The same for the JSON of an event. */
export function eventText(body: string): string | undefined {
  const event = JSON.parse(body) as Record<string, string | string[]>;
  const field = (name: string): string => String(event[name] ?? "");
  const name = field("Event-Name");
  if (name === "HEARTBEAT") return "HEARTBEAT";
  if (name === "CUSTOM") return `CUSTOM ${field("Event-Subclass")}`;
  if (name === "BACKGROUND_JOB") return `BACKGROUND_JOB ${field("_body").trim()}`;
  if (["CHANNEL_HANGUP_COMPLETE", "CHANNEL_DESTROY"].includes(name)) return undefined;
  const state = name === "CHANNEL_CALLSTATE" ? ` ${field("Channel-Call-State")}` : "";
  const partner = field("Caller-Callee-ID-Number");
  return `${name}${state}  leg ${field("Unique-ID").slice(0, 8)}  ${field("Caller-Caller-ID-Number") || "?"} > ${
    field("Caller-Destination-Number")
  }` +
    (partner && name === "CHANNEL_BRIDGE" ? ` (with ${partner})` : "") +
    (event["Hangup-Cause"] ? `  ${field("Hangup-Cause")}` : "");
}
