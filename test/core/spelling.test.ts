/** How a number may be written: exactly what does not count is ignored. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import fc from "fast-check";
import { oddCharacter, readWritten } from "../../src/core/spelling.ts";

setDefaultTimeout(60_000);

// A backstop: how long many runs of a property take depends on the machine.
const numberOf = (text: string) => readWritten(text).number;

describe("of invisible and meaningless characters", () => {
  const marks =
    "00ad 034f 061c 180e 200b 200c 200d 200e 200f 202a 202b 202c 202d 202e 2060 2061 2066 2067 2068 2069 fe0f feff e0001";
  test.each(marks.split(" "))("U+%s is ignored", (code) => {
    const mark = String.fromCodePoint(parseInt(code, 16));
    expect(numberOf(`${mark}+1415${mark}5550123${mark}`)).toBe("+14155550123");
  });

  test.each("00a0 1680 2000 2003 2007 2009 200a 202f 205f 3000 0009".split(" "))("U+%s is a space", (code) => {
    const space = String.fromCodePoint(parseInt(code, 16));
    expect(numberOf(`${space}415${space}5550123`)).toBe("4155550123");
  });

  test.each("002d 058a 05be 2010 2011 2012 2013 2014 2015 2043 2212 2e3a 301c 30fc fe31 fe58 fe63 ff0d".split(" "))(
    "U+%s is a dash",
    (code) => expect(numberOf(`415${String.fromCodePoint(parseInt(code, 16))}5550123`)).toBe("4155550123"),
  );

  test.each([
    ["＋１（４１５）５５５－０１２３", "+14155550123"],
    ["﹢1﹙415﹚5550123", "+14155550123"],
    ["＊98＃", "*98#"],
    ["٤١٥٥٥٥٠١٢٣", "4155550123"],
    ["۴۱۵۵۵۵۰۱۲۳", "4155550123"],
    ["४१५५५५०१२३", "4155550123"],
    ["415·555•0123", "4155550123"],
    ["[415] 555-0123", "4155550123"],
    ["［４１５］555-0123", "4155550123"],
  ])("%s is %s", (text, number) => expect(numberOf(text)).toBe(number));

  test("a footnote is not a digit", () => expect(numberOf("4155550123¹")).toBe("4155550123¹"));
});

describe("the zero in brackets after a country code", () => {
  test.each([
    ["+44 (0)20 7946 0000", "+442079460000"],
    ["+44(0)2079460000", "+442079460000"],
    ["+44-(0)-20-7946-0000", "+442079460000"],
    ["+44 ( 0 ) 20 7946 0000", "+442079460000"],
    ["+ 44 (0) 20 7946 0000", "+442079460000"],
    ["(+44) (0)20 7946 0000", "+442079460000"],
    ["+(44)(0)20 7946 0000", "+442079460000"],
    ["0044 (0)20 7946 0000", "00442079460000"],
    ["00 44 (0) 20 7946 0000", "00442079460000"],
    ["011 44 (0)20 7946 0000", "011442079460000"],
    ["+49 (0) 30 123456", "+4930123456"],
    ["+49\u00a0(0)\u202f30\u2011123456", "+4930123456"],
    ["＋４４（０）２０７９４６００００", "+442079460000"],
    ["+353 (0)1 234 5678", "+35312345678"],
    ["tel:+44-(0)20-7946-0000", "+442079460000"],
    ["+44 [0]20 7946 0000", "+442079460000"],
    ["9 +44 (0)20 7946 0000", "9+442079460000"],
    ["9 011 44 (0)20 7946 0000", "9011442079460000"],
    ["0 0049 (0)30 123456", "0004930123456"],
    ["00+44 (0)20 7946 0000", "00+442079460000"],
  ])("goes: %s is %s", (text, number) => expect(numberOf(text)).toBe(number));

  test.each([
    ["(0)20 7946 0000", "02079460000"],
    ["(020) 7946 0000", "02079460000"],
    ["9 (0)20 7946 0000", "902079460000"],
    ["+44 (020) 7946 0000", "+4402079460000"],
    ["+1 415 (0) 123", "+14150123"],
    ["+39 (0)6 698", "+3906698"],
    ["+378 (0)549 88", "+378054988"],
    ["+390 (0)6", "+3906"],
    ["x+44 (0)20", "x+44020"],
  ])("stays where it is dialled: %s is %s", (text, number) => expect(numberOf(text)).toBe(number));
});

describe("a tel: URI (RFC 3966)", () => {
  test.each<[string, string, string[]]>([
    ["tel:+1-201-555-0123", "+12015550123", []],
    ["TEL:+1.201.555.0123", "+12015550123", []],
    ["tel:(201)555-0123", "2015550123", []],
    ["tel:%2B1-201-555-0123", "+12015550123", []],
    ["tel:+1%20201%20555%200123", "+12015550123", []],
    ["tel://+12015550123", "+12015550123", []],
    [" tel: +1 201 555 0123 ", "+12015550123", []],
    ["\u202atel:+12015550123\u202c", "+12015550123", []],
    ["tel:*98", "*98", []],
    ["tel:+12015550123;ext=22", "+12015550123", ["ext=22"]],
    ["tel:+12015550123;EXT=22;isub=1", "+12015550123", ["EXT=22", "isub=1"]],
    ["tel:863-1234;phone-context=+1-914-555", "8631234", ["phone-context=+1-914-555"]],
    ["tel:+12015550123;npdi;verstat=TN-Validation-Passed", "+12015550123", []],
    ["tel:+12015550123; ext =22", "+12015550123", ["ext =22"]],
    ["tel:+12015550123;ext", "+12015550123", ["ext"]],
    ["tel:+12015550123;my-ext=22;next=3", "+12015550123", []],
    ["tel:+12015550123;extra=3", "+12015550123", []],
    ["hotel:123", "hotel:123", []],
    ["tel:100%zz", "100%zz", []],
  ])("%s", (text, number, parameters) => expect(readWritten(text)).toEqual({ number, parameters }));
});

test.each([
  ["123", undefined],
  ["12x3", "x (U+0078)"],
  ["12\u0000", "U+0000"],
  ["12\u{1f600}", "\u{1f600} (U+1F600)"],
  ["12\u3164", "\u3164 (U+3164)"],
])("the odd character of %j is %s", (text, odd) => expect(oddCharacter(text, /\d/)).toBe(odd));

test("whatever is written, reading it twice is reading it once", () => {
  fc.assert(
    fc.property(fc.stringMatching(/^[+]?[0-9 ().\/*#x-]{0,30}$/), (text) => {
      const { number } = readWritten(text);
      expect(readWritten(number).number).toBe(number);
    }),
  );
});
