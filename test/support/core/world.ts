/** A switch with eight legs for the simulation, and a `Watch` that checks each step of the core. */
import { expect } from "bun:test";
import { firstId, hasDial } from "../../../src/core/call.ts";
import type { Callout } from "../../../src/core/crm.ts";
import { type Desk, newDesk } from "../../../src/core/desk.ts";
import type { Effect, Input, Step } from "../../../src/core/input.ts";
import type { AgentMode, CommandResult, LegFacts, LineCommand, LineEvent } from "../../../src/core/line.ts";
import type { Policy } from "../../../src/core/policy.ts";
import { step } from "../../../src/core/step.ts";

/** One event of the simulation. Numbers select a leg or a command. */
export type Act =
  | { readonly type: "leg"; readonly leg: number; readonly sign: string }
  | { readonly type: "rename"; readonly leg: number }
  | { readonly type: "link-down" }
  | { readonly type: "phone"; readonly registered: boolean }
  | { readonly type: "acd"; readonly mode: string }
  | { readonly type: "snapshot"; readonly gone: readonly number[] }
  | { readonly type: "register"; readonly agent: string; readonly port: number }
  | { readonly type: "elsewhere"; readonly agent: string; readonly port: number }
  | { readonly type: "unregister"; readonly agent: string }
  | { readonly type: "agent"; readonly agent: string; readonly name: string }
  | { readonly type: "makecall"; readonly agent: string; readonly number: string }
  | { readonly type: "result"; readonly which: number; readonly outcome: string }
  | { readonly type: "wake"; readonly after: number };

const desk = "1001";
const over = { cause: "NORMAL_CLEARING", why: "The handset was put down." };

/** The legs: two share a caller (two phones), one comes from a queue, two dial, the last two belong to MakeCalls. */
const cast: readonly Omit<LegFacts, "desk" | "leg">[] = [
  { direction: "to-desk", caller: { identity: "14155550123", outside: true }, farLeg: "f1" },
  { direction: "to-desk", caller: { identity: "14155550123", outside: true }, farLeg: "f1" },
  { direction: "to-desk", caller: { identity: "1002", outside: false }, farLeg: "f2" },
  { direction: "to-desk", caller: { identity: "anonymous" }, queue: true },
  { direction: "from-desk", dialled: "914155550123" },
  { direction: "from-desk", dialled: "**1002" },
  { direction: "to-desk", caller: { identity: "914155550123" } },
  { direction: "to-desk", caller: { identity: "914155550123" } },
];

const signs: Readonly<Record<string, Partial<LegFacts>>> = {
  ring: { rings: true },
  answer: { answered: true },
  "far-called": { farCalled: true },
  "far-answer": { answered: true, farCalled: true, farAnswered: true },
  bridge: { answered: true, farAnswered: true, farLeg: "f8", partner: { identity: "14155550888", outside: true, called: true } },
  relay: { farLeg: "f7", relay: true },
  transfer: { answered: true, farAnswered: true, farLeg: "f9", partner: { identity: "14155550777", outside: true } },
  hold: { held: true },
  end: { ended: over },
};

/** The switch, the agents and the desk. */
export class World {
  readonly watch: Watch;
  readonly #names = cast.map((_, index) => `leg${index}`);
  readonly #alive = new Set<string>();
  readonly #old: string[] = [];
  readonly #commands: LineCommand[] = [];
  /** The call of the newest MakeCall. */
  #made: string | undefined;
  #now = 0;
  #renames = 0;
  #callouts = 0;

  constructor(policy: Policy) {
    this.watch = new Watch(policy);
    this.#line({ type: "link-up", to: "switch" });
  }

  act(act: Act): void {
    switch (act.type) {
      case "leg":
        return this.#leg(act.leg, act.sign);
      case "rename":
        return this.#rename(act.leg);
      case "link-down":
        return this.#line({ type: "link-down", why: "reset" });
      case "phone":
        return this.#line({ type: "phone", desk, registered: act.registered });
      case "acd":
        return this.#acd(act.mode);
      case "snapshot":
        return this.#snapshot(act.gone);
      case "register":
        return this.#callout({ name: "Register", desk, agent: act.agent, address: "10.0.0.7", port: act.port });
      case "elsewhere":
        return this.#step({ type: "arrival", registration: { agent: act.agent, address: "10.0.0.7", port: act.port } });
      case "unregister":
        return this.#callout({ name: "Unregister", desk, agent: act.agent });
      case "agent":
        return this.#callout({ name: act.name as "Login" | "Logout" | "Ready", desk, agent: act.agent });
      case "makecall":
        return this.#callout({ name: "MakeCall", desk, agent: act.agent, dialString: act.number, from: "10.0.0.7" });
      case "result":
        return this.#result(act.which, act.outcome);
      case "wake":
        this.#now += act.after;
        return this.#step({ type: "wake" });
    }
  }

