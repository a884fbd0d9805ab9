/** Limits the guessing of passwords: after several wrong ones, a name is locked out for some minutes. In memory only. */

/** The number of wrong passwords that lock a name out, and the time locked out after the last of them, in ms. */
const maxFailures = 5;
const lockoutMs = 5 * 60_000;

/** The maximum number of names whose failures are remembered. */
const maxNames = 1000;

/** The number of wrong passwords for a name, and the time of the last, in ms. */
interface Failures {
  readonly count: number;
  readonly last: number;
}

/** A name that is locked out. */
export interface Locked {
  /** For how long, in minutes, rounded up. */
  readonly minutes: number;
  /** Not the name itself, but all names that are not remembered are locked out. */
  readonly others: boolean;
}

/** Counts wrong passwords by name: of the agent, or of the address that a guess comes from. */
export class Lockout {
  readonly #now: () => number;
  /** By name, ordered by last failure, the oldest first. */
  readonly #failures = new Map<string, Failures>();
  /** The shared count of all names that do not fit in `#failures`, because all names in it are locked out. */
  #others: Failures | undefined;

  /** @param now steady ms. */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** For how long a name is locked out; undefined if it is not. */
  locked(name: string): Locked | undefined {
    const failures = this.#failures.get(name) ?? this.#others;
    if (!failures || !this.#isLocked(failures)) return undefined;
    return {
      minutes: Math.ceil((lockoutMs - (this.#now() - failures.last)) / 60_000),
      others: failures === this.#others,
    };
  }

  /** The password was right. */
  forget(name: string): void {
    this.#failures.delete(name);
  }

  /**
   * Counts a wrong password. Beyond `maxNames`, the name with the oldest failure is forgotten, but never one that is locked out.
   * If all are locked out, all other names share one count. So both guessing and memory stay limited.
   */
  note(name: string): void {
    const known = this.#failures.get(name);
    if (known === undefined && this.#failures.size >= maxNames && !this.#forgetOldest()) {
      this.#others = this.#increased(this.#others);
      return;
    }
    this.#failures.delete(name);
    this.#failures.set(name, this.#increased(known));
  }

  #isLocked({ count, last }: Failures): boolean {
    return count >= maxFailures && this.#now() - last < lockoutMs;
  }

  #increased(before: Failures | undefined): Failures {
    const last = this.#now();
    return { count: before === undefined || last - before.last >= lockoutMs ? 1 : before.count + 1, last };
  }

  /** Makes room for a name; returns false if all remembered names are locked out. */
  #forgetOldest(): boolean {
    for (const [name, failures] of this.#failures) {
      if (this.#isLocked(failures)) continue;
      this.#failures.delete(name);
      return true;
    }
    return false;
  }
}
