/** A simulated FreeSWITCH on loopback with scripted phones and people, for the demo, the tests and the bench. */
import { answerApi } from "./api.ts";
import type { AttendedTransfer } from "./attended-transfer.ts";
import { behave } from "./behaviour.ts";
import { Callcenter } from "./callcenter.ts";
import type { Backend, FrameTap, Job, Login } from "./connection.ts";
import { DialledCall, type FarBehaviour, type HandsetBehaviour, parseOriginate } from "./dialled.ts";
import { type Group, GroupCall } from "./group.ts";
import type { Site } from "./site.ts";
import { type Inbound, InboundCall, ringInbound } from "./inbound.ts";
import { type Keypad, KeypadCall, type Pickup, pickUp } from "./keypad.ts";
import type { Pace } from "./outlet.ts";
import type { Handset } from "./parties.ts";
import { Phonebook } from "./phonebook.ts";
import { QueueCall, type QueueEntry } from "./queue.ts";
import { EventSocketServer, type Loss } from "./server.ts";
import { Switch } from "./switch.ts";
import type { Talk } from "./talk.ts";

export interface SimulatorOptions {
  /** Default `127.0.0.1`. */
  readonly domain?: string;
  /** The extensions of the site, all registered at the start; default 1001, 1002, 1003. */
  readonly extensions?: readonly string[];
  /** Default `support@default`; an empty list: mod_callcenter is not loaded. */
  readonly queues?: readonly string[];
  /** Default `ClueCon`. */
  readonly password?: string;
  readonly logins?: readonly Login[];
  /** 0, the default: any free port. */
  readonly port?: number;
  readonly onFrame?: FrameTap;
  readonly pace?: Pace;
  /** Milliseconds between HEARTBEATs, default 20,000. */
  readonly heartbeatMs?: number;
  /** Milliseconds per second of `originate_timeout`, default 1,000. */
  readonly secondMs?: number;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
}

export class Simulator implements Backend, Site {
  readonly server: EventSocketServer;
  readonly sw: Switch;
  /** The registered phones: `register`, `unregister` and `expire` fire their events. */
  readonly phones: Phonebook;
  readonly callcenter: Callcenter;
  /** The last 1,000 click-to-dials, oldest first. */
  readonly dialled: DialledCall[] = [];
  /** What a handset does when the daemon rings it; default: answers at once. */
  handsetDoes: HandsetBehaviour = { does: "answers" };
  /** What the dialled number does; default: answers at once. */
  farDoes: FarBehaviour = { does: "answers" };
  /** Whether BACKGROUND_JOB events are lost. */
  losesJobs = false;
  readonly #options: SimulatorOptions;
  readonly #timers = new Set<ReturnType<typeof setTimeout>>();
  readonly #dialWaiters: ((call: DialledCall) => void)[] = [];
  #beat: ReturnType<typeof setInterval> | undefined;
  #frozen: string | undefined;

  constructor(options: SimulatorOptions = {}) {
    this.#options = options;
    const { password = "ClueCon", logins = [], port = 0, pace = {}, onFrame } = options;
    this.server = new EventSocketServer({
      backend: this,
      password,
      logins,
      port,
      pace,
      ...(onFrame === undefined ? {} : { onFrame }),
    });
    this.sw = new Switch((event) => this.server.publish(event), options.now ?? Date.now, crypto.randomUUID());
    this.phones = new Phonebook(this.sw, options.domain ?? "127.0.0.1", options.extensions ?? ["1001", "1002", "1003"]);
    this.callcenter = new Callcenter(this.sw, options.queues ?? ["support@default"]);
  }

  get port(): number {
    return this.server.port;
  }

  /** Listens on loopback. Rejects if the port is in use. */
  async start(): Promise<void> {
    await this.server.listen();
    this.#beat ??= setInterval(() => this.sw.heartbeat(), this.#options.heartbeatMs ?? 20_000);
  }

