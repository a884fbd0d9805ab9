/** What the demo shows: one line for each message on either wire, timed, in words that a newcomer can follow. */

/** One message. `wire` is the switch's or the CRM's; `to` says whether the daemon received or sent it. */
export interface Entry {
  /** Seconds since the demo began. */
  readonly at: number;
  readonly wire: "switch" | "crm" | "story";
  readonly to: "telesetd" | "peer" | "reader";
  readonly text: string;
}

/** A line for people. */
export function entryText({ at, wire, to, text }: Entry): string {
  if (wire === "story") return `\n${text}`;
  const arrow = to === "telesetd" ? "-->" : "<--";
  const side = wire === "switch"
    ? `FreeSWITCH ${arrow} telesetd             `
    : `             telesetd ${to === "telesetd" ? "<--" : "-->"} CRM  `;
  return `${at.toFixed(3).padStart(7)}  ${side}  ${text}`;
}

/** A frame of the event socket in a few words; nothing for frames that say nothing to a reader. */
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
