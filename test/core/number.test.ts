import { describe, expect, setDefaultTimeout, test } from "bun:test";
import fc from "fast-check";
import {
  aniSteps,
  type CallDirection,
  dialSteps,
  identify,
  isInternal,
  isSameNumber,
  maxAniDigits,
  type NumberPlan,
  type NumberRule,
  plainDialString,
  quoted,
  rewrite,
} from "../../src/core/number.ts";
import { readWritten } from "../../src/core/spelling.ts";
import { plan } from "../support/core/site.ts";

setDefaultTimeout(60_000);

// A backstop: how long many runs of a property take depends on the machine.
const rule = (match: RegExp, replace: string, direction: NumberRule["direction"] = "both"): NumberRule => ({
  match,
  replace,
  direction,
});
const planWith = (part: Partial<NumberPlan>): NumberPlan => ({ ...plan, toCrm: [], ...part });

test.each([
  ["+442079460000", "00442079460000", true],
  ["02079460000", "+442079460000", true],
  ["914155550123", "4155550123", true],
  ["4155550123", "4155550124", false],
  ["550123", "4155550123", false],
  ["5550123", "4155550123", true],
  ["00123456", "+123456", true],
  ["123-456", "123456", true],
])("%s and %s are the same number: %p", (a, b, same) => {
  expect([isSameNumber(a, b), isSameNumber(b, a)]).toEqual([same, same]);
});

describe("an identity of the switch", () => {
  test.each([
    ["4155550123", "4155550123"],
    ["+14155550123", "+14155550123"],
    ["+1 (415) 555-0123", "+14155550123"],
    ["415.555.0123", "4155550123"],
    ["415/5550123", "4155550123"],
    [" 1002 ", "1002"],
    ["0014155550123", "0014155550123"],
    ["+0049", "+0049"],
    ["7", "7"],
    ["+44 (0)20 7946 0000", "+442079460000"],
    ["tel:+1-201-555-0123", "+12015550123"],
    ["tel:+1-201-555-0123;ext=22", "+12015550123"],
    ["tel:7042;phone-context=example.com", "7042"],
    ["\u202a+14155550123\u202c", "+14155550123"],
    ["١٢٣", "123"],
    ["１２３４", "1234"],
  ])("%j is the number %s", (text, number) => expect(identify(text)).toEqual({ kind: "number", number }));

  test.each([
    "",
    "   ",
    "+",
    "-",
    "0",
    "0000000000",
    "+000",
    "00-00",
    "anonymous",
    "Anonymous",
    "ANONYMOUS",
    "anonymous@anonymous.invalid",
    "anon",
    "unknown",
    "unavailable",
    "restricted",
    "private",
    "Private number",
    "withheld",
    "blocked",
    "Not Available",
    "nocallerid",
    "No Caller ID",
    " unknown ",
    "\u200eanonymous",
    "Ａｎｏｎｙｍｏｕｓ",
    "\u202a\u202c",
    "tel:",
    "tel:anonymous",
  ])("%j is withheld", (text) => expect(identify(text)).toEqual({ kind: "withheld" }));

  test.each([
    "1002-0x55626db72f40",
    "alice",
    "sip:4155550123@example.com",
    "4155550123x12",
    "1-800-FLOWERS",
    "*98",
    "#31#4155550123",
    "1+2",
    "++1",
    "anonymously",
    "unknownperson",
    "Mr Private",
    "4155550123;ext=1",
    "4155550123²",
    "tel:1-800-FLOWERS",
    "4155550123\u0000",
    "<4155550123>",
  ])("%j is a name", (text) => expect(identify(text)).toEqual({ kind: "name" }));
});

