/**
 * One connection to a NATS server. The only file that knows @nats-io/transport-node (3.4.0). Its holes, each closed here:
 *  1. it stops forever after two "authorization violation"s, which a busy server answers to valid logins too .. we connect once
 *  2. an exception in a callback ends the reading, not the connection ........ `take` is called through `guarded`
 *  3. it asks DNS and not the machine's resolver, so that /etc/hosts does not count .. `resolve: false`
 *  4. with it, TLS has no server name, and the certificate is not compared .. `servername`
 *  5. it accepts an unencrypted server although TLS is expected ............. `tls` is set for a tls: URL
 *  6. it learns further servers from the cluster, which may be others than the configured ones .. `ignoreClusterUpdates`
 *  7. a dead connection goes unnoticed for 4 minutes ........................ `pingInterval`
 *  8. a payload that is too large throws .................................... `publish` drops and reports it
 *  9. its ed25519 is JavaScript ............................................. credentials.ts
 */
import { isIP } from "node:net";
import { connect, errors, type Msg, type NatsConnection } from "@nats-io/transport-node";
import { connectErrorCode } from "../platform/connect-error.ts";
import { messageOf } from "../platform/text.ts";
import { type Broker, type BrokerFailure, type BrokerMessage, type BrokerOptions, NoBroker, readServer } from "./broker.ts";
import { answerTo, type Credentials, readCredentials } from "./credentials.ts";
import { maxMessage } from "./messages.ts";

/** How often the broker is asked whether it is there, in ms, and how many answers may be missing. */
const [pingInterval, maxPingOut] = [5000, 2];

/** See `OpenBroker`. */
export async function openNats(options: BrokerOptions, signal: AbortSignal): Promise<Broker> {
  const credentials = options.credentials === undefined ? undefined : readCredentials(options.credentials);
  if (options.credentials !== undefined && !credentials) {
    throw new NoBroker(
      "the credentials are not those of a NATS user: expected the text of a .creds file, a seed or user:password",
      "login",
    );
  }
  const servers = shuffled(options.servers, options.random);
  let failure = new NoBroker("no server is configured", "other");
  for (const server of servers) {
    if (signal.aborted) throw new NoBroker("stopped", "other");
    try {
      return await openOne(server, options, credentials, signal);
    } catch (error) {
      failure = error instanceof NoBroker ? error : new NoBroker(messageOf(error), "other");
    }
  }
  throw failure;
}

function shuffled(servers: readonly string[], random: () => number): readonly string[] {
  return servers.map((server) => ({ server, at: random() })).toSorted((a, b) => a.at - b.at).map(({ server }) => server);
}

