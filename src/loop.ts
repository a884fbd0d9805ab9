/**
 * The only writer of state. Every input (line events, results of commands, callouts, time) goes through here into `step`, one
 * at a time; the new state and its events are committed, then the other effects are carried out.
 */
import type { Callout, Expected, Registration, Reply } from "./core/crm.ts";
import { isDial, stopping, stoppingInDial, withoutPassword } from "./core/crm.ts";
import { type Call, firstId, silenceOf } from "./core/call.ts";
import { type Desk, newDesk } from "./core/desk.ts";
import { type Arrival, isSameAddress, unregistered } from "./core/destination.ts";
import { dialWakeAt } from "./core/dial/progress.ts";
import { expectedCalls } from "./core/expected.ts";
import type { CallRecord } from "./core/history.ts";
import { arrivalIn, type Effect, type Input } from "./core/input.ts";
import { desksOf, type Line, type LineCommand, type LineEvent } from "./core/line.ts";
import type { Policy } from "./core/policy.ts";
import { checkStatus, mayWait, step } from "./core/step.ts";
import type { Log } from "./log/log.ts";
import type { Metrics } from "./metrics/metrics.ts";
import type { Outbox } from "./outbox/outbox.ts";
import type { Registrations } from "./outbox/registrations.ts";
import type { Passwords } from "./passwords.ts";
import type { Store } from "./outbox/record.ts";
import { remembered } from "./platform/remembered.ts";

/** What the loop needs. */
export interface LoopOptions {
  /** The extensions that are served. */
  readonly desks: readonly string[];
  readonly line: Line;
  readonly store: Pick<Store, "desks" | "forget" | "recordDial">;
  readonly outbox: Pick<Outbox, "commit" | "holds" | "withdraw">;
  readonly registrations: Registrations;
  readonly policy: Policy;
  /** Steady ms. */
  readonly now: () => number;
  /** Generates an id, for callouts and the calls that they start. */
  readonly newId: () => string;
  readonly log: Log;
  /** Prepares for the first event of a call. */
  readonly expect?: (expected: Expected) => void;
  /** Verifies the passwords of Logins; absent: every Login is accepted. */
  readonly passwords?: Pick<Passwords, "check">;
  readonly metrics?: Metrics;
}

/** The calls at a desk while no agent was registered. */
export interface Unattended {
  readonly calls: number;
  /** When the last one came, in ms. */
  readonly last: number;
}

/** The event loop of the desks. */
export class Loop {
  readonly #options: LoopOptions;
  readonly #desks = new Map<string, Desk>();
  #statuses = this.#newStatuses();
  /** The callouts that wait for their answers, by id. */
  readonly #waiting = new Map<string, { readonly name: Callout["name"]; readonly answer: (reply: Reply) => void }>();
  readonly #timers = new Map<string, ReturnType<typeof setTimeout>>();
  readonly #stop = new AbortController();
  #refusing = false;
  /** Whether the phone of each desk was registered at the last report. */
  readonly #phones = new Map<string, boolean>();
  /** Desks that are no longer served, while events for their agents wait. */
  readonly #former = new Map<string, Desk>();
  readonly #unattended = new Map<string, Unattended>();
  /** Desks whose last change is not written yet, each with the records of its calls that have ended since. */
  readonly #unwritten = new Map<string, Effect[]>();
  #writing: ReturnType<typeof setTimeout> | undefined;

