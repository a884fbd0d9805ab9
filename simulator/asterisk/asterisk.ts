/**
 * A small Asterisk behind ARI, with scripted people: phones, customers behind the endpoint `trunk`, and a dialplan as in the
 * recordings (test/fixtures/recordings/README.md). Its events come in the order and with the fields of a live Asterisk 22
 * (test/simulator/asterisk.test.ts compares them).
 */
import { type Channel, channelJson, type ChannelState, type Endpoint, endpointJson, endpointOf } from "./channel.ts";
import { answer, type Switch } from "./resources.ts";
import { type Answer, type AriRequest, AriServer, type Backend, type ServerOptions } from "./server.ts";

/** Settings of a switch. */
export interface AsteriskOptions extends Omit<ServerOptions, "backend"> {
  /** The phones, each the endpoint of its own extension. Default: 1001 and 1002. */
  readonly phones?: readonly string[];
}

/** The data of an application in whose place a called channel is. */
export const outgoing = "(Outgoing Line)";

/** What a new channel has. */
export interface NewChannel {
  readonly endpoint: string;
  readonly id?: string;
  readonly state?: ChannelState;
  readonly caller?: { readonly name?: string; readonly number: string };
  readonly context?: string;
  readonly exten?: string;
}

/** The switch. */
export class Asterisk implements Backend, Switch {
  readonly server: AriServer;
  readonly channels = new Map<string, Channel>();
  readonly endpoints = new Map<string, Endpoint>();
  /** The contacts of each endpoint, for `PJSIP_AOR` and its like. */
  readonly contacts = new Map<string, string[]>();
  /** Global variables and functions: `PJSIP_ENDPOINT(1001,context)`. */
  readonly globals = new Map<string, string>();
  /** Modules that are not loaded. */
  readonly missingModules = new Set<string>();
  readonly missingFunctions = new Set<string>();
  readonly contexts = new Set(["default", "from-trunk"]);
  /** Carries out a POST /channels; see `originate.ts`. */
  originate: (request: AriRequest) => Answer = () => ({ status: 501, body: { message: "Not implemented" } });
  #created = 0;

  constructor({ phones = ["1001", "1002"], ...options }: AsteriskOptions = {}) {
    this.server = new AriServer({ ...options, backend: this });
    for (const resource of [...phones, "trunk"]) {
      this.endpoints.set(`PJSIP/${resource}`, { technology: "PJSIP", resource, state: "online" });
      this.contacts.set(`PJSIP/${resource}`, [`sip:${resource}-0x55d93c730f40@127.0.0.1:5411`]);
    }
  }

  answer(request: AriRequest): Answer | undefined {
    return answer(this, request);
  }

  exists(source: string): boolean {
    const [, kind = "", name = ""] = /^(\w+):(.*)$/.exec(source) ?? [];
    // A technology without a resource stands for all its endpoints.
    if (kind === "endpoint") return this.endpoints.has(name) || (name === "PJSIP" || name === "PJSIP/");
    return kind === "channel" ? this.channels.has(name) : kind === "bridge" || kind === "deviceState";
  }

  channelsOf(endpoint: string): Channel[] {
    return [...this.channels.values()].filter((channel) => endpointOf(channel) === endpoint);
  }

  /** Creates a channel, with the events that this causes. */
  create({ endpoint, id, state = "Down", caller, context = "default", exten = "s" }: NewChannel): Channel {
    const number = endpoint.slice(endpoint.indexOf("/") + 1);
    const serial = this.#created++;
    const uniqueId = id ?? `${Math.floor(Date.now() / 1000)}.${serial}`;
    const channel: Channel = {
      id: uniqueId,
      linkedId: uniqueId,
      dialled: exten,
      name: `${endpoint}-${serial.toString(16).padStart(8, "0")}`,
      protocolId: "",
      state,
      caller: caller ? { name: "", ...caller } : { name: `Phone ${number}`, number },
      connected: { name: "", number: "" },
      context,
      exten,
      app: "",
      appData: "",
      calledBy: "",
      created: new Date(),
      variables: new Map(),
    };
    this.channels.set(channel.id, channel);
    this.endpointChanged(endpoint);
    this.event("ChannelCreated", channel);
    channel.protocolId = crypto.randomUUID();
    return channel;
  }

