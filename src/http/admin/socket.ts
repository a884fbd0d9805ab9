/** The socket of the administrator's commands: a file that only root, the daemon's user and the group telesetd may open. */
import { chmodSync, chownSync, lstatSync, rmSync, type Stats } from "node:fs";
import { connect } from "node:net";
import type { Log } from "../../log/log.ts";
import { adminGroupId, maxSocketPath } from "../../platform/admin-socket.ts";
import { createServerFor, type HttpServer } from "../server.ts";
import { Followers, followPath, maxFollowMs, watchPath } from "./followers.ts";
import { type AdminOptions, adminRoutes } from "./routes.ts";

/** An open socket. */
export interface AdminSocket {
  /** Closes all connections within 2 s, and removes the file. */
  stop(): Promise<void>;
}

/** The socket belongs to another daemon, which runs. */
export class SocketInUse extends Error {}

/** The maximum number of open connections: each command has one, and more than a few at once are a mistake. */
const maxConnections = 16;

/** Deadlines in ms: for a request, and for its answer (a retry of thousands of events takes long). */
const deadlines = { headerMs: 10_000, answerMs: 120_000 } as const;

/**
 * Opens the socket at `path`; a file that a killed daemon left there is replaced. From its first moment on only its owner can
 * connect (mode 0600), and, if this machine has the group telesetd and the daemon may give it the file, that group (0660).
 * @param group the id of that group.
 * @throws SocketInUse if another process listens there.
 * @throws Error with the reason if it cannot be opened.
 */
export async function openAdminSocket(
  path: string,
  admin: AdminOptions,
  log: Log,
  group: number | undefined = adminGroupId(),
): Promise<AdminSocket> {
  await makeRoom(path);
  const followers = new Followers();
  const app = adminRoutes(admin, followers);
  app.onError((error, context) => {
    log.rarely("command failed").error("A command failed: internal error", { path: context.req.path, error: error.message });
    return context.json({ error: "Internal error in telesetd: journalctl -u telesetd has the reason." }, 500);
  });
  const server = createServerFor({
    app,
    limits: { connections: maxConnections, ...deadlines },
    answerMsOf: (path) => path === followPath || path === watchPath ? maxFollowMs : undefined,
    refusal: (_status, why) => jsonError(why),
    log,
  });
  try {
    listenPrivately(server, path);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new Error(`Cannot listen at ${path}: ${reasons[code ?? ""] ?? message}`, { cause: error });
  }
  if (group !== undefined) give(path, group, log);
  // Bun removes the file when it stops listening.
  const stop = (): Promise<void> => {
    followers.end();
    return server.stop();
  };
  return { stop };
}

const reasons: Record<string, string> = {
  ENOENT: "its folder does not exist: name another path with --socket",
  EACCES: "this user may not write its folder: name another path with --socket",
  EROFS: "its folder is read-only: name another path with --socket",
};

/** Removes the file that a killed daemon has left; a daemon that runs keeps its socket. */
async function makeRoom(path: string): Promise<void> {
  const bytes = Buffer.byteLength(path);
  if (bytes > maxSocketPath) {
    const expected = `expected at most ${maxSocketPath}: name a shorter one with --socket`;
    throw new Error(`Cannot listen at ${path}: the path has ${bytes} bytes, ${expected}`);
  }
  const found = look(path);
  if (found === undefined) return;
  if (!found.isSocket()) throw new Error(`Cannot listen at ${path}: it is not a socket: name another path with --socket`);
  const code = await tryToConnect(path);
  if (code === "ECONNREFUSED") return rmSync(path, { force: true });
  if (code === "ENOENT") return;
  throw new SocketInUse(
    code === undefined || code === "EAGAIN"
      ? `Another telesetd listens at ${path}: stop it, or give this one its own socket with --socket`
      : `Cannot listen at ${path}: a socket exists, and it is not known whether it is in use (${code}): remove it, or name another path with --socket`,
  );
}

function look(path: string): Stats | undefined {
  return lstatSync(path, { throwIfNoEntry: false });
}

/** Connects for a moment. @returns the error's code; undefined if somebody listens. */
function tryToConnect(path: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once("connect", () => {
      socket.destroy();
      resolve(undefined);
    });
    socket.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
  });
}

/** Listens at a socket that others cannot connect to, not even between its creation and a chmod. */
function listenPrivately(server: HttpServer, path: string): void {
  const before = process.umask(0o177);
  try {
    server.listen({ unix: path });
  } finally {
    process.umask(before);
  }
}

/**
 * Opens the socket to the group. The service may not give it away, but its own group has no other member: root then changes the
 * group (telesetd.service), and the mode is right already.
 */
function give(path: string, group: number, log: Log): void {
  try {
    chownSync(path, -1, group);
  } catch (error) {
    if (process.getgid?.() !== process.getuid?.()) {
      return log.info("The group telesetd cannot open the socket", { path, error: (error as Error).message });
    }
  }
  chmodSync(path, 0o660);
}

function jsonError(why: string): { readonly headers: Readonly<Record<string, string>>; readonly body: string } {
  const body = JSON.stringify({ error: why });
  return { headers: { "Content-Type": "application/json", "Content-Length": String(Buffer.byteLength(body)) }, body };
}
