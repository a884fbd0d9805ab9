/** The administrator's socket for tests, with endpoints that answer nothing in particular. */
import { onTestFinished } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { AdminOptions, ConfigInForce } from "../../src/http/admin/routes.ts";
import { openAdminSocket } from "../../src/http/admin/socket.ts";
import { openLog } from "../../src/log/log.ts";
import { noSuchEvent } from "../../src/outbox/admin.ts";

/** The configuration of a daemon without a file. */
const inForce: ConfigInForce = {
  read: "2026-01-05T10:31:00.000Z",
  fingerprint: "0000",
  host: "127.0.0.1",
  port: 8090,
};

/** An outbox with nothing in it. */
const emptyOutbox = {
  *pages() {},
  show: () => undefined,
  retry: () => ({ status: 404, why: noSuchEvent }) as const,
  retryAll: () => Promise.resolve({ retried: 0, full: false }),
  drop: () => ({ status: 404, why: noSuchEvent }) as const,
};

/** Endpoints for tests of something else. */
export const quietAdmin: AdminOptions = {
  config: inForce,
  status: () => ({ desks: 1 }),
  outbox: emptyOutbox,
  calls: { *pages() {}, unknownDesk: () => undefined, find: () => ({ status: 404, why: "There is no such call on record." }) },
  dials: () => [],
  metrics: () => "",
  watch: () => () => {},
  makeCall: () => undefined,
};

/** A new path for a socket, whose folder is removed after the test. */
export function socketPath(): string {
  const folder = mkdtempSync(join(tmpdir(), "telesetd-socket-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return join(folder, "admin.sock");
}

/** Opens the socket until the end of the test. @returns its path. */
export async function openAdmin(part: Partial<AdminOptions> = {}, path = socketPath()): Promise<string> {
  const socket = await openAdminSocket(path, { ...quietAdmin, ...part }, openLog(() => {}, "error", false));
  onTestFinished(() => socket.stop());
  return path;
}
