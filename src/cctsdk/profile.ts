/**
 * Site settings for the parts of Oracle's protocol that no public document specifies (docs/cctsdk.md): bodies, headers and
 * statuses, and the checks on them. Pure.
 */
import { type CalloutName, calloutNames } from "../core/crm.ts";

/** The parameters of the callouts, in Oracle's spelling (E13402, Basic Telephony). */
export const parameterNames = [
  "FunctionName",
  "telesetNumber",
  "agentID",
  "ipAddress",
  "port",
  "agentPassword",
  "agentQueue",
  "dialString",
] as const;
export type ParameterName = (typeof parameterNames)[number];

/** Additional parameter names used by a site's UWQ, in lower case, each with the parameter it stands for. */
export type ParameterAliases = Readonly<Record<string, ParameterName>>;

/** The form of an XML body. */
export interface BodyForm {
  /** A media type, with its charset unless it is UTF-8. */
  readonly contentType: string;
  /** Whether an XML declaration comes before the body. */
  readonly declaration: boolean;
}

/** The form of answers to callouts. */
export interface AnswerForm extends BodyForm {
  /** The body of a success: `element` is the empty CCTSDK element, `none`: no body; other text is sent unchanged. */
  readonly success: Readonly<Record<CalloutName, string>>;
  /** The HTTP status of an Error answer. */
  readonly errorStatus: number;
}

/** A range of status codes, inclusive. */
export interface StatusRange {
  readonly from: number;
  readonly to: number;
}

/** The form of event POSTs. */
export interface EventForm extends BodyForm {
  /** The path of the POST; starts with `/`. */
  readonly path: string;
  /** Additional headers, by name. */
  readonly headers: Readonly<Record<string, string>>;
  /** The status codes that confirm an event. */
  readonly delivered: readonly StatusRange[];
}

const defaultType = "text/xml; charset=utf-8";

/** The same body for every function. */
export function successOfAll(body: string): Record<CalloutName, string> {
  return Object.fromEntries(calloutNames.map((name) => [name, body])) as Record<CalloutName, string>;
}

export const defaultAnswers: AnswerForm = {
  contentType: defaultType,
  declaration: false,
  success: successOfAll("element"),
  errorStatus: 200,
};

export const defaultEvents: EventForm = {
  contentType: defaultType,
  declaration: false,
  path: "/",
  headers: {},
  delivered: [{ from: 200, to: 299 }],
};

const token = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
/** A media type (RFC 9110 section 8.3.1), in one line of visible characters. */
const mediaType = new RegExp(`^${token}/${token}(?:[ \\t]*;[ \\t]*${token}=(?:${token}|"[ !#-[\\]-~]*"))*$`);

/** Supersets of ASCII; other characters are written as character references. */
const asciiCharsets = ["us-ascii", "iso-8859-1", "iso-8859-15", "windows-1252"];

/** Returns the problem with a Content-Type; undefined if it can be sent. */
export function contentTypeProblem(contentType: string): string | undefined {
  if (!mediaType.test(contentType)) return "expected a media type such as text/xml; charset=utf-8";
  const charsets = [...contentType.matchAll(/;\s*charset=/gi)];
  if (charsets.length > 1) return "expected one charset";
  const charset = charsetOf(contentType);
  if (charset === "UTF-8" || asciiCharsets.includes(charset.toLowerCase())) return undefined;
  return `telesetd cannot write the charset ${charset}: expected utf-8 or ${asciiCharsets.join(" or ")}`;
}

/** The charset of a Content-Type, in capitals; UTF-8 by default, as in XML (RFC 7303 section 3). */
export function charsetOf(contentType: string): string {
  return (/;\s*charset="?([^";\s]+)/i.exec(contentType)?.[1] ?? "UTF-8").toUpperCase();
}

/** Adds the XML declaration and applies the charset that this site expects. */
export function writeXml(xml: string, { contentType, declaration }: BodyForm): string {
  const charset = charsetOf(contentType);
  const text = charset === "UTF-8" ? xml : xml.replace(/[^\0-\x7f]/gu, (character) => `&#${character.codePointAt(0)};`);
  return declaration ? `<?xml version="1.0" encoding="${charset}"?>${text}` : text;
}

