/** What a follower (follow.ts) demands of its session. */
import type { SyncRequest } from "../../src/broker/messages.ts";
import type { CommandResult, LineEvent } from "../../src/core/line.ts";

/** What follows from an input, in this order. */
export type Action =
  | { readonly type: "event"; readonly event: LineEvent }
  /** Ask this relay, or each: see `SyncRequest`. */
  | ({ readonly type: "ask" } & SyncRequest)
  /** A command has its result. */
  | { readonly type: "result"; readonly id: string; readonly result: CommandResult }
  /** Another relay is followed from now on. */
  | { readonly type: "moved"; readonly to: string };
