/** The pushed configuration of a box: tried, kept, refused, and taken back. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { lineSchemas } from "../../drivers/registry.ts";
import { type Config, parseConfig } from "../../src/config/schema.ts";
import { newKey } from "../../src/broker/nkey.ts";
import { Pushed } from "../../src/fleet/pushed.ts";
import { signConfig, unpushable } from "../../src/fleet/signed.ts";
import { openLog } from "../../src/log/log.ts";
import { ownFolder } from "../support/folder.ts";

setDefaultTimeout(60_000);

const key = newKey("user");
const own = JSON.stringify({
  desks: [{ extension: "1001" }],
  line: { driver: "freeswitch", host: "10.1.0.5", password: "x", domain: "d" },
  numbers: { deny: "^1900", allow: "^1" },
});
const folder = ownFolder();
let boxes = 0;

/** A box of desk 1001, which may be started again. */
function box(file = join(folder, `box-${boxes++}`, "pushed.json"), given: { key?: string | undefined; own?: string } = {}) {
  const lines: string[] = [];
  const pushed = new Pushed<Config>({
    file,
    key: "key" in given ? given.key : key.public,
    desk: "1001",
    own: given.own ?? own,
    parse: (text) => parseConfig(text, lineSchemas, {}),
    log: openLog((line) => lines.push(line), "info", false),
  });
  return { file, pushed, lines };
}

const signed = (version: number, settings: unknown, desk = "1001", by = key) =>
  JSON.stringify(signConfig({ desk, version, settings: JSON.stringify(settings) }, by));

