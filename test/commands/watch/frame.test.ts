/** What `telesetd watch` shows: the screen, and the lines of changes. */
import { describe, expect, test } from "bun:test";
import { changes } from "../../../src/commands/watch/changes.ts";
import { frame } from "../../../src/commands/watch/frame.ts";
import type { WatchedState } from "../../../src/status/watch.ts";
import type { DeskStatus } from "../../../src/status/status.ts";
import { wellStatus } from "../../support/page/page.ts";

const at = "2026-11-27T10:31:05.000Z";
const state = (part: Partial<WatchedState> = {}): WatchedState => ({ at, status: wellStatus, calls: [], ended: [], ...part });
const call = {
  id: "5a761c59",
  desk: "1001",
  kind: "inbound",
  state: "ringing",
  who: "...0123",
  since: "2026-11-27T10:30:00.000Z",
  sent: ["ScreenPop"],
};
const options = { width: 80, height: 50, now: Date.parse(at) };
const textOf = (given: WatchedState, more = {}) =>
  frame(given, { ...options, ...more }).map((line) => line.map(([text]) => text).join(""));

describe("the screen", () => {
  test("has the calls, the parts of the desk and of the box, and the last calls", () => {
    const lines = textOf(state({ calls: [call] }));
    expect(lines[0]).toMatch(/^telesetd 0\.0\.0 {2}✓ Everything works {2}\S+.* q quits$/);
    expect(lines).toContain("  ...0123          ringing      1:05  inbound call at desk 1001; sent: ScreenPop");
    expect(lines).toContain("  ✓ UWQ     Agent SMITH is registered, at 10.1.2.3:5555.");
  });

  test("is never wider or higher than the window, for wide characters too", () => {
    for (const [width, height] of [[20, 5], [7, 30], [80, 1], [1, 1]] as const) {
      const lines = textOf(state({ calls: [{ ...call, who: "田中".repeat(20) }] }), { width, height });
      expect(lines.length).toBeLessThanOrEqual(height);
      for (const line of lines) expect(Bun.stringWidth(line)).toBeLessThanOrEqual(width);
    }
  });

  test("does not let a stranger control the terminal", () => {
    // deno-lint-ignore no-control-regex -- there must be none
    expect(textOf(state({ calls: [{ ...call, who: "\x1b[2J\r\n\u202ex" }] })).join("|")).not.toMatch(/[\x1b\r\n\u202e]/);
  });

  test("of many desks shows those in trouble", () => {
    const well = ["1001", "1003"].map((extension) => ({ ...wellStatus.desks[0], extension }) as DeskStatus);
    const broken: DeskStatus = {
      extension: "1002",
      switch: "down",
      phone: "unknown",
      trouble: "No connection.",
      agents: [],
      calls: [],
    };
    const lines = textOf(state({ status: { ...wellStatus, desks: [...well, broken] } }));
    expect(lines).toContain("Desk 1002");
    expect(lines).toContain("  ✕ Switch  No connection.");
    expect(lines).toContain("✓ 2 other desks: everything works");
    expect(lines).not.toContain("Desk 1001");
  });

  test("says why there is no connection, and keeps what was known", () => {
    const lines = textOf(state({ calls: [call] }), { lost: "telesetd is not running." });
    expect(lines[0]).toContain("✕ Not connected");
    expect(lines).toContain("telesetd is not running.");
    expect(lines.join("\n")).toContain("...0123");
  });
});

describe("changes:", () => {
  test("at first everything, then nothing without a change", () => {
    expect(changes(undefined, state({ calls: [call] }))).toContain("desk 1001, inbound call ...0123: ringing; sent: ScreenPop");
    expect(changes(state({ calls: [call] }), state({ at: "2026-11-27T10:31:06.000Z", calls: [call] }))).toEqual([]);
  });

  test("the age of a waiting event is not a change", () => {
    const waiting = (oldestSeconds: number) => state({ status: { ...wellStatus, outbox: { waiting: 1, oldestSeconds } } });
    expect(changes(waiting(20), waiting(22))).toEqual([]);
    expect(changes(state(), waiting(20))).toEqual([expect.stringContaining("Outbox: 1 event waiting")]);
  });
});
