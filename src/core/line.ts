/**
 * The line: the phone side of a desk, as any switch can report it. Drivers know this file and nothing else from the core;
 * `crm.ts` is its mirror image towards Oracle. Only `step.ts` knows both.
 */

/** The direction of a leg, seen from the handset: the phone is called, or the phone dials. */
export type LegDirection = "to-desk" | "from-desk";

/** The party at the other end of a leg, as far as the switch reports it. */
export interface Party {
  /** The identity as the switch shows it: a number, words such as `anonymous`, or a contact such as `1002-0x55`. */
  readonly identity: string;
  /** The number with which the party's own leg came in, if a dialplan shows another identity. */
  readonly original?: string;
  /** True if the party's own leg came in from outside (an outside profile or a gateway), false if it came from inside. */
  readonly outside?: boolean;
  /** True if this leg has set up the party's leg: the phone dialled the party, nobody was put through. */
  readonly dialledByLeg?: boolean;
  /** True if the switch has set up the party's leg: the party was called, and did not call in. */
  readonly called?: boolean;
  /** The switch does not report the party, who counts as withheld; `identity` is a word for that. */
  readonly unreported?: true;
  /** The party withholds the number: the CRM never gets it, although the switch may know it. */
  readonly withheld?: boolean;
}

/** Why a leg has ended, or a command has failed. */
export interface Failure {
  /** The cause as the switch names it, for logs and records: `USER_BUSY`. */
  readonly cause: string;
  /** A sentence for the agent: what happened to the phone, and what to do. */
  readonly why: string;
  /** The same sentence if the far end is the cause. */
  readonly far?: string;
  /** The switch had called a far end for this leg, whether it rang or not. */
  readonly calledFar?: true;
  /** On a leg that dialled: the switch does not report whether it has called a far end that has not rung. */
  readonly farUnreported?: true;
  /** The leg has ended because its party was transferred: the call continues elsewhere. */
  readonly transferred?: true;
}

/**
 * The facts that a driver reports about one leg of a handset. They only add up: absent fields carry no information, and a flag
 * (`rings`, `answered`, ...) once true stays true for that leg, so that repeated and late events do no harm.
 */
export interface LegFacts {
  /** The extension of the desk. */
  readonly desk: string;
  /** The id of the leg, unique on the switch; that of its first leg is the id of a call (at most 60 characters). */
  readonly leg: string;
  /** The call of the dial command that has created this leg. */
  readonly call?: string;
  readonly direction?: LegDirection;
  /** The caller, on a leg to the desk. */
  readonly caller?: Party;
  /** The number that the phone dialled, on a leg from the desk. */
  readonly dialled?: string;
  /** The number that the caller dialled to reach this desk, for `screenPop.dnis = dialled`. */
  readonly callerDialled?: string;
  /** The id of the leg at the other end: two legs to one desk with the same far leg are one call. */
  readonly farLeg?: string;
  /** The far leg belongs to the switch itself (loopback) and leads to the party: another leg may replace it. */
  readonly relay?: true;
  /** The party with which the leg is connected now; after a transfer or a pickup it is not the first one. */
  readonly partner?: Party;
  /** The leg comes from a queue of the switch. */
  readonly queue?: boolean;
  /** The phone itself rings. */
  readonly rings?: boolean;
  /** The leg is answered: by the handset, or, on a leg that dialled, by the switch or the far end. */
  readonly answered?: boolean;
  /** The far end is being called: a far leg exists and rings. */
  readonly farCalled?: boolean;
  /** The far end has answered and is connected. */
  readonly farAnswered?: boolean;
  /** The switch has called the far end of a MakeCall, and will not report whether it answers. */
  readonly answerUnreported?: boolean;
  /** The handset has put the leg on hold, or retrieved it. */
  readonly held?: boolean;
  /** The leg has ended. */
  readonly ended?: Failure;
  /** The values of those configured channel variables that are set. */
  readonly data?: Readonly<Record<string, string>>;
}

/**
 * An event of the line. After every connect a driver reports `link-up`, then a `snapshot`, then the events that follow. A
 * switch may answer for one desk and not for another: then `desks` lists the desks that the event is about.
 */
export type LineEvent =
  | { readonly type: "link-up"; readonly to: string; readonly desks?: readonly string[] }
  | { readonly type: "link-down"; readonly why: string; readonly desks?: readonly string[] }
  /** All live legs of these desks; a leg that is not among them has ended. */
  | { readonly type: "snapshot"; readonly desks: readonly string[]; readonly legs: readonly LegFacts[] }
  | { readonly type: "leg"; readonly facts: LegFacts }
  /**
   * A leg for the desk that does not go to its phone: the switch calls another place (follow-me, call forwarding). Reported once;
   * the leg is not the desk's. `farLeg`: the leg that has caused it. `to`: the other place, as the switch names it.
   */
  | {
    readonly type: "leg-elsewhere";
    readonly desk: string;
    readonly leg: string;
    readonly farLeg?: string;
    readonly caller?: Party;
    readonly to?: string;
  }
  /** The switch gave a leg another id. */
  | { readonly type: "leg-renamed"; readonly desk: string; readonly from: string; readonly to: string }
  /** The ACD of the switch has changed the state of an agent, without a command of ours; `why` is a sentence for the agent. */
  | { readonly type: "agent"; readonly desk: string; readonly mode: AgentMode; readonly why: string }
  /** The ACD may have lost the states of agents (the switch or telesetd was restarted): they must be set again. */
  | { readonly type: "acd-reset"; readonly desks: readonly string[] }
  /** The result of a command, once for each, in order among the other events. */
  | { readonly type: "result"; readonly command: LineCommand; readonly result: CommandResult }
  /** The phone is registered at the switch, or is not; `why` is a sentence for the agent, if the reason is known. */
  | {
    readonly type: "phone";
    readonly desk: string;
    readonly registered: boolean;
    readonly contact?: string;
    readonly why?: string;
  };

