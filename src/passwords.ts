/**
 * Who may log in to the ACD: the password of a Login is compared with an argon2id hash from the configuration, or with what
 * the switch's directory says. Guessing is limited; nothing of the password is ever logged.
 */
import type { Reply } from "./core/crm.ts";

/** How a Login's password is verified. */
export type Verify =
  | { readonly by: "none" }
  /** argon2id hashes by agent id, made by `telesetd hash-password`. */
  | { readonly by: "config"; readonly hashes: Readonly<Record<string, string>> }
  /** The switch's directory; `lookUp` gives the password on record, nothing when there is none, and throws when it cannot ask. */
  | { readonly by: "directory"; readonly lookUp: (agent: string) => Promise<string | undefined> };

/** How often a wrong password may be given for one agent, and how long he is kept out afterwards. */
const mostFailures = 5;
const keptOutFor = 5 * 60_000;

/** How many agents' failures are remembered. */
const remembered = 1000;

/** Settings of the hash: OWASP's smallest for argon2id, 19 MiB, so that a small box can verify it beside its work. */
const argon2id = { algorithm: "argon2id", memoryCost: 19_456, timeCost: 2 } as const;

/** Verifies passwords, one at a time. */
export class Passwords {
  readonly #verify: Verify;
  readonly #now: () => number;
  readonly #failures = new Map<string, { count: number; last: number }>();
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
    const failures = this.#failures.get(agent);
    if (failures && failures.count >= mostFailures && this.#now() - failures.last < keptOutFor) {
      const minutes = Math.ceil((keptOutFor - (this.#now() - failures.last)) / 60_000);
      return { ok: false, why: `LoginFailed: too many wrong passwords for agent ${agent}: try again in ${minutes} minutes.` };
    }
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
    this.#note(agent, failures);
    return { ok: false, why: "LoginFailed: agent or password is wrong." };
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

  #note(agent: string, before: { count: number; last: number } | undefined): void {
    const fresh = before === undefined || this.#now() - before.last >= keptOutFor;
    this.#failures.set(agent, { count: fresh ? 1 : before.count + 1, last: this.#now() });
    const [oldest] = this.#failures.keys();
    if (this.#failures.size > remembered && oldest !== undefined) this.#failures.delete(oldest);
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
