import { describe, expect, setDefaultTimeout, test } from "bun:test";
import fc from "fast-check";
import { encodeEvent, encodeReply, maxLengths } from "../../src/cctsdk/encode.ts";
import { parse, type XmlElement } from "../../src/platform/xml.ts";
import type { CrmEvent } from "../../src/core/crm.ts";

setDefaultTimeout(60_000);

// A backstop: how long many runs of a property take depends on the machine.
// deno-lint-ignore no-control-regex -- the characters that XML cannot hold
const notXml = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g;

type ScreenPop = Extract<CrmEvent, { name: "ScreenPop" }>;
const pop = (part: Partial<ScreenPop>): ScreenPop => ({
  name: "ScreenPop",
  call: "c1",
  ani: "4155550123",
  dnis: "1001",
  data: {},
  ...part,
});

const inside = (element: XmlElement): XmlElement[] =>
  element.children.flatMap((child) => child.type === "element" ? [child] : []);
/** The pairs of an event, read back from its XML. */
const pairs = (xml: string): [string, string][] =>
  inside(parse(xml).root).flatMap(inside).map(({ attributes }) => [attributes["name"] ?? "", attributes["value"] ?? ""]);
const pairsOf = (event: CrmEvent): [string, string][] => pairs(encodeEvent(event).xml);

describe("the body is", () => {
  test("for a ScreenPop: source id, ANI, DNIS, then the data in their order", () => {
    expect(encodeEvent(pop({ data: { language: "en", CustomerID: "7" } }))).toEqual({
      xml: '<CCTSDK><event name="ScreenPop"><data name="occtSourceID" value="c1"/><data name="occtANI" value="4155550123"/>' +
        '<data name="occtDNIS" value="1001"/><data name="language" value="en"/><data name="CustomerID" value="7"/></event></CCTSDK>',
      dropped: [],
    });
  });

  test.each(["CallEstablished", "CallReleased"] as const)("for a %s: the source id", (name) => {
    expect(encodeEvent({ name, call: "c1" })).toEqual({
      xml: `<CCTSDK><event name="${name}"><data name="occtSourceID" value="c1"/></event></CCTSDK>`,
      dropped: [],
    });
  });

  test("for success: an empty root with both tags", () => expect(encodeReply({ ok: true })).toBe("<CCTSDK></CCTSDK>"));

  test("for an error: the Error event, escaped", () => {
    expect(encodeReply({ ok: false, why: 'no "x" <&>\u0000' })).toBe(
      '<CCTSDK><event name="Error"><data name="occtErrorMsg" value="no &quot;x&quot; &lt;&amp;&gt;"/></event></CCTSDK>',
    );
  });
});

describe("a value of a ScreenPop", () => {
  test.each([
    ["of 50 characters", "x".repeat(50)],
    ["with all harmless characters", "aZ09 ._:/@+-"],
  ])("%s is sent", (_, value) => expect(pairsOf(pop({ data: { AccountNum: value } }))).toContainEqual(["AccountNum", value]));

  test.each([
    ["of 51 characters", "AccountNum", "x".repeat(51), "it has 51 characters: expected at most 50"],
    ["with a quote", "AccountNum", 'a"b', 'it is "a?b": expected only letters'],
    ["with an angle bracket", "AccountNum", "<b>", "expected only letters"],
    ["with an ampersand", "AccountNum", "a&b", "expected only letters"],
    ["with a newline inside", "AccountNum", "a\nb", 'it is "a?b"'],
    ["with a non-ASCII letter", "AccountNum", "Zoë", "expected only letters"],
    ["of an unknown class", "ScreenPopType", "LEAD", "expected SR, OPPORTUNITY, EVENT"],
    ["of a class in lower case", "occtClassification", "sr", "expected SR, OPPORTUNITY, EVENT"],
    ["with an invalid name", 'a"b', "1", "invalid name"],
    ["under a name of 51 characters", "x".repeat(51), "1", "invalid name"],
    ["with one of our names", "occtANI", "1", "already has a value with this name"],
  ])("%s is omitted and reported", (_, name, value, why) => {
    const { xml, dropped } = encodeEvent(pop({ data: { [name]: value, EventCode: "9" } }));
    expect(dropped).toEqual([{ name, why: expect.stringContaining(why) }]);
    expect(pairs(xml)).toEqual([["occtSourceID", "c1"], ["occtANI", "4155550123"], ["occtDNIS", "1001"], ["EventCode", "9"]]);
  });

  test.each(["", "  "])("that is empty (%p) is omitted silently", (value) => {
    const { xml, dropped } = encodeEvent(pop({ data: { EventCode: value } }));
    expect([pairs(xml).length, dropped]).toEqual([3, []]);
  });

  test.each(["SR", "OPPORTUNITY", "EVENT"])("naming the class %s is sent", (value) => {
    const data = { ScreenPopType: value, occtClassification: value };
    expect(pairsOf(pop({ data })).slice(3)).toEqual(Object.entries(data));
  });
});