  constructor(options: LoopOptions) {
    this.#options = options;
    const stored = new Map(options.store.desks().map((desk) => [desk.extension, desk]));
    for (const extension of options.desks) this.#desks.set(extension, stored.get(extension) ?? newDesk(extension));
    for (const desk of stored.values()) {
      if (!this.#desks.has(desk.extension)) this.#former.set(desk.extension, desk);
      options.registrations.note(desk);
    }
  }

  /** Ends the calls of desks that are no longer served, so that the CRM gets their CallReleased. */
  closeFormer(): void {
    const { store, outbox, registrations } = this.#options;
    for (const [extension, desk] of this.#former) {
      this.#stepFormer(desk, { type: "line", event: { type: "snapshot", desks: [extension], legs: [] } });
      if (!outbox.holds(extension)) {
        this.#former.delete(extension);
        registrations.forget(extension);
        store.forget(extension);
      }
    }
  }

  #stepFormer(desk: Desk, input: Input): void {
    const made = step(desk, input, this.#options.now(), this.#options.policy);
    this.#former.set(desk.extension, made.desk);
    this.#commit(made.desk, made.effects, arrivalIn(input, made.desk));
  }

  /** The desks as they are now. */
  desks(): Desk[] {
    return [...this.#desks.values()];
  }

  /** Follows the line until `stop`. */
  async run(): Promise<void> {
    // A dial in progress at a restart must end in time, although nothing else may happen at its desk for hours.
    for (const desk of this.#desks.values()) this.#wakeAt(desk.extension, dialWakeAt(desk));
    for await (const event of this.#options.line.events(this.#stop.signal, () => this.#knownLegs())) this.#onLine(event);
    if (!this.#stop.signal.aborted) throw new Error("the events of the line have ended unexpectedly");
  }

  /**
   * What keeps the line's own loop from running, as a sentence; undefined while it runs, whether the switch is reachable or not.
   */
  stuck(): string | undefined {
    return this.#options.line.stuck?.();
  }

  /** Refuses every new callout from now on; those in progress still wait for their answers. */
  refuseCallouts(): void {
    this.#refusing = true;
  }

  /** Stops the line and answers the callouts that still wait. */
  stop(): void {
    this.#refusing = true;
    this.#stop.abort();
    this.commitWaiting();
    for (const timer of this.#timers.values()) clearTimeout(timer);
    for (const { name, answer } of this.#waiting.values()) answer(isDial(name) ? stoppingInDial : stopping);
    this.#waiting.clear();
  }

  /** The answer to a CheckStatus from this address. */
  checkStatus(from: string): Reply {
    return this.#refusing ? stopping : this.#statuses(from);
  }

  /** The answers to CheckStatus, until a desk changes. */
  #newStatuses(): (from: string) => Reply {
    return remembered((from) => checkStatus(this.desks(), from));
  }

  /** Answers a callout; the answer to a MakeCall has the id of its call. The password of a Login is verified first. */
  async submit(callout: Callout): Promise<Reply & { readonly call?: string }> {
    if (this.#refusing) return stopping;
    const id = this.#options.newId();
    const reply = Promise.withResolvers<Reply>();
    // From here on `stop` answers it, even while its password is being verified.
    this.#waiting.set(id, { name: callout.name, answer: reply.resolve });
    if (callout.name === "Login" && this.#options.passwords) {
      const checked = this.#options.passwords.check(callout.agent, callout.password);
      const verdict = await Promise.race([checked, reply.promise]);
      if (!verdict.ok) {
        this.#waiting.delete(id);
        return verdict;
      }
    }
    const withdrawn = callout.name === "Unregister" ? this.#withdraw(callout) : undefined;
    if (withdrawn && !await Promise.race([withdrawn, reply.promise.then(() => false)])) {
      this.#waiting.delete(id);
      reply.resolve({ ok: true });
      return await reply.promise;
    }
    const before = this.#options.registrations.at(callout.desk);
    if (callout.name === "Register") this.#arriveElsewhere(callout);
    this.#step(callout.desk, { type: "callout", id, callout: withoutPassword(callout) });
    if (callout.name === "Register" && before) this.#shareNoLonger(callout.desk, before);
    if (!isDial(callout.name)) return await reply.promise;
    const call = this.#callOf(callout.desk, id);
    return { ...await reply.promise, call };
  }

  /**
   * Many events that wait for an agent who unregisters are discarded before the Unregister, in parts, because discarding all
   * of them in one turn would delay everything else. False if an agent has registered meanwhile: then the Unregister is over.
   */
  #withdraw({ desk, agent }: Extract<Callout, { name: "Unregister" }>): Promise<boolean> | undefined {
    const { outbox, registrations } = this.#options;
    const before = registrations.at(desk);
    if (before?.agent !== agent) return undefined;
    return outbox.withdraw(desk, agent, unregistered(agent, desk))?.then(() => registrations.at(desk) === before);
  }

  /**
   * The events that wait for the agent at other desks, and the agent's calls there, get the new address before the Register is
   * answered. A repeated Register is not a move: one agent may be registered at several desks, with an address for each.
   */
  #arriveElsewhere({ desk: extension, agent, address, port }: Extract<Callout, { name: "Register" }>): void {
    const registration: Registration = { agent, address, port };
    const { outbox, registrations } = this.#options;
    const before = registrations.at(extension);
    if (before?.agent === agent && isSameAddress(before, registration)) return;
    const others = (desks: ReadonlyMap<string, Desk>) =>
      [...desks.values()].filter((desk) =>
        desk.extension !== extension && (desk.calls.length > 0 || outbox.holds(desk.extension))
      );
    for (const desk of others(this.#desks)) this.#step(desk.extension, { type: "arrival", registration });
    for (const desk of others(this.#former)) this.#stepFormer(desk, { type: "arrival", registration });
  }

  /** Another agent has registered at the desk of this agent: an address that agents at other desks share is only theirs now. */
  #shareNoLonger(desk: string, { agent, ...address }: Registration): void {
    const sharers = this.desks().flatMap(({ registration }) =>
      registration && isSameAddress(registration, address) ? [registration] : []
    );
    const [other] = sharers;
    if (other && sharers.every((sharer) => sharer.agent !== agent)) this.#step(desk, { type: "arrival", registration: other });
  }

  /** The call of a MakeCall: its own, or that of the dial which it repeats. */
  #callOf(desk: string, id: string): string {
    const call = this.#desks.get(desk)?.calls.find(({ dial }) => dial?.waiting.includes(id));
    return call ? firstId(call) : id;
  }

  #knownLegs(): { desk: string; leg: string }[] {
    return this.desks().flatMap(({ extension, calls }) =>
      calls.flatMap(({ legs }) => legs.map((leg) => ({ desk: extension, leg })))
    );
  }

  /** An event names its desk, or concerns all desks. */
  #onLine(event: LineEvent): void {
    if (event.type === "snapshot") this.#options.log.debug("Snapshot of the live legs", { legs: event.legs.length });
    if (event.type === "link-up" || event.type === "link-down") this.#countLink(event);
    if (event.type === "result") this.#logResult(event);
    const input: Input = { type: "line", event };
    for (const extension of desksOf(event) ?? this.#desks.keys()) this.#step(extension, input);
  }

  /** A link belongs to all desks, or to those that the event names: they go up and down together. */
  #countLink({ type, desks }: Extract<LineEvent, { type: "link-up" | "link-down" }>): void {
    const [first] = desks ?? this.#desks.keys();
    const desk = first === undefined ? undefined : this.#desks.get(first);
    if (desk) this.#options.metrics?.linkChanged(type === "link-up", desk.line.link.up);
  }

  #step(extension: string, input: Input): void {
    const desk = this.#desks.get(extension);
    if (!desk) return;
    const { now, policy, registrations } = this.#options;
    this.#logLine(desk, input);
    const made = step(desk, input, now(), policy);
    this.#desks.set(extension, made.desk);
    this.#statuses = this.#newStatuses();
    if (made.desk.registration !== desk.registration) registrations.note(made.desk);
    if (input.type === "line" && input.event.type === "agent" && made.desk.agents !== desk.agents) {
      this.#options.log.warning("The switch has changed the agent's state", {
        desk: extension,
        state: input.event.mode,
        why: input.event.why,
      });
    }
    const arrival = arrivalIn(input, made.desk);
    const isChange = made.desk !== desk || made.effects.length > 0;
    if (arrival || (isChange && !mayWait(made, input))) this.#commit(made.desk, made.effects, arrival);
    else if (isChange) this.#commitSoon(extension, made.effects);
    for (const expected of expectedCalls(desk, made.desk, policy)) this.#options.expect?.(expected);
    if (made.desk !== desk) this.#logStarts(extension, desk.calls, made.desk.calls);
    for (const effect of made.effects) this.#carryOut(extension, effect);
    this.#wakeAt(extension, made.wakeAt);
  }

  /** A call that the CRM has requested has the line of its MakeCall. */
  #logStarts(desk: string, before: readonly Call[], after: readonly Call[]): void {
    const { log, policy, now } = this.#options;
    for (const call of after) {
      const old = before.find(({ id }) => id === call.id);
      const { id, origin, agent } = call;
      if (!old && origin !== "makecall") log.info("Call started", { desk, call: id, origin, agent: agent ?? "none" });
      const isUnattended = (call: Call) => silenceOf(call, desk, policy)?.code === "nobody-registered";
      if (!isUnattended(call) || (old && isUnattended(old))) continue;
      const { calls = 0 } = this.#unattended.get(desk) ?? {};
      this.#unattended.set(desk, { calls: calls + 1, last: now() });
      log.warning("A call arrived while no agent was registered: the CRM gets no events", { desk, call: id });
    }
  }

  /** By desk: the calls since the start that sent no events, because no agent was registered. */
  unattended(): ReadonlyMap<string, Unattended> {
    return this.#unattended;
  }

  #ended(desk: string, { id, kind, began, end, reason }: CallRecord): void {
    if (!end) return;
    const { at, disposition, cause } = end;
    this.#options.metrics?.callEnded(kind, disposition, reason?.code);
    const seconds = Math.round((at - began) / 1000);
    this.#options.log.info("Call ended", { desk, call: id, kind, disposition, cause, seconds });
  }

