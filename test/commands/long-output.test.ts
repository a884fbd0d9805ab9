/** The output of a command arrives complete, however long it is and however slowly it is read. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

setDefaultTimeout(60_000);

const main = join(import.meta.dir, "../../src/main.ts");

/** Runs `telesetd dials` against a daemon with this number of dials. */
function dials(count: number, ...options: string[]) {
  const folder = mkdtempSync(join(tmpdir(), "telesetd-long-"));
  const rows = Array.from({ length: count }, (_, n) => ({
    id: `d${n}`,
    at: n,
    desk: "1001",
    agent: "7",
    from: "10.0.0.7",
    dialString: "14155550123",
    outcome: "answered",
  }));
  const socket = join(folder, "admin.sock");
  const daemon = Bun.serve({ unix: socket, fetch: ({ url }) => Response.json(new URL(url).pathname === "/dials" ? rows : {}) });
  const child = Bun.spawn([process.execPath, main, "dials", "--socket", socket, ...options], {
    stdout: "pipe",
    stderr: "inherit",
  });
  const over = child.exited.finally(() => {
    daemon.stop(true);
    rmSync(folder, { recursive: true, force: true });
  });
  return { stdout: child.stdout, over };
}

test("10,000 dials, with a slow reader", async () => {
  const { stdout, over } = dials(10_000);
  let text = "";
  const decoder = new TextDecoder();
  for await (const part of stdout) {
    text += decoder.decode(part, { stream: true });
    await new Promise((later) => setImmediate(later));
  }
  expect(await over).toBe(0);
  const lines = text.split("\n");
  expect(lines).toHaveLength(10_002);
  expect(lines.slice(-2)).toEqual(["10,000 dials.", ""]);
});

test("10,000 dials as JSON", async () => {
  const { stdout, over } = dials(10_000, "--json");
  expect((JSON.parse(await new Response(stdout).text()) as unknown[]).length).toBe(10_000);
  expect(await over).toBe(0);
});

test("the command ends when its reader goes away", async () => {
  const { stdout, over } = dials(10_000);
  const reader = stdout.getReader();
  await reader.read();
  await reader.cancel();
  expect(await over).toBe(1);
});
