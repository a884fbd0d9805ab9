/** The SIP driver against the scripted drachtio-server with a small switch behind it, over TCP, with all that both say. */
import type { CommandResult, KnownLegs, LegFacts, Line, LineCommand, LineEvent } from "../../../src/core/line.ts";
import { type PbxOptions, SipPbx, type Sub } from "../../../simulator/drachtio/mod.ts";
import { type SipConfig, sipConfig } from "../../../drivers/sip/config.ts";
import { sip } from "../../../drivers/sip/mod.ts";
import { listeningLog } from "./peer.ts";
import { FakeTimers } from "../timers.ts";

/** What a rig is made of, where it differs from one desk 1001. */
export interface RigOptions {
  readonly pbx?: PbxOptions;
  /** The switch itself, where it is of another kind. */
  readonly at?: SipPbx;
  /** Deadlines may be shorter than the schema allows. */
  readonly config?: Partial<SipConfig>;
  readonly desks?: readonly string[];
  /** Time passes on its own: for what takes the driver several waits. Else it stands still until the test lets it pass. */
  readonly timeFlows?: boolean;
  /** What happens before the driver begins. */
  readonly before?: (pbx: SipPbx) => unknown;
}

type Of<T extends LineEvent["type"]> = Extract<LineEvent, { type: T }>;

/** A driver at work. */
export class Rig implements AsyncDisposable {
  readonly events: LineEvent[] = [];
  readonly lines: string[];
  /** The driver's clock: it stands still until a test lets time pass. Every pause is the shortest. */
  readonly timers = new FakeTimers();
  readonly line: Line;
  readonly ended: Promise<void>;
  known: ReturnType<KnownLegs> = [];
  readonly #stop = new AbortController();
  readonly #waiters = new Set<() => void>();

  private constructor(readonly pbx: SipPbx, { config = {}, desks = ["1001"], timeFlows = false }: RigOptions) {
    const { log, lines } = listeningLog();
    this.lines = lines;
    this.timers.chance = 0;
    const settings = sipConfig.parse({ driver: "sip", port: pbx.server.port, domain: "pbx", user: "1009", password: "s3cret" });
    const context = { desks: desks.map((extension) => ({ extension, aliases: [] })), variables: [], log, timers: this.timers };
    this.line = sip.open({ ...settings, ...config }, context);
    this.ended = this.#run();
    if (timeFlows) void this.#flow(() => this.#stop.signal.aborted);
  }

  /** Starts the switch, then the driver. */
  static async open(options: RigOptions = {}): Promise<Rig> {
    const pbx = options.at ?? new SipPbx(options.pbx);
    await pbx.server.listen();
    await options.before?.(pbx);
    return new Rig(pbx, options);
  }

  /** The same, and waits until the phone is watched. */
  static async ready(options: RigOptions = {}): Promise<Rig> {
    const rig = await Rig.open(options);
    await rig.next("phone");
    return rig;
  }

  /** The one subscription that stands. */
  get sub(): Sub {
    const [sub] = this.pbx.subscriptions.values();
    if (!sub) throw new Error("Cannot find a subscription: there is none");
    return sub;
  }

  /** Resolves with the first event of this type from number `from` on that passes the test. */
  async next<T extends LineEvent["type"]>(type: T, test: (event: Of<T>) => boolean = () => true, from = 0): Promise<Of<T>> {
    const find = () => this.events.slice(from).find((event): event is Of<T> => event.type === type && test(event as Of<T>));
    await this.until(() => find() !== undefined);
    return find() as Of<T>;
  }

  /** Resolves with the facts of the first leg event that pass the test. */
  async facts(test: (facts: LegFacts) => boolean, from = 0): Promise<LegFacts> {
    return (await this.next("leg", ({ facts }) => test(facts), from)).facts;
  }

  /** Resolves as soon as the test holds; asked again after every event and all that the server hears. */
  until(test: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const ask = () => {
        if (!test()) return;
        this.#waiters.delete(ask);
        resolve();
      };
      this.#waiters.add(ask);
      this.pbx.server.until(() => (ask(), !this.#waiters.has(ask)));
      ask();
    });
  }

  /** The links that were told, as `up`, `down: why`. */
  links(): string[] {
    return this.events.flatMap((event) =>
      event.type === "link-up" ? ["up"] : event.type === "link-down" ? [`down: ${event.why}`] : []
    );
  }

  dial(call: string = crypto.randomUUID(), number = "914155550123", desk = "1001"): Promise<CommandResult> {
    return this.execute({ type: "dial", desk, call, number });
  }

  /** Resolves with the command's result, once it is heard. */
  async execute(command: LineCommand): Promise<CommandResult> {
    this.line.execute(command);
    return (await this.next("result", (event) => event.command === command)).result;
  }

  stop(): void {
    this.#stop.abort();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.stop();
    await this.outlast(this.ended);
    this.pbx.server.stop();
  }

  /** Lets time pass until the promise is settled. */
  async outlast<T>(promise: Promise<T>): Promise<T> {
    let isSettled = false;
    const settled = promise.finally(() => isSettled = true);
    await this.#flow(() => isSettled);
    return await settled;
  }

  /** Lets so much time pass, from one timer to the next: what each of them brings about has been heard. */
  async passes(ms: number): Promise<void> {
    for (const end = this.timers.now() + ms; this.timers.now() < end;) {
      this.timers.advance(Math.min(this.timers.pending[0] ?? ms, end - this.timers.now()));
      await new Promise((turn) => setTimeout(turn, 1));
    }
  }

  /** Waits until the driver waits for exactly so long, and lets that time pass. */
  async waits(ms: number): Promise<void> {
    await this.timers.due(ms);
    await this.passes(ms);
  }

  /** 50 ms in each turn, which is long enough for all that is on its way between the driver and the switch. */
  async #flow(isOver: () => boolean): Promise<void> {
    while (!isOver()) {
      await new Promise((turn) => setTimeout(turn, 1));
      this.timers.advance(50);
    }
  }

  async #run(): Promise<void> {
    for await (const event of this.line.events(this.#stop.signal, () => this.known)) {
      this.events.push(event);
      for (const waiter of [...this.#waiters]) waiter();
    }
  }
}
