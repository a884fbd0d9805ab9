/** The log of the compiled binary: its level over a reload, its counters, and the priorities that only the journal wants. */
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
  test("a level with a time stays over a reload, one without does not; the counters go on", async () => {
    const sim = new Simulator();
    await sim.start();
    const box = new Box({ folder, port: await quietPort(), switchPort: sim.port });
    const numbers = async () => seriesOf(await (await fetch(`http://127.0.0.1:${box.port}/metrics`)).text());
    try {
      await box.start();
      await box.connected();
      expect((await box.run("log", "trace", "1h")).out).toStartWith("The log level is trace until ");
      box.signal("SIGHUP");
      await box.says("The new configuration is in force");
      await box.connected();
      expect((await box.run("log")).out).toStartWith("The log level is trace until ");
      expect(box.log).toContain("from the switch");
      expect((await box.run("log", "debug")).code).toBe(0);
      box.signal("SIGHUP");
      await box.says("The new configuration is in force", 2);
      await box.connected();
      expect((await box.run("log")).out).toBe("The log level is info, as configured.\n");
      const series = await numbers();
      expect(series.get("telesetd_link_ups_total")).toBe(3);
      expect(series.get('telesetd_log_lines_total{level="trace"}')).toBeGreaterThan(10);
      expect(box.log.match(/^notice {2}Log level changed/gm)).toHaveLength(2);
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
