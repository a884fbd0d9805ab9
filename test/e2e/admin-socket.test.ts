/** The administrator's socket of the compiled binary: found regardless of the file, closed to other users, free after a kill. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { binary, Box, noBinary } from "../support/daemon/box.ts";
import { onStage } from "../support/daemon/stage.ts";
import { ownFolder } from "../support/folder.ts";
import { ask, get } from "../support/httpclient.ts";
import { quietPort } from "../support/ports.ts";
import { type Ran, run } from "../support/run.ts";

setDefaultTimeout(60_000);

const folder = ownFolder();
// Another user must be stopped by the socket itself, not by its folder.
chmodSync(folder, 0o755);

const nobody = process.getuid?.() === 0 && Bun.which("setpriv")
  ? ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
  : [];
const noNobody = nobody.length > 0 ? noBinary : " (skipped: needs root and setpriv, to run as another user)";
const namespace = nobody.length > 0 && (await run(["unshare", "--net", "true"]).catch(() => undefined))?.code === 0;
const noNamespace = namespace ? noNobody : " (skipped: needs the right to make a network namespace)";

const commands = [
  ["status"],
  ["outbox", "list", "--all"],
  ["outbox", "drop", "1"],
  ["outbox", "retry", "--all"],
  ["dials"],
  ["log", "trace"],
];

describe.skipIf(noBinary !== "")(`the socket of the binary${noBinary}`, () => {
  test.concurrent("commands find the daemon while its file is wrong, missing, or names another port", () =>
    onStage({ folder }, async ({ box }) => {
      const good = readFileSync(box.config, "utf8");
      const note = /^.+ has 1 error \(telesetd check\): the daemon runs on the configuration of \d\d:\d\d\.\n$/;
      const runsOn = (name: string, { code, out, err }: Ran) => {
        expect([name, code]).toEqual([name, 0]);
        expect(out).not.toBe("");
        expect(err).toMatch(note);
      };
      box.configure(good.replace("}", ', "nonsense": 1}'));
      for (const command of [["status"], ["outbox", "list"], ["dials"], ["log"], ["log", "info"]]) {
        runsOn(command.join(" "), await box.run(...command));
      }
      const doctor = await box.run("doctor", "--json");
      expect(doctor.code).toBe(2);
      const { hops } = JSON.parse(doctor.out) as { hops: { name: string; verdict: string }[] };
      expect(hops.find(({ name }) => name === "daemon")?.verdict).toBe("good");
      expect(hops.find(({ name }) => name === "CRM port 1001")?.verdict).toBe("good");
      rmSync(box.config);
      runsOn("no file", await run([binary, "status", "--socket", box.socket]));
      box.configure(good.replace(`"port":${box.port}`, `"port":${await quietPort()}`));
      const { code, out, err } = await box.run("status");
      expect([code, out]).toEqual([0, expect.stringContaining("desk 1001: phone registered, switch up")]);
      expect(err).toContain(
        " has changed (telesetd apply puts it in force): the daemon runs on the configuration of ",
      );
    }));

  test.concurrent("is in the runtime directory of the service, for its owner only, and goes with the daemon", async () => {
    const runtime = join(folder, "run");
    mkdirSync(runtime);
    const box = new Box({ folder, port: await quietPort(), switchPort: 1 });
    // As the unit sets it: without its JIT the runtime needs no memory that is both writable and executable.
    box.environment = { RUNTIME_DIRECTORY: runtime, BUN_JSC_useJIT: "0" };
    try {
      await box.start();
      expect(box.socket).toBe(join(runtime, "admin.sock"));
      expect(statSync(box.socket).mode & 0o777).toBe(0o600);
      expect((await run([binary, "status", "--socket", box.socket])).out).toContain("desk 1001: ");
      expect(await box.terminate()).toBe(0);
      expect(existsSync(box.socket)).toBe(false);
    } finally {
      await box.kill();
    }
  });

  test.concurrent("is bound again after kill -9, but not taken from a daemon that runs", async () => {
    const box = new Box({ folder, port: await quietPort(), switchPort: 1 });
    const second = new Box({ folder, port: await quietPort(), switchPort: 1, more: { store: { path: box.store } } });
    try {
      await box.start();
      await box.kill();
      expect(statSync(box.socket).isSocket()).toBe(true);
      expect((await box.run("status")).err).toStartWith(`telesetd is not running: the daemon of ${box.socket} was killed.`);
      await box.start();
      expect((await box.run("status")).err).toBe("");
      second.spawn();
      expect(await second.ended()).toBe(1);
      expect(second.log).toContain(
        `Another telesetd listens at ${box.socket}: stop it, or give this one its own socket with --socket`,
      );
      expect((await box.run("status")).err).toBe("");
      // A daemon that hangs still has its socket.
      box.signal("SIGSTOP");
      second.spawn();
      expect(await second.ended()).toBe(1);
      box.signal("SIGCONT");
    } finally {
      await box.kill();
      await second.kill();
    }
  });

  test.concurrent("a path that cannot be used does not stop calls: the log says why, and so do the commands", async () => {
    const box = new Box({ folder, port: await quietPort(), switchPort: 1 });
    const none = join(folder, "none/admin.sock");
    const long = join(folder, "x".repeat(100));
    for (const [path, why] of [[none, "its folder does not exist"], [long, "expected at most 107"]] as const) {
      const child = Bun.spawn([binary, "run", "--config", box.config, "--socket", path], { stdout: "ignore", stderr: "pipe" });
      let log = "";
      for await (const part of child.stderr) {
        log += new TextDecoder().decode(part);
        if (log.includes("telesetd is running")) break;
      }
      expect(log).toContain("No command can reach this daemon");
      expect(log).toContain(why);
      expect((await ask(box.port, get("/?FunctionName=CheckStatus")))?.status).toBe(200);
      child.kill("SIGKILL");
      await child.exited;
    }
  });
});

describe.skipIf(noNobody !== "")(`another user on the box${noNobody}`, () => {
  test.concurrent("can neither read nor change anything: the commands say what to do, HTTP knows no such path", () =>
    onStage({ folder }, async ({ box, crm, sim }) => {
      await crm.turn("refuses");
      await sim.inbound({ from: "14155550123", to: "1001" });
      await box.until("no event waits", ({ outbox }) => outbox.waiting > 0);
      for (const command of commands) {
        const { code, out, err } = await run([...nobody, binary, ...command, "--socket", box.socket]);
        expect([command, code, out]).toEqual([command, 1, ""]);
        expect(err).toMatch(/^Permission denied at .+\. Run this as root, with sudo(, or join the group telesetd)?\.\n$/);
      }
      for (const path of ["/status", "/outbox?all=1", "/dials", "/log", "/config"]) {
        for (const method of ["GET", "POST"]) {
          expect((await ask(box.port, get(path).replace("GET", method)))?.status).toBe(404);
        }
      }
      expect((await ask(box.port, get("/outbox/1/drop").replace("GET", "POST")))?.status).toBe(404);
      expect((await box.status()).outbox.waiting).toBeGreaterThan(0);
      expect((await box.run("log")).out).toBe("The log level is info, as configured.\n");
    }));

  test.concurrent("a member of the group may open the socket, but not read the file: they get the answer and no complaint about the file", () =>
    onStage({ folder }, async ({ box }) => {
      chmodSync(box.socket, 0o666);
      chmodSync(box.config, 0o600);
      const answer = await run([...nobody, binary, "status", "--socket", box.socket]);
      expect(answer).toMatchObject({ code: 0, err: "", out: expect.stringContaining("desk 1001: phone registered") });
    }));

  test.concurrent.skipIf(noNamespace !== "")(
    `in another network namespace too; root may${noNamespace}`,
    () =>
      onStage({ folder }, async ({ box }) => {
        const inside = (...user: string[]) => run(["unshare", "--net", ...user, binary, "status", "--socket", box.socket]);
        expect(await inside(...nobody)).toMatchObject({ code: 1, err: expect.stringContaining("Permission denied") });
        expect(await inside()).toMatchObject({ code: 0, out: expect.stringContaining("desk 1001: phone registered") });
      }),
  );
});
