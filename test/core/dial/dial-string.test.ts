/** What MakeCall dials for a dial string, and what it refuses. */
import { describe, expect, test } from "bun:test";
import { dialSteps, type NumberPlan, type NumberRule } from "../../../src/core/number.ts";
import { plan } from "../../support/core/site.ts";

const rule = (match: RegExp, replace: string, direction: NumberRule["direction"] = "both"): NumberRule => ({
  match,
  replace,
  direction,
});
const planWith = (part: Partial<NumberPlan>): NumberPlan => ({ ...plan, toCrm: [], ...part });

describe("MakeCall dials", () => {
  test.each([
    ["4155550123", "4155550123"],
    ["+1 (415) 555-0123", "+14155550123"],
    ["9 1 415.555.0123", "914155550123"],
    ["*98", "*98"],
    ["9+44 20 7946 0000", "9+442079460000"],
    ["#31#4155550123", "#31#4155550123"],
    ["1".repeat(32), "1".repeat(32)],
  ])("%j as %s", (text, number) => expect(dialSteps(plan, text)).toMatchObject({ ok: true, number }));

  test("the result of the first rule that matches", () => {
    const rules = planWith({ toDial: [rule(/^\+1/, "91"), rule(/^\+/, "9011"), rule(/^9/, "never", "inbound")] });
    expect(dialSteps(rules, "+1 415 555 0123")).toEqual({
      plain: "+14155550123",
      ok: true,
      number: "914155550123",
      emergency: false,
      rule: 0,
    });
    expect(dialSteps(rules, "+49 30 123")).toEqual({
      plain: "+4930123",
      ok: true,
      number: "90114930123",
      emergency: false,
      rule: 1,
    });
    expect(dialSteps(rules, "914155550123")).toEqual({
      plain: "914155550123",
      ok: true,
      number: "914155550123",
      emergency: false,
    });
  });

  test("the rest after a rule has cut a part", () => {
    const cut = planWith({ toDial: [rule(/^(\+?\d+)x\d+$/, "$1"), rule(/;ext=\d+$/, "")] });
    expect(dialSteps(cut, "+1(415)555-0123x5")).toMatchObject({ ok: true, number: "+14155550123" });
    expect(dialSteps(cut, "tel:+1-415-555-0123;ext=5")).toMatchObject({ ok: true, number: "+14155550123" });
  });

  test("by a rule for outbound calls, too", () => {
    expect(dialSteps(planWith({ toDial: [rule(/^0/, "9", "outbound")] }), "0112233")).toMatchObject({ number: "9112233" });
  });

  test("a name that a rule turns into a number", () => {
    expect(dialSteps(planWith({ toDial: [rule(/^FRONTDESK$/, "1000")] }), "FRONT DESK")).toMatchObject({
      ok: true,
      number: "1000",
    });
  });
});