  /** Stops everything at once. */
  stop(): void {
    clearInterval(this.#beat);
    this.#beat = undefined;
    this.#forget();
    this.server.close();
  }

  /** Starts a call to a desk; resolves when its phone rings. */
  inbound(call: Inbound): Promise<InboundCall> {
    return ringInbound(this, call);
  }

  /** Dials on a desk's keypad; continue with `farRings`, `earlyMedia`, `farAnswers`, ... */
  async keypad(call: Keypad): Promise<KeypadCall> {
    const keypad = new KeypadCall(this, call);
    await this.sent();
    return keypad;
  }

  /** A colleague (`via`) transfers a caller to the desk, blind; resolves when the desk's phone rings. */
  async blindTransferToDesk({ from, via, to }: { from: string; via: string; to: string }): Promise<InboundCall> {
    const first = await this.inbound({ from, to: via });
    await first.answer();
    return await first.blindTransferAway(to);
  }

  /** A colleague (`via`) transfers a caller to the desk, attended: continue with `answer`, then `complete`. */
  async attendedTransferToDesk({ from, via, to }: { from: string; via: string; to: string }): Promise<AttendedTransfer> {
    const first = await this.inbound({ from, to: via });
    await first.answer();
    return await first.attendedTransferAway(to);
  }

  /** A colleague's phone rings and the desk picks up the call; resolves when they talk. */
  async pickup(call: Pickup): Promise<Talk> {
    const ringing = await this.inbound({ from: call.from, to: call.ringsAt });
    return await pickUp(this, call, ringing);
  }

  /** A caller joins a queue, and is offered to an agent as soon as one is free (`offered`). */
  async queueCall(entry: QueueEntry): Promise<QueueCall> {
    const call = new QueueCall(this, this.callcenter, entry);
    await this.sent();
    return call;
  }

  /** Starts a call to several phones; resolves when they ring. */
  async ringGroup(group: Group): Promise<GroupCall> {
    const call = new GroupCall(this, group);
    await this.sent();
    return call;
  }

  /** Starts a call to an extension with two phones. */
  twoPhones({ from, to }: { from: string; to: string }): Promise<GroupCall> {
    return this.ringGroup({ from, number: to, members: [to, to] });
  }

  /** Resolves with the next click-to-dial, when the handset rings. */
  nextDialled(): Promise<DialledCall> {
    return new Promise((resolve) => this.#dialWaiters.push(resolve));
  }

  /** Loses every connection; calls continue, and clients may reconnect. */
  cut(how: Loss): void {
    this.server.cut(how);
  }

  /** Freezes the answer to `show channels`, as if its database lagged, until `thawChannels`. */
  freezeChannels(): void {
    this.#frozen = this.sw.legs.channels();
  }

  thawChannels(): void {
    this.#frozen = undefined;
  }

  /** Shuts down in order: SHUTDOWN, hang-ups, a notice, FIN; the port is closed until `restart`. */
  async shutdown(): Promise<void> {
    this.server.refuse();
    this.sw.fire("SHUTDOWN", { "Event-Info": "System Shutting Down" });
    for (const channel of [...this.sw.channels.values()]) this.sw.end(channel, "SYSTEM_SHUTDOWN");
    for (const connection of this.server.connections) connection.disconnect("The system is being shut down.\n");
    await this.server.until((server) => server.connections.length === 0);
    this.#forget();
  }

  /** Crashes (connections are lost in the given way) and restarts: a new Core-UUID, no legs, no agents. */
  async restart(how: Loss = "rst"): Promise<void> {
    this.cut(how);
    this.server.refuse();
    this.#forget();
    this.sw.restart(crypto.randomUUID());
    this.callcenter.forget();
    await this.server.listen();
  }

  #forget(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
    this.#frozen = undefined;
  }

  // The site, for scripted calls.

  handset(extension: string, device = 0): Handset {
    return this.phones.handset(extension, device);
  }

  knows(extension: string): boolean {
    return this.phones.knows(extension);
  }

  async sent(): Promise<void> {
    await Promise.all(this.server.connections.map((connection) => connection.drained()));
  }

  later(ms: number, step: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      step();
    }, ms);
    this.#timers.add(timer);
  }

  // The backend of the socket.

  api(command: string, arg: string): string | Promise<string> {
    if (command === "originate") return new Promise((resolve) => this.#originate(arg, resolve));
    const callcenter = this.#options.queues?.length === 0 ? undefined : this.callcenter;
    const { sw, phones } = this;
    const kill = (uuid: string, cause: string) => this.#kill(uuid, cause);
    return answerApi({ sw, phones, callcenter, frozenChannels: () => this.#frozen, kill }, command, arg);
  }

  bgapi(job: Job): void {
    if (job.command === "originate") this.#originate(job.arg, (text) => this.#jobDone(job, text));
    else void Promise.resolve(this.api(job.command, job.arg)).then((text) => this.#jobDone(job, text));
  }

  #jobDone({ uuid, command, arg }: Job, body: string): void {
    if (this.losesJobs) return;
    this.sw.fire("BACKGROUND_JOB", {
      "Job-UUID": uuid,
      "Job-Command": command,
      ...(arg === "" ? {} : { "Job-Command-Arg": arg }),
      "Content-Length": String(Buffer.byteLength(body)),
      _body: body,
    });
  }

  #originate(arg: string, report: (text: string) => void): void {
    const originate = parseOriginate(arg);
    if (originate === undefined) {
      return report("-USAGE: <call url> <exten>|&<application_name>(<app_args>) [<dialplan>] [<context>]\n");
    }
    const { extension, domain, variables } = originate;
    if (!this.knows(extension) || domain !== this.phones.domain) return report("-ERR SUBSCRIBER_ABSENT\n");
    const contacts = this.phones.contacts(extension);
    if (contacts.length === 0) return report("-ERR USER_NOT_REGISTERED\n");
    const call = new DialledCall(this, contacts, originate, report);
    this.dialled.push(call);
    if (this.dialled.length > 1_000) this.dialled.shift();
    this.#dialWaiters.shift()?.(call);
    const timeoutMs = (Number(variables["originate_timeout"]) || 60) * (this.#options.secondMs ?? 1_000);
    behave(this, call, { handset: this.handsetDoes, far: this.farDoes, timeoutMs });
  }

  #kill(uuid: string, cause: string): boolean {
    const channel = this.sw.channels.get(uuid);
    channel?.kill?.(cause);
    return channel !== undefined;
  }
}
