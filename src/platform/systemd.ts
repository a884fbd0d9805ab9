/**
 * The service manager's side by sd_notify(3): readiness, the status line, and the watchdog. Told through `systemd-notify`,
 * because node has no unix datagrams.
 */
import { spawn } from "node:child_process";
import { oneLine } from "./text.ts";

/** Tells the service manager; resolves with what went wrong, if anything did. */
export type Notify = (...states: readonly string[]) => Promise<string | undefined>;

/** How long one telling may take, in ms. */
const notifyMs = 5000;

/** Tells the service manager, and waits until it is told; does nothing when there is none. */
export async function notify(...states: readonly string[]): Promise<string | undefined> {
  if (process.env["NOTIFY_SOCKET"] === undefined) return undefined;
  const told = Promise.withResolvers<string | undefined>();
  const child = spawn("systemd-notify", states, { stdio: "ignore", timeout: notifyMs, killSignal: "SIGKILL" });
  child.once("error", (error) => told.resolve(error.message));
  child.once("exit", (code, signal) => told.resolve(code === 0 ? undefined : `it ended with ${code ?? signal}`));
  return await told.promise;
}

/**
 * How often to ping the watchdog, in ms: half of what it waits, as sd_watchdog_enabled(3) advises. Nothing when there is no
 * watchdog, or it waits for another process.
 */
export function pingEvery(environment: Readonly<Record<string, string | undefined>>, pid: number): number | undefined {
  const { WATCHDOG_USEC: usec, WATCHDOG_PID: whose } = environment;
  if (usec === undefined || (whose !== undefined && Number(whose) !== pid)) return undefined;
  const ms = Number(usec) / 2000;
  return ms > 0 && Number.isFinite(ms) ? ms : undefined;
}

/** `STATUS=`, with what would begin another line of the message taken out (the text of a switch may be in it). */
export function statusState(text: string): string {
  return `STATUS=${oneLine(text).slice(0, 500)}`;
}

/** What the service manager is kept up to date with. */
export interface Reported {
  /** What is true now, in one line. */
  status(): string;
  /** What keeps the daemon from its work for good, in words: then the watchdog is not pinged. Nothing when it is alive. */
  stuck(): string | undefined;
}

/** What a reporter works with. */
export interface ReporterOptions {
  readonly notify: Notify;
  /** How often to ping the watchdog, in ms; absent: never. */
  readonly pingMs?: number;
  /** Steady ms. */
  readonly now: () => number;
  /** Says once that the watchdog is left alone, or that the service manager cannot be told. */
  readonly warn: (text: string, why: string) => void;
}

/** How often it is looked whether the status has changed, in ms: nothing is told more often. */
const lookMs = 1000;

/**
 * Keeps the service manager up to date from the daemon's own loop: the status when it has changed, at most once a second, and
 * a ping while nothing is stuck. A main loop that does not turn pings nobody. One telling at a time.
 */
export class Reporter {
  readonly #options: ReporterOptions;
  #reported: Reported | undefined;
  #timer: ReturnType<typeof setInterval> | undefined;
  #telling: Promise<unknown> | undefined;
  #status = "";
  #pinged = -Infinity;
  readonly #warned = new Set<string>();

  constructor(options: ReporterOptions) {
    this.#options = options;
  }

  /** Says that the daemon is ready, and keeps the service manager up to date from now on. */
  async ready(reported: Reported): Promise<void> {
    this.#reported = reported;
    this.#status = reported.status();
    await this.tell("READY=1", statusState(this.#status));
    this.#timer ??= setInterval(() => this.look(), Math.min(lookMs, this.#options.pingMs ?? lookMs));
  }

  /** Looks whether there is something to tell. */
  look(): void {
    if (this.#telling || !this.#reported) return;
    const states: string[] = [];
    const status = this.#reported.status();
    if (status !== this.#status) states.push(statusState(status));
    const { pingMs, now } = this.#options;
    // A little early rather than a whole look late.
    const due = pingMs !== undefined && now() - this.#pinged >= pingMs - lookMs / 10;
    if (due && this.#alive(this.#reported)) {
      states.push("WATCHDOG=1");
      this.#pinged = now();
    }
    this.#status = status;
    if (states.length > 0) void this.tell(...states);
  }

  #alive(reported: Reported): boolean {
    const why = reported.stuck();
    if (why !== undefined) this.#warn("The watchdog is not pinged any more: the service manager will start telesetd again", why);
    return why === undefined;
  }

  /** Tells this, after what is being told. */
  async tell(...states: readonly string[]): Promise<void> {
    const before = this.#telling;
    const telling = (async () => {
      await before;
      const why = await this.#options.notify(...states);
      if (why !== undefined) this.#warn("Cannot tell the service manager by systemd-notify", why);
    })();
    this.#telling = telling;
    await telling;
    if (this.#telling === telling) this.#telling = undefined;
  }

  /** Says that the daemon ends, and more. Nothing is on the way any more when this resolves. */
  async stop(...states: readonly string[]): Promise<void> {
    clearInterval(this.#timer);
    this.#reported = undefined;
    await this.tell("STOPPING=1", ...states);
  }

  #warn(text: string, why: string): void {
    if (this.#warned.has(text + why)) return;
    this.#warned.add(text + why);
    this.#options.warn(text, why);
  }
}
