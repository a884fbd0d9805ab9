/** The interface of the simulated site for scripted calls. */
import type { Handset } from "./parties.ts";
import type { Switch } from "./switch.ts";

export interface Site {
  readonly sw: Switch;
  /** The phone of an extension; `device` counts the phones of the account from 0. @throws Error for an unknown extension. */
  handset(extension: string, device?: number): Handset;
  /** Whether this is an extension of the site. */
  knows(extension: string): boolean;
  /** Resolves when everything sent so far has been written to the sockets. */
  sent(): Promise<void>;
  /** Runs a step after `ms`, unless the simulator is stopped or restarted before. */
  later(ms: number, step: () => void): void;
}
