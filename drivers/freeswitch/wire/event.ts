/** Reads an event of the switch from its JSON. Pure. */

/** The headers of one event; a repeated header is a list. The body, if any, is `_body`. */
export type Headers = Readonly<Record<string, string | readonly string[]>>;

/** One event, read or not read yet: `text` and `header` return its headers. */
export type Frame = Headers | ChannelEvent;

/**
 * An event of a channel as it has arrived, in which each header is searched when it is needed: of some 200 headers 20 are. With
 * cold caches and without the JIT, a full parse takes four times as long; it also creates 200 strings.
 *
 * The search and a parse read the same. A header is taken from the text only where it looks exactly as the switch writes it:
 * `,"name":"value",`. Quotes within names and values are escaped, so that these are its quotes. Everything else is parsed: a
 * list, an escape, white space, a header that every event has and that is missing here, or a value that does not end as it must.
 * So a header that an event's invalid JSON affects is noticed; one that nobody needs does no harm.
 */
export class ChannelEvent {
  readonly #json: Buffer;
  #parsed: Headers | undefined;

  constructor(json: Buffer) {
    this.#json = json;
  }

  /**
   * A header; the last one, if there are several of this name.
   * @throws UnreadableEvent if the event must be parsed, and is not valid JSON.
   */
  header(name: string): string | readonly string[] | undefined {
    if (this.#parsed) return this.#parsed[name];
    const json = this.#json;
    const key = keyOf(name);
    const at = json.lastIndexOf(key);
    if (at < 0) return always.has(name) ? this.#parse()[name] : undefined;
    const colon = at + key.length;
    const end = json[colon] === 0x3a && json[colon + 1] === quote ? json.indexOf(quote, colon + 2) : -1;
    const isAsWritten = end > 0 && [comma, openBrace].includes(json[at - 1] ?? 0) &&
      [comma, closeBrace].includes(json[end + 1] ?? 0);
    const value = isAsWritten ? json.toString("utf8", colon + 2, end) : "\\";
    return value.includes("\\") ? this.#parse()[name] : value;
  }

  #parse(): Headers {
    const text = this.#json.toString();
    this.#parsed = readHeaders(text);
    if (!this.#parsed) throw new UnreadableEvent(text);
    return this.#parsed;
  }
}

/** An event of a channel turns out to be invalid JSON. */
export class UnreadableEvent extends Error {
  constructor(readonly event: string) {
    super("The event is not a JSON object");
  }
}

const [quote, comma, openBrace, closeBrace, closeBracket, backslash] = [0x22, 0x2c, 0x7b, 0x7d, 0x5d, 0x5c];

/** Headers of every event of a channel (switch_event.c, switch_channel_event_set_basic_data in switch_channel.c). */
const always = new Set(["Unique-ID", "Channel-Name", "Channel-Call-State", "Answer-State", "Call-Direction", "Event-Sequence"]);

const keys = new Map<string, Buffer>();

/** The name of a header as the switch writes it. The names are those that our code and configuration contain. */
function keyOf(name: string): Buffer {
  const known = keys.get(name);
  if (known) return known;
  const key = Buffer.from(JSON.stringify(name));
  keys.set(name, key);
  return key;
}

/** An event; undefined if it is invalid. Only events of channels that look as the switch writes them stay unread. */
export function readFrame(json: Buffer): Frame | undefined {
  const start = json.toString("latin1", 0, maxStart);
  const canSearch = channelStarts.some((begin) => start.startsWith(begin)) && isWhole(json) && !json.includes("\\u") &&
    isFlat(json);
  return canSearch ? new ChannelEvent(json) : readHeaders(json.toString());
}

const channelStarts = ['{"Event-Name":"CHANNEL_', '{"Event-Name":"CALL_UPDATE"'];
const maxStart = 30;

/** Whether the text ends as an event does: it is not cut off. */
function isWhole(json: Buffer): boolean {
  const [before, last, end] = json.subarray(-3);
  return end === closeBrace && (last === closeBracket || (last === quote && before !== backslash));
}

/** Whether no brace can be that of an object in the event: in the text of a value it stands behind other characters. */
function isFlat(json: Buffer): boolean {
  for (let at = json.indexOf(openBrace, 1); at > 0; at = json.indexOf(openBrace, at + 1)) {
    const before = json[at - 1] ?? 0;
    if (before <= 0x20 || [0x3a, comma, 0x5b].includes(before)) return false;
  }
  return true;
}

/** Reads a JSON event; undefined if it is invalid. Numbers and booleans become text; other values are omitted. */
export function readHeaders(text: string): Headers | undefined {
  const raw = readJson(text);
  if (typeof raw !== "object" || raw === null || Array.isArray(raw)) return undefined;
  if (isAllText(raw)) return Object.setPrototypeOf(raw, null);
  const frame: Record<string, string | string[]> = Object.create(null);
  for (const [name, value] of Object.entries(raw)) {
    if (typeof value === "string") frame[name] = value;
    else if (Array.isArray(value)) frame[name] = value.filter(isPlain).map(String);
    else if (isPlain(value)) frame[name] = String(value);
  }
  return frame;
}

/**
 * The value of a JSON text; undefined if it is invalid. Older FreeSWITCH does not escape control characters in JSON, which strict
 * parsers refuse: they are accepted if the rest is well formed.
 */
export function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    try {
      return JSON.parse(withoutRawControls(text));
    } catch {
      return undefined;
    }
  }
}

/** Escapes each control character inside a string; outside of strings they are white space. */
function withoutRawControls(text: string): string {
  // deno-lint-ignore no-control-regex -- the pattern looks for control characters
  return text.replace(/"(?:[^"\\]|\\[^])*"|[\u0000-\u001f]+/g, (part) =>
    part.startsWith('"')
      // deno-lint-ignore no-control-regex -- see above
      ? part.replace(/[\u0000-\u001f]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`)
      : " ");
}

/** A header; a list if it is repeated, undefined if it is missing. */
export function header(frame: Frame, name: string): string | readonly string[] | undefined {
  return frame instanceof ChannelEvent ? frame.header(name) : frame[name];
}

/** A header's text; empty when it is missing; the last one when it is repeated. */
export function text(frame: Frame, name: string): string {
  const value = header(frame, name);
  return typeof value === "string" ? value : value?.at(-1) ?? "";
}

/** Whether the object can be used without a copy, as nearly always. Without the JIT a copy costs three times the parsing. */
function isAllText(raw: object): raw is Headers {
  for (const value of Object.values(raw)) if (typeof value !== "string") return false;
  return true;
}

/** Anything else is not text: `String` throws at `{"toString":0}`, and at lists that are nested too deeply. */
function isPlain(value: unknown): value is string | number | boolean {
  return ["string", "number", "boolean"].includes(typeof value);
}
