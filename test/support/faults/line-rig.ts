/** The daemon between a simulated switch and a small CRM, for the tests that take the link away. */
import { type DialledCall, type InboundCall, type Loss, Simulator } from "../../../simulator/freeswitch/mod.ts";
import { lineSchemas } from "../../../drivers/registry.ts";
import { type Rig, startRig } from "../../../src/commands/rehearsal/stage.ts";
import { parseConfig } from "../../../src/config/schema.ts";
import { openLog } from "../../../src/log/log.ts";
import { until } from "../until.ts";
import { fasterTimers } from "../timers.ts";

/** A rig whose link is up, with what the tests ask of it. */
export class LineRig {
  private constructor(readonly sim: Simulator, readonly rig: Rig) {}

  /**
   * Starts it. The driver's time passes four times faster: it gives up a link that is silent for 300 ms if silence is how the test
   * loses it, otherwise for 30 s, and a command after 15 s, so that a busy machine loses no link.
   */
  static async start(fault?: Fault): Promise<LineRig> {
    const sim = new Simulator({ heartbeatMs: 60 });
    sim.handsetDoes = { does: "waits" };
    sim.farDoes = { does: "waits" };
    await sim.start();
    const line = {
      driver: "freeswitch",
      host: "127.0.0.1",
      port: 8021,
      password: "ClueCon",
      domain: "127.0.0.1",
      silenceSeconds: fault === "silence" ? 1.2 : 120,
      commandSeconds: 60,
    };
    const config = parseConfig(JSON.stringify({ desks: [{ extension: "1001" }], line }), lineSchemas, {});
    const rig = await startRig({
      config,
      switch: { port: sim.port, password: "ClueCon" },
      log: openLog(() => {}, "error", false),
      timers: fasterTimers(4),
    });
    const made = new LineRig(sim, rig);
    await made.up();
    return made;
  }

  /** Plays on its own rig. @param fault how the test loses the link, if it does. */
  static async play(fault: Fault | undefined, play: (rig: LineRig) => Promise<void>): Promise<void> {
    const rig = await LineRig.start(fault);
    try {
      await play(rig);
    } finally {
      await rig.stop();
    }
  }

  async stop(): Promise<void> {
    await this.rig.stop();
    this.sim.stop();
  }

  /** Loses the link, in whatever way; resolves when the daemon has noticed. */
  async lose(how: Fault): Promise<void> {
    if (how === "shutdown") await this.sim.shutdown();
    else if (how === "restart") await this.sim.restart("rst");
    else this.sim.cut(how);
    await this.until("the link to be down", () => this.#desk?.switch === "down");
  }

  /** Restores it; resolves when the daemon has seen the live legs. */
  async back(how: Fault): Promise<void> {
    if (how === "shutdown") await this.sim.restart();
    await this.up();
  }

  up(): Promise<void> {
    return this.until("the line to be up", () => this.#desk?.trouble === undefined);
  }

  get #desk() {
    return this.rig.app.status().desks[0];
  }

  /** Looks at the daemon's status until the test holds. */
  async until(what: string, test: () => boolean | Promise<boolean>): Promise<void> {
    await until(() => `Waited in vain for ${what}: ${JSON.stringify(this.rig.app.status())}`, test);
  }

  /** Waits until the CRM has got this many events. */
  async delivered(count: number): Promise<void> {
    if (!await this.rig.crm.until(count, 10_000)) {
      throw new Error(`Waited in vain for ${count} events: ${this.list().join(", ")}`);
    }
  }

  /** The events that the CRM has got, in order: `ScreenPop ID`. */
  list(): string[] {
    return this.rig.crm.events.map(({ name, data }) => `${name} ${data["occtSourceID"]}`);
  }

  /**
   * Proves that no further event will follow: one more call starts and ends, and all further events belong to that call,
   * because the line is read in order. On a busy machine the link may be lost once more: a call that starts and ends meanwhile
   * is not reported, so there is another one each 5 s. @returns the events before it.
   */
  async all(): Promise<string[]> {
    const last = new Set<string>();
    const isLast = (id = "") => last.has(id);
    let next = 0;
    await this.until("the last call's end at the CRM", async () => {
      if (performance.now() >= next) {
        const call: InboundCall = await this.sim.inbound({ from: "14155559999", to: "1001" });
        last.add(call.uuid);
        await call.callerHangsUp();
        next = performance.now() + 5000;
      }
      return this.rig.crm.events.some(({ name, data }) => name === "CallReleased" && isLast(data["occtSourceID"]));
    });
    return this.list().filter((line) => !isLast(line.split(" ")[1]));
  }

  /** A number is clicked in the CRM; resolves with the call when its command has reached the switch. */
  async click(): Promise<{ readonly call: Awaited<ReturnType<Simulator["nextDialled"]>>; readonly answer: Promise<string> }> {
    const dialled = this.sim.nextDialled();
    const answer = this.rig.callout("MakeCall", { telesetNumber: "1001", agentID: "agent-1001", dialString: "14155550123" });
    return { call: await dialled, answer };
  }
}

/** The id that the daemon has given a MakeCall; the legs of its phones have different ids. */
export function markOf({ variables }: DialledCall): string {
  return variables["telesetd_call"] ?? "no mark";
}

/** The events of a whole call. */
export const whole = ["ScreenPop", "CallEstablished", "CallReleased"] as const;

/** Events of one call, as `list` gives them. */
export function of(id: string, names: readonly string[]): string[] {
  return names.map((name) => `${name} ${id}`);
}

/**
 * How a link is lost: see `Loss`; `shutdown`: FreeSWITCH is shut down properly; `restart`: it crashes and comes back as a new
 * one.
 */
export type Fault = Loss | "shutdown" | "restart";
export const cuts: readonly Loss[] = ["fin", "rst", "silence"];
export const ends = ["shutdown", "restart"] as const;
