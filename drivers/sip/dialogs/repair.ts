/** Repairs documents of switches that write names into XML without escaping them, so that no call is lost. Pure. */
import { type DialogInfo, readDialogInfo } from "./dialog-info.ts";

/** A reference that needs no document type: one of XML's five predefined names, or a character by its number. */
const reference = /^&(?:amp|lt|gt|quot|apos|#\d+|#[xX][0-9A-Fa-f]+);/;

/** A character by its number. */
const numbered = /&#(?:[xX]([0-9A-Fa-f]+)|(\d+));/g;

/** Characters that XML 1.0 does not allow (section 2.2, Char). */
// deno-lint-ignore no-control-regex -- the pattern removes control characters
const notXml = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ud800-\udfff\ufffe\uffff]/gu;

/** The text after the quote that ends a value: the next attribute, or the end of the tag. */
const afterValue = /^\s*(?:[\w:.-]+\s*=\s*["']|[\/?]?>)/;

/** The longest name of an attribute, in characters. */
const maxAttributeName = 100;

/** A document and its defect. */
export interface Read {
  readonly info: DialogInfo;
  /** Why it had to be repaired, or dialogs were skipped: the full state may contain more. */
  readonly fault?: unknown;
}

/**
 * Reads the body of a NOTIFY, repaired if necessary.
 * @throws Error with a sentence if nothing can be read.
 */
export function readLeniently(body: string): Read {
  try {
    return { info: readDialogInfo(body) };
  } catch (fault) {
    try {
      return { info: readDialogInfo(repaired(body), { skipsUnreadable: true }), fault };
    } catch {
      throw fault;
    }
  }
}

/**
 * The text without characters that XML does not allow, and with these escaped: `&` that begins no reference of XML, `<` that
 * begins no tag (in the value of an attribute, around a SIP URI, alone) and quotes inside the value of an attribute.
 */
export function repaired(xml: string): string {
  const text = xml.replace(numbered, withoutInvalid).replace(notXml, "");
  let out = "";
  let inTag = false;
  let quote = "";
  for (let at = 0; at < text.length; at++) {
    const char = text.charAt(at);
    const ends = quote !== "" && char === quote && afterValue.test(text.slice(at + 1, at + 1 + maxAttributeName));
    if (char === "&" && !reference.test(text.slice(at, at + 40))) out += "&amp;";
    else if (char === "<" && (inTag || !beginsTag(text, at))) out += "&lt;";
    else if (quote !== "" && char === quote && !ends) out += char === '"' ? "&quot;" : "&apos;";
    else out += char;
    if (!inTag) inTag = char === "<" && beginsTag(text, at);
    else if (quote !== "") quote = ends ? "" : quote;
    else if (char === '"' || char === "'") quote = char;
    else if (char === ">") inTag = false;
  }
  return out;
}

/** The reference, if its character is valid in XML. */
function withoutInvalid(whole: string, hex: string | undefined, decimal: string | undefined): string {
  const code = hex === undefined ? Number(decimal) : parseInt(hex, 16);
  return code > 0x10ffff || String.fromCodePoint(code).search(notXml) >= 0 ? "" : whole;
}

function beginsTag(text: string, at: number): boolean {
  return /^<(?:[A-Za-z_:\/!?])/.test(text.slice(at, at + 2)) && !/^<(?:sips?|tel):/i.test(text.slice(at, at + 6));
}