/** The maximum number of characters in the body of a success. */
const maxSuccessLength = 4000;

/** Returns the problem with the body of a success; undefined if it can be sent. */
export function successProblem(body: string): string | undefined {
  const keyword = ["element", "none"].find((word) => word === body.trim().toLowerCase() && word !== body);
  if (keyword !== undefined) return `did you mean ${keyword}?`;
  if (body.length > maxSuccessLength) return `it has ${body.length} characters: expected at most ${maxSuccessLength}`;
  // Line ends are fine; no reader expects other control characters or unpaired surrogates.
  if (/(?![\t\r\n])\p{Cc}|\p{Cs}/u.test(body)) return "expected no control character except tab and line end";
  return undefined;
}

/** Headers that telesetd writes, or that would change the meaning of the request or its answer (RFC 9110, RFC 9112). */
const ownHeaders = [
  "host",
  "content-length",
  "content-type",
  "content-encoding",
  "transfer-encoding",
  "connection",
  "proxy-connection",
  "keep-alive",
  "accept-encoding",
  "expect",
  "te",
  "trailer",
  "upgrade",
];

/** The maximum number of characters in one header's value, and in all names and values together. */
const maxHeaderLength = 4000;
const maxHeadersLength = 8000;

/** Returns the problems with additional headers of event POSTs, each with the header's name. Never repeats a value. */
export function headerProblems(headers: Readonly<Record<string, string>>): { readonly name: string; readonly why: string }[] {
  const entries = Object.entries(headers);
  const [first] = entries;
  const problems = entries.flatMap(([name, value], index) => {
    const before = entries.slice(0, index).find(([earlier]) => earlier.toLowerCase() === name.toLowerCase());
    const why = headerProblem(name, value) ?? (before && `duplicate of ${before[0]}: expected each header once`);
    return why === undefined ? [] : [{ name, why }];
  });
  const length = entries.flat().join("").length;
  if (first === undefined || length <= maxHeadersLength) return problems;
  return [...problems, { name: first[0], why: `all headers have ${length} characters: expected at most ${maxHeadersLength}` }];
}

function headerProblem(name: string, value: string): string | undefined {
  if (!new RegExp(`^${token}$`).test(name)) return "expected a header name of letters, digits and -";
  if (ownHeaders.includes(name.toLowerCase())) {
    return name.toLowerCase() === "content-type"
      ? "telesetd writes this header itself: set crm.contentType"
      : "telesetd writes this header itself";
  }
  if (!/^[\t\x20-\x7e]*$/.test(value)) return "expected a value of plain ASCII without control characters";
  if (value.trim() !== value) return "expected a value without spaces around it";
  return value.length > maxHeaderLength ? `expected a value of at most ${maxHeaderLength} characters` : undefined;
}

/** Returns the problem with the status of an Error; undefined if it can be sent. */
export function errorStatusProblem(status: number): string | undefined {
  if (!Number.isInteger(status) || status < 200 || status > 599) return "expected a status from 200 to 599";
  if (status === 204 || status === 205) return "an answer with this status has no body, so the agent would not see the Error";
  if (status >= 300 && status < 400) return "redirects are not supported: expected 200 to 299 or 400 to 599";
  return undefined;
}

/** Reads `200`, `"200"` or `"200-299"`; returns undefined for anything else. */
export function statusRange(given: number | string): StatusRange | undefined {
  const [, first, last] = /^([2-5]\d\d)(?:\s*-\s*([2-5]\d\d))?$/.exec(String(given).trim()) ?? [];
  if (first === undefined) return undefined;
  const range = { from: Number(first), to: Number(last ?? first) };
  return range.from <= range.to ? range : undefined;
}

/** `200-299, 302`. */
export function statusText(ranges: readonly StatusRange[]): string {
  return ranges.map(({ from, to }) => (from === to ? `${from}` : `${from}-${to}`)).join(", ");
}
