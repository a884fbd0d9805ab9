/**
 * One connection's work: ask for the events of our lines, look at what lives, pass on what happens, carry commands out.
 * The order after a connect: log in, filters, events, look; so that nothing is missed and nothing foreign is heard.
 */
import type { CommandResult, KnownLegs, LegFacts, LineCommand, LineEvent } from "../../src/core/line.ts";
import type { Log } from "../../src/log/log.ts";
import { handsetFailure } from "../shared/causes.ts";
import { agentFilters, type AgentMemory, lookAtAgents, setAgent } from "./agents.ts";
import { type DeskNames, eventNames, filters, login, originate, originateResult, subscribe } from "./commands.ts";
import type { FreeswitchConfig } from "./config.ts";
import { DialLegs, isLiftedDial } from "./dial-legs.ts";
import { passwordIn } from "./directory.ts";
import { HeldLegs } from "./held-legs.ts";
import { LegFilters } from "./leg-filters.ts";
import { type Frame, Link, LinkClosed, prepare } from "./wire/link.ts";
import { Looks } from "./looks.ts";
import { Phones } from "./phones.ts";
import { hasAnswered, isLegId, lookAtCaller, lookAtLegs, refused, type Snapshot } from "./snapshot.ts";
import { type Said, type Site, Translator } from "./translate.ts";
import { messageOf } from "../../src/platform/text.ts";

/** When the legs are looked at again after a connect, in ms: `show channels` lags by up to seconds. */
export const secondLookAfter = 2000;

/** What a session needs of its driver. */
export interface SessionOptions {
  readonly config: FreeswitchConfig;
  readonly site: Site;
  readonly known: KnownLegs;
  readonly log: Log;
  /** What outlives this connection. */
  readonly agents: AgentMemory;
  /** Passes a fact on. */
  readonly tell: (event: LineEvent) => void;
  /** Takes why the connection is not up yet, when that takes long. */
  readonly delayed: (why: string) => void;
}

/** A connection that is logged in and subscribed. */
export class Session {
  readonly #options: SessionOptions;
  readonly #translator: Translator;
  readonly #jobs = new Map<string, (body: string | undefined) => void>();
  readonly #dialLegs = new DialLegs();
  /** The lifted legs of our dials, each with the far leg that was last looked at, or "". */
  readonly #lifted = new Map<string, string>();
  #link: Link | undefined;
  /** The switch does not report registrations, so they are asked for. */
  #asksForPhones = false;
  /** Events from before the end of the first look, as text when they cannot be read; nothing after it. */
  #early: (Frame | string)[] | undefined = [];
  readonly #held = new HeldLegs();
  readonly #filters = new LegFilters((command) => this.#send(command));
  readonly #phones: Phones;
  readonly #looks: Looks;

