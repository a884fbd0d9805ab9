/** `telesetd log` changes the level of the running daemon, optionally for a limited time; only the box itself may do so. */
import { afterEach, describe, expect, jest, onTestFinished, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { cli } from "../../src/cli.ts";
import { Levels, maxLevelSeconds, readDuration, readLevel } from "../../src/log/level.ts";
import { type LogLevel, openLog } from "../../src/log/log.ts";
import { ask, cleanUp, get, open, quietAdmin } from "../support/httpclient.ts";

afterEach(async () => {
  jest.useRealTimers();
  await cleanUp();
});

function opened(configured: LogLevel = "info"): { levels: Levels; level: () => LogLevel; lines: string[] } {
  const lines: string[] = [];
  const log = openLog((line) => lines.push(line), configured, false);
  return { levels: new Levels(log, configured), level: () => log.level(), lines };
}

describe("a level", () => {
  test("applies for its duration, and its start and end are logged, even at a level without info", () => {
    jest.useFakeTimers();
    const { levels, level, lines } = opened("error");
    const state = levels.set("warning", 0.05);
    expect(state).toMatchObject({ level: "warning", configured: "error", seconds: 1 });
    expect(Date.parse(state.until ?? "") - Date.now()).toBeWithin(0, 51);
    jest.advanceTimersByTime(49);
    expect(level()).toBe("warning");
    jest.advanceTimersByTime(1);
    expect(levels.state()).toEqual({ level: "error", configured: "error" });
    expect(lines).toEqual([
      "notice  Log level changed temporarily level=warning seconds=0.05 then=error",
      "notice  Log level restored to the configured one level=error",
    ]);
  });

  test("without a duration applies until the daemon ends", () => {
    const { levels, level, lines } = opened();
    expect(levels.set("trace")).toEqual({ level: "trace", configured: "info" });
    expect([level(), lines]).toEqual(["trace", ["notice  Log level changed until the daemon restarts level=trace"]]);
  });

  test("replaces the one before, and its duration", () => {
    jest.useFakeTimers();
    const { levels, level } = opened();
    levels.set("trace", 0.03);
    levels.set("debug");
    jest.advanceTimersByTime(60);
    expect(level()).toBe("debug");
  });

  test("can last a week, which is within the range of timers", () => {
    const { levels, level } = opened();
    levels.set("trace", maxLevelSeconds);
    expect([level(), levels.state().seconds]).toEqual(["trace", maxLevelSeconds]);
    levels.set("info");
  });
});

describe("a duration", () => {
  test.each([["1s", 1], ["90s", 90], ["10m", 600], ["2h", 7200], ["7d", 604_800]])(
    "%s is %d s",
    (text, seconds) => expect(readDuration(text)).toBe(seconds),
  );
  test.each(["", "10", "m", "0m", "-1m", "1.5h", "10 m", "8d", "999999999d", "10M", "1w", "1m1s", "NaN"])(
    "%j is invalid",
    (text) => {
      expect(readDuration(text)).toBe(
        `Invalid duration ${JSON.stringify(text)}: expected a number followed by s, m, h or d (for example 10m), at most 7d`,
      );
    },
  );
});

test.each([[undefined, undefined], ["loud", undefined], ["info", "0"], ["info", "-1"], ["info", "604801"], ["info", "1e3"]])(
  "%j, %j is an error",
  (level, seconds) => expect(readLevel(level, seconds)).toMatch(/expected (error, warning, info, debug or trace|1 to 604800)$/),
);

/** Runs `telesetd log` against a listener. */
async function command(port: number, ...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const folder = mkdtempSync(join(tmpdir(), "telesetd-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const config = join(folder, "config.json");
  writeFileSync(
    config,
    JSON.stringify({
      desks: [{ extension: "1001" }],
      line: { driver: "freeswitch", host: "127.0.0.1", password: "p", domain: "d" },
      http: { host: "127.0.0.1", port },
    }),
  );
  const output = { out: "", err: "" };
  const code = await cli(["log", ...args, "--config", config], {
    out: (text) => output.out += text,
    err: (text) => output.err += text,
    terminal: false,
    environment: {},
  });
  return { code, ...output };
}

describe("telesetd log", () => {
  test("shows and changes the level of the running daemon", async () => {
    const { levels, level } = opened();
    const { port } = await open({ admin: { ...quietAdmin, levels } });
    expect(await command(port)).toEqual({ code: 0, out: "The log level is info, as configured.\n", err: "" });
    const { code, out } = await command(port, "trace", "10m");
    expect([code, out]).toEqual([
      0,
      expect.stringMatching(/^The log level is trace until \S+Z \(for 600 s\), then info as configured\.\n$/),
    ]);
    expect(level()).toBe("trace");
    expect((await command(port)).out).toMatch(/^The log level is trace until \S+Z \(for \d+ s\), then info/);
    expect((await command(port, "debug")).out).toStartWith("The log level is debug until telesetd restarts or reads its");
    expect(JSON.parse((await command(port, "info", "--json")).out)).toEqual({ level: "info", configured: "info" });
  });

  test.each([
    [["verbose"], 'Unknown log level "verbose": expected error, warning, info, debug or trace\n'],
    [["trace", "10"], 'Invalid duration "10": expected a number followed by s, m, h or d (for example 10m), at most 7d\n'],
    [["loud", "x"], 'Unknown log level "loud": expected error, warning, info, debug or trace\n'],
  ])("%j is wrong usage", async (args, err) => {
    const { levels, level } = opened();
    const { port } = await open({ admin: { ...quietAdmin, levels } });
    expect(await command(port, ...args)).toEqual({ code: 2, out: "", err });
    expect(level()).toBe("info");
  });

  test("reports that no daemon answers", async () => {
    const { port, stop } = await open();
    await stop();
    expect(await command(port, "trace")).toMatchObject({ code: 1, err: expect.stringContaining("is it running?") });
  });
});

describe("POST /log", () => {
  const post = (query: string, headers?: string): string => get(`/log${query}`, headers).replace("GET", "POST");
  test("is for the box itself, not for a web page", async () => {
    const { levels, level } = opened();
    const { port } = await open({ admin: { ...quietAdmin, levels } });
    const page = "Host: localhost\r\nOrigin: http://evil.example\r\n";
    expect((await ask(port, post("?level=trace", page)))?.status).toBe(403);
    expect((await ask(port, post("?level=trace", "Host: evil.example\r\n")))?.status).toBe(403);
    expect((await ask(port, get("/log", page)))?.status).toBe(403);
    expect(level()).toBe("info");
  });

  test.each(["", "?level=loud", "?level=trace&seconds=x", "?level=trace&seconds=999999999"])(
    "with %j changes nothing",
    async (query) => {
      const { levels, level } = opened();
      const { port } = await open({ admin: { ...quietAdmin, levels } });
      const answer = await ask(port, post(query));
      expect([answer?.status, JSON.parse(answer?.body ?? "")]).toEqual([400, { error: expect.stringContaining("expected ") }]);
      expect(level()).toBe("info");
    },
  );
});
