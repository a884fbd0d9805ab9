/** How a command finds the running daemon, what it says when there is no answer, and when the daemon's file has changed. */
import { describe, expect, onTestFinished, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { dirname, join } from "node:path";
import { ask, type NoAnswer, socketFor } from "../../src/commands/ask.ts";
import { timeOf } from "../../src/commands/in-force.ts";
import { readConfig } from "../../src/commands/io.ts";
import { showStatus } from "../../src/commands/status.ts";
import { fingerprint } from "../../src/config/schema.ts";
import { serviceSocket } from "../../src/platform/admin-socket.ts";
import { status } from "../../src/status/status.ts";
import { openAdmin, socketPath } from "../support/admin.ts";

/** A program that listens at a new socket. */
async function listener(onConnection: Parameters<typeof createServer>[1] = () => {}): Promise<string> {
  const path = socketPath();
  const server = createServer((socket) => void onConnection?.(socket.on("error", () => {})));
  await new Promise<void>((resolve) => server.listen(path, resolve));
  onTestFinished(() => void server.close());
  return path;
}

const whyNot = async (socket: string, within?: number) => await ask(socket, "GET", "/status", within) as NoAnswer;
const start = "Start it, or name the socket of another daemon with --socket.";

describe("no answer:", () => {
  test("there is no socket, or its folder is a file", async () => {
    const socket = socketPath();
    expect(await whyNot(socket)).toMatchObject({
      message: `telesetd is not running: there is no socket ${socket}.`,
      advice: start,
    });
    writeFileSync(socket, "");
    const below = join(socket, "admin.sock");
    expect((await whyNot(below)).message).toBe(`telesetd is not running: there is no socket ${below}.`);
  });

  test("the daemon was killed", async () => {
    const socket = socketPath();
    const script = `require("node:net").createServer().listen(${
      JSON.stringify(socket)
    }, () => process.kill(process.pid, "SIGKILL"))`;
    await Bun.spawn([process.execPath, "-e", script], { stdout: "ignore", stderr: "ignore" }).exited;
    expect(await whyNot(socket)).toMatchObject({
      message: `telesetd is not running: the daemon of ${socket} was killed.`,
      advice: start,
    });
  });

  test("a file or a folder is at the path", async () => {
    const file = socketPath();
    writeFileSync(file, "");
    const folder = socketPath();
    mkdirSync(folder);
    for (const path of [file, folder]) {
      expect(await whyNot(path)).toEqual({
        message: `${path} is not a socket.`,
        advice: "Name telesetd's socket with --socket.",
      });
    }
  });

  test("it hangs", async () => {
    const socket = await listener();
    expect((await whyNot(socket, 50)).message).toBe(`telesetd is running, but does not answer at ${socket} within 0.05 s.`);
  });

  test("it ends the connection", async () => {
    const socket = await listener((connection) => connection.end());
    expect((await whyNot(socket)).message).toStartWith(`telesetd has not answered at ${socket} (`);
  });

  test("it is another program", async () => {
    const socket = await listener((connection) => connection.end("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"));
    expect((await whyNot(socket)).message).toContain(`The answer at ${socket} is not that of telesetd`);
  });
});

/** A configuration file with its store beside it, and a daemon that runs with it. */
function place(): { file: string; store: string; beside: string } {
  const folder = dirname(socketPath());
  const file = join(folder, "config.json");
  const store = join(folder, "telesetd.db");
  const line = { driver: "freeswitch", password: "x", domain: "d" };
  writeFileSync(file, JSON.stringify({ desks: [{ extension: "1001" }], line, store: { path: store } }));
  return { file, store, beside: join(folder, "telesetd.sock") };
}

describe("the socket of a command is", () => {
  test("the given one", () => expect(socketFor({ config: "/none", socket: "/a/b.sock" })).toBe("/a/b.sock"));

  test("that beside the store of the configuration, even if the file has errors", () => {
    const { file, store, beside } = place();
    expect(socketFor({ config: file })).toBe(beside);
    for (const text of [`\uFEFF{"store": {"path": "${store}"}, "desks": [,`, `{"nonsense": 1, "store": {"path": "${store}"}}`]) {
      writeFileSync(file, text);
      expect(socketFor({ config: file })).toBe(beside);
    }
  });

  test("the service's for the service's configuration, if it runs or if nothing exists", () => {
    expect(socketFor({ config: "/etc/telesetd/config.json" })).toBe(serviceSocket);
  });

  test("that beside the usual store without a file, or for a file without a store", () => {
    const { file } = place();
    writeFileSync(file, "{}");
    const usual = "/var/lib/telesetd/telesetd.sock";
    expect([socketFor({ config: file }), socketFor({ config: `${file}.none` })]).toEqual([usual, usual]);
  });
});

describe("the file of the daemon:", () => {
  const read = "2026-01-05T10:31:00.000Z";
  const runs = `the daemon runs on the configuration of ${timeOf(read)}.\n`;

  /** `telesetd status` of a daemon that has read this file; `edit` changes the file afterwards. */
  async function shown(edit: (file: string) => void): Promise<{ code: number; out: string; err: string; file: string }> {
    const { file } = place();
    const known = fingerprint(readConfig(file, { environment: {} }));
    const state = status({ config: known, desks: [], outbox: { waiting: 0 }, upSeconds: 0, now: 0 });
    const config = { file, read, fingerprint: known, host: "127.0.0.1", port: 1, prefix: "/k3y" };
    const socket = await openAdmin({ status: () => state, config });
    edit(file);
    const written = { out: "", err: "" };
    const io = {
      out: (text: string) => written.out += text,
      err: (text: string) => written.err += text,
      terminal: false,
      environment: {},
    };
    const code = await showStatus({ config: "/none", socket }, false, io);
    return { code, ...written, file };
  }

  test("unchanged: no warning; UWQ's URL is the one of the daemon", async () => {
    const { code, out, err } = await shown(() => {});
    expect([code, err]).toEqual([0, ""]);
    expect(out).toEndWith("\nGive UWQ this URL: http://127.0.0.1:1/k3y/\n");
  });

  test("wrong or missing: the daemon's answer, the number of errors, and since when it runs", async () => {
    const wrong = await shown((file) => writeFileSync(file, '{"desks": [], "line": {}}'));
    expect(wrong).toMatchObject({ code: 0, out: expect.stringContaining("outbox: 0 events waiting") });
    expect(wrong.err).toBe(`${wrong.file} has 2 errors (telesetd check): ${runs}`);
    const missing = await shown((file) => writeFileSync(file, ""));
    expect(missing.err).toBe(`${missing.file} has 1 error (telesetd check): ${runs}`);
  });

  test("changed: how to put it in force", async () => {
    const line = { driver: "freeswitch", password: "y", domain: "d" };
    const { err, file } = await shown((file) => writeFileSync(file, JSON.stringify({ desks: [{ extension: "1001" }], line })));
    expect(err).toBe(`${file} has changed (telesetd apply puts it in force): ${runs}`);
  });

  test("without a daemon the errors of the given file are counted", async () => {
    const { file, store, beside } = place();
    const asked = async () => {
      let err = "";
      const io = { out: () => {}, err: (text: string) => void (err += text), terminal: false, environment: {} };
      return [await showStatus({ config: file }, false, io), err];
    };
    const stopped = `telesetd is not running: there is no socket ${beside}. ${start}\n`;
    expect(await asked()).toEqual([1, stopped]);
    writeFileSync(file, JSON.stringify({ desks: [], line: {}, store: { path: store } }));
    expect(await asked()).toEqual([1, `${stopped}${file} has 2 errors (telesetd check).\n`]);
  });

  test("the time of an earlier day has its date", () => {
    const at = new Date(2026, 0, 5, 9, 7);
    expect(timeOf(at.toISOString(), new Date(2026, 0, 5, 23, 0))).toBe("09:07");
    expect(timeOf(at.toISOString(), new Date(2026, 0, 6, 1, 0))).toBe("2026-01-05 09:07");
  });
});