  private constructor(options: SessionOptions) {
    const { site: { desks }, log, tell, known, agents } = options;
    this.#options = options;
    this.#phones = new Phones({ desks, log, tell });
    const contactsOf = (desk: string) => this.#phones.contactsOf(desk);
    this.#translator = new Translator(options.site, { agents, known, contactsOf });
    this.#looks = new Looks({
      legs: async () => (await this.#seen()).legs,
      seen: (legs) => this.#snapshot(legs),
      others: () => this.#lookAtOthers(),
      failed: (error) => log.debug("A look at the live legs failed", { why: String(error) }),
    });
  }

  /** Connects and asks for the events. Rejects with an Error for people when it cannot. */
  static async open(options: SessionOptions, signal: AbortSignal): Promise<Session> {
    const session = new Session(options);
    const { config, log } = options;
    const link = await Link.open(
      {
        host: config.host,
        port: config.port,
        login: login(config),
        connectMs: config.connectSeconds * 1000,
        commandMs: config.commandSeconds * 1000,
        silenceMs: config.silenceSeconds * 1000,
        log,
        deskOf: (frame) => session.#translator.deskOf(frame),
        onDelay: options.delayed,
        onUnreadable: (text) => session.#onFrame(text),
      },
      (frame) => session.#onFrame(frame),
      signal,
    );
    session.#link = link;
    link.closed.then(() => session.#looks.stop());
    try {
      await session.#ask(link);
      return session;
    } catch (error) {
      link.close(messageOf(error));
      throw error;
    }
  }

  /** Resolves with the reason when the connection is over. */
  get closed(): Promise<string> {
    return this.#link?.closed ?? Promise.resolve("not connected");
  }

  async #ask(link: Link): Promise<void> {
    const { config, site, agents, known } = this.#options;
    this.#filters.keep(known());
    for (const command of [...filters(site.desks, config), ...agentFilters(agents, config)]) await must(link, command);
    if ((await link.command(subscribe())).ok) return;
    // A user with narrow rights needs each subclass of CUSTOM in his list, even when all events are in it.
    const custom = eventNames.indexOf("CUSTOM");
    await must(link, subscribe(eventNames.slice(0, custom)));
    for (const subclass of eventNames.slice(custom + 1)) {
      const reply = await link.command(subscribe(["CUSTOM", subclass]));
      if (!reply.ok) this.#denied(subclass, reply.text);
    }
  }

  /** Without registration events the phone is looked up at every HEARTBEAT instead. */
  #denied(subclass: string, answer: string): void {
    if (subclass.startsWith("sofia::")) this.#asksForPhones = true;
    this.#options.log.rarely(`denied ${subclass}`).warning(
      "FreeSWITCH does not send all events that are needed: add this one to esl-allowed-events of line.user, behind CUSTOM",
      { missing: subclass, says: answer.trim() },
    );
  }

  /**
   * Reports that the link is up, then what lives, and looks once more a little later. Commands may come from the first moment.
   * Rejects with an Error for people, the connection closed, when the first look fails.
   */
  async begin(): Promise<void> {
    const link = this.#link;
    if (!link) return;
    const { config, tell } = this.#options;
    tell({ type: "link-up", to: `${config.host}:${config.port}` });
    try {
      await this.#firstLook(link);
      await this.#lookAtAgents(link);
    } catch (error) {
      link.close(messageOf(error));
      throw error;
    }
    this.#looks.later(secondLookAfter);
  }

  /**
   * The look after a connect: first where the phones are, which decides whose a leg is, then at the legs. What comes meanwhile
   * waits, and is reported after it when it is newer.
   */
  async #firstLook(link: Link): Promise<void> {
    await this.#phones.lookUpAll(link);
    const { legs, sequence } = await this.#seen();
    this.#snapshot(legs);
    this.#phones.release();
    const early = this.#early ?? [];
    this.#early = undefined;
    for (const frame of early) {
      const seen = typeof frame === "string" ? undefined : sequence.get(String(frame["Unique-ID"]));
      if (typeof frame === "string" || seen === undefined || Number(frame["Event-Sequence"] ?? 0) > seen) this.#onFrame(frame);
    }
  }

  async #lookAtAgents(link: Link): Promise<void> {
    const { config, site, agents: memory, tell, log } = this.#options;
    await lookAtAgents(link, { config, memory, desks: site.desks.map(({ extension }) => extension), tell, log });
  }

  async #lookAtOthers(): Promise<void> {
    if (!this.#link) return;
    await this.#phones.lookUpAll(this.#link);
    await this.#lookAtAgents(this.#link);
  }

  async #seen(): Promise<Snapshot> {
    const { known, log } = this.#options;
    const link = this.#link;
    if (!link) throw new Error("not connected");
    const { legs, sequence } = await lookAtLegs(link, this.#translator, known, log);
    return { legs: await Promise.all(legs.map((leg) => this.#watchedLeg(link, leg))), sequence };
  }

  #snapshot(legs: readonly LegFacts[]): void {
    const { site, tell } = this.#options;
    this.#filters.keep(legs);
    tell({ type: "snapshot", desks: site.desks.map(({ extension }) => extension), legs });
  }

  /** A dial that was under way when the link was lost, with the far end's answer if it came before it is watched. */
  async #watchedLeg(link: Link, facts: LegFacts): Promise<LegFacts> {
    if (!isLiftedDial(facts) || facts.farAnswered) return facts;
    this.#watch(facts);
    if (facts.farLeg === undefined) return facts;
    this.#lifted.set(facts.leg, facts.farLeg);
    return await hasAnswered(link, facts.farLeg) ? { ...facts, farCalled: true, farAnswered: true } : facts;
  }

  /** @param frame the text of an event that cannot be read: what it said is found by a look. */
  #onFrame(frame: Frame | string): void {
    if (this.#early) {
      this.#early.push(frame);
      return;
    }
    if (typeof frame === "string") this.#onUnreadable(frame);
    else if (frame["Event-Name"] === "BACKGROUND_JOB") this.#jobs.get(String(frame["Job-UUID"]))?.(String(frame["_body"] ?? ""));
    else if (frame["Event-Name"] === "HEARTBEAT") this.#onHeartbeat();
    else if (frame["Event-Name"] === "SHUTDOWN") this.#options.log.warning("FreeSWITCH is shutting down");
    else this.#onLineFrame(frame);
  }

  #onUnreadable(event: string): void {
    for (const [job, done] of this.#jobs) if (event.includes(job)) done(undefined);
    this.#looks.repair();
  }

  #onLineFrame(frame: Frame): void {
    if (this.#held.takes(frame)) return;
    const caller = this.#translator.unseenCaller(frame);
    if (caller !== undefined && this.#link) {
      const look = this.#lookAtCaller(this.#link, caller);
      // After a lost connection the next look shows what has become of the leg.
      this.#held.until(look, frame, (each) => this.#onLineFrame(each)).catch(() => {});
    } else for (const said of this.#translator.frame(frame)) this.#onSaid(said);
  }

  async #lookAtCaller(link: Link, leg: string): Promise<void> {
    try {
      await lookAtCaller(link, this.#translator, leg);
    } catch (error) {
      if (error instanceof LinkClosed) throw error;
      this.#options.log.rarely("no caller").warning("Cannot see whether a queue's caller is withheld", { why: String(error) });
      this.#translator.noteCaller(leg, false);
    }
  }

  /** A phone that is not registered is looked up: it may be back without an event, when its SIP profile is started again. */
  #onHeartbeat(): void {
    for (const { extension } of this.#options.site.desks) {
      if (this.#asksForPhones || this.#phones.isUnregistered(extension)) this.#lookUpPhone(extension);
    }
  }

  /** @param proven see `Phones.lookUp`. */
  #lookUpPhone(desk: string, proven = false): void {
    if (this.#link) this.#phones.lookUp(this.#link, desk, proven).catch(() => {});
  }

  #onSaid(said: Said): void {
    if (said.type === "look-up-phone") return this.#lookUpPhone(said.desk);
    if (said.type === "phone") {
      if (this.#phones.onRegister(said)) this.#lookUpPhone(said.desk, true);
      return;
    }
    this.#options.tell(said);
    this.#looks.note(said);
    this.#filters.note(said);
    if (said.type !== "leg") return;
    if (said.facts.rings) this.#onReached(said.facts.desk);
    this.#dialLegs.note(said.facts);
    this.#followDial(said.facts);
  }

  #onReached(desk: string): void {
    if (this.#phones.onReached(desk)) this.#lookUpPhone(desk, true);
  }

  /** The far leg of a dial is watched from the lift until it has answered or the call is over. */
  #followDial(facts: LegFacts): void {
    const { leg, farLeg, farAnswered, ended } = facts;
    if (farAnswered || ended) this.#unwatch(leg);
    else if (isLiftedDial(facts)) this.#watch(facts);
    if (ended) this.#lifted.delete(leg);
    if (farLeg === undefined || !this.#translator.dials.has(leg) || this.#lifted.get(leg) === farLeg) return;
    this.#lifted.set(leg, farLeg);
    this.#lookAtFarLeg(facts.desk, leg, farLeg).catch(() => {});
  }

  /** The far leg may have answered before the filter for it stood. Bridged to early media, our own leg never shows that. */
  async #lookAtFarLeg(desk: string, leg: string, farLeg: string): Promise<void> {
    if (!this.#link || !(await hasAnswered(this.#link, farLeg)) || !this.#translator.dials.has(leg)) return;
    this.#onSaid({ type: "leg", facts: { desk, leg, farCalled: true, farAnswered: true } });
  }

  #watch({ leg, desk }: Pick<LegFacts, "leg" | "desk">): void {
    if (this.#lifted.has(leg)) return;
    this.#lifted.set(leg, "");
    this.#translator.dials.set(leg, desk);
    this.#send(`filter variable_originating_leg_uuid ${leg}`);
  }

  #unwatch(leg: string): void {
    if (!this.#translator.dials.delete(leg)) return;
    this.#send(`filter delete variable_originating_leg_uuid ${leg}`);
  }

  /** Sends what no answer is waited for. */
  #send(command: string): void {
    this.#link?.command(command).catch(() => {});
  }

  /** The password of a user in the switch's directory. */
  async passwordOf(user: string): Promise<string | undefined> {
    if (!this.#link) throw new Error("not connected");
    return await passwordIn(this.#link, user, this.#options.config);
  }

  /** Carries one command out, once. */
  async execute(command: LineCommand): Promise<CommandResult> {
    if (command.type === "dial") return await this.dial(command);
    if (!this.#link) {
      return {
        outcome: "failed",
        cause: "NO_LINK",
        why: "There is no connection to the phone system: try again when it is back.",
      };
    }
    const { config, agents, log } = this.#options;
    return await setAgent(this.#link, command, { config, memory: agents, log });
  }

  /** Dials: rings the handset, and when it is lifted lets the dialplan call the number. Sent once. */
  async dial({ call, desk, number }: Extract<LineCommand, { type: "dial" }>): Promise<CommandResult> {
    const names = this.#options.site.desks.find(({ extension }) => extension === desk);
    const link = this.#link;
    if (!names || !link) return { outcome: "failed", cause: "NO_LINK", why: `Desk ${desk} is not served.` };
    try {
      return await this.#originate(link, names, call, number);
    } catch (error) {
      if (!(error instanceof LinkClosed)) throw error;
      if (error.sent) return { outcome: "unknown", why: `The connection to the phone system was lost (${error.message})` };
      return {
        outcome: "failed",
        cause: "NO_LINK",
        why: `Cannot dial: the connection to the phone system is down (${error.message}).`,
      };
    }
  }

  async #originate(link: Link, names: DeskNames, call: string, number: string): Promise<CommandResult> {
    const { config } = this.#options;
    const job = crypto.randomUUID();
    const command = originate(call, number, names, config);
    // The waiters stand before the command goes out: its outcome can be faster than its reply.
    const done = Promise.withResolvers<CommandResult>();
    this.#jobs.set(job, (body) => {
      if (body !== undefined) done.resolve(this.#outcome(call, names.extension, body));
      // The legs that have been seen show what becomes of the dial.
      else if (!this.#dialLegs.hasLeg(call)) done.resolve({ outcome: "unknown", why: "The switch's report cannot be read" });
    });
    this.#dialLegs.open(call);
    const late = (config.ringSeconds + 2 * config.commandSeconds) * 1000;
    const timer = setTimeout(() => done.resolve({ outcome: "unknown", why: "The switch did not report the outcome" }), late);
    try {
      await prepare(link, `filter Job-UUID ${job}`);
      const reply = await link.command(command, { "Job-UUID": job });
      if (!reply.ok) done.resolve(this.#outcome(call, names.extension, reply.text));
      const cut = link.closed.then((why): CommandResult => ({
        outcome: "unknown",
        why: `The connection to the phone system was lost (${why})`,
      }));
      const result = await Promise.race([done.promise, cut]);
      // What was told before must be heard before: the iteration over the events takes some turns of its own.
      await new Promise((resolve) => setImmediate(resolve));
      // Only a look shows now whether a phone rings at all.
      if (result.outcome === "unknown") this.#looks.repair();
      return result;
    } finally {
      clearTimeout(timer);
      this.#jobs.delete(job);
      this.#dialLegs.close(call);
      link.command(`filter delete Job-UUID ${job}`).catch(() => {});
    }
  }

  /** What the end of an originate job means. */
  #outcome(call: string, desk: string, body: string): CommandResult {
    const result = originateResult(body);
    if ("cause" in result) {
      const failure = handsetFailure(this.#dialLegs.cause(call, result.cause), desk);
      if (this.#phones.onDialFailed(desk, failure)) this.#lookUpPhone(desk);
      return { outcome: "failed", ...failure };
    }
    this.#onReached(desk);
    // A leg without our mark is known by the job alone.
    if (isLegId(result.lifted) && !this.#dialLegs.hasLeg(call)) this.#watch({ leg: result.lifted, desk });
    return { outcome: "done" };
  }
}

/** Sends what nothing works without. Rejects with an Error for people when it is refused. */
async function must(link: Link, command: string): Promise<void> {
  const reply = await link.command(command);
  if (!reply.ok) throw new Error(refused(command, reply));
}
