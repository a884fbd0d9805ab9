/**
 * XML, for the CRM side and for drivers of switches that use it. The only file that uses Bun.XML, behind the interface of
 * @std/xml (`parse`, `stringify`), so that changing the library concerns only this file.
 */
import { messageOf } from "./text.ts";

/** A piece of text; an empty one keeps its element from being written as `<a/>`. */
export interface XmlText {
  readonly type: "text";
  readonly text: string;
}

/** An element. `name.raw` is the name as written, with its prefix if it has one. */
export interface XmlElement {
  readonly type: "element";
  readonly name: { readonly raw: string };
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: readonly (XmlElement | XmlText)[];
}

/** The maximum number of characters that `parse` reads by default; an answer of the CRM has a few hundred. */
export const maxXmlLength = 65_536;

/** The deepest nesting of elements; our documents have five levels. */
const maxDepth = 32;
const tooDeep = `Cannot parse XML: its elements are nested deeper than ${maxDepth} levels`;

// XML 1.0 section 2.2 (Char); with the u flag, an unpaired surrogate is a separate character and does not match.
const notXml = /[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu;

/** Builds an element. */
export function element(
  name: string,
  attributes: Readonly<Record<string, string>>,
  children: XmlElement["children"],
): XmlElement {
  return { type: "element", name: { raw: name }, attributes, children };
}

/**
 * Parses a document. A document type is refused: no peer of ours sends one, and it allows entity attacks.
 * @param maxLength the maximum number of characters that are read.
 * @throws SyntaxError with a sentence if the text is too long, has a document type, is nested too deep or is not well-formed.
 */
export function parse(text: string, maxLength = maxXmlLength): { readonly root: XmlElement } {
  if (text.length > maxLength) {
    throw new SyntaxError(`Cannot parse XML of ${text.length} characters: expected at most ${maxLength}`);
  }
  if (/<!DOCTYPE/i.test(text)) throw new SyntaxError("Cannot parse XML: a document type (<!DOCTYPE>) is not allowed");
  try {
    return { root: fromBun(Bun.XML.parse(text, { compact: false }), 1) };
  } catch (error) {
    // Nesting too deep for the library overflows the stack.
    if (error instanceof RangeError) throw new SyntaxError(tooDeep, { cause: error });
    throw new SyntaxError(`Cannot parse XML: ${messageOf(error)}`, { cause: error });
  }
}

/**
 * Writes an element on one line, without an XML declaration. Special characters are escaped; tab and newline in attributes
 * become references, so that they survive (XML 1.0 section 3.3.3); characters that XML does not allow are removed.
 */
export function stringify(root: XmlElement): string {
  return Bun.XML.stringify(toBun(root));
}

function fromBun(node: Bun.XML.Node, depth: number): XmlElement {
  if (depth > maxDepth) throw new RangeError(tooDeep);
  const children: (XmlElement | XmlText)[] = [];
  for (const child of node.children) {
    if (typeof child === "string") children.push({ type: "text", text: child });
    else if ("name" in child) children.push(fromBun(child, depth + 1));
  }
  return element(node.name, node.attributes, children);
}

function toBun({ name, attributes, children }: XmlElement): Bun.XML.NodeInput {
  return {
    name: name.raw,
    attributes: Object.fromEntries(Object.entries(attributes).map(([key, value]) => [key, value.replace(notXml, "")])),
    children: children.map((child) => child.type === "text" ? child.text.replace(notXml, "") : toBun(child)),
  };
}
