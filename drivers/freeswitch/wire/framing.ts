/** The byte stream of the event socket, cut into frames: in linear time, whatever the chunks, and trusting no length. */

/** The headers of a frame, as they stand before its body. */
export interface Headers {
  [name: string]: string | number;
}

/** What a cutter works with. */
export interface CutterOptions {
  /** Takes a frame; true when it was an event or a reply, after which the stream may rest. */
  readonly onFrame: (headers: Headers, body?: string) => boolean;
  /** Told once, in words, when the bytes are no frames. */
  readonly onBroken: (why: string) => void;
  /** Calls back when what a frame has set off is done; when absent, nothing is waited for. */
  readonly afterwards?: (go: () => void) => void;
}

/** The largest header block and body that are believed; more is no FreeSWITCH. `show channels` of a big PBX has megabytes. */
const largestHeader = 64 * 1024;
const largestBody = 64 * 1024 * 1024;

/**
 * Cuts. What a frame sets off goes before the next frame is read: of the frames that come at once, one of the first is what the CRM is
 * waiting for, and the result of a command must stand in its place among the events.
 */
export class FrameCutter {
  readonly #options: CutterOptions;
  #chunks: Buffer[] = [];
  #size = 0;
  /** How many bytes the next look needs. */
  #need = 1;
  #headers: Headers | undefined;
  #over = false;
  #resting = false;

  constructor(options: CutterOptions) {
    this.#options = options;
  }

  take(data: Buffer): void {
    if (this.#over) return;
    this.#chunks.push(data);
    this.#size += data.length;
    if (!this.#resting) this.#cut(this.#options.afterwards);
  }

  /** Passes on all that is there, at once. */
  flush(): void {
    this.#cut();
  }

  /** Passes nothing more on. */
  stop(): void {
    this.#over = true;
  }

  /** @param afterwards puts the rest off after each event; without it all is cut at once. */
  #cut(afterwards?: CutterOptions["afterwards"]): void {
    if (this.#over || this.#size < this.#need) return;
    const [first, ...more] = this.#chunks;
    let rest = first && more.length === 0 ? first : Buffer.concat(this.#chunks, this.#size);
    for (let next: Buffer | undefined = rest; next !== undefined && !this.#over;) {
      rest = next;
      const whole = this.#headers;
      const cut: { readonly rest: Buffer; readonly event: boolean } | undefined = whole === undefined
        ? this.#header(rest)
        : this.#body(rest, whole);
      next = cut?.rest;
      if (afterwards && cut?.event && cut.rest.length > 0) {
        rest = cut.rest;
        this.#goOn(afterwards);
        break;
      }
    }
    this.#chunks = rest.length > 0 ? [rest] : [];
    this.#size = rest.length;
  }

  #goOn(afterwards: (go: () => void) => void): void {
    this.#resting = true;
    afterwards(() => {
      this.#resting = false;
      this.#cut(afterwards);
    });
  }

  /** Takes one header block off; nothing when it is not all there. */
  #header(buffer: Buffer): { rest: Buffer; event: boolean } | undefined {
    const end = buffer.indexOf("\n\n");
    if (end < 0 || end > largestHeader) {
      this.#need = buffer.length + 1;
      if (buffer.length > largestHeader) this.#break(`a header block of more than ${largestHeader} bytes`);
      return undefined;
    }
    const headers = parseHeaders(buffer.toString("utf8", 0, end));
    const rest = buffer.subarray(end + 2);
    const length = headers["Content-Length"];
    if (length === undefined || length === 0) return { rest, event: this.#options.onFrame(headers) };
    if (typeof length === "number" && length > 0 && length <= largestBody) {
      this.#headers = headers;
      return { rest, event: false };
    }
    this.#break(`a Content-Length of ${String(length)}`);
    return undefined;
  }

  #body(buffer: Buffer, headers: Headers): { rest: Buffer; event: boolean } | undefined {
    const length = Number(headers["Content-Length"]);
    if (buffer.length < length) {
      this.#need = length;
      return undefined;
    }
    this.#headers = undefined;
    this.#need = 1;
    return { rest: buffer.subarray(length), event: this.#options.onFrame(headers, buffer.toString("utf8", 0, length)) };
  }

  #break(why: string): void {
    this.#over = true;
    this.#options.onBroken(`The event socket sent ${why}: that is no FreeSWITCH, or bytes were lost`);
  }
}

/** Reads a header block: a name, a colon, a value with percent escapes. */
export function parseHeaders(text: string): Headers {
  const headers: Headers = Object.create(null);
  for (const line of text.split("\n")) {
    const colon = line.indexOf(":");
    if (colon < 0) continue;
    const name = line.slice(0, colon).trim();
    const value = decoded(line.slice(colon + 1).trim());
    headers[name] = name === "Content-Length" ? wholeNumber(value) : value;
  }
  return headers;
}

/** Percent decoding that leaves what it cannot decode. */
function decoded(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}

function wholeNumber(value: string): number {
  return /^\d{1,15}$/.test(value) ? Number(value) : NaN;
}