describe("occtANI", () => {
  test.each([["", 0], ["1".repeat(40), 0], ["1".repeat(41), 1], ["anonymous", 1], ["+1415", 1]])("%p", (ani, drops) => {
    const { xml, dropped } = encodeEvent(pop({ ani }));
    expect(pairs(xml)[1]).toEqual(["occtANI", drops === 0 ? ani : ""]);
    expect(dropped.map(({ name }) => name)).toEqual(drops === 0 ? [] : ["occtANI"]);
  });
});

describe("occtDNIS", () => {
  test.each([["1".repeat(30), true, 0], ["1".repeat(31), false, 1], ["", false, 0], ["1<2", false, 1]])(
    "%p: sent %p",
    (dnis, sent, drops) => {
      const { xml, dropped } = encodeEvent(pop({ dnis }));
      expect(pairs(xml).some(([name]) => name === "occtDNIS")).toBe(sent);
      expect(dropped.length).toBe(drops);
    },
  );
});

describe("occtSourceID", () => {
  test("of 60 characters is sent unchanged", () => {
    const call = "a".repeat(60);
    expect(encodeEvent({ name: "CallReleased", call })).toMatchObject({ dropped: [], xml: expect.stringContaining(`"${call}"`) });
  });

  test.each(["CallEstablished", "CallReleased"] as const)(
    "too long or with odd characters is repaired identically in the ScreenPop and in %s",
    (name) => {
      const call = `"<${"a".repeat(70)}`;
      const { xml, dropped } = encodeEvent({ name, call });
      expect(pairs(xml)[0]).toEqual(["occtSourceID", `__${"a".repeat(58)}`]);
      expect(pairsOf(pop({ call })).slice(0, 1)).toEqual(pairs(xml));
      expect(dropped.length).toBe(1);
    },
  );
});

test("the pairs stay under 1,800 characters: the first that does not fit and all after it are omitted", () => {
  const data = Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`key${i}`, i === 39 ? "x" : "v".repeat(50)]));
  const { xml, dropped } = encodeEvent(pop({ data }));
  const length = pairs(xml).map(([name, value]) => `${name}="${value}" `).join("").length;
  expect(length).toBeLessThan(1800);
  expect(length).toBeGreaterThan(1700);
  expect(pairs(xml).length - 3 + dropped.length).toBe(40);
  expect(dropped.at(-1)).toEqual({
    name: "key39",
    why: `all values together are too long: expected at most ${maxLengths.pairs} characters`,
  });
});

describe("for any input from the switch,", () => {
  const text = fc.string({ unit: "binary", maxLength: 80 });
  const anyPop = fc.record({ call: text, ani: text, dnis: text, data: fc.dictionary(text, text) });

  test("the XML parses, its root is CCTSDK, and its values contain no special characters", () => {
    fc.assert(fc.property(anyPop, (part) => {
      const { xml } = encodeEvent(pop(part));
      expect(xml).toMatch(
        /^<CCTSDK><event name="ScreenPop">(<data name="\w+" value="[A-Za-z0-9 ._:\/@+-]*"\/>)+<\/event><\/CCTSDK>$/,
      );
      expect(pairs(xml).length).toBeGreaterThanOrEqual(2);
    }));
  });

  test("every value is sent (trimmed), reported, or empty", () => {
    fc.assert(fc.property(fc.dictionary(fc.stringMatching(/^[A-Z]{1,5}$/), text), (data) => {
      const { xml, dropped } = encodeEvent(pop({ data }));
      for (const [name, value] of Object.entries(data)) {
        const sent = pairs(xml).some((pair) => pair[0] === name && pair[1] === value.trim());
        expect(sent || value.trim() === "" || dropped.some((drop) => drop.name === name)).toBe(true);
      }
    }));
  });

  test("an error text survives a round trip, except for characters that XML does not allow", () => {
    fc.assert(fc.property(fc.string({ unit: "grapheme" }), (why) => {
      expect(pairs(encodeReply({ ok: false, why }))).toEqual([[
        "occtErrorMsg",
        why.replace(notXml, ""),
      ]]);
    }));
  });
});
