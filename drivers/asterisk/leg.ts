/** What is remembered of a phone's channel while it lives. */
import type { LegDirection } from "../../src/core/line.ts";

/** The start of the id of a channel that MakeCall has created; the id of the call follows. */
export const dialPrefix = "telesetd-";

/** A leg of a desk. */
export interface Leg {
  readonly id: string;
  readonly desk: string;
  direction?: LegDirection;
  /** The number that the phone has dialled. */
  dialled?: string;
  /** The call of the dial command that has created it. */
  call?: string;
  /** Who calls has been read, and is reported. */
  isIdentified: boolean;
  isUp: boolean;
  hasRung: boolean;
  /** The channels that it has dialled: names and ids. */
  readonly peers: Map<string, string>;
  /** What its last dial has called: `14155550123@trunk`. */
  dialString: string;
  /** How its last dial ended; empty while none has. */
  dialStatus: string;
  farAnswered: boolean;
  /** The name of the channel that it is connected with. */
  bridgePeer: string;
  /** Its party was transferred: the next event is its end. */
  isTransferred: boolean;
}

/** A leg of which nothing is known yet. */
export function newLeg(id: string, desk: string): Leg {
  const call = callOfDial(id);
  return {
    id,
    desk,
    ...(call === undefined ? {} : { call, direction: "to-desk" as const }),
    isIdentified: false,
    isUp: false,
    hasRung: false,
    peers: new Map(),
    dialString: "",
    dialStatus: "",
    farAnswered: false,
    bridgePeer: "",
    isTransferred: false,
  };
}

/** The call whose MakeCall has created a channel; undefined if none has. */
export function callOfDial(channel: string): string | undefined {
  return channel.startsWith(dialPrefix) && channel.length > dialPrefix.length ? channel.slice(dialPrefix.length) : undefined;
}
