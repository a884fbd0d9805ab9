/** How facts of a channel are asked for in one request, and read from the answer. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import fc from "fast-check";
import {
  evaluation,
  evaluations,
  expressionsOf,
  isVariable,
  isWithheld,
  peerExpressionsOf,
  readingOf,
  readValues,
} from "../../../drivers/asterisk/reading.ts";
import { encoded } from "../../../drivers/asterisk/wire/rest.ts";

setDefaultTimeout(60_000);

/** What Asterisk's URIENCODE makes of a value (func_uri, with spaces as +). */
const uriEncoded = (value: string) => encodeURIComponent(value).replaceAll("%20", "+");

test("one text evaluates several expressions", () => {
  expect(evaluation(["CHANNEL(linkedid)", "BRIDGEPEER"])).toBe(
    "EVAL(${URIENCODE(${CHANNEL(linkedid)})}&${URIENCODE(${BRIDGEPEER})})",
  );
});

test("the default variables fit into one request, and hundreds into several, each short enough for Asterisk", () => {
  const names = Array.from({ length: 10 }, (_, index) => `variable${index}`);
  expect(evaluations(expressionsOf(names))).toHaveLength(1);
  const many = evaluations(expressionsOf(Array.from({ length: 300 }, (_, index) => `variable${index}`)));
  expect(many.length).toBeGreaterThan(1);
  for (const [text] of many) expect(encoded(text).length).toBeLessThan(4000);
  expect(many.flatMap(([, expressions]) => expressions)).toHaveLength(expressionsOf([]).length + 600);
});

test("values of any text come back unchanged", () => {
  fc.assert(fc.property(fc.array(fc.string({ unit: "grapheme" }), { minLength: 1 }), (values) => {
    const expressions = values.map((_, index) => `V${index}`);
    const answer = values.map(uriEncoded).join("&");
    expect([...readValues(answer, expressions)?.values() ?? []]).toEqual(values);
  }));
});

test("an answer with another number of values is not read", () => {
  expect(readValues("a&b", ["X"])).toBeUndefined();
  expect(readValues("%zz", ["X"])?.get("X")).toBe("%zz");
});

test("a variable is read on the phone's channel, else on the channel that has begun the call", () => {
  const values = (entries: Record<string, string>) => readingOf(new Map(Object.entries(entries)), ["A", "B"]).data;
  expect(values({ A: "1", "MASTER_CHANNEL(A)": "2", "MASTER_CHANNEL(B)": "3" })).toEqual({ A: "1", B: "3" });
  expect(values({})).toEqual({});
});

describe("variables:", () => {
  test.each(["CustomerID", "PJSIP_HEADER(read,X-Customer)", "a.b-c"])("%s can be read", (name) => {
    expect(isVariable(name)).toBe(true);
  });
  test.each(["", "${SHELL(id)}", "a}b", "SHELL(a)b", "x&y", "a\n"])("%j is not asked for", (name) => {
    expect(isVariable(name)).toBe(false);
    expect(expressionsOf([name])).toHaveLength(expressionsOf([]).length);
  });
});

test.each([
  ["prohib_not_screened", "", true],
  ["prohib", "", true],
  ["allowed_not_screened", "", false],
  ["unavailable", "", false],
  ["allowed", "Anonymous", true],
  ["allowed", "Ann Example", false],
])("presentation %p and name %p: withheld %p", (presentation, name, withheld) => {
  expect(isWithheld(presentation, name)).toBe(withheld);
});

describe("the channel that it is connected with", () => {
  test.each([["", 0], ["PJSIP/trunk-00000006", 6], ["A,B", 0], ["x}${SHELL(id)}", 0]])(
    "%j: %p further expressions",
    (peer, count) => {
      expect(peerExpressionsOf(new Map([["BRIDGEPEER", peer]]))).toHaveLength(count);
    },
  );

  test("has its facts in the reading", () => {
    const own = new Map([["BRIDGEPEER", "PJSIP/trunk-00000006"]]);
    const peer = new Map([["IMPORT(PJSIP/trunk-00000006,CALLERID(num))", "14155550123"]]);
    expect(readingOf(own, [], peer)).toMatchObject({ bridgePeer: "PJSIP/trunk-00000006", peerNumber: "14155550123", peerId: "" });
  });
});
