/** What the scripted calls need of the house that they happen in. */
import type { Handset } from "./parties.ts";
import type { Switch } from "./switch.ts";

export interface House {
  readonly sw: Switch;
  /** The phone of an extension; `device` counts further phones with the same account from 0. Throws when there is no such extension. */
  handset(extension: string, device?: number): Handset;
  /** True for an extension of the house. */
  knows(extension: string): boolean;
  /** When all that was sent so far is on the sockets. */
  sent(): Promise<void>;
  /** Runs a step later, unless the simulator is closed or restarted before. */
  later(ms: number, step: () => void): void;
}
