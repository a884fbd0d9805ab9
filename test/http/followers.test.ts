/** `GET /log/follow` on the administrator's socket. */
import { describe, expect, onTestFinished, test } from "bun:test";
import { createServer } from "node:http";
import { connect } from "node:net";
import { followLog } from "../../src/commands/follow.ts";
import { maxFollowers } from "../../src/http/admin/followers.ts";
import { openAdminSocket } from "../../src/http/admin/socket.ts";
import { Levels } from "../../src/log/level.ts";
import { openLog } from "../../src/log/log.ts";
import { quietAdmin, socketPath } from "../support/admin.ts";
import { until } from "../support/until.ts";

/** A daemon's log and socket. */
async function daemon() {
  const lines: string[] = [];
  const log = openLog((line) => void lines.push(line), "warning", false);
  const path = socketPath();
  const socket = await openAdminSocket(path, { ...quietAdmin, levels: new Levels(log, "warning") }, log);
  onTestFinished(() => socket.stop());
  return { log, lines, path, socket };
}

/** A command in progress. */
function following(socket: string) {
  let text = "";
  const write = (part: string) => void (text += part);
  const code = followLog({ config: "/nowhere.json", socket }, { out: write, err: write, terminal: false, environment: {} });
  return {
    code,
    shows: (part: string) => until(() => `"${part}" is not shown: ${text}`, () => text.includes(part)),
    text: () => text,
  };
}

describe("telesetd log follow", () => {
  test("shows what the level omits, to several followers; nothing more is written to the log", async () => {
    const { log, lines, path, socket } = await daemon();
    const all = [following(path), following(path)];
    await until(() => "nobody follows", () => log.tracing());
    const reached = () => all.every(({ text }) => text().includes("A call comes in"));
    await until(() => "an entry does not arrive", () => {
      log.info("A call comes in", { desk: "1001" });
      return reached();
    });
    expect(all[0]?.text()).toMatch(/^\d\d:\d\d:\d\d\.\d{3} {2}A call comes in {2}desk=1001$/m);
    expect(lines).toEqual([]);
    await socket.stop();
    for (const { code, text } of all) {
      expect(await code).toBe(1);
      expect(text()).toContain("telesetd has ended the connection");
    }
    expect(log.tracing()).toBe(false);
  });

  test("a follower too many gets the reason", async () => {
    const { log, path } = await daemon();
    const raw = Array.from({ length: maxFollowers }, () => rawFollower(path));
    await Promise.all(raw.map(({ begun }) => begun));
    const { code, text } = following(path);
    expect(await code).toBe(1);
    expect(text()).toBe(`${maxFollowers} commands follow this telesetd already: end one of them.\n`);
    for (const { socket } of raw) socket.destroy();
    await until(() => "somebody follows", () => !log.tracing());
  });

  test("a follower that does not read is cut off, and the log continues", async () => {
    const { log, path } = await daemon();
    const { begun, socket, closed } = rawFollower(path);
    await begun;
    socket.pause();
    const message = "x".repeat(65_536);
    let written = 0;
    await until(() => "it still follows", () => {
      for (let n = 0; n < 4; n++) log.trace("from the switch", { event: message });
      written += 4;
      return !log.tracing();
    });
    expect(written).toBeLessThan(1000);
    socket.resume();
    await closed;
  });
});

test("a daemon that is killed ends the command", async () => {
  const path = socketPath();
  const dying = createServer((request, answer) => {
    if (request.url !== "/log/follow") return void answer.end("{}");
    answer.write("\n");
    setImmediate(() => request.socket.destroy());
  });
  dying.listen(path);
  onTestFinished(() => void dying.close());
  const { code, text } = following(path);
  expect(await code).toBe(1);
  expect(text()).toContain("telesetd has ended the connection");
});

test("a follower that reads gets more than may wait for it", async () => {
  const { log, path } = await daemon();
  const { shows } = following(path);
  await until("nobody follows", () => log.tracing());
  for (let n = 1; n <= 40; n++) {
    log.info(`entry ${n}.`, { body: "x".repeat(65_536) });
    await shows(`entry ${n}.`);
  }
});

/** A connection that follows; `begun` resolves with the first bytes. */
function rawFollower(path: string) {
  const socket = connect(path);
  const begun = Promise.withResolvers<void>();
  const closed = Promise.withResolvers<void>();
  socket.on("error", () => {});
  socket.once("data", () => begun.resolve());
  socket.once("close", () => closed.resolve());
  socket.write("GET /log/follow HTTP/1.1\r\nHost: localhost\r\n\r\n");
  onTestFinished(() => void socket.destroy());
  return { socket, begun: begun.promise, closed: closed.promise };
}
