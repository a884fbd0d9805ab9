/** `telesetd log` changes the level of the running daemon, optionally for a limited time. */
import { afterEach, describe, expect, jest, test } from "bun:test";
import { cli } from "../../src/cli.ts";
import { exchange } from "../../src/commands/ask.ts";
import { Levels, maxLevelSeconds, readDuration, readLevel } from "../../src/log/level.ts";
import { type LogLevel, openLog } from "../../src/log/log.ts";
import { openAdmin, socketPath } from "../support/admin.ts";

afterEach(() => {
  jest.useRealTimers();
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

/** Runs `telesetd log` on the daemon of a socket. */
async function command(socket: string, ...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const output = { out: "", err: "" };
  const code = await cli(["log", ...args, "--socket", socket], {
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
    const socket = await openAdmin({ levels });
    expect(await command(socket)).toEqual({ code: 0, out: "The log level is info, as configured.\n", err: "" });
    const { code, out } = await command(socket, "trace", "10m");
    expect([code, out]).toEqual([
      0,
      expect.stringMatching(
        /^The log level is trace until [\d :-]+ \(for 600 s\), then info as configured\.\nRead it with: journalctl -u telesetd -f, or telesetd log follow\n$/,
      ),
    ]);
    expect(level()).toBe("trace");
    expect((await command(socket)).out).toMatch(/^The log level is trace until [\d :-]+ \(for \d+ s\), then info/);
    expect((await command(socket, "debug")).out).toStartWith("The log level is debug until telesetd restarts (then info)");
    expect(JSON.parse((await command(socket, "info", "--json")).out)).toEqual({ level: "info", configured: "info" });
  });

  test.each([
    [["verbose"], 'Unknown log level "verbose": expected error, warning, info, debug or trace\n'],
    [["trace", "10"], 'Invalid duration "10": expected a number followed by s, m, h or d (for example 10m), at most 7d\n'],
    [["loud", "x"], 'Unknown log level "loud": expected error, warning, info, debug or trace\n'],
  ])("%j is wrong usage", async (args, err) => {
    const { levels, level } = opened();
    const socket = await openAdmin({ levels });
    expect(await command(socket, ...args)).toEqual({ code: 2, out: "", err });
    expect(level()).toBe("info");
  });

  test("reports that no daemon answers", async () => {
    const socket = socketPath();
    const err =
      `telesetd is not running: there is no socket ${socket}. Start it, or name the socket of another daemon with --socket.\n`;
    expect(await command(socket, "trace")).toMatchObject({ code: 1, out: "", err: expect.stringContaining(err) });
  });
});

describe("POST /log", () => {
  test.each(["", "?level=loud", "?level=trace&seconds=x", "?level=trace&seconds=999999999"])(
    "with %j changes nothing",
    async (query) => {
      const { levels, level } = opened();
      const { status, text } = await exchange(await openAdmin({ levels }), "POST", `/log${query}`);
      expect([status, JSON.parse(text)]).toEqual([400, { error: expect.stringContaining("expected ") }]);
      expect(level()).toBe("info");
    },
  );
});
