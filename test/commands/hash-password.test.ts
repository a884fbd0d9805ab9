/** `telesetd hash-password` on a terminal, key by key. With a pipe: test/e2e/dial.test.ts. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";

setDefaultTimeout(60_000);

const main = join(import.meta.dir, "../../src/main.ts");
/** Types keys after the prompt; returns the terminal's output and its settings afterwards. */
async function typed(keys: readonly string[]): Promise<{ shown: string; hash: string; code: string; settings: string }> {
  let text = "";
  const asked = Promise.withResolvers<void>();
  const script = `"$0" "$1" hash-password; echo "code $?"; stty -a`;
  const child = Bun.spawn(["sh", "-c", script, process.execPath, main], {
    terminal: {
      cols: 400,
      rows: 24,
      data: (_, bytes) => {
        text += new TextDecoder().decode(bytes);
        if (text.includes("Password")) asked.resolve();
      },
    },
  });
  await asked.promise;
  for (const key of keys) child.terminal?.write(key);
  await child.exited;
  const [, shown = "", code = "", settings = ""] = /^([^]*)code (\d+)\r\n([^]*)$/.exec(text) ?? [];
  return { shown, hash: /\$argon2id\S+/.exec(shown)?.[0] ?? "", code, settings };
}

const question = "Password (not shown): \r\n";

describe.concurrent("on a terminal:", () => {
  test.each([
    ["a line", ["open sesame\r"], "open sesame"],
    ["keys one by one", [..."open sesame", "\r"], "open sesame"],
    ["a corrected key", ["open sesamx\x7fe\r"], "open sesame"],
    ["a restart with Ctrl-U", ["closed\x15open sesame\r"], "open sesame"],
    ["arrows between", ["open\x1b[D sesame\r"], "open sesame"],
    ["spaces around it, which are kept", [" open sesame \r"], " open sesame "],
    ["letters beyond ASCII", ["öffne dich\r"], "öffne dich"],
  ])("%s: not shown, and hashed", async (_, keys, password) => {
    const { shown, hash, code, settings } = await typed(keys);
    expect([shown, code]).toEqual([`${question}${hash}\r\n`, "0"]);
    expect(await Bun.password.verify(password, hash)).toBe(true);
    expect(settings).toMatch(/(?<!-)\becho\b/);
  });

  test.each([["Ctrl-C", "open\x03"], ["Ctrl-D on an empty line", "\x04"]])(
    "%s ends it with 1 and restores the terminal",
    async (_, keys) => {
      const { shown, code, settings } = await typed([keys]);
      expect([shown, code]).toEqual([`${question}Interrupted: nothing was hashed\r\n`, "1"]);
      expect(settings).toMatch(/(?<!-)\becho\b/);
      expect(settings).toMatch(/(?<!-)\bicanon\b/);
    },
  );

  test("an empty line is refused with 2", async () => {
    const { shown, code } = await typed(["\r"]);
    expect([shown, code]).toEqual([`${question}The password is empty: type or pipe one\r\n`, "2"]);
  });
});
