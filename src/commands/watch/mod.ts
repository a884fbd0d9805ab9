/** `telesetd watch`: the state of the running daemon, live. */
import { watchPath } from "../../http/admin/followers.ts";
import { shortTime } from "../../platform/local-time.ts";
import type { Status } from "../../status/status.ts";
import type { WatchedState } from "../../status/watch.ts";
import { ask, askDaemon, type Place, socketFor } from "../ask.ts";
import { connectionEnded, entries } from "../follow.ts";
import type { Io } from "../io.ts";
import { changes } from "./changes.ts";
import { frame } from "./frame.ts";
import { Screen } from "./screen.ts";

/** Options of the command. */
export interface WatchOptions extends Place {
  readonly json?: boolean;
  /** Print times in UTC. */
  readonly utc?: boolean;
  /** Show customers' numbers. */
  readonly withNumbers?: boolean;
}

/** Where the state is shown. */
interface Display {
  show(state: WatchedState): void;
  /** The connection was lost, and why. */
  lost(why: string): void;
  close(): void;
}

/** How long to wait before the daemon is asked again, in ms. */
const retryMs = 1000;

/** Shows the state until the administrator quits. A daemon that stops or is killed is reported, and connected to again. */
export async function watch(options: WatchOptions, io: Io): Promise<number> {
  const first = await askDaemon<Status>(options, "GET", "/status", io);
  if (typeof first === "number") return first;
  const quit = new AbortController();
  const display = io.terminal && !options.json ? onTerminal(io, quit) : asLines(options, io);
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, () => quit.abort());
  let trouble: string | undefined;
  try {
    trouble = await follow(options, display, quit.signal);
  } finally {
    display.close();
  }
  if (trouble !== undefined) io.err(`${trouble}\n`);
  return trouble === undefined ? 0 : 1;
}

/** Shows the state until the signal is aborted. @returns why the state was never shown. */
async function follow(options: WatchOptions, display: Display, signal: AbortSignal): Promise<string | undefined> {
  const socket = socketFor(options);
  const path = `${watchPath}${options.withNumbers ? "?numbers=1" : ""}`;
  let shown = false;
  const take = (line: string): void => {
    shown = true;
    display.show(JSON.parse(line) as WatchedState);
  };
  while (!signal.aborted) {
    const why = await Promise.race([entries(socket, take, { path, signal }), aborted(signal)]) ?? "";
    if (signal.aborted) return undefined;
    if (!shown) return why;
    const answer = await ask(socket, "GET", "/config");
    // The daemon ends each connection after an hour.
    if ("value" in answer && why === connectionEnded) continue;
    display.lost("value" in answer ? why : `${answer.message} Waiting for it.`);
    await Promise.race([new Promise((resolve) => setTimeout(resolve, retryMs)), aborted(signal)]);
  }
  return undefined;
}

function aborted(signal: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(undefined);
    signal.addEventListener("abort", () => resolve(undefined), { once: true });
  });
}

/** How often ages are drawn again, in ms. */
const redrawMs = 1000;

/** q, Ctrl-C and Ctrl-D. */
const quitKeys = new Set(["q", "Q", "\x03", "\x04"]);

/** Draws on the alternate screen, reads q and Ctrl-C, and follows the size of the window. */
function onTerminal(io: Io, quit: AbortController): Display {
  const { stdin, stdout } = process;
  const screen = new Screen(io.out, io.environment["NO_COLOR"] === undefined);
  let state: WatchedState | undefined;
  let why: string | undefined;
  const draw = (all = false): void => {
    if (state === undefined) return;
    const [width, height] = stdout.getWindowSize?.() ?? [80, 24];
    screen.draw(frame(state, { width, height, now: Date.now(), lost: why }), all);
  };
  const resized = (): void => draw(true);
  const typed = (keys: Uint8Array): void => {
    if ([...new TextDecoder().decode(keys)].some((key) => quitKeys.has(key))) quit.abort();
  };
  const restore = (): void => screen.close();
  process.once("exit", restore);
  process.on("SIGWINCH", resized);
  if (stdin.isTTY) stdin.setRawMode(true).on("data", typed).resume();
  const timer = setInterval(draw, redrawMs);
  screen.open();
  return {
    show: (given) => {
      [state, why] = [given, undefined];
      draw();
    },
    lost: (given) => {
      why = given;
      draw();
    },
    close: () => {
      clearInterval(timer);
      process.off("SIGWINCH", resized);
      if (stdin.isTTY) stdin.setRawMode(false).off("data", typed).pause();
      screen.close();
      process.off("exit", restore);
    },
  };
}

/** Prints a line for each change, or the whole state as JSON. */
function asLines({ json, utc }: WatchOptions, io: Io): Display {
  let state: WatchedState | undefined;
  let why: string | undefined;
  const print = (text: string): void => {
    const now = new Date();
    io.out(`${utc ? now.toISOString() : shortTime(now)}  ${text}\n`);
  };
  return {
    show: (given) => {
      if (json) io.out(`${JSON.stringify(given)}\n`);
      else {
        if (why !== undefined) print("Connected to telesetd again.");
        for (const line of changes(state, given)) print(line);
      }
      [state, why] = [given, undefined];
    },
    lost: (given) => {
      if (given !== why && !json) print(given);
      if (given !== why && json) io.err(`${given}\n`);
      why = given;
    },
    close: () => {},
  };
}
