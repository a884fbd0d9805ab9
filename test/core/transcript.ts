/**
 * Transcripts: a call as text. A line that begins in the first column is an input, the indented lines after it are the
 * effects that the core gave; `#` begins a comment. Inputs:
 *
 *     policy inbound=answer deny=^1900     first of all, what differs from the reference configuration
 *     up | down WHY | phone on | phone off
 *     register A7 10.0.0.7:8080 | unregister A7 | login A7 Q | logout A7 | ready A7 | notready A7
 *     makecall A7 914155550123 | canonical A7 +1 (415) 555-0123     its id is c1, then c2 ...
 *     leg L1 to-desk caller=14155550123/outside far=F1 rings     facts of a leg
 *     leg L1 ended=USER_BUSY
 *     rename L1 L2
 *     snapshot | snapshot L1 answered | L2 rings     all live legs
 *     result c1 done | result c1 failed USER_BUSY | result c1 unknown
 *     wait 2000     ms pass; the desk is woken if it asked for it
 *     show     what the desk holds
 */
import type { PopPolicy, PopWhen } from "../../src/core/call.ts";
import type { Callout } from "../../src/core/crm.ts";
import { type Desk, newDesk } from "../../src/core/desk.ts";
import type { Effect, Input } from "../../src/core/effect.ts";
import type { CommandResult, Failure, LegFacts, LineEvent, Party } from "../../src/core/line.ts";
import { step } from "../../src/core/step.ts";
import { policyWith } from "./site.ts";

const extension = "1001";

/** Plays the inputs of a transcript and gives the whole transcript with the effects as they are now. */
export function played(text: string): string {
  const player = new Player();
  const inputs = text.split("\n").filter((line) => !/^\s+\S/.test(line));
  return inputs.flatMap((line) => [line, ...player.line(line).map((effect) => `  ${effect}`)]).join("\n");
}

class Player {
  #desk: Desk = newDesk(extension);
  #policy: PopPolicy = policyWith();
  #now = 0;
  #wakeAt: number | undefined;
  #callouts = 0;

  line(line: string): string[] {
    if (line === "" || line.startsWith("#")) return [];
    const [word = "", ...rest] = line.split(" ");
    if (word === "policy") this.#policy = readPolicy(rest);
    else if (word === "wait") return this.#wait(Number(rest[0]));
    else if (word === "show") return shown(this.#desk);
    else return this.#step(this.#input(word, rest, line));
    return [];
  }

  #step(input: Input): string[] {
    const made = step(this.#desk, input, this.#now, this.#policy);
    this.#desk = made.desk;
    this.#wakeAt = made.wakeAt;
    return made.effects.map(effectText);
  }

  #wait(ms: number): string[] {
    this.#now += ms;
    return this.#wakeAt !== undefined && this.#wakeAt <= this.#now ? this.#step({ type: "wake" }) : [];
  }

  #input(word: string, rest: string[], line: string): Input {
    const callout = readCallout(word, rest);
    if (callout) return { type: "callout", id: `c${++this.#callouts}`, callout };
    if (word === "result") {
      const [call = "", ...result] = rest;
      const command = { type: "dial", desk: extension, call, number: this.#desk.dial?.number ?? "" } as const;
      return { type: "result", command, result: readResult(result) };
    }
    return { type: "line", event: readEvent(word, rest, line) };
  }
}

function readPolicy(words: string[]): PopPolicy {
  const values = new Map(words.map((word) => word.split("=") as [string, string]));
  const base = policyWith();
  const deny = values.get("deny");
  return {
    ...base,
    inbound: (values.get("inbound") ?? base.inbound) as PopWhen,
    outbound: (values.get("outbound") ?? base.outbound) as PopWhen,
    internal: (values.get("internal") ?? base.internal) as PopWhen,
    dnis: (values.get("dnis") ?? base.dnis) as PopPolicy["dnis"],
    numbers: { ...base.numbers, deny: deny === undefined ? [] : [new RegExp(deny)] },
  };
}

function readCallout(word: string, [agent = "", ...rest]: string[]): Callout | undefined {
  const desk = extension;
  const [address = "", port] = (rest[0] ?? "").split(":");
  const queue = rest[0] === undefined ? {} : { queue: rest[0] };
  switch (word) {
    case "register":
      return { name: "Register", desk, agent, address, port: Number(port) };
    case "unregister":
      return { name: "Unregister", desk, agent };
    case "login":
      return { name: "Login", desk, agent, ...queue };
    case "logout":
      return { name: "Logout", desk, agent };
    case "ready":
      return { name: "Ready", desk, agent };
    case "notready":
      return { name: "NotReady", desk, agent };
    case "makecall":
      return { name: "MakeCall", desk, agent, dialString: rest.join(" ") };
    case "canonical":
      return { name: "DialCanonical", desk, agent, dialString: rest.join(" ") };
    default:
      return undefined;
  }
}

