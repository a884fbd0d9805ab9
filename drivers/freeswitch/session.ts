/**
 * One connection's work: ask for the events of our lines, look at what lives, pass on what happens, carry commands out.
 * The order after a connect: log in, filters, events, look; so that nothing is missed and nothing foreign is heard.
 */
import type { CommandResult, KnownLegs, LegFacts, LineCommand, LineEvent } from "../../src/core/line.ts";
import type { Log } from "../../src/log.ts";
import { type DeskNames, filters, login, originate, originateResult, subscribe } from "./commands.ts";
import type { FreeswitchConfig } from "./config.ts";
import { type Frame, Link, LinkClosed } from "./link.ts";
import { lookAtLegs, type Snapshot } from "./snapshot.ts";
import { type Said, type Site, Translator } from "./translate.ts";

/** When the legs are looked at again after a connect, in ms: `show channels` lags by up to seconds. */
export const secondLookAfter = 2000;

/** What a session needs of its driver. */
export interface SessionOptions {
  readonly config: FreeswitchConfig;
  readonly site: Site;
  readonly known: KnownLegs;
  readonly log: Log;
  /** Passes a fact on. */
  readonly tell: (event: LineEvent) => void;
}

/** A connection that is logged in and subscribed. */
export class Session {
  readonly #options: SessionOptions;
  readonly #translator: Translator;
  readonly #jobs = new Map<string, (body: string) => void>();
  #link: Link | undefined;
  /** Events that came before the first look was done; nothing once it is. */
  #early: Frame[] | undefined = [];

  private constructor(options: SessionOptions) {
    this.#options = options;
    this.#translator = new Translator(options.site);
  }

  /** Connects and gets everything going. Rejects with an Error for people when it cannot. */
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
      },
      (frame) => session.#onFrame(frame),
      signal,
    );
    session.#link = link;
    try {
      await session.#start(link);
      return session;
    } catch (error) {
      link.close(error instanceof Error ? error.message : String(error));
      throw error;
    }
  }

  /** Resolves with the reason when the connection is over. */
  get closed(): Promise<string> {
    return this.#link?.closed ?? Promise.resolve("not connected");
  }

  async #start(link: Link): Promise<void> {
    const { config, site, tell } = this.#options;
    for (const command of [...filters(site.desks, config), subscribe()]) {
      const reply = await link.command(command);
      if (!reply.ok) {
        throw new Error(
          `FreeSWITCH refuses the command "${command.slice(0, 60)}" (${reply.text.trim()}): check the rights of line.user`,
        );
      }
    }
    tell({ type: "link-up", to: `${config.host}:${config.port}` });
    const snapshot = await this.#look(link);
    this.#replayEarly(snapshot);
    for (const desk of site.desks) await this.#lookUpPhone(link, desk.extension);
    const again = setTimeout(() => this.#look(link).catch(() => {}), secondLookAfter);
    link.closed.then(() => clearTimeout(again));
  }

  /** What came while we looked is older than the look, or newer: only the newer counts. */
  #replayEarly({ sequence }: Snapshot): void {
    const early = this.#early ?? [];
    this.#early = undefined;
    for (const frame of early) {
      const seen = sequence.get(String(frame["Unique-ID"]));
      if (seen === undefined || Number(frame["Event-Sequence"] ?? 0) > seen) this.#onFrame(frame);
    }
  }

  async #look(link: Link): Promise<Snapshot> {
    const { site, known, log, tell } = this.#options;
    const snapshot = await lookAtLegs(link, this.#translator, known, log);
    for (const leg of snapshot.legs) await this.#watchFarLeg(link, leg);
    tell({ type: "snapshot", desks: site.desks.map(({ extension }) => extension), legs: snapshot.legs });
    return snapshot;
  }

  /** A dial that was under way when the link was lost: its far end's answer is still to come. */
  async #watchFarLeg(link: Link, { leg, call, desk, farAnswered }: LegFacts): Promise<void> {
    if (call === undefined || farAnswered || this.#translator.dials.has(leg)) return;
    this.#translator.dials.set(leg, desk);
    await link.command(`filter variable_originating_leg_uuid ${leg}`);
  }

  async #lookUpPhone(link: Link, desk: string): Promise<void> {
    const { config, tell } = this.#options;
    const { text } = await link.command(`api sofia_contact */${desk}@${config.domain}`);
    const registered = !text.startsWith("error/") && !text.startsWith("-ERR") && text.trim() !== "";
    tell({ type: "phone", desk, registered, ...(registered ? { contact: text.trim() } : {}) });
  }

  #onFrame(frame: Frame): void {
    if (frame["Event-Name"] === "BACKGROUND_JOB") {
      return this.#jobs.get(String(frame["Job-UUID"]))?.(String(frame["_body"] ?? ""));
    }
    if (frame["Event-Name"] === "SHUTDOWN") this.#options.log.warning("FreeSWITCH is shutting down");
    if (this.#early) this.#early.push(frame);
    else for (const said of this.#translator.frame(frame)) this.#onSaid(said);
  }

  #onSaid(said: Said): void {
    if (said.type === "look-up-phone") {
      if (this.#link) this.#lookUpPhone(this.#link, said.desk).catch(() => {});
      return;
    }
    this.#options.tell(said);
    if (said.type === "leg") this.#watchDial(said.facts);
  }

  /** The far leg of a dial is watched only until it has answered or the call is over. */
  #watchDial({ leg, farAnswered, ended }: LegFacts): void {
    if (!this.#translator.dials.has(leg) || !(farAnswered || ended)) return;
    this.#translator.dials.delete(leg);
    this.#link?.command(`filter delete variable_originating_leg_uuid ${leg}`).catch(() => {});
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
    this.#jobs.set(job, (body) => done.resolve(originateResult(body, names.extension)));
    this.#translator.dials.set(call, names.extension);
    const late = (config.ringSeconds + 10) * 1000;
    const timer = setTimeout(() => done.resolve({ outcome: "unknown", why: "The switch did not tell the outcome" }), late);
    try {
      await link.command(`filter Job-UUID ${job}`);
      await link.command(`filter variable_originating_leg_uuid ${call}`);
      const reply = await link.command(command, { "Job-UUID": job });
      if (!reply.ok) return originateResult(reply.text, names.extension);
      const cut = link.closed.then((why): CommandResult => ({
        outcome: "unknown",
        why: `The connection to the phone system was lost (${why})`,
      }));
      return await Promise.race([done.promise, cut]);
    } finally {
      clearTimeout(timer);
      this.#jobs.delete(job);
      link.command(`filter delete Job-UUID ${job}`).catch(() => {});
    }
  }
}
