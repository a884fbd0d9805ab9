/** The log while it is written, for `telesetd log follow`: each entry is a line of JSON. */
import type { Levels } from "../../log/level.ts";
import type { LogEntry } from "../../log/log.ts";

/** An entry of the log with its time (ISO 8601). */
export interface FollowedEntry extends LogEntry {
  readonly at: string;
}

/** The path of the endpoint, and how long one request may follow, in ms. */
export const followPath = "/log/follow";
export const maxFollowMs = 3_600_000;

/** The maximum number of followers, fewer than there may be connections. */
export const maxFollowers = 8;

/** How much may wait for a slow follower, in bytes: for more, the connection is closed. */
const maxQueuedBytes = 1_048_576;

/** Serves the followers. None of them slows the daemon: a slow one is cut off. */
export class Followers {
  readonly #open = new Set<() => void>();

  /**
   * A response that continues until the client disconnects; undefined if there are too many.
   * @param cut closes the connection of a slow client.
   */
  respond(levels: Pick<Levels, "follow">, cut: () => void): Response | undefined {
    if (this.#open.size >= maxFollowers) return undefined;
    const encoder = new TextEncoder();
    let end = (): void => {};
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => {
        const leave = levels.follow((entry) => {
          if ((controller.desiredSize ?? 0) <= 0) {
            end();
            return cut();
          }
          controller.enqueue(encoder.encode(`${JSON.stringify({ at: new Date().toISOString(), ...entry })}\n`));
        });
        end = () => {
          leave();
          if (this.#open.delete(end)) controller.close();
        };
        this.#open.add(end);
        // The header is sent with the first bytes.
        controller.enqueue(encoder.encode("\n"));
      },
      cancel: () => {
        this.#open.delete(end);
        end();
      },
    }, new ByteLengthQueuingStrategy({ highWaterMark: maxQueuedBytes }));
    return new Response(body, { headers: { "Content-Type": "application/x-ndjson", "Cache-Control": "no-store" } });
  }

  /** Ends all responses. */
  end(): void {
    for (const end of this.#open) end();
  }
}
