/** The questions on a terminal, key by key. */
import { expect, test } from "bun:test";
import { Interrupted, Terminal } from "../../../src/commands/setup/terminal.ts";

/** A terminal where these keys are typed; what it shows, and its raw modes. */
function terminal(...struck: readonly (string | Uint8Array)[]): { asker: Terminal; shown: () => string; modes: boolean[] } {
  let shown = "";
  const modes: boolean[] = [];
  const keys = {
    async *[Symbol.asyncIterator]() {
      for (const part of struck) yield await Promise.resolve(part);
    },
    setRawMode: (raw: boolean) => modes.push(raw),
  };
  return { asker: new Terminal(keys, (text) => void (shown += text)), shown: () => shown, modes };
}

test.each([
  ["a line", ["1001\r"], "1001", "? 1001\n"],
  ["keys one by one", ["1", "0", "\n"], "10", "? 10\n"],
  ["backspace, also at the beginning", ["\x7f12\x7f\b3\r"], "3", "? 12\b \b\b \b3\n"],
  ["Ctrl-U deletes the line", ["abc\x15d\r"], "d", "? abc\b \b\b \b\b \bd\n"],
  ["arrow keys and the like are ignored", ["a\x1b[Db\x1b[3~c\x1bOP\r"], "abc", "? abc\n"],
  ["a letter in two parts", [new Uint8Array([0xc3]), new Uint8Array([0xa9]), "\r"], "é", "? é\n"],
  ["tabs and other control keys are ignored", ["a\tb\x01\r"], "ab", "? ab\n"],
])("%s", async (_, keys, line, shown) => {
  const typed = terminal(...keys);
  expect(await typed.asker.ask("? ")).toBe(line);
  expect(typed.shown()).toBe(shown);
});

test("a password is not shown, not even one that was typed ahead", async () => {
  const { asker, shown } = terminal("first\rs3cret\rlast\r");
  expect([await asker.ask("a: "), await asker.ask("b: ", { hidden: true }), await asker.ask("c: ")]).toEqual([
    "first",
    "s3cret",
    "last",
  ]);
  expect(shown()).toBe("a: first\nb: \nc: last\n");
});

test.each([["Ctrl-C", "ab\x03"], ["Ctrl-D on an empty line", "\x04"], ["the end of the input", "ab"]])(
  "%s interrupts",
  async (_, keys) => {
    const { asker, modes } = terminal(keys);
    const asked = asker.ask("? ").then(() => undefined, (error: unknown) => error);
    expect(await asked).toBeInstanceOf(Interrupted);
    asker.close();
    expect(modes).toEqual([true, false]);
  },
);
