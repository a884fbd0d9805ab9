/** The SIP driver against the scripted drachtio-server with a small switch behind it, over TCP, with all that both say. */
import { type PbxOptions, SipPbx, type Sub } from "../../../simulator/drachtio/mod.ts";
import { parse } from "valibot";
import { type SipConfig, sipConfig } from "../../../drivers/sip/config.ts";
import { sip } from "../../../drivers/sip/mod.ts";
import { listeningLog } from "./peer.ts";
import { LineListener } from "../line-listener.ts";
import { FakeTimers } from "../timers.ts";

/** What a rig is made of, where it differs from one desk 1001. */
export interface RigOptions {
  readonly pbx?: PbxOptions;
  /** The switch itself, where it is of another kind. */
  readonly at?: SipPbx;
  /** Deadlines may be shorter than the schema allows. */
  readonly config?: Partial<SipConfig>;
  readonly desks?: readonly string[];
  /**
   * Time passes automatically, for anything that takes the driver several waits. Otherwise it stands still until the test
   * advances it.
   */
  readonly timeFlows?: boolean;
  /** What happens before the driver starts. */
  readonly before?: (pbx: SipPbx) => unknown;
}

/** Makes the switch answer each request of this method so. */
export function answers(method: string, reply: ReturnType<SipPbx["instead"]>): (pbx: SipPbx) => void {
  return (pbx) => pbx.instead = (message) => message.method === method ? reply : undefined;
}

/** A running driver. */
export class Rig extends LineListener implements AsyncDisposable {
  readonly lines: string[];

  private constructor(
    readonly pbx: SipPbx,
    /** The driver's clock: it stands still until a test lets time pass. Every pause is the shortest. */
    readonly timers: FakeTimers,
    { config = {}, desks = ["1001"], timeFlows = false }: RigOptions,
  ) {
    const { log, lines } = listeningLog();
    timers.chance = 0;
    const settings = parse(sipConfig, { driver: "sip", port: pbx.server.port, domain: "pbx", user: "1009", password: "s3cret" });
    const context = { desks: desks.map((extension) => ({ extension, aliases: [] })), variables: [], log, timers };
    super(sip.open({ ...settings, ...config }, context));
    this.lines = lines;
    if (timeFlows) void this.#flow(() => this.isStopped);
  }

  /** Starts the switch, then the driver. */
  static async open(options: RigOptions = {}): Promise<Rig> {
    const pbx = options.at ?? new SipPbx(options.pbx);
    await pbx.server.listen();
    await options.before?.(pbx);
    return new Rig(pbx, new FakeTimers(), options);
  }

  /** The same, and waits until the phone is watched. */
  static async ready(options: RigOptions = {}): Promise<Rig> {
    const rig = await Rig.open(options);
    await rig.next("phone");
    return rig;
  }

  /** The only active subscription. */
  get sub(): Sub {
    const [sub] = this.pbx.subscriptions.values();
    if (!sub) throw new Error("Cannot find a subscription: there is none");
    return sub;
  }

  /** Resolves as soon as the condition is met; it is checked after every event and everything that the server receives. */
  override until(test: () => boolean): Promise<void> {
    let holds = false;
    this.pbx.server.until(() => (this.look(), holds));
    return super.until(() => holds ||= test());
  }

  /** The reported links, as `up`, `down: why`. */
  links(): string[] {
    return this.events.flatMap((event) =>
      event.type === "link-up" ? ["up"] : event.type === "link-down" ? [`down: ${event.why}`] : []
    );
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

  /** Lets this much time pass, from one timer to the next; the effects of each have been processed. */
  async passes(ms: number): Promise<void> {
    for (const end = this.timers.now() + ms; this.timers.now() < end;) {
      this.timers.advance(Math.min(this.timers.pending[0] ?? ms, end - this.timers.now()));
      await new Promise((turn) => setTimeout(turn, 1));
    }
  }

  /** Waits until the driver waits for exactly this long, and lets that time pass. */
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
}
