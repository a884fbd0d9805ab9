/** The POSTs that are on the way: to which address, and what becomes of their events meanwhile. */
import type { Address } from "../core/crm.ts";
import type { EventResult } from "../metrics/metrics.ts";
import type { Lane } from "./waiting.ts";

/** A POST on the way. */
export interface Post {
  readonly to: Address;
  readonly lane: Lane;
  /** The lane's epoch when it began. */
  readonly epoch: number;
  readonly abort: AbortController;
  /** What has become of its event meanwhile, which counts only if the CRM does not confirm it all the same. */
  result?: EventResult;
}

/** All that are on the way, by event. */
export class Posts {
  readonly #posts = new Map<number, Post>();

  /** One is about to begin. */
  begin(event: number, lane: Lane, to: Address): Post {
    const post: Post = { to, lane, epoch: lane.epoch, abort: new AbortController() };
    this.#posts.set(event, post);
    return post;
  }

  get(event: number): Post | undefined {
    return this.#posts.get(event);
  }

  /** One is over. */
  end(event: number): void {
    this.#posts.delete(event);
  }

  /** Aborts those of a lane, or all. */
  abort(why: string, lane?: Lane): void {
    for (const post of this.#posts.values()) if (lane === undefined || post.lane === lane) post.abort.abort(why);
  }
}
