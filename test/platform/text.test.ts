/** Foreign text on one line, and the message of a thrown value. */
import { expect, test } from "bun:test";
import { messageOf, oneLine } from "../../src/platform/text.ts";

test.each([
  ["plain text", "plain text"],
  ["a\r\nb", "a b"],
  ["a\x1b[31mred\x1b[0m", "a [31mred [0m"],
  ["\0\x7f\x85\x9f", " "],
  ["a\u2028b\u2029c", "a b c"],
  ["a\u202eb\u200bc\ud800", "a b c "],
  ["Zürich 東京", "Zürich 東京"],
])("%j on one line is %j", (text, shown) => expect(oneLine(text)).toBe(shown));

test.each<[string, unknown, string]>([
  ["an Error", new TypeError("no such file"), "no such file"],
  ["a text", "no such file", "no such file"],
  ["nothing", undefined, "undefined"],
])("the message of %s", (_, thrown, message) => expect(messageOf(thrown)).toBe(message));
