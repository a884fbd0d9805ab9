/** `telesetd explain NUMBER --desk N`: whether MakeCall would dial the number, by the daemon or by the configuration alone. */
import { afterAll, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { explain } from "../../src/commands/explain.ts";
import { policyOf } from "../../src/app.ts";
import { fingerprint } from "../../src/config/schema.ts";
import { version } from "../../src/version.ts";
import { readConfig } from "../../src/commands/io.ts";
import { newCall } from "../../src/core/call.ts";
import { type Desk, newDesk } from "../../src/core/desk.ts";
import { foreseeMakeCall } from "../../src/core/dial/make-call.ts";
import { openAdminSocket } from "../../src/http/admin/socket.ts";
import { openLog } from "../../src/log/log.ts";
import { quietAdmin, socketPath } from "../support/admin.ts";
import { ownFolder } from "../support/folder.ts";

const folder = ownFolder();

/** A part of a daemon: its socket, and the decision for this desk 1001 with the configuration in the file. */
const file = join(folder, "config.json");
const read = () => readConfig(file, { environment: {} });
let unchanged = true;
const daemonSocket = join(folder, "admin.sock");
const daemon = await openAdminSocket(daemonSocket, {
  ...quietAdmin,
  makeCall: (extension, dialString) =>
    extension === "1001" && known !== undefined
      ? { ...foreseeMakeCall(known, dialString, 0, policyOf(read())), config: unchanged ? fingerprint(read()) : "0000" }
      : undefined,
}, openLog(() => {}, "error", false));
afterAll(() => daemon.stop());
const nobody = join(folder, "nobody.sock");

const well = {
  ...newDesk("1001"),
  line: { link: { up: true, to: "switch" }, phone: "registered" } as const,
  registration: { agent: "7", address: "10.0.0.7", port: 1 },
};
let known: Desk | undefined;

/** The output and exit code of explain with this configuration; with a daemon whose desk is `desk`, or without a daemon. */
async function explained(number: string, { dial = {}, desk, json = false, at = "1001", socket = desk ? daemonSocket : nobody }: {
  dial?: Record<string, unknown>;
  desk?: Desk;
  json?: boolean;
  at?: string;
  socket?: string;
} = {}): Promise<{ code: number; out: string; err: string }> {
  known = desk;
  const line = { driver: "freeswitch", password: "x", domain: "pbx" };
  const numbers = { deny: "^1900", emergency: "^112$" };
  const desks = [{ extension: "1001" }, { extension: "1002" }];
  writeFileSync(file, JSON.stringify({ desks, line, numbers, dial }));
  const written = { out: "", err: "" };
  const io = {
    out: (text: string) => written.out += text,
    err: (text: string) => written.err += text,
    terminal: false,
    environment: {},
  };
  const code = await explain({ number, desk: at, config: file, socket, json }, io);
  return { code, ...written };
}

/** The last line, about the desk. */
async function verdict(...asked: Parameters<typeof explained>): Promise<string> {
  const { code, out, err } = await explained(...asked);
  expect([code, err]).toEqual([0, ""]);
  return out.trimEnd().split("\n").at(-1)?.trim() ?? "";
}

const denied = 'Cannot dial "19005550123": the administrator does not allow this number.';
const emergency = "it is an emergency number, to which no limit applies";
const down: Desk = { ...well, line: { link: { up: false, why: "reset" }, phone: "unknown" } };
const linkDown =
  "would be refused now: Cannot dial: the connection to the phone system is down (reset). Dial on the phone itself.";
const talking: Desk = { ...well, calls: [{ ...newCall("L1", "called", well.registration, 0), answered: true }] };
const onCall = "would be refused now: Cannot dial: phone 1001 is on a call: end it first.";
const called: Desk = { ...well, calls: [{ ...newCall("L1", "makecall", well.registration, 0), answerUnreported: true }] };
const dial = { number: "14155550123", agent: "7", from: "10.0.0.7", since: 0, waiting: [], settled: false, lifted: false };
const dialling: Desk = {
  ...well,
  calls: [{ ...newCall("m1", "makecall", well.registration, 0), dial: { ...dial, dialString: dial.number } }],
};

describe("while the daemon runs:", () => {
  const cases: [string, Parameters<typeof explained>, string][] = [
    ["all is well", ["14155550123", { desk: well }], "would be accepted now from agent 7"],
    [
      "for everybody",
      ["14155550123", { desk: { ...well, registration: null }, dial: { registeredOnly: false } }],
      "would be accepted now",
    ],
    [
      "nobody is registered",
      ["14155550123", { desk: { ...well, registration: null } }],
      "would be refused now: Cannot dial: no agent is registered at phone 1001: log in to UWQ again.",
    ],
    ["on a call", ["14155550123", { desk: talking }], "would be accepted now from agent 7"],
    ["on a call, if that counts", ["14155550123", { desk: talking, dial: { whileOnCall: false } }], onCall],
    [
      "on a call whose answer the switch does not report, if that counts",
      ["14155550123", { desk: called, dial: { whileOnCall: false } }],
      onCall,
    ],
    [
      "too many dials within a minute",
      ["14155550123", { desk: { ...well, dialled: { day: 0, inDay: 2, minute: [0, 0] } }, dial: { perMinute: 2 } }],
      "would be refused now: Cannot dial: phone 1001 has dialled 2 numbers within a minute, which is the maximum: " +
      "wait a moment.",
    ],
    [
      "another number is being dialled",
      ["14155550999", { desk: dialling }],
      "would be refused now: Phone 1001 is still dialling another number: hang up first.",
    ],
    [
      "the number itself is being dialled",
      ["14155550123", { desk: dialling }],
      "would be accepted now from agent 7: the phone is dialling this number already",
    ],
    ["the link is down", ["14155550123", { desk: down }], linkDown],
    [
      "emergency",
      ["112", { desk: { ...talking, registration: null }, dial: { whileOnCall: false } }],
      `would be accepted now: ${emergency}`,
    ],
    ["emergency, the link is down", ["112", { desk: down }], linkDown],
    ["a number that is denied", ["19005550123", { desk: well }], `would be refused now: ${denied}`],
  ];
  test.each(cases)("%s", async (_, asked, words) => expect(await verdict(...asked)).toBe(`MakeCall at desk 1001 ${words}`));
});

describe("without a daemon the configuration alone decides:", () => {
  const unknown = "Whether it would be accepted now is not known: telesetd is not running: ";
  test("a number that may be dialled", async () => {
    expect(await verdict("14155550123")).toStartWith(
      "MakeCall at desk 1001 is allowed by the configuration, within the limits dial.registeredOnly, dial.whileOnCall, " +
        `dial.perMinute and dial.perDay. ${unknown}`,
    );
  });
  test("emergency", async () => {
    expect(await verdict("112")).toStartWith(`MakeCall at desk 1001 is allowed by the configuration: ${emergency}. ${unknown}`);
  });
  test("a number that is denied", async () =>
    expect(await verdict("19005550123")).toBe(`MakeCall at desk 1001 is refused by the configuration: ${denied}`));
});

test("a desk that the running daemon does not serve yet", async () => {
  expect(await verdict("14155550123", { desk: well, at: "1002" })).toEndWith(
    "Whether it would be accepted now is not known: This telesetd does not serve desk 1002.",
  );
});

test("a daemon with another configuration than this file", async () => {
  unchanged = false;
  const caveat = "The daemon runs with another configuration than this file.";
  expect(await verdict("14155550123", { desk: well })).toBe(
    `MakeCall at desk 1001 would be accepted now from agent 7. ${caveat}`,
  );
  expect(await verdict("14155550123", { desk: down })).toBe(`MakeCall at desk 1001 ${linkDown} ${caveat}`);
  unchanged = true;
});

test.each([[200, "hello"], [404, "<h1>Not found</h1>"], [502, ""]])(
  "another program at the socket, which answers %p %p",
  async (status, body) => {
    const socket = socketPath();
    using _server = Bun.serve({ unix: socket, fetch: () => new Response(body, { status }) });
    const trouble = `The answer at ${socket} is not that of telesetd ${version} (status ${status}).`;
    expect(await verdict("14155550123", { at: "1001", socket })).toContain(`is not known: ${trouble}`);
  },
);

test("a desk that is not in the configuration: exit code 2, with the desks that are", async () => {
  expect(await explained("112", { at: "1009" })).toEqual({
    code: 2,
    out: "",
    err: "Desk 1009 is not in the configuration: expected 1001, 1002.\n",
  });
});

test("--json: accepted is true, false, or absent where it is not known", async () => {
  const accepted = async (...asked: Parameters<typeof explained>) =>
    JSON.parse((await explained(asked[0], { ...asked[1], json: true })).out).makeCall.accepted;
  expect(await accepted("14155550123", { desk: well })).toBe(true);
  expect(await accepted("14155550123", { desk: down })).toBe(false);
  expect(await accepted("19005550123")).toBe(false);
  expect(await accepted("14155550123")).toBeUndefined();
});
