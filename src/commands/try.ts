/** `telesetd try`: plays UWQ against the running daemon. It registers, shows the events of calls, and dials. */
import { networkInterfaces } from "node:os";
import { type ReceivedEvent, sendCallout, SmallCrm } from "../../simulator/crm/mod.ts";
import { decodeAnswer } from "../cctsdk/decode.ts";
import type { Config } from "../config/schema.ts";
import { addressText, type CalloutName } from "../core/crm.ts";
import type { ConfigInForce } from "../http/admin/routes.ts";
import { parseRanges } from "../platform/address.ts";
import { shortTime } from "../platform/local-time.ts";
import { messageOf } from "../platform/text.ts";
import type { DeskStatus, Status } from "../status/status.ts";
import { ask, askDaemon, type Place, socketFor } from "./ask.ts";
import { configOr2, type Io } from "./io.ts";
import { type Asker, Interrupted, Terminal } from "./setup/terminal.ts";

/** Options of the command. */
export interface TryOptions extends Place {
  /** The desk to play UWQ for; default: the first one. */
  readonly desk?: string;
  /** The agent who logs in; absent: an agent named `try` registers only. */
  readonly agent?: string;
}

/** What tests replace. */
export interface Surroundings {
  /** Where numbers and confirmations are asked for; default: the terminal, if there is one. */
  readonly asker?: Asker;
  /** When to end, besides the end of the dialogue; default: at a signal. */
  readonly stopped?: Promise<unknown>;
}

/** The agent who registers unless another one is named. */
const usualAgent = "try";

/**
 * Registers at a desk, shows its events until the administrator ends it, and unregisters. Exit code 1 if the daemon does not
 * answer or refuses, or if the administrator does not want to take over the desk of an agent; 2 for an invalid configuration or
 * an unknown desk.
 */
export async function tryUwq(options: TryOptions, io: Io, given: Surroundings = {}): Promise<number> {
  const config = configOr2(options.config, io);
  if (config === 2) return 2;
  const status = await askDaemon<Status>(options, "GET", "/status", io);
  if (typeof status === "number") return status;
  const desk = options.desk === undefined ? status.desks[0] : status.desks.find(({ extension }) => extension === options.desk);
  if (!desk) {
    io.err(`Desk ${options.desk} is not served: expected ${status.desks.map(({ extension }) => extension).join(", ")}.\n`);
    return 2;
  }
  const daemon = await ask<ConfigInForce>(socketFor(options), "GET", "/config");
  const place = "value" in daemon ? placeOf(daemon.value, config) : daemon.message;
  if (typeof place === "string") {
    io.err(`${place}\n`);
    return 1;
  }
  const asker = given.asker ?? (io.terminal && process.stdin.isTTY === true ? new Terminal(process.stdin, io.out) : undefined);
  const agent = options.agent ?? usualAgent;
  try {
    if (!await mayTakeOver(desk, io, asker)) return 1;
    const password = options.agent === undefined || config.agent.verify === "none" || !asker
      ? ""
      : await asker.ask(`Password of agent ${agent}: `, { hidden: true });
    const [confirmed] = config.crm.delivered;
    const trial = { desk, agent, password, logsIn: options.agent !== undefined, place, status: confirmed?.from ?? 200 };
    return await play(trial, io, asker, given.stopped ?? signalled());
  } catch (error) {
    if (!(error instanceof Interrupted)) throw error;
    io.err("Interrupted: nothing was changed.\n");
    return 1;
  } finally {
    asker?.close();
  }
}

/** Where callouts are sent. */
interface CalloutPlace {
  readonly host: string;
  readonly port: number;
  readonly path: string;
}

/** An address of this machine that the daemon serves and that may send callouts; a sentence if there is none. */
function placeOf({ host, port }: ConfigInForce, { http: { allow, prefix } }: Config): CalloutPlace | string {
  const own = () => Object.values(networkInterfaces()).flatMap((list) => list ?? []).map(({ address }) => address);
  const addresses = host === "0.0.0.0" || host === "::" ? ["127.0.0.1", ...own()] : [host];
  const address = addresses.find(parseRanges(allow));
  if (address === undefined) return `http.allow contains no address of this machine: add ${addresses[0]} for the test.`;
  return { host: address, port, path: `${prefix ?? ""}/` };
}

/** Asks before the events of an agent's calls go elsewhere. */
async function mayTakeOver({ extension, registered }: DeskStatus, io: Io, asker: Asker | undefined): Promise<boolean> {
  if (registered === undefined || registered.agent === usualAgent) return true;
  const { agent, at } = registered;
  io.out(`Agent ${agent} is registered at desk ${extension}, from ${at}: that agent's UWQ would get no more events.\n`);
  if (!asker) {
    io.err("Run this in a terminal to take over the desk, or when the agent has logged out of UWQ.\n");
    return false;
  }
  const answer = await asker.ask(`Take over desk ${extension}? Agent ${agent} must log in to UWQ again afterwards. y or n [n]: `);
  return /^y(es)?$/i.test(answer);
}

