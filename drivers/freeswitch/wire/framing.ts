/** The byte stream of the event socket as frames: read in linear time, whatever the chunks, without trusting any length. */
import { ChunkBuffer } from "../../shared/chunk-buffer.ts";

/** The headers of a frame, in front of its body. */
export interface Headers {
  [name: string]: string | number;
}

/** Calls back when the effects of a frame are done. */
export type Afterwards = (go: () => void) => void;

/** The largest accepted sizes, in bytes; FreeSWITCH never sends more. `show channels` of a big PBX has megabytes. */
const maxHeaderBytes = 64 * 1024;
const maxBodyBytes = 64 * 1024 * 1024;

/**
 * Reads frames. The effects of a frame are done before the next one is read: of frames that arrive together, the CRM is waiting
 * for one of the first, and the result of a command must be in order with the events.
 */
export class FrameReader {
  readonly #buffer = new ChunkBuffer();
  /** The headers of the frame whose body has not arrived yet. */
  #headers: Headers | undefined;
  #isOver = false;
  #isResting = false;

  /**
   * @param onFrame handles a frame; returns true for an event or a reply, after which reading may pause.
   * @param onBroken is called once, with a sentence for people, if the bytes are not frames.
   * @param afterwards if absent, reading does not wait for the effects of a frame.
   */
  constructor(
    readonly onFrame: (headers: Headers, body?: Buffer) => boolean,
    readonly onBroken: (why: string) => void,
    readonly afterwards?: Afterwards,
  ) {}

  push(data: Buffer): void {
    if (this.#isOver) return;
    this.#buffer.push(data);
    if (!this.#isResting) this.#read(this.afterwards);
  }

  /** Passes on everything that has arrived, at once. */
  flush(): void {
    this.#read();
  }

  /** Passes on nothing more. */
  stop(): void {
    this.#isOver = true;
  }

  /** @param afterwards defers the rest after each event and reply; without it everything is read at once. */
  #read(afterwards?: Afterwards): void {
    while (!this.#isOver) {
      const bytes = this.#buffer.bytes();
      if (bytes === undefined) return;
      const mayRest = this.#headers === undefined ? this.#readHeader(bytes) : this.#readBody(bytes, this.#headers);
      if (mayRest && afterwards && this.#buffer.size > 0) return this.#rest(afterwards);
    }
  }

  #rest(afterwards: Afterwards): void {
    this.#isResting = true;
    afterwards(() => {
      this.#isResting = false;
      this.#read(afterwards);
    });
  }

  /** Removes one header block, if it is complete. True if reading may pause. */
  #readHeader(bytes: Buffer): boolean {
    const end = bytes.indexOf("\n\n");
    if (end < 0 || end > maxHeaderBytes) {
      this.#buffer.need(bytes.length + 1);
      return bytes.length > maxHeaderBytes && this.#break(`a header block of more than ${maxHeaderBytes} bytes`);
    }
    const headers = parseHeaders(bytes.toString("utf8", 0, end));
    this.#buffer.drop(end + 2);
    const length = headers["Content-Length"];
    if (length === undefined || length === 0) return this.onFrame(headers);
    if (typeof length !== "number" || !(length > 0 && length <= maxBodyBytes)) {
      return this.#break(`a Content-Length of ${String(length)}`);
    }
    this.#headers = headers;
    this.#buffer.need(length);
    return false;
  }

  #readBody(bytes: Buffer, headers: Headers): boolean {
    const length = Number(headers["Content-Length"]);
    this.#headers = undefined;
    this.#buffer.drop(length);
    return this.onFrame(headers, bytes.subarray(0, length));
  }

  #break(why: string): false {
    this.#isOver = true;
    this.onBroken(`The event socket sent ${why}: this is not FreeSWITCH, or bytes were lost`);
    return false;
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

/** Percent decoding that keeps what it cannot decode unchanged. */
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
