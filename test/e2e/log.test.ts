/** The log of the compiled binary: its level, its counters, and the priorities that only the journal wants. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { closeSync, fstatSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { sendCallout } from "../../simulator/crm/mod.ts";
import { Simulator } from "../../simulator/freeswitch/mod.ts";
import { seriesOf } from "../support/metrics.ts";
import { binary, Box, noBinary } from "../support/daemon/box.ts";
import { onStage } from "../support/daemon/stage.ts";
import { quietPort } from "../support/ports.ts";
import { ownFolder } from "../support/folder.ts";
import { until } from "../support/until.ts";

setDefaultTimeout(60_000);

const folder = ownFolder();

describe.skipIf(noBinary !== "")(`the compiled binary${noBinary}`, () => {
  test("the level is that of the configuration again after a restart; its lines are counted", async () => {
    const sim = new Simulator();
    await sim.start();
    const box = new Box({ folder, port: await quietPort(), switchPort: sim.port });
    try {
      await box.start();
      await box.connected();
      expect((await box.run("log", "trace", "1h")).out).toMatch(
        /^The log level is trace until \S+( \S+)? \(for 3600 s\), then info as configured\.\nRead it with: journalctl -u telesetd -f, or telesetd log follow\n$/,
      );
      expect((await box.run("log")).out).toStartWith("The log level is trace until ");
      const series = seriesOf(await (await fetch(`http://127.0.0.1:${box.port}/metrics`)).text());
      expect(series.get('telesetd_log_lines_total{level="info"}')).toBeGreaterThan(0);
      await box.terminate();
      await box.start();
      expect((await box.run("log")).out).toBe("The log level is info, as configured.\n");
      expect(box.log).not.toContain("ClueCon");
    } finally {
      await box.kill();
      sim.stop();
    }
  });

  test("log follow shows the messages of both wires, a line for each, until Ctrl-C; the daemon stops at once nevertheless", () =>
    onStage({ folder }, async ({ sim, box }) => {
      const follow = (...options: string[]) => {
        const path = join(folder, `follow${options.join("")}`);
        const output = openSync(path, "w");
        const child = Bun.spawn([binary, "log", "follow", ...options, "--config", box.config], {
          stdin: "ignore",
          stdout: output,
        });
        closeSync(output);
        return {
          child,
          shows: (part: RegExp) => until(() => readFileSync(path, "utf8"), () => part.test(readFileSync(path, "utf8"))),
        };
      };
      const short = follow();
      const whole = follow("--wire");
      // A command is a message too: when it is shown, the follower is there.
      for (const { shows } of [short, whole]) {
        await until("it does not follow", async () => {
          await sendCallout(box.port, "/", { FunctionName: "CheckStatus" });
          return await Promise.race([shows(/FunctionName=CheckStatus/).then(() => true), Bun.sleep(500).then(() => false)]);
        });
      }
      const call = await sim.inbound({ from: "14155550123", to: "1001" });
      await short.shows(/^\d\d:\d\d:\d\d\.\d{3} {2}FreeSWITCH --> telesetd {15}CHANNEL_\w+ .*14155550123 > 1001/m);
      await short.shows(/^\S+ {15}telesetd --> CRM {4}<CCTSDK><event name="ScreenPop">/m);
      await whole.shows(/^ {4}request:\n {6}POST \/ HTTP\/1\.1\n {6}Host: /m);
      await call.callerHangsUp();
      short.child.kill("SIGINT");
      await short.child.exited;
      expect(await box.terminate()).toBe(0);
      expect(await whole.child.exited).toBe(1);
      expect(box.log).not.toContain("14155550123");
    }));

  test.each([["the very file", true], ["another file", false]])("JOURNAL_STREAM names %s: priorities %p", async (_, same) => {
    const box = new Box({ folder, port: await quietPort(), switchPort: 1 });
    const path = join(folder, `journal-${same}`);
    const log = openSync(path, "w");
    const { dev, ino } = fstatSync(log, { bigint: true });
    const child = Bun.spawn([binary, "run", "--config", box.config], {
      stdin: "ignore",
      stdout: "ignore",
      stderr: log,
      env: { ...process.env, JOURNAL_STREAM: `${dev}:${same ? ino : ino + 1n}` },
    });
    closeSync(log);
    try {
      await until("it does not start", () => readFileSync(path, "utf8").includes("telesetd is running"));
      expect(/^<6>telesetd is running /m.test(readFileSync(path, "utf8"))).toBe(same);
      expect(/^info {4}telesetd is running /m.test(readFileSync(path, "utf8"))).toBe(!same);
    } finally {
      child.kill("SIGKILL");
      await child.exited;
    }
  });
});
