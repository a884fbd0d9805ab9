/** The checks of the watchdog: the line's loop is alive, and the store answers. */
import { describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { startApp } from "../../src/app.ts";
import { parseConfig } from "../../src/config/schema.ts";
import type { Line, LineEvent } from "../../src/core/line.ts";
import { driverOf, lineSchemas } from "../../drivers/registry.ts";
import { openLog } from "../../src/log/log.ts";
import { Loop, type LoopOptions } from "../../src/loop.ts";
import { openSafeStore } from "../../src/store/resilient.ts";
import { systemTimers } from "../../src/platform/timers.ts";
import { ownFolder } from "../support/folder.ts";

const folder = ownFolder();
const quiet = openLog(() => {}, "error", false);

/** A loop on this line, without other parts. */
function loopOn(line: Partial<Line>): Loop {
  const store = { desks: () => [] };
  return new Loop({ desks: ["1001"], line, store, log: quiet, now: () => 0 } as unknown as LoopOptions);
}

async function* oneEventOnly(): AsyncGenerator<LineEvent> {
  yield { type: "leg-renamed", desk: "9999", from: "a", to: "b" };
}

describe("the loop", () => {
  test("fails if the line ends unexpectedly", async () => {
    await expect(loopOn({ events: oneEventOnly }).run()).rejects.toThrow("the events of the line have ended unexpectedly");
  });

  test("does not fail when it is stopped", async () => {
    const loop = loopOn({ events: oneEventOnly });
    loop.stop();
    await loop.run();
  });

  test("is stuck only if the driver reports it", () => {
    expect(loopOn({ stuck: () => "it hangs" }).stuck()).toBe("it hangs");
    expect(loopOn({}).stuck()).toBeUndefined();
  });
});

describe("the store", () => {
  test("answers, or is declared lost, which counts as an answer", () => {
    const store = openSafeStore(join(folder, "good.db"), quiet);
    expect(store.answers()).toBe(true);
    store.close();
    expect(store.answers()).toBe(false);
    writeFileSync(join(folder, "no-folder"), "");
    const lost = openSafeStore(join(folder, "no-folder/lost.db"), quiet);
    expect(lost.trouble).toBeDefined();
    expect(lost.answers()).toBe(true);
    lost.close();
  });
});

test("a driver whose switch is unreachable is not stuck, and neither is the daemon", async () => {
  const text = JSON.stringify({
    desks: [{ extension: "1001" }],
    line: { driver: "freeswitch", host: "127.0.0.1", port: 1, password: "x", domain: "d" },
    http: { host: "127.0.0.1", port: 15_999 },
    store: { path: join(folder, "app.db") },
  });
  const config = parseConfig(text, lineSchemas, {});
  const app = await startApp({ ...config, http: { ...config.http, port: 0 } }, quiet);
  expect(app.status().desks[0]?.switch).toBe("down");
  expect(app.stuck()).toBeUndefined();
  await app.stop();
});

test.each([
  ["FreeSWITCH", { driver: "freeswitch", host: "127.0.0.1", port: 1, password: "x", domain: "d" }],
  ["drachtio-server", { driver: "sip", host: "127.0.0.1", port: 1, drachtioSecret: "x", user: "u", password: "x", domain: "d" }],
])("a driver for %s whose loop is blocked for five minutes is stuck", async (peer, settings) => {
  const { performance } = globalThis;
  const real = performance.now.bind(performance);
  let ahead = 0;
  performance.now = () => real() + ahead;
  const end = new AbortController();
  try {
    const desks = [{ extension: "1001", aliases: [] }];
    const line = await driverOf(settings).open({ desks, variables: [], log: quiet, timers: systemTimers });
    expect(line.stuck?.()).toBeUndefined();
    const events = line.events(end.signal, () => [])[Symbol.asyncIterator]();
    expect((await events.next()).value).toMatchObject({ type: "link-down" });
    expect(line.stuck?.()).toBeUndefined();
    ahead = 6 * 60_000;
    expect(line.stuck?.()).toBe(`the driver neither connects to ${peer} nor waits to try again`);
    end.abort();
    await events.next();
  } finally {
    end.abort();
    performance.now = real;
  }
});