describe("occtANI of a caller", () => {
  test.each([
    ["4155550123", "4155550123"],
    ["+14155550123", "14155550123"],
    ["1".repeat(40), "1".repeat(40)],
    ["0".repeat(39) + "1", "0".repeat(39) + "1"],
    ["914155550123", "914155550123"],
    ["1002", "1002"],
  ])("%s is %s", (text, ani) => expect(aniSteps(plan, text, "inbound").ani).toBe(ani));

  test.each(["anonymous", "0000", "", "1002-0x55626db72f40", "*98", "alice"])("%j is empty, by no rule", (text) => {
    expect(aniSteps(plan, text, "inbound")).toEqual({ identity: identify(text), ani: "" });
  });

  test("of 41 digits is empty, never cut, and says why", () => {
    expect(aniSteps(plan, "1".repeat(41), "inbound")).toMatchObject({
      ani: "",
      dropped: "it has 41 digits: the CRM takes at most 40",
    });
  });

  test("of which a rule leaves only zeros is empty and says why", () => {
    const zeros = planWith({ toCrm: [rule(/^555(0+)$/, "$1")] });
    expect(aniSteps(zeros, "5550000", "inbound")).toMatchObject({
      ani: "",
      dropped: "only zeros are left, which would match everybody",
    });
  });

  test("of which a rule leaves nothing is empty", () => {
    expect(aniSteps(planWith({ toCrm: [rule(/^555.*$/, "")] }), "5550123", "inbound").ani).toBe("");
  });

  test("is measured after the rules: a rule may shorten what is too long", () => {
    expect(aniSteps(planWith({ toCrm: [rule(/^1{40}(\d+)$/, "$1")] }), `${"1".repeat(40)}7`, "inbound").ani).toBe("7");
  });

  test("has only digits, whatever a rule inserts", () => {
    expect(aniSteps(planWith({ toCrm: [rule(/^(\d+)$/, "tel:$1;x")] }), "4155550123", "inbound").ani).toBe("4155550123");
  });

  test("is seen by the rules with its plus and without punctuation", () => {
    const seen = planWith({ toCrm: [rule(/^\+1(\d{10})$/, "$1")] });
    expect(aniSteps(seen, "+1 (415) 555-0123", "inbound")).toEqual({
      identity: { kind: "number", number: "+14155550123" },
      rule: 0,
      rewritten: "4155550123",
      ani: "4155550123",
    });
  });
});

describe("a caller's number that stands for no number", () => {
  const withheld = planWith({ withheld: [/^(?:\+|00)?1?(?:266696687|8656696)$/] });
  test.each(["266696687", "+266696687", "1266696687", "00266696687", "266-69-6687", "865 66 96"])(
    "%s: occtANI is empty",
    (text) => {
      expect(aniSteps(withheld, text, "inbound")).toMatchObject({ ani: "", identity: { kind: "withheld" } });
    },
  );
  test.each(["2666966870", "14155266696687", "86566960"])("%s is another number", (text) => {
    expect(aniSteps(withheld, text, "inbound").ani).toBe(text);
  });
  test("does not count as a name", () => {
    expect(aniSteps(planWith({ withheld: [/^/] }), "alice", "inbound").identity).toEqual({ kind: "name" });
  });
  test("is a number when the agent dials it", () => expect(aniSteps(withheld, "266696687", "outbound").ani).toBe("266696687"));
});

describe("numbers.fromIdentity", () => {
  const named = planWith({
    fromIdentity: [{ match: /^(?:Sales|Support) ?: ?/, replace: "" }, { match: /^\S+ - /, replace: "" }],
    withheld: [/^266696687$/],
  });
  test.each([
    ["Sales:14155550123", "14155550123", 0],
    ["\u200eSales: +1 (415) 555-0123", "14155550123", 0],
    [" Sales:14155550123 ", "14155550123", 0],
    ["Vip - 4155550123", "4155550123", 1],
    ["Sales:266696687", "", 0],
    ["Sales:anonymous", "", 0],
    ["Queue:14155550123", "", undefined],
  ])("%s is %s", (text, ani, rule) => {
    const steps = aniSteps(named, text, "inbound");
    expect([steps.ani, steps.fromIdentity?.rule]).toEqual([ani, rule]);
  });
  test("does not apply to dialled numbers", () => expect(aniSteps(named, "Sales:14155550123", "outbound").ani).toBe(""));
});

describe("of the rewrite rules", () => {
  const rules = [rule(/^9(\d+)$/, "$1", "outbound"), rule(/^00/, "+", "inbound"), rule(/^9/, "x"), rule(/^91/, "never")];
  const cases: [string, CallDirection, string, number | undefined][] = [
    ["914155550123", "outbound", "14155550123", 0],
    ["914155550123", "inbound", "x14155550123", 2],
    ["0049", "inbound", "+49", 1],
    ["0049", "outbound", "0049", undefined],
    ["4155550123", "inbound", "4155550123", undefined],
    ["4155550123", "outbound", "4155550123", undefined],
    ["99", "inbound", "x9", 2],
  ];
  test.each(cases)("%s %s becomes %s, by rule %p", (number, direction, becomes, place) => {
    expect(rewrite(rules, number, direction)).toEqual({ number: becomes, ...(place === undefined ? {} : { rule: place }) });
  });
});

