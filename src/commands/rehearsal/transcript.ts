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
export function entryText({ at, wire, to, text }: Entry): string {
  if (wire === "story") return `\n${text}`;
  const arrow = to === "telesetd" ? "-->" : "<--";
  const side = wire === "switch"
    ? `FreeSWITCH ${arrow} telesetd             `
    : `             telesetd ${to === "telesetd" ? "<--" : "-->"} CRM  `;
  return `${at.toFixed(3).padStart(7)}  ${side}  ${text}`;
}

/** A short text for a frame of the event socket; undefined for frames that are of no interest here. */
export function frameText(direction: "in" | "out", frame: string): string | undefined {
  if (direction === "in") {
    return frame.startsWith("filter ") || frame.startsWith("api uuid_dump") ? undefined : frame.split("\n")[0]?.slice(0, 170);
  }
  const body = frame.slice(frame.indexOf("\n\n") + 2);
  if (!frame.includes("text/event-json")) return undefined;
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
