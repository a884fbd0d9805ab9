/**
 * A click-to-dial: `originate {vars}user/E@D NUMBER XML CONTEXT`. The handset rings, somebody lifts it, then the number is called.
 * Source: recordings `makecall-*`; mod_commands.c, `originate_function`; switch_ivr_originate.c.
 */
import type { Channel } from "./channel.ts";
import type { House } from "./house.ts";
import { outsideRoute } from "./keypad.ts";
import { bridge, join, ringHandset, ringLeg } from "./pair.ts";
import { calledHandset, type Handset, outsideCallee } from "./parties.ts";
import { Talk } from "./talk.ts";

/** What becomes of a handset that the daemon rings. Times in milliseconds, default 0. `waits`: the script decides. */
export type HandsetBehaviour =
  | { readonly does: "lifts"; readonly afterMs?: number }
  | { readonly does: "rejects"; readonly afterMs?: number; readonly cause?: string }
  | { readonly does: "never lifts" }
  | { readonly does: "waits" };

/** What becomes of the number that is called after the lift. `talkMs`: how long they talk before the far end hangs up; absent: for ever. */
export type FarBehaviour =
  | { readonly does: "answers"; readonly afterMs?: number; readonly earlyMedia?: boolean; readonly talkMs?: number }
  | { readonly does: "busy"; readonly afterMs?: number; readonly cause?: string }
  | { readonly does: "no answer"; readonly afterMs?: number }
  | { readonly does: "invalid number" }
  | { readonly does: "waits" };

/** A parsed `originate`. */
export interface Originate {
  readonly variables: Readonly<Record<string, string>>;
  readonly extension: string;
  readonly domain: string;
  readonly number: string;
}

/** Reads the argument of `originate`; undefined when it is not of the form this simulator knows. */
export function parseOriginate(arg: string): Originate | undefined {
  const [, braces = "", extension, domain, number] = /^(?:\{([^}]*)\})?user\/([^@\s]+)@(\S+) (\S+) XML \S+$/.exec(arg.trim()) ??
    [];
  if (extension === undefined || domain === undefined || number === undefined) return undefined;
  const pairs = braces.split(",").filter((each) => each !== "").map((each) => each.split(/=(.*)/s).slice(0, 2));
  return { variables: Object.fromEntries(pairs), extension, domain, number };
}

export class DialledCall {
  readonly house: House;
  readonly number: string;
  /** The handset's own leg, with the origination_uuid that was asked for. */
  readonly leg: Channel;
  readonly #report: (text: string) => void;
  #far: Channel | undefined;
  #talk: Talk | undefined;

  /** `report` gets the answer to the originate: `+OK uuid` when the handset is lifted, `-ERR CAUSE` otherwise. */
  constructor(house: House, handset: Handset, originate: Originate, report: (text: string) => void) {
    const { variables, number } = originate;
    const { sw } = house;
    this.house = house;
    this.number = number;
    this.#report = report;
    const callerNumber = variables["origination_caller_id_number"];
    this.leg = calledHandset(sw, handset, undefined, { uuid: variables["origination_uuid"], callerNumber, variables });
    sw.create(this.leg);
    sw.progress(this.leg);
    this.leg.kill = (cause) => void this.#kill(cause);
  }

  get uuid(): string {
    return this.leg.uuid;
  }

  /** The far party's leg, once it is being called. */
  get far(): Channel | undefined {
    return this.#far;
  }

  /** Where the call stands. */
  get state(): "handset rings" | "calling" | "talking" | "over" {
    if (this.leg.over) return "over";
    if (this.#talk !== undefined) return "talking";
    return this.leg.answerState === "answered" ? "calling" : "handset rings";
  }

  /** The handset is lifted: the originate is done, the leg goes to the dialplan. `route` false: the dialplan has no route. */
  async lift(route = true): Promise<void> {
    const { sw } = this.house;
    sw.answer(this.leg);
    this.#report(`+OK ${this.leg.uuid}\n`);
    this.leg.transfer(this.number, sw.now());
    const { profile } = this.leg;
    this.leg.profile = {
      ...profile,
      callerName: "Outbound Call",
      callerNumber: profile.calleeNumber ?? "",
      calleeNumber: profile.callerNumber,
    };
    this.leg.state = "CS_ROUTING";
    sw.update(this.leg);
    this.leg.state = "CS_EXECUTE";
    if (route) this.#callFar();
    else sw.end(this.leg, "NO_ROUTE_DESTINATION");
    await this.house.sent();
  }

  #callFar(): void {
    const { sw } = this.house;
    if (this.house.knows(this.number)) {
      this.#far = ringHandset(sw, this.leg, this.house.handset(this.number));
      return;
    }
    this.#far = outsideCallee(sw, outsideRoute(this.number), this.leg);
    ringLeg(sw, this.leg, this.#far);
  }

  /** The handset is not lifted: rejected, or the switch stops ringing. */
  async refuse(cause = "USER_BUSY"): Promise<void> {
    const { sw } = this.house;
    sw.hangup(this.leg, cause);
    sw.callState(this.leg, "HANGUP");
    sw.complete(this.leg);
    this.#report(`-ERR ${cause}\n`);
    sw.destroy(this.leg);
    await this.house.sent();
  }

  /** The far end sends sound before it answers (183): the legs are bridged already. */
  async earlyMedia(): Promise<void> {
    const { sw } = this.house;
    const far = this.#rung;
    sw.earlyMedia(far);
    this.leg.other = far.seenAs("originatee");
    sw.callState(this.leg, "ACTIVE");
    bridge(sw, this.leg, far);
    await this.house.sent();
  }

  async farAnswers(): Promise<void> {
    const { sw } = this.house;
    const far = this.#rung;
    sw.answer(far);
    if (this.leg.times.bridged === "0") {
      join(sw, this.leg, far);
    } else {
      sw.update(far);
      sw.update(this.leg);
    }
    this.#talk = new Talk(this.house, { by: this.leg, leg: far, desk: this.leg });
    await this.house.sent();
  }

  /** The far end says busy, or another cause. */
  async farBusy(cause = "USER_BUSY"): Promise<void> {
    const { sw } = this.house;
    sw.end(this.#rung, cause);
    sw.callState(this.leg, "ACTIVE");
    sw.end(this.leg, cause);
    await this.house.sent();
  }

  /** The agent hangs up: before the lift he rejects, before the far end answers he gives up. */
  async hangUp(): Promise<void> {
    if (this.#talk !== undefined) return await this.#talk.agentHangsUp();
    if (this.leg.answerState !== "answered") return await this.refuse();
    await this.#kill("NORMAL_CLEARING");
  }

  async farHangsUp(): Promise<void> {
    if (this.#talk === undefined) throw new Error(`Cannot hang up: ${this.number} has not answered`);
    return await this.#talk.farHangsUp();
  }

  async #kill(cause: string): Promise<void> {
    const { sw } = this.house;
    if (this.leg.answerState !== "answered") return await this.refuse(cause);
    sw.end(this.leg, cause);
    if (this.#far !== undefined) sw.end(this.#far, "ORIGINATOR_CANCEL");
    await this.house.sent();
  }

  get #rung(): Channel {
    if (this.#far === undefined || this.#far.over) throw new Error(`Cannot do that: ${this.number} is not being called`);
    return this.#far;
  }
}
