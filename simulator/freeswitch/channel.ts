/**
 * A channel of the switch and the headers of its events, in their live order. Source: recordings of FreeSWITCH 1.11;
 * src/switch_channel.c, `switch_channel_event_set_basic_data` and `switch_channel_event_set_extended_data`;
 * src/switch_caller.c, `switch_caller_profile_event_set_data`.
 */
import type { HeaderValue } from "./events.ts";

export type Direction = "inbound" | "outbound";
export type CallState = "DOWN" | "RINGING" | "EARLY" | "ACTIVE" | "HELD" | "RING_WAIT" | "HANGUP" | "UNHELD";
export type AnswerState = "ringing" | "early" | "answered" | "hangup";

/** The caller profile of a channel. */
export interface Profile {
  readonly username?: string | undefined;
  readonly callerName: string;
  readonly callerNumber: string;
  readonly origNumber: string;
  readonly calleeName?: string | undefined;
  readonly calleeNumber?: string | undefined;
  readonly ani: string;
  readonly destination: string;
  readonly source: string;
  readonly transferSource?: string | undefined;
  readonly context: string;
  readonly rdnis?: string | undefined;
  /** Counts the profiles of the channel: a transfer creates a new one. */
  readonly index: number;
}

/** Microseconds since 1970, or "0" for "not yet". */
export interface Times {
  created: string;
  progress: string;
  media: string;
  answered: string;
  bridged: string;
  hangup: string;
}

/** A copy of the other end's leg, which does not follow later changes of that leg. */
export interface OtherLeg {
  readonly type: "originator" | "originatee";
  readonly uuid: string;
  readonly name: string;
  readonly direction: Direction;
  readonly logical: Direction;
  readonly profile: Profile;
  readonly times: Times;
}

export interface ChannelOptions {
  readonly uuid: string;
  readonly name: string;
  readonly direction: Direction;
  readonly profile: Profile;
  /** `extension@domain` on the legs of a phone. */
  readonly presenceId?: string | undefined;
  readonly other?: OtherLeg | undefined;
  /** The id of the call's first leg. */
  readonly callUuid?: string | undefined;
  readonly variables?: Readonly<Record<string, HeaderValue>>;
  readonly created: string;
}

export class Channel {
  readonly uuid: string;
  readonly name: string;
  readonly direction: Direction;
  presenceId: string | undefined;
  readonly variables: Map<string, HeaderValue>;
  readonly times: Times;
  profile: Profile;
  other: OtherLeg | undefined;
  logical: Direction;
  callUuid: string;
  state = "CS_INIT";
  callState: CallState = "DOWN";
  answerState: AnswerState = "ringing";
  hangupCause: string | undefined;
  /** Ends the call of this leg from outside (`uuid_kill`). */
  kill: ((cause: string) => void) | undefined;

  constructor(options: ChannelOptions) {
    this.uuid = options.uuid;
    this.name = options.name;
    this.direction = this.logical = options.direction;
    this.presenceId = options.presenceId;
    this.profile = options.profile;
    this.other = options.other;
    this.callUuid = options.callUuid ?? options.uuid;
    this.times = { created: options.created, progress: "0", media: "0", answered: "0", bridged: "0", hangup: "0" };
    this.variables = new Map(Object.entries({
      direction: options.direction,
      ...(options.direction === "outbound" ? { is_outbound: "true" } : {}),
      uuid: options.uuid,
      call_uuid: this.callUuid,
      channel_name: options.name,
      ...(options.presenceId === undefined ? {} : { presence_id: options.presenceId }),
      ...options.variables,
    }));
  }

  get over(): boolean {
    return this.hangupCause !== undefined;
  }

  /** A copy of this leg for the other end. An originator is copied without its times. */
  seenAs(type: OtherLeg["type"]): OtherLeg {
    const { uuid, name, direction, profile } = this;
    const times = type === "originatee" ? { ...this.times, bridged: "0" } : { ...none };
    return { type, uuid, name, direction, logical: "inbound", profile, times };
  }

  /** Sends the leg to another destination of the dialplan: a new profile, the old destination kept as RDNIS. */
  transfer(destination: string, now: string, how = "bl_xfer"): void {
    const { profile } = this;
    const seconds = now.slice(0, -6);
    this.profile = {
      ...profile,
      destination,
      context: "default",
      rdnis: profile.rdnis ?? profile.destination,
      index: profile.index + 1,
      transferSource: `${seconds}:${crypto.randomUUID()}:${how}:${destination}/default/XML`,
    };
  }

