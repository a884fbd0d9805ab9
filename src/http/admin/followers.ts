/** What happens, while it happens, for `telesetd log follow` and `telesetd watch`: each entry is a line of JSON. */
import type { LogEntry } from "../../log/log.ts";

/** An entry of the log with its time (ISO 8601). */
export interface FollowedEntry extends LogEntry {
  readonly at: string;
}

/** The paths of the endpoints, and how long one request may follow, in ms. */
export const followPath = "/log/follow";
export const watchPath = "/watch";
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
   * @param follow passes values to a function, until the function that it returns is called.
   * @param cut closes the connection of a slow client.
   */
  respond(follow: (send: (value: unknown) => void) => () => void, cut: () => void): Response | undefined {
    if (this.#open.size >= maxFollowers) return undefined;
    const encoder = new TextEncoder();
    let end = (): void => {};
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => {
        // The header is sent with the first bytes.
        controller.enqueue(encoder.encode("\n"));
        const leave = follow((value) => {
          if ((controller.desiredSize ?? 0) <= 0) {
            end();
            return cut();
          }
          controller.enqueue(encoder.encode(`${JSON.stringify(value)}\n`));
        });
        end = () => {
          leave();
          if (this.#open.delete(end)) controller.close();
        };
        this.#open.add(end);
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
