/**
 * Who may log in to the ACD: the password of a Login is compared with an argon2id hash from the configuration, or with what
 * the switch's directory says. Guessing is limited; nothing of the password is ever logged.
 */
import { count } from "./core/count.ts";
import type { Reply } from "./core/crm.ts";

/** How a Login's password is verified. */
export type Verify =
  | { readonly by: "none" }
  /** argon2id hashes by agent id, made by `telesetd hash-password`. */
  | { readonly by: "config"; readonly hashes: Readonly<Record<string, string>> }
  /** The switch's directory; `lookUp` gives the password on record, nothing when there is none, and throws when it cannot ask. */
  | { readonly by: "directory"; readonly lookUp: (agent: string) => Promise<string | undefined> };

/** How many wrong passwords lock an agent out, and for how long after the last of them, in ms. */
const mostFailures = 5;
const lockedFor = 5 * 60_000;

/** How many agents' failures are remembered. */
const maxAgents = 1000;

/** The wrong passwords given for one agent, and when the last was, in ms. */
interface Failures {
  readonly count: number;
  readonly last: number;
}

/** Settings of the hash: OWASP's smallest for argon2id, 19 MiB, so that a small box can verify it beside its work. */
const argon2id = { algorithm: "argon2id", memoryCost: 19_456, timeCost: 2 } as const;

/** Verifies passwords, one at a time. */
export class Passwords {
  readonly #verify: Verify;
  readonly #now: () => number;
  /** By agent, the one whose last failure is longest ago first. */
  readonly #failures = new Map<string, Failures>();
  /** The failures of all agents together for whom there was no place, because all that are remembered are locked out. */
  #others: Failures | undefined;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(verify: Verify, now: () => number) {
    this.#verify = verify;
    this.#now = now;
  }

  /** Whether this agent may log in with this password; the refusal's words begin with Oracle's name for it (E13402). */
  check(agent: string, password: string | undefined): Promise<Reply> {
    if (this.#verify.by === "none") return Promise.resolve({ ok: true });
    const checked = this.#turn.then(() => this.#check(agent, password ?? ""));
    this.#turn = checked.catch(() => {});
    return checked;
  }

  async #check(agent: string, password: string): Promise<Reply> {
    const locked = this.#lockedFor(agent);
    if (locked !== undefined) return { ok: false, why: `LoginFailed: ${locked}.` };
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
    return { ok: false, why: "LoginFailed: agent or password is wrong." };
  }

  /** Why an agent may not try now, and when to try again; nothing when the agent may. */
  #lockedFor(agent: string): string | undefined {
    const failures = this.#failures.get(agent) ?? this.#others;
    if (!failures || !this.#isLocked(failures)) return undefined;
    const minutes = count(Math.ceil((lockedFor - (this.#now() - failures.last)) / 60_000), "minute");
    return failures === this.#others
      ? `too many wrong passwords for too many agents: try again in ${minutes}`
      : `too many wrong passwords for agent ${agent}: try again in ${minutes}`;
  }

  #isLocked({ count, last }: Failures): boolean {
    return count >= mostFailures && this.#now() - last < lockedFor;
  }

  /** An unknown agent takes as long as a known one, so that nobody learns who exists. */
  async #matches(agent: string, password: string): Promise<boolean> {
    const verify = this.#verify;
    if (verify.by === "config") {
      const hash = Object.hasOwn(verify.hashes, agent) ? verify.hashes[agent] : undefined;
      const same = await Bun.password.verify(password, hash ?? await nobody());
      return same && hash !== undefined;
    }
    if (verify.by === "directory") {
      const known = await verify.lookUp(agent);
      return known !== undefined && known !== "" && sameText(known, password);
    }
    return true;
  }

  /**
   * Who invents names makes the agent forgotten whose failure is longest ago, but never one who is locked out. When all are,
   * the agents who are not among them share one count: guessing stays limited, and so does what is remembered.
   */
  #note(agent: string): void {
    const known = this.#failures.get(agent);
    if (known === undefined && this.#failures.size >= maxAgents && !this.#forgetOne()) {
      this.#others = this.#oneMore(this.#others);
      return;
    }
    this.#failures.delete(agent);
    this.#failures.set(agent, this.#oneMore(known));
  }

  #oneMore(before: Failures | undefined): Failures {
    const last = this.#now();
    return { count: before === undefined || last - before.last >= lockedFor ? 1 : before.count + 1, last };
  }

  /** Makes room for an agent; false when all that are remembered are locked out. */
  #forgetOne(): boolean {
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

let nobodysHash: Promise<string> | undefined;

/** A hash that nothing matches. */
function nobody(): Promise<string> {
  nobodysHash ??= hashPassword(crypto.randomUUID());
  return nobodysHash;
}

/** Compares without telling by its time where the difference is. */
function sameText(a: string, b: string): boolean {
  const [left, right] = [a, b].map((text) => new Bun.CryptoHasher("sha256").update(text).digest());
  return left !== undefined && right !== undefined && crypto.timingSafeEqual(left, right);
}
