/** What a session at a switch does, whatever the switch: each command gets one result, and legs are listed or asked for. */
import {
  type CommandResult,
  gone,
  type KnownLegs,
  type LegFacts,
  type LineCommand,
  type LineEvent,
} from "../../src/core/line.ts";
import type { Log } from "../../src/log/log.ts";
import { messageOf } from "../../src/platform/text.ts";
import type { Timers } from "../../src/platform/timers.ts";
import type { Session } from "./reconnection.ts";
import { SnapshotSchedule } from "./snapshot-schedule.ts";

/** When the legs are listed again after a connect, in ms: an event may come, or a list show it, that much later. */
export const secondSnapshotAfter = 2000;

/** What a session needs from its driver. */
export interface SwitchSessionOptions {
  readonly known: KnownLegs;
  readonly log: Log;
  readonly timers: Timers;
  readonly report: (event: LineEvent) => void;
}

/** A leg that somebody believes to be alive. */
export type NamedLeg = ReturnType<KnownLegs>[number];

/** A connection from its first snapshot to its end. */
interface Work {
  readonly link: { readonly closed: Promise<string>; close(why: string): void };
  /** The switch, as `link-up` names it. */
  readonly to: string;
  /** Takes the first snapshot. Rejects with an Error for people. */
  readonly start: () => Promise<void>;
  /** Called when that is done. */
  readonly onUp: () => void;
  /** Gives the commands in progress their results. */
  readonly onLost: (why: string) => void;
}

/** A connection that has logged in and subscribed. */
export abstract class SwitchSession implements Session {
  protected readonly snapshots: SnapshotSchedule;
  readonly #log: Log;
  readonly #report: (event: LineEvent) => void;
  readonly #underWay = new Set<Promise<void>>();
  #isListed = false;

  protected constructor({ log, timers, report }: SwitchSessionOptions) {
    this.#log = log;
    this.#report = report;
    this.snapshots = new SnapshotSchedule({
      timers,
      legs: () => this.listLegs(),
      seen: (legs) => this.onSnapshot(legs),
      others: () => this.refreshOthers(),
      failed: (error) => log.debug("Listing the live legs failed", { why: messageOf(error) }),
    });
  }

  /** Lists all live legs. */
  protected abstract listLegs(): Promise<readonly LegFacts[]>;
  /** Reports a snapshot. */
  protected abstract onSnapshot(legs: readonly LegFacts[]): void;
  /** Asks for a leg; undefined if the switch does not know it as a leg of this desk. */
  protected abstract findLeg(named: NamedLeg): Promise<LegFacts | undefined>;
  protected abstract onLeg(facts: LegFacts): void;
  /** Carries a command out; `onResult` is called once. */
  protected abstract carryOut(command: LineCommand): Promise<void>;
  /** Requests everything else that may have changed when an event could not be read. */
  protected async refreshOthers(): Promise<void> {}

  /**
   * Reports that the link is up, then the live legs, and lists these once more a little later. Commands are accepted from the first
   * moment; all have their results when this resolves, with the reason of the end.
   */
  protected async work({ link, to, start, onUp, onLost }: Work): Promise<string> {
    this.#report({ type: "link-up", to });
    try {
      await start();
      this.#isListed = true;
      this.snapshots.later(secondSnapshotAfter);
      onUp();
    } catch (error) {
      link.close(messageOf(error));
    }
    const why = await link.closed;
    this.snapshots.stop();
    onLost(why);
    await Promise.all(this.#underWay);
    return why;
  }

  /** See `shared/reconnection.ts`. */
  execute(command: LineCommand): void {
    const done = this.carryOut(command).catch((error: unknown) => {
      const why = `UnexpectedError: the line failed inside (${messageOf(error)})`;
      this.onResult(command, { outcome: "unknown", why });
    });
    this.#underWay.add(done);
    void done.finally(() => this.#underWay.delete(done));
  }

  protected onResult(command: LineCommand, result: CommandResult): void {
    this.#report({ type: "result", command, result });
    // Now only a query can show whether a phone rings at all.
    if (command.type === "dial" && result.outcome === "unknown") this.snapshots.repair();
  }

  /** See `Line.check`. Before the first snapshot there is nothing to compare with. */
  check(legs: ReturnType<KnownLegs>): void {
    if (this.#isListed) { for (const named of legs) void this.#check(named); }
  }

  async #check(named: NamedLeg): Promise<void> {
    try {
      this.onLeg(await this.findLeg(named) ?? { ...named, ended: gone });
    } catch (error) {
      this.#log.debug("Asking for a leg failed", { why: messageOf(error) });
    }
  }
}
