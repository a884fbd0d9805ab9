/** Requests to the running daemon, over its socket. */
import { existsSync, lstatSync, readFileSync } from "node:fs";
import { request } from "node:http";
import { dirname } from "node:path";
import { usualStore } from "../config/schema.ts";
import { textAt } from "../config/text.ts";
import { adminGroup, adminGroupId, serviceSocket, socketBeside } from "../platform/admin-socket.ts";
import { version } from "../version.ts";
import { readOrErrors, troubleOfFile } from "./in-force.ts";
import { defaultConfig, type Io } from "./io.ts";

/** Which daemon a command is for. */
export interface Place {
  /** The configuration file. It may have errors, or not be the daemon's: it only helps to find the socket. */
  readonly config: string;
  /** The daemon's socket; default: see `socketFor`. */
  readonly socket?: string;
}

/** How long the daemon may be silent, in ms. */
const maxSilenceMs = 3000;

/**
 * The daemon's answer as JSON, or exit code 1 after an error message. Says on the error output when the daemon's file is no
 * longer the configuration in force.
 * @param within how long the daemon may be silent, in ms.
 */
export async function askDaemon<T>(
  place: Place,
  method: "GET" | "POST",
  path: string,
  io: Io,
  within: number = maxSilenceMs,
): Promise<T | number> {
  const socket = socketFor(place);
  const answer = await ask<T>(socket, method, path, within);
  if ("value" in answer) {
    const inForce = await ask<Parameters<typeof troubleOfFile>[0]>(socket, "GET", "/config");
    const trouble = "value" in inForce ? troubleOfFile(inForce.value, io) : undefined;
    if (trouble !== undefined) io.err(`${trouble}\n`);
    return answer.value;
  }
  io.err(`${answer.message}${answer.advice === "" ? "" : ` ${answer.advice}`}\n`);
  const file = answer.isStopped ? readOrErrors(place.config, io) : undefined;
  if (typeof file === "string") io.err(`${file}.\n`);
  return 1;
}

/**
 * The socket to use when none is given: the service's for the service's configuration, otherwise the one beside the store of the
 * configuration, which may have errors; of the two, the one that exists.
 */
export function socketFor({ config, socket }: Place): string {
  if (socket !== undefined) return socket;
  const beside = socketBeside(storeOf(config));
  const [first, second] = config === defaultConfig ? [serviceSocket, beside] : [beside, serviceSocket];
  return !isThere(first) && isThere(second) ? second : first;
}

function storeOf(config: string): string {
  try {
    return textAt(readFileSync(config, "utf8"), ["store", "path"]) ?? usualStore;
  } catch {
    return usualStore;
  }
}

/** There may be a socket that this user cannot see. */
function isThere(path: string): boolean {
  return look(path) !== undefined;
}

/** What is at the path; undefined if it does not exist. */
function look(path: string): "socket" | "other" | "denied" | undefined {
  try {
    const found = lstatSync(path, { throwIfNoEntry: false });
    return found && (found.isSocket() ? "socket" : "other");
  } catch (error) {
    return isDenied(error as NodeJS.ErrnoException) ? "denied" : undefined;
  }
}

/** Why there is no answer. */
export interface NoAnswer {
  readonly message: string;
  /** What to do; may be empty. */
  readonly advice: string;
  /** A daemon runs, as far as can be seen. */
  readonly runs?: true;
  /** There is no daemon of this socket. */
  readonly isStopped?: true;
}

/** One request: the value of the daemon's JSON, or why there is none. */
export async function ask<T>(
  socket: string,
  method: "GET" | "POST",
  path: string,
  within: number = maxSilenceMs,
): Promise<{ readonly value: T } | NoAnswer> {
  let answer: { readonly status: number; readonly text: string };
  try {
    answer = await exchange(socket, method, path, within);
  } catch (error) {
    return whyNoAnswer(socket, error as NodeJS.ErrnoException, within);
  }
  const value = parsed(answer.text) as T & { readonly error?: unknown } | undefined;
  if (answer.status === 200 && value !== undefined) return { value };
  if (typeof value?.error === "string") return { message: value.error, advice: "" };
  const message = `The answer at ${socket} is not that of telesetd ${version} (status ${answer.status}).`;
  return { runs: true, message, advice: `Restart it: systemctl restart telesetd; or find the program: ss -lxp src ${socket}` };
}

/** The value of a JSON text; undefined if it is not JSON. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function whyNoAnswer(socket: string, error: NodeJS.ErrnoException, within: number): NoAnswer {
  const code = error.code ?? "";
  if (isDenied(error)) {
    const others = adminGroupId() === undefined ? "" : `, or join the group ${adminGroup}`;
    return { message: `Permission denied at ${socket}.`, advice: `Run this as root, with sudo${others}.` };
  }
  const found = look(socket);
  if (found === undefined) return notThere(socket);
  if (found === "other") return { message: `${socket} is not a socket.`, advice: "Name telesetd's socket with --socket." };
  if (code === "ECONNREFUSED") {
    return {
      isStopped: true,
      message: `telesetd is not running: the daemon of ${socket} was killed.`,
      advice: adviceToStart(socket),
    };
  }
  if (code === "EAGAIN" || code === silent) {
    const message = `telesetd is running, but does not answer at ${socket} within ${within / 1000} s.`;
    return {
      runs: true,
      message,
      advice: "The watchdog restarts a service that hangs for 30 s; otherwise: systemctl restart telesetd",
    };
  }
  return {
    runs: true,
    message: `telesetd has not answered at ${socket} (${code || error.message}).`,
    advice: "It may be stopping, or have too many commands at once: try again.",
  };
}

function notThere(socket: string): NoAnswer {
  // systemd removes the folder when the service stops.
  if (socket !== serviceSocket || !existsSync(dirname(socket))) {
    return { isStopped: true, message: `telesetd is not running: there is no socket ${socket}.`, advice: adviceToStart(socket) };
  }
  return {
    runs: true,
    message:
      `The service telesetd is running, but has no socket ${socket}: it is starting, is older than 0.2.0, or cannot open it.`,
    advice: "Restart it with a valid file: telesetd apply; journalctl -u telesetd -n 20 shows more.",
  };
}

/** How to start the daemon of this socket. */
function adviceToStart(socket: string): string {
  if (socket === serviceSocket) {
    return "Start it: telesetd apply --start (it checks the file first); journalctl -u telesetd -n 20 shows why it stopped.";
  }
  return "Start it, or name the socket of another daemon with --socket.";
}

function isDenied({ code }: NodeJS.ErrnoException): boolean {
  return code === "EACCES" || code === "EPERM";
}

const silent = "silent";

/** Sends one request; rejects after `within` ms of silence. node:http ignores proxies of the environment. */
export function exchange(
  socketPath: string,
  method: string,
  path: string,
  within: number = maxSilenceMs,
): Promise<{ readonly status: number; readonly text: string }> {
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath, method, path, agent: false }, (response) => {
      const parts: Buffer[] = [];
      response.on("data", (part: Buffer) => {
        parts.push(part);
        late.refresh();
      });
      response.on("end", () => {
        clearTimeout(late);
        resolve({ status: response.statusCode ?? 0, text: Buffer.concat(parts).toString() });
      });
    });
    // Bun's own timeout does not run while a request connects. Reject first: a destroyed request may emit no error.
    const late = setTimeout(() => {
      reject(Object.assign(new Error(`no answer within ${within / 1000} s`), { code: silent }));
      asked.destroy();
    }, within);
    asked.on("error", (error) => {
      clearTimeout(late);
      reject(error);
    });
    asked.end();
  });
}
