/** The hops from a box to its phone: the broker, the login there, the relay, the switch behind it, the phones. */
import { type Broker, type BrokerFailure, type BrokerOptions, NoBroker } from "../../src/broker/broker.ts";
import { openBroker } from "../../src/broker/open.ts";
import { textOrFile } from "../../src/broker/credentials.ts";
import { type DeskState, encode, readSyncAnswer, type SyncAnswer } from "../../src/broker/messages.ts";
import { askSubject, deskSubject, inboxOf } from "../../src/broker/subjects.ts";
import { messageOf } from "../../src/platform/text.ts";
import type { Timers } from "../../src/platform/timers.ts";
import type { DriverContext, Hop, ProbeContext } from "../driver.ts";
import { failed, type Finding, good, sentence, skipped, stopwatch, warning } from "../shared/probing.ts";
import type { RelayConfig } from "./config.ts";
import { nameOf } from "./relays.ts";

/** How long a relay may take to answer, in ms. */
const answerMs = 3000;

/** The broker as the settings describe it. @throws NoBroker if a file cannot be read. */
export function brokerOptions(
  { servers, ca, credentials, connectSeconds }: RelayConfig,
  { desks, timers }: Pick<DriverContext, "desks" | "timers">,
): BrokerOptions {
  return {
    servers,
    ca: textOrFile(ca, "line.ca"),
    credentials: textOrFile(credentials, "line.credentials"),
    name: `telesetd ${desks.map(({ extension }) => extension).join(" ").slice(0, 60)}`,
    connectMs: connectSeconds * 1000,
    random: () => timers.random(),
  };
}

/** What to do about each reason. */
const advice: Readonly<Record<BrokerFailure, string>> = {
  "unknown-name": "Check the name in line.servers, or enter the address.",
  refused: "Start nats-server, or check the port in line.servers.",
  "no-host": "Check that the broker's machine is on, and the address in line.servers.",
  "no-route": "Check the network of the box.",
  tls: "Check line.ca, and whether the server's certificate names the host in line.servers.",
  login: "Check line.credentials. Were they revoked? telesetd fleet add makes new ones.",
  silent: "Check that the port in line.servers is that of nats-server, and that no firewall drops it.",
  other: "Check line.servers and the log of nats-server.",
};

const suspects: Partial<Record<BrokerFailure, string>> = { tls: "ca", login: "credentials" };

/** See `DriverEntry.probe`. */
export async function* probe(config: RelayConfig, context: ProbeContext, signal: AbortSignal): AsyncGenerator<Hop> {
  const { desks, timers } = context;
  const refused = new Map<string, string>();
  const ms = stopwatch(timers);
  let broker: Broker;
  try {
    broker = await openBroker({
      ...brokerOptions(config, context),
      onRefused: (why, subject = "") => void refused.set(subject, why),
    }, signal);
  } catch (error) {
    yield* unreached(error, ms(), desks);
    return;
  }
  try {
    const plain = config.servers.some((url) => !url.startsWith("tls://"));
    yield { name: "broker", ms: ms(), ...connected(broker.server, plain) };
    yield { name: "broker login", ms: ms(), ...good("The broker accepts the credentials.") };
    for (const { extension } of desks) yield* deskHops(config, extension, broker, timers, refused);
  } finally {
    broker.close();
  }
}

function connected(server: string, plain: boolean): Finding {
  return plain
    ? warning(
      `${server} answers, but the connection is not encrypted.`,
      "Use tls:// in line.servers outside of a trusted network.",
    )
    : good(`${server} answers, with a trusted certificate.`);
}

function* unreached(error: unknown, ms: number, desks: ProbeContext["desks"]): Generator<Hop> {
  const code = error instanceof NoBroker ? error.code : "other";
  const why = messageOf(error);
  const finding = failed(sentence(`${why[0]?.toUpperCase()}${why.slice(1)}`), advice[code], { key: suspects[code] ?? "servers" });
  if (code === "login") yield { name: "broker", ms, ...good("The broker answers.") };
  yield { name: code === "login" ? "broker login" : "broker", ms, ...finding };
  if (code !== "login") yield skipped("broker login", "the broker is not reached.");
  for (const { extension } of desks) {
    for (const name of hopsOf(extension)) yield skipped(name, "the broker is not reached.");
  }
}

