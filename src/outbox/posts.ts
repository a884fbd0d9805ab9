/** The POSTs in progress: to which address, and which lane may send next. */
import type { Address } from "../core/crm.ts";
import type { EventResult } from "../metrics/metrics.ts";
import type { Lane } from "./waiting.ts";

/** The maximum number of POSTs in progress, and of those to addresses whose last POST failed. */
const maxConcurrentPosts = 32;
const maxFailingPosts = 16;
/**
 * An address that answers within `fastMs` gets `fastWindow` POSTs at once: the answers to more would arrive in one turn of the
 * event loop.
 */
const fastMs = 10;
const fastWindow = 8;
/**
 * So does one from which more answers than this arrive in one turn: they have waited for telesetd, and their delay says nothing
 * about the address. More POSTs at once would only make the turns longer.
 */
const manyAnswers = 4;

/** A POST in progress. */
export interface Post {
  readonly to: Address;
  readonly lane: Lane;
  /** The lane's epoch when it started. */
  readonly epoch: number;
  /** The address had failed before. */
  readonly failing: boolean;
  /** When it started, in ms. */
  readonly since: number;
  readonly abort: AbortController;
  /** What happened to its event meanwhile; counts only if the CRM does not confirm the event. */
  result?: EventResult;
}

/** All POSTs in progress, by event, and the lanes that have more to send. No address waits for another. */
export class Posts {
  readonly #posts = new Map<number, Post>();
  readonly #open = new Set<Lane>();
  /** How many go to addresses whose last POST failed. */
  #failing = 0;
  /** How many answers have arrived in this turn. */
  #answers = 0;

  /** This lane has something to send: it gets its turn. */
  open(lane: Lane): void {
    this.#open.add(lane);
  }

  /** The lane whose turn it is. A lane that cannot send now must be opened again when it can. */
  next(now: number): Lane | undefined {
    for (const lane of this.#open) {
      if (!lane.canSend(now)) this.#open.delete(lane);
      else if (this.hasRoom(lane)) return lane;
    }
    return undefined;
  }

  /** Whether this lane may start one more POST. Without a lane: a new one may. */
  hasRoom(lane: Lane | undefined): boolean {
    return this.#posts.size < maxConcurrentPosts && !(lane?.failing === true && this.#failing >= maxFailingPosts);
  }

  /** A POST starts; its lane waits for its next turn. */
  start(event: number, lane: Lane, to: Address, since: number): Post {
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

  /** A POST has ended. */
  end(event: number): void {
    const post = this.#posts.get(event);
    if (!post) return;
    this.#posts.delete(event);
    this.#failing -= Number(post.failing);
    post.lane.onTheWay--;
    this.#open.add(post.lane);
  }

  /** A turn of the event loop starts. */
  turn(): void {
    this.#answers = 0;
  }

  /** The address of a POST has answered. */
  answered({ lane, since }: Post, now: number): void {
    const isFast = ++this.#answers > manyAnswers || now - since < fastMs;
    lane.answered(isFast ? fastWindow : maxConcurrentPosts);
  }

  /** Aborts the POSTs of a lane, or all. */
  abort(why: string, lane?: Lane): void {
    for (const post of this.#posts.values()) if (lane === undefined || post.lane === lane) post.abort.abort(why);
  }
}
