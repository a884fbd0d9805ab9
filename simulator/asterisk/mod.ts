/** A scripted Asterisk behind ARI, for tests, the demo and the replay of recordings. */
export { Asterisk, type AsteriskOptions, type NewChannel } from "./asterisk.ts";
export { type Channel, channelJson, type ChannelState, type Endpoint, endpointOf } from "./channel.ts";
export { InboundCall, type InboundOptions } from "./inbound.ts";
export { FarLeg, type Handset, keypad, Originator, wrongNumber } from "./outbound.ts";
export { type Answer, type AriRequest, AriServer, type Backend, error, type ServerOptions } from "./server.ts";
export { type AriRecording, type AriStep, isAriRecording, parseAriRecording } from "./recording.ts";
export { type AriReplayOptions, AriReplayPeer } from "./replay.ts";
