/** `telesetd image health`: waits for the judgement, and keeps the reason of a failure. */
import { afterAll, describe, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { addressIn, health, serviceFactsIn, troubleAt } from "../../../src/commands/image/health.ts";
import type { DaemonFacts } from "../../../src/image/health.ts";
import { ownFolder } from "../../support/folder.ts";
import { collectingIo, imageRoot } from "../../support/image/root.ts";

const folder = ownFolder();

/** Runs the command on a machine whose facts follow from its time, which passes only in pauses. */
async function judged(
  factsAt: (now: number) => DaemonFacts,
  minutes = "5",
  files: Record<string, string> = {},
) {
  const { root, put } = imageRoot(join(folder, "root"));
  for (const [path, text] of Object.entries(files)) put(path, text);
  const { io, printed } = collectingIo();
  let now = 20;
  const code = await health({ config: "/etc/telesetd/config.json", root, minutes }, io, {
    facts: () => Promise.resolve(factsAt(now)),
    journal: () => Promise.resolve("the journal\n"),
    now: () => now,
    pause: () => {
      now += 2;
      return Promise.resolve();
    },
  });
  return { code, now, root, ...printed };
}

test("good as soon as the daemon has been ready for a minute", async () => {
  const { code, now, out } = await judged((now) =>
    now < 50 ? { configured: true, state: "activating" } : { configured: true, state: "active", activeSince: 50 }
  );
  expect([code, now]).toEqual([0, 110]);
  expect(out).toBe("Version 0.3.0 works: telesetd has been ready for 60 s, and /healthz is good.\n");
});

test("bad after the time: the reason is printed and kept", async () => {
  const { code, now, err, root } = await judged(() => ({ configured: true, state: "failed", reason: "exit code 1" }), "2");
  expect([code, now]).toEqual([1, 140]);
  const why = "telesetd did not become ready: it is failed (exit code 1).";
  expect(err).toBe(`Version 0.3.0 does not work: ${why}\n`);
  const kept: unknown = JSON.parse(readFileSync(join(root, "var/lib/telesetd-image/failed.json"), "utf8"));
  expect(kept).toEqual({ version: "0.3.0", why, when: expect.any(String) });
  expect(readFileSync(join(root, "var/lib/telesetd-image/failed-boot.txt"), "utf8")).toBe("the journal\n");
});

test("--minutes must be a number", async () => {
  const { code, err } = await judged(() => ({ configured: false, state: "inactive" }), "soon");
  expect([code, err]).toEqual([2, "--minutes is soon: expected a number up to 60.\n"]);
});

test("on this machine, without a configuration: good at once", async () => {
  const { root } = imageRoot(join(folder, "root"));
  const { io, printed } = collectingIo();
  expect(await health({ config: "/etc/telesetd/config.json", root, minutes: "5" }, io)).toBe(0);
  expect(printed.out).toContain("There is no configuration");
  writeFileSync(join(root, "usr/lib/os-release"), "ID=debian\n");
  expect(await health({ config: "/etc/telesetd/config.json", root, minutes: "5" }, io)).toBe(0);
  expect(printed.out).toContain("does not run the image");
});

describe("what systemd says:", () => {
  test.each<[string, object]>([
    ["ActiveState=active\nSubState=running\nActiveEnterTimestampMonotonic=40500000", { state: "active", activeSince: 40.5 }],
    ["ActiveState=activating\nSubState=auto-restart\nExecMainStatus=1\nStatusText=", {
      state: "activating, auto-restart",
      reason: "exit code 1",
    }],
    ["ActiveState=failed\nSubState=failed\nExecMainStatus=2\nStatusText=Failed: no", { state: "failed", reason: "Failed: no" }],
    ["", { state: "unknown" }],
  ])("%j", (printed, facts) => expect(serviceFactsIn(printed)).toEqual(facts as ReturnType<typeof serviceFactsIn>));
});

describe("where the daemon listens:", () => {
  test.each<[string, string, number]>([
    ["{}", "127.0.0.1", 8090],
    ['{"http": {"host": "0.0.0.0", "port": 9000}}', "127.0.0.1", 9000],
    ['{"http": {"host": "::"}}', "::1", 8090],
    ['{"http": {"host": "192.0.2.10"}', "192.0.2.10", 8090],
    ['{"http": {"host": 5, "port": "x"}}', "127.0.0.1", 8090],
    ["", "127.0.0.1", 8090],
  ])("%s", (text, host, port) => {
    const file = join(folder, "config.json");
    writeFileSync(file, text);
    expect(addressIn(file)).toEqual({ host, port });
  });
});

describe("/healthz:", () => {
  const server = createServer((request, response) => {
    response.statusCode = request.url === "/healthz" ? status : 404;
    response.end();
  });
  let status = 200;
  const listening = new Promise<number>((resolve) =>
    server.listen(0, "127.0.0.1", () => resolve((server.address() as AddressInfo).port))
  );
  afterAll(() => server.close());
  test.each([[200, undefined], [403, undefined], [500, "answers 500"]])("status %p", async (given, trouble) => {
    status = given;
    const found = await troubleAt({ host: "127.0.0.1", port: await listening });
    expect(found ?? "").toContain(trouble ?? "");
    expect(found === undefined).toBe(trouble === undefined);
  });
  test("nobody listens", async () => {
    expect(await troubleAt({ host: "127.0.0.1", port: 1 })).toContain("/healthz at 127.0.0.1:1 does not answer");
  });
});
