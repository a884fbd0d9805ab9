/**
 * The switch of the bench: an event socket that sends each client its selected events, with the exact rules of filters
 * (simulator/freeswitch/filters.ts), and counts the cost for the switch. It answers commands after a connect, and has no calls.
 */
import type { Socket, TCPSocketListener } from "bun";
import { Filters, Subscription } from "../simulator/freeswitch/filters.ts";
import { Clock, type Frame, type Parties } from "./frames.ts";

/** The cost of a client for the switch. */
export interface Cost {
  readonly filters: number;
  readonly events: number;
  readonly bytes: number;
  readonly commands: number;
}

/** One client. */
class Client {
  readonly filters = new Filters();
  readonly headers = new Set<string>();
  readonly subscription = new Subscription();
  events = 0;
  bytes = 0;
  commands = 0;
  /** How often it has requested the list of channels: telesetd does so twice after a connect. */
  looks = 0;
  #rest: Buffer[] = [];
  #text = "";

  constructor(readonly socket: Socket<unknown>) {}

  /** Queues bytes that the kernel does not accept; they are never dropped. */
  write(bytes: Buffer): void {
    if (this.#rest.length > 0) {
      this.#rest.push(bytes);
      return;
    }
    const taken = Math.max(0, this.socket.write(bytes));
    if (taken < bytes.length) this.#rest.push(bytes.subarray(taken));
  }

  drain(): void {
    const rest = this.#rest;
    this.#rest = [];
    for (const bytes of rest) this.write(bytes);
  }

  /** Whether everything has been written to the socket. */
  get idle(): boolean {
    return this.#rest.length === 0;
  }

  *commandsIn(data: Buffer): Generator<string> {
    this.#text += data.toString("latin1");
    for (let end = this.#text.indexOf("\n\n"); end >= 0; end = this.#text.indexOf("\n\n")) {
      const command = this.#text.slice(0, end).trim();
      this.#text = this.#text.slice(end + 2);
      this.commands++;
      yield command;
    }
  }

  wants(frame: Frame, parties: Parties): boolean {
    const { name, subclass } = frame;
    const event = { "Event-Name": name, ...(subclass === undefined ? {} : { "Event-Subclass": subclass }) };
    if (!this.subscription.wants(event)) return false;
    return this.filters.size === 0 || this.filters.passes(frame.seenBy(this.headers, parties));
  }
}

/** The switch, on a free port of loopback. */
export class Pbx {
  readonly #clients = new Set<Client>();
  readonly #waiters = new Set<() => void>();
  readonly #clock = new Clock();
  #listener: TCPSocketListener<Client> | undefined;
  #beat: ReturnType<typeof setInterval> | undefined;
  #sequence = 0;

  /** @param heartbeat a frame sent every 20 s, as a live switch does. */
  listen(heartbeat: Frame, parties: Parties): void {
    this.#listener = Bun.listen<Client>({
      hostname: "127.0.0.1",
      port: 0,
      socket: {
        open: (socket) => {
          socket.data = new Client(socket);
          socket.setNoDelay(true);
          this.#clients.add(socket.data);
          socket.data.write(Buffer.from("Content-Type: auth/request\n\n"));
        },
        data: (socket, data) => {
          for (const command of socket.data.commandsIn(data)) socket.data.write(Buffer.from(answer(socket.data, command)));
          this.#ask();
        },
        drain: (socket) => socket.data.drain(),
        close: (socket) => {
          this.#clients.delete(socket.data);
          this.#ask();
        },
        error: () => {},
      },
    });
    this.#beat = setInterval(() => this.publish(heartbeat, parties), 20_000);
  }

  get port(): number {
    return this.#listener?.port ?? 0;
  }

  /**
   * Sends an event to all clients that have selected it. Returns the time just before writing it, in ns of the process's clock;
   * undefined if no client has.
   */
  publish(frame: Frame, parties: Parties): number | undefined {
    let at: number | undefined;
    this.#sequence++;
    for (const client of this.#clients) {
      if (!client.wants(frame, parties)) continue;
      const bytes = frame.bytes(parties, this.#sequence, this.#clock);
      client.events++;
      client.bytes += bytes.length;
      at ??= Bun.nanoseconds();
      client.write(bytes);
    }
    return at;
  }

  /** The costs of the clients so far, oldest client first. */
  costs(): Cost[] {
    return [...this.#clients].map(({ filters, events, bytes, commands }) => ({ filters: filters.size, events, bytes, commands }));
  }

  /** Resolves when this number of clients has subscribed and requested the channels `looks` times. */
  async settled(clients: number, looks: number): Promise<void> {
    const done = () =>
      [...this.#clients].filter((client) => client.subscription.listening && client.looks >= looks).length >= clients;
    while (!done()) await new Promise<void>((wake) => this.#waiters.add(wake));
  }

  close(): void {
    clearInterval(this.#beat);
    this.#listener?.stop(true);
  }

  #ask(): void {
    const waiters = [...this.#waiters];
    this.#waiters.clear();
    for (const wake of waiters) wake();
  }
}

/** The reply to a command, with the text of mod_event_socket. */
function answer(client: Client, command: string): string {
  const [word = "", ...rest] = command.split("\n")[0]?.split(" ") ?? [];
  switch (word) {
    case "auth":
      return reply("+OK accepted");
    case "filter":
      return filter(client, rest);
    case "event":
      client.subscription.add(rest.slice(1).map((event) => event === "all" ? "ALL" : event));
      return reply("+OK event listener enabled json");
    case "api":
      return api(client, rest.join(" "));
    default:
      return reply("+OK");
  }
}

function filter(client: Client, [header = "", ...value]: string[]): string {
  if (header === "delete") {
    client.filters.remove(value[0] ?? "", value.slice(1).join(" "));
    return reply("+OK filter deleted.");
  }
  client.headers.add(header.toLowerCase());
  client.filters.add(header, value.join(" "));
  return reply("+OK filter added.");
}

function reply(text: string): string {
  return `Content-Type: command/reply\nReply-Text: ${text}\n\n`;
}

function api(client: Client, command: string): string {
  if (command.startsWith("show channels")) client.looks++;
  const body = command.startsWith("show channels")
    ? `{"row_count":0}\n`
    : command.startsWith("sofia_contact")
    ? `sofia/internal/sip:${command.replace(/^.*\//, "").replace(/@.*/, "")}-0x55cdefd68f40@127.0.0.1:5110`
    : "-ERR No such channel!\n";
  return `Content-Type: api/response\nContent-Length: ${body.length}\n\n${body}`;
}
