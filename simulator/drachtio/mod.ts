/** A scripted drachtio-server with a small SIP switch behind it, for tests and the replay of recordings. */
export { type Instead, type PbxOptions, type PhoneDialog, SipPbx, type Sub } from "./pbx.ts";
export { type Client, DrachtioServer, type Network, type Sent, type ServerOptions } from "./server.ts";
export { header, parameter, readSip, type SipMessage, userOf, writeSip } from "./sip.ts";
export { type Framed, framesOf, isSipRecording, parseSipRecording, type SipRecording, type SipStep } from "./recording.ts";
export { type SipReplayOptions, SipReplayPeer } from "./replay.ts";