function readResult([outcome = "", cause = ""]: string[]): CommandResult {
  if (outcome === "done") return { outcome };
  if (outcome === "failed") return { outcome, ...failure(cause) };
  return { outcome: "unknown", why: "The connection to the phone system was lost" };
}

/** In words that show which way the sentence went; the real sentences are the driver's. */
function failure(cause: string): Failure {
  return { cause, why: `In words: ${cause}.` };
}

function readEvent(word: string, rest: string[], line: string): LineEvent {
  switch (word) {
    case "up":
      return { type: "link-up", to: "127.0.0.1:8021" };
    case "down":
      return { type: "link-down", why: rest.join(" ") };
    case "phone":
      return { type: "phone", desk: extension, registered: rest[0] === "on" };
    case "rename":
      return { type: "leg-renamed", desk: extension, from: rest[0] ?? "", to: rest[1] ?? "" };
    case "leg":
      return { type: "leg", facts: readFacts(rest) };
    case "snapshot": {
      const legs = rest.join(" ").split(" | ").filter((leg) => leg !== "");
      return { type: "snapshot", desks: [extension], legs: legs.map((leg) => readFacts(leg.split(" "))) };
    }
    default:
      throw new Error(`Cannot read the transcript: no input is called ${line}`);
  }
}

function readFacts([leg = "", ...words]: string[]): LegFacts {
  return Object.assign({ desk: extension, leg }, ...words.map(readFact)) as LegFacts;
}

function readFact(word: string): Partial<LegFacts> {
  const [name = "", value = ""] = word.split("=");
  switch (name) {
    case "to-desk":
    case "from-desk":
      return { direction: name };
    case "caller":
    case "partner":
      return { [name]: readParty(value) };
    case "dialled":
    case "call":
      return { [name]: value };
    case "far":
      return { farLeg: value };
    case "via":
      return { callerDialled: value };
    case "rings":
    case "answered":
    case "queue":
    case "held":
      return { [name]: true };
    case "retrieved":
      return { held: false };
    case "far-called":
      return { farCalled: true };
    case "far-answered":
      return { farAnswered: true };
    case "ended":
      return { ended: failure(value) };
    default:
      if (name.startsWith("$")) return { data: { [name.slice(1)]: value } };
      throw new Error(`Cannot read the transcript: no fact is called ${word}`);
  }
}

/** `14155550123/outside/dialled`: identity, where from, and whether the leg itself called him. */
function readParty(text: string): Party {
  const [identity = "", ...marks] = text.split("/");
  return {
    identity,
    ...(marks.includes("outside") ? { outside: true } : marks.includes("inside") ? { outside: false } : {}),
    ...(marks.includes("dialled") ? { dialledByLeg: true } : {}),
  };
}

function effectText(effect: Effect): string {
  switch (effect.type) {
    case "tell": {
      const { event } = effect;
      const data = event.name === "ScreenPop" ? Object.entries(event.data).map(([name, value]) => ` ${name}=${value}`) : [];
      const numbers = event.name === "ScreenPop" ? ` ani=${event.ani} dnis=${event.dnis}${data.join("")}` : "";
      return `tell ${effect.agent}: ${event.name} ${event.call}${numbers}${effect.lost ? ` (lost: ${effect.lost})` : ""}`;
    }
    case "retire":
      return `retire what waits for ${effect.agent}: ${effect.why}`;
    case "drive":
      return `dial ${effect.command.number} as ${effect.command.call}`;
    case "reply":
      return `reply ${effect.to}: ${effect.reply.ok ? "ok" : effect.reply.why}`;
  }
}

function shown({ line, registration, agents, calls, dial, lastDial }: Desk): string[] {
  return [
    `line ${line.link.up ? "up" : `down (${line.link.why})`}, phone ${line.phone}`,
    registration ? `agent ${registration.agent} at ${registration.address}:${registration.port}` : "nobody registered",
    ...agents.map(({ id, mode, queue }) => `agent ${id} is ${mode}${queue === undefined ? "" : ` in ${queue}`}`),
    ...calls.map(({ id, agent, legs, held }) => `call ${id} of ${agent ?? "nobody"}: ${legs.join(" ")}${held ? " held" : ""}`),
    ...(dial ? [`dialling ${dial.number}`] : []),
    ...(lastDial ? [`last dialled ${lastDial.number}: ${lastDial.outcome}`] : []),
  ];
}
