/** SIP messages for the trace: without anything that a password could be guessed from. Pure. */
import type { SipRequest } from "./message.ts";

/**
 * Any reader of the log could try lists of passwords against digest answers (RFC 7616) and the server's own (section 3.5). A
 * header may go on in the next line, which then begins with a space.
 */
export function hideCredentials(text: string): string {
  return text.replace(/^((?:Proxy-)?(?:Authorization|Authentication-Info)\s*:)[^\r\n]*(?:\r?\n[ \t][^\r\n]*)*/gim, "$1 ***");
}

/** A request as it is passed to the SIP stack, which adds Via, From-tag, Call-ID and CSeq. */
export function shownRequest({ method, uri, headers, body }: SipRequest): string {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  return hideCredentials([`${method} ${uri}`, ...lines, ...(body === undefined ? [] : ["", body])].join("\r\n"));
}
