/**
 * One client of the event socket: its login, its subscriptions, its commands answered in order.
 * Source: mod_event_socket.c, `parse_command`, `api_exec`, `auth_api_command`.
 */
import type { Socket } from "node:net";
import type { SwitchEvent } from "./events.ts";
import { Filters, Subscription } from "./filters.ts";
import { Outlet, type Pace } from "./outlet.ts";
import { apiResponse, authRequest, type Command, CommandReader, commandReply, disconnectNotice, eventPlain } from "./wire.ts";

/** An accepted `bgapi`: the backend runs it and fires BACKGROUND_JOB when it is done. */
export interface Job {
  readonly uuid: string;
  readonly command: string;
  readonly arg: string;
}

/** What answers commands: the simulated switch, or a recording. */
export interface Backend {
  /** Returns the text of an `api/response`, for which later commands of the connection wait. */
  api(command: string, arg: string): string | Promise<string>;
  bgapi(job: Job): void;
}

/** A login by `userauth`; without `api` or `events` everything is allowed. */
export interface Login {
  /** `user@domain` */
  readonly user: string;
  readonly password: string;
  readonly api?: readonly string[];
  /** Event names, in the order of `esl-allowed-events`; after CUSTOM, subclasses. */
  readonly events?: readonly string[];
}

/** Observes every frame and command: `in` is from the client. */
export type FrameTap = (direction: "in" | "out", text: string, connection: Connection) => void;

export interface ConnectionOptions {
  readonly backend: Backend;
  readonly password: string;
  readonly logins: readonly Login[];
  readonly onFrame: FrameTap | undefined;
  /** Called after each command and at the end of the connection. */
  readonly onChange: () => void;
}

/** API commands that run another command, which needs permission too. */
const wrappers = ["bgapi", "sched_api", "eval", "expand", "xml_wrap"];

export class Connection {
  readonly filters = new Filters();
  readonly subscription = new Subscription();
  /** The commands so far (the last 10,000): their first lines, `auth` without the password. */
  readonly commands: string[] = [];
  readonly #socket: Socket;
  readonly #outlet: Outlet;
  readonly #options: ConnectionOptions;
  readonly #reader = new CommandReader();
  readonly #waiting: Command[] = [];
  #busy = false;
  #open = true;
  #login: Login | "all" | undefined;
  #format: "plain" | "json" | "xml" = "plain";

  constructor(socket: Socket, options: ConnectionOptions) {
    this.#socket = socket;
    this.#options = options;
    this.#outlet = new Outlet(socket);
    socket.setNoDelay(true);
    socket.on("data", (chunk) => this.#take(typeof chunk === "string" ? Buffer.from(chunk) : chunk));
    socket.on("error", () => socket.destroy());
    socket.on("close", () => this.#over());
    this.#send(authRequest);
  }

  get open(): boolean {
    return this.#open;
  }

  get authorised(): boolean {
    return this.#login !== undefined;
  }

  /** Whether the client has logged in and subscribed to events, and can receive them. */
  get subscribed(): boolean {
    return this.#open && !this.#outlet.silent && this.authorised && this.subscription.listening;
  }

  /** Sends an event if the client has subscribed to it. `json` is shared by all clients, so that it is written only once. */
  deliver(event: SwitchEvent, json: () => string): void {
    if (!this.subscribed || !this.subscription.wants(event) || !this.filters.passes(event)) return;
    this.#send(this.#format === "json" ? json() : eventPlain(event));
  }

  /** Writes bytes unchanged, for example garbage or a partial frame. */
  raw(data: string | Uint8Array): void {
    this.#outlet.write(data);
  }

  set pace(pace: Pace) {
    this.#outlet.pace = pace;
  }

  /** Resolves when everything has been written to the socket. */
  drained(): Promise<void> {
    return this.#outlet.drained();
  }

  /** Closes the connection with FIN, after everything was sent. */
  fin(): void {
    void this.drained().then(() => this.#socket.end());
  }

  /** Resets the connection: RST. */
  rst(): void {
    this.#socket.resetAndDestroy();
  }

  /** Keeps the socket open but sends and answers nothing, like a power cut at the other end. */
  silence(): void {
    this.#outlet.silence();
  }

  /** Sends the switch's disconnect notice and closes the connection. */
  disconnect(message?: string): void {
    this.#send(disconnectNotice(message));
    this.fin();
  }

  #over(): void {
    this.#open = false;
    this.#options.onChange();
  }

  #send(frame: string): void {
    if (this.#outlet.silent) return;
    this.#options.onFrame?.("out", frame, this);
    this.#outlet.write(frame);
  }

  #take(chunk: Uint8Array): void {
    if (this.#outlet.silent) return;
    this.#waiting.push(...this.#reader.push(chunk));
    void this.#work();
  }

  async #work(): Promise<void> {
    if (this.#busy) return;
    this.#busy = true;
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      this.#note(next);
      const answer = this.#answer(next);
      this.#send(typeof answer === "string" ? answer : await answer);
      this.#options.onChange();
    }
    this.#busy = false;
  }

  #note(command: Command): void {
    const line = command.line.replace(/^((?:user)?auth) .*/i, "$1 ***");
    this.commands.push(line);
    if (this.commands.length > 10_000) this.commands.shift();
    this.#options.onFrame?.("in", line, this);
  }

