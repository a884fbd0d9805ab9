/** A connection to the broker of a fleet, as relays and boxes use it. `open.ts` makes it; `keep.ts` keeps one. */

/** A message. */
export interface BrokerMessage {
  readonly subject: string;
  /** Its text; empty if it is not UTF-8 or larger than any message of telesetd. */
  readonly text: string;
  /** Where an answer is expected. */
  readonly reply: string | undefined;
  /** The broker's own answer to a question that nobody has subscribed to. */
  readonly noResponders: boolean;
}

/** A connection that is logged in, until it closes; it never reconnects. */
export interface Broker {
  /** The server, `host:port`. */
  readonly server: string;
  /** Sends a text; does nothing once the connection is closed. */
  publish(subject: string, text: string, reply?: string): void;
  /** @param take must not throw. @returns a function that ends the subscription. */
  subscribe(subject: string, take: (message: BrokerMessage) => void): () => void;
  /** Resolves when everything sent so far has reached the broker, or the connection is closed. */
  flush(): Promise<void>;
  /** Resolves with the reason, a clause, when the connection is closed. */
  readonly closed: Promise<string>;
  close(): void;
}

/** How to reach the broker. */
export interface BrokerOptions {
  /** `tls://host:port` or, without TLS, `nats://host:port`; one is chosen at random, then the others are tried. */
  readonly servers: readonly string[];
  /** The certificates, in PEM, one of which must have signed that of the server; absent: those of the system. */
  readonly ca?: string | undefined;
  /** See credentials.ts; absent: none. */
  readonly credentials?: string | undefined;
  /** The name that the broker's monitoring shows. */
  readonly name: string;
  /** Deadline for connecting to one server, up to the login, in ms. */
  readonly connectMs: number;
  /** From 0 up to, but not including, 1. */
  readonly random: () => number;
  /** Called when the broker refuses to let us publish or subscribe, with a clause that names the subject, and the subject. */
  readonly onRefused?: (why: string, subject?: string) => void;
}

/**
 * Why the broker cannot be reached. `tls`: no trusted encrypted connection; `login`: the credentials are refused, or the server
 * is too busy with other logins; `silent`: no answer in time.
 */
export type BrokerFailure = "unknown-name" | "refused" | "no-host" | "no-route" | "tls" | "login" | "silent" | "other";

/** The broker cannot be reached: the message is the reason, for people; the code is for decisions. */
export class NoBroker extends Error {
  constructor(why: string, readonly code: BrokerFailure) {
    super(why);
  }
}

/** Opens a connection. Rejects with NoBroker; a later connection may still succeed, whatever the reason. */
export type OpenBroker = (options: BrokerOptions, signal: AbortSignal) => Promise<Broker>;

/** The parts of a server's URL; undefined if it is not one. */
export function readServer(url: string): { readonly tls: boolean; readonly host: string; readonly port: number } | undefined {
  const [, scheme, six, name, port = "4222"] =
    /^(tls|nats):\/\/(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9._-]+))(?::(\d{1,5}))?$/.exec(url) ?? [];
  const host = six ?? name;
  if (host === undefined || Number(port) < 1 || Number(port) > 65535) return undefined;
  return { tls: scheme === "tls", host, port: Number(port) };
}
