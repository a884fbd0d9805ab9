/**
 * The dials of one connection, each from its command to its single result: an event of its channel, a refusal, a timeout, or the
 * loss of the connection. A result is reported as soon as it is read, behind what has happened to the phone's leg.
 */
import type { CommandResult, DialCommand, LegFacts } from "../../src/core/line.ts";
import type { Timers } from "../../src/platform/timers.ts";
import { handsetFailure } from "../shared/causes.ts";
import { unansweredEnd } from "./causes.ts";
import type { AsteriskConfig } from "./config.ts";
import { channelOf, originate, refusalResult } from "./originate.ts";
import type { AriEvent } from "./wire/message.ts";
import { NoAnswer, type Rest } from "./wire/rest.ts";

/** What dialling needs from the session. */
export interface DialsOptions {
  readonly config: AsteriskConfig;
  readonly timers: Timers;
  readonly rest: Pick<Rest, "get" | "command">;
  /** The switch has accepted the originate: events of its channel may have to be requested. */
  readonly onAccepted: (channel: string) => void;
  /** Whether the phone is known not to be registered. */
  readonly isUnregistered: (desk: string) => boolean;
  /** The phone is not registered. */
  readonly onUnregistered: (desk: string) => void;
  /** Takes the result, once for each dial. */
  readonly onResult: (command: DialCommand, result: CommandResult) => void;
}

/** A dial without a result yet. */
interface OpenDial {
  readonly command: DialCommand;
  readonly channel: string;
  readonly cancelDeadline: () => void;
  hasRung: boolean;
  /** The end of a leg that the dialplan has rung for it; others may still ring. */
  lastEnd?: string;
}

/** The dials of one connection. */
export class Dials {
  readonly #options: DialsOptions;
  /** By channel. */
  readonly #open = new Map<string, OpenDial>();

  constructor(options: DialsOptions) {
    this.#options = options;
  }

  /** Rings the phone; when it is answered the dialplan calls the number. Sent once. Resolves when the switch has answered. */
  async start(command: DialCommand): Promise<void> {
    const { config, rest, onAccepted } = this.#options;
    const asked = originate(command, config);
    const dial = this.#opened(command);
    try {
      const answer = await rest.command(asked);
      if (answer.ok || (answer.status === 409 && await this.#lives(dial))) return onAccepted(dial.channel);
      // A phone that is not registered can get 409 once for an id that is not in use.
      const refusal = answer.status === 409 ? { ...answer, status: 500, text: "Allocation failed" } : answer;
      this.#end(dial, refusalResult(refusal, command.desk, config));
    } catch (error) {
      if (!(error instanceof NoAnswer)) throw error;
      this.#end(dial, error.sent ? unknown(error.message) : notSent(error.message));
    }
  }

  /** Handles the facts of a leg of any dial. */
  note({ call, leg, rings, answered, ended }: LegFacts): void {
    const dial = [...this.#open.values()].find(({ command, channel }) => command.call === call || channel === leg);
    if (!dial) return;
    if (rings) dial.hasRung = true;
    if (answered) this.#end(dial, { outcome: "done" });
    else if (ended && dial.channel !== leg) dial.lastEnd = ended.cause;
  }

  /** Handles an event of a dial's own channel. */
  onEvent({ type, channel, ...event }: AriEvent): void {
    const dial = channel && this.#open.get(channel.id);
    if (!dial) return;
    if (type === "ChannelStateChange" && channel.state === "Up") return this.#end(dial, { outcome: "done" });
    if (type !== "ChannelDestroyed") return;
    const { command: { desk }, hasRung, lastEnd } = dial;
    if (lastEnd !== undefined) return this.#fail(dial, lastEnd);
    const failure = unansweredEnd(event, desk);
    if (!hasRung && failure.cause === "ORIGINATOR_CANCEL") return this.onGone(dial.channel);
    // The time is up, and the phone has not even reported that it rings.
    if (!hasRung && /^NO_(ANSWER|USER_RESPONSE)$/.test(failure.cause)) return this.#fail(dial, "RECOVERY_ON_TIMER_EXPIRE");
    this.#end(dial, { outcome: "failed", ...failure });
  }

  /** The channel of a dial through the dialplan has ended before its events were sent: the dialplan has rung nobody. */
  onGone(channel: string): void {
    const dial = this.#open.get(channel);
    if (!dial) return;
    const isUnregistered = this.#options.isUnregistered(dial.command.desk);
    this.#fail(dial, dial.lastEnd ?? (isUnregistered ? "USER_NOT_REGISTERED" : "NORMAL_TEMPORARY_FAILURE"));
  }

  /** The connection is lost: the outcome will not be reported. */
  onLost(why: string): void {
    for (const dial of this.#open.values()) this.#end(dial, unknown(why));
  }

  #opened(command: DialCommand): OpenDial {
    const { config, timers } = this.#options;
    const late = (config.ringSeconds + 2 * config.commandSeconds) * 1000;
    const dial: OpenDial = {
      command,
      channel: channelOf(command),
      cancelDeadline: timers.after(
        late,
        () => this.#end(dial, { outcome: "unknown", why: "The switch did not report the outcome" }),
      ),
      hasRung: false,
    };
    this.#open.set(dial.channel, dial);
    return dial;
  }

  #fail(dial: OpenDial, cause: string): void {
    this.#end(dial, { outcome: "failed", ...handsetFailure(cause, dial.command.desk) });
  }

  /** Whether the channel of a dial exists: then the command has arrived before. */
  async #lives({ channel }: OpenDial): Promise<boolean> {
    return (await this.#options.rest.get(`channels/${encodeURIComponent(channel)}`)).ok;
  }

  #end(dial: OpenDial, result: CommandResult): void {
    const { onResult, onUnregistered } = this.#options;
    if (!this.#open.delete(dial.channel)) return;
    dial.cancelDeadline();
    if (result.outcome === "failed" && result.cause === "USER_NOT_REGISTERED") onUnregistered(dial.command.desk);
    onResult(dial.command, result);
  }
}

function unknown(why: string): CommandResult {
  return { outcome: "unknown", why: `The connection to the phone system was lost (${why})` };
}

function notSent(why: string): CommandResult {
  return { outcome: "failed", cause: "NO_LINK", why: `Cannot dial: the connection to the phone system is down (${why}).` };
}