  /** Ends a channel. @param tech the SIP status that caused it. */
  destroy(channel: Channel, cause: number, tech?: number): void {
    this.channels.delete(channel.id);
    // A channel that runs the dialplan leaves its application first.
    channel.app = channel.calledBy;
    const fields = { cause, cause_txt: causeTexts[cause] ?? "Unknown", ...(tech === undefined ? {} : { tech_cause: tech }) };
    this.event("ChannelDestroyed", channel, fields);
    this.endpointChanged(endpointOf(channel));
  }

  /** Sends an event of a channel to those who are subscribed to it or to its endpoint. */
  event(type: string, channel: Channel, fields: Readonly<Record<string, unknown>> = {}): void {
    this.server.publish(type, sourcesOf(channel), { ...fields, channel: channelJson(channel) });
  }

  setState(channel: Channel, state: ChannelState): void {
    channel.state = state;
    this.event("ChannelStateChange", channel);
  }

  setVariable(channel: Channel, variable: string, value = ""): void {
    channel.variables.set(variable.replace(/^_+/, ""), value);
    this.event("ChannelVarset", channel, { variable, value });
  }

  /** The channel executes an application. */
  executes(channel: Channel, app: string, data = ""): void {
    [channel.app, channel.appData] = [app, data];
    if (data === outgoing) channel.calledBy = app;
    this.event("ChannelDialplan", channel, { dialplan_app: app, dialplan_app_data: data });
  }

  connects(channel: Channel, number: string, name = ""): void {
    channel.connected = { number, name };
    this.event("ChannelConnectedLine", channel);
  }

  hangupRequest(channel: Channel, fields: { cause?: number; soft?: boolean; tech_cause?: number } = { cause: 16 }): void {
    this.event("ChannelHangupRequest", channel, fields);
  }

  /** A step of a dial. Only those who are subscribed to the caller get it; without a caller, to the peer. */
  dial(caller: Channel | undefined, peer: Channel, { status = "", string = "" }: { status?: string; string?: string }): void {
    const fields = { dialstatus: status, forward: "", dialstring: string };
    const parties = { ...(caller ? { caller: channelJson(caller) } : {}), peer: channelJson(peer) };
    this.server.publish("Dial", sourcesOf(caller ?? peer), { ...fields, ...parties });
  }

  /** The phone of an endpoint registers or unregisters. */
  registers(endpoint: string, registered: boolean): void {
    const found = this.endpoints.get(endpoint);
    if (!found) throw new Error(`Cannot register ${endpoint}: there is no such endpoint`);
    found.state = registered ? "online" : "offline";
    const uri = `sip:${found.resource}-0x55d93c730f40@127.0.0.1:5411`;
    this.contacts.set(endpoint, registered ? [uri] : []);
    this.endpointChanged(endpoint);
    const fields = { endpoint: this.endpointJson(endpoint) };
    this.server.publish("PeerStatusChange", [`endpoint:${endpoint}`], {
      ...fields,
      peer: { peer_status: registered ? "Reachable" : "Unreachable" },
    });
    this.server.publish("ContactStatusChange", [`endpoint:${endpoint}`], {
      ...fields,
      contact_info: { uri, contact_status: registered ? "NonQualified" : "Removed", aor: found.resource, roundtrip_usec: "0" },
    });
  }

  endpointJson(name: string): Record<string, unknown> {
    const endpoint = this.endpoints.get(name);
    return endpoint ? endpointJson(endpoint, this.channelsOf(name)) : {};
  }

  endpointChanged(name: string): void {
    this.server.publish("EndpointStateChange", [`endpoint:${name}`], { endpoint: this.endpointJson(name) });
  }

  /** Ends a channel as DELETE does; `reason` is that of ARI. */
  hangup(channel: Channel, reason = "normal"): void {
    const cause = { busy: 17, no_answer: 19, answered_elsewhere: 26, congestion: 34 }[reason] ?? 16;
    this.hangupRequest(channel, { cause, soft: true });
    this.destroy(channel, cause);
  }

  /** Asterisk is killed: its connections, channels and subscriptions are lost; the phones stay registered. */
  kill(): void {
    this.channels.clear();
    this.server.stop();
  }
}

function sourcesOf(channel: Channel): string[] {
  return [`channel:${channel.id}`, `endpoint:${endpointOf(channel)}`];
}

/** Texts of causes (main/channel.c). */
const causeTexts: Readonly<Record<number, string>> = {
  0: "Unknown",
  1: "Unallocated (unassigned) number",
  16: "Normal Clearing",
  17: "User busy",
  19: "User alerting, no answer",
  21: "Call Rejected",
  26: "Answered elsewhere",
  127: "Interworking, unspecified",
};
