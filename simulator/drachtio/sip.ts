/** Parser and writer of SIP messages for the scripted drachtio-server: the parts of RFC 3261 that it needs. */

/** A message: a request has `method` and `uri`, an answer `status` and `reason`. */
export interface SipMessage {
  readonly method?: string;
  readonly uri?: string;
  readonly status?: number;
  readonly reason?: string;
  /** In order, as written. */
  readonly headers: readonly (readonly [string, string])[];
  readonly body: string;
}

/** The value of the first header with this name, in any case. */
export function header(message: SipMessage, name: string): string | undefined {
  return message.headers.find(([key]) => key.toLowerCase() === name.toLowerCase())?.[1];
}

/** A header parameter, after the URI. */
export function parameter(value: string | undefined, name: string): string | undefined {
  return new RegExp(`;\\s*${name}=([^;,\\s]*)`, "i").exec((value ?? "").replace(/<[^>]*>/g, ""))?.[1];
}

/** The user of the URI in a header's value or of a bare URI. */
export function userOf(value: string | undefined): string {
  return /sips?:([^@;>]*)@/.exec(value ?? "")?.[1] ?? "";
}

/** Parses a message. @throws Error if it is invalid, which the driver must never send. */
export function readSip(text: string): SipMessage {
  const end = text.indexOf("\r\n\r\n");
  const [start = "", ...lines] = (end < 0 ? text : text.slice(0, end)).split("\r\n");
  const headers = lines.filter((line) => line !== "").map((line): [string, string] => {
    const colon = line.indexOf(":");
    if (colon < 1) throw new Error(`Cannot read the SIP header ${JSON.stringify(line)}: expected name: value`);
    return [line.slice(0, colon).trim(), line.slice(colon + 1).trim()];
  });
  const body = end < 0 ? "" : text.slice(end + 4);
  const answer = /^SIP\/2\.0 (\d{3}) ?(.*)$/.exec(start);
  if (answer) return { status: Number(answer[1]), reason: answer[2] ?? "", headers, body };
  const request = /^([A-Z]+) (\S+) SIP\/2\.0$/.exec(start);
  if (!request) throw new Error(`Cannot read the SIP message that starts with ${JSON.stringify(start)}`);
  return { method: request[1] ?? "", uri: request[2] ?? "", headers, body };
}

/** Writes a message, with the Content-Length of its body. */
export function writeSip({ method, uri, status, reason, headers, body }: SipMessage): string {
  const start = method === undefined ? `SIP/2.0 ${status} ${reason}` : `${method} ${uri} SIP/2.0`;
  const lines = headers.filter(([name]) => name.toLowerCase() !== "content-length").map(([name, value]) => `${name}: ${value}`);
  return [start, ...lines, `Content-Length: ${Buffer.byteLength(body)}`, "", body].join("\r\n");
}

const reasons: Readonly<Record<number, string>> = {
  100: "Trying",
  180: "Ringing",
  200: "OK",
  202: "Accepted",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  407: "Proxy Authentication Required",
  408: "Request Timeout",
  423: "Interval Too Brief",
  480: "Temporarily Unavailable",
  481: "Call/Transaction Does Not Exist",
  486: "Busy Here",
  487: "Request Terminated",
  489: "Bad Event",
  503: "Service Unavailable",
  603: "Decline",
};

/** The reason phrase of a status. */
export function reasonOf(status: number): string {
  return reasons[status] ?? "Whatever";
}