function hopsOf(extension: string): string[] {
  return [`relay of ${extension}`, `switch of ${extension}`, `phone ${extension}`];
}

async function* deskHops(
  { prefix }: RelayConfig,
  extension: string,
  broker: Broker,
  timers: Timers,
  refused: ReadonlyMap<string, string>,
): AsyncGenerator<Hop> {
  const ms = stopwatch(timers);
  const [relayHop = "", switchHop = "", phoneHop = ""] = hopsOf(extension);
  const answer = await askForState(broker, prefix, extension, timers);
  if (typeof answer === "string") {
    const own = refused.get(askSubject(prefix, extension, "sync")) ?? refused.get(deskSubject(prefix, extension, "line"));
    yield { name: relayHop, ms: ms(), ...(own === undefined ? noRelay(answer) : notAllowed(extension, own)) };
    yield skipped(switchHop, "no relay answers for the desk.");
    yield skipped(phoneHop, "no relay answers for the desk.");
    return;
  }
  yield { name: relayHop, ms: ms(), ...good(`The relay ${nameOf(answer.r)} serves desk ${extension}.`) };
  const { link, phone } = answer.state ?? { link: answer.switch };
  yield { name: switchHop, ms: ms(), ...switchFinding(link, nameOf(answer.r)) };
  if (link.up) yield { name: phoneHop, ms: ms(), ...phoneFinding(extension, phone) };
  else yield skipped(phoneHop, "the relay has no connection to the switch.");
}

function noRelay(why: string): Finding {
  return failed(why, "Check the relay: systemctl status telesetd-relay beside the switch, and its log.");
}

function notAllowed(extension: string, why: string): Finding {
  return failed(
    `The credentials are not those of desk ${extension}: ${why}.`,
    `Install the credentials of desk ${extension}: telesetd fleet add ${extension}.`,
    { key: "credentials" },
  );
}

function switchFinding(link: DeskState["link"], relay: string): Finding {
  return link.up ? good(`The relay ${relay} is connected to the switch at ${link.to}.`) : failed(
    sentence(`The relay ${relay} has no connection to the switch: ${link.why}`),
    "Run telesetd doctor beside the relay.",
  );
}

function phoneFinding(extension: string, phone: DeskState["phone"]): Finding {
  if (!phone) return warning(`It is not known whether phone ${extension} is registered.`, "Try again in a moment.");
  return phone.registered
    ? good(`Phone ${extension} is registered.`)
    : failed(phone.why ?? `Phone ${extension} is not registered.`, "Check its cable and power, and its account on the switch.", {
      extension,
    });
}

/** The state of a desk, from the first relay that answers; a sentence if none does. */
async function askForState(broker: Broker, prefix: string, desk: string, timers: Timers): Promise<SyncAnswer | string> {
  const inbox = `${inboxOf(desk)}${crypto.randomUUID().replaceAll("-", "")}`;
  return await new Promise((resolve) => {
    const end = (answer: SyncAnswer | string) => {
      cancel();
      unsubscribe();
      resolve(answer);
    };
    const unsubscribe = broker.subscribe(inbox, ({ text, noResponders }) => {
      if (noResponders) return end("No relay is connected to the broker.");
      const answer = readSyncAnswer(text);
      if (answer) end("refused" in answer ? answer.refused : answer);
    });
    const cancel = timers.after(answerMs, () => end(`No relay has answered for desk ${desk} within ${answerMs / 1000} s.`));
    // With the credentials of another desk this is refused.
    broker.subscribe(deskSubject(prefix, desk, "line"), () => {});
    broker.publish(askSubject(prefix, desk, "sync"), encode({}), inbox);
  });
}
