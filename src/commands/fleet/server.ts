/** The administrator's connections to the broker: with credentials that are made for the command, and end after ten minutes. */
import { existsSync, readFileSync } from "node:fs";
import { NoBroker } from "../../broker/broker.ts";
import { newKey } from "../../broker/nkey.ts";
import { openBroker } from "../../broker/open.ts";
import { systemUserClaims, userClaims } from "../../fleet/claims.ts";
import { credentialsFile, issue } from "../../fleet/jwt.ts";
import type { Io } from "../io.ts";
import { FleetFolder, NoAnswer } from "./folder.ts";

/** Asks, and resolves with all answers: those that arrive within a short time after the first. */
export type Ask = (subject: string, text: string) => Promise<readonly string[]>;

/** How long the credentials last, in seconds. */
const lastsSeconds = 600;

/** The deadlines, in ms: of the connection, of the first answer, and of the others after it. */
const connectMs = 5000;
const firstMs = 5000;
const othersMs = 700;

/** What a test replaces. */
export const waits = { firstMs, othersMs };

/**
 * Connects as the administrator of the fleet, or of the servers (`system`).
 * @throws NoAnswer if no server can be reached.
 */
export async function withBroker<T>(
  folder: FleetFolder,
  as: "admin" | "system",
  work: (ask: Ask) => Promise<T>,
  now: () => number,
): Promise<T> {
  const { keys } = await folder.secrets();
  const user = newKey("user");
  const until = Math.floor(now() / 1000) + lastsSeconds;
  const claims = as === "system"
    ? systemUserClaims(user.public, until)
    : userClaims(user.public, { name: "admin", until }, folder.facts.keys);
  const authority = folder.file("server/ca.pem");
  const stop = new AbortController();
  const inbox = `_INBOX.admin.${crypto.randomUUID().replaceAll("-", "")}`;
  const options = {
    servers: folder.urls,
    ca: existsSync(authority) ? readFileSync(authority, "utf8") : undefined,
    credentials: credentialsFile(issue(claims, keys[as], now()), user.seed),
    name: "telesetd fleet",
    connectMs,
    random: Math.random,
  };
  const broker = await openBroker(options, stop.signal).catch((error: unknown) => {
    if (!(error instanceof NoBroker)) throw error;
    throw new NoAnswer(`No connection to the broker: ${error.message}.`);
  });
  let questions = 0;
  try {
    return await work((subject, text) =>
      new Promise((resolve) => {
        const reply = `${inbox}.${questions++}`;
        const answers: string[] = [];
        const end = (): void => {
          leave();
          resolve(answers);
        };
        let timer = setTimeout(end, waits.firstMs);
        const leave = broker.subscribe(reply, (message) => {
          clearTimeout(timer);
          if (message.noResponders) return end();
          answers.push(message.text);
          timer = setTimeout(end, waits.othersMs);
        });
        broker.publish(subject, text, reply);
      })
    );
  } finally {
    stop.abort();
    await broker.closed;
  }
}

/**
 * Sends the account with its revocations to the running servers, and writes it for new ones. Exit codes: 0 a server has it;
 * 1 none answered.
 */
export async function sendAccount(folder: FleetFolder, io: Io, now: () => number): Promise<number> {
  const account = await folder.writeServerConfig(now());
  try {
    const answers = await withBroker(folder, "system", (ask) => ask("$SYS.REQ.CLAIMS.UPDATE", account), now);
    const { failures, servers } = read(answers);
    for (const failure of failures) io.err(`A server refuses the account of the fleet: ${failure}\n`);
    if (servers === 0) throw new NoAnswer("No server has taken the account of the fleet.");
    return failures.length > 0 ? 1 : 0;
  } catch (error) {
    if (!(error instanceof NoAnswer)) throw error;
    io.err(`${error.message}\nThe servers do not know of the revocation yet: run telesetd fleet revoke again.\n`);
    return 1;
  }
}

/** The answers of nats-server (events.go, ServerAPIClaimUpdateResponse). */
function read(answers: readonly string[]): { readonly servers: number; readonly failures: readonly string[] } {
  const parsed = answers.map((text) => JSON.parse(text) as { data?: { code?: number }; error?: { description?: string } });
  const failures = parsed.flatMap(({ data, error }) => data?.code === 200 ? [] : [error?.description ?? "without a reason"]);
  return { servers: parsed.length - failures.length, failures };
}
