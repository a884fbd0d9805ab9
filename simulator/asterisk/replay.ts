/**
 * A peer that plays a recording of a live Asterisk to its client: it sends the recorded events to the applications subscribed to
 * their endpoints, and answers requests from the state of the switch at that moment.
 */
import { aborted, type PlaybackOptions, playSteps } from "../playback.ts";
import { type Channel, channelJson, type Endpoint, endpointJson, endpointOf } from "./channel.ts";
import type { AriRecording, AriStep, ShortChannel, ShortEvent } from "./recording.ts";
import { answer, type Switch } from "./resources.ts";
import { type Answer, type AriRequest, AriServer, type Backend, error } from "./server.ts";

export interface AriReplayOptions extends PlaybackOptions {
  readonly onFrame?: (direction: "in" | "out", text: string) => void;
  readonly password?: string;
  readonly port?: number;
  /** After each event, waits until the client has received it and has asked what it wants to know; for tests on busy machines. */
  readonly stepwise?: boolean;
  /** How variables are read: default as in Asterisk; `none`: as if no channel had any, and no function were loaded. */
  readonly variables?: "none";
}

/** The turns of at least 1 ms that a client gets to process an answer. */
const turnsForAnswers = 30;

/** The desk of all recordings. */
const desk = "endpoint:PJSIP/1001";

/** The peer. */
export class AriReplayPeer implements Backend, Switch {
  readonly server: AriServer;
  readonly channels = new Map<string, Channel>();
  readonly endpoints = new Map<string, Endpoint>();
  readonly contacts = new Map<string, readonly string[]>();
  readonly globals = new Map<string, string>();
  readonly missingModules = new Set<string>();
  readonly missingFunctions = new Set<string>();
  readonly contexts = new Set(["default", "from-trunk"]);
  readonly #recording: AriRecording;
  readonly #options: AriReplayOptions;
  readonly #stop = new AbortController();
  /** The daemon's id for the recorder's channel. */
  #channelId: string | undefined;

