/** SIP messages as the trace shows them: without what a password could be guessed from. Pure. */
/**
 * Digest answers (RFC 7616), and the server's own (section 3.5), can be tried against lists of passwords by anyone who reads the
 * log. A header may go on in the next line, which then begins with a space.
 */
export function hideCredentials(text: string): string {
  return text.replace(/^((?:Proxy-)?(?:Authorization|Authentication-Info)\s*:)[^\r\n]*(?:\r?\n[ \t][^\r\n]*)*/gim, "$1 ***");
}

/** The parts of a request that the trace shows. */
interface Shown {
  readonly method: string;
  readonly uri: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
}

/** A request as it is handed to the SIP stack, which adds Via, From-tag, Call-ID and CSeq. */
export function shownRequest({ method, uri, headers, body }: Shown): string {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  return hideCredentials([`${method} ${uri}`, ...lines, ...(body === undefined ? [] : ["", body])].join("\r\n"));
}
