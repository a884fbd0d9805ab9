/**
 * The work on one connection: request the events of our lines, list the live legs, report what happens, execute commands.
 * The order after a connect: login, filters, events, snapshot. So nothing is missed, and no events of other lines are received.
 */
import type { LegFacts, LineCommand } from "../../src/core/line.ts";
import { messageOf } from "../../src/platform/text.ts";
import { type NamedLeg, SwitchSession, type SwitchSessionOptions } from "../shared/switch-session.ts";
import { type AgentMemory, Agents } from "./agents.ts";
import { eventNames, filters, login, subscribe } from "./commands.ts";
import type { FreeswitchConfig } from "./config.ts";
import { Dials } from "./dials.ts";
import { passwordIn } from "./directory.ts";
import { FarLegs } from "./far-legs.ts";
import { HeldLegs } from "./held-legs.ts";
import { LegFilters } from "./leg-filters.ts";
import { type Frame, text, UnreadableEvent } from "./wire/event.ts";
import { Link, LinkClosed } from "./wire/link.ts";
import { Phones } from "./phones.ts";
import { findLeg, readCaller, refused, type Snapshot, takeSnapshot } from "./snapshot.ts";
import { type Site, type Translated, Translator } from "./translate.ts";

/** What a session needs from its driver. */
export interface SessionOptions extends SwitchSessionOptions {
  readonly config: FreeswitchConfig;
  readonly site: Site;
  /** What outlives this connection. */
  readonly memory: AgentMemory;
  /** See `DriverContext.wholeSwitch`. */
  readonly wholeSwitch?: boolean;
  /** Receives the reason why the connection is not up yet, if that takes long. */
  readonly onDelay: (why: string) => void;
}

/** A connection that has logged in and subscribed. */
export class Session extends SwitchSession {
  readonly #options: SessionOptions;
  readonly #translator: Translator;
  readonly #link: Link;
  readonly #dials: Dials;
  readonly #farLegs: FarLegs;
  /** The events until the end of the first snapshot, as text if they cannot be read; undefined after it. */
  #early: (Frame | string)[] | undefined = [];
  readonly #held = new HeldLegs();
  readonly #filters: LegFilters;
  readonly #phones: Phones;
  readonly #agents: Agents;

