/**
 * The only file that knows the XML library: Bun's own, in the call shape of @std/xml (`parse`, `stringify`), so that
 * changing over is a change of this file. The CRM's side and the drivers of switches that speak XML read with it.
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

/** The longest text that `parse` reads if it is not told otherwise, in characters: an answer of the CRM has a few hundred. */
export const longestXml = 65_536;

/** How deep elements may be nested: what we read has five levels. */
const deepest = 32;
const tooDeep = `Cannot parse XML: its elements are nested deeper than ${deepest} levels`;

// XML 1.0 section 2.2 (Char); with the u flag, half of a surrogate pair is a character of its own and does not match.
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
 * Parses a document. A document type is refused: nothing that we talk to sends one, and entities are how XML attacks.
 * @param longest the longest text that is read, in characters.
 * @throws SyntaxError with a sentence: too long, has a document type, is nested too deep, or is not well-formed.
 */
export function parse(text: string, longest = longestXml): { readonly root: XmlElement } {
  if (text.length > longest) {
    throw new SyntaxError(`Cannot parse XML of ${text.length} characters: expected at most ${longest}`);
  }
  if (/<!DOCTYPE/i.test(text)) throw new SyntaxError("Cannot parse XML: it has a document type (<!DOCTYPE>): expected none");
  try {
    return { root: fromBun(Bun.XML.parse(text, { compact: false }), 1) };
  } catch (error) {
    // The library's own nesting ends with the stack.
    if (error instanceof RangeError) throw new SyntaxError(tooDeep, { cause: error });
    throw new SyntaxError(`Cannot parse XML: ${messageOf(error)}`, { cause: error });
  }
}

/**
 * Writes an element on one line, without an XML declaration. Special characters are escaped; tab and newline in attributes
 * become references, so that they survive (XML 1.0 section 3.3.3); what XML cannot hold is left out.
 */
export function stringify(root: XmlElement): string {
  return Bun.XML.stringify(toBun(root));
}

function fromBun(node: Bun.XML.Node, depth: number): XmlElement {
  if (depth > deepest) throw new RangeError(tooDeep);
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
