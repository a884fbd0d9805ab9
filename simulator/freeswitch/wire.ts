/**
 * Parser of commands and writer of frames of the event socket. Source: mod_event_socket.c, `read_packet` (the end of a command),
 * `listener_run`, `api_exec`, `send_disconnect` (the form of frames), and recordings of a live one.
 */
import { headerText, type HeaderValue, type SwitchEvent } from "./events.ts";

/** A command, up to a blank line, with the body announced by its Content-Length. */
export interface Command {
  /** The first line, without its line end. */
  readonly line: string;
  /** Further lines, names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Splits a byte stream into commands. Lines end with LF or CRLF; blank lines between commands are ignored. */
export class CommandReader {
  #pending = Buffer.alloc(0);

  push(chunk: Uint8Array): Command[] {
    this.#pending = Buffer.concat([this.#pending, chunk]);
    const commands: Command[] = [];
    for (let next = this.#next(); next !== undefined; next = this.#next()) commands.push(next);
    return commands;
  }

  #next(): Command | undefined {
    let start = 0;
    while (isLineEnd(this.#pending[start])) start++;
    const end = blankLine(this.#pending, start);
    if (end === undefined) return undefined;
    const [line = "", ...rest] = this.#pending.toString("utf8", start, end).split(/[\r\n]+/).filter((line) => line !== "");
    const headers = Object.fromEntries(rest.flatMap(header));
    const length = Math.max(0, Number.parseInt(headers["content-length"] ?? "0", 10) || 0);
    if (this.#pending.length < end + length) return undefined;
    const body = this.#pending.toString("utf8", end, end + length);
    this.#pending = this.#pending.subarray(end + length);
    return { line, headers, body };
  }
}

function isLineEnd(byte: number | undefined): boolean {
  return byte === 10 || byte === 13;
}

/** The index after the second of two LFs with nothing but CRs between them. */
function blankLine(bytes: Uint8Array, start: number): number | undefined {
  let lines = 0;
  for (let index = start; index < bytes.length; index++) {
    if (bytes[index] === 10) lines++;
    else if (bytes[index] !== 13) lines = 0;
    if (lines === 2) return index + 1;
  }
  return undefined;
}

function header(line: string): [string, string][] {
  const colon = line.indexOf(":");
  return colon < 0 ? [] : [[line.slice(0, colon).toLowerCase(), line.slice(colon + 1).replace(/^ */, "")]];
}

/** The first frame on every connection. */
export const authRequest = "Content-Type: auth/request\n\n";

/** `command/reply`. `more` are lines after Reply-Text, each ended by a LF. */
export function commandReply(text: string, more = ""): string {
  return `Content-Type: command/reply\nReply-Text: ${text}\n${more}\n`;
}

/** `api/response`; an empty result becomes an error. */
export function apiResponse(text: string): string {
  const body = text === "" ? "-ERR no reply\n" : text;
  return `Content-Type: api/response\nContent-Length: ${Buffer.byteLength(body)}\n\n${body}`;
}

/** `text/event-json`. A body is in `_body`, after its own Content-Length. */
export function eventJson(event: SwitchEvent): string {
  const body = JSON.stringify(event);
  return `Content-Length: ${Buffer.byteLength(body)}\nContent-Type: text/event-json\n\n${body}`;
}

/** `text/event-plain`: values percent-encoded, one header a line. */
export function eventPlain(event: SwitchEvent): string {
  const { _body: body, ...headers } = event;
  const lines = Object.entries(headers).map(([name, value]: [string, HeaderValue]) => `${name}: ${encode(headerText(value))}\n`);
  const text = lines.join("") + "\n" + (body === undefined ? "" : headerText(body));
  return `Content-Length: ${Buffer.byteLength(text)}\nContent-Type: text/event-plain\n\n${text}`;
}

function encode(value: string): string {
  return encodeURIComponent(value).replace(/%(2B|2C|40|3A|2F|3B|24|3D|26)/g, (encoded) => decodeURIComponent(encoded));
}

/** The last frame before the switch closes a connection. */
export function disconnectNotice(message = "Disconnected, goodbye.\nSee you at ClueCon! http://www.cluecon.com/\n"): string {
  return `Content-Type: text/disconnect-notice\nContent-Length: ${Buffer.byteLength(message)}\n\n${message}`;
}
