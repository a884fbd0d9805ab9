/** The only composition root: configuration into running parts. The daemon, the demo and the end-to-end tests start this one. */
import { openLine } from "../drivers/mod.ts";
import { httpCrm } from "./cctsdk/client.ts";
import type { Config } from "./config.ts";
import type { PopPolicy } from "./core/call.ts";
import type { Registration } from "./core/crm.ts";
import { openHttp } from "./http.ts";
import type { Log } from "./log.ts";
import { Loop } from "./loop.ts";
import { Courier } from "./outbox/courier.ts";
import { deliveryRules } from "./outbox/schedule.ts";
import { type Status, status } from "./status.ts";
import { openStore } from "./store.ts";

/** A daemon at work. */
export interface App {
  /** The port that callouts are served on. */
  readonly port: number;
  status(): Status;
  /** Resolves if the line's own loop should ever fail. */
  readonly failed: Promise<Error>;
  /** Finishes what is on the way, at most about 3 s, and ends. */
  stop(): Promise<void>;
}

/** How long the last POSTs may take when the daemon is stopped, in ms. */
const lastPosts = 3000;

/**
 * Starts everything: the store, the listener, the line; when it resolves, callouts are served.
 * @throws Error in words when the store or the listener cannot be opened.
 */
export async function startApp(config: Config, log: Log): Promise<App> {
  const now = steadyClock();
  const started = now();
  const store = openStore(config.store.path);
  const policy = policyOf(config);
  const { path, contentType, timeoutSeconds } = config.crm;
  const crm = httpCrm({ path, contentType, timeoutMs: timeoutSeconds * 1000, log });
  const line = openLine(config.line, { desks: config.desks, variables: Object.values(config.screenPop.data), log });
  const address = (desk: string, agent: string): Registration | undefined => loop.registration(desk, agent);
  const courier = new Courier({ store, crm, address, now, random: Math.random, rules: deliveryRules, log });
  const extensions = config.desks.map(({ extension }) => extension);
  const loop: Loop = new Loop({ desks: extensions, line, store, courier, policy, now, newId: () => crypto.randomUUID(), log });
  const currentStatus = () => status({ desks: loop.desks(), outbox: courier.status(), started, now: now() });
  const { host, port, connections, ...callouts } = config.http;
  const http = await openHttp({
    host,
    port,
    connections,
    callouts: {
      ...withoutUndefined(callouts),
      crmAllow: config.crm.allow,
      desks: () => extensions,
      submit: (callout) => loop.submit(callout),
      log,
      now,
    },
    status: currentStatus,
    log,
  }).catch((error: unknown) => {
    store.close();
    throw error;
  });
  const failed = Promise.withResolvers<Error>();
  const running = loop.run().catch((error: unknown) => failed.resolve(error instanceof Error ? error : new Error(String(error))));
  courier.pump();
  return {
    port: http.port,
    status: currentStatus,
    failed: failed.promise,
    stop: async () => {
      loop.stop();
      await Promise.all([http.stop(), running, courier.stop(lastPosts)]);
      store.close();
    },
  };
}

/** What the configuration says of screen pops and numbers, as the core wants it. */
export function policyOf({ screenPop, numbers }: Pick<Config, "screenPop" | "numbers">): PopPolicy {
  return { ...screenPop, numbers };
}

/** Milliseconds that never jump: the wall clock at the start, and from then on the monotonic one. */
function steadyClock(): () => number {
  const origin = Date.now() - performance.now();
  return () => Math.round(origin + performance.now());
}

/** The checker tells a missing key from one that is undefined; the schema's optional keys do not. */
function withoutUndefined<T extends { prefix?: string | undefined }>({ prefix, ...rest }: T) {
  return { ...rest, ...(prefix === undefined ? {} : { prefix }) };
}
