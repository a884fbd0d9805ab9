/** The POSTs that are on the way: to which address, each in its turn, and what becomes of their events meanwhile. */
import type { Address } from "../core/crm.ts";
import type { EventResult } from "../metrics/metrics.ts";
import type { Lane } from "./waiting.ts";

/** How many POSTs are on the way at once, at most, and how many of them to addresses whose last one failed. */
const maxConcurrentPosts = 32;
const maxFailingPosts = 16;
/** An address that answers within `fastMs` gets `fastWindow` at once: the answers to more would arrive in one turn of the loop. */
const fastMs = 10;
const fastWindow = 8;

/** A POST on the way. */
export interface Post {
  readonly to: Address;
  readonly lane: Lane;
  /** The lane's epoch when it began. */
  readonly epoch: number;
  /** The address had failed before. */
  readonly failing: boolean;
  /** When it began, in ms. */
  readonly since: number;
  readonly abort: AbortController;
  /** What has become of its event meanwhile, which counts only if the CRM does not confirm it all the same. */
  result?: EventResult;
}

/** All that are on the way, by event; and the lanes from which more may be sent. No address waits for another. */
export class Posts {
  readonly #posts = new Map<number, Post>();
  readonly #open = new Set<Lane>();
  /** How many go to addresses whose last POST failed. */
  #failing = 0;

  /** Something may be sent from this lane: it takes its turn. */
  open(lane: Lane): void {
    this.#open.add(lane);
  }

  /** The lane whose turn it is. One that cannot send now must be opened again when that changes. */
  next(now: number): Lane | undefined {
    for (const lane of this.#open) {
      if (!lane.canSend(now)) this.#open.delete(lane);
      else if (this.hasRoom(lane)) return lane;
    }
    return undefined;
  }

  /** Whether one more may go from this lane, of which nothing may be known yet. */
  hasRoom(lane: Lane | undefined): boolean {
    return this.#posts.size < maxConcurrentPosts && !(lane?.failing === true && this.#failing >= maxFailingPosts);
  }

  /** One is about to begin; its lane waits for its next turn. */
  begin(event: number, lane: Lane, to: Address, since: number): Post {
    const post: Post = { to, lane, epoch: lane.epoch, failing: lane.failing, since, abort: new AbortController() };
    this.#posts.set(event, post);
    this.#failing += Number(post.failing);
    lane.onTheWay++;
    this.#open.delete(lane);
    this.#open.add(lane);
    return post;
  }

  get(event: number): Post | undefined {
    return this.#posts.get(event);
  }

  /** One is over. */
  end(event: number): void {
    const post = this.#posts.get(event);
    if (!post) return;
    this.#posts.delete(event);
    this.#failing -= Number(post.failing);
    post.lane.onTheWay--;
    this.#open.add(post.lane);
  }

  /** The address of one has answered. */
  answered({ lane, since }: Post, now: number): void {
    lane.answered(now - since < fastMs ? fastWindow : maxConcurrentPosts);
  }

  /** Aborts those of a lane, or all. */
  abort(why: string, lane?: Lane): void {
    for (const post of this.#posts.values()) if (lane === undefined || post.lane === lane) post.abort.abort(why);
  }
}
