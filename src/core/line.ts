/**
 * The line: the phone side of a desk, as any switch can show it. Drivers speak this page and nothing else of the core;
 * its mirror image towards Oracle is `crm.ts`. Only `step.ts` knows both.
 */

/** Which way a leg was set up, seen from the handset: the phone is being called, or the phone dials. */
export type LegDirection = "to-desk" | "from-desk";

/** Who is at the other end of a leg, as far as the switch says. */
export interface Party {
  /** The identity as the switch shows it: a number, words such as `anonymous`, or a contact such as `1002-0x55`. */
  readonly identity: string;
  /** The number that the party's own leg came in with, where a dialplan shows another identity in its place. */
  readonly original?: string;
  /** True when that party's own leg came in from outside (an outside profile or a gateway), false when it came from inside. */
  readonly outside?: boolean;
  /** True when this leg itself set that party's leg up: the party is whom the phone dialled, not somebody who was put through. */
  readonly dialledByLeg?: boolean;
  /** True when the switch set that party's leg up: the party was called by somebody, and has not called in. */
  readonly called?: boolean;
  /** The party has asked that the number not be shown: the CRM never gets it, although the switch may know it. */
  readonly withheld?: boolean;
}

/** Why a leg or a command came to nothing. */
export interface Failure {
  /** The switch's own name for it, for logs and records: `USER_BUSY`. */
  readonly cause: string;
  /** A sentence for the agent: what happened to the phone, what to do. */
  readonly why: string;
  /** The same when it was the far end's doing. */
  readonly far?: string;
}

/**
 * What a driver knows of one leg of a handset. Facts only add up: a field that is absent says nothing new, and a sign
 * (`rings`, `answered`, ...) once true stays true for that leg, so that repeats and late events do no harm.
 */
export interface LegFacts {
  /** The desk's extension. */
  readonly desk: string;
  /** The leg's id, unique on the switch; becomes the call's id (at most 60 characters). */
  readonly leg: string;
  /** The id of the dial command that made this leg, when one did. */
  readonly call?: string;
  readonly direction?: LegDirection;
  /** Who calls, on a leg to the desk. */
  readonly caller?: Party;
  /** What the phone dialled, on a leg from the desk. */
  readonly dialled?: string;
  /** What the caller dialled to reach this desk, for `screenPop.dnis = dialled`. */
  readonly callerDialled?: string;
  /** The id of the leg at the other end: two legs to one desk with the same far leg are one call. */
  readonly farLeg?: string;
  /** That leg is one of the switch's own (loopback), which only leads to the party: another leg may take its place. */
  readonly relay?: true;
  /** With whom the leg is connected now (after a transfer or a pickup this is not the one it began with). */
  readonly partner?: Party;
  /** The leg comes from a queue of the switch. */
  readonly queue?: boolean;
  /** The phone itself rings. */
  readonly rings?: boolean;
  /** The leg is answered: the handset was lifted, or, on a leg that dialled, the switch or the far end took the call. */
  readonly answered?: boolean;
  /** The far end is being called: a far leg exists and rings. */
  readonly farCalled?: boolean;
  /** The far end has answered and is connected. */
  readonly farAnswered?: boolean;
  /** The switch has called the far end for our dial, and will not report whether it answers. */
  readonly answerUnreported?: boolean;
  /** The handset has put the leg on hold, or taken it back. */
  readonly held?: boolean;
  /** The leg is over. */
  readonly ended?: Failure;
  /** Values of the channel variables that the driver was asked to read, those that are set. */
  readonly data?: Readonly<Record<string, string>>;
}

/**
 * What happens on the line. After every connect a driver says `link-up`, then a `snapshot`, then what follows. A switch that
 * is asked about each desk by itself may answer for one and not for another: `desks` then names those that the link is of.
 */
export type LineEvent =
  | { readonly type: "link-up"; readonly to: string; readonly desks?: readonly string[] }
  | { readonly type: "link-down"; readonly why: string; readonly desks?: readonly string[] }
  /** All live legs of these desks; a leg that is not among them has ended. */
  | { readonly type: "snapshot"; readonly desks: readonly string[]; readonly legs: readonly LegFacts[] }
  | { readonly type: "leg"; readonly facts: LegFacts }
  /** The switch gave a leg another id. */
  | { readonly type: "leg-renamed"; readonly desk: string; readonly from: string; readonly to: string }
  /** The ACD of the switch has an agent in this state now, not by a command of ours; `why` as a sentence for the agent. */
  | { readonly type: "agent"; readonly desk: string; readonly mode: AgentMode; readonly why: string }
  /** The ACD may not know what it was told (the switch or we have been restarted): it must be told again. */
  | { readonly type: "acd-reset"; readonly desks: readonly string[] }
  /** What became of a command: once for each, in its place among what else the driver saw. */
  | { readonly type: "result"; readonly command: LineCommand; readonly result: CommandResult }
  /** The phone is registered at the switch, or is not; `why` is a sentence for the agent where more is known. */
  | {
    readonly type: "phone";
    readonly desk: string;
    readonly registered: boolean;
    readonly contact?: string;
    readonly why?: string;
  };

/** Dials from the handset. */
export interface DialCommand {
  readonly type: "dial";
  readonly desk: string;
  /** The id that the call shall have. Its legs have ids of their own: several phones may ring for one dial. */
  readonly call: string;
  /** The number to dial: `^[0-9*#+]{1,32}$`. */
  readonly number: string;
}

/** What an agent is doing: out, on a break, or available for calls. */
export type AgentMode = "logged-out" | "not-ready" | "ready";

/** Sets an agent's state at the switch's ACD. */
export interface AgentCommand {
  readonly type: "agent";
  readonly desk: string;
  /** The callout that waits for the result; absent when telesetd acts on its own. */
  readonly callout?: string;
  readonly agent: string;
  /** The agent logs in now: what the ACD needs to know of the agent is put there first. */
  readonly login: boolean;
  readonly mode: AgentMode;
  /** The queue of the Login, as UWQ names it. */
  readonly queue?: string;
}

/** What we ask of the line. A command is sent once: never again after a reconnect. */
export type LineCommand = DialCommand | AgentCommand;

/**
 * What became of a command. A dial is `done` when the handset was lifted; `failed`: it was certainly not carried out; `unknown`: the
 * link was lost before the switch reported the outcome, and it may have been carried out.
 */
export type CommandResult =
  | { readonly outcome: "done" }
  | ({ readonly outcome: "failed" } & Failure)
  | { readonly outcome: "unknown"; readonly why: string };

/** The legs that are believed to live, for a driver that looks whether they still do. */
export type KnownLegs = () => readonly { readonly desk: string; readonly leg: string }[];

/** A driver at work. */
export interface Line {
  /**
   * All that happens on the line, results of commands included, in the order in which the driver sees it. Connects and reconnects
   * until the signal is aborted; nothing that happens after that is reported. It may be called once.
   */
  events(signal: AbortSignal, known: KnownLegs): AsyncIterable<LineEvent>;
  /**
   * Carries one command out, once: it is never repeated after a reconnect. Its result is an event; while the link is down that is
   * `failed`. Never throws.
   */
  execute(command: LineCommand): void;
  /**
   * What keeps the driver's own loop from turning, in words, when it does not turn any more although it should; nothing when
   * it does, connected or not. For the watchdog: telesetd is started again. A driver that cannot hang leaves it out.
   */
  stuck?(): string | undefined;
  /**
   * The password that the switch's directory has for a user; nothing when it knows none. Rejects when it cannot be asked.
   * A driver whose switch has no directory leaves it out.
   */
  passwordOf?(user: string): Promise<string | undefined>;
}
