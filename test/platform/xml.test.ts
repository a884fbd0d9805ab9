import { describe, expect, setDefaultTimeout, test } from "bun:test";
import fc from "fast-check";
import { element, maxXmlLength, parse, stringify } from "../../src/platform/xml.ts";

setDefaultTimeout(60_000);

// A backstop: how long many runs of a property take depends on the machine.
const attribute = (value: string): string => stringify(element("a", { v: value }, []));

describe("an attribute is written", () => {
  test.each([
    ["a quote", '"', '<a v="&quot;"/>'],
    ["angle brackets", "<>", '<a v="&lt;&gt;"/>'],
    ["an ampersand", "&amp;", '<a v="&amp;amp;"/>'],
    ["tab and newline", "\t\n\r", '<a v="&#x9;&#xA;&#xD;"/>'],
    ["a character beyond 16 bits", "😀", '<a v="😀"/>'],
    ["what XML cannot hold", "a\u0000\u0008\u001b\ufffe\uffffb", '<a v="ab"/>'],
    ["an unpaired surrogate", "a\ud800b\udc00", '<a v="ab"/>'],
  ])("with %s", (_, value, xml) => expect(attribute(value)).toBe(xml));

  test("so that all characters allowed by XML survive a round trip", () => {
    fc.assert(fc.property(fc.string({ unit: "grapheme" }), (value) => {
      const kept = [...value].filter((c) => !/[^\t\n\r -\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/u.test(c)).join("");
      expect(parse(attribute(value)).root.attributes["v"]).toBe(kept);
    }));
  });
});

test("text is cleaned and escaped", () => {
  expect(stringify(element("a", {}, [{ type: "text", text: "x\u0001<&" }]))).toBe("<a>x&lt;&amp;</a>");
});

test("an empty text keeps both tags", () => {
  expect(stringify(element("a", {}, [{ type: "text", text: "" }]))).toBe("<a></a>");
});

test("elements and text are parsed in order, comments are ignored", () => {
  expect(parse('<?xml version="1.0"?><a x="1"><b/>t<!-- c --><c/></a>').root).toEqual(
    element("a", { x: "1" }, [element("b", {}, []), { type: "text", text: "t" }, element("c", {}, [])]),
  );
});

describe("refused with a sentence:", () => {
  test.each([
    ["a document type", '<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>', "a document type (<!DOCTYPE>) is not allowed"],
    ["a document type in odd case", "<!doctype a><a/>", "a document type (<!DOCTYPE>) is not allowed"],
    ["too long a text", `<a>${"x".repeat(maxXmlLength)}</a>`, `expected at most ${maxXmlLength}`],
    ["no XML", "hello", "Cannot parse XML:"],
    ["nothing", "", "Cannot parse XML:"],
    ["an unknown entity", "<a>&nbsp;</a>", "Cannot parse XML:"],
    ["a forbidden character", "<a>&#0;</a>", "Cannot parse XML:"],
    ["a nesting too deep for the library", "<a>".repeat(20_000), "Cannot parse XML:"],
    ["a nesting of 33 levels", "<a>".repeat(33) + "</a>".repeat(33), "nested deeper than 32 levels"],
  ])("%s", (_, text, why) => expect(() => parse(text)).toThrow(why));

  test("a text longer than the caller's limit", () => {
    expect(() => parse("<a></a>", 6)).toThrow("Cannot parse XML of 7 characters: expected at most 6");
    expect(parse(`<a>${"x".repeat(maxXmlLength)}</a>`, 2 * maxXmlLength).root.name.raw).toBe("a");
  });
});

test("a nesting too deep for the library is refused with the same sentence", () => {
  const text = "<a>".repeat(100_000) + "</a>".repeat(100_000);
  expect(() => parse(text, text.length)).toThrow("nested deeper than 32 levels");
});

test("32 levels are parsed", () => expect(parse("<a>".repeat(32) + "</a>".repeat(32)).root.name.raw).toBe("a"));
