/**
 * The CRM side: the callouts of Oracle's Universal Work Queue and the events that it gets, without XML and HTTP.
 * Source: Oracle Telephony Adapter SDK Developers Reference Guide (E13402), Basic Telephony. Mirror image of `line.ts`.
 */

/** The names of the callouts, in Oracle's spelling. */
export const calloutNames = [
  "Register",
  "Unregister",
  "Login",
  "Logout",
  "Ready",
  "NotReady",
  "CheckStatus",
  "MakeCall",
  "DialCanonical",
] as const;
export type CalloutName = (typeof calloutNames)[number];

/** A request of the CRM about one desk, its values trimmed and checked for form. */
export type Callout =
  | { readonly name: "Register"; readonly desk: string; readonly agent: string; readonly address: string; readonly port: number }
  | { readonly name: "Unregister"; readonly desk: string; readonly agent: string }
  | { readonly name: "Ready" | "NotReady"; readonly desk: string; readonly agent: string }
  | {
    readonly name: "Login" | "Logout";
    readonly desk: string;
    readonly agent: string;
    readonly password?: string;
    readonly queue?: string;
  }
  | {
    readonly name: "MakeCall" | "DialCanonical";
    readonly desk: string;
    readonly agent: string;
    readonly dialString: string;
    /** The address that the request came from. */
    readonly from: string;
  };

/** `CheckStatus` names no desk: it concerns the desks registered from the address of the request, or all. */
export interface CheckStatus {
  readonly name: "CheckStatus";
  /** The address that the request came from. */
  readonly from: string;
}

/** The answer to a callout: ok, or a sentence for the agent. `refused`: nothing was tried, because it is not allowed now. */
export type Reply = { readonly ok: true } | { readonly ok: false; readonly why: string; readonly refused?: true };

/** A callout that was refused, or could not be read, for the administrator. */
export interface RefusedCallout {
  /** Absent if its function is unknown. */
  readonly name?: CalloutName;
  /** The desk and the agent that it named, unchecked. */
  readonly desk?: string;
  readonly agent?: string;
  /** The address that the request came from. */
  readonly from: string;
  /** A sentence, without the number of a dial. */
  readonly why: string;
}

/** Where a UWQ listens. */
export interface Address {
  readonly address: string;
  readonly port: number;
}

/** `10.1.0.50:7777`, `[fd00::5]:7777` */
export function addressText({ address, port }: Address): string {
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}

/** Where an agent's UWQ listens. */
export interface Registration extends Address {
  readonly agent: string;
}

/** An event for the CRM. All events of one call carry its id as occtSourceID. */
export type CrmEvent =
  | {
    readonly name: "ScreenPop";
    readonly call: string;
    /** Digits only; empty for an unknown caller. At most 40. */
    readonly ani: string;
    readonly dnis: string;
    /** More data: names and raw values, as the switch sent them; `cctsdk/encode.ts` cleans them. */
    readonly data: Readonly<Record<string, string>>;
  }
  | { readonly name: "CallEstablished" | "CallReleased"; readonly call: string }
  /** A message for the agent outside an answer to a callout; only if `crm.errorEvents` is on. */
  | { readonly name: "Error"; readonly call: string; readonly message: string }
  /** The line is lost, or back; only if `crm.telephonyEvents` is on. Oracle does not document their data: they have none. */
  | { readonly name: "TelephonyDisabled" | "TelephonyEnabled"; readonly call: string };

/** The result of one attempt to deliver an event. */
export type Delivery =
  | { readonly outcome: "done"; readonly note?: string }
  /**
   * Try again. `reached`: the CRM may have received it (a timeout); false only if it certainly has not (connection refused).
   * `advice`: what the administrator can do, as a sentence.
   */
  | { readonly outcome: "retry"; readonly why: string; readonly reached: boolean; readonly advice?: string }
  /** The CRM refused it: it is discarded after three attempts. */
  | { readonly outcome: "refused"; readonly why: string; readonly reached: boolean };

/** Delivers events to the CRM. */
export interface Crm {
  /**
   * Posts one event once. Never throws; ends within its deadline or when the signal is aborted.
   * @param desk the desk of the event, for the log.
   */
  deliver(event: CrmEvent, to: Address, signal: AbortSignal, desk?: string): Promise<Delivery>;
}

/** A call whose first event may be sent to this address soon; `soon` is false when it has ended or moved without one. */
export interface Expected {
  readonly call: string;
  readonly to: Address;
  readonly soon: boolean;
}

/** The answer to a callout during a stop. */
export const stopping = { ok: false, why: "telesetd is stopping: try again." } as const;

/** The same for a MakeCall in progress: the switch may still carry it out. */
export const stoppingInDial = { ok: false, why: "telesetd is stopping: check the phone before dialling again." } as const;

/** Whether a callout dials. */
export function isDial(name: Callout["name"]): boolean {
  return name === "MakeCall" || name === "DialCanonical";
}

/** The callout without its password, which is needed for its verification only. */
export function withoutPassword(callout: Callout): Callout {
  if (callout.name !== "Login" && callout.name !== "Logout") return callout;
  const { password: _, ...rest } = callout;
  return rest;
}
