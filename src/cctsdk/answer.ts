/** Incremental reader of the answer to one POST (RFC 9112), from an untrusted peer. Pure. */

/** The maximum number of bytes read of an answer's header, and of its body; the CRM needs a few hundred. */
const maxPartBytes = 65_536;

type Part = "head" | "body" | "chunk size" | "chunk" | "trailer" | "over";

/** One answer. Interim answers (1xx) are skipped, except 101, which is final: we never ask to switch protocols. */
export class AnswerReader {
  /** The status, set once the header is complete: it counts even if the body never arrives. */
  status: number | undefined;
  /** The header as received, or whatever was received instead; for the trace. */
  get head(): string {
    return this.#header ?? this.#rest;
  }
  /** Why this is not a valid answer; undefined while it may still be one. */
  trouble: string | undefined;
  #header: string | undefined;
  #part: Part = "head";
  /** Received but not yet parsed, one character per byte. */
  #rest = "";
  #searched = 0;
  /** Bytes still missing from the body or the current chunk. */
  #missing = Infinity;
  readonly #body: string[] = [];
  #room = maxPartBytes;

  /** The body so far. */
  get body(): string {
    return this.#body.length === 0 ? "" : Buffer.from(this.#body.join(""), "latin1").toString("utf8");
  }

  /** Parses further bytes; returns true when the answer is complete or invalid. */
  take(bytes: Uint8Array): boolean {
    this.#rest += Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
    while (this.#part !== "over" && this.#step());
    return this.#part === "over";
  }

  /** Parses one part; returns false if it needs more bytes. */
  #step(): boolean {
    switch (this.#part) {
      case "head":
        return this.#head();
      case "chunk size":
        return this.#chunkSize();
      case "body":
      case "chunk":
        return this.#text();
      case "trailer":
        // The body is complete: trailers change nothing.
        return this.#over();
      case "over":
        return false;
    }
  }

  #head(): boolean {
    if (!"HTTP/1.".startsWith(this.#rest.slice(0, 7))) return this.#over("the answer is not HTTP");
    const head = this.#upTo("\r\n\r\n", "the header of the answer is too long");
    if (head === undefined) return false;
    const status = /^HTTP\/1\.[01] (\d{3})(?![^ \r])/.exec(head)?.[1];
    if (status === undefined) return this.#over("the answer is not HTTP");
    const code = Number(status);
    if (code > 99 && code < 200 && code !== 101) return true;
    this.status = code;
    this.#header = head;
    if (code < 200 || code === 204 || code === 304) return this.#over();
    if (/\r\ntransfer-encoding:[^\r]*chunked/i.test(head)) this.#part = "chunk size";
    else {
      this.#part = "body";
      this.#missing = Number(/\r\ncontent-length: *(\d+) *(?:\r|$)/i.exec(head)?.[1] ?? Infinity);
      if (this.#missing === 0) this.#over();
    }
    return true;
  }

  #chunkSize(): boolean {
    const line = this.#upTo("\r\n", "a chunk of the answer is malformed");
    if (line === undefined) return false;
    const size = /^[0-9a-f]{1,8}(?=$|[ ;\t])/i.exec(line)?.[0];
    if (size === undefined) return this.#over("a chunk of the answer is malformed");
    this.#missing = parseInt(size, 16);
    this.#part = this.#missing === 0 ? "trailer" : "chunk";
    // The line end after a chunk is dropped together with the chunk.
    return true;
  }

  #text(): boolean {
    const text = this.#rest.slice(0, Math.min(this.#missing, this.#room));
    this.#body.push(text);
    this.#rest = this.#rest.slice(text.length);
    this.#missing -= text.length;
    this.#room -= text.length;
    if (this.#room === 0) return this.#over("the answer is too long");
    if (this.#missing > 0) return false;
    if (this.#part === "body") return this.#over();
    if (this.#rest.length < 2) return false;
    this.#rest = this.#rest.slice(2);
    this.#part = "chunk size";
    return true;
  }

  /** Removes and returns the text before a mark; undefined while the mark has not been received. */
  #upTo(mark: string, trouble: string): string | undefined {
    const end = this.#rest.indexOf(mark, this.#searched);
    if (end < 0) {
      // Bytes may arrive one at a time: do not search the same text again.
      this.#searched = Math.max(0, this.#rest.length - mark.length + 1);
      if (this.#rest.length > maxPartBytes) this.#over(trouble);
      return undefined;
    }
    const text = this.#rest.slice(0, end);
    this.#rest = this.#rest.slice(end + mark.length);
    this.#searched = 0;
    return text;
  }

  #over(trouble?: string): boolean {
    this.#part = "over";
    this.trouble ??= trouble;
    return false;
  }
}
