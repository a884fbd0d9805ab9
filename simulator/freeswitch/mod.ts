/** A simulated FreeSWITCH on loopback with scripted phones, and a peer that replays recordings. */
export { AttendedTransfer } from "./attended-transfer.ts";
export { BareClient, type Frame } from "./client.ts";
export { type Backend, type Connection, type FrameTap, type Job, type Login } from "./connection.ts";
export { DialledCall, type FarBehaviour, type HandsetBehaviour } from "./dialled.ts";
export { type HeaderValue, type SwitchEvent } from "./events.ts";
export { Filters, Subscription } from "./filters.ts";
export { type Group, GroupCall } from "./group.ts";
export { type Inbound, InboundCall } from "./inbound.ts";
export { type Keypad, KeypadCall, type Pickup } from "./keypad.ts";
export { type Chunking, type Pace } from "./outlet.ts";
export { QueueCall, type QueueEntry } from "./queue.ts";
export { type OriginateIds, parseRecording, type Recording, type Step } from "./recording.ts";
export { type ReplayOptions, ReplayPeer } from "./replay.ts";
export { type EventSocketOptions, EventSocketServer, type Loss } from "./server.ts";
export { Simulator, type SimulatorOptions } from "./simulator.ts";
export { Talk } from "./talk.ts";