/** The desk that an event concerns, or the desks; undefined if it concerns all. */
export function desksOf(event: LineEvent): readonly string[] | undefined {
  if (event.type === "leg") return [event.facts.desk];
  if (event.type === "result") return [event.command.desk];
  return "desk" in event ? [event.desk] : event.desks;
}

/** Dials from the handset. */
export interface DialCommand {
  readonly type: "dial";
  readonly desk: string;
  /** The id of the new call. Its legs have their own ids: several phones may ring for one dial. */
  readonly call: string;
  /** The number to dial: `^[0-9*#+]{1,32}$`. */
  readonly number: string;
  /** What the agent has dialled, if a rule has rewritten it: a relay applies its own rules to both. */
  readonly dialled?: string;
}

/** The state of an agent: logged out, on a break, or available for calls. */
export type AgentMode = "logged-out" | "not-ready" | "ready";

/** Sets the state of an agent at the ACD of the switch. */
export interface AgentCommand {
  readonly type: "agent";
  readonly desk: string;
  /** The callout that waits for the result; absent when telesetd acts on its own. */
  readonly callout?: string;
  readonly agent: string;
  /** The agent logs in now: the ACD first gets what it needs to know about the agent. */
  readonly login: boolean;
  readonly mode: AgentMode;
  /** The queue of the Login, as UWQ names it. */
  readonly queue?: string;
}

/** A command to the line. It is sent once, never again after a reconnect. */
export type LineCommand = DialCommand | AgentCommand;

/**
 * The outcome of a command. A dial is `done` when the handset was answered; `failed`: it was certainly not carried out;
 * `unknown`: the link was lost before the switch reported the outcome, and it may have been carried out.
 */
export type CommandResult =
  | { readonly outcome: "done" }
  | ({ readonly outcome: "failed" } & Failure)
  | { readonly outcome: "unknown"; readonly why: string };

/** The end of a leg that the switch no longer knows; how it ended was not seen. */
export const gone: Failure = { cause: "GONE", why: "The switch no longer lists the call." };

/** Returns the legs that are believed to be alive, so that a driver can check them. */
export type KnownLegs = () => readonly { readonly desk: string; readonly leg: string }[];

/**
 * The way from a box to its fleet, on the connection of its line. Messages may be lost: what matters is repeated. All texts are
 * JSON; those that arrive are untrusted.
 */
export interface FleetLink {
  /** Sends the state of a desk, or a view of it, to the relays. Without a connection it is lost. */
  publish(kind: "status" | "view", desk: string, text: string): void;
  /** Takes a pushed configuration, or the request for views, for one of the desks. @returns a function that ends it. */
  follow(kind: "config" | "view", take: (desk: string, text: string) => void): () => void;
  /** Takes the request of a relay that all boxes report. @returns a function that ends it. */
  onAsked(take: (text: string) => void): () => void;
  /** Calls back after each connect, and at once if connected. @returns a function that ends it. */
  onUp(run: () => void): () => void;
}

/** A running driver. */
export interface Line {
  /**
   * Everything that happens on the line, results of commands included, in the order in which the driver sees it. Connects and
   * reconnects until the signal is aborted; nothing that happens after that is reported. It may be called once.
   */
  events(signal: AbortSignal, known: KnownLegs): AsyncIterable<LineEvent>;
  /**
   * Executes one command, once: it is never repeated after a reconnect. Its result is an event; while the link is down that is
   * `failed`. Never throws.
   */
  execute(command: LineCommand): void;
  /**
   * Asks the switch for legs that somebody believes to be alive, and reports each as an event: its facts, or its end (`gone`) if
   * the switch does not know it as a leg of this desk. What cannot be asked now is not reported. A driver whose snapshots list
   * every live leg omits it.
   */
  check?(legs: ReturnType<KnownLegs>): void;
  /**
   * What keeps the driver's own loop from running, as a sentence; undefined while it runs, connected or not. For the watchdog,
   * which restarts telesetd. A driver that cannot hang omits it.
   */
  stuck?(): string | undefined;
  /**
   * The password of a user in the directory of the switch; undefined if there is none. Rejects if the directory cannot be
   * queried. A driver whose switch has no directory omits it.
   */
  passwordOf?(user: string): Promise<string | undefined>;
  /** The way to the box's fleet; a driver that speaks to a switch omits it. */
  readonly fleet?: FleetLink;
}