  /** The end: all results arrive, the link is up, no leg is alive, time passes. */
  end(): void {
    while (this.#commands.length > 0) this.#result(0, "unknown");
    this.#snapshot(this.#names.map((_, index) => index));
    this.#now += 3000;
    this.#step({ type: "wake" });
    this.watch.end();
  }

  #leg(index: number, sign: string): void {
    // The legs of MakeCalls exist only after a MakeCall.
    if (index >= 6 && this.#made === undefined) return;
    const leg = this.#names[index] ?? "";
    const facts = { ...this.#identity(leg, index), ...signs[sign] };
    const echo = this.#old.at(index);
    if (sign === "bare" && echo !== undefined) this.#line({ type: "leg", facts: { ...facts, leg: echo } });
    if (sign === "end") this.#alive.delete(leg);
    else if (!this.watch.over.has(leg)) this.#alive.add(leg);
    this.#line({ type: "leg", facts: sign === "bare" ? { desk, leg } : facts });
  }

  #identity(leg: string, index: number): LegFacts {
    return { desk, leg, ...cast[index], ...(index >= 6 && this.#made !== undefined ? { call: this.#made } : {}) };
  }

  #acd(mode: string): void {
    if (mode === "reset") this.#line({ type: "acd-reset", desks: [desk] });
    else this.#line({ type: "agent", desk, mode: mode as AgentMode, why: "a supervisor did it" });
  }

  #rename(index: number): void {
    const from = this.#names[index] ?? "";
    if (!this.#alive.has(from)) return;
    const to = `new${++this.#renames}`;
    this.#names[index] = to;
    this.#alive.delete(from);
    this.#alive.add(to);
    this.#old.push(from);
    this.#line({ type: "leg-renamed", desk, from, to });
  }

  #snapshot(gone: readonly number[]): void {
    for (const index of gone) this.#alive.delete(this.#names[index] ?? "");
    const legs = this.#names.flatMap((leg, index) => (this.#alive.has(leg) ? [this.#identity(leg, index)] : []));
    this.#line({ type: "link-up", to: "switch" });
    this.#line({ type: "snapshot", desks: [desk], legs });
    for (const leg of this.#names) if (!this.#alive.has(leg) && this.watch.seen.has(leg)) this.watch.over.add(leg);
  }

  #result(which: number, outcome: string): void {
    const [command] = this.#commands.splice(which % Math.max(1, this.#commands.length), 1);
    if (!command) return;
    const result: CommandResult = outcome === "done"
      ? { outcome }
      : outcome === "failed"
      ? { outcome, cause: "USER_BUSY", why: "Declined." }
      : { outcome: "unknown", why: "The link was cut" };
    this.#step({ type: "line", event: { type: "result", command, result } });
  }

  #callout(callout: Callout): void {
    this.#step({ type: "callout", id: `c${++this.#callouts}`, callout });
  }

  #line(event: LineEvent): void {
    this.#step({ type: "line", event });
  }

  #step(input: Input): void {
    for (const effect of this.watch.step(input, this.#now)) {
      if (effect.type !== "drive") continue;
      this.#commands.push(effect.command);
      if (effect.command.type !== "dial") continue;
      // A switch may give the first leg the id of the call (a SIP switch does), or another id.
      this.#made = effect.command.call;
      this.#names[6] = this.#commands.length % 2 === 0 ? this.#made : `${this.#made}-a`;
      this.#names[7] = `${this.#made}-b`;
    }
  }
}

/** Checks every step, and at the end the sum of them. */
class Watch {
  sent = 0;
  dialled = 0;
  /** The legs that were reported to the desk, and those that have ended. */
  readonly seen = new Set<string>();
  readonly over = new Set<string>();
  readonly #policy: Policy;
  #desk: Desk = frozen(newDesk(desk));
  readonly #begunWith = new Map<string, string | null>();
  /** The port of the agent of each call; null while it is unknown, absent after Unregister. */
  readonly #ports = new Map<string, number | null>();
  readonly #events = new Map<string, string[]>();
  readonly #asked = new Set<string>();
  readonly #answered = new Set<string>();

  constructor(policy: Policy) {
    this.#policy = policy;
  }

