/** The administrator's socket: who may open it, what is in its place already, and its limits. */
import { describe, expect, onTestFinished, test } from "bun:test";
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { connect, createServer } from "node:net";
import { dirname, join } from "node:path";
import { exchange } from "../../src/commands/ask.ts";
import { openAdminSocket, SocketInUse } from "../../src/http/admin/socket.ts";
import { openLog } from "../../src/log/log.ts";
import { adminGroupId, maxSocketPath, socketBeside, socketOf } from "../../src/platform/admin-socket.ts";
import { openAdmin, quietAdmin, socketPath } from "../support/admin.ts";

const quiet = openLog(() => {}, "error", false);
const modeOf = (path: string) => (statSync(path).mode & 0o777).toString(8);

/** A socket whose listener is gone, as a killed daemon leaves it. */
async function left(path: string): Promise<void> {
  const script = `require("node:net").createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, "SIGKILL"))`;
  await Bun.spawn([process.execPath, "-e", script], { stdout: "ignore", stderr: "ignore" }).exited;
  expect(lstatSync(path).isSocket()).toBe(true);
}

/** Sends bytes and returns everything received until the end. */
function raw(path: string, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let received = "";
    const socket = connect(path, () => socket.write(text));
    socket.on("data", (data) => received += data.toString()).on("end", () => resolve(received)).on("error", reject);
  });
}

describe("who may open it:", () => {
  test("the owner alone, whatever the umask is", async () => {
    const before = process.umask(0);
    try {
      const path = socketPath();
      await openAdminSocket(path, quietAdmin, quiet, undefined);
      expect(modeOf(path)).toBe("600");
      expect(process.umask()).toBe(0);
    } finally {
      process.umask(before);
    }
  });

  test("also the group telesetd, if the daemon may give it the file", async () => {
    const path = socketPath();
    const group = process.getegid?.() ?? 0;
    const socket = await openAdminSocket(path, quietAdmin, quiet, group);
    expect([modeOf(path), statSync(path).gid]).toEqual(["660", group]);
    await socket.stop();
  });

  test("the mode is right already if only root may give it to the group: this process has the socket's own group alone", async () => {
    if (process.getuid?.() !== 0) return;
    const path = socketPath();
    const script = `
      process.setgroups([]), process.setgid(65533), process.setuid(65533);
      const { openAdminSocket } = await import(${JSON.stringify(join(import.meta.dir, "../../src/http/admin/socket.ts"))});
      const log = new Proxy({}, { get: () => () => {} });
      await openAdminSocket(${JSON.stringify(path)}, {}, log, 0);
      process.kill(process.pid, "SIGKILL");
    `;
    chownSync(dirname(path), 65533, 65533);
    await Bun.spawn([process.execPath, "-e", script], { stdout: "inherit", stderr: "inherit" }).exited;
    expect([modeOf(path), statSync(path).gid]).toEqual(["660", 65533]);
  });

  test("the group is that of the machine's own file of groups", () => {
    const file = join(dirname(socketPath()), "group");
    writeFileSync(file, "root:x:0:\nnottelesetd:x:7:\ntelesetd:x:4242:anna,otto\n");
    expect([adminGroupId(file), adminGroupId(`${file}.none`)]).toEqual([4242, undefined]);
    writeFileSync(file, "root:x:0:telesetd\n");
    expect(adminGroupId(file)).toBeUndefined();
  });
});

describe("an existing file:", () => {
  test("the socket of a killed daemon is replaced", async () => {
    const path = socketPath();
    await left(path);
    await openAdmin({}, path);
    expect((await exchange(path, "GET", "/status")).text).toBe('{"desks":1}');
  });

  test("that of a daemon that runs is not: the second one fails with the reason, the first one still answers", async () => {
    const path = await openAdmin();
    const second = openAdminSocket(path, quietAdmin, quiet);
    await expect(second).rejects.toThrow(SocketInUse);
    await expect(second).rejects.toThrow(
      `Another telesetd listens at ${path}: stop it, or give this one its own socket with --socket`,
    );
    expect((await exchange(path, "GET", "/status")).status).toBe(200);
  });

  test.each(["a file", "a folder", "a link to a file"])("%s is not touched", async (what) => {
    const path = socketPath();
    const target = `${path}.target`;
    writeFileSync(target, "precious");
    if (what === "a file") writeFileSync(path, "precious");
    else if (what === "a folder") mkdirSync(path);
    else symlinkSync(target, path);
    await expect(openAdminSocket(path, quietAdmin, quiet)).rejects.toThrow(`Cannot listen at ${path}: it is not a socket`);
    expect(existsSync(path)).toBe(true);
    if (what !== "a folder") expect(readFileSync(path, "utf8")).toBe("precious");
  });

  test("at its end it removes its file", async () => {
    const path = socketPath();
    await (await openAdminSocket(path, quietAdmin, quiet)).stop();
    expect(existsSync(path)).toBe(false);
  });
});