describe("a pushed configuration", () => {
  test("is laid over the box's own file, and is in force again after a restart", async () => {
    const { pushed, file } = box();
    expect(pushed.initial()).toBeUndefined();
    pushed.offer(signed(5, { numbers: { allow: null }, dial: { perMinute: 3 } }));
    const trial = await pushed.next();
    expect(trial.config.dial.perMinute).toBe(3);
    expect(trial.config.numbers.allow).toEqual([]);
    expect(trial.config.numbers.deny.map(String)).toEqual(["/^1900/"]);
    expect(pushed.state).toEqual({});
    trial.accept();
    expect(pushed.state).toEqual({ version: 5 });
    const again = box(file).pushed;
    expect(again.initial()?.dial.perMinute).toBe(3);
    expect(again.state).toEqual({ version: 5 });
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  test.each([
    ["signed by somebody else", signed(6, {}, "1001", newKey("user")), "its signature is not the administrator's"],
    ["for another desk", signed(6, {}, "1002"), "it is for desk 1002, and this is the box of desk 1001"],
    ["older", signed(4, { dial: { perMinute: 9 } }), "its version 4 is not newer than 5"],
    ["changed on its way", signed(6, {}).replace('"version":6', '"version":7'), "its signature"],
    ["malformed", "{", "it is malformed"],
  ])("that is %s is refused, and changes nothing", async (_, text, why) => {
    const { pushed, file, lines } = box();
    pushed.offer(signed(5, { dial: { perMinute: 3 } }));
    (await pushed.next()).accept();
    const before = readFileSync(file, "utf8");
    pushed.offer(text);
    expect(lines.join("\n")).toContain(why);
    expect(readFileSync(file, "utf8")).toBe(before);
    expect(pushed.state).toEqual({ version: 5 });
    // The next valid one is what `next` gives.
    pushed.offer(signed(8, { dial: { perMinute: 8 } }));
    expect((await pushed.next()).config.dial.perMinute).toBe(8);
  });

  test.each([
    ["with errors", { dial: { perMinute: 0 } }, "dial.perMinute is 0"],
    ["with an unknown key", { dial: { perMinutes: 5 } }, "perMinutes"],
    ["of the line", { line: { host: "elsewhere" } }, "line cannot be pushed: expected only http, crm"],
    ["of the desks", { desks: [{ extension: "1002" }] }, "desks cannot be pushed"],
    ["of the signing key", { fleet: { configKey: "x" } }, "fleet cannot be pushed"],
  ])("%s is refused, and reported", async (_, settings, why) => {
    const { pushed } = box();
    const next = pushed.next();
    const reported = Promise.withResolvers<void>();
    pushed.onChange(reported.resolve);
    pushed.offer(signed(5, settings));
    await reported.promise;
    expect(pushed.state).toEqual({ refused: { version: 5, why: expect.stringContaining(why) } });
    pushed.offer(signed(6, {}));
    (await next).accept();
    expect(pushed.state).toEqual({ version: 6 });
  });

  test("with which the daemon cannot start is refused, and the one before stays", async () => {
    const { pushed, file } = box();
    pushed.offer(signed(5, { dial: { perMinute: 3 } }));
    (await pushed.next()).accept();
    pushed.offer(signed(6, { http: { port: 80 } }));
    (await pushed.next()).refuse("Cannot listen on port 80.");
    const state = { version: 5, refused: { version: 6, why: "Cannot listen on port 80." } };
    expect(pushed.state).toEqual(state);
    expect(box(file).pushed.state).toEqual(state);
    expect(box(file).pushed.initial()?.dial.perMinute).toBe(3);
  });

  test("during whose trial the daemon was killed is refused at the next start", async () => {
    const { pushed, file } = box();
    pushed.offer(signed(5, {}));
    await pushed.next();
    const again = box(file).pushed;
    expect(again.initial()).toBeUndefined();
    expect(again.state.refused).toMatchObject({ version: 5, why: expect.stringContaining("ended while it tried") });
  });

  test("that is repeated is not tried again", async () => {
    const { pushed, lines } = box();
    pushed.offer(signed(5, {}));
    (await pushed.next()).accept();
    pushed.offer(signed(5, {}));
    pushed.offer(signed(6, { dial: { perMinute: 0 } }));
    const next = pushed.next();
    await new Promise<void>((resolve) => pushed.onChange(resolve));
    pushed.offer(signed(6, { dial: { perMinute: 0 } }));
    pushed.offer(signed(7, {}));
    (await next).accept();
    expect(pushed.state.version).toBe(7);
    expect(lines.filter((line) => line.includes("refused"))).toHaveLength(1);
  });

  test("that has become invalid with the box's own file is not used, and reported", async () => {
    const { pushed, file } = box();
    pushed.offer(signed(5, { dial: { perMinute: 3 } }));
    (await pushed.next()).accept();
    const changed = box(file, { own: own.replace("numbers", "nombres") }).pushed;
    expect(changed.initial()).toBeUndefined();
    expect(changed.state.refused).toMatchObject({ version: 5 });
  });

  test("does not make way for an older one when it can no longer be used, also after a restart", async () => {
    const { pushed, file } = box();
    pushed.offer(signed(5, { dial: { perMinute: 3 } }));
    (await pushed.next()).accept();
    box(file, { own: own.replace("numbers", "nombres") }).pushed.initial();
    const { pushed: repaired, lines } = box(file);
    repaired.offer(signed(4, { dial: { perMinute: 9 } }));
    expect(lines.join()).toContain("its version 4 is not newer than 5");
    repaired.offer(signed(6, { dial: { perMinute: 7 } }));
    expect((await repaired.next()).config.dial.perMinute).toBe(7);
  });

  test("is ignored by a box without the administrator's key", () => {
    const { pushed, file, lines } = box(undefined, { key: undefined });
    pushed.offer(signed(5, {}));
    expect(lines.join()).toContain("fleet.configKey is not configured");
    expect(existsSync(file)).toBe(false);
  });

  test("in a file that somebody has changed is not used", async () => {
    const { pushed, file } = box();
    pushed.offer(signed(5, { dial: { perMinute: 3 } }));
    (await pushed.next()).accept();
    writeFileSync(file, readFileSync(file, "utf8").replace("3", "30"));
    expect(box(file).pushed.initial()).toBeUndefined();
  });
});

test.each(["[]", "1", "{", "null"])("settings that are not an object are refused: %s", (text) => {
  expect(unpushable(text)).toMatch(/^The settings are not/);
});
