/**
 * The frames between drachtio-server and its clients: `LENGTH#TEXT`, the length in bytes of UTF-8. Trusts no length, takes
 * any chunks, in linear time.
 */

/** The largest frame that is believed, in bytes: a SIP message with a body of hundreds of dialogs has a tenth of it. */
const largestFrame = 1024 * 1024;

/** Cuts a stream of bytes into frames. */
export class FrameCutter {
  #chunks: Buffer[] = [];
  #size = 0;
  /** How many bytes the next look needs. */
  #need = 1;
  #broken = false;

  /**
   * @param onFrame is given each whole frame.
   * @param onBroken is told once, for people, when what comes cannot be frames; nothing is cut after that.
   */
  constructor(readonly onFrame: (text: string) => void, readonly onBroken: (why: string) => void) {}

  /** Takes the next bytes. */
  push(data: Buffer): void {
    if (this.#broken) return;
    this.#chunks.push(data);
    this.#size += data.length;
    if (this.#size < this.#need) return;
    let rest = this.#chunks.length === 1 ? data : Buffer.concat(this.#chunks, this.#size);
    for (let next: Buffer | undefined = rest; next !== undefined && next.length > 0 && !this.#broken;) {
      rest = next;
      next = this.#cut(rest);
      if (next !== undefined) rest = next;
    }
    this.#chunks = rest.length > 0 && !this.#broken ? [rest] : [];
    this.#size = this.#broken ? 0 : rest.length;
    if (this.#size === 0) this.#need = 1;
  }

  /** Takes one frame off; nothing when it is not all there. */
  #cut(buffer: Buffer): Buffer | undefined {
    const hash = buffer.subarray(0, longestLength + 1).indexOf("#");
    const length = buffer.toString("latin1", 0, hash < 0 ? Math.min(buffer.length, longestLength + 1) : hash);
    if (!/^\d{0,7}$/.test(length) || hash === 0 || (hash < 0 && buffer.length > longestLength)) {
      return this.#break(`${JSON.stringify(length.slice(0, 20))} where the length of a message was due`);
    }
    if (hash < 0) {
      this.#need = buffer.length + 1;
      return undefined;
    }
    const end = hash + 1 + Number(length);
    if (Number(length) === 0 || Number(length) > largestFrame) return this.#break(`a message of ${length} bytes`);
    if (buffer.length < end) {
      this.#need = end;
      return undefined;
    }
    this.#need = 1;
    this.onFrame(buffer.toString("utf8", hash + 1, end));
    return buffer.subarray(end);
  }

  #break(why: string): undefined {
    this.#broken = true;
    this.onBroken(`drachtio-server sent ${why}: that is no drachtio-server, or bytes were lost`);
    return undefined;
  }
}

/** The digits of the largest length. */
const longestLength = String(largestFrame).length;
