/** The relays that a box hears: which of them live, and which one is the best to follow. Pure: time is an input. */
import type { Beat } from "../../src/broker/messages.ts";

/** A relay that has said nothing for so long is dead, in ms: three beats. */
const deadAfter = 6500;

/** How long a relay that was behind another one is not preferred, in ms. */
const demotedMs = 60_000;

/**
 * How long a relay must have seen the switch to be preferred because of its rank, in ms: it knows no call that ended before, and
 * another one may, which a box needs that has followed a relay until its death.
 */
export const youngMs = 15_000;

/** The maximum number of relays that are remembered, so that beats cannot fill the memory. */
const maxRelays = 20;

/** A relay that was heard. */
interface KnownRelay {
  beat: Beat;
  heardAt: number;
  /** Its clock minus ours, in ms: the largest of what messages have shown, since each is late by its time on the way. */
  offset: number;
  demotedUntil: number;
  /** Why it does not serve the desk. */
  refused?: string;
}

/** How much the estimate of an offset is lowered per ms, because clocks drift. */
const drift = 1e-4;

/** The relays of a site. */
export class Relays {
  readonly #known = new Map<string, KnownRelay>();
  /** Former boots of relays: their messages may still arrive. */
  readonly #retired = new Set<string>();

  /** Notes that a relay lives. @returns its former beat. */
  heard({ r, rank, c, at, since, switch: state }: Beat, now: number): Beat | undefined {
    const known = this.#known.get(r);
    const former = known?.beat;
    const beat = { r, rank, c, at, switch: state, ...(since === undefined ? {} : { since }) };
    if (known) {
      if (known.beat.c !== c) known.demotedUntil = 0;
      known.offset = Math.max(at - now, known.offset - (now - known.heardAt) * drift);
      if (at >= known.beat.at) known.beat = beat;
      known.heardAt = now;
    } else this.#add({ beat, heardAt: now, offset: at - now, demotedUntil: 0 }, now);
    return former;
  }

  #add(relay: KnownRelay, now: number): void {
    const { r } = relay.beat;
    if (this.isRetired(r)) return;
    for (const [former, { heardAt }] of this.#known) {
      if (nameOf(former) !== nameOf(r)) continue;
      // Boots count up: a message of an older one is late.
      if (former > r && now - heardAt < deadAfter) return;
      this.#retire(former);
    }
    if (this.#known.size < maxRelays) this.#known.set(r, relay);
  }

  #retire(r: string): void {
    this.#known.delete(r);
    this.#retired.add(r);
    const [oldest] = this.#retired;
    if (this.#retired.size > maxRelays && oldest !== undefined) this.#retired.delete(oldest);
  }

  /** Whether another boot of the relay has taken its place. */
  isRetired(r: string): boolean {
    return this.#retired.has(r);
  }

  /** Notes that a relay does not serve the desk. */
  refuse(r: string, why: string, now: number): void {
    const known = this.#known.get(r);
    if (known) known.refused = why;
    else {
      const beat: Beat = { r, rank: 0, c: 0, at: 0, switch: { up: false, why } };
      this.#add({ beat, heardAt: now, offset: -now, demotedUntil: 0, refused: why }, now);
    }
  }

  /** Notes that a relay has lost the switch, before its next beat reports it. */
  lost(r: string, why: string): void {
    const known = this.#known.get(r);
    if (known) known.beat = { ...known.beat, switch: { up: false, why } };
  }

  /** Notes a sign of life other than a beat. */
  touch(r: string, now: number): void {
    const known = this.#known.get(r);
    if (known) known.heardAt = now;
  }

  /** Prefers others for a while. */
  demote(r: string, now: number): void {
    const known = this.#known.get(r);
    if (known) known.demotedUntil = now + demotedMs;
  }

  /** Whether a relay lives and serves the desk. */
  isAlive(r: string, now: number): boolean {
    const relay = this.#known.get(r);
    return relay !== undefined && relay.refused === undefined && now - relay.heardAt < deadAfter;
  }

  /** The relay to follow: one that lives, whose switch is up, not only now, with the lowest rank; of equal ones the followed one. */
  best(followed: string | undefined, now: number): string | undefined {
    const order = ({ beat, demotedUntil }: KnownRelay) =>
      [
        beat.switch.up ? 0 : 1,
        demotedUntil > now ? 1 : 0,
        isYoung(beat) ? 1 : 0,
        beat.rank,
        beat.r === followed ? 0 : 1,
      ] as const;
    const alive = [...this.#known.values()].filter(({ beat }) => this.isAlive(beat.r, now));
    const [best] = alive.toSorted((a, b) => compare(order(a), order(b)) || (a.beat.r < b.beat.r ? -1 : 1));
    return best?.beat.r;
  }

  /** Whether a relay other than this one lives and has the switch. */
  hasOther(r: string | undefined, now: number): boolean {
    return [...this.#known.values()].some(({ beat }) => beat.r !== r && beat.switch.up && this.isAlive(beat.r, now));
  }

  /** Why a relay does not serve the desk, if one has said so. */
  get refusal(): string | undefined {
    return [...this.#known.values()].find(({ refused }) => refused !== undefined)?.refused;
  }

  /** The time of a relay's clock, in ms. */
  clock(r: string, now: number): number {
    const relay = this.#known.get(r);
    return relay ? now + relay.offset : 0;
  }

  /** Forgets all. */
  clear(): void {
    this.#known.clear();
  }
}

function isYoung({ at, since = -Infinity }: Beat): boolean {
  return at - since < youngMs;
}

function compare(a: readonly number[], b: readonly number[]): number {
  const index = a.findIndex((value, index) => value !== b[index]);
  return index < 0 ? 0 : (a[index] ?? 0) - (b[index] ?? 0);
}

/** The name of a relay, without its boot. */
export function nameOf(relay: string): string {
  return relay.split("#")[0] ?? relay;
}
