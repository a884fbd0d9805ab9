/**
 * What one desk hears from the relays, and what follows: which relay is followed, what is missing and must be asked for, and the
 * events of the line. Facts only add up and items are numbered, so that lost, repeated, late and reordered messages end in the
 * same calls. Pure: time is an input.
 */
import type { WireFacts } from "../../src/broker/facts.ts";
import {
  type Beat,
  type DeskState,
  type FeedEvent,
  type FeedItem,
  type FeedMessage,
  maxNamed,
  type Refusal,
  type SyncAnswer,
  type SyncRequest,
} from "../../src/broker/messages.ts";
import type { LegFacts, LineEvent } from "../../src/core/line.ts";
import type { Action } from "./action.ts";
import { DeskLegs } from "./legs.ts";
import { nameOf, Relays } from "./relays.ts";

/** How long a question may be without an answer, in ms. */
export const answerMs = 2000;

/** How long the followed relay may be behind another one, in ms. */
const maxLag = 1000;

/** How often the followed relay is asked although nothing seems to be missing, in ms. */
export const checkMs = 60_000;

/** How often the followed relay is asked again for legs that it has neither listed nor ended, in ms. */
const recheckMs = 2000;

/** A call that has begun and ended unseen is reported if it began less than this long ago, in ms: later no page helps. */
const usefulMs = 120_000;

/** The maximum number of items that wait for a missing one. */
const maxWaiting = 500;

const unanswered = "no relay has answered yet";

/** The desk of a box. */
export class Follower {
  readonly #desk: string;
  /** The desks that the state of the link is about; none if there is no other desk. */
  readonly #about: { readonly desks?: readonly string[] };
  readonly #relays = new Relays();
  /** The relay whose items are reported, and the number of the last one. */
  #followed: { readonly r: string; n: number } | undefined;
  /** Items that arrived before their predecessors. */
  readonly #waiting = new Map<number, FeedItem>();
  #asked: { readonly to: string | undefined; readonly at: number } | undefined;
  #isUp = false;
  /** Where the link of the followed relay goes; undefined if it is down. */
  #lastLink: string | undefined;
  #why = unanswered;
  /** The followed relay has lost the switch, and another one has been asked. */
  #heldDown: string | undefined;
  #phone: Extract<FeedEvent, { type: "phone" }> | undefined;
  #checkedAt = 0;
  /** Since when the followed relay is behind this one. */
  #lag: { readonly r: string; readonly since: number } | undefined;
  readonly #legs = new DeskLegs();
  /** When the first state arrived: what ended before is the daemon's own memory, which may be shorter than a relay's. */
  #since: number | undefined;
  #actions: Action[] = [];

  /** @param alone whether it is the only desk of the box. */
  constructor(desk: string, alone: boolean) {
    this.#desk = desk;
    this.#about = alone ? {} : { desks: [desk] };
  }

  /** Whether the line of the desk is up. */
  get isUp(): boolean {
    return this.#isUp;
  }

  /** Why it is not, as a clause. */
  get why(): string {
    return this.#why;
  }

