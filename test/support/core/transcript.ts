/**
 * Transcripts: a call as text. A line that starts in the first column is an input; the indented lines after it are the effects of
 * the core; `#` starts a comment. Inputs:
 *
 *     policy inbound=answer deny=^1900     first line: the differences from the reference configuration
 *     policy withheld=^266696687$ from-identity=^Sales:>     ... more of it
 *     policy acd=not-ready per-minute=2 while-on-call registered-only errors telephony new-party     ... more of it
 *     up | down WHY | phone on | phone off | phone off WHY
 *     register A7 10.0.0.7:8080 | elsewhere A7 10.0.0.9:8080     at this desk, at another desk of the box
 *     unregister A7 | login A7 Q | logout A7 | ready A7 | notready A7
 *     makecall A7 914155550123 | canonical A7 +1 (415) 555-0123     its id is c1, then c2 ...
 *     leg L1 to-desk caller=14155550123/outside far=F1 rings     facts of a leg
 *     leg L1 to-desk $CustomerID=C-4711     a channel variable
 *     leg L1 ended=USER_BUSY
 *     rename L1 L2
 *     snapshot | snapshot L1 answered | L2 rings     all live legs
 *     agent ready WHY | acd-reset     reports of the ACD of the switch
 *     result c1 done | result c1 failed USER_BUSY | result c1 unknown
 *     wait 2000     ms pass; the desk is woken if it has requested it
 *     show     the state of the desk
 */
import type { AcdPolicy } from "../../../src/core/agent/acd.ts";
import type { PopPolicy, PopWhen } from "../../../src/core/call.ts";
import type { Callout, CrmEvent } from "../../../src/core/crm.ts";
import { type Desk, newDesk } from "../../../src/core/desk.ts";
import { isSameAddress } from "../../../src/core/destination.ts";
import type { DialPolicy } from "../../../src/core/dial/limits.ts";
import type { CallRecord } from "../../../src/core/history.ts";
import type { Effect, Input } from "../../../src/core/input.ts";
import type { AgentMode, CommandResult, Failure, LegFacts, LineCommand, LineEvent, Party } from "../../../src/core/line.ts";
import type { NumberRule } from "../../../src/core/number.ts";
import type { Policy } from "../../../src/core/policy.ts";
import { step } from "../../../src/core/step.ts";
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
  #policy: Policy = policyWith();
  #now = 0;
  #wakeAt: number | undefined;
  #dials = 0;
  #others = 0;
  readonly #commands: LineCommand[] = [];

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
    for (const effect of made.effects) if (effect.type === "drive") this.#commands.push(effect.command);
    return made.effects.map((effect) => effectText(effect, made.desk));
  }

  #wait(ms: number): string[] {
    this.#now += ms;
    return this.#wakeAt !== undefined && this.#wakeAt <= this.#now ? this.#step({ type: "wake" }) : [];
  }

  #nextId({ name }: Callout): string {
    return name === "MakeCall" || name === "DialCanonical" ? `c${++this.#dials}` : `r${++this.#others}`;
  }

  #input(word: string, rest: string[], line: string): Input {
    const callout = readCallout(word, rest);
    if (callout) return { type: "callout", id: this.#nextId(callout), callout };
    if (word === "elsewhere") {
      const [agent = "", place = ""] = rest;
      const [address = "", port] = place.split(":");
      return { type: "arrival", registration: { agent, address, port: Number(port) } };
    }
    if (word === "result") {
      const [id = "", ...result] = rest;
      const command = this.#commands.findLast((sent) => (sent.type === "dial" ? sent.call : sent.callout ?? "own") === id);
      if (!command) throw new Error(`Cannot read the transcript: the line got no command with the id ${id}`);
      return { type: "line", event: { type: "result", command, result: readResult(result) } };
    }
    return { type: "line", event: readEvent(word, rest, line) };
  }
}

function readPolicy(words: string[]): Policy {
  const values = new Map(words.map((word) => {
    const [name = "", value = ""] = word.split("=");
    return [name, value] as const;
  }));
  const base = policyWith();
  const when = (kind: "inbound" | "outbound" | "internal") => (values.get(kind) ?? base[kind]) as PopWhen;
  const patterns = (name: string) => [values.get(name)].flatMap((text) => (text === undefined ? [] : [new RegExp(text)]));
  const acd = values.get("acd") as AcdPolicy["afterCall"] | undefined;
  const limits = ["per-minute", "per-day", "while-on-call", "registered-only"].some((name) => values.has(name));
  return {
    ...base,
    inbound: when("inbound"),
    outbound: when("outbound"),
    internal: when("internal"),
    dnis: (values.get("dnis") ?? base.dnis) as PopPolicy["dnis"],
    onPartyChange: values.has("new-party") ? "new" : "keep",
    numbers: {
      ...base.numbers,
      deny: patterns("deny"),
      emergency: patterns("emergency"),
      withheld: patterns("withheld"),
      fromIdentity: rules(values.get("from-identity")),
      toDial: rules(values.get("to-dial")),
    },
    ...(acd === undefined ? {} : { acd: { driven: true, afterCall: acd } }),
    ...(limits ? { dial: readLimits(values) } : {}),
    events: { errors: values.has("errors"), telephony: values.has("telephony") },
  };
}

/** `^555>1415555` */
function rules(text: string | undefined): NumberRule[] {
  const [match = "", replace = ""] = text?.split(">") ?? [];
  return text === undefined ? [] : [{ match: new RegExp(match), replace, direction: "both" }];
}

