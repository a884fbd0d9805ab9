/** What the rest of telesetd knows about a driver. */
import type * as v from "valibot";
import type { Line } from "../src/core/line.ts";
import type { Log } from "../src/log/log.ts";
import type { Timers } from "../src/platform/timers.ts";

/** What a driver gets besides its own settings. */
export interface DriverContext {
  readonly desks: readonly { readonly extension: string; readonly aliases: readonly string[] }[];
  /** The channel variables whose values are sent to the CRM. */
  readonly variables: readonly string[];
  readonly log: Log;
  /** The only clock, and the only source of random numbers, that a driver uses. */
  readonly timers: Timers;
  /**
   * The desks are many: events of the whole switch are received and sorted here. Without it, the switch is asked for the events
   * of these desks alone.
   */
  readonly wholeSwitch?: true;
}

/** What a probe gets besides the settings. */
export interface ProbeContext extends DriverContext {
  /** Whether agents' passwords are compared with the switch's own users (`agent.verify`). */
  readonly directory: boolean;
}

/** One hop on the way to the phone, checked by `telesetd doctor` and `telesetd setup`. */
export interface Hop {
  /** What was checked, in two or three words: `switch login`. */
  readonly name: string;
  /** `skipped`: not checked, because an earlier hop failed or it does not apply. */
  readonly verdict: "good" | "warning" | "failed" | "skipped";
  /** How long it took, in ms. */
  readonly ms: number;
  /** The finding, with the value, as a sentence for the administrator. */
  readonly message: string;
  /** What to do about it; present when the verdict is not good. */
  readonly advice?: string;
  /** Further details, a line each. */
  readonly details?: readonly string[];
  /** The setting that is probably wrong, which `telesetd setup` asks for again. */
  readonly suspect?: Suspect;
}

/** A setting that a failed hop calls into question: a key of `line`, or one of the extensions. */
export type Suspect = ({ readonly key: string } | { readonly extension: string }) & {
  /** Values that the switch reports instead, the likeliest first; the same value if it may be right after all. */
  readonly offers?: readonly string[];
};

/** A question of `telesetd setup` about one key of the driver's settings, whose schema validates answers and has the default. */
export interface Question {
  /** The key in the `line` part of the configuration. */
  readonly key: string;
  /** The question without its default: `Address of FreeSWITCH`. */
  readonly prompt: string;
  /** What a sentence at the prompt calls it, instead of its key: `the address of FreeSWITCH`. */
  readonly name: string;
  /** A description of valid answers, after "expected": `a port, for example 8021`. */
  readonly expected: string;
  /** The answer that omits the key: `none`. */
  readonly absent?: string;
  /** Completes a short answer, given the settings so far: `telesetd` to `telesetd@10.1.0.5`. */
  complete?(typed: string, settings: Readonly<Record<string, unknown>>): string;
  /** The key of a port, which is not asked for if the answer includes it: `10.1.0.5:8021`. */
  readonly port?: string;
  /** Whether the answer is hidden while typed and never offered; Enter keeps the previous one. */
  readonly secret?: true;
}

/** Questions asked one after the other, whose answers are then tested together. `C`: the validated settings. */
export interface QuestionGroup<C = Readonly<Record<string, unknown>>> {
  readonly questions: readonly Question[];
  /** A recommendation, shown once before the questions. */
  readonly intro?: string;
  /** Whether this question is asked, given the answers so far; if not, its key is omitted. */
  applies?(key: string, answers: Readonly<Record<string, unknown>>): boolean;
  /** Answers from the switch for one of the questions, the likeliest first; empty if unknown. Never throws. */
  readonly suggestions?: {
    readonly key: string;
    /** The introduction of the list: `The switch serves`. */
    readonly intro: string;
    find(settings: C, context: DriverContext, signal: AbortSignal): Promise<readonly string[]>;
  };
  /** The name of the answers in "Keep ... anyway?". */
  subject(settings: C): string;
  /**
   * Tests the answers; a failed hop has the reason and advice. Required keys whose questions have not been asked yet have the
   * values of `reference`.
   */
  check(settings: C, context: ProbeContext, signal: AbortSignal): AsyncIterable<Hop>;
}

/** The schema of a driver's settings. */
export type SettingsSchema = v.GenericSchema<Readonly<Record<string, unknown>>> & { readonly entries: v.ObjectEntries };

/** An entry of `registry.ts`: what is known about a driver without loading it. */
export interface DriverEntry<S extends SettingsSchema = SettingsSchema> {
  readonly name: string;
  /** Checks the settings without opening anything. */
  readonly schema: S;
  /** The settings of the documentation's example, with every required key. */
  readonly reference: v.InferInput<S>;
  /** Loads what only the configured driver needs: with its libraries it is most of the driver's code. */
  load(): Promise<LoadedDriver<S>>;
  /** The questions of `telesetd setup`, in order. */
  readonly setup: readonly QuestionGroup<v.InferOutput<S>>[];
  /**
   * The addresses and names of everything that it connects to, for the service's address rules; absent: it may connect to any.
   */
  hosts?(config: v.InferOutput<S>): readonly string[];
  /** Whether Login, Ready, NotReady and Logout go to the switch, which distributes calls to agents. Absent: never. */
  drivesAgents?(config: v.InferOutput<S>): boolean;
  /** Whether the agent that a command is about is chosen by its sender, and not by the desk. Absent: never. */
  namesAgents?(config: v.InferOutput<S>): boolean;
  /** The switch does not report registrations to this driver: a phone that is watched counts as registered. */
  readonly assumesRegistered?: true;
  /** The settings with a simulated switch on this machine instead of the real one, for demo and replay. */
  simulated?(config: v.InferOutput<S>, peer: { readonly port: number; readonly password: string }): v.InferOutput<S>;
}

/** The parts of a driver that work. */
export interface LoadedDriver<S extends SettingsSchema = SettingsSchema> {
  open(config: v.InferOutput<S>, context: DriverContext): Line;
  /**
   * Checks each hop from the box to the phones of these desks, on separate connections: it changes nothing on the switch and
   * works beside a running daemon. Never throws for expected trouble; what cannot be checked is `skipped`.
   */
  probe(config: v.InferOutput<S>, context: ProbeContext, signal: AbortSignal): AsyncIterable<Hop>;
}
