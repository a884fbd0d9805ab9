/**
 * The CRM side: what Oracle's Universal Work Queue asks (callouts) and what it is told (events), free of XML and HTTP.
 * Source: Oracle Telephony Adapter SDK Developers Reference Guide (E13402), Basic Telephony. Mirror image of `line.ts`.
 */

/** The names of the callouts, spelt as Oracle spells them. */
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

/** `CheckStatus` names no desk: it speaks for the desks registered from the address that asks, or for all. */
export interface CheckStatus {
  readonly name: "CheckStatus";
  /** The address that the request came from. */
  readonly from: string;
}

/** The answer to a callout: fine, or a sentence for the agent. */
export type Reply = { readonly ok: true } | { readonly ok: false; readonly why: string };

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

/** What the CRM is told. All events of one call carry its id as occtSourceID. */
export type CrmEvent =
  | {
    readonly name: "ScreenPop";
    readonly call: string;
    /** Digits only; empty for an unknown caller. At most 40. */
    readonly ani: string;
    readonly dnis: string;
    /** Further data: name to raw value, as the switch gave it; `cctsdk/encode.ts` cleans it. */
    readonly data: Readonly<Record<string, string>>;
  }
  | { readonly name: "CallEstablished" | "CallReleased"; readonly call: string }
  /** Something that the agent should read, outside of an answer; only if `crm.errorEvents` is on. */
  | { readonly name: "Error"; readonly call: string; readonly message: string }
  /** The line is lost, or back; only if `crm.telephonyEvents` is on. Oracle says nothing of their data: they have none. */
  | { readonly name: "TelephonyDisabled" | "TelephonyEnabled"; readonly call: string };

/** What became of one attempt to deliver an event. */
export type Delivery =
  | { readonly outcome: "done"; readonly note?: string }
  /** Try again. `reached`: the CRM may have got it (a timeout); false only when it certainly has not (connection refused). */
  | { readonly outcome: "retry"; readonly why: string; readonly reached: boolean }
  /** The CRM refuses it: three tries, then it is given up. */
  | { readonly outcome: "refused"; readonly why: string; readonly reached: boolean };

/** The way to the CRM. */
export interface Crm {
  /**
   * Posts one event once. Never throws; ends within its deadline or when the signal is aborted.
   * @param desk whose event it is, for the log.
   */
  deliver(event: CrmEvent, to: Address, signal: AbortSignal, desk?: string): Promise<Delivery>;
}

/** The answer to a callout that comes too late, or waits too long. */
export const stopping = { ok: false, why: "telesetd is stopping: try again." } as const;

/** The same for one that is dialling: the switch may go on with it. */
export const stoppingInDial = { ok: false, why: "telesetd is stopping: check the phone before dialling again." } as const;

/** Whether it makes the phone ring. */
export function isDial(name: Callout["name"]): boolean {
  return name === "MakeCall" || name === "DialCanonical";
}

/** Beyond its verification nobody needs the password. */
export function withoutPassword(callout: Callout): Callout {
  if (callout.name !== "Login" && callout.name !== "Logout") return callout;
  const { password: _, ...rest } = callout;
  return rest;
}
