/**
 * The switch of the bench: an event socket that sends each client what it asked for, by the filters' true rules
 * (simulator/freeswitch/filters.ts), and counts what that costs the switch. It answers what clients ask after a connect; it
 * has no calls of its own.
 */
import type { Socket, TCPSocketListener } from "bun";
import { Filters, Subscription } from "../simulator/freeswitch/filters.ts";
import { Clock, type Frame, type Parties } from "./frames.ts";

/** What one client costs the switch. */
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
  /** How often it has asked for the list of channels: telesetd looks twice after a connect. */
  looks = 0;
  #rest: Buffer[] = [];
  #text = "";

  constructor(readonly socket: Socket<unknown>) {}

  /** Bytes that the kernel does not take wait here; they are never dropped. */
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

  /** Whether all that was written is on its way. */
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

  /** @param heartbeat a frame that is sent every 20 s, as the switch does. */
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
   * Sends an event to all who want it. Gives the time just before it was written, in ns of the process's clock; nothing when
   * nobody wants it.
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

  /** What each client has cost so far, the oldest first. */
  costs(): Cost[] {
    return [...this.#clients].map(({ filters, events, bytes, commands }) => ({ filters: filters.size, events, bytes, commands }));
  }

  /** Resolves when so many clients are subscribed and have looked at the channels so often. */
  async settled(clients: number, looks: number): Promise<void> {
    const done = () => [...this.#clients].filter((each) => each.subscription.listening && each.looks >= looks).length >= clients;
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

/** The reply to one command, as mod_event_socket words it. */
function answer(client: Client, command: string): string {
  const [word = "", ...rest] = command.split("\n")[0]?.split(" ") ?? [];
  switch (word) {
    case "auth":
      return reply("+OK accepted");
    case "filter":
      return filter(client, rest);
    case "event":
      client.subscription.add(rest.slice(1).map((each) => each === "all" ? "ALL" : each));
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
