/** The sessions of people who have logged in to the page. In memory only, so that a restart ends them all. */

/** A session. */
export interface Session {
  /** The value of its cookie: 256 random bits. */
  readonly id: string;
  /** What a form must contain to change something: another site cannot know it. */
  readonly token: string;
  /** When it ends, in steady ms. */
  readonly until: number;
}

/** How long a session lasts, in ms: a long working day. */
export const sessionMs = 12 * 3_600_000;

/** The maximum number of sessions; one more ends the oldest. */
const maxSessions = 32;

/** The open sessions. */
export class Sessions {
  readonly #now: () => number;
  readonly #random: () => string;
  /** By id, the oldest first. */
  readonly #open = new Map<string, Session>();

  /** @param now steady ms. @param random an unguessable text. */
  constructor(now: () => number, random: () => string = randomText) {
    this.#now = now;
    this.#random = random;
  }

  /** Opens a session. */
  open(): Session {
    this.#forgetEnded();
    const session = { id: this.#random(), token: this.#random(), until: this.#now() + sessionMs };
    this.#open.set(session.id, session);
    const [oldest] = this.#open.keys();
    if (this.#open.size > maxSessions && oldest !== undefined) this.#open.delete(oldest);
    return session;
  }

  /** The session with this id; undefined if it has ended or never existed. */
  find(id: string | undefined): Session | undefined {
    const session = id === undefined ? undefined : this.#open.get(id);
    return session && session.until > this.#now() ? session : undefined;
  }

  /** Ends a session. */
  close({ id }: Pick<Session, "id">): void {
    this.#open.delete(id);
  }

  /** The number of sessions that have not ended. */
  get size(): number {
    this.#forgetEnded();
    return this.#open.size;
  }

  #forgetEnded(): void {
    for (const { id, until } of this.#open.values()) if (until <= this.#now()) this.#open.delete(id);
  }
}

function randomText(): string {
  return Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString("base64url");
}
