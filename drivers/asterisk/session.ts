/**
 * The work on one connection: request the events of our phones, list the live legs, report what happens, execute commands. The
 * order after a connect: login, websocket, subscription, snapshot. So nothing is missed.
 */
import type { LegFacts, LineCommand } from "../../src/core/line.ts";
import { messageOf } from "../../src/platform/text.ts";
import { pause } from "../../src/platform/timers.ts";
import { type NamedLeg, SwitchSession, type SwitchSessionOptions } from "../shared/switch-session.ts";
import { type AgentMemory, Agents, outdatedDesks } from "./agents.ts";
import type { AsteriskConfig } from "./config.ts";
import { Dials } from "./dials.ts";
import { callOfDial } from "./leg.ts";
import { isDirect } from "./originate.ts";
import { Phones } from "./phones.ts";
import { Reader } from "./reader.ts";
import type { Reading } from "./reading.ts";
import type { Site } from "./site.ts";
import type { Translated, Translator } from "./translate.ts";
import { login, subscribe } from "./wire/ari.ts";
import { type AriEvent, type Channel, isLegId, readEvent, readObject } from "./wire/message.ts";
import { type AriAddress, placeOf, Rest } from "./wire/rest.ts";
import { EventSocket } from "./wire/socket.ts";

/** What a session needs from its driver. */
export interface SessionOptions extends SwitchSessionOptions {
  readonly config: AsteriskConfig;
  readonly address: AriAddress;
  readonly application: string;
  readonly site: Site;
  /** Outlives this connection. */
  readonly translator: Translator;
  /** Outlives it too. */
  readonly memory: AgentMemory;
}

/** A connection that has logged in and subscribed. */
export class Session extends SwitchSession {
  readonly #options: SessionOptions;
  readonly #rest: Rest;
  readonly #socket: EventSocket;
  readonly #reader: Reader;
  readonly #dials: Dials;
  readonly #agents: Agents;
  readonly #startedAt: string;
  readonly #phones: Phones;
  /** The events until the end of the first snapshot; undefined after it. */
  #early: AriEvent[] | undefined = [];
  /** The events of legs of which something is being read. */
  readonly #held = new Map<string, AriEvent[]>();
  #missing: readonly string[] = [];
  readonly #over = new AbortController();
  /** Another program has taken over the application. */
  isReplaced = false;