  #answer(command: Command): string | Promise<string> {
    const { line } = command;
    if (starts(line, "exit") || starts(line, "...")) return this.#bye("+OK bye");
    if (!this.authorised) return this.#auth(line);
    if (starts(line, "filter ")) return commandReply(this.#filter(line.slice(7)));
    if (starts(line, "api ")) return this.#api(line.slice(4));
    if (starts(line, "bgapi ")) return this.#bgapi(line.slice(6), command.headers["job-uuid"]);
    if (starts(line, "event")) return commandReply(this.#event(words(line)));
    if (starts(line, "nixevent")) {
      return commandReply(this.subscription.remove(words(line)) ? "+OK events nixed" : "-ERR no keywords supplied");
    }
    if (starts(line, "noevents")) {
      return commandReply(this.subscription.clear() ? "+OK no longer listening for events" : "-ERR not listening for events");
    }
    if (starts(line, "sendmsg")) return commandReply(`-ERR invalid session id [${words(line)[0] ?? ""}]`);
    return commandReply("-ERR command not found");
  }

  /** The reply, then the disconnect notice and FIN. */
  #bye(text: string): string {
    queueMicrotask(() => this.disconnect());
    return commandReply(text);
  }

  #auth(line: string): string {
    if (starts(line, "auth ")) {
      if (line.slice(5) !== this.#options.password) return this.#bye("-ERR invalid");
      this.#login = "all";
      return commandReply("+OK accepted");
    }
    if (!starts(line, "userauth ")) return commandReply("-ERR command not found");
    const [, user, password] = /^([^:]*@[^:]*):(.*)$/.exec(line.slice(9)) ?? [];
    const login = this.#options.logins.find((login) => login.user === user && login.password === password);
    if (login === undefined) return this.#bye("-ERR invalid");
    this.#login = login;
    const events = login.events?.join(",") ?? "all";
    return commandReply(
      "+OK accepted",
      `Allowed-Events: ${events}\nAllowed-API: ${login.api?.join(",") ?? "all"}\nAllowed-LOG: true\n`,
    );
  }

  #filter(text: string): string {
    const [first = "", rest] = cut(text.replace(/^ */, ""));
    if (rest === undefined) return "-ERR invalid syntax";
    if (first.toLowerCase() === "delete") {
      const [header = "", value] = cut(rest);
      if (header.toLowerCase() === "all") this.filters.clear();
      else this.filters.remove(header, value);
      return `+OK filter deleted. [${header}][${value ?? ""}]`;
    }
    const [header, value = ""] = first.toLowerCase() === "add" ? cut(rest) : [first, rest];
    this.filters.add(header, value);
    return `+OK filter added. [${header}]=[${value}]`;
  }

  #event(args: string[]): string {
    const format = args[0]?.toLowerCase();
    if (format === "json" || format === "plain" || format === "xml") this.#format = format;
    const names = this.#format === format ? args.slice(1) : args;
    if (!this.#maySubscribe(names)) return "-ERR permission denied";
    return this.subscription.add(names) ? `+OK event listener enabled ${this.#format}` : "-ERR no keywords supplied";
  }

  #maySubscribe(names: readonly string[]): boolean {
    const allowed = this.#login === "all" ? undefined : this.#login?.events;
    return allowed === undefined || allowed.includes("ALL") || names.every((name) => allowed.includes(name));
  }

  #api(text: string): string | Promise<string> {
    const [command, arg = ""] = cut(text);
    if (!this.#mayRun(command, arg)) return commandReply("-ERR permission denied");
    const answer = this.#options.backend.api(command, arg);
    return typeof answer === "string" ? apiResponse(answer) : answer.then(apiResponse);
  }

  #bgapi(text: string, jobUuid: string | undefined): string {
    const [command, arg = ""] = cut(text);
    if (!this.#mayRun(command, arg)) return commandReply("-ERR permission denied");
    const uuid = jobUuid ?? crypto.randomUUID();
    // The reply is sent before the job starts, so that BACKGROUND_JOB can only follow it.
    queueMicrotask(() => this.#options.backend.bgapi({ uuid, command, arg }));
    return commandReply(`+OK Job-UUID: ${uuid}`, `Job-UUID: ${uuid}\n`);
  }

  #mayRun(command: string, arg: string): boolean {
    const allowed = this.#login === "all" ? undefined : this.#login?.api;
    if (allowed === undefined) return true;
    if (!allowed.includes(command)) return false;
    return arg === "" || !wrappers.includes(command.toLowerCase()) || this.#mayRun(...first(arg));
  }
}

function starts(line: string, prefix: string): boolean {
  return line.slice(0, prefix.length).toLowerCase() === prefix;
}

/** Splits at the first space. */
function cut(text: string): [string, string?] {
  const space = text.indexOf(" ");
  return space < 0 ? [text] : [text.slice(0, space), text.slice(space + 1)];
}

function first(text: string): [string, string] {
  const [head, rest = ""] = cut(text);
  return [head, rest];
}

/** The words after the first. */
function words(line: string): string[] {
  return line.split(" ").slice(1);
}
