/**
 * Repairs the request lines of old Java clients: `GET ?FunctionName=...`, with spaces and bytes above 127 not encoded.
 * node:http would refuse them, so the bytes pass through here first. Line ends are never changed, so that node:http alone
 * decides where a request ends; after the first request that may have a body, nothing is changed.
 */

/** Filter for the bytes of one connection, between the socket and node:http. */
export class RequestLines {
  /** An incomplete request line. */
  #line: Buffer[] = [];
  #length = 0;
  /** The header so far, to detect its end and a body; undefined while a request line is expected. */
  #header: string | undefined;
  #passing = false;
  readonly #maxBytes: number;

  /**
   * @param maxBytes the maximum number of bytes of a request line or a header; longer ones pass unchanged, for node:http to
   * refuse.
   */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Whether the next byte starts a request. */
  get isBetweenRequests(): boolean {
    return !this.#passing && this.#length === 0 && this.#header === undefined;
  }

  /** Takes bytes and returns those to pass on; empty while a request line is incomplete. */
  through(bytes: Buffer): Buffer {
    const out: Buffer[] = [];
    for (let rest = bytes; rest.length > 0;) {
      if (this.#passing) {
        out.push(rest);
        break;
      }
      const end = rest.indexOf("\n") + 1;
      const part = end === 0 ? rest : rest.subarray(0, end);
      out.push(this.#header === undefined ? this.#inLine(part, end > 0) : this.#inHeader(part, this.#header));
      rest = rest.subarray(part.length);
    }
    return out.length === 1 && out[0] ? out[0] : Buffer.concat(out);
  }

  /** Returns an incomplete request line at the end of the connection, for node:http to refuse. */
  end(): Buffer {
    return Buffer.concat(this.#line.splice(0));
  }

  #inLine(part: Buffer, complete: boolean): Buffer {
    this.#line.push(part);
    this.#length += part.length;
    const first = this.#line[0]?.[0] ?? 0;
    // Garbage or TLS: refused at once, not at the end of the line.
    const foreign = !isMethod(first) && first !== 13 && first !== 10;
    if (!complete && !foreign && this.#length <= this.#maxBytes) return Buffer.alloc(0);
    const line = Buffer.concat(this.#line);
    this.#line = [];
    this.#length = 0;
    this.#passing = !complete || foreign;
    // Servers ignore empty lines before a request (RFC 9112, section 2.2).
    if (complete && /[^\r\n]/.test(line.toString("latin1"))) this.#header = "\r\n";
    return this.#passing ? line : Buffer.from(repaired(line.toString("latin1")), "latin1");
  }

  #inHeader(part: Buffer, before: string): Buffer {
    const header = before + part.toString("latin1");
    this.#header = header;
    if (part.at(-1) === 10 && header.endsWith("\r\n\r\n")) {
      this.#passing = mayHaveBody(header);
      this.#header = undefined;
    } else if (header.length > this.#maxBytes) this.#passing = true;
    return part;
  }
}

function isMethod(byte: number): boolean {
  return byte >= 65 && byte <= 90;
}

/** Whether a body may follow the header, in any spelling; a Content-Length of zero means no body. */
function mayHaveBody(header: string): boolean {
  return /content-length|transfer-encoding|upgrade/i.test(header.replace(/\r\ncontent-length:[ \t]*0[ \t]*(?=\r\n)/gi, ""));
}

/**
 * Percent-encodes characters that a URL must not contain, and puts `/` before a target that starts with its query. Control
 * characters except tab are left for node:http to refuse.
 */
function repaired(line: string): string {
  const [, method, target, version] = /^([A-Z]+) +([^\r\n]*[^\r\n ]) +(HTTP\/\d\.\d *\r?\n)$/.exec(line) ?? [];
  if (method === undefined || target === undefined || version === undefined) return line;
  const encoded = target.split("&").map(plusKept).join("&").replace(
    /[\t \x80-\xff]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`,
  );
  return `${method} ${encoded.startsWith("?") ? "/" : ""}${encoded} ${version}`;
}

/** A client that does not encode spaces does not write + for a space: its + is a plus. */
function plusKept(parameter: string): string {
  const start = parameter.indexOf("=") + 1;
  const value = parameter.slice(start);
  if (start === 0 || !/[ \t]/.test(value.trim())) return parameter;
  return parameter.slice(0, start) + value.replaceAll("+", "%2B");
}