async function openOne(
  url: string,
  { ca, name, connectMs, onRefused }: BrokerOptions,
  credentials: Credentials | undefined,
  signal: AbortSignal,
): Promise<Broker> {
  const server = readServer(url);
  if (!server) throw new NoBroker(`${url} is not a server: expected tls://host:4222`, "other");
  const { host, port } = server;
  const where = host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
  // The certificate is compared with `host` if that is an address, which cannot be a server name.
  const tls = { host, ...(isIP(host) === 0 ? { servername: host } : {}), ...(ca === undefined ? {} : { ca }) };
  const connecting = connect({
    servers: [where],
    name,
    reconnect: false,
    noRandomize: true,
    ignoreClusterUpdates: true,
    resolve: false,
    timeout: connectMs,
    pingInterval,
    maxPingOut,
    noAsyncTraces: true,
    ...(server.tls ? { tls } : {}),
    ...(credentials ? { authenticator: (nonce?: string) => answerTo(credentials, nonce ?? "") as never } : {}),
  });
  const stopped = Promise.withResolvers<never>();
  const stop = () => stopped.reject(new NoBroker("stopped", "other"));
  signal.addEventListener("abort", stop, { once: true });
  try {
    const connection = await Promise.race([connecting, stopped.promise]);
    return new NatsBroker(connection, where, signal, onRefused);
  } catch (error) {
    void connecting.then((connection) => connection.close()).catch(() => {});
    throw error instanceof NoBroker ? error : failureOf(error, where, server.tls);
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

/** The reason why a server cannot be reached. */
function failureOf(error: unknown, where: string, isTls: boolean): NoBroker {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const code = cause instanceof Error ? connectErrorCode(cause) ?? "" : "";
  const message = messageOf(error);
  const [kind, why] = reasonOf(error, code, message, where, isTls);
  return new NoBroker(why, kind);
}

function reasonOf(error: unknown, code: string, message: string, where: string, isTls: boolean): [BrokerFailure, string] {
  if (error instanceof errors.AuthorizationError || error instanceof errors.UserAuthenticationExpiredError) {
    return ["login", `the broker at ${where} refuses the login: check the credentials, and whether they were revoked`];
  }
  if (error instanceof errors.TimeoutError) return ["silent", `the broker at ${where} does not answer in time`];
  if (code === "ECONNREFUSED") return ["refused", `nothing listens on ${where}: is nats-server running?`];
  if (code === "EHOSTUNREACH") return ["no-host", `no machine answers at ${where}: is the broker's machine on?`];
  if (code === "ENETUNREACH") return ["no-route", `there is no route to ${where}: check the network`];
  if (code === "ENOTFOUND" || code === "EAI_AGAIN") {
    return ["unknown-name", `the name of ${where} is not known: check the servers`];
  }
  if (isTls || /CERT|VERIFY|TLS|SSL/.test(code)) {
    return ["tls", `no trusted connection to the broker at ${where} (${code || message}): check ca and the server's certificate`];
  }
  return ["other", `the connection to the broker at ${where} failed (${code || message})`];
}

class NatsBroker implements Broker {
  readonly server: string;
  readonly closed: Promise<string>;
  readonly #connection: NatsConnection;
  readonly #onRefused: BrokerOptions["onRefused"];

  constructor(connection: NatsConnection, server: string, signal: AbortSignal, onRefused: BrokerOptions["onRefused"]) {
    this.#connection = connection;
    this.server = server;
    this.#onRefused = onRefused;
    const abort = () => this.close();
    signal.addEventListener("abort", abort, { once: true });
    if (signal.aborted) abort();
    this.closed = connection.closed().then((error) => {
      signal.removeEventListener("abort", abort);
      return error
        ? `the connection to the broker at ${server} was lost (${messageOf(error)})`
        : `the broker at ${server} closed the connection`;
    });
    void this.#watch();
  }

  publish(subject: string, text: string, reply?: string): void {
    if (this.#connection.isClosed()) return;
    try {
      this.#connection.publish(subject, text, reply === undefined ? {} : { reply });
    } catch (error) {
      this.#onRefused?.(`a message on ${subject} was not sent (${messageOf(error)})`);
    }
  }

  subscribe(subject: string, take: (message: BrokerMessage) => void): () => void {
    const subscription = this.#connection.subscribe(subject, {
      callback: (error, message) => {
        if (!error) this.#guarded(message, take);
      },
    });
    return () => subscription.unsubscribe();
  }

  async flush(): Promise<void> {
    await this.#connection.flush().catch(() => {});
  }

  close(): void {
    this.#connection.close().catch(() => {});
  }

  #guarded(message: Msg, take: (message: BrokerMessage) => void): void {
    try {
      take(new Message(message));
    } catch (error) {
      this.#onRefused?.(`a message on ${message.subject} was not handled (${messageOf(error)})`);
    }
  }

  /** The broker refuses subjects without closing the connection. */
  async #watch(): Promise<void> {
    for await (const status of this.#connection.status()) {
      if (status.type !== "error") continue;
      const { error } = status;
      const subject = error instanceof errors.PermissionViolationError ? error.subject : undefined;
      this.#onRefused?.(`the broker refuses: ${messageOf(error)}`, subject);
    }
  }
}

class Message implements BrokerMessage {
  readonly #message: Msg;

  constructor(message: Msg) {
    this.#message = message;
  }

  get subject(): string {
    return this.#message.subject;
  }

  get text(): string {
    const { data } = this.#message;
    return data.length > maxMessage ? "" : this.#message.string();
  }

  get reply(): string | undefined {
    return this.#message.reply || undefined;
  }

  get noResponders(): boolean {
    const { headers, data } = this.#message;
    return data.length === 0 && headers?.code === 503;
  }
}
