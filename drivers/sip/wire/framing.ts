/**
 * The frames between drachtio-server and its clients: `LENGTH#TEXT`, the length in bytes of UTF-8. Trusts no length, takes
 * any chunks, in linear time.
 */
import { ChunkBuffer } from "../../shared/chunk-buffer.ts";

/** The largest valid frame, in bytes: a SIP message with hundreds of dialogs has a tenth of it. */
const maxFrameBytes = 1024 * 1024;

/** Reads a stream of bytes as frames. */
export class FrameReader {
  readonly #buffer = new ChunkBuffer();
  #isBroken = false;

  /**
   * @param onFrame takes each whole frame.
   * @param onBroken is called once, with a sentence for people, if the bytes cannot be frames; nothing is read after that.
   */
  constructor(readonly onFrame: (text: string) => void, readonly onBroken: (why: string) => void) {}

  /** Takes the next bytes. */
  push(data: Buffer): void {
    if (this.#isBroken) return;
    this.#buffer.push(data);
    for (let bytes = this.#buffer.bytes(); bytes !== undefined; bytes = this.#buffer.bytes()) this.#read(bytes);
  }

  /** Takes one frame off, if it is complete. */
  #read(bytes: Buffer): void {
    const hash = bytes.subarray(0, maxLengthDigits + 1).indexOf("#");
    const length = bytes.toString("latin1", 0, hash < 0 ? Math.min(bytes.length, maxLengthDigits + 1) : hash);
    if (!/^\d{0,7}$/.test(length) || hash === 0 || (hash < 0 && bytes.length > maxLengthDigits)) {
      return this.#break(`${JSON.stringify(length.slice(0, 20))} where the length of a message was due`);
    }
    if (hash < 0) return this.#buffer.need(bytes.length + 1);
    const end = hash + 1 + Number(length);
    if (Number(length) === 0 || Number(length) > maxFrameBytes) return this.#break(`a message of ${length} bytes`);
    if (bytes.length < end) return this.#buffer.need(end);
    this.#buffer.drop(end);
    this.onFrame(bytes.toString("utf8", hash + 1, end));
  }

  #break(why: string): void {
    this.#isBroken = true;
    this.#buffer.clear();
    this.onBroken(`drachtio-server sent ${why}: this is not drachtio-server, or bytes were lost`);
  }
}

/** The digits of the largest length. */
const maxLengthDigits = String(maxFrameBytes).length;
