/** The output of a command arrives complete, however long it is and however slowly it is read. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
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
  const daemon = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => Response.json(rows) });
  const config = join(folder, "config.json");
  writeFileSync(
    config,
    JSON.stringify({
      desks: [{ extension: "1001" }],
      line: { driver: "freeswitch", host: "127.0.0.1", password: "x", domain: "127.0.0.1" },
      http: { host: "127.0.0.1", port: daemon.port },
    }),
  );
  const child = Bun.spawn([process.execPath, main, "dials", "--config", config, ...options], {
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