  private constructor(options: SessionOptions, rest: Rest, socket: EventSocket, startedAt: string) {
    super(options);
    const { config, site, log, timers, report } = options;
    this.#options = options;
    this.#rest = rest;
    this.#socket = socket;
    this.#startedAt = startedAt;
    void socket.closed.then((why) => {
      this.#over.abort();
      rest.close(why);
    });
    this.#agents = new Agents(config, rest, options.memory);
    this.#reader = new Reader(rest, site, log);
    this.#phones = new Phones(site.technology, report);
    this.#dials = new Dials({
      config,
      timers,
      rest,
      onAccepted: (channel) => this.#onAccepted(channel),
      isUnregistered: (desk) => this.#phones.isUnregistered(desk),
      onUnregistered: (desk) => this.#phones.onUnregistered(desk),
      onResult: (command, result) => this.onResult(command, result),
    });
  }

  /** Connects and requests the events. Rejects with an Error for people if it cannot. */
  static async open(options: SessionOptions, signal: AbortSignal): Promise<Session> {
    const { config, address, application, log, timers } = options;
    const rest = new Rest({ ...address, commandMs: config.commandSeconds * 1000, log, timers });
    const stop = () => rest.close("stopped");
    signal.addEventListener("abort", stop, { once: true });
    let socket: EventSocket | undefined;
    let session: Session | undefined;
    try {
      if (signal.aborted) stop();
      const { startedAt } = await login(rest, config.user);
      // No event arrives before they are requested.
      const onMessage = (text: string) => session && session.#onMessage(text);
      const [connectMs, silenceMs] = [config.connectSeconds * 1000, config.silenceSeconds * 1000];
      socket = await EventSocket.open({ ...address, application, connectMs, silenceMs, log, timers, onMessage }, signal);
      session = new Session(options, rest, socket, startedAt);
      await session.#subscribe();
      return session;
    } catch (error) {
      socket?.close(messageOf(error));
      rest.close(messageOf(error));
      throw error;
    } finally {
      signal.removeEventListener("abort", stop);
    }
  }

  /** Works until the connection is lost; resolves with the reason. @param onUp called when the first snapshot is done. */
  run(onUp: () => void): Promise<string> {
    return this.work({
      link: this.#socket,
      to: placeOf(this.#options.address),
      start: async () => {
        await this.#firstSnapshot();
        this.#resetAgents();
        void this.#watchSubscription();
      },
      onUp,
      onLost: (why) => this.#dials.onLost(why),
    });
  }

  protected override async findLeg({ desk, leg }: NamedLeg): Promise<LegFacts | undefined> {
    const seen = isLegId(leg) ? await this.#reader.one(leg) : undefined;
    const facts = seen && this.#options.translator.snapshot(seen.channel, seen.reading);
    return facts?.desk === desk ? facts : undefined;
  }

  protected override onLeg(facts: LegFacts): void {
    this.#onTranslated({ type: "leg", facts });
  }

  protected override async carryOut(command: LineCommand): Promise<void> {
    const { desk } = command;
    if (!this.#desks.includes(desk)) {
      return this.onResult(command, { outcome: "failed", cause: "NOT_SERVED", why: `Desk ${desk} is not served.` });
    }
    if (command.type === "dial") await this.#dials.start(command);
    else this.onResult(command, await this.#agents.set(command));
  }

  async #subscribe(): Promise<void> {
    const { technology, desks } = this.#options.site;
    const sources = desks.flatMap(({ endpoints }) => endpoints.map((name) => `endpoint:${technology}/${name}`));
    this.#missing = await subscribe(
      this.#rest,
      { application: this.#options.application, user: this.#options.address.user },
      sources,
    );
    if (this.#missing.length === 0) return;
    this.#options.log.rarely("missing endpoints").warning(
      "The switch does not have all endpoints of the desks: compare desks and line.technology with it",
      { missing: this.#missing.slice(0, 5).join(" "), count: this.#missing.length },
    );
  }

  /** The phones of an originate through the dialplan are rung for its channel, which belongs to no endpoint. */
  #onAccepted(channel: string): void {
    const { config, log } = this.#options;
    if (isDirect(config)) return;
    void this.#follow(channel).catch((error: unknown) => log.debug("Following a dial failed", { why: messageOf(error) }));
  }

  async #follow(channel: string): Promise<void> {
    const { application, address: { user }, translator } = this.#options;
    const missing = await subscribe(this.#rest, { application, user }, [`channel:${channel}`]);
    const seen = missing.length > 0 ? undefined : await this.#reader.one(channel);
    if (!seen) return this.#dials.onGone(channel);
    // The number may have been called before its events were sent.
    for (const translated of translator.dials(seen.channel)) this.#onTranslated(translated);
  }

  #resetAgents(): void {
    const { config, memory, report } = this.#options;
    if (config.acd === "none") return;
    const desks = outdatedDesks(memory, this.#startedAt, this.#desks);
    if (desks.length > 0) report({ type: "acd-reset", desks });
  }

  get #desks(): readonly string[] {
    return this.#options.site.desks.map(({ extension }) => extension);
  }

  async #firstSnapshot(): Promise<void> {
    const legs = await this.listLegs();
    this.#options.translator.keep(new Set(legs.map(({ leg }) => leg)));
    this.onSnapshot(legs);
    const early = this.#early ?? [];
    this.#early = undefined;
    for (const event of early) this.#pass(event);
  }

  protected override async listLegs(): Promise<readonly LegFacts[]> {
    const { known, translator } = this.#options;
    const { channels, endpoints } = await this.#reader.all(known().map(({ leg }) => leg).filter(isLegId));
    for (const endpoint of endpoints) this.#states.push(endpoint);
    return channels.flatMap(({ channel, reading }) => translator.snapshot(channel, reading) ?? []);
  }

  /** The states of the endpoints in the last list: they are reported behind it. */
  #states: Parameters<Phones["note"]>[0][] = [];

  protected override onSnapshot(legs: readonly LegFacts[]): void {
    this.#options.report({ type: "snapshot", desks: this.#desks, legs });
    for (const state of this.#states.splice(0)) this.#phones.note(state);
  }

  #onMessage(text: string): void {
    const { log } = this.#options;
    if (log.tracing()) log.trace("from the switch", { event: text });
    const event = readEvent(text);
    if (!event) {
      log.rarely("unreadable").warning("Dropped an event that cannot be read: the live calls are listed again", {
        begins: text.slice(0, 80),
      });
      if (!this.#early) this.snapshots.repair();
    } else if (event.type === "ApplicationReplaced") this.#onReplaced();
    else if (this.#early) this.#early.push(event);
    else this.#pass(event);
  }

  #onReplaced(): void {
    const { application } = this.#options;
    this.isReplaced = true;
    this.#socket.close(
      `another program uses the application ${application}: give each box a name of its own in line.application`,
    );
  }

  /** Handles an event, unless it must wait for what is being read of its leg. The events of other legs do not wait. */
  #pass(event: AriEvent): void {
    const { translator } = this.#options;
    const leg = translator.legOf(event);
    const held = leg === undefined ? undefined : this.#held.get(leg);
    if (held) return void held.push(event);
    if (translator.mustRead(event) === undefined || !event.channel) return this.#handle(event);
    this.#readFor(event, event.channel).catch(() => {});
  }

  async #readFor(event: AriEvent, channel: Channel): Promise<void> {
    const waiting: AriEvent[] = [];
    this.#held.set(channel.id, waiting);
    let reading: Reading | undefined;
    try {
      reading = await this.#reader.read(channel.id);
    } catch (error) {
      // The next snapshot shows what happened to the leg: a number that counts as withheld now would stay so for the CRM.
      if (this.#over.signal.aborted) return;
      const { log } = this.#options;
      log.rarely("unread").warning("Cannot read who is on a call: the number counts as withheld", { why: messageOf(error) });
    }
    this.#held.delete(channel.id);
    for (const translated of this.#options.translator.read(channel, reading)) this.#onTranslated(translated);
    this.#handle(event);
    for (const next of waiting) this.#pass(next);
    // What could not be read, or was about to change, is shown by the next snapshot.
    if (!reading || (event.variable === "BRIDGEPEER" && reading.bridgePeer === "")) this.snapshots.repair();
  }

  #handle(event: AriEvent): void {
    for (const translated of this.#options.translator.event(event)) this.#onTranslated(translated);
    if (event.channel && callOfDial(event.channel.id) !== undefined) this.#dials.onEvent(event);
  }

  #onTranslated(translated: Translated): void {
    if (translated.type === "endpoint") return this.#phones.note(translated);
    this.#options.report(translated);
    this.snapshots.note(translated);
    const { facts } = translated;
    if (facts.rings || facts.direction === "from-desk") this.#phones.onReached(facts.desk);
    this.#dials.note(facts);
  }

  /**
   * Asks regularly whether the switch still knows our subscription: it forgets it when it is restarted. That also keeps a
   * connection open, so that the first question about a call needs no handshake.
   */
  async #watchSubscription(): Promise<void> {
    const { config, timers } = this.#options;
    const { signal } = this.#over;
    const next = () => pause(timers, config.silenceSeconds * 1000 / 3, signal);
    try {
      for (await next(); !signal.aborted; await next()) await this.#check();
    } catch (error) {
      this.#socket.close(messageOf(error));
    }
  }

  async #check(): Promise<void> {
    const { application, site } = this.#options;
    const { ok, status, text } = await this.#rest.get(`applications/${encodeURIComponent(application)}`);
    if (status === 404) throw new Error(`Asterisk no longer knows the application ${application}: was it restarted?`);
    const ids = ok ? readObject(text)?.["endpoint_ids"] : undefined;
    if (!Array.isArray(ids)) return;
    const subscribed = new Set(ids);
    const all = site.desks.flatMap(({ endpoints }) => endpoints.map((name) => `${site.technology}/${name}`));
    if (all.every((name) => subscribed.has(name))) return;
    const before = this.#missing;
    await this.#subscribe();
    if (this.#missing.length !== before.length || before.length === 0) this.snapshots.repair();
  }
}
