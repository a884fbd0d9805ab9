/** Model of the switch: its channels, and the events fired by each step of a channel. */
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

  /** Crashes and restarts: a new Core-UUID, no legs, and no events about the earlier ones. */
  restart(coreUuid: string): void {
    this.channels.clear();
    this.legs.clear();
    this.#started = this.#now();
    this.stamp = new Stamp(coreUuid, this.#now);
  }

  /** Fires an event without a channel. */
  fire(name: string, facts: Readonly<Record<string, HeaderValue>>, subclass?: string): void {
    this.#send({ ...this.stamp.head(name, sources[name], subclass), ...facts });
  }

  heartbeat(): void {
    this.fire("HEARTBEAT", heartbeatFacts(this.upMs, this.channels.size));
  }

  /** Fires an event with a channel's headers, between those in `before` and `after`. */
  fireFor(name: string, channel: Channel, more: More = {}): void {
    const head = this.stamp.head(name, sources[name], more.subclass);
    const headers = channel.headers(name !== "CHANNEL_CALLSTATE");
    this.#send({ ...head, ...more.before, ...headers, ...more.after });
  }

  /** CHANNEL_CREATE; an incoming leg is RINGING at once. */
  create(channel: Channel): void {
    this.channels.set(channel.uuid, channel);
    if (channel.direction === "inbound") channel.variables.set("endpoint_disposition", "DELAYED NEGOTIATION");
    this.fireFor("CHANNEL_CREATE", channel);
    channel.state = channel.direction === "inbound" ? "CS_ROUTING" : "CS_CONSUME_MEDIA";
    if (channel.direction === "inbound") this.callState(channel, "RINGING");
  }

  /** CHANNEL_PROGRESS: a 180 from or to the phone. */
  progress(channel: Channel): void {
    channel.times.progress = this.now();
    if (channel.direction === "inbound") channel.state = "CS_EXECUTE";
    this.fireFor("CHANNEL_PROGRESS", channel);
    if (channel.direction === "outbound") this.callState(channel, "RINGING");
  }

  /** CHANNEL_PROGRESS_MEDIA: a 183, or ringing played by the switch. */
  earlyMedia(channel: Channel): void {
    channel.times.media = this.now();
    if (channel.direction === "inbound") channel.state = "CS_EXECUTE";
    channel.answerState = "early";
    channel.variables.set("endpoint_disposition", "EARLY MEDIA");
    this.fireFor("CHANNEL_PROGRESS_MEDIA", channel);
    this.callState(channel, "EARLY");
  }

  answer(channel: Channel): void {
    if (channel.direction === "inbound") channel.state = "CS_EXECUTE";
    channel.times.answered = this.now();
    channel.answerState = "answered";
    this.fireFor("CHANNEL_ANSWER", channel);
    channel.variables.set("endpoint_disposition", "ANSWER");
    this.callState(channel, "ACTIVE");
  }

  callState(channel: Channel, state: CallState): void {
    const before = { "Original-Channel-Call-State": channel.callState, "Channel-Call-State-Number": callStateNumbers[state] };
    channel.callState = state;
    this.fireFor("CHANNEL_CALLSTATE", channel, { before });
  }

  update(channel: Channel): void {
    this.fireFor("CALL_UPDATE", channel, { before: { Direction: "SEND" } });
  }

  /** CHANNEL_BRIDGE or CHANNEL_UNBRIDGE: an event of `a`, the A leg of the bridge. */
  bridge(name: "CHANNEL_BRIDGE" | "CHANNEL_UNBRIDGE", a: Channel, b: Channel): void {
    this.fireFor(name, a, { before: { "Bridge-A-Unique-ID": a.uuid, "Bridge-B-Unique-ID": b.uuid } });
  }

  /** The handset holds or retrieves the leg. */
  hold(channel: Channel, held: boolean): void {
    this.callState(channel, held ? "HELD" : "UNHELD");
    this.fireFor(held ? "CHANNEL_HOLD" : "CHANNEL_UNHOLD", channel);
    if (!held) this.callState(channel, "ACTIVE");
  }

  /** CHANNEL_HANGUP: the first event of a leg's end. */
  hangup(channel: Channel, cause: string): void {
    channel.hangupCause = cause;
    channel.answerState = "hangup";
    channel.times.hangup = this.now();
    this.fireFor("CHANNEL_HANGUP", channel);
    channel.state = "CS_HANGUP";
  }

  /** CHANNEL_HANGUP_COMPLETE, with the accounting. */
  complete(channel: Channel): void {
    channel.state = "CS_REPORTING";
    channel.variables.set("hangup_cause", channel.hangupCause ?? "");
    this.fireFor("CHANNEL_HANGUP_COMPLETE", channel, { before: { "Hangup-Cause": channel.hangupCause ?? "" } });
  }

  destroy(channel: Channel): void {
    this.fireFor("CHANNEL_DESTROY", channel);
    this.channels.delete(channel.uuid);
  }

  /** Fires all events of a leg that ends alone. */
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