  /** Takes the legs that the daemon believes to be alive, before the first state has arrived. */
  believe(legs: readonly string[]): void {
    if (this.#since === undefined) { for (const leg of legs) this.#legs.add({ leg }); }
  }

  /** The relay that is followed. */
  get relay(): string | undefined {
    return this.#followed?.r;
  }

  /** The time of the followed relay's clock, in ms. */
  clock(now: number): number {
    return this.#followed ? this.#relays.clock(this.#followed.r, now) : 0;
  }

  /** The box has a connection to the broker. */
  connected(now: number): Action[] {
    this.#why = unanswered;
    return this.#doing(() => this.#ask(now, this.#followed?.r));
  }

  /** The connection is lost; the line has reported that. */
  disconnected(why: string): void {
    this.#isUp = false;
    this.#why = why;
    this.#heldDown = undefined;
    this.#asked = this.#lag = undefined;
    this.#waiting.clear();
    this.#relays.clear();
  }

  /** Nobody has subscribed to the question. */
  unanswered(now: number): Action[] {
    return this.#doing(() => {
      this.#asked = { to: undefined, at: now };
      this.#down("no relay is connected to the broker");
    });
  }

  onBeat(beat: Beat, now: number): Action[] {
    return this.#doing(() => {
      const before = this.#relays.heard(beat, now);
      if (this.#asked) return;
      const followed = this.#followed;
      const best = this.#relays.best(this.#followed?.r, now);
      if (followed?.r === beat.r && best === beat.r && (!this.#isUp && beat.switch.up || before?.c !== beat.c)) {
        return this.#ask(now, followed.r);
      }
      if (best !== undefined && best !== followed?.r) this.#ask(now, best);
    });
  }

  onFeed(message: FeedMessage, now: number): Action[] {
    return this.#doing(() => {
      const followed = this.#followed;
      if (followed?.r !== message.r) return this.#compare(message, now);
      this.#relays.touch(message.r, now);
      if (message.n <= followed.n) return;
      if (this.#waiting.size >= maxWaiting) this.#waiting.clear();
      this.#waiting.set(message.n, message);
      this.#lag = undefined;
      this.#drain(now);
      if (this.#waiting.size > 0 && !this.#asked) this.#ask(now, followed.r);
    });
  }

  onAnswer(answer: SyncAnswer | Refusal, now: number): Action[] {
    return this.#doing(() => {
      if ("refused" in answer) return this.#onRefused(answer, now);
      this.#relays.heard(answer, now);
      if (!this.#relays.isAlive(answer.r, now)) return;
      const isAwaited = this.#asked?.to === answer.r;
      if (this.#asked?.to === undefined || isAwaited) this.#asked = undefined;
      if (this.#followed?.r === answer.r) return this.#catchUp(answer, now);
      if (isAwaited || this.#relays.best(this.#followed?.r, now) === answer.r) this.#adopt(answer, now);
    });
  }

  /** Whether there is another relay that could be followed. */
  hasOther(now: number): boolean {
    return this.#relays.hasOther(this.#followed?.r, now);
  }

  /** The state of the desk is to be reported again. */
  look(now: number): Action[] {
    return this.#doing(() => {
      if (this.#followed && this.#isUp) this.#ask(now, this.#followed.r, {});
    });
  }

  /** A relay does not answer: if it is the followed one, another one is asked for the state. */
  suspect(relay: string, now: number): Action[] {
    return this.#doing(() => {
      if (this.#followed?.r === relay && this.hasOther(now)) this.#leaveBehind(now);
    });
  }

  /** @param now to be called about twice a second. */
  tick(now: number): Action[] {
    return this.#doing(() => {
      if (this.#asked && now - this.#asked.at >= answerMs) {
        this.#asked = undefined;
        if (this.#heldDown !== undefined) this.#down(this.#heldDown);
        const followed = this.#followed && this.#relays.isAlive(this.#followed.r, now) ? this.#followed : undefined;
        this.#ask(now, followed && this.#relays.best(followed.r, now) === followed.r ? followed.r : undefined);
        return;
      }
      if (this.#asked) return;
      if (this.#lag && now - this.#lag.since >= maxLag) return this.#leaveBehind(now, this.#lag.r);
      const followed = this.#followed;
      if (!followed || !this.#relays.isAlive(followed.r, now)) return this.#onDead(now);
      if (now - this.#checkedAt >= (this.#isUp && this.#legs.areUnsure ? recheckMs : checkMs)) this.#ask(now, followed.r);
    });
  }

  #doing(work: () => void): Action[] {
    work();
    const actions = this.#actions;
    this.#actions = [];
    return actions;
  }

  #report(event: LineEvent): void {
    this.#actions.push({ type: "event", event });
  }

  /** @param has what the box has already: absent, what the followed relay has reported. */
  #ask(now: number, to: string | undefined, has: Pick<SyncRequest, "r" | "n"> = this.#followed ?? {}): void {
    this.#asked = { to, at: now };
    this.#checkedAt = now;
    const legs = this.#legs.live.slice(0, maxNamed).map(({ leg }) => leg);
    this.#actions.push({
      type: "ask",
      ...(to === undefined ? {} : { to }),
      ...has,
      ...(legs.length > 0 ? { legs } : {}),
    });
  }

  #onDead(now: number): void {
    const best = this.#relays.best(this.#followed?.r, now);
    if (best !== undefined) return this.#ask(now, best);
    const followed = this.#followed?.r;
    this.#down(
      this.#relays.refusal ??
        (followed === undefined ? "no relay answers" : `the relay ${nameOf(followed)} is no longer heard`),
    );
    this.#ask(now, undefined);
  }

  #onRefused({ r, refused }: Refusal, now: number): void {
    this.#relays.refuse(r, refused, now);
    if (this.#followed?.r === r) this.#followed = undefined;
    if (!this.#followed) this.#down(refused);
  }

  /** Another relay reports facts that the followed one has not reported: it may be dead, or cut off. */
  #compare({ r, e }: FeedMessage, now: number): void {
    if (e.type !== "leg" || this.#lag || !this.#isUp || !this.#relays.isAlive(r, now)) return;
    if (!this.#legs.knows(e.facts)) this.#lag = { r, since: now };
  }

  /** @param to the relay to follow instead; absent: the best of the others. */
  #leaveBehind(now: number, to?: string): void {
    this.#lag = undefined;
    if (this.#followed) this.#relays.demote(this.#followed.r, now);
    this.#ask(now, to ?? this.#relays.best(this.#followed?.r, now));
  }

  /** The state of another relay, which is followed from now on. */
  #adopt(answer: SyncAnswer, now: number): void {
    if (!answer.state) return this.#ask(now, answer.r);
    this.#followed = { r: answer.r, n: answer.n };
    this.#lag = undefined;
    this.#waiting.clear();
    this.#actions.push({ type: "moved", to: answer.r });
    this.#takeState(answer.state, answer.at, now);
  }

  /** What the followed relay has reported since. */
  #catchUp(answer: SyncAnswer, now: number): void {
    const followed = this.#followed;
    if (!followed) return;
    if (answer.state) {
      if (answer.n < followed.n) return;
      followed.n = answer.n;
      this.#takeState(answer.state, answer.at, now);
    } else if (answer.items) {
      const [first] = answer.items;
      if (first && first.n > followed.n + 1) return this.#ask(now, followed.r);
      this.#resume();
      const useless = this.#legs.overIn(answer.items, answer.at - usefulMs);
      for (const item of answer.items) {
        if (item.n !== followed.n + 1) continue;
        followed.n = item.n;
        if (item.e.type !== "leg" || !useless.has(item.e.facts.leg)) this.#take(item.e, now);
      }
    }
    this.#drain(now);
    if (this.#waiting.size > 0) this.#ask(now, followed.r);
  }

  /** The link of the box was lost, that of the relay was not: the legs are those that were known, and then comes what they did. */
  #resume(): void {
    if (this.#isUp || this.#lastLink === undefined) return;
    this.#up(this.#lastLink);
    if (this.#phone) this.#report({ ...this.#phone, desk: this.#desk });
  }

  /** Reports the items that no longer wait for others. */
  #drain(now: number): void {
    const followed = this.#followed;
    // The link of the box was lost: before an answer has shown what was missed, what comes next cannot be reported.
    if (!followed || (!this.#isUp && this.#lastLink !== undefined)) return;
    for (const n of this.#waiting.keys()) if (n <= followed.n) this.#waiting.delete(n);
    for (let next = this.#waiting.get(followed.n + 1); next; next = this.#waiting.get(followed.n + 1)) {
      this.#waiting.delete(next.n);
      followed.n = next.n;
      this.#take(next.e, now);
    }
  }

  #down(why: string): void {
    if (!this.#isUp && this.#why === why) return;
    this.#heldDown = undefined;
    this.#isUp = false;
    this.#why = why;
    this.#report({ type: "link-down", why, ...this.#about });
  }

  #up(to: string): void {
    if (!this.#isUp) this.#report({ type: "link-up", to, ...this.#about });
    this.#isUp = true;
    this.#why = "";
    this.#heldDown = undefined;
    this.#lastLink = to;
    this.#snapshot();
  }

  #snapshot(): void {
    this.#report({ type: "snapshot", desks: [this.#desk], legs: this.#legs.live.map((facts) => this.#own(facts)) });
  }

  #own(facts: WireFacts): LegFacts {
    return { desk: this.#desk, ...facts };
  }

  /** A whole state: legs that have ended meanwhile are first among the live ones, then they end, with their reasons. */
  #takeState({ link, legs, ended, phone }: DeskState, at: number, now: number): void {
    const alive = new Set(legs.map(({ leg }) => leg));
    const since = this.#since === undefined ? Infinity : this.clock(this.#since);
    const over = ended.filter(({ began, at: when, facts: { leg } }) =>
      !alive.has(leg) && !this.#legs.hasEnded(leg) && (this.#legs.isLive(leg) || (when >= since && at - began <= usefulMs))
    );
    this.#since ??= now;
    const before = over.map(({ facts: { ended: _, ...facts } }) => facts);
    // What the relay has seen before it lost the switch counts.
    const isNews = over.length > 0 || legs.some(({ leg }) => !this.#legs.isLive(leg));
    this.#legs.list({ legs: [...legs, ...before] });
    if (link.up || isNews) this.#up(link.up ? link.to : this.#lastLink ?? "the switch");
    for (const { facts } of over) this.#take({ type: "leg", facts }, now);
    if (!link.up) {
      this.#lastLink = undefined;
      return this.#down(link.why);
    }
    this.#report({ type: "acd-reset", desks: [this.#desk] });
    if (phone) this.#take({ type: "phone", ...phone }, now);
  }

  /** The followed relay has lost the switch: another one may still have it, so that nobody needs to notice. */
  #onLinkDown(why: string, now: number): void {
    this.#lastLink = undefined;
    const followed = this.#followed?.r;
    if (followed !== undefined) this.#relays.lost(followed, why);
    const best = this.#relays.best(followed, now);
    if (!this.#isUp || best === undefined || best === followed) return this.#down(why);
    this.#heldDown = why;
    this.#ask(now, best);
  }

  #take(event: FeedEvent, now: number): void {
    const desk = this.#desk;
    if (event.type === "link-up") {
      this.#phone = undefined;
      this.#legs.list(event);
      this.#up(event.to);
      return this.#askUnsure(now);
    }
    if (event.type === "result") return void this.#actions.push(event);
    if (event.type === "link-down") return this.#onLinkDown(event.why, now);
    if (!this.#isUp) return;
    switch (event.type) {
      case "snapshot":
        this.#legs.list(event);
        this.#snapshot();
        return this.#askUnsure(now);
      case "leg":
        this.#legs.add(event.facts);
        return this.#report({ type: "leg", facts: this.#own(event.facts) });
      case "leg-renamed":
        this.#legs.rename(event.from, event.to);
        return this.#report({ ...event, desk });
      case "acd-reset":
        return this.#report({ type: "acd-reset", desks: [desk] });
      default:
        if (event.type === "phone") this.#phone = event;
        return this.#report({ ...event, desk });
    }
  }

  #askUnsure(now: number): void {
    if (this.#legs.areUnsure && !this.#asked && this.#followed) this.#ask(now, this.#followed.r);
  }
}