  /** The headers of an event after its first ones; without variables for CHANNEL_CALLSTATE. */
  headers(withVariables: boolean): Record<string, HeaderValue> {
    return {
      ...this.#basics(),
      ...profileHeaders("Caller", this.profile, this.times, this),
      ...(this.other === undefined ? {} : otherHeaders(this.other)),
      ...(withVariables ? Object.fromEntries([...this.variables].map(([name, value]) => [`variable_${name}`, value])) : {}),
    };
  }

  #basics(): Record<string, HeaderValue> {
    return {
      "Channel-State": this.state,
      "Channel-Call-State": this.callState,
      "Channel-State-Number": stateNumbers[this.state] ?? "0",
      "Channel-Name": this.name,
      "Unique-ID": this.uuid,
      "Call-Direction": this.direction,
      "Presence-Call-Direction": this.direction,
      "Channel-HIT-Dialplan": String(this.direction === "inbound" || this.profile.index > 1),
      ...(this.presenceId === undefined ? {} : { "Channel-Presence-ID": this.presenceId }),
      "Channel-Call-UUID": this.callUuid,
      "Answer-State": this.answerState,
      ...(this.hangupCause === undefined ? {} : { "Hangup-Cause": this.hangupCause }),
      ...(this.times.answered === "0" && this.times.media === "0" ? {} : codecs),
    };
  }
}

const none: Times = { created: "0", progress: "0", media: "0", answered: "0", bridged: "0", hangup: "0" };

const stateNumbers: Readonly<Record<string, string>> = {
  CS_NEW: "0",
  CS_INIT: "2",
  CS_ROUTING: "2",
  CS_SOFT_EXECUTE: "3",
  CS_EXECUTE: "4",
  CS_EXCHANGE_MEDIA: "5",
  CS_PARK: "6",
  CS_CONSUME_MEDIA: "7",
  CS_HIBERNATE: "8",
  CS_RESET: "9",
  CS_HANGUP: "10",
  CS_REPORTING: "11",
  CS_DESTROY: "12",
};

const codecs = {
  "Channel-Read-Codec-Name": "PCMU",
  "Channel-Read-Codec-Rate": "8000",
  "Channel-Read-Codec-Bit-Rate": "64000",
  "Channel-Write-Codec-Name": "PCMU",
  "Channel-Write-Codec-Rate": "8000",
  "Channel-Write-Codec-Bit-Rate": "64000",
};

function otherHeaders(leg: OtherLeg): Record<string, string> {
  return { "Other-Type": leg.type, ...profileHeaders("Other-Leg", leg.profile, leg.times, leg) };
}

interface Named {
  readonly uuid: string;
  readonly name: string;
  readonly direction: Direction;
  readonly logical: Direction;
}

function profileHeaders(kind: "Caller" | "Other-Leg", profile: Profile, times: Times, leg: Named): Record<string, string> {
  // Caller-Caller-ID-Number, but Other-Leg-Caller-ID-Number.
  const pairs: [string, string | undefined][] = [
    ["Direction", leg.direction],
    ["Logical-Direction", leg.logical],
    ["Username", profile.username],
    ["Dialplan", "XML"],
    ["Caller-ID-Name", profile.callerName],
    ["Caller-ID-Number", profile.callerNumber],
    ["Orig-Caller-ID-Name", profile.origNumber],
    ["Orig-Caller-ID-Number", profile.origNumber],
    ["Callee-ID-Name", profile.calleeName],
    ["Callee-ID-Number", profile.calleeNumber],
    ["Network-Addr", "127.0.0.1"],
    ["ANI", profile.ani],
    ["Destination-Number", profile.destination],
    ["Unique-ID", leg.uuid],
    ["Source", profile.source],
    ["Transfer-Source", profile.transferSource],
    ["Context", profile.context],
    ["RDNIS", profile.rdnis],
    ["Channel-Name", leg.name],
    ["Profile-Index", kind === "Caller" ? String(profile.index) : undefined],
    ["Profile-Created-Time", times.created],
    ...timeHeaders(times),
    ["Screen-Bit", "true"],
    ["Privacy-Hide-Name", "false"],
    ["Privacy-Hide-Number", "false"],
  ];
  return Object.fromEntries(pairs.flatMap(([name, value]) => value === undefined ? [] : [[`${kind}-${name}`, value]]));
}

function timeHeaders(times: Times): [string, string][] {
  return [
    ["Channel-Created-Time", times.created],
    ["Channel-Answered-Time", times.answered],
    ["Channel-Progress-Time", times.progress],
    ["Channel-Progress-Media-Time", times.media],
    ["Channel-Hangup-Time", times.hangup],
    ["Channel-Transfer-Time", "0"],
    ["Channel-Resurrect-Time", "0"],
    ["Channel-Bridged-Time", times.bridged],
    ["Channel-Last-Hold", "0"],
    ["Channel-Hold-Accum", "0"],
  ];
}
