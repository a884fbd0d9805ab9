/** Reads an event of the switch from its JSON. Pure. */

/** The headers of one event; a repeated header is a list. The body, if any, is `_body`. */
export type Frame = Readonly<Record<string, string | readonly string[]>>;

/** Reads a JSON event; undefined if it is invalid. Numbers and booleans become text; other values are omitted. */
export function readFrame(text: string): Frame | undefined {
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

/** A header's text; empty when it is missing; the last one when it is repeated. */
export function text(frame: Frame, name: string): string {
  const value = frame[name];
  return typeof value === "string" ? value : value?.at(-1) ?? "";
}

/** Whether the object can be used without a copy, as nearly always. Without the JIT a copy costs three times the parsing. */
function isAllText(raw: object): raw is Frame {
  for (const value of Object.values(raw)) if (typeof value !== "string") return false;
  return true;
}

/** Anything else is not text: `String` throws at `{"toString":0}`, and at lists that are nested too deeply. */
function isPlain(value: unknown): value is string | number | boolean {
  return ["string", "number", "boolean"].includes(typeof value);
}
