/**
 * Reads a plain GET and writes its answer without node:http, which takes five times as long. Only a header that arrives whole,
 * alone and in its simplest form is read here; node:http decides about all others, so nothing is refused here.
 */
import { STATUS_CODES } from "node:http";

/** A GET without a body. */
export interface PlainRequest {
  /** The target as sent: it starts with `/` or `?`. */
  readonly target: string;
  /** Returns a header; lower-case names. */
  readonly header: (name: string) => string | undefined;
  /** The connection closes after the answer. */
  readonly isLast: boolean;
}

/** The maximum number of bytes of a plain header: more than any client of UWQ sends. */
const maxBytes = 2048;

// RFC 9112 sections 3 and 5, without obsolete forms. Each part ends where the next cannot continue it: linear time.
const plain = /^GET ([/?][!-~]*) HTTP\/1\.([01])\r\n((?:[A-Za-z0-9-]+:[\t -~]*\r\n)*)\r\n$/;

/** Headers that mean more than a plain request: a body, or another protocol. */
const special = new Set(["content-length", "transfer-encoding", "upgrade", "expect"]);

/** Reads this text, a character for each byte; undefined if it is anything but one plain request. */
export function readPlain(text: string): PlainRequest | undefined {
  if (text.length > maxBytes) return undefined;
  const [, target, minor, lines] = plain.exec(text) ?? [];
  if (target === undefined || lines === undefined) return undefined;
  const headers = new Map<string, string>();
  for (let start = 0; start < lines.length;) {
    const [colon, end] = [lines.indexOf(":", start), lines.indexOf("\r", start)];
    const name = lines.slice(start, colon).toLowerCase();
    if (headers.has(name) || special.has(name)) return undefined;
    headers.set(name, lines.slice(colon + 1, end).trim());
    start = end + 2;
  }
  const connection = headers.get("connection")?.toLowerCase();
  if (connection !== undefined && connection !== "keep-alive" && connection !== "close") return undefined;
  return { target, header: (name) => headers.get(name), isLast: minor === "0" || connection === "close" };
}

/** An answer to a plain request. */
export interface PlainAnswer {
  readonly status: number;
  /** With a Content-Length. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** The bytes of answers, written once a second because of their Date. */
const written = new WeakMap<PlainAnswer, { readonly second: number; readonly isLast: boolean; readonly bytes: Buffer }>();

/** The bytes of an answer, the same as node:http would send. */
export function writePlain(answer: PlainAnswer, isLast: boolean): Buffer {
  const now = Date.now();
  const second = Math.floor(now / 1000);
  const before = written.get(answer);
  if (before?.second === second && before.isLast === isLast) return before.bytes;
  const { status, headers, body } = answer;
  const lines = Object.entries(headers).map(([name, value]) => `${name.toLowerCase()}: ${value}\r\n`).toSorted().join("");
  const date = `Date: ${new Date(now).toUTCString()}\r\n`;
  const connection = isLast ? "Connection: close\r\n" : "Connection: keep-alive\r\nKeep-Alive: timeout=5\r\n";
  const bytes = Buffer.from(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines}${date}${connection}\r\n${body}`);
  written.set(answer, { second, isLast, bytes });
  return bytes;
}
