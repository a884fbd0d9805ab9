/** People at phones who call and are called without a pause, for the tests that kill the daemon meanwhile. */
import type { Simulator } from "../../../simulator/freeswitch/mod.ts";
import { sendCallout } from "../../../simulator/crm/mod.ts";
import type { Random } from "../faults/random.ts";

/** What a call was in truth. A period is even while the daemon lives and odd while it is dead: it counts starts and kills. */
export interface TrueCall {
  readonly id: string;
  readonly desk: string;
  /** As the CRM must see it. */
  readonly ani: string;
  readonly began: number;
  ended?: number;
  answered: boolean;
}

/** How long things take, in ms: at most. */
export interface Pace {
  readonly ring: number;
  readonly talk: number;
  readonly rest: number;
}

/** What happens in the site, and what of it is known. */
export class Site {
  readonly calls: TrueCall[] = [];
  readonly problems: string[] = [];
  /** The daemon's lives: see `TrueCall`. */
  period = 1;
  over = false;
  #numbers = 0;
  readonly #dials = new Map<string, TrueCall>();

  constructor(
    readonly sim: Simulator,
    readonly random: Random,
    readonly port: () => number,
    readonly pace: Pace,
  ) {}

  /** One desk's person, until `over`. */
  async work(desk: string): Promise<void> {
    while (!this.over) {
      const kind = this.random.next();
      if (kind < 0.5) await this.inbound(desk);
      else if (kind < 0.75) await this.#keypad(desk);
      else await this.#makeCall(desk);
      await this.#pause(this.pace.rest);
    }
  }

  /** A call comes in; it is answered or not, held or not, and ends one way or another. */
  async inbound(desk: string): Promise<void> {
    const { sim, random } = this;
    const ani = this.#number();
    const call = await sim.inbound({ from: ani, to: desk });
    const truth = this.#began(call.uuid, desk, ani);
    await this.#pause(this.pace.ring);
    if (random.next() < 0.3) await (random.next() < 0.5 ? call.callerHangsUp() : call.reject());
    else {
      truth.answered = true;
      await call.answer();
      await this.#pause(this.pace.talk);
      if (random.next() < 0.3) {
        await call.hold();
        await this.#pause(this.pace.talk / 2);
        await call.retrieve();
      }
      await (random.next() < 0.5 ? call.callerHangsUp() : call.agentHangsUp());
    }
    truth.ended = this.period;
  }

  /** A call that starts and ends at once. */
  async ghost(desk: string): Promise<void> {
    const ani = this.#number();
    const call = await this.sim.inbound({ from: ani, to: desk });
    const truth = this.#began(call.uuid, desk, ani);
    truth.answered = true;
    await call.answer();
    await call.callerHangsUp();
    truth.ended = this.period;
  }

  async #keypad(desk: string): Promise<void> {
    const { sim, random } = this;
    const ani = this.#number();
    const call = await sim.keypad({ extension: desk, number: ani });
    const truth = this.#began(call.uuid, desk, ani);
    await call.farRings();
    await this.#pause(this.pace.ring);
    if (random.next() < 0.3) await call.farBusy();
    else {
      truth.answered = true;
      await call.farAnswers();
      await this.#pause(this.pace.talk);
      await call.hangUp();
    }
    truth.ended = this.period;
  }

  /** A click in the CRM; the handset and the far end do as they like. The daemon may be dead, or die in the middle. */
  async #makeCall(desk: string): Promise<void> {
    const { sim, random, pace } = this;
    const ani = this.#number();
    const afterMs = random.whole(0, pace.ring);
    sim.handsetDoes = random.next() < 0.2 ? { does: "rejects", afterMs } : { does: "answers", afterMs };
    sim.farDoes = random.next() < 0.2
      ? { does: "busy", afterMs }
      : { does: "answers", afterMs, talkMs: random.whole(1, pace.talk) };
    const asked = { FunctionName: "MakeCall", telesetNumber: desk, agentID: `agent-${desk}`, dialString: ani };
    const { period } = this;
    const answered = await Promise.race([sendCallout(this.port(), "/", asked).catch(() => "dead"), late(8000)]);
    // A daemon that died in the middle of its answer leaves the request open forever.
    if (answered === undefined && period === this.period) {
      this.problems.push(`a MakeCall of desk ${desk} was not answered in 8 s`);
    }
    this.noteDials();
  }

  /** Notes the click-to-dials that have reached the switch; they play themselves. */
  noteDials(): void {
    for (const { uuid: legId, variables, number, leg } of this.sim.dialled) {
      const uuid = variables["telesetd_call"] ?? legId;
      const desk = leg.presenceId?.split("@")[0] ?? "";
      // Whether it was answered, and when it ended, is not followed: both are left open.
      if (!this.#dials.has(uuid)) this.#dials.set(uuid, this.#began(uuid, desk, number, true));
    }
  }

  #began(id: string, desk: string, ani: string, answered = false): TrueCall {
    const call: TrueCall = { id, desk, ani, began: this.period, answered };
    this.calls.push(call);
    return call;
  }

  #number(): string {
    return `1415${String(++this.#numbers).padStart(7, "0")}`;
  }

  #pause(most: number): Promise<void> {
    return new Promise((done) => setTimeout(done, this.random.whole(0, Math.max(1, most))));
  }
}

function late(ms: number): Promise<undefined> {
  return new Promise((done) => setTimeout(() => done(undefined), ms).unref());
}