function readLimits(values: ReadonlyMap<string, string>): DialPolicy {
  return {
    perMinute: Number(values.get("per-minute") ?? 1000),
    perDay: Number(values.get("per-day") ?? 1000),
    whileOnCall: values.has("while-on-call"),
    registeredOnly: values.has("registered-only"),
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
      return { name: "MakeCall", desk, agent, dialString: rest.join(" "), from: "10.0.0.7" };
    case "canonical":
      return { name: "DialCanonical", desk, agent, dialString: rest.join(" "), from: "10.0.0.7" };
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
      return {
        type: "phone",
        desk: extension,
        registered: rest[0] === "on",
        ...(rest.length > 1 ? { why: rest.slice(1).join(" ") } : {}),
      };
    case "agent":
      return { type: "agent", desk: extension, mode: rest[0] as AgentMode, why: rest.slice(1).join(" ") };
    case "acd-reset":
      return { type: "acd-reset", desks: [extension] };
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
  const data = Object.fromEntries(words.filter((word) => word.startsWith("$")).map((word) => word.slice(1).split("=")));
  const facts = words.filter((word) => !word.startsWith("$")).map(readFact);
  return Object.assign({ desk: extension, leg }, ...facts, Object.keys(data).length > 0 ? { data } : {}) as LegFacts;
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
    case "relay":
    case "held":
      return { [name]: true };
    case "retrieved":
      return { held: false };
    case "far-called":
      return { farCalled: true };
    case "far-answered":
      return { farAnswered: true };
    case "answer-unreported":
      return { answerUnreported: true };
    case "ended":
      return { ended: failure(value) };
    default:
      throw new Error(`Cannot read the transcript: no fact is called ${word}`);
  }
}

/**
 * `Sales/outside/dialled/withheld/was:14155550123`: identity, where from, whether the leg itself called the party, whether the
 * number is withheld, the party's own number.
 */
function readParty(text: string): Party {
  const [identity = "", ...marks] = text.split("/");
  const original = marks.find((mark) => mark.startsWith("was:"))?.slice(4);
  return {
    identity,
    ...(original === undefined ? {} : { original }),
    ...(marks.includes("outside") ? { outside: true } : marks.includes("inside") ? { outside: false } : {}),
    ...(marks.includes("withheld") ? { withheld: true } : {}),
    ...(marks.includes("dialled") ? { dialledByLeg: true } : {}),
    ...(marks.includes("called") ? { called: true } : {}),
  };
}

function effectText(effect: Effect, desk: Desk): string {
  switch (effect.type) {
    case "send":
      return `send ${effect.agent}: ${eventText(effect.event)}${destination(effect, desk)}`;
    case "discard":
      return `discard what waits for ${effect.agent}: ${effect.why}`;
    case "drive":
      return commandText(effect.command);
    case "audit":
      return `record ${effect.dial.id}: ${effect.dial.dialString} by ${effect.dial.agent}, ${effect.dial.outcome}`;
    case "record":
      return recordText(effect.call);
    case "reply":
      return `reply ${effect.to}: ${effect.reply.ok ? "ok" : effect.reply.why}`;
  }
}

/** `ended L1, internal, answered by NORMAL_CLEARING: began, rang, answered, ended; internal-number 1002 ^\d{2,5}$` */
function recordText({ id, kind, end, timeline, popped, reason }: CallRecord): string {
  const { code, ...facts } = reason ?? { code: popped ? "" : "NO REASON" };
  const why = [code, ...Object.values(facts)].join(" ").trim();
  const moments = timeline.map(({ what }) => what).join(", ");
  return `ended ${id}, ${kind}, ${end?.disposition} by ${end?.cause}: ${moments}${why === "" ? "" : `; ${why}`}`;
}

/** Where an event is sent, if not to the registered agent. */
function destination({ agent, to, undeliverable }: Extract<Effect, { type: "send" }>, { registration }: Desk): string {
  if (undeliverable) return ` (undeliverable: ${undeliverable})`;
  if (!to) return ` (waits for the next Register of ${agent})`;
  return registration?.agent === agent && isSameAddress(to, registration) ? "" : ` (to ${to.address}:${to.port})`;
}

function eventText(event: CrmEvent): string {
  const { name, call } = event;
  if (name === "Error") return `Error ${call}: ${event.message}`;
  if (name !== "ScreenPop") return `${name} ${call}`.trim();
  const data = Object.entries(event.data).map(([key, value]) => ` ${key}=${value}`);
  return `ScreenPop ${call} ani=${event.ani} dnis=${event.dnis}${data.join("")}`;
}

function commandText(command: LineCommand): string {
  if (command.type === "dial") return `dial ${command.number} as ${command.call}`;
  const { callout = "own", agent, mode, login, queue } = command;
  return `agent ${agent} ${login ? "logs in, " : ""}${mode}${queue === undefined ? "" : ` in ${queue}`} as ${callout}`;
}

function shown({ line, registration, agents, calls, lastDial }: Desk): string[] {
  return [
    `line ${line.link.up ? "up" : `down (${line.link.why})`}, phone ${line.phone}`,
    registration ? `agent ${registration.agent} at ${registration.address}:${registration.port}` : "nobody registered",
    ...agents.map(({ id, mode, queue, why }) =>
      `agent ${id} is ${mode}${queue === undefined ? "" : ` in ${queue}`}${why === undefined ? "" : `: ${why}`}`
    ),
    ...calls.map(({ id, agent, legs, held, popped }) =>
      `call ${id} of ${agent ?? "nobody"}: ${legs.join(" ")}${held ? " held" : ""}${popped ? "" : ", not sent"}`
    ),
    ...calls.flatMap(({ dial }) => (dial ? [`dialling ${dial.number}`] : [])),
    ...(lastDial ? [`last dialled ${lastDial.number}: ${lastDial.outcome}`] : []),
  ];
}
