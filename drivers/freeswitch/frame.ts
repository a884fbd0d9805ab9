/** One event of the switch as its JSON says it. Pure. */

/** The headers of one event; a repeated header is a list. The body, where there is one, is `_body`. */
export type Frame = Readonly<Record<string, string | readonly string[]>>;

/** Reads a JSON event; nothing when it is none. Numbers and truth values are made text; what is no text at all is left out. */
export function readFrame(text: string): Frame | undefined {
  let raw: unknown;
  try {
    raw = JSON.parse(text);
  } catch {
    return undefined;
  }
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

/** A header's text; empty when it is missing; the last one when it is repeated. */
export function text(frame: Frame, name: string): string {
  const value = frame[name];
  return typeof value === "string" ? value : value?.at(-1) ?? "";
}

/** As it nearly always is: then it is taken as it came. Without the JIT a copy costs three times as much as the parser. */
function isAllText(raw: object): raw is Frame {
  for (const value of Object.values(raw)) if (typeof value !== "string") return false;
  return true;
}

/** Anything else has no text of its own: `String` throws at `{"toString":0}`, and at lists nested too deep. */
function isPlain(value: unknown): value is string | number | boolean {
  return ["string", "number", "boolean"].includes(typeof value);
}
