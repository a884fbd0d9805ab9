/** A small site for a browser on this machine: the demo. */
import { getConnInfo } from "@hono/node-server/conninfo";
import type { Context, Hono } from "hono";
import { liveDeadline } from "../page/live-path.ts";
import type { Log } from "../log/log.ts";
import { createServerFor } from "./server.ts";

/** A site that is served. */
export interface LoopbackSite {
  readonly port: number;
  stop(): Promise<void>;
}

const limits = { connections: 64, headerMs: 10_000, answerMs: 30_000 } as const;

/**
 * Serves an app on 127.0.0.1, at the first of these ports that is free (0: any).
 * @param create makes the app; `from` gives the address of a request.
 * @throws Error if all ports are in use.
 */
export function loopbackSite(
  create: (from: (context: Context) => string) => Hono,
  { ports, log }: { readonly ports: readonly number[]; readonly log: Log },
): LoopbackSite {
  const server = createServerFor({
    app: create((context) => getConnInfo(context).remote.address ?? ""),
    limits,
    answerMsOf: liveDeadline,
    refusal: (_status, why) => ({
      headers: { "Content-Type": "text/plain", "Content-Length": String(Buffer.byteLength(why)) },
      body: why,
    }),
    log,
  });
  let trouble: unknown;
  for (const port of ports) {
    try {
      return { port: server.listen({ hostname: "127.0.0.1", port }) ?? port, stop: () => server.stop() };
    } catch (error) {
      trouble = error;
    }
  }
  throw trouble;
}
