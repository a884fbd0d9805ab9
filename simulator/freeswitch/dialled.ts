/**
 * A click-to-dial: `originate {vars}user/E@D NUMBER XML CONTEXT`. Every registered phone rings; the first that answers gets the
 * call, the others stop (LOSE_RACE), and the number is called.
 * Source: recordings `makecall-*`; mod_commands.c, `originate_function`; switch_ivr_originate.c.
 */
import type { Channel } from "./channel.ts";
import type { Site } from "./site.ts";
import { outsideRoute } from "./keypad.ts";
import { bridge, join, ringHandset, ringLeg } from "./pair.ts";
import { calledHandset, outsideCallee } from "./parties.ts";
import type { Contact } from "./phonebook.ts";
import { Talk } from "./talk.ts";

/** What a handset does when the daemon rings it. Times in milliseconds, default 0. `waits`: the script decides. */
export type HandsetBehaviour =
  | { readonly does: "answers"; readonly afterMs?: number }
  | { readonly does: "rejects"; readonly afterMs?: number; readonly cause?: string }
  | { readonly does: "never answers" }
  | { readonly does: "waits" };

/** What the dialled number does. `talkMs`: how long they talk before the far end hangs up; absent: without limit. */
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

/** Parses the argument of `originate`; undefined for a form that the simulator does not support. */
export function parseOriginate(arg: string): Originate | undefined {
  const [, braces = "", extension, domain, number] = /^(?:\{([^}]*)\})?user\/([^@\s]+)@(\S+) (\S+) XML \S+$/.exec(arg.trim()) ??
    [];
  if (extension === undefined || domain === undefined || number === undefined) return undefined;
  const pairs = braces.split(",").filter((pair) => pair !== "").map((pair) => pair.split(/=(.*)/s).slice(0, 2));
  return { variables: Object.fromEntries(pairs), extension, domain, number };
}

export class DialledCall {
  readonly site: Site;
  readonly number: string;
  /** The variables in the `{}` of the originate, set on each leg. */
  readonly variables: Readonly<Record<string, string>>;
  /** The legs of the phones, in order of registration. */
  readonly legs: readonly Channel[];
  readonly #silent: ReadonlySet<Channel>;
  readonly #report: (text: string) => void;
  #answered: Channel | undefined;
  #far: Channel | undefined;
  #talk: Talk | undefined;

  /** `report` gets the answer to the originate: `+OK uuid` when a handset answers, `-ERR CAUSE` if none will. */
  constructor(site: Site, contacts: readonly Contact[], originate: Originate, report: (text: string) => void) {
    const { variables, number } = originate;
    const { sw } = site;
    this.site = site;
    this.number = number;
    this.variables = variables;
    this.#report = report;
    const uuid = variables["origination_uuid"];
    const callerNumber = variables["origination_caller_id_number"];
    // Every leg would get the same id, which is refused from the second on ("Duplicate UUID!", switch_core_session.c).
    const reached = uuid === undefined ? contacts : contacts.slice(0, 1);
    this.legs = reached.map(({ handset }) => calledHandset(sw, handset, undefined, { uuid, callerNumber, variables }));
    this.#silent = new Set(this.legs.filter((_, index) => reached[index]?.silent));
    for (const leg of this.legs) {
      sw.create(leg);
      leg.kill = (cause) => void this.#kill(leg, cause);
    }
    for (const leg of this.ringing) sw.progress(leg);
  }

  /** The leg that answered; before that, the first that rings. */
  get leg(): Channel {
    const [first] = this.legs;
    if (first === undefined) throw new Error(`Cannot dial ${this.number}: no phone is registered`);
    return this.#answered ?? this.ringing[0] ?? first;
  }

  /** The ringing legs. */
  get ringing(): readonly Channel[] {
    return this.#answered === undefined ? this.legs.filter((leg) => !leg.over && !this.#silent.has(leg)) : [];
  }

  get uuid(): string {
    return this.leg.uuid;
  }

  /** The far party's leg, once it is being called. */
  get far(): Channel | undefined {
    return this.#far;
  }

