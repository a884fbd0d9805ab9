/**
 * How people and programs write a number, and what of that does not count: invisible characters, typographic dashes and
 * spaces, digits of other scripts, the optional zero after a country code, `tel:` URIs. Pure.
 */

/** Direction marks, zero-width characters, the soft hyphen, variation selectors and the like: nothing that a reader sees. */
const invisible = /[\p{Default_Ignorable_Code_Point}\p{Cf}]/gu;

/** ASCII characters in the widths of East Asian fonts. */
const otherWidths = /[\uff01-\uff5e\ufe50-\ufe6b]/g;

/** Every dash of Unicode, the minus sign and the like, and the long-vowel mark that Japanese keyboards give for a dash. */
const dashes = /[\p{Pd}\u02d7\u2043\u2212\u30fc]/gu;

/** Where the ten digits of a script begin: Arabic, Persian, Devanagari, Bengali, Thai. */
const zeros = [0x0660, 0x06f0, 0x0966, 0x09e6, 0x0e50];

/** What is written between digits for the eye: spaces of any kind, brackets, dots, hyphens, slashes, bullets. */
const punctuation = /[\s()[\].\/\u00b7\u2022-]/g;

/** Parameters of a `tel:` URI without which the number is another one, or cannot be reached (RFC 3966, section 5). */
const undialable = /^\s*(ext|isub|phone-context|postd)\s*(=|$)/i;

/** A number as it was written, without what does not count. */
export interface Written {
  /** Digits and whatever else was written. */
  readonly number: string;
  /** The parameters of a `tel:` URI that belong to the number, such as `ext=22`. */
  readonly parameters: readonly string[];
}

/** The text as a reader sees it. */
export function withoutInvisible(text: string): string {
  return text.replace(invisible, "");
}

/** Reads a number as people write it: `+44 (0)20 7946-0000` is +442079460000, `tel:+1-201-555-0123` is +12015550123. */
export function readWritten(text: string): Written {
  // Nearly every number that a switch shows.
  if (/^\+?\d+$/.test(text)) return { number: text, parameters: [] };
  const ascii = inAscii(text).trim();
  if (!/^tel:/i.test(ascii)) return { number: plain(ascii), parameters: [] };
  const [number = "", ...parameters] = inAscii(unescaped(ascii.slice(4))).split(";");
  return { number: plain(number), parameters: parameters.filter((each) => undialable.test(each)).map((each) => each.trim()) };
}

/** The first character that is not among those allowed, with its code point, so that the reader can tell it from its doubles. */
export function oddCharacter(text: string, allowed: RegExp): string | undefined {
  const odd = [...text].find((character) => !allowed.test(character));
  return odd === undefined ? undefined : /[\p{L}\p{P}\p{S}]/u.test(odd) ? `${odd} (${codePoint(odd)})` : codePoint(odd);
}

/** `U+200E` */
export function codePoint(character: string): string {
  return `U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}`;
}

/** Dashes, spaces, digits and letters of other widths and scripts as the plain ones, without invisible characters. */
export function inAscii(text: string): string {
  return withoutInvisible(text)
    .replace(otherWidths, (character) => character.normalize("NFKC"))
    .replace(dashes, "-")
    .replace(/\p{Nd}/gu, digit);
}

function digit(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  const zero = zeros.find((start) => code >= start && code < start + 10);
  return zero === undefined ? character : String(code - zero);
}

/**
 * Without punctuation, and without the zero that callers from abroad leave out: `+44 (0)20`. It counts only after `+`, 00 or
 * 011, perhaps with the digits for an outside line in front, and a country code: `(0)20` alone is a national number. Italy and
 * San Marino dial it from abroad too.
 */
function plain(text: string): string {
  return text
    .replace(/[\s.\/-]/g, "")
    .replace(/\[/g, "(")
    .replace(/\]/g, ")")
    .replace(/^(\(?(?:\d{0,3}\+|[09]?(?:00|011))\(?(?!(?:39|378)\D)[1-9]\d{0,2}\)?)\(0\)/, "$1")
    .replace(punctuation, "");
}

function unescaped(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
