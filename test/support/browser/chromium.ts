/** Headless Chromium on the PC of a LAN, and what it sent: from its own net log. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Lan, Program } from "./lan.ts";

/** Debian's. */
export const chromium = "/usr/bin/chromium";

/** A request that Chromium sent, and the status of its answer. */
export interface Exchange {
  readonly method: string;
  /** Path and query. */
  readonly target: string;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** Absent: no answer has arrived yet. */
  status?: number;
}

const flags = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--window-size=200,100",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  // The evil page opens a window for each attack; a user who clicks along would allow that.
  "--disable-popup-blocking",
  // Invisible windows are otherwise deferred: no pictures of a style, no video, no refresh.
  "--disable-backgrounding-occluded-windows",
  "--disable-renderer-backgrounding",
  "--disable-background-timer-throttling",
];

/** How Chromium is started, besides the flags that are always there. */
export interface ChromiumOptions {
  readonly url: string;
  /** The name that resolves to the box; no other does. */
  readonly rebound: string;
  /** Another User-Agent than its own. */
  readonly agent?: string;
}

/** A running Chromium with a new, empty profile. */
export class Chromium {
  readonly #folder = mkdtempSync(join(tmpdir(), "telesetd-chromium-"));
  readonly #program: Program;
  readonly #said: Promise<string>;
  readonly #log = new NetLog();
  #read = 0;

  constructor(lan: Lan, { url, rebound, agent }: ChromiumOptions) {
    const more = [
      `--user-data-dir=${this.#folder}`,
      `--log-net-log=${join(this.#folder, "net.json")}`,
      `--host-resolver-rules=MAP ${rebound} ${lan.box}, MAP * ~NOTFOUND, EXCLUDE ${lan.box}, EXCLUDE localhost`,
      ...(agent === undefined ? [] : [`--user-agent=${agent}`]),
    ];
    this.#program = lan.run([chromium, ...flags, ...more, url], { HOME: this.#folder, DBUS_SESSION_BUS_ADDRESS: "" });
    this.#said = new Response(this.#program.stderr).text();
  }

  /** Rejects with its output when it ends. */
  async ended(): Promise<never> {
    const code = await this.#program.exited;
    throw new Error(`Chromium ended with ${code}: ${await this.#said}`);
  }

  /** What it has sent so far. Chromium writes its log some 15 events late: the latest may be missing. */
  sent(): readonly Exchange[] {
    const bytes = readFileSync(join(this.#folder, "net.json"));
    const end = bytes.lastIndexOf("\n") + 1;
    for (const line of bytes.toString("utf8", this.#read, end).split("\n")) this.#log.take(line);
    this.#read = end;
    return this.#log.exchanges;
  }

  /** Ends it and removes its profile. */
  async close(): Promise<void> {
    this.#program.kill("SIGTERM");
    const late = setTimeout(() => this.#program.kill("SIGKILL"), 3000);
    await this.#program.exited;
    clearTimeout(late);
    // Its children outlive it for a moment, and may still write.
    rmSync(this.#folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
  }
}

interface NetEvent {
  readonly type: number;
  readonly source: { readonly id: number };
  readonly params: { readonly line?: string; readonly headers: readonly string[]; readonly message?: string };
}

/** Reads a net log line by line: a line of constants, then one event a line. */
class NetLog {
  readonly exchanges: Exchange[] = [];
  readonly #open = new Map<number, Exchange>();
  #types: Readonly<Record<string, number>> = {};

  take(line: string): void {
    if (line.startsWith('{"constants":')) this.#types = JSON.parse(line.replace(/,$/, "}")).constants.logEventTypes;
    else if (line.startsWith('{"params":')) this.#event(JSON.parse(line.replace(/,$/, "")));
  }

  #event({ type, source, params }: NetEvent): void {
    const exchange = this.#open.get(source.id);
    if (type === this.#types["HTTP_TRANSACTION_SEND_REQUEST_HEADERS"]) {
      const [method = "", target = ""] = (params.line ?? "").split(" ");
      // Sent again over a new connection, as the old one had been closed meanwhile.
      if (exchange !== undefined && exchange.status === undefined) this.exchanges.splice(this.exchanges.indexOf(exchange), 1);
      const asked: Exchange = { method, target, headers: Object.fromEntries(params.headers.map(header)) };
      this.#open.set(source.id, asked);
      this.exchanges.push(asked);
    } else if (exchange !== undefined && type === this.#types["HTTP_TRANSACTION_READ_RESPONSE_HEADERS"]) {
      exchange.status = Number(params.headers[0]?.split(" ")[1]);
    } else if (exchange !== undefined && type === this.#types["WEBSOCKET_UPGRADE_FAILURE"]) {
      exchange.status = Number(/\d+$/.exec(params.message ?? "")?.[0]);
    }
  }
}

function header(line: string): [string, string] {
  const colon = line.indexOf(":");
  return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
}
