/** The log of the compiled binary: its level, its counters, and the priorities that only the journal wants. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { closeSync, fstatSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Simulator } from "../../simulator/freeswitch/mod.ts";
import { seriesOf } from "../support/metrics.ts";
import { binary, Box, noBinary } from "../support/daemon/box.ts";
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
        /^The log level is trace until \S+( \S+)? \(for 3600 s\), then info as configured\.\nRead it with: journalctl -u telesetd -f\n$/,
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
