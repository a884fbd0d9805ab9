/** Reads the answer to one POST as it comes (RFC 9112): its status and its body, from a peer that is not trusted. Pure. */

/** How much of an answer is read, in bytes, its header and its body each; what the CRM has to say fits in a few hundred. */
export const longestAnswer = 65_536;

type Part = "head" | "body" | "chunk size" | "chunk" | "trailer" | "over";

/** One answer. Interim answers (1xx) are passed over; 101 is none: nothing was asked to be switched. */
export class AnswerReader {
  /** The status, once the header is complete: the CRM has decided, whatever becomes of the body. */
  status: number | undefined;
  /** The header as it came, or what came in its place; for the trace. */
  get head(): string {
    return this.#header ?? this.#rest;
  }
  /** Why this is no answer; nothing while it may be one. */
  trouble: string | undefined;
  #header: string | undefined;
  #part: Part = "head";
  /** What has come and is not understood yet, a byte a character. */
  #rest = "";
  #searched = 0;
  /** What the body, or this chunk of it, still lacks. */
  #lacks = Infinity;
  readonly #body: string[] = [];
  #room = longestAnswer;

  /** The body so far. */
  get body(): string {
    return this.#body.length === 0 ? "" : Buffer.from(this.#body.join(""), "latin1").toString("utf8");
  }

  /** Takes bytes; true when there is nothing more to wait for. */
  take(bytes: Uint8Array): boolean {
    this.#rest += Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
    while (this.#part !== "over" && this.#step());
    return this.#part === "over";
  }

  /** One part; false when more must come first. */
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
        // The body is whole: what follows changes nothing.
        return this.#over();
      case "over":
        return false;
    }
  }

  #head(): boolean {
    if (!"HTTP/1.".startsWith(this.#rest.slice(0, 7))) return this.#over("what it sent is not HTTP");
    const head = this.#upTo("\r\n\r\n", "the header is endless");
    if (head === undefined) return false;
    const status = /^HTTP\/1\.[01] (\d{3})(?![^ \r])/.exec(head)?.[1];
    if (status === undefined) return this.#over("what it sent is not HTTP");
    const code = Number(status);
    if (code > 99 && code < 200 && code !== 101) return true;
    this.status = code;
    this.#header = head;
    if (code < 200 || code === 204 || code === 304) return this.#over();
    if (/\r\ntransfer-encoding:[^\r]*chunked/i.test(head)) this.#part = "chunk size";
    else {
      this.#part = "body";
      this.#lacks = Number(/\r\ncontent-length: *(\d+) *(?:\r|$)/i.exec(head)?.[1] ?? Infinity);
      if (this.#lacks === 0) this.#over();
    }
    return true;
  }

  #chunkSize(): boolean {
    const line = this.#upTo("\r\n", "a chunk's size is endless");
    if (line === undefined) return false;
    const size = /^[0-9a-f]{1,8}(?=$|[ ;\t])/i.exec(line)?.[0];
    if (size === undefined) return this.#over("its chunks are broken");
    this.#lacks = parseInt(size, 16);
    this.#part = this.#lacks === 0 ? "trailer" : "chunk";
    // Its line end is taken as part of the chunk, and dropped there.
    return true;
  }

  #text(): boolean {
    const text = this.#rest.slice(0, Math.min(this.#lacks, this.#room));
    this.#body.push(text);
    this.#rest = this.#rest.slice(text.length);
    this.#lacks -= text.length;
    this.#room -= text.length;
    if (this.#room === 0) return this.#over("the answer is endless");
    if (this.#lacks > 0) return false;
    if (this.#part === "body") return this.#over();
    if (this.#rest.length < 2) return false;
    this.#rest = this.#rest.slice(2);
    this.#part = "chunk size";
    return true;
  }

  /** Takes the text up to a mark off; nothing when the mark has not come. */
  #upTo(mark: string, endless: string): string | undefined {
    const end = this.#rest.indexOf(mark, this.#searched);
    if (end < 0) {
      // A drip must not make us search the same again and again.
      this.#searched = Math.max(0, this.#rest.length - mark.length + 1);
      if (this.#rest.length > longestAnswer) this.#over(endless);
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
