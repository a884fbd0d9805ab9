/**
 * Verification of ACD logins: the password of a Login is compared with an argon2id hash from the configuration, or with the
 * switch's directory. Guessing is limited; passwords are never logged.
 */
import { count } from "./core/count.ts";
import type { Reply } from "./core/crm.ts";

/** How the password of a Login is verified. */
export type Verify =
  | { readonly by: "none" }
  /** argon2id hashes by agent id, made by `telesetd hash-password`. */
  | { readonly by: "config"; readonly hashes: Readonly<Record<string, string>> }
  /** The switch's directory; `lookUp` returns the stored password, undefined if there is none, and rejects if it cannot ask. */
  | { readonly by: "directory"; readonly lookUp: (agent: string) => Promise<string | undefined> };

/** The number of wrong passwords that lock an agent out, and the time locked out after the last of them, in ms. */
const maxFailures = 5;
const lockoutMs = 5 * 60_000;

/** The most agents whose failures are remembered. */
const maxAgents = 1000;

/** The number of wrong passwords for an agent, and the time of the last, in ms. */
interface Failures {
  readonly count: number;
  readonly last: number;
}

/** OWASP's minimum for argon2id, 19 MiB, which a small box can verify besides its other work. */
const argon2id = { algorithm: "argon2id", memoryCost: 19_456, timeCost: 2 } as const;

/** Verifies passwords, one at a time. */
export class Passwords {
  readonly #verify: Verify;
  readonly #now: () => number;
  /** By agent, ordered by last failure, the oldest first. */
  readonly #failures = new Map<string, Failures>();
  /** The shared count of all agents that do not fit in `#failures`, because all agents in it are locked out. */
  #others: Failures | undefined;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(verify: Verify, now: () => number) {
    this.#verify = verify;
    this.#now = now;
  }

  /** Checks whether this agent may log in with this password; a refusal starts with Oracle's error name (E13402). */
  check(agent: string, password: string | undefined): Promise<Reply> {
    if (this.#verify.by === "none") return Promise.resolve({ ok: true });
    const checked = this.#turn.then(() => this.#check(agent, password ?? ""));
    this.#turn = checked.catch(() => {});
    return checked;
  }

  async #check(agent: string, password: string): Promise<Reply> {
    const locked = this.#lockedFor(agent);
    if (locked !== undefined) return { ok: false, why: `LoginFailed: ${locked}.`, refused: true };
    let good: boolean;
    try {
      good = await this.#matches(agent, password);
    } catch {
      return { ok: false, why: "LoginFailed: the password cannot be verified now: try again, then ask the administrator." };
    }
    if (good) {
      this.#failures.delete(agent);
      return { ok: true };
    }
    this.#note(agent);
    return { ok: false, why: "LoginFailed: agent or password is wrong.", refused: true };
  }

  /** Why an agent is locked out, and when to try again; undefined if not locked out. */
  #lockedFor(agent: string): string | undefined {
    const failures = this.#failures.get(agent) ?? this.#others;
    if (!failures || !this.#isLocked(failures)) return undefined;
    const minutes = count(Math.ceil((lockoutMs - (this.#now() - failures.last)) / 60_000), "minute");
    return failures === this.#others
      ? `too many wrong passwords for too many agents: try again in ${minutes}`
      : `too many wrong passwords for agent ${agent}: try again in ${minutes}`;
  }

  #isLocked({ count, last }: Failures): boolean {
    return count >= maxFailures && this.#now() - last < lockoutMs;
  }

  /** An unknown agent takes as long as a known one, so that timing does not reveal who exists. */
  async #matches(agent: string, password: string): Promise<boolean> {
    const verify = this.#verify;
    if (verify.by === "config") {
      const hash = Object.hasOwn(verify.hashes, agent) ? verify.hashes[agent] : undefined;
      const same = await Bun.password.verify(password, hash ?? await dummyHash());
      return same && hash !== undefined;
    }
    if (verify.by === "directory") {
      const known = await verify.lookUp(agent);
      return known !== undefined && known !== "" && sameText(known, password);
    }
    return true;
  }

  /**
   * Counts a failure. Beyond `maxAgents`, the agent with the oldest failure is forgotten, but never one who is locked out. If
   * all are locked out, all other agents share one count. So both guessing and memory stay limited.
   */
  #note(agent: string): void {
    const known = this.#failures.get(agent);
    if (known === undefined && this.#failures.size >= maxAgents && !this.#forgetOldest()) {
      this.#others = this.#increased(this.#others);
      return;
    }
    this.#failures.delete(agent);
    this.#failures.set(agent, this.#increased(known));
  }

  #increased(before: Failures | undefined): Failures {
    const last = this.#now();
    return { count: before === undefined || last - before.last >= lockoutMs ? 1 : before.count + 1, last };
  }

  /** Makes room for an agent; returns false if all remembered agents are locked out. */
  #forgetOldest(): boolean {
    for (const [agent, failures] of this.#failures) {
      if (this.#isLocked(failures)) continue;
      this.#failures.delete(agent);
      return true;
    }
    return false;
  }
}

/** The hash for the configuration. */
export function hashPassword(password: string): Promise<string> {
  return Bun.password.hash(password, argon2id);
}

let unmatchable: Promise<string> | undefined;

/** A hash that no password matches. */
function dummyHash(): Promise<string> {
  unmatchable ??= hashPassword(crypto.randomUUID());
  return unmatchable;
}

/** Compares in constant time. */
function sameText(a: string, b: string): boolean {
  const [left, right] = [a, b].map((text) => new Bun.CryptoHasher("sha256").update(text).digest());
  return left !== undefined && right !== undefined && crypto.timingSafeEqual(left, right);
}
