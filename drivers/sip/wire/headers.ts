/** Small readers of SIP header values (RFC 3261, section 20). They accept any text and never throw. */

/** The value of a parameter behind `;`, without quotes; the case of the name does not matter. */
export function parameter(value: string | undefined, name: string): string | undefined {
  // What is between < and > belongs to the URI, not to the header.
  const outside = (value ?? "").slice(0, 4096).replace(/<[^>]*>/g, "");
  for (const [, key, quoted, plain] of outside.matchAll(/;\s*([^\s;=]+)\s*(?:=\s*(?:"([^"]*)"|([^\s;,]*)))?/g)) {
    if (key?.toLowerCase() === name) return quoted ?? plain ?? "";
  }
  return undefined;
}

/** The part before the first `;`, in lower case. */
export function word(value: string | undefined): string {
  return (value ?? "").split(";", 1)[0]?.trim().toLowerCase() ?? "";
}

/** A number of seconds from 0 to a year; undefined if it is not one. Retry-After may end with a comment. */
export function secondsIn(value: string | undefined): number | undefined {
  const digits = /^\s*(\d{1,10})\b/.exec(value ?? "")?.[1];
  return digits === undefined ? undefined : Math.min(Number(digits), 31_536_000);
}

/** The status of a message/sipfrag body (RFC 3420): the first line of an answer. */
export function sipfragStatus(body: string): number | undefined {
  const status = /^\s*SIP\/2\.0\s+([1-6]\d\d)\b/i.exec(body)?.[1];
  return status === undefined ? undefined : Number(status);
}

/** The cause in a Reason header (RFC 3326), by its name where the switch gives one: `Q.850;cause=17;text="USER_BUSY"`. */
export function reasonText(value: string | undefined): string | undefined {
  const text = parameter(value, "text")?.toUpperCase().replace(/\s+/g, "_");
  return text !== undefined && /^[A-Z_]{4,40}$/.test(text) ? text : undefined;
}

/** Causes of Q.850 that are more precise than the status with them: Asterisk answers 403 when a phone has declined. */
const causes: Readonly<Record<string, string>> = { 17: "USER_BUSY", 20: "SUBSCRIBER_ABSENT", 21: "CALL_REJECTED" };

/** The cause by its name, or by its number in Q.850 if that is more precise than the status. */
export function reasonCause(value: string | undefined): string | undefined {
  const cause = parameter(value, "cause") ?? "";
  const numbered = word(value) === "q.850" && Object.hasOwn(causes, cause) ? causes[cause] : undefined;
  return reasonText(value) ?? numbered;
}
