/** The SIP requests that the box makes in the name of its account. Pure. */
import { autoAnswers, type PhoneMake } from "../../shared/auto-answer.ts";
import type { Log } from "../../../src/log/log.ts";
import type { Timers } from "../../../src/platform/timers.ts";
import type { SipConfig } from "../config.ts";
import type { Credentials } from "./digest.ts";
import type { SipRequest } from "./message.ts";
import type { Stack } from "./stack.ts";
import { omitUndefined } from "../../../src/core/omit-undefined.ts";

/** The box's account at the switch, as requests need it. */
export interface Account {
  readonly domain: string;
  /** Our own address of record, as From. */
  readonly from: string;
  /** Where the switch reaches us: drachtio-server replaces `localhost` with its own address. */
  readonly contact: string;
  /** Where requests are sent to; undefined if the domain is enough. */
  readonly route?: string;
  readonly credentials?: Credentials;
}

/** The connection to drachtio-server, with what every user of it needs. */
export interface Connection {
  readonly stack: Stack;
  readonly config: SipConfig;
  readonly account: Account;
  readonly log: Log;
  readonly timers: Timers;
}

/** The account that the configuration describes. */
export function accountOf({ domain, user, authUser, password, proxy, transport }: SipConfig): Account {
  const by = transport === "udp" ? "" : `;transport=${transport}`;
  return {
    domain,
    from: `<sip:${user}@${domain}>`,
    contact: `<sip:${user}@localhost${by}>`,
    ...(proxy === undefined && by === "" ? {} : { route: `sip:${proxy ?? domain}${by}` }),
    ...(password === undefined ? {} : { credentials: { user: authUser ?? user, password } }),
  };
}

/** A request outside of any dialog, to a user of the switch, or to the switch itself. */
export function requestTo(
  { domain, from, route }: Account,
  method: string,
  user: string | undefined,
  headers: Readonly<Record<string, string>>,
  body?: string,
): SipRequest {
  const uri = `sip:${user === undefined ? "" : `${user}@`}${domain}`;
  return {
    method,
    uri,
    headers: { From: from, To: `<${uri}>`, ...headers },
    ...omitUndefined({ route, body }),
  };
}

/**
 * A request inside a dialog: the server knows the far end, the tags, the route and our Contact. It must not get a Contact:
 * drachtio-server 0.9 then sends the request without any of our headers (doSendRequestInsideDialog, "bad tag"), and the switch
 * answers 489.
 */
export function requestIn(
  dialog: string,
  method: string,
  { Contact: _, ...headers }: Readonly<Record<string, string>>,
): SipRequest {
  return { method, uri: "sip:placeholder", headers, dialog };
}

/** The headers that make a phone of this make answer an INVITE automatically. */
export function inviteHeaders({ contact, domain }: Account, make: PhoneMake): Record<string, string> {
  const { callInfo, alertInfo } = autoAnswers[make];
  return {
    Contact: contact,
    Allow: "INVITE, ACK, BYE, CANCEL, OPTIONS, NOTIFY, UPDATE, INFO",
    ...(callInfo ? { "Call-Info": `<sip:${domain}>;answer-after=0` } : {}),
    ...omitUndefined({ "Alert-Info": alertInfo }),
  };
}

/** The headers of a REFER to a number. `#` begins a fragment in a URI (RFC 3261, section 25.1): it must be escaped. */
export function referHeaders({ contact, domain, from }: Account, number: string): Record<string, string> {
  return { Contact: contact, "Refer-To": `<sip:${number.replaceAll("#", "%23")}@${domain}>`, "Referred-By": from };
}
