/** The model of the switch: its channels, and the events that each step in a channel's life fires. */
import { type CallState, Channel } from "./channel.ts";
import { type HeaderValue, heartbeatFacts, Stamp, type SwitchEvent } from "./events.ts";
import { LiveLegs } from "./legs.ts";
import { sources } from "./sources.ts";

export class Switch {
  readonly legs = new LiveLegs();
  readonly channels = new Map<string, Channel>();
  stamp: Stamp;
  readonly #publish: (event: SwitchEvent) => void;
  readonly #now: () => number;
  #started: number;

  /** `publish` gets every event; `now` is milliseconds since 1970. */
  constructor(publish: (event: SwitchEvent) => void, now: () => number, coreUuid: string) {
    this.#publish = publish;
    this.#now = now;
    this.#started = now();
    this.stamp = new Stamp(coreUuid, now);
  }

  /** Microseconds since 1970. */
  now(): string {
    return this.stamp.micros();
  }

  /** Milliseconds since the switch started. */
  get upMs(): number {
    return this.#now() - this.#started;
  }

  /** A crash and a new start: another Core-UUID, no leg left, nothing said about those that were. */
  restart(coreUuid: string): void {
    this.channels.clear();
    this.legs.clear();
    this.#started = this.#now();
    this.stamp = new Stamp(coreUuid, this.#now);
  }

  /** Fires an event that belongs to no channel. */
  fire(name: string, facts: Readonly<Record<string, HeaderValue>>, subclass?: string): void {
    this.#send({ ...this.stamp.head(name, sources[name], subclass), ...facts });
  }

  heartbeat(): void {
    this.fire("HEARTBEAT", heartbeatFacts(this.upMs, this.channels.size));
  }

  /** Fires an event with a channel's headers; `before` stand ahead of them, `after` behind. */
  tell(name: string, channel: Channel, more: More = {}): void {
    const head = this.stamp.head(name, sources[name], more.subclass);
    const headers = channel.headers(name !== "CHANNEL_CALLSTATE");
    this.#send({ ...head, ...more.before, ...headers, ...more.after });
  }

  /** CHANNEL_CREATE; a leg that comes in is at once RINGING for the switch. */
  create(channel: Channel): void {
    this.channels.set(channel.uuid, channel);
    if (channel.direction === "inbound") channel.variables.set("endpoint_disposition", "DELAYED NEGOTIATION");
    this.tell("CHANNEL_CREATE", channel);
    channel.state = channel.direction === "inbound" ? "CS_ROUTING" : "CS_CONSUME_MEDIA";
    if (channel.direction === "inbound") this.callState(channel, "RINGING");
  }

  /** CHANNEL_PROGRESS: a 180 came from the phone, or goes to it. */
  progress(channel: Channel): void {
    channel.times.progress = this.now();
    if (channel.direction === "inbound") channel.state = "CS_EXECUTE";
    this.tell("CHANNEL_PROGRESS", channel);
    if (channel.direction === "outbound") this.callState(channel, "RINGING");
  }

  /** CHANNEL_PROGRESS_MEDIA: a 183, or ringing that the switch plays itself. */
  earlyMedia(channel: Channel): void {
    channel.times.media = this.now();
    if (channel.direction === "inbound") channel.state = "CS_EXECUTE";
    channel.answerState = "early";
    channel.variables.set("endpoint_disposition", "EARLY MEDIA");
    this.tell("CHANNEL_PROGRESS_MEDIA", channel);
    this.callState(channel, "EARLY");
  }

  answer(channel: Channel): void {
    if (channel.direction === "inbound") channel.state = "CS_EXECUTE";
    channel.times.answered = this.now();
    channel.answerState = "answered";
    this.tell("CHANNEL_ANSWER", channel);
    channel.variables.set("endpoint_disposition", "ANSWER");
    this.callState(channel, "ACTIVE");
  }

  callState(channel: Channel, state: CallState): void {
    const before = { "Original-Channel-Call-State": channel.callState, "Channel-Call-State-Number": callStateNumbers[state] };
    channel.callState = state;
    this.tell("CHANNEL_CALLSTATE", channel, { before });
  }

  update(channel: Channel): void {
    this.tell("CALL_UPDATE", channel, { before: { Direction: "SEND" } });
  }

  /** CHANNEL_BRIDGE or CHANNEL_UNBRIDGE: an event of `a`, the leg that was connected to the other. */
  bridge(name: "CHANNEL_BRIDGE" | "CHANNEL_UNBRIDGE", a: Channel, b: Channel): void {
    this.tell(name, a, { before: { "Bridge-A-Unique-ID": a.uuid, "Bridge-B-Unique-ID": b.uuid } });
  }

  /** The handset puts the leg on hold, or takes it back. */
  hold(channel: Channel, held: boolean): void {
    this.callState(channel, held ? "HELD" : "UNHELD");
    this.tell(held ? "CHANNEL_HOLD" : "CHANNEL_UNHOLD", channel);
    if (!held) this.callState(channel, "ACTIVE");
  }

  /** CHANNEL_HANGUP: the first word that a leg ends. */
  hangup(channel: Channel, cause: string): void {
    channel.hangupCause = cause;
    channel.answerState = "hangup";
    channel.times.hangup = this.now();
    this.tell("CHANNEL_HANGUP", channel);
    channel.state = "CS_HANGUP";
  }

  /** CHANNEL_HANGUP_COMPLETE, with the accounting. */
  complete(channel: Channel): void {
    channel.state = "CS_REPORTING";
    channel.variables.set("hangup_cause", channel.hangupCause ?? "");
    this.tell("CHANNEL_HANGUP_COMPLETE", channel, { before: { "Hangup-Cause": channel.hangupCause ?? "" } });
  }

  destroy(channel: Channel): void {
    this.tell("CHANNEL_DESTROY", channel);
    this.channels.delete(channel.uuid);
  }

  /** All that a leg says when it ends alone. */
  end(channel: Channel, cause: string): void {
    if (channel.over) return;
    this.hangup(channel, cause);
    this.callState(channel, "HANGUP");
    this.complete(channel);
    this.destroy(channel);
  }

  #send(event: SwitchEvent): void {
    this.legs.note(event);
    this.#publish(event);
  }
}

/** Headers around those of the channel. */
export interface More {
  readonly subclass?: string;
  readonly before?: Readonly<Record<string, HeaderValue>>;
  readonly after?: Readonly<Record<string, HeaderValue>>;
}

/** src/include/switch_types.h, `switch_channel_callstate_t` */
const callStateNumbers: Readonly<Record<CallState, string>> = {
  DOWN: "0",
  RINGING: "2",
  EARLY: "3",
  ACTIVE: "4",
  HELD: "5",
  RING_WAIT: "6",
  HANGUP: "7",
  UNHELD: "8",
};
