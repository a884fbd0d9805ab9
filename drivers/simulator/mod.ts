/** The simulator: a FreeSWITCH on loopback with scripted phones, and a peer that replays recordings. */
export { BareClient, type Frame } from "./client.ts";
export { type Backend, type Connection, type FrameTap, type Job, type Login } from "./connection.ts";
export { type HeaderValue, type SwitchEvent } from "./events.ts";
export { Filters, Subscription } from "./filters.ts";
export { type Chunking, type Pace } from "./outlet.ts";
export { parseRecording, type Recording, type Step } from "./recording.ts";
export { type ReplayOptions, ReplayPeer } from "./replay.ts";
export { type EventSocketOptions, EventSocketServer, type Loss } from "./server.ts";