  /** A change without events is written with the next one, or a moment later; so is the record of a call that sent nothing. */
  #commitSoon(extension: string, records: readonly Effect[]): void {
    this.#unwritten.set(extension, [...this.#unwritten.get(extension) ?? [], ...records]);
    this.#writing ??= setTimeout(() => this.commitWaiting(), maxWriteDelay);
  }

  /** Writes the changes that wait to be written, so that a reader of the store finds them. */
  commitWaiting(): void {
    clearTimeout(this.#writing);
    this.#writing = undefined;
    for (const extension of this.#unwritten.keys()) {
      const desk = this.#desks.get(extension);
      if (desk) this.#commit(desk, []);
    }
  }

  #commit(desk: Desk, effects: readonly Effect[], arrival?: Arrival): void {
    const records = this.#unwritten.get(desk.extension) ?? [];
    this.#unwritten.delete(desk.extension);
    this.#options.outbox.commit({ desk, effects: [...records, ...effects], ...(arrival ? { arrival } : {}) });
  }

  #carryOut(desk: string, effect: Effect): void {
    switch (effect.type) {
      case "drive":
        this.#drive(effect.command);
        break;
      case "reply":
        this.#waiting.get(effect.to)?.answer(effect.reply);
        this.#waiting.delete(effect.to);
        break;
      case "audit":
        this.#options.log.debug("Dial", {
          desk,
          agent: effect.dial.agent,
          from: effect.dial.from,
          call: effect.dial.id,
          outcome: effect.dial.outcome,
        });
        this.#options.metrics?.dials.add(effect.result);
        this.#options.store.recordDial(desk, effect.dial);
        break;
      case "record":
        this.#ended(desk, effect.call);
        break;
      case "send":
      case "discard":
        // Carried out by the commit.
        break;
    }
  }

  #drive(command: LineCommand): void {
    const log = this.#logAbout(command);
    if (command.type === "dial") log.debug("Dialling");
    else log.debug("Setting the agent's state at the ACD", { state: command.mode });
    this.#options.line.execute(command);
  }

  #logResult({ command, result }: Extract<LineEvent, { type: "result" }>): void {
    if (result.outcome === "done") return;
    const [log, { why }] = [this.#logAbout(command), result];
    if (command.type === "dial") log.warning("Dial failed", { why });
    else log.rarely(`acd ${command.desk} ${why}`).warning("The ACD refused the agent's state", { why });
  }

  #logAbout(command: LineCommand): Log {
    const { desk } = command;
    return this.#options.log.with(command.type === "dial" ? { desk, call: command.call } : { desk, agent: command.agent });
  }

  #wakeAt(extension: string, at: number | undefined): void {
    clearTimeout(this.#timers.get(extension));
    this.#timers.delete(extension);
    if (at === undefined) return;
    const wake = () => this.#step(extension, { type: "wake" });
    this.#timers.set(extension, setTimeout(wake, Math.max(0, at - this.#options.now())));
  }

  /** A phone registers again every few minutes, and is looked up after each connect: only a change is logged. */
  #logLine(desk: Desk, input: Input): void {
    if (input.type !== "line") return;
    const { event } = input;
    const { log } = this.#options;
    if (event.type === "phone" && this.#phones.get(event.desk) !== event.registered) {
      this.#phones.set(event.desk, event.registered);
      log.info(event.registered ? "The phone is registered" : "The phone is not registered", { desk: event.desk });
    } else if (event.type === "leg" && event.facts.ended) {
      const { leg, ended } = event.facts;
      const call = desk.calls.find(({ legs }) => legs.includes(leg))?.id;
      // The switch may report an end several times; after the first report the leg belongs to no call.
      if (call !== undefined) log.debug("Leg ended", { desk: desk.extension, call, leg, cause: ended.cause });
    }
  }
}

/** How long a change may wait to be written, in ms: not longer than the sync of the write before it. */
const maxWriteDelay = 80;