  constructor(recording: AriRecording, options: AriReplayOptions = {}) {
    [this.#recording, this.#options] = [recording, options];
    const { password, port, onFrame } = options;
    this.server = new AriServer({
      backend: this,
      ...(password === undefined ? {} : { password }),
      ...(port === undefined ? {} : { port }),
      ...(onFrame === undefined ? {} : { onFrame }),
    });
    for (const resource of ["1001", "1002", "trunk"]) {
      this.endpoints.set(`PJSIP/${resource}`, { technology: "PJSIP", resource, state: "online" });
      this.contacts.set(`PJSIP/${resource}`, [`sip:${resource}@127.0.0.1:5411`]);
    }
  }

  get port(): number {
    return this.server.port;
  }

  async listen(): Promise<void> {
    await this.server.listen();
  }

  /**
   * Waits for a subscription to the desk, plays the recording once (from the daemon's POST /channels on, if there is one) and
   * resolves when the last event has been received, or after `close`.
   */
  async play(): Promise<void> {
    await this.#subscribed();
    await playSteps(this.#recording.steps, this.#options, this.#stop.signal, (step) => this.#perform(step));
    if (this.#stop.signal.aborted) return;
    await this.#subscribed();
    await this.drained();
  }

  /** Resolves when the client has received everything sent, and has had time for the answers to what it asked because of it. */
  async drained(): Promise<void> {
    const { requests } = this.server;
    for (let quiet = 0, seen = requests.length, turns = 3; quiet < turns; quiet++) {
      await this.server.flushed();
      await new Promise((resolve) => setTimeout(resolve, 1));
      if (requests.length === seen) continue;
      [quiet, seen, turns] = [0, requests.length, turnsForAnswers];
    }
  }

  close(): void {
    this.#stop.abort();
    this.server.stop();
  }

  answer(request: AriRequest): Answer | undefined {
    if (this.#options.variables === "none" && request.path.endsWith("/variable")) {
      return error(404, "Provided variable was not found");
    }
    return answer(this, request);
  }

  exists(source: string): boolean {
    const [kind, name = ""] = source.split(/:(.*)/s);
    return kind !== "endpoint" || this.endpoints.has(name) || name === "PJSIP";
  }

  endpointJson(name: string): Record<string, unknown> {
    const endpoint = this.endpoints.get(name);
    const channels = [...this.channels.values()].filter((channel) => endpointOf(channel) === name);
    return endpoint ? endpointJson(endpoint, channels) : {};
  }

  originate({ query, body }: AriRequest): Answer {
    const id = { ...query, ...body }["channelId"];
    if (this.endpoints.get("PJSIP/1001")?.state !== "online") return { status: 500, body: { error: "Allocation failed" } };
    if (!this.#recording.originate || typeof id !== "string") return error(400, "Nothing was dialled in this recording");
    this.#channelId = id;
    const channel = this.#update({ id: this.#recording.originate.channelId, name: "PJSIP/1001-00000000", state: "Down" });
    this.server.changed();
    return { status: 200, body: channelJson(channel) };
  }

  hangup(): void {}

  setVariable(): void {}

  #subscribed(): Promise<void> {
    const isOpen = () => [...this.server.apps.values()].some(({ socket, sources }) => socket !== undefined && sources.has(desk));
    return Promise.race([this.server.until(isOpen), aborted(this.#stop.signal)]);
  }

  async #perform(step: AriStep): Promise<void> {
    if (step.kind === "mark") {
      await this.#options.onMark?.(step.n, step.note);
      if (/asterisk started/.test(step.note)) await this.server.listen();
      return;
    }
    if (step.kind === "killed") {
      this.channels.clear();
      return this.server.stop();
    }
    const { event, heard } = step;
    const own = this.#recording.originate?.channelId;
    if (own !== undefined && this.#channelId === undefined && JSON.stringify(event).includes(`"${own}"`)) {
      const aborted = new Promise<void>((resolve) =>
        this.#stop.signal.addEventListener("abort", () => resolve(), { once: true })
      );
      await Promise.race([this.server.until(() => this.#channelId !== undefined), aborted]);
    }
    const full = this.#happens(event);
    if (!heard) return;
    if (event.type === "ApplicationReplaced") this.server.replace();
    else this.server.publish(event.type, [desk], full);
    if (this.#options.stepwise) await this.drained();
  }

  /** Changes the state of the switch. @returns the fields of the event as ARI sends them. */
  #happens(event: ShortEvent): Record<string, unknown> {
    const { type: _type, channel, caller, peer, endpoint, ...rest } = event;
    const parties = Object.entries({ channel, caller, peer }).flatMap(([name, short]): [string, Channel][] =>
      short && "id" in short ? [[name, this.#update(short)]] : []
    );
    const [subject, calling, called] = [channel, caller, peer].map((short) => short && this.channels.get(this.#idOf(short.id)));
    if (event.type === "ChannelVarset" && subject) {
      subject.variables.set(String(rest["variable"]).replace(/^_+/, ""), typeof rest["value"] === "string" ? rest["value"] : "");
    }
    if (calling && called) this.#leads(calling, called);
    if (event.type === "ChannelEnteredBridge") this.#meet(rest["bridge"]);
    const fields = {
      ...(event.type === "Dial" ? { dialstatus: "", dialstring: "", forward: "" } : {}),
      ...(event.type === "ChannelVarset" ? { value: "" } : {}),
      ...rest,
      ...Object.fromEntries(parties.map(([name, party]) => [name, channelJson(party)])),
      ...(peer && !("id" in peer) ? { peer } : {}),
      ...(isFields(endpoint) ? { endpoint: this.#endpoint(endpoint) } : {}),
    };
    if (event.type === "ChannelDestroyed" && subject) this.channels.delete(subject.id);
    return fields;
  }

  #idOf(id: string): string {
    return id === this.#recording.originate?.channelId ? this.#channelId ?? id : id;
  }

  /** Brings a channel into the state of the event. */
  #update({ id: recorded, name, state, caller, connected, exten, app = "", protocol_id = "" }: ShortChannel): Channel {
    const id = this.#idOf(recorded);
    const [extension = "", context = ""] = (exten ?? "").split("@");
    const before = this.channels.get(id);
    const channel: Channel = {
      id,
      name,
      linkedId: before?.linkedId ?? this.#twinOf({ name })?.linkedId ?? id,
      dialled: before?.dialled ?? extension,
      protocolId: protocol_id,
      state,
      caller: { name: "", number: "", ...caller },
      connected: { name: "", number: "", ...connected },
      exten: extension,
      context,
      app,
      appData: "",
      calledBy: before?.calledBy || (/^App/.test(app) ? app : ""),
      created: before?.created ?? new Date(),
      variables: before?.variables ?? new Map(),
    };
    this.channels.set(id, channel);
    return channel;
  }

  /** One channel has called another, which belongs to the same call and sees how the caller's number may be shown. */
  #leads(caller: Channel, peer: Channel): void {
    const twin = this.#twinOf(peer);
    for (const channel of twin ? [peer, twin] : [peer]) channel.linkedId = caller.linkedId;
    const presentation = caller.variables.get("CALLERID(num-pres)");
    if (presentation !== undefined) peer.variables.set("CONNECTEDLINE(num-pres)", presentation);
  }

  /** The other half of a Local channel. */
  #twinOf({ name }: Pick<Channel, "name">): Channel | undefined {
    const twin = name.endsWith(";1") ? name.replace(/1$/, "2") : name.endsWith(";2") ? name.replace(/2$/, "1") : undefined;
    return twin === undefined ? undefined : [...this.channels.values()].find((channel) => channel.name === twin);
  }

  /** Channels that meet in a bridge belong to the call that began first. */
  #meet(bridge: unknown): void {
    const ids = isFields(bridge) && Array.isArray(bridge["channels"])
      ? bridge["channels"].map((id) => this.#idOf(String(id)))
      : [];
    const met = ids.flatMap((id) => this.channels.get(id) ?? []);
    const [oldest] = met.map(({ linkedId }) => linkedId).toSorted((a, b) => Number(a) - Number(b));
    for (const channel of met) channel.linkedId = oldest ?? channel.linkedId;
  }

  #endpoint(short: Readonly<Record<string, unknown>>): Record<string, unknown> {
    const name = `${short["technology"]}/${short["resource"]}`;
    const state = short["state"] === "offline" ? "offline" : "online";
    const endpoint = this.endpoints.get(name) ?? { technology: "PJSIP", resource: String(short["resource"]), state };
    endpoint.state = state;
    this.endpoints.set(name, endpoint);
    const ids = Array.isArray(short["channel_ids"]) ? short["channel_ids"] : [];
    return { ...short, channel_ids: ids.map((id) => this.#idOf(String(id))) };
  }
}

function isFields(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