describe("its path:", () => {
  test("the longest possible one", async () => {
    const folder = dirname(socketPath());
    const path = join(folder, "x".repeat(maxSocketPath - folder.length - 1));
    await openAdmin({}, path);
    expect((await exchange(path, "GET", "/status")).status).toBe(200);
  });

  test("one byte more is a clear error", async () => {
    const folder = dirname(socketPath());
    const path = join(folder, "x".repeat(maxSocketPath - folder.length));
    await expect(openAdminSocket(path, quietAdmin, quiet)).rejects.toThrow(
      `Cannot listen at ${path}: the path has 108 bytes, expected at most 107: name a shorter one with --socket`,
    );
  });

  test("without its folder", async () => {
    const path = join(dirname(socketPath()), "none", "admin.sock");
    await expect(openAdminSocket(path, quietAdmin, quiet)).rejects.toThrow(
      `Cannot listen at ${path}: its folder does not exist: name another path with --socket`,
    );
  });

  test("in the runtime directory of the service, otherwise beside the store", () => {
    expect(socketBeside("/x/telesetd.db")).toBe("/x/telesetd.sock");
    expect(socketBeside("store")).toBe("store.sock");
    expect(socketOf({ RUNTIME_DIRECTORY: "/run/telesetd" }, "/x/a.db")).toBe("/run/telesetd/admin.sock");
    expect(socketOf({ RUNTIME_DIRECTORY: "/run/a:/run/b" }, "/x/a.db")).toBe("/run/a/admin.sock");
    expect(socketOf({}, "/x/a.db")).toBe("/x/a.sock");
  });
});

describe("its answers:", () => {
  test("JSON, also for a path that is not served and for an internal error", async () => {
    const path = await openAdmin({
      dials: () => {
        throw new Error("secret detail");
      },
    });
    expect(await exchange(path, "GET", "/config")).toEqual({ status: 200, text: JSON.stringify(quietAdmin.config) });
    expect(await exchange(path, "GET", "/nothing")).toEqual({
      status: 404,
      text: '{"error":"telesetd does not serve GET /nothing."}',
    });
    expect(await exchange(path, "GET", "/dials")).toEqual({
      status: 500,
      text: '{"error":"Internal error in telesetd: journalctl -u telesetd has the reason."}',
    });
  });

  test.each([
    ["garbage", "garbage\r\n\r\n", "400", "not HTTP"],
    ["a long header", `GET /status HTTP/1.1\r\nX: ${"x".repeat(20_000)}\r\n\r\n`, "431", "too long"],
    ["a long body", "POST /outbox/retry HTTP/1.1\r\nHost: x\r\nContent-Length: 99999\r\n\r\n", "413", "body"],
  ])("%s is refused with JSON", async (_, text, status, why) => {
    const answer = await raw(await openAdmin(), text);
    expect(answer).toStartWith(`HTTP/1.1 ${status} `);
    expect(JSON.parse(answer.slice(answer.indexOf("\r\n\r\n") + 4)).error).toContain(why);
  });

  test("more than 16 connections at once are refused, until one ends", async () => {
    const path = await openAdmin();
    const idle = await Promise.all(Array.from({ length: 16 }, () => {
      const socket = connect(path);
      onTestFinished(() => void socket.destroy());
      return new Promise<typeof socket>((resolve) => socket.once("connect", () => resolve(socket)));
    }));
    expect((await exchange(path, "GET", "/status")).status).toBe(503);
    const ended = new Promise((resolve) => idle[0]?.once("close", resolve));
    idle[0]?.destroy();
    await ended;
    while ((await exchange(path, "GET", "/status")).status !== 200);
  });
});

test("a socket that this user may not try is left alone (skipped for root, who may)", async () => {
  if (process.getuid?.() === 0) return;
  const path = socketPath();
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(path, resolve));
  chmodSync(path, 0);
  await expect(openAdminSocket(path, quietAdmin, quiet)).rejects.toThrow("whether it is in use (EACCES)");
  server.close();
});
