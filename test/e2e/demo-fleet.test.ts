/** `telesetd demo --fleet`: processes of telesetd and a real nats-server, some of which are killed. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { noNats } from "../support/nats.ts";
import { run } from "../support/run.ts";

setDefaultTimeout(120_000);

const root = join(import.meta.dir, "../..");

test.skipIf(noNats !== "")(`the demo of a fleet goes as expected${noNats}`, async () => {
  const { out, err, code } = await run([join(root, "node_modules/.bin/bun"), join(root, "src/main.ts"), "demo", "--fleet"]);
  expect({ code, err, out }).toEqual({ code: 0, err: "", out: expect.stringContaining("\n== All as expected, in ") });
  // What the thief may not do is refused by the server itself.
  expect(out).toContain('Permissions Violation for Publish to "tele.ask.1001.dial"');
  expect(out).toContain("1003 is shut out.");
});
