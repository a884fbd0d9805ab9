/**
 * The dials of one connection, each from its command to its single result: the report of the background job, a refusal, a
 * timeout, or the loss of the connection. A result is reported as soon as it is read, so that it is in order with the events of
 * the legs.
 */
import type { CommandResult, DialCommand, Failure, LegFacts } from "../../src/core/line.ts";
import type { Timers } from "../../src/platform/timers.ts";
import { handsetFailure } from "../shared/causes.ts";
import { type DeskNames, originate, originateResult } from "./commands.ts";
import type { FreeswitchConfig } from "./config.ts";
import { DialLegs } from "./dial-legs.ts";
import { type Link, LinkClosed } from "./wire/link.ts";

/** What dialling needs from the session. */
export interface DialsOptions {
  readonly config: FreeswitchConfig;
  readonly timers: Timers;
  readonly link: Link;
  /** The handset was answered. `leg`: the answered leg, if only the job names it because the leg does not have our mark. */
  readonly onAnswered: (desk: string, leg?: string) => void;
  /** No handset was answered. */
  readonly onFailed: (desk: string, failure: Failure) => void;
  /** Takes the result, once for each dial. */
  readonly onResult: (command: DialCommand, result: CommandResult) => void;
}

/** A dial without a result yet. */
interface OpenDial {
  readonly command: DialCommand;
  readonly job: string;
  readonly legs: DialLegs;
  readonly cancelDeadline: () => void;
  /** Accepted by the switch, the dial is ended only by its job's report, or by the deadline. */
  stage: "waiting" | "sent" | "accepted";
}

/** The dials of one connection. */
export class Dials {
  readonly #options: DialsOptions;
  /** By job. */
  readonly #open = new Map<string, OpenDial>();

  constructor(options: DialsOptions) {
    this.#options = options;
  }

  /** Rings the handset; when it is answered the dialplan calls the number. Sent once. Resolves when the switch has replied. */
  async start(command: DialCommand, names: DeskNames): Promise<void> {
    const { config, link } = this.#options;
    const { call, number } = command;
    const text = originate(call, number, names, config);
    const dial = this.#opened(command);
    try {
      await prepare(link, `filter Job-UUID ${dial.job}`);
      // The deadline has passed while earlier commands waited for a slow switch: the phone must no longer ring.
      if (!this.#open.has(dial.job)) return;
      dial.stage = "sent";
      const reply = await link.command(text, { "Job-UUID": dial.job });
      if (reply.ok) dial.stage = "accepted";
      else this.#onReport(dial, reply.text);
    } catch (error) {
      if (!(error instanceof LinkClosed)) throw error;
      this.#end(dial, error.sent ? lost(error.message) : notSent(error.message));
    }
  }

  /** The dial waits for its report before its command goes out: the report can be faster than the reply. */
  #opened(command: DialCommand): OpenDial {
    const { config, timers } = this.#options;
    const late = (config.ringSeconds + 2 * config.commandSeconds) * 1000;
    const dial: OpenDial = {
      command,
      job: crypto.randomUUID(),
      legs: new DialLegs(),
      cancelDeadline: timers.after(late, () => this.#end(dial, dial.stage === "waiting" ? tooSlow : notReported)),
      stage: "waiting",
    };
    this.#open.set(dial.job, dial);
    return dial;
  }

  /** Handles the facts of a leg. Not all of them name its call. */
  note(facts: LegFacts): void {
    for (const { command, legs } of this.#open.values()) {
      if (facts.call === command.call || legs.has(facts.leg)) legs.note(facts);
    }
  }

  /** Handles the report of a background job. */
  onJob(job: string, body: string): void {
    const dial = this.#open.get(job);
    if (dial) this.#onReport(dial, body);
  }

  /** Handles an unreadable event, which may be the report of a job. A dial whose legs have been seen is tracked by its legs. */
  onUnreadable(event: string): void {
    for (const dial of this.#open.values()) {
      if (event.includes(dial.job) && dial.legs.areUnseen) this.#end(dial, unknown("The switch's report cannot be read"));
    }
  }

  /** The connection is lost: the outcome of accepted dials will not be reported. The other dials end with their commands. */
  onLost(why: string): void {
    for (const dial of this.#open.values()) if (dial.stage === "accepted") this.#end(dial, lost(why));
  }

  #onReport(dial: OpenDial, body: string): void {
    const { onAnswered, onFailed } = this.#options;
    const { command: { desk }, legs } = dial;
    const result = originateResult(body);
    if ("cause" in result) {
      const failure = handsetFailure(legs.cause(result.cause), desk);
      onFailed(desk, failure);
      return this.#end(dial, { outcome: "failed", ...failure });
    }
    onAnswered(desk, legs.areUnseen ? result.answered : undefined);
    this.#end(dial, { outcome: "done" });
  }

  #end(dial: OpenDial, result: CommandResult): void {
    const { link, onResult } = this.#options;
    if (!this.#open.delete(dial.job)) return;
    dial.cancelDeadline();
    link.send(`filter delete Job-UUID ${dial.job}`);
    onResult(dial.command, result);
  }
}

const tooSlow: CommandResult = {
  outcome: "failed",
  cause: "NO_REPLY",
  why: "Cannot dial: the phone system does not reply in time. Try again in a moment.",
};

const notReported = unknown("The switch did not report the outcome");

function unknown(why: string): CommandResult {
  return { outcome: "unknown", why };
}

function lost(why: string): CommandResult {
  return unknown(`The connection to the phone system was lost (${why})`);
}

function notSent(why: string): CommandResult {
  return { outcome: "failed", cause: "NO_LINK", why: `Cannot dial: the connection to the phone system is down (${why}).` };
}

/** Sends what must precede a command that is sent once: if the link is lost here, that command has not been sent. */
async function prepare(link: Link, command: string): Promise<void> {
  try {
    await link.command(command);
  } catch (error) {
    throw error instanceof LinkClosed ? new LinkClosed(error.message, false) : error;
  }
}
