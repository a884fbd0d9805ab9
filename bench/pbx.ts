/**
 * The switch of the bench: the simulator's event socket, with the exact rules of `event` and `filter`. It answers the commands
 * after a connect, plays recorded frames, and counts what each client costs it.
 */
import { type Connection, EventSocketServer } from "../simulator/freeswitch/mod.ts";
import { type Frame, heartbeat, newParties, type Parties } from "./frames.ts";
import { now } from "./measure.ts";

/** The cost of a client for the switch. */
export type Cost = Readonly<Record<"filters" | "events" | "bytes" | "commands", number>>;

export class Pbx {
  readonly #server = new EventSocketServer({ backend: { api, bgapi: () => {} }, onFrame: (...frame) => this.#tap(...frame) });
  readonly #counts = new WeakMap<Connection, { events: number; bytes: number; commands: number; looks: number }>();
  /** The headers that have filters: no others are filled in to decide who gets an event. */
  readonly #headers = new Set(["Event-Name", "Event-Subclass"]);
  readonly #beat = setInterval(() => this.publish(heartbeat, newParties("1001")), 20_000);
  #sequence = 100_000_000;
  #isPlaying = false;
  #at: number | undefined;

  /** Listens on a free port of loopback. */
  static async open(): Promise<Pbx> {
    const pbx = new Pbx();
    await pbx.#server.listen();
    return pbx;
  }

  get port(): number {
    return this.#server.port;
  }

  /** Sends an event to all clients that have selected it. Returns the time just before writing it, undefined if no client has. */
  publish(frame: Frame, parties: Parties): number | undefined {
    this.#sequence++;
    this.#at = undefined;
    this.#isPlaying = true;
    const seen = frame.seenBy(this.#headers, parties);
    for (const connection of this.#server.connections) connection.deliver(seen, () => frame.text(parties, this.#sequence));
    this.#isPlaying = false;
    return this.#at;
  }

  /** The costs of the clients so far, oldest client first. */
  costs(): Cost[] {
    return this.#server.connections.map((connection) => {
      const { events, bytes, commands } = this.#countsOf(connection);
      return { filters: connection.filters.size, events, bytes, commands };
    });
  }

  /** Resolves when a client has subscribed to events, and requested the list of channels `looks` times. */
  settled(looks: number): Promise<void> {
    const isSettled = (connection: Connection) => connection.subscribed && this.#countsOf(connection).looks >= looks;
    return this.#server.until(({ connections }) => connections.some(isSettled));
  }

  close(): void {
    clearInterval(this.#beat);
    this.#server.close();
  }

  #countsOf(connection: Connection) {
    const counts = this.#counts.get(connection) ?? { events: 0, bytes: 0, commands: 0, looks: 0 };
    this.#counts.set(connection, counts);
    return counts;
  }

  #tap(direction: "in" | "out", text: string, connection: Connection): void {
    const counts = this.#countsOf(connection);
    if (direction === "in") {
      counts.commands++;
      if (text.startsWith("api show channels")) counts.looks++;
      const [, header] = /^filter (?!delete )(\S+)/.exec(text) ?? [];
      if (header) this.#headers.add(header);
      // They are counted: a long run would keep them all.
      connection.commands.length = 0;
    } else if (this.#isPlaying) {
      counts.events++;
      counts.bytes += Buffer.byteLength(text);
      this.#at ??= now();
    }
  }
}

function api(command: string, arg: string): string {
  if (command === "show") return `{"row_count":0}\n`;
  if (command !== "sofia_contact") return "-ERR No such channel!\n";
  return `sofia/internal/sip:${arg.replace(/^.*\//, "").replace(/@.*/, "")}-0x55cdefd68f40@127.0.0.1:5110`;
}