  private constructor(options: SessionOptions, link: Link) {
    super(options);
    const { config, site: { desks }, log, timers, report, known, memory } = options;
    this.#options = options;
    this.#link = link;
    this.#filters = new LegFilters(link);
    this.#phones = new Phones({ link, desks, log, report });
    this.#agents = new Agents({
      ...{ link, config, memory, log, timers, report },
      desks: desks.map(({ extension }) => extension),
      areConfined: options.wholeSwitch === true,
    });
    const contactsOf = (desk: string) => this.#phones.contactsOf(desk);
    const deskOfLeg = options.wholeSwitch ? { deskOfLeg: (leg: string) => this.#filters.deskOf(leg) } : {};
    this.#translator = new Translator(options.site, { agents: this.#agents, known, contactsOf, ...deskOfLeg });
    this.#farLegs = new FarLegs({
      link,
      watched: this.#translator.dials,
      onLearned: (facts) => this.onLeg(facts),
    });
    this.#dials = new Dials({
      config,
      timers,
      link,
      onAnswered: (desk, leg) => {
        this.#phones.onReached(desk);
        if (leg !== undefined) this.#farLegs.watch({ leg, desk });
      },
      onFailed: (desk, failure) => this.#phones.onDialFailed(desk, failure),
      onResult: (command, result) => this.onResult(command, result),
    });
  }

  /** Connects and asks for the events. Rejects with an Error for people if it cannot. */
  static async open(options: SessionOptions, signal: AbortSignal): Promise<Session> {
    const { config, log, timers } = options;
    // No event arrives before events are requested.
    let session: Session | undefined;
    const onFrame = (frame: Frame | string) => session && session.#onFrame(frame);
    const link = await Link.open(
      {
        host: config.host,
        port: config.port,
        login: login(config),
        connectMs: config.connectSeconds * 1000,
        commandMs: config.commandSeconds * 1000,
        silenceMs: config.silenceSeconds * 1000,
        log,
        timers,
        unfiltered: options.wholeSwitch === true,
        deskOf: (frame) => session && session.#translator.deskOf(frame),
        onDelay: options.onDelay,
        onUnreadable: onFrame,
      },
      onFrame,
      signal,
    );
    try {
      session = new Session(options, link);
      await session.#ask();
      return session;
    } catch (error) {
      link.close(messageOf(error));
      throw error;
    }
  }

  async #ask(): Promise<void> {
    const link = this.#link;
    const { config, site, known } = this.#options;
    this.#filters.keep(known());
    const isFiltered = this.#options.wholeSwitch !== true;
    for (const command of isFiltered ? [...filters(site.desks, config), ...this.#agents.filters] : []) await must(link, command);
    if ((await link.command(subscribe())).ok) return;
    // A user with narrow rights needs each subclass of CUSTOM in the list of allowed events, even when all events are in it.
    const custom = eventNames.indexOf("CUSTOM");
    await must(link, subscribe(eventNames.slice(0, custom)));
    for (const subclass of eventNames.slice(custom + 1)) {
      const reply = await link.command(subscribe(["CUSTOM", subclass]));
      if (!reply.ok) this.#denied(subclass, reply.text);
    }
  }

  /** Without registration events the phone is looked up at every HEARTBEAT instead. */
  #denied(subclass: string, answer: string): void {
    if (subclass.startsWith("sofia::")) this.#phones.areUnreported = true;
    this.#options.log.rarely(`denied ${subclass}`).warning(
      "FreeSWITCH does not send all events that are needed: add this one to esl-allowed-events of line.user, after CUSTOM",
      { missing: subclass, says: answer.trim() },
    );
  }

  /** Works until the connection is lost; resolves with the reason. @param onUp called when the first snapshot is done. */
  run(onUp: () => void): Promise<string> {
    const { host, port } = this.#options.config;
    return this.work({
      link: this.#link,
      to: `${host}:${port}`,
      start: async () => {
        await this.#firstSnapshot();
        await this.#agents.refresh();
      },
      onUp,
      onLost: (why) => this.#dials.onLost(why),
    });
  }

  /**
   * The queries after a connect: first where the phones are, which decides whose leg is whose, then the legs. Events that arrive
   * meanwhile wait; those that are newer than the snapshot are reported after it.
   */
  async #firstSnapshot(): Promise<void> {
    await this.#phones.lookUpAll();
    const { legs, sequence } = await this.#seen();
    this.onSnapshot(legs);
    this.#phones.release();
    const early = this.#early ?? [];
    this.#early = undefined;
    for (const frame of early) this.#handle(frame, sequence);
  }

  protected override async refreshOthers(): Promise<void> {
    await this.#phones.lookUpAll();
    await this.#agents.refresh();
  }

  async #seen(): Promise<Snapshot> {
    const { known, log } = this.#options;
    const { legs, sequence } = await takeSnapshot(this.#link, this.#translator, known, log);
    return { legs: await Promise.all(legs.map((leg) => this.#farLegs.seen(leg))), sequence };
  }

  protected override async listLegs(): Promise<readonly LegFacts[]> {
    return (await this.#seen()).legs;
  }

  protected override onSnapshot(legs: readonly LegFacts[]): void {
    const { site, report } = this.#options;
    this.#filters.keep(legs);
    report({ type: "snapshot", desks: site.desks.map(({ extension }) => extension), legs });
  }

  /** @param frame text: an event that cannot be read; a snapshot shows what it was about. */
  #onFrame(frame: Frame | string): void {
    if (this.#early) this.#early.push(frame);
    else this.#handle(frame);
  }

  /** @param shown the legs that a snapshot has shown, with the number of the event up to which it shows them. */
  #handle(frame: Frame | string, shown?: ReadonlyMap<string, number>): void {
    if (typeof frame === "string") return this.#onUnreadable(frame);
    try {
      const upTo = shown?.get(text(frame, "Unique-ID"));
      if (upTo === undefined || Number(text(frame, "Event-Sequence")) > upTo) this.#onEvent(frame);
    } catch (error) {
      if (!(error instanceof UnreadableEvent)) throw error;
      this.#link.unreadable(error.event);
    }
  }

  #onEvent(frame: Frame): void {
    const name = text(frame, "Event-Name");
    if (name === "BACKGROUND_JOB") this.#dials.onJob(text(frame, "Job-UUID"), text(frame, "_body"));
    else if (name === "HEARTBEAT") this.#phones.onHeartbeat();
    else if (name === "SHUTDOWN") this.#options.log.warning("FreeSWITCH is shutting down");
    else this.#onLineFrame(frame);
  }

  #onUnreadable(event: string): void {
    this.#dials.onUnreadable(event);
    this.snapshots.repair();
  }

  #onLineFrame(frame: Frame): void {
    if (this.#held.takes(frame)) return;
    const caller = this.#translator.unseenCaller(frame);
    if (caller !== undefined) {
      // After a lost connection the next snapshot shows what happened to the leg.
      this.#held.until(this.#readCaller(caller), frame, (held) => this.#handle(held)).catch(() => {});
    } else for (const event of this.#translator.frame(frame)) this.#onTranslated(event);
  }

  async #readCaller(leg: string): Promise<void> {
    try {
      await readCaller(this.#link, this.#translator, leg);
    } catch (error) {
      if (error instanceof LinkClosed) throw error;
      this.#options.log.rarely("no caller").warning("Cannot see whether a queue's caller is withheld", { why: String(error) });
      this.#translator.noteCaller(leg, false);
    }
  }

  #onTranslated(event: Translated): void {
    if (event.type === "look-up-phone") return this.#phones.lookUp(event.desk);
    if (event.type === "phone") return this.#phones.onRegister(event);
    this.#options.report(event);
    this.snapshots.note(event);
    this.#filters.note(event);
    if (event.type !== "leg") return;
    if (event.facts.rings) this.#phones.onReached(event.facts.desk);
    this.#dials.note(event.facts);
    this.#farLegs.note(event.facts);
    this.#agents.note(event.facts);
  }

  protected override findLeg(named: NamedLeg): Promise<LegFacts | undefined> {
    return findLeg(this.#link, this.#translator, named);
  }

  protected override onLeg(facts: LegFacts): void {
    this.#onTranslated({ type: "leg", facts });
  }

  /** The password of a user in the switch's directory. */
  async passwordOf(user: string): Promise<string | undefined> {
    return await passwordIn(this.#link, user, this.#options.config);
  }

  protected override async carryOut(command: LineCommand): Promise<void> {
    if (command.type === "agent") return this.onResult(command, await this.#agents.set(command));
    const { desk } = command;
    const names = this.#options.site.desks.find(({ extension }) => extension === desk);
    if (names) return await this.#dials.start(command, names);
    this.onResult(command, { outcome: "failed", cause: "NOT_SERVED", why: `Desk ${desk} is not served.` });
  }
}

/** Sends a command without which nothing works. Rejects with an Error for people if it is refused. */
async function must(link: Link, command: string): Promise<void> {
  const reply = await link.command(command);
  if (!reply.ok) throw new Error(refused(command, reply));
}
