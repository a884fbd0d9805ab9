/** Why a TCP connection could not be made: a code for decisions, a clause for people. */
import { connectErrorCode } from "../../src/platform/connect-error.ts";

const codes = ["refused", "no-host", "no-route", "unknown-name", "not-connected"] as const;

/** `not-connected`: no answer in time, or any other error. */
export type ConnectFailure = (typeof codes)[number];

/** Whether a code of a driver means that not even a TCP connection was made. */
export function isConnectFailure(code: string): code is ConnectFailure {
  return (codes as readonly string[]).includes(code);
}

const failures: Readonly<Record<string, ConnectFailure>> = {
  ECONNREFUSED: "refused",
  EHOSTUNREACH: "no-host",
  ENETUNREACH: "no-route",
  ENOTFOUND: "unknown-name",
  EAI_AGAIN: "unknown-name",
};

/** The program that a driver connects to. */
export interface Peer {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  /** What the administrator checks when nothing listens: `is FreeSWITCH running`. */
  readonly isRunning: string;
  /** The machine that it runs on: `the switch`. */
  readonly machine: string;
}

/** The meaning of a socket error, also after it was connected (`not-connected`, such as ECONNRESET). */
export function connectFailure(error: unknown, peer: Peer): { readonly code: ConnectFailure; readonly why: string } {
  const name = error instanceof Error ? connectErrorCode(error) ?? error.message : "unknown error";
  const code = failures[name] ?? "not-connected";
  const where = `${peer.host}:${peer.port}`;
  const why: Record<ConnectFailure, string> = {
    refused: `nothing listens on ${where}: ${peer.isRunning}?`,
    "no-host": `no machine answers at ${where}: is ${peer.machine} on, and line.host right?`,
    "no-route": `the box has no route to ${where}: check its network`,
    "unknown-name": `the name ${peer.host} is not known: check line.host`,
    "not-connected": `the connection to ${peer.name} at ${where} failed (${name})`,
  };
  return { code, why: why[code] };
}
