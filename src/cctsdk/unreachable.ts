/** Why UWQ cannot be reached, and what to do about it: the same sentences in the log, the status and the doctor. Pure. */
import { type Address, addressText } from "../core/crm.ts";

/** A failure, without a full stop, and the next step. */
export interface Trouble {
  readonly why: string;
  readonly advice: string;
}

/**
 * The failure to connect to an agent's UWQ.
 * @param code the error's code (`connectErrorCode`); `ETIMEDOUT` if there was no answer within `waitedMs`.
 * @param who the agent, in a sentence.
 */
export function unreachable(code: string, to: Address, waitedMs: number, who = "the agent"): Trouble {
  const place = addressText(to);
  const { address, port } = to;
  switch (code) {
    case "ECONNREFUSED":
      return {
        why: `Nothing listens at ${place}: the PC is on, but UWQ is not running there`,
        advice: `Have ${who} log in to UWQ again: it then registers with its current port.`,
      };
    case "ETIMEDOUT":
      return {
        why: `${place} does not answer within ${waitedMs / 1000} s`,
        advice:
          `The PC is off or asleep, or its firewall blocks the box: try ping ${address}; allow TCP port ${port} from this box there.`,
      };
    case "EHOSTUNREACH":
      return {
        why: `No machine answers at ${address}: the PC is off or asleep, or has another address now`,
        advice: `Turn it on; then have ${who} log in to UWQ again: it then registers with the PC's current address.`,
      };
    default:
      return {
        why: `${place} cannot be reached (${code === "ENETUNREACH" ? "the box has no route to that network" : code})`,
        advice: `Check the box's route to ${address} and the network in between: ip route get ${address}; ping ${address}.`,
      };
  }
}
