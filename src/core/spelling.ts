/**
 * The ways in which people and programs write a number: invisible characters, typographic dashes and spaces, digits of other
 * scripts, the optional zero after a country code, `tel:` URIs. Pure.
 */

/** Invisible characters: direction marks, zero-width characters, the soft hyphen, variation selectors and so on. */
const invisible = /[\p{Default_Ignorable_Code_Point}\p{Cf}]/gu;

/** ASCII characters in the widths of East Asian fonts. */
const otherWidths = /[\uff01-\uff5e\ufe50-\ufe6b]/g;

/** Every dash of Unicode, the minus sign and similar ones, and the long-vowel mark that Japanese keyboards produce for a dash. */
const dashes = /[\p{Pd}\u02d7\u2043\u2212\u30fc]/gu;

/** The code points of the digit zero: Arabic, Persian, Devanagari, Bengali, Thai. */
const zeros = [0x0660, 0x06f0, 0x0966, 0x09e6, 0x0e50];

/** Characters that only separate digits: spaces of any kind, brackets, dots, hyphens, slashes, bullets. */
const punctuation = /[\s()[\].\/\u00b7\u2022-]/g;

/**
 * Parameters of a `tel:` URI that belong to the number: without them it is another number, or cannot be reached (RFC 3966,
 * section 5).
 */
const undialable = /^\s*(ext|isub|phone-context|postd)\s*(=|$)/i;

/** A written number without the characters that carry no meaning. */
export interface Written {
  /** The digits, and the other characters that carry a meaning. */
  readonly number: string;
  /** The parameters of a `tel:` URI that belong to the number, such as `ext=22`. */
  readonly parameters: readonly string[];
}

/** The text without invisible characters. */
export function withoutInvisible(text: string): string {
  return text.replace(invisible, "");
}

/** Reads a number as people write it: `+44 (0)20 7946-0000` is +442079460000, `tel:+1-201-555-0123` is +12015550123. */
export function readWritten(text: string): Written {
  // True for nearly every number that a switch reports.
  if (/^\+?\d+$/.test(text)) return { number: text, parameters: [] };
  const ascii = inAscii(text).trim();
  if (!/^tel:/i.test(ascii)) return { number: plain(ascii), parameters: [] };
  const [number = "", ...parameters] = inAscii(unescaped(ascii.slice(4))).split(";");
  return { number: plain(number), parameters: parameters.filter((text) => undialable.test(text)).map((text) => text.trim()) };
}

/** The first character that is not allowed, with its code point, because different characters may look alike. */
export function oddCharacter(text: string, allowed: RegExp): string | undefined {
  const odd = [...text].find((character) => !allowed.test(character));
  return odd === undefined ? undefined : /[\p{L}\p{P}\p{S}]/u.test(odd) ? `${odd} (${codePoint(odd)})` : codePoint(odd);
}

/** `U+200E` */
export function codePoint(character: string): string {
  return `U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}`;
}

/**
 * Replaces dashes, spaces, digits and letters of other widths and scripts by the plain ones, and removes invisible characters.
 */
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
 * Removes punctuation, and the zero that callers from abroad omit: `+44 (0)20`. That zero is recognised only after `+`, 00
 * or 011, perhaps with the digits for an outside line in front, and a country code: `(0)20` alone is a national number. Italy
 * and San Marino keep it for callers from abroad.
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