  /** The state of the call. */
  get state(): "handset rings" | "calling" | "talking" | "over" {
    if (this.legs.every((leg) => leg.over)) return "over";
    if (this.#talk !== undefined) return "talking";
    return this.#answered === undefined ? "handset rings" : "calling";
  }

  /**
   * A handset answers: the originate is done, and the leg goes to the dialplan. `route` false: the dialplan has no route.
   * `leg`: the leg that answers, default: the first that rings.
   */
  async answer(route = true, leg: Channel = this.leg): Promise<void> {
    const { sw } = this.site;
    this.#answered = leg;
    sw.answer(this.leg);
    for (const loser of this.legs) if (loser !== leg) sw.end(loser, "LOSE_RACE");
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
    await this.site.sent();
  }

  #callFar(): void {
    const { sw } = this.site;
    if (this.site.knows(this.number)) {
      this.#far = ringHandset(sw, this.leg, this.site.handset(this.number));
      return;
    }
    this.#far = outsideCallee(sw, outsideRoute(this.number), this.leg);
    ringLeg(sw, this.leg, this.#far);
  }

  /** A phone rejects; without `leg`, all ringing phones do. The originate fails when no phone is left, not even a silent one. */
  async refuse(cause?: string, leg?: Channel): Promise<void> {
    for (const refusing of leg === undefined ? this.ringing : [leg]) this.#end(refusing, cause ?? "USER_BUSY");
    await this.site.sent();
  }

  /** The switch stops ringing. */
  async timeOut(): Promise<void> {
    for (const leg of this.legs) this.#end(leg, "NO_ANSWER");
    await this.site.sent();
  }

  /** The originate reports the cause of its first leg (switch_ivr_originate.c). */
  #end(leg: Channel, cause: string): void {
    const { sw } = this.site;
    if (leg.over) return;
    sw.hangup(leg, cause);
    sw.callState(leg, "HANGUP");
    sw.complete(leg);
    if (this.legs.every((leg) => leg.over)) this.#report(`-ERR ${this.legs[0]?.hangupCause}\n`);
    sw.destroy(leg);
  }

  /** The far end sends sound before it answers (183): the legs are bridged already. */
  async earlyMedia(): Promise<void> {
    const { sw } = this.site;
    const far = this.#rung;
    sw.earlyMedia(far);
    this.leg.other = far.seenAs("originatee");
    sw.callState(this.leg, "ACTIVE");
    bridge(sw, this.leg, far);
    await this.site.sent();
  }

  async farAnswers(): Promise<void> {
    const { sw } = this.site;
    const far = this.#rung;
    sw.answer(far);
    if (this.leg.times.bridged === "0") {
      join(sw, this.leg, far);
    } else {
      sw.update(far);
      sw.update(this.leg);
    }
    this.#talk = new Talk(this.site, { by: this.leg, leg: far, desk: this.leg });
    await this.site.sent();
  }

  /** The far end is busy, or fails with another cause. */
  async farBusy(cause = "USER_BUSY"): Promise<void> {
    const { sw } = this.site;
    sw.end(this.#rung, cause);
    sw.callState(this.leg, "ACTIVE");
    sw.end(this.leg, cause);
    await this.site.sent();
  }

  /** The agent rejects the ringing call, abandons it before the far end answers, or hangs up. */
  async hangUp(): Promise<void> {
    if (this.#talk !== undefined) return await this.#talk.agentHangsUp();
    if (this.#answered === undefined) return await this.refuse();
    await this.#kill(this.leg, "NORMAL_CLEARING");
  }

  async farHangsUp(): Promise<void> {
    if (this.#talk === undefined) throw new Error(`Cannot hang up: ${this.number} has not answered`);
    return await this.#talk.farHangsUp();
  }

  async #kill(leg: Channel, cause: string): Promise<void> {
    const { sw } = this.site;
    if (this.#answered === undefined) return await this.refuse(cause, leg);
    sw.end(leg, cause);
    if (this.#far !== undefined) sw.end(this.#far, "ORIGINATOR_CANCEL");
    await this.site.sent();
  }

  get #rung(): Channel {
    if (this.#far === undefined || this.#far.over) throw new Error(`Cannot continue: ${this.number} is not being called`);
    return this.#far;
  }
}
