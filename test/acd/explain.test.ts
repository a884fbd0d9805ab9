/** `telesetd explain NUMBER --desk N`: whether MakeCall would dial it, by the configuration and by what the daemon says. */
import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { explainAtDesk } from "../../src/commands/explain.ts";
import { newDesk } from "../../src/core/desk.ts";
import { status } from "../../src/status/status.ts";

const folder = mkdtempSync(join(tmpdir(), "telesetd-explain-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** A daemon that says this of desk 1001. */
const server = createServer((_, answer) => {
  const whole = status({ config: "0000", desks: [said], outbox: { waiting: 0 }, started: 0, now: 0 });
  answer.end(JSON.stringify(whole));
});
await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
afterAll(() => void server.close());

const well = {
  ...newDesk("1001"),
  line: { link: { up: true, to: "switch" }, phone: "registered" } as const,
  registration: { agent: "7", address: "10.0.0.7", port: 1 },
};
let said: ReturnType<typeof newDesk> = well;

/** What it says of desk 1001 with this configuration, and how it ends; with a daemon that says `desk`, or without one. */
async function explained(number: string, { dial = {}, desk, json = false, at = "1001" }: {
  dial?: Record<string, unknown>;
  desk?: ReturnType<typeof newDesk>;
  json?: boolean;
  at?: string;
} = {}): Promise<{ code: number; out: string; err: string }> {
  if (desk) said = desk;
  // Nobody listens on port 1.
  const port = desk ? (server.address() as AddressInfo).port : 1;
  const line = { driver: "freeswitch", password: "x", domain: "pbx" };
  const numbers = { deny: "^1900", emergency: "^112$" };
  const file = join(folder, "config.json");
  writeFileSync(
    file,
    JSON.stringify({ desks: [{ extension: "1001" }], line, numbers, dial, http: { host: "127.0.0.1", port } }),
  );
  const written = { out: "", err: "" };
  const io = {
    out: (text: string) => written.out += text,
    err: (text: string) => written.err += text,
    terminal: false,
    environment: {},
  };
  const code = await explainAtDesk({ number, desk: at, file, json }, io);
  return { code, ...written };
}

/** The last line: the one about the desk. */
async function verdict(...asked: Parameters<typeof explained>): Promise<string> {
  const { code, out, err } = await explained(...asked);
  expect([code, err]).toEqual([0, ""]);
  return out.trimEnd().split("\n").at(-1)?.trim() ?? "";
}

const limits = "unless it is still dialling another number, or has dialled 20 numbers within a minute or 1,000 within 24 hours " +
  "(dial.perMinute, dial.perDay)";
const denied = 'MakeCall at desk 1001 is refused: Cannot dial "19005550123": the administrator does not allow this number.';
const emergency = "it is an emergency number, which no limit holds back";
const down = { ...well, line: { link: { up: false, why: "reset" }, phone: "unknown" } as const };
const talking = {
  ...well,
  calls: [{ id: "L1", origin: "called", answered: true } as (typeof well.calls)[number]],
};
const called = {
  ...well,
  calls: [{ id: "L1", origin: "makecall", answerUnreported: true } as (typeof well.calls)[number]],
};

describe("while the daemon runs:", () => {
  const cases: [string, Parameters<typeof explained>, string][] = [
    ["all is well", ["14155550123", { desk: well }], `would be accepted now from agent 7: ${limits}`],
    [
      "for everybody",
      ["14155550123", { desk: { ...well, registration: null }, dial: { registeredOnly: false } }],
      `would be accepted now: ${limits}`,
    ],
    [
      "nobody is registered",
      ["14155550123", { desk: { ...well, registration: null } }],
      "would be refused now: nobody is registered there (dial.registeredOnly)",
    ],
    ["on a call", ["14155550123", { desk: talking }], `would be accepted now from agent 7: ${limits}`],
    [
      "on a call, where that counts",
      ["14155550123", { desk: talking, dial: { whileOnCall: false } }],
      "would be refused now: it is on a call (dial.whileOnCall)",
    ],
    [
      "on a call of which the switch does not report whether it was answered, where that counts",
      ["14155550123", { desk: called, dial: { whileOnCall: false } }],
      "would be refused now: it is on a call (dial.whileOnCall)",
    ],
    ["the link is down", ["14155550123", { desk: down }], "would be refused now: the connection to the phone system is down"],
    [
      "emergency",
      ["112", { desk: { ...talking, registration: null }, dial: { whileOnCall: false } }],
      `would be accepted now: ${emergency}`,
    ],
    ["emergency, the link is down", ["112", { desk: down }], "would be refused now: the connection to the phone system is down"],
  ];
  test.each(cases)("%s", async (_, asked, words) => expect(await verdict(...asked)).toBe(`MakeCall at desk 1001 ${words}`));
  test("a number that is denied", async () => expect(await verdict("19005550123", { desk: well })).toBe(denied));
});

describe("while it does not:", () => {
  const unknown = "The state of desk 1001 is not known: telesetd does not answer";
  test("what it hangs on is said", async () => {
    expect(await verdict("14155550123", { dial: { whileOnCall: false, perMinute: 20 } })).toBe(
      "MakeCall at desk 1001 is accepted while the switch is connected, from the agent who is registered there " +
        `(dial.registeredOnly), while it is on no call (dial.whileOnCall): ${limits}. ${unknown}`,
    );
    expect(await verdict("14155550123", { dial: { registeredOnly: false } })).toBe(
      `MakeCall at desk 1001 is accepted while the switch is connected: ${limits}. ${unknown}`,
    );
  });
  test("emergency", async () => {
    expect(await verdict("112")).toBe(
      `MakeCall at desk 1001 is accepted while the switch is connected: ${emergency}. ${unknown}`,
    );
  });
  test("a number that is denied", async () => expect(await verdict("19005550123")).toBe(denied));
});

test("a desk that is not served: 2, with those that are", async () => {
  expect(await explained("112", { at: "1009" })).toEqual({
    code: 2,
    out: "",
    err: "Cannot explain for desk 1009: the configuration has 1001\n",
  });
});

test("--json: accepted is true, false, or not said where it is not known", async () => {
  const accepted = async (...asked: Parameters<typeof explained>) =>
    JSON.parse((await explained(asked[0], { ...asked[1], json: true })).out).makeCall.accepted;
  expect(await accepted("14155550123", { desk: well })).toBe(true);
  expect(await accepted("14155550123", { desk: down })).toBe(false);
  expect(await accepted("19005550123")).toBe(false);
  expect(await accepted("14155550123")).toBeUndefined();
});