describe("MakeCall refuses", () => {
  test.each([
    "",
    " ",
    "-",
    "mum",
    "1002;x",
    "1002,1",
    "1002\r\napi shutdown",
    "1002@example.com",
    "1".repeat(33),
    "+",
    "${x}",
    "1002&",
  ])("%j: no number", (text) => {
    expect(dialSteps(plan, text)).toMatchObject({
      ok: false,
      why: expect.stringMatching(/Expected 1 to 32 of |cannot be dialled/),
    });
  });

  const rest = "Expected 1 to 32 of 0-9 * # + (spaces, brackets, hyphens, dots and slashes are ignored)";
  test.each([
    [
      "1-800-FLOWERS",
      `Cannot dial "1-800-FLOWERS": F (U+0046) is not dialable. ${rest}; a rule of numbers.toDial can remove the rest.`,
    ],
    ["1OO2", `Cannot dial "1OO2": O (U+004F) is not dialable. ${rest}; a rule of numbers.toDial can remove the rest.`],
    [
      "1\u041e02",
      `Cannot dial "1\u041e02": \u041e (U+041E) is not dialable. ${rest}; a rule of numbers.toDial can remove the rest.`,
    ],
    ["4155550123²", `Cannot dial "4155550123²": U+00B2 is not dialable. ${rest}; a rule of numbers.toDial can remove the rest.`],
    [
      "415\u28005550123",
      `Cannot dial "415\u28005550123": \u2800 (U+2800) is not dialable. ${rest}; a rule of numbers.toDial can remove the rest.`,
    ],
    ["(-)", `Cannot dial "(-)": it has no digits. ${rest}.`],
    ["1".repeat(33), `Cannot dial "${"1".repeat(33)}": it has 33 digits. ${rest}.`],
    ["sip:1002@example.com", `Cannot dial "sip:1002@example.com": a sip: address is not a number. ${rest}, or a tel: URI.`],
    ["http://example.com", `Cannot dial "http://example.com": a http: address is not a number. ${rest}, or a tel: URI.`],
    ["HTTPS:1002", `Cannot dial "HTTPS:1002": a https: address is not a number. ${rest}, or a tel: URI.`],
    [
      "tel:+1-201-555-0123;ext=22",
      'Cannot dial "tel:+1-201-555-0123;ext=22": its ;ext cannot be dialled. Dial the number without it, and the rest by hand.',
    ],
    [
      "tel:7042;phone-context=example.com",
      'Cannot dial "tel:7042;phone-context=example.com": its ;phone-context cannot be dialled. Dial the number without it, and the rest by hand.',
    ],
    ["3210555514+", 'Cannot dial "3210555514+": a + is allowed only once, directly before a digit.'],
    ["\u202e3210555514+", 'Cannot dial "<U+202E>3210555514+": a + is allowed only once, directly before a digit.'],
    ["++1415", 'Cannot dial "++1415": a + is allowed only once, directly before a digit.'],
    ["+1+415", 'Cannot dial "+1+415": a + is allowed only once, directly before a digit.'],
    ["+*98", 'Cannot dial "+*98": a + is allowed only once, directly before a digit.'],
    [
      "tel:+1-201;isub=7",
      'Cannot dial "tel:+1-201;isub=7": its ;isub cannot be dialled. Dial the number without it, and the rest by hand.',
    ],
  ])("%j, and says why", (text, why) => expect(dialSteps(plan, text)).toMatchObject({ ok: false, why }));

  test("the undialable result of a rule, and names the rule", () => {
    expect(dialSteps(planWith({ toDial: [rule(/^9.*$/, "")] }), "9123")).toMatchObject({
      why: `Cannot dial "9123": it has no digits (as numbers.toDial[0] has rewritten it). ${rest}.`,
    });
  });

  test.each([
    ["^1900", "1 (900) 555-0123", "as it is written"],
    ["^91900", "1 (900) 555-0123", "as it is dialled"],
  ])("by numbers.deny %s: %s, %s", (deny, text) => {
    const denying = planWith({ toDial: [rule(/^1/, "91")], deny: [/^nothing$/, new RegExp(deny)] });
    expect(dialSteps(denying, text)).toMatchObject({ ok: false, why: expect.stringContaining("does not allow this number") });
  });

  test("numbers that numbers.allow does not match, and no others", () => {
    const allowing = planWith({ allow: [/^1415/, /^1002$/] });
    expect(["14155550123", "1002", "14085550123"].map((text) => dialSteps(allowing, text).ok)).toEqual([true, true, false]);
  });

  test.each([/^1415/, /^91415/])("no number that numbers.allow %s matches as written or as dialled", (allow) => {
    const allowing = planWith({ toDial: [rule(/^1/, "91")], allow: [allow] });
    expect(dialSteps(allowing, "14155550123")).toMatchObject({ ok: true, number: "914155550123" });
  });

  test("a denied number, even if it is allowed", () => {
    expect(dialSteps(planWith({ allow: [/./], deny: [/^1900/] }), "19005550123").ok).toBe(false);
  });
});

describe("an emergency number", () => {
  const strict = planWith({ emergency: [/^9?112$/], deny: [/^1/, /^9/], allow: [/^4/] });
  test.each(["112", "9 112", "1-1-2"])("%s is dialled, whatever is denied or not allowed", (text) => {
    expect(dialSteps(strict, text)).toMatchObject({ ok: true, emergency: true });
  });
  test("is recognised in its dialled form, too", () => {
    const rules = planWith({ ...strict, toDial: [rule(/^0112$/, "112")] });
    expect(dialSteps(rules, "0112")).toMatchObject({ ok: true, number: "112", emergency: true });
  });
  test("is not a longer number that starts with it", () => expect(dialSteps(strict, "1120").ok).toBe(false));
});
