/**
 * The work on one connection: request the events of our phones, list the live legs, report what happens, execute commands. The
 * order after a connect: login, websocket, subscription, snapshot. So nothing is missed.
 */
import {
  type CommandResult,
  gone,
  type KnownLegs,
  type LegFacts,
  type LineCommand,
  type LineEvent,
} from "../../src/core/line.ts";
import type { Log } from "../../src/log/log.ts";
import { messageOf } from "../../src/platform/text.ts";
import { pause, type Timers } from "../../src/platform/timers.ts";
import { SnapshotSchedule } from "../shared/snapshot-schedule.ts";
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

/** When the legs are listed again after a connect, in ms: an event may have been on its way when the first list was made. */
export const secondSnapshotAfter = 2000;

/** What a session needs from its driver. */
export interface SessionOptions {
  readonly config: AsteriskConfig;
  readonly address: AriAddress;
  readonly application: string;
  readonly site: Site;
  /** Outlives this connection. */
  readonly translator: Translator;
  /** Outlives it too. */
  readonly memory: AgentMemory;
  readonly known: KnownLegs;
  readonly log: Log;
  readonly timers: Timers;
  readonly report: (event: LineEvent) => void;
}

/** A connection that has logged in and subscribed. */
export class Session {
  readonly #options: SessionOptions;
  readonly #rest: Rest;
  readonly #socket: EventSocket;
  readonly #reader: Reader;
  readonly #dials: Dials;
  readonly #agents: Agents;
  readonly #startedAt: string;
  readonly #phones: Phones;
  readonly #snapshots: SnapshotSchedule;
  /** The commands without a reply yet. */
  readonly #underWay = new Set<Promise<void>>();
  /** The events until the end of the first snapshot; undefined after it. */
  #early: AriEvent[] | undefined = [];
  /** The events of legs of which something is being read. */
  readonly #held = new Map<string, AriEvent[]>();
  #missing: readonly string[] = [];
  readonly #over = new AbortController();
  /** Resolves with the reason when the connection is lost. Then no request waits for an answer any longer. */
  readonly #lost: Promise<string>;
  /** Another program has taken over the application. */
  isReplaced = false;

  private constructor(options: SessionOptions, rest: Rest, socket: EventSocket, startedAt: string) {
    const { config, site, log, timers, report } = options;
    this.#options = options;
    this.#rest = rest;
    this.#socket = socket;
    this.#startedAt = startedAt;
    this.#lost = socket.closed.then((why) => {
      this.#over.abort();
      rest.close(why);
      return why;
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
      onResult: (command, result) => this.#onResult(command, result),
    });
    this.#snapshots = new SnapshotSchedule({
      timers,
      legs: () => this.#seen(),
      seen: (legs) => this.#snapshot(legs),
      others: () => Promise.resolve(),
      failed: (error) => log.debug("Listing the live legs failed", { why: messageOf(error) }),
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

  /**
   * Works until the connection is lost: reports that the link is up, then the live legs, and lists these once more a little
   * later. Commands are accepted from the first moment; all have their results when this resolves, with the reason of the end.
   * @param onUp called when the first snapshot is done.
   */
  async run(signal: AbortSignal, onUp: () => void): Promise<string> {
    const { address, report } = this.#options;
    const stop = () => this.#close("stopped");
    signal.addEventListener("abort", stop, { once: true });
    if (signal.aborted) stop();
    report({ type: "link-up", to: placeOf(address) });
    try {
      await this.#firstSnapshot();
      this.#resetAgents();
      this.#snapshots.later(secondSnapshotAfter);
      void this.#watchSubscription();
      onUp();
    } catch (error) {
      this.#close(messageOf(error));
    }
    const why = await this.#lost;
    signal.removeEventListener("abort", stop);
    this.#snapshots.stop();
    this.#dials.onLost(why);
    await Promise.all(this.#underWay);
    return why;
  }

  /** See `Line.check`. Before the first snapshot is done there is nothing to compare with. */
  check(legs: ReturnType<KnownLegs>): void {
    if (this.#early) return;
    for (const named of legs) void this.#checkLeg(named);
  }

  async #checkLeg({ desk, leg }: { readonly desk: string; readonly leg: string }): Promise<void> {
    const { log, translator } = this.#options;
    try {
      const seen = isLegId(leg) ? await this.#reader.one(leg) : undefined;
      const facts = seen && translator.snapshot(seen.channel, seen.reading);
      this.#onTranslated({ type: "leg", facts: facts?.desk === desk ? facts : { desk, leg, ended: gone } });
    } catch (error) {
      log.debug("Asking for a leg failed", { why: messageOf(error) });
    }
  }

  /** See `shared/reconnection.ts`. */
  execute(command: LineCommand): void {
    const done = this.#carryOut(command).catch((error: unknown) => {
      const why = `UnexpectedError: the line failed inside (${messageOf(error)})`;
      this.#onResult(command, { outcome: "unknown", why });
    });
    this.#underWay.add(done);
    void done.finally(() => this.#underWay.delete(done));
  }

  async #carryOut(command: LineCommand): Promise<void> {
    const { desk } = command;
    if (!this.#desks.includes(desk)) {
      return this.#onResult(command, { outcome: "failed", cause: "NOT_SERVED", why: `Desk ${desk} is not served.` });
    }
    if (command.type === "dial") await this.#dials.start(command);
    else this.#onResult(command, await this.#agents.set(command));
  }

  #onResult(command: LineCommand, result: CommandResult): void {
    this.#options.report({ type: "result", command, result });
    // Now only a query can show whether a phone rings at all.
    if (command.type === "dial" && result.outcome === "unknown") this.#snapshots.repair();
  }

  #close(why: string): void {
    this.#socket.close(why);
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
    const legs = await this.#seen();
    this.#options.translator.keep(new Set(legs.map(({ leg }) => leg)));
    this.#snapshot(legs);
    const early = this.#early ?? [];
    this.#early = undefined;
    for (const event of early) this.#pass(event);
  }

  async #seen(): Promise<readonly LegFacts[]> {
    const { known, translator } = this.#options;
    const { channels, endpoints } = await this.#reader.all(known().map(({ leg }) => leg).filter(isLegId));
    for (const endpoint of endpoints) this.#states.push(endpoint);
    return channels.flatMap(({ channel, reading }) => translator.snapshot(channel, reading) ?? []);
  }

  /** The states of the endpoints in the last list: they are reported behind it. */
  #states: Parameters<Phones["note"]>[0][] = [];

  #snapshot(legs: readonly LegFacts[]): void {
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
      if (!this.#early) this.#snapshots.repair();
    } else if (event.type === "ApplicationReplaced") this.#onReplaced();
    else if (this.#early) this.#early.push(event);
    else this.#pass(event);
  }

  #onReplaced(): void {
    const { application } = this.#options;
    this.isReplaced = true;
    this.#close(`another program uses the application ${application}: give each box a name of its own in line.application`);
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
    if (!reading || (event.variable === "BRIDGEPEER" && reading.bridgePeer === "")) this.#snapshots.repair();
  }

  #handle(event: AriEvent): void {
    for (const translated of this.#options.translator.event(event)) this.#onTranslated(translated);
    if (event.channel && callOfDial(event.channel.id) !== undefined) this.#dials.onEvent(event);
  }

  #onTranslated(translated: Translated): void {
    if (translated.type === "endpoint") return this.#phones.note(translated);
    this.#options.report(translated);
    this.#snapshots.note(translated);
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
      this.#close(messageOf(error));
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
    if (this.#missing.length !== before.length || before.length === 0) this.#snapshots.repair();
  }
}
