/** Text of switches that write names into XML as they are: what is plainly meant is escaped, so that the call is not lost. Pure. */

/** A reference, known or not: an unknown one is a fault that cannot be guessed. */
const reference = /^&(?:[A-Za-z][A-Za-z0-9]*|#\d+|#[xX][0-9A-Fa-f]+);/;

/** What XML 1.0 cannot hold (section 2.2, Char), of which nothing is meant. */
// deno-lint-ignore no-control-regex -- control characters are what is removed
const notXml = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g;

/**
 * The text with `&` escaped that begins no reference, `<` that begins no tag (in the value of an attribute, around a SIP URI, alone), and
 * without control characters. What is still not well-formed then has to be asked for again.
 */
export function repaired(xml: string): string {
  const text = xml.replace(notXml, "");
  let out = "";
  let inTag = false;
  let quote = "";
  for (let at = 0; at < text.length; at++) {
    const char = text.charAt(at);
    if (char === "&" && !reference.test(text.slice(at, at + 40))) out += "&amp;";
    else if (char === "<" && (inTag || !beginsTag(text, at))) out += "&lt;";
    else out += char;
    if (!inTag) inTag = char === "<" && beginsTag(text, at);
    else if (quote !== "") quote = char === quote ? "" : quote;
    else if (char === '"' || char === "'") quote = char;
    else if (char === ">") inTag = false;
  }
  return out;
}

function beginsTag(text: string, at: number): boolean {
  return /^<(?:[A-Za-z_:\/!?])/.test(text.slice(at, at + 2)) && !/^<(?:sips?|tel):/i.test(text.slice(at, at + 6));
}
