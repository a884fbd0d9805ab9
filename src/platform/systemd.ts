/**
 * Notifications to the service manager (sd_notify(3)): readiness, the status line and the watchdog. Sent with the program
 * `systemd-notify`, because node has no unix datagram sockets.
 */
import { spawn } from "node:child_process";
import { oneLine } from "./text.ts";

/** Sends states to the service manager; resolves with the error, or undefined. */
export type Notify = (...states: readonly string[]) => Promise<string | undefined>;

/** Deadline for one notification, in ms. */
const notifyMs = 5000;

/** Sends states and waits until they are sent; does nothing without a service manager. */
export async function notify(...states: readonly string[]): Promise<string | undefined> {
  if (process.env["NOTIFY_SOCKET"] === undefined) return undefined;
  const sent = Promise.withResolvers<string | undefined>();
  const child = spawn("systemd-notify", states, { stdio: "ignore", timeout: notifyMs, killSignal: "SIGKILL" });
  child.once("error", (error) => sent.resolve(error.message));
  child.once("exit", (code, signal) => sent.resolve(code === 0 ? undefined : `it exited with ${code ?? signal}`));
  return await sent.promise;
}

/**
 * The interval of watchdog pings, in ms: half of the timeout, as sd_watchdog_enabled(3) recommends. Undefined without a
 * watchdog, or if it watches another process.
 */
export function pingEvery(environment: Readonly<Record<string, string | undefined>>, pid: number): number | undefined {
  const { WATCHDOG_USEC: usec, WATCHDOG_PID: watched } = environment;
  if (usec === undefined || (watched !== undefined && Number(watched) !== pid)) return undefined;
  const ms = Number(usec) / 2000;
  return ms > 0 && Number.isFinite(ms) ? ms : undefined;
}

/** `STATUS=` without control characters: text from a switch must not start another line of the message. */
export function statusState(text: string): string {
  return `STATUS=${oneLine(text).slice(0, 500)}`;
}

/** The state of the daemon for the service manager. */
export interface Reported {
  /** The current status, in one line. */
  status(): string;
  /** Why the daemon is permanently stuck, as a sentence; the watchdog is then not pinged. Undefined while it is alive. */
  stuck(): string | undefined;
}

/** Collaborators of a reporter. */
export interface ReporterOptions {
  readonly notify: Notify;
  /** The interval of watchdog pings, in ms; absent: no pings. */
  readonly pingMs?: number;
  /** Steady ms. */
  readonly now: () => number;
  /** Warns, once per problem, that the watchdog is not pinged or the service manager cannot be notified. */
  readonly warn: (text: string, why: string) => void;
}

/** The interval at which the status is checked for changes, in ms: most of what an idle daemon does. */
const checkMs = 5000;
/** A check that is early by less than this, in ms, counts as on time. */
const maxTimerJitter = 100;

/**
 * Keeps the service manager up to date: sends the status when it has changed, at most every 5 s, and pings the watchdog
 * while nothing is stuck. It runs in the main event loop, so a blocked loop stops the pings. One notification at a time.
 */
export class Reporter {
  readonly #options: ReporterOptions;
  #reported: Reported | undefined;
  #timer: ReturnType<typeof setInterval> | undefined;
  #sending: Promise<unknown> | undefined;
  #status = "";
  #pinged = -Infinity;
  readonly #warned = new Set<string>();

  constructor(options: ReporterOptions) {
    this.#options = options;
  }

  /** Reports that the daemon is ready, and keeps the service manager up to date from now on. */
  async ready(reported: Reported): Promise<void> {
    this.#reported = reported;
    this.#status = reported.status();
    await this.send("READY=1", statusState(this.#status));
    this.#timer ??= setInterval(() => this.check(), Math.min(checkMs, this.#options.pingMs ?? checkMs));
  }

  /** Sends a changed status and a ping that is due. */
  check(): void {
    if (this.#sending || !this.#reported) return;
    const states: string[] = [];
    const status = this.#reported.status();
    if (status !== this.#status) states.push(statusState(status));
    const { pingMs, now } = this.#options;
    // Slightly early rather than one check late.
    const due = pingMs !== undefined && now() - this.#pinged >= pingMs - maxTimerJitter;
    if (due && this.#alive(this.#reported)) {
      states.push("WATCHDOG=1");
      this.#pinged = now();
    }
    this.#status = status;
    if (states.length > 0) void this.send(...states);
  }

  #alive(reported: Reported): boolean {
    const why = reported.stuck();
    if (why !== undefined) this.#warn("Watchdog pings stopped: the service manager will restart telesetd", why);
    return why === undefined;
  }

  /** Sends states, after the notification in progress. */
  async send(...states: readonly string[]): Promise<void> {
    const before = this.#sending;
    const sending = (async () => {
      await before;
      const why = await this.#options.notify(...states);
      if (why !== undefined) this.#warn("Cannot notify the service manager with systemd-notify", why);
    })();
    this.#sending = sending;
    await sending;
    if (this.#sending === sending) this.#sending = undefined;
  }

  /** Reports that the daemon is stopping, with further states; resolves when everything has been sent. */
  async stop(...states: readonly string[]): Promise<void> {
    clearInterval(this.#timer);
    this.#reported = undefined;
    await this.send("STOPPING=1", ...states);
  }

  #warn(text: string, why: string): void {
    if (this.#warned.has(text + why)) return;
    this.#warned.add(text + why);
    this.#options.warn(text, why);
  }
}
