/**
 * Request lines as old Java clients write them: `GET ?FunctionName=...`, with spaces and bytes above 127 as they are. node:http
 * refuses those before anybody sees them, so the bytes go through here first. Line ends are never touched, so that where a
 * request ends is decided by node:http alone; behind the first request that may have a body nothing is changed any more.
 */

/** The bytes of one connection, on their way from the socket to node:http. */
export class RequestLines {
  /** The beginning of a request line, until its end has come. */
  #line: Buffer[] = [];
  #length = 0;
  /** The header so far, by which its end and a body are known; nothing while a request line is awaited. */
  #header: string | undefined;
  #passing = false;
  readonly #longest: number;

  /** @param longest bytes of a request line or of a header; longer ones go on as they are, for node:http to refuse. */
  constructor(longest: number) {
    this.#longest = longest;
  }

  /** The bytes to hand on for these; empty while a request line is not complete. */
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

  /** What was kept back when the peer has sent its last byte: an incomplete request line, for node:http to refuse. */
  end(): Buffer {
    return Buffer.concat(this.#line.splice(0));
  }

  #inLine(part: Buffer, complete: boolean): Buffer {
    this.#line.push(part);
    this.#length += part.length;
    const first = this.#line[0]?.[0] ?? 0;
    // Garbage, TLS: it is refused at once, not when its line ends.
    const foreign = !isMethod(first) && first !== 13 && first !== 10;
    if (!complete && !foreign && this.#length <= this.#longest) return Buffer.alloc(0);
    const line = Buffer.concat(this.#line);
    this.#line = [];
    this.#length = 0;
    this.#passing = !complete || foreign;
    // Empty lines before a request are left out by every server (RFC 9112, section 2.2).
    if (complete && /[^\r\n]/.test(line.toString("latin1"))) this.#header = "\r\n";
    return this.#passing ? line : Buffer.from(repaired(line.toString("latin1")), "latin1");
  }

  #inHeader(part: Buffer, before: string): Buffer {
    const header = before + part.toString("latin1");
    this.#header = header;
    if (part.at(-1) === 10 && header.endsWith("\r\n\r\n")) {
      this.#passing = mayHaveBody(header);
      this.#header = undefined;
    } else if (header.length > this.#longest) this.#passing = true;
    return part;
  }
}

function isMethod(byte: number): boolean {
  return byte >= 65 && byte <= 90;
}

/** Whether what follows the header may be a body, whatever the spelling; a length of zero means that there is none. */
function mayHaveBody(header: string): boolean {
  return /content-length|transfer-encoding|upgrade/i.test(header.replace(/\r\ncontent-length:[ \t]*0[ \t]*(?=\r\n)/gi, ""));
}

/**
 * The request line with what a URL may not hold percent-encoded, and a target that begins with its query at the root. Other
 * control characters than the tab are left for node:http to refuse.
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

/** A client that leaves the spaces in a value as they are does not write + for a space: its + is one. */
function plusKept(parameter: string): string {
  const start = parameter.indexOf("=") + 1;
  const value = parameter.slice(start);
  if (start === 0 || !/[ \t]/.test(value.trim())) return parameter;
  return parameter.slice(0, start) + value.replaceAll("+", "%2B");
}
