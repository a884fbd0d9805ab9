/** The compiled binary as its users meet it. Built by scripts/build before; where it is not, these tests are skipped. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Simulator } from "../../simulator/freeswitch/mod.ts";
import { sendCallout, SmallCrm } from "../../simulator/crm/mod.ts";
import { version } from "../../src/version.ts";
import { binary, Box, noBinary } from "../support/daemon/box.ts";
import { quietPort } from "../support/ports.ts";
import { ownFolder } from "../support/folder.ts";
import { run } from "../support/run.ts";

setDefaultTimeout(60_000);

const root = join(import.meta.dir, "../..");
const arm64 = join(root, "dist/telesetd-linux-arm64");
const fixtures = join(root, "test/fixtures/recordings/freeswitch");
const folder = ownFolder();

const qemu = Bun.which("qemu-aarch64-static");
const sysroot = "/usr/aarch64-linux-gnu";
const noQemu = !existsSync(arm64)
  ? " (skipped: dist/telesetd-linux-arm64 is not there)"
  : qemu && existsSync(sysroot)
  ? ""
  : " (skipped: qemu-user-static and libc6-arm64-cross are not installed)";

const runBinary = (args: readonly string[], command: readonly string[] = [binary]) => run([...command, ...args], { cwd: folder });

function configFile(name: string, content: unknown): string {
  const file = join(folder, name);
  writeFileSync(file, typeof content === "string" ? content : JSON.stringify(content));
  return file;
}

describe.skipIf(noBinary !== "")(`the binary${noBinary}`, () => {
  test("prints its version", async () => {
    expect(await runBinary(["version"])).toEqual({ out: `telesetd ${version}\n`, err: "", code: 0 });
  });

  test("a reader that goes away gets no more output, and no stack trace", async () => {
    const { err, code } = await runBinary(["-c", "{ $0 schema; echo $? >&2; } | true", binary], ["sh"]);
    expect({ err, code }).toEqual({ err: "1\n", code: 0 });
  });

  test("plays the whole demo, with the expected result", async () => {
    const { out, code } = await runBinary(["demo"]);
    expect(code).toBe(0);
    expect(out).toContain("== All as expected");
  });

  test("replays a recording", async () => {
    const { out } = await runBinary(["replay", join(fixtures, "in-abandoned.jsonl"), "--json"]);
    expect(JSON.parse(out).told.map(({ name }: { name: string }) => name)).toEqual(["ScreenPop", "CallReleased"]);
  });

  test("ignores a .env or a bunfig.toml in its working directory", async () => {
    writeFileSync(join(folder, ".env"), "NOTIFY_SOCKET=/nowhere\n");
    writeFileSync(join(folder, "bunfig.toml"), 'preload = ["./evil.ts"]\n');
    writeFileSync(join(folder, "evil.ts"), 'console.log("evil")\n');
    expect((await runBinary(["version"])).out).toBe(`telesetd ${version}\n`);
  });

  test.each(["run", "check"])(
    "%s reports all ten errors in the configuration with their paths, with exit code 2",
    async (command) => {
      const file = configFile("ten.json", {
        desks: [{ extension: "12a", aliases: ["x"] }, { extention: "1002" }],
        line: { driver: "freeswitch", port: 0, domain: "a b", password: "" },
        http: { port: "8090", allow: ["here"] },
        numbers: { internal: "(" },
        screenpop: {},
      });
      const { err, code } = await runBinary([command, "--config", file]);
      expect(code).toBe(2);
      for (
        const path of [
          "desks[0].extension",
          "desks[0].aliases[0]",
          "desks[1].extension",
          "desks[1].extention",
          "line.port",
          "line.domain",
          "line.password",
          "http.port",
          "http.allow[0]",
          "numbers.internal[0]",
          "screenpop",
        ]
      ) expect(err).toMatch(new RegExp(`^  ${path.replaceAll(/[[\]]/g, "\\$&")}[ :]`, "m"));
      expect(err).toContain("did you mean screenPop?");
    },
  );

  test("a port that is in use is reported, with exit code 1", async () => {
    const taken = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response() });
    const file = configFile("taken.json", {
      desks: [{ extension: "1001" }],
      line: { driver: "freeswitch", password: "x", domain: "d" },
      http: { host: "127.0.0.1", port: taken.port },
      store: { path: join(folder, "taken.db") },
    });
    const { err, code } = await runBinary(["run", "--config", file]);
    expect(code).toBe(1);
    expect(err).toContain(`Cannot listen on 127.0.0.1:${taken.port}`);
    await taken.stop();
  });

  test("a Register survives a kill -9, and so does a call with its id; SIGTERM ends it with 0", async () => {
    const sim = new Simulator({});
    await sim.start();
    const crm = await SmallCrm.open();
    const port = await quietPort();
    const box = new Box({ folder, port, switchPort: sim.port });
    await box.start();
    await sendCallout(port, "/", { FunctionName: "Register", telesetNumber: "1001", agentID: "7", port: String(crm.port) });
    await box.connected();
    const call = await sim.inbound({ from: "14155550123", to: "1001" });
    await crm.until(1, 5000);
    // Before the confirmation is on record the event would be sent again: at least once is the promise.
    await box.delivered();
    await box.kill();
    await box.start();
    await box.connected();
    await call.answer();
    await crm.until(2, 5000);
    await call.callerHangsUp();
    await crm.until(3, 5000);
    expect(crm.events.map(({ name, data }) => [name, data["occtSourceID"]])).toEqual(
      ["ScreenPop", "CallEstablished", "CallReleased"].map((name) => [name, call.leg.uuid]),
    );
    expect(await box.terminate()).toBe(0);
    crm.close();
    await sim.stop();
  });

  test("is the same file, byte for byte, wherever it is rebuilt", async () => {
    const built = await Promise.all(["one", "two"].map(async (name) => {
      const child = Bun.spawn([join(root, "scripts/build"), "x64", join(folder, name)], { stdout: "ignore", stderr: "ignore" });
      expect(await child.exited).toBe(0);
      return sha256(join(folder, name, "telesetd-linux-x64"));
    }));
    expect(built[0]).toBe(built[1]);
  });
});

describe.skipIf(noQemu !== "")(`the arm64 binary under qemu-user-static${noQemu}`, () => {
  const command = [qemu ?? "", "-L", sysroot, arm64];

  test("prints its version", async () => {
    expect(await runBinary(["version"], command)).toEqual({ out: `telesetd ${version}\n`, err: "", code: 0 });
  });

  test("replays a recording", async () => {
    const { out } = await runBinary(["replay", join(fixtures, "in-abandoned.jsonl"), "--json", "--speed", "1"], command);
    expect(JSON.parse(out).told.map(({ name }: { name: string }) => name)).toEqual(["ScreenPop", "CallReleased"]);
  }, 120_000);
});

function sha256(file: string): string {
  return createHash("sha256").update(readFileSync(file)).digest("hex");
}
