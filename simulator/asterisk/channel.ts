/** Channels and endpoints of the scripted Asterisk, and their JSON as ARI writes it (rest-api/api-docs). */

/** The state of a channel, as ARI names it. */
export type ChannelState = "Down" | "Ring" | "Ringing" | "Up";

/** A name with a number. */
export interface CallerId {
  name: string;
  number: string;
}

/** A channel. Its name begins with technology and endpoint: `PJSIP/1001-0000002a`. */
export interface Channel {
  readonly id: string;
  readonly name: string;
  /** The id of the channel that came first in this call. */
  linkedId: string;
  /** The extension that the channel came in with. */
  readonly dialled: string;
  /** The Call-ID of chan_pjsip; empty until the channel has sent or received something. */
  protocolId: string;
  state: ChannelState;
  caller: CallerId;
  connected: CallerId;
  context: string;
  exten: string;
  app: string;
  appData: string;
  /** The application that has called the channel; empty if the channel has called. */
  calledBy: string;
  readonly created: Date;
  readonly variables: Map<string, string>;
}

/** Technology and resource of the endpoint that a channel belongs to: `PJSIP/1001`. */
export function endpointOf({ name }: Pick<Channel, "name">): string {
  return name.slice(0, name.lastIndexOf("-"));
}

/** A channel as ARI reports it. */
export function channelJson(channel: Channel): Record<string, unknown> {
  const { id, name, state, protocolId, caller, connected, context, exten, app, appData, created } = channel;
  return {
    id,
    name,
    state,
    protocol_id: protocolId,
    caller: { ...caller },
    connected: { ...connected },
    accountcode: "",
    dialplan: { context, exten, priority: 1, app_name: app, app_data: appData },
    creationtime: timestamp(created),
    language: "en",
  };
}

/** An endpoint as ARI reports it. */
export interface Endpoint {
  readonly technology: string;
  readonly resource: string;
  state: "online" | "offline" | "unknown";
}

export function endpointJson(
  { technology, resource, state }: Endpoint,
  channels: readonly Pick<Channel, "id">[],
): Record<string, unknown> {
  return { technology, resource, state, channel_ids: channels.map(({ id }) => id) };
}

/** A time as ARI writes it: `2026-01-31T12:00:00.123+0000`. */
export function timestamp(date: Date): string {
  return date.toISOString().replace("Z", "+0000");
}