describe("an internal number", () => {
  test.each(["12", "1002", "99999", "*98", "*", "#31#4155550123", "**1002", "+1002", "001002", "+001002", "+112"])(
    "is %s",
    (number) => {
      expect(isInternal(plan, number)).toBe(true);
    },
  );
  test.each(["1", "123456", "4155550123", "+123456", "00123456", "+4155550123", "", "1002*", "1002-0x55626db72f40"])(
    "is not %j",
    (number) => {
      expect(isInternal(plan, number)).toBe(false);
    },
  );
  test("is one that any of several patterns matches", () => {
    const two = planWith({ internal: [/^1\d{3}$/, /^2\d{3}$/] });
    expect(["1000", "2000", "3000"].map((number) => isInternal(two, number))).toEqual([true, true, false]);
  });
  test("is not a long one for whose digits without the plus there is a pattern: +41 is Switzerland, 415 San Francisco", () => {
    const own = planWith({ internal: [/^41555501\d\d$/] });
    expect(["4155550123", "+4155550123", "004155550123"].map((number) => isInternal(own, number))).toEqual([true, false, false]);
  });
  test("is not one of seven digits: +683 4000 is in Niue", () => {
    const seven = planWith({ internal: [/^\d{6,7}$/] });
    expect(["+683400", "6834000", "+6834000"].map((number) => isInternal(seven, number))).toEqual([true, true, false]);
  });
  test("is by the plan alone: +112 is not where 112 is not", () => {
    expect(isInternal(planWith({ internal: [/^1\d{3}$/] }), "+112")).toBe(false);
  });
});

test.each([
  ["1002", '"1002"'],
  ['a"b\u0000\n', '"a?b??"'],
  ["1001\u200e\u00a0", '"1001<U+200E><U+00A0>"'],
  ["\ud800", '"<U+D800>"'],
  ["x".repeat(40), `"${"x".repeat(40)}"`],
  ["x".repeat(41), `"${"x".repeat(40)}..."`],
])("%j is quoted as %s", (value, text) => expect(quoted(value)).toBe(text));

describe("whatever comes in", () => {
  const letters = fc.stringMatching(/[A-Za-z]/);
  const direction = fc.constantFrom<CallDirection>("inbound", "outbound");
  const rules = fc.array(
    fc.record({
      match: fc.constantFrom(/^9/, /^\+1?/, /\d{3}/, /^0+/, /./, /^$/, /(\d)(\d)/),
      replace: fc.oneof(fc.constantFrom("", "$1", "$2$1", "+", "00", "$&$&"), fc.string({ maxLength: 5 })),
      direction: fc.constantFrom<NumberRule["direction"]>("inbound", "outbound", "both"),
    }),
    { maxLength: 4 },
  );
  const text = fc.oneof(fc.string(), fc.string({ unit: "binary" }), fc.stringMatching(/^[+]?[0-9 ().\/*#-]{0,45}$/));

  test("occtANI is empty or 1 to 40 digits that are not all zeros", () => {
    fc.assert(fc.property(rules, text, direction, (toCrm, identity, way) => {
      const { ani } = aniSteps({ ...plan, toCrm }, identity, way);
      expect(ani === "" || (/^\d+$/.test(ani) && ani.length <= maxAniDigits && /[1-9]/.test(ani))).toBe(true);
    }));
  });

  test("words never become digits", () => {
    fc.assert(fc.property(rules, letters, direction, (toCrm, identity, way) => {
      expect(aniSteps({ ...plan, toCrm }, identity, way).ani).toBe("");
    }));
  });

  test("without rules occtANI is a run of the digits that came in", () => {
    fc.assert(fc.property(text, direction, (identity, way) => {
      const { ani } = aniSteps({ ...plan, toCrm: [] }, identity, way);
      const digits = readWritten(identity).number.replace(/\D/g, "");
      expect(ani === "" || ani === digits).toBe(true);
      expect(/\(\s*0\s*\)|^tel:|[^ -~]/i.test(identity) || digits === identity.replace(/\D/g, "")).toBe(true);
    }));
  });

  test("what is dialled has 1 to 32 of 0-9 * # + and nothing else", () => {
    fc.assert(fc.property(rules, text, (toDial, dialString) => {
      const steps = dialSteps({ ...plan, toDial }, dialString);
      expect(steps.ok ? /^[0-9*#+]{1,32}$/.test(steps.number) && !/\n/.test(steps.number) : steps.why !== "").toBe(true);
    }));
  });

  test("punctuation does not change a number", () => {
    fc.assert(fc.property(fc.stringMatching(/^\+?[1-9][0-9]{1,20}$/), fc.array(fc.nat(20)), (number, places) => {
      const written = places.reduce((so, at) => `${so.slice(0, at)} (-./)${so.slice(at)}`, number);
      expect(identify(written)).toEqual({ kind: "number", number });
      expect(plainDialString(written)).toBe(number);
    }));
  });

  test("at most one rule is applied, the first that matches", () => {
    fc.assert(fc.property(rules, fc.stringMatching(/^\+?\d{1,12}$/), direction, (list, number, way) => {
      const made = rewrite(list, number, way);
      const first = list.find((r) => (r.direction === "both" || r.direction === way) && r.match.test(number));
      expect(made.number).toBe(first ? number.replace(first.match, first.replace) : number);
      expect(made.rule).toBe(first ? list.indexOf(first) : undefined);
    }));
  });
});