  step(input: Input, now: number): readonly Effect[] {
    const before = this.#desk;
    frozen(input);
    this.#move(input, before);
    const made = step(before, input, now, this.#policy);
    expect(step(before, input, now, this.#policy)).toEqual(made);
    this.#desk = frozen(made.desk);
    if (input.type === "callout") this.#asked.add(input.id);
    this.#legs(input);
    this.#calls(before, made);
    for (const effect of made.effects) this.#effect(effect, before, made);
    this.#ended(before, made);
    return made.effects;
  }

  end(): void {
    expect(this.#desk.calls).toEqual([]);
    expect(this.#desk.calls.filter(hasDial)).toEqual([]);
    expect([...this.#asked].filter((id) => !this.#answered.has(id))).toEqual([]);
    for (const [call, names] of this.#events) expect(`${call} ${names.at(-1)}`).toBe(`${call} CallReleased`);
  }

  /**
   * A Register moves all calls of its agent. It takes the address from other agents, except that the agent of this desk keeps
   * the one registered here.
   */
  #move(input: Input, { registration }: Desk): void {
    const callout = input.type === "callout" ? input.callout : undefined;
    const [here, there] = [
      callout?.name === "Register" ? callout : undefined,
      input.type === "arrival" ? input.registration : undefined,
    ];
    const mover = here ?? there;
    const atDesk = here ?? registration;
    for (const [call, agent] of this.#begunWith) {
      const port = this.#ports.get(call);
      if (callout?.name === "Unregister" && agent === callout.agent && agent === atDesk?.agent) this.#ports.delete(call);
      if (mover && agent === mover.agent && (here || port !== undefined)) this.#ports.set(call, mover.port);
      if (mover && agent !== mover.agent && port === mover.port) {
        this.#ports.set(call, agent === atDesk?.agent ? atDesk.port : null);
      }
    }
  }

  #legs(input: Input): void {
    if (input.type !== "line") return;
    const { event } = input;
    if (event.type === "leg") {
      this.seen.add(event.facts.leg);
      if (event.facts.ended) this.over.add(event.facts.leg);
    } else if (event.type === "leg-renamed") {
      this.seen.add(event.to);
      this.over.add(event.from);
    } else if (event.type === "snapshot") { for (const { leg } of event.legs) this.seen.add(leg); }
  }

  /** A call exists while it has a leg or a dial in progress; its id and its agent never change. */
  #calls(before: Desk, { desk: { calls, recentlyEnded } }: Step): void {
    const legs = calls.flatMap((call) => call.legs);
    expect(new Set(legs).size).toBe(legs.length);
    expect(legs.filter((leg) => recentlyEnded.includes(leg))).toEqual([]);
    for (const call of calls) {
      if (!this.#begunWith.has(call.id)) {
        // After a change of the party the agent is the same.
        const earlier = before.calls.find((old) => call.follows !== undefined && firstId(old) === firstId(call));
        const port = earlier ? this.#ports.get(earlier.id) : before.registration?.port;
        this.#begunWith.set(call.id, (earlier ? this.#begunWith.get(earlier.id) : before.registration?.agent) ?? null);
        if (port !== undefined) this.#ports.set(call.id, port);
      } else expect(before.calls.some(({ id }) => id === call.id)).toBe(true);
      expect(call.agent).toBe(this.#begunWith.get(call.id) ?? null);
      if (call.legs.length === 0) expect(call).toHaveProperty("dial");
    }
    const callOf = new Map(before.calls.flatMap((call) => call.legs.map((leg) => [leg, firstId(call)])));
    for (const call of calls) for (const leg of call.legs) expect(callOf.get(leg) ?? firstId(call)).toBe(firstId(call));
  }

  /** The last event of an ended call is its CallReleased. */
  #ended(before: Desk, { desk: { calls } }: Step): void {
    for (const { id, popped } of before.calls) {
      if (popped && !calls.some((call) => call.id === id)) expect(this.#events.get(id)?.at(-1)).toBe("CallReleased");
    }
  }

  #effect(effect: Effect, before: Desk, { desk: after }: Step): void {
    if (effect.type === "drive" && effect.command.type === "dial") this.dialled++;
    if (effect.type === "reply") {
      expect(this.#asked.has(effect.to) && !this.#answered.has(effect.to)).toBe(true);
      this.#answered.add(effect.to);
    }
    if (effect.type !== "send") return;
    this.sent++;
    const { event: { call, name }, agent, to, undeliverable } = effect;
    if (name === "TelephonyDisabled" || name === "TelephonyEnabled") {
      // For the registered agent, and for no call.
      expect({ agent, ...to }).toEqual({ ...after.registration, agent: after.registration?.agent ?? "nobody" });
      return;
    }
    // A call that starts and sends an event in one step belongs to the agent who was registered before it.
    expect(agent).toBe(this.#begunWith.get(call) ?? before.registration?.agent ?? "nobody");
    const began = this.#begunWith.has(call);
    expect(undeliverable !== undefined ? undefined : to?.port ?? null).toBe(
      began ? this.#ports.get(call) : before.registration?.port,
    );
    if (name === "Error") return;
    const names = [...this.#events.get(call) ?? [], name];
    this.#events.set(call, names);
    expect(["ScreenPop", "ScreenPop CallEstablished", "ScreenPop CallReleased", "ScreenPop CallEstablished CallReleased"])
      .toContain(names.join(" "));
    const alive = after.calls.some(({ id }) => id === call);
    if (name === "CallReleased") expect(alive).toBe(false);
  }
}

/** Deeply frozen: a step that changed its input would throw. */
function frozen<T>(value: T): T {
  if (typeof value === "object" && value !== null && !(value instanceof RegExp) && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const part of Object.values(value)) frozen(part);
  }
  return value;
}