/** What is tried. */
interface Trial {
  readonly desk: DeskStatus;
  readonly agent: string;
  readonly password: string;
  /** Whether the agent logs in, too. */
  readonly logsIn: boolean;
  readonly place: CalloutPlace;
  /** The HTTP status that confirms an event. */
  readonly status: number;
}

const question = "Number to dial: ";

async function play(trial: Trial, io: Io, asker: Asker | undefined, stopped: Promise<unknown>): Promise<number> {
  const { desk: { extension, trouble }, agent, place, status } = trial;
  // An event interrupts the question, which is then shown again.
  const [before, after] = asker ? ["\r", question] : ["", ""];
  const show = (event: ReceivedEvent): void => io.out(`${before}${eventText(event).padEnd(question.length)}\n${after}`);
  const crm = await SmallCrm.open(show, { host: place.host, status });
  try {
    const refused = await callout(trial, "Register", { port: String(crm.port) });
    if (refused !== undefined) {
      io.err(`Register failed: ${refused}\n`);
      return 1;
    }
    try {
      if (trial.logsIn) await logIn(trial, io);
      io.out(
        `Agent ${agent} is registered at desk ${extension}; events go to ${
          addressText({ address: place.host, port: crm.port })
        }.\n`,
      );
      if (trouble !== undefined) io.out(`No call is seen now: ${trouble}\n`);
      io.out(introduction(extension, asker !== undefined));
      await Promise.race([stopped, ...asker ? [dialogue(trial, io, asker)] : []]);
    } finally {
      if (trial.logsIn) await callout(trial, "Logout");
      const failure = await callout(trial, "Unregister");
      io.out(failure === undefined ? `Desk ${extension} is unregistered.\n` : `Unregister failed: ${failure}\n`);
    }
    return 0;
  } finally {
    crm.close();
  }
}

function introduction(extension: string, asks: boolean): string {
  const dial = asks ? `, or enter a number to dial from desk ${extension}. An empty line or Ctrl-C ends` : ". Ctrl-C ends";
  return `Call ${extension} from an outside line${dial}.\n` +
    "If a call shows no event: telesetd explain NUMBER, for the caller's number; telesetd doctor.\n";
}

async function logIn(trial: Trial, io: Io): Promise<void> {
  for (const name of ["Login", "Ready"] as const) {
    const failure = await callout(trial, name, name === "Login" ? { agentPassword: trial.password } : {});
    io.out(`${name}: ${failure ?? "ok"}\n`);
  }
}

/** Dials what is entered, until an empty line or Ctrl-C. */
async function dialogue(trial: Trial, io: Io, asker: Asker): Promise<void> {
  try {
    for (let number = await asker.ask(question); number !== ""; number = await asker.ask(question)) {
      const failure = await callout(trial, "MakeCall", { dialString: number });
      io.out(
        failure === undefined ? "Phone is ringing: answer it, and the number is dialled.\n" : `MakeCall failed: ${failure}\n`,
      );
    }
  } catch (error) {
    if (!(error instanceof Interrupted)) throw error;
  }
}

/** Sends a callout. @returns why it failed; undefined if it succeeded. */
async function callout(
  { desk, agent, place }: Trial,
  name: CalloutName,
  more: Readonly<Record<string, string>> = {},
): Promise<string | undefined> {
  const parameters = { FunctionName: name, telesetNumber: desk.extension, agentID: agent, ...more };
  try {
    return decodeAnswer(await sendCallout(place.port, place.path, parameters, place.host));
  } catch (error) {
    return `telesetd does not answer at ${addressText({ address: place.host, port: place.port })} (${messageOf(error)}).`;
  }
}

/** `10:31:05  ScreenPop        call 5a761c59: occtANI 14155550123, occtDNIS 1001` */
function eventText({ name, data: { occtSourceID = "", ...data } }: ReceivedEvent): string {
  const values = Object.entries(data).map(([key, value]) => `${key} ${value === "" ? "is empty" : value}`);
  return `${shortTime(new Date())}  ${name.padEnd(15)}  call ${occtSourceID}${values.length > 0 ? `: ${values.join(", ")}` : ""}`;
}

/** Resolves at the first signal that asks to end. */
function signalled(): Promise<unknown> {
  return Promise.race(
    (["SIGINT", "SIGTERM", "SIGHUP"] as const).map((name) => new Promise<void>((resolve) => process.once(name, () => resolve()))),
  );
}
