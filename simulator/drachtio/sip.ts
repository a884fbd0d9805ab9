/** SIP messages as the scripted drachtio-server reads and writes them: as much of RFC 3261 as the driver's peer needs. */

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

/** A header's value, whatever the case of its name; of several the first. */
export function header(message: SipMessage, name: string): string | undefined {
  return message.headers.find(([key]) => key.toLowerCase() === name.toLowerCase())?.[1];
}

/** A parameter of a header's value, behind the URI. */
export function parameter(value: string | undefined, name: string): string | undefined {
  return new RegExp(`;\\s*${name}=([^;,\\s]*)`, "i").exec((value ?? "").replace(/<[^>]*>/g, ""))?.[1];
}

/** The user of the URI in a header's value or of a bare URI. */
export function userOf(value: string | undefined): string {
  return /sips?:([^@;>]*)@/.exec(value ?? "")?.[1] ?? "";
}

/** Reads a message. Throws when it is none: the driver must never send such. */
export function readSip(text: string): SipMessage {
  const end = text.indexOf("\r\n\r\n");
  const [start = "", ...lines] = (end < 0 ? text : text.slice(0, end)).split("\r\n");
  const headers = lines.filter((line) => line !== "").map((line): [string, string] => {
    const colon = line.indexOf(":");
    if (colon < 1) throw new Error(`Cannot read the SIP header ${JSON.stringify(line)}: want name: value`);
    return [line.slice(0, colon).trim(), line.slice(colon + 1).trim()];
  });
  const body = end < 0 ? "" : text.slice(end + 4);
  const answer = /^SIP\/2\.0 (\d{3}) ?(.*)$/.exec(start);
  if (answer) return { status: Number(answer[1]), reason: answer[2] ?? "", headers, body };
  const request = /^([A-Z]+) (\S+) SIP\/2\.0$/.exec(start);
  if (!request) throw new Error(`Cannot read the SIP message that begins ${JSON.stringify(start)}`);
  return { method: request[1] ?? "", uri: request[2] ?? "", headers, body };
}

/** Writes a message, with the Content-Length that its body has. */
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

/** The words that go with a status. */
export function reasonOf(status: number): string {
  return reasons[status] ?? "Whatever";
}
