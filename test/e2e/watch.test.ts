/** `telesetd watch` on a real terminal and on a pipe, with the compiled binary. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { binary, type Box, noBinary } from "../support/daemon/box.ts";
import { onStage } from "../support/daemon/stage.ts";
import { ownFolder } from "../support/folder.ts";
import { until } from "../support/until.ts";

setDefaultTimeout(120_000);

const folder = ownFolder();
const customer = "14155550123";

/** `telesetd watch` on a terminal, in a shell that prints the exit code and the terminal's settings afterwards. */
function onPty(box: Box, cols = 160, rows = 40) {
  let text = "";
  const script = `"$0" watch --config "$1"; echo "code $?"; stty -a`;
  const child = Bun.spawn(["sh", "-c", script, binary, box.config], {
    env: { ...process.env, TERM: "xterm-256color" },
    terminal: { cols, rows, data: (_, bytes) => void (text += new TextDecoder().decode(bytes)) },
  });
  return {
    child,
    written: () => text,
    /** Waits until the terminal has got a text since a position. @returns the position after it. */
    gets: (wanted: string, from = 0) =>
      until(() => `the terminal does not show "${wanted}": ${JSON.stringify(text.slice(from))}`, () => {
        const at = text.indexOf(wanted, from);
        return at >= 0 && at + wanted.length;
      }),
    type: (keys: string) => child.terminal?.write(keys),
    resize: (cols: number, rows: number) => child.terminal?.resize(cols, rows),
  };
}

const restored = "\x1b[?7h\x1b[?25h\x1b[?1049l";

describe.skipIf(noBinary !== "")(`telesetd watch${noBinary}`, () => {
  test("on a terminal: a call appears, changes and ends, drawn in place; q restores the terminal", () =>
    onStage({ folder }, async ({ sim, box }) => {
      const { gets, type, child, written } = onPty(box);
      await gets("Everything works");
      expect(written()).toStartWith("\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[2J");
      const before = written().length;
      const call = await sim.inbound({ from: customer, to: "1001" });
      let at = await gets("...0123", before);
      await gets("sent: ScreenPop", before);
      await call.answer();
      at = await gets("answered", at);
      await call.callerHangsUp();
      await gets("delivered: ScreenPop, CallEstablished, CallReleased", at);
      // Nothing is cleared after the first frame, and unchanged lines are not written again.
      expect(written().slice(before)).not.toContain("\x1b[2J");
      expect(written().slice(before)).not.toContain("Connected.");
      expect(written()).not.toContain(customer);
      type("q");
      await child.exited;
      const end = written().slice(written().lastIndexOf(restored));
      expect(end).toMatch(/^\S+code 0\r\n/);
      expect(end).toMatch(/(?<!-)\becho\b/);
      expect(end).toMatch(/(?<!-)\bicanon\b/);
    }));

  test("Ctrl-C ends it and restores the terminal; so does SIGTERM", () =>
    onStage({ folder }, async ({ box }) => {
      const first = onPty(box);
      await first.gets("Everything works");
      first.type("\x03");
      await first.child.exited;
      expect(first.written()).toContain(`${restored}code 0`);
      const second = onPty(box);
      await second.gets("Everything works");
      const found = Bun.spawnSync(["pgrep", "-P", String(second.child.pid)]).stdout.toString().trim();
      process.kill(Number(found.split("\n")[0]), "SIGTERM");
      await second.child.exited;
      expect(second.written()).toContain(`${restored}code 0`);
    }));

  test("the width of the terminal is used, also after a resize", () =>
    onStage({ folder }, async ({ box }) => {
      const { gets, type, child, resize, written } = onPty(box, 100, 40);
      await gets("agent-1001 is registered");
      const at = written().length;
      resize(24, 8);
      await gets("\x1b[2J", at);
      await gets("more lines", at);
      // deno-lint-ignore no-control-regex -- the frame is made of them
      const rows = written().slice(at).split(/\x1b\[\d+;1H/).map((row) => row.replace(/\x1b\[[\d;?]*[a-zA-Z]/g, ""));
      for (const row of rows) expect(Bun.stringWidth(row)).toBeLessThanOrEqual(24);
      type("q");
      await child.exited;
    }));

  test("a killed daemon is reported, and connected to again", () =>
    onStage({ folder }, async ({ box }) => {
      const { gets, type, child, written } = onPty(box, 160);
      await gets("Everything works");
      await box.kill();
      const at = await gets("telesetd is not running: the daemon of");
      expect(written()).toContain("Not connected");
      await box.start();
      await gets("✓ Everything works", at);
      type("q");
      await child.exited;
      expect(written()).toContain("code 0");
    }));

  test("on a pipe: a line for each change, also when the daemon is killed and returns; numbers if they are asked for", () =>
    onStage({ folder }, async ({ sim, box }) => {
      const child = Bun.spawn([binary, "watch", "--with-numbers", "--config", box.config], { stdin: "ignore", stdout: "pipe" });
      let text = "";
      void (async () => {
        for await (const part of child.stdout) text += new TextDecoder().decode(part);
      })();
      const prints = (line: string) => until(() => `"${line}" is not printed: ${text}`, () => text.includes(line));
      await prints("desk 1001, Switch: Connected.");
      const call = await sim.inbound({ from: customer, to: "1001" });
      await prints(`desk 1001, inbound call ${customer}: ringing; sent: ScreenPop\n`);
      await call.answer();
      await prints(`desk 1001, inbound call ${customer}: answered; sent: ScreenPop, CallEstablished\n`);
      await call.callerHangsUp();
      await prints(`desk 1001, inbound call ${customer}: ended, answered`);
      await sim.phones.unregister("1001");
      await prints("desk 1001, Phone: Phone 1001 is not registered");
      await box.kill();
      await prints("telesetd is not running: the daemon of");
      await box.start();
      await prints("Connected to telesetd again.");
      // deno-lint-ignore no-control-regex -- there must be none
      expect(text).not.toMatch(/\x1b/);
      const lines = text.split("\n");
      expect(lines.filter((line) => line.includes("ringing"))).toHaveLength(1);
      child.kill("SIGINT");
      expect(await child.exited).toBe(0);
    }));

  test("without a daemon it fails, with the reason", () => {
    const child = Bun.spawnSync([binary, "watch", "--socket", `${folder}/none.sock`]);
    expect([child.exitCode, child.stderr.toString()]).toEqual([
      1,
      expect.stringContaining("telesetd is not running: there is no socket"),
    ]);
  });
});
