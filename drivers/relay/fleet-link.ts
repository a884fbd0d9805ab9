/** The way from a box to its fleet, on whatever connection its line has: see `FleetLink` in src/core/line.ts. */
import type { Broker } from "../../src/broker/broker.ts";
import { deskSubject, reportsSubject, reportSubject } from "../../src/broker/subjects.ts";
import type { FleetLink } from "../../src/core/line.ts";

interface Follow {
  readonly subscribe: (broker: Broker) => (() => void)[];
  /** The ends of its subscriptions on the current connection. */
  ends: (() => void)[];
}

/** The fleet of a box. */
export class BoxFleet implements FleetLink {
  readonly #prefix: string;
  readonly #desks: readonly string[];
  readonly #follows = new Set<Follow>();
  readonly #listeners = new Set<() => void>();
  #broker: Broker | undefined;

  constructor(prefix: string, desks: readonly string[]) {
    this.#prefix = prefix;
    this.#desks = desks;
  }

  publish(kind: "status" | "view", desk: string, text: string): void {
    this.#broker?.publish(reportSubject(this.#prefix, kind, desk), text);
  }

  follow(kind: "config" | "view", take: (desk: string, text: string) => void): () => void {
    return this.#follow((broker) =>
      this.#desks.map((desk) => broker.subscribe(deskSubject(this.#prefix, desk, kind), ({ text }) => take(desk, text)))
    );
  }

  onAsked(take: (text: string) => void): () => void {
    return this.#follow((broker) => [broker.subscribe(reportsSubject(this.#prefix), ({ text }) => take(text))]);
  }

  #follow(subscribe: Follow["subscribe"]): () => void {
    const follow: Follow = { subscribe, ends: [] };
    this.#follows.add(follow);
    this.#subscribe(follow);
    return () => {
      this.#follows.delete(follow);
      for (const end of follow.ends) end();
    };
  }

  onUp(run: () => void): () => void {
    this.#listeners.add(run);
    if (this.#broker) run();
    return () => this.#listeners.delete(run);
  }

  /** The box has a connection. */
  connected(broker: Broker): void {
    this.#broker = broker;
    for (const follow of this.#follows) this.#subscribe(follow);
    for (const run of this.#listeners) run();
  }

  /** It is lost. */
  disconnected(): void {
    this.#broker = undefined;
  }

  #subscribe(follow: Follow): void {
    if (this.#broker) follow.ends = follow.subscribe(this.#broker);
  }
}
