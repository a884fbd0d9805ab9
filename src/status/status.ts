/** The state of the daemon, for machines (`/status`) and for people (`telesetd status`). */
import { ago, count } from "../core/count.ts";
import { type Call, kindOf } from "../core/call.ts";
import type { Registration } from "../core/crm.ts";
import { type Desk, dialInProgress } from "../core/desk.ts";
import { lineTrouble } from "../core/step.ts";
import { version } from "../version.ts";
import { imageLines, type ImageState } from "../image/state.ts";
import { omitUndefined } from "../core/omit-undefined.ts";
import { type KnownRefusal, refusalAdvice, type RefusalStatus, refusalStatus, refusalText } from "./refusals.ts";

/** One desk in `/status`, without customers' numbers. */
export interface DeskStatus {
  readonly extension: string;
  /** What is wrong, as a sentence; absent if all is well. */
  readonly trouble?: string;
  readonly switch: "up" | "down";
  /** `assumed`: its calls are watched, but the switch does not report whether it is registered. */
  readonly phone: "registered" | "assumed" | "unregistered" | "unknown";
  readonly contact?: string;
  /** The registered agent, the address of the agent's UWQ, and the time of the last Register. */
  readonly registered?: { readonly agent: string; readonly at: string; readonly since?: string };
  readonly agents: readonly { readonly agent: string; readonly mode: string; readonly why?: string }[];
  readonly calls: readonly { readonly id: string; readonly kind: string; readonly state: string; readonly told: boolean }[];
  /** Why events wait for an agent, and what to do; empty while they are delivered. */
  readonly undelivered?: readonly { readonly agent: string; readonly why: string; readonly advice?: string }[];
  /** Calls that arrived while no agent was registered, so that the CRM got no events; absent if the last one is a day old. */
  readonly unattended?: { readonly calls: number; readonly last: string };
  /** The last number dialled by the CRM, and the outcome. */
  readonly lastDial?: { readonly number: string; readonly outcome: string; readonly at: string };
}

/** Settings pushed over the box's own file. A version is the time of its push, in ms since 1970. */
export interface PushedStatus {
  /** Those in force; absent: none. */
  readonly version?: number;
  /** Those that were refused last, and why, as a sentence. */
  readonly refused?: { readonly version: number; readonly why: string };
}

/** The whole daemon. */
export interface Status {
  readonly version: string;
  /** The fingerprint of the configuration file in force, without pushed settings. */
  readonly config: string;
  readonly upSeconds: number;
  readonly desks: readonly DeskStatus[];
  readonly outbox: { readonly waiting: number; readonly oldestSeconds?: number };
  /** The callouts refused in the last day and not executed since, the newest first. */
  readonly refused: readonly RefusalStatus[];
  /** What is wrong with the store; absent if all is well. */
  readonly storeTrouble?: string;
  /** The settings that the administrator of the fleet has pushed; absent if there never were any. */
  readonly pushed?: PushedStatus;
  /** The image that runs; absent on other machines. */
  readonly image?: ImageState;
}

const aDay = 86_400_000;

/** Makes the status of these desks. Times in ms of the steady clock. */
export function status(
  {
    config,
    upSeconds,
    desks,
    assumed = false,
    unattended = new Map(),
    outbox,
    undelivered,
    refused = [],
    now,
    trouble,
    image,
    pushed,
  }: {
    readonly config: string;
    readonly desks: readonly Desk[];
    /** Phones are only assumed to be registered: see `DriverEntry.assumesRegistered`. */
    readonly assumed?: boolean;
    readonly unattended?: ReadonlyMap<string, { readonly calls: number; readonly last: number }>;
    readonly outbox: { readonly waiting: number; readonly oldest?: number };
    /** Why the events of a desk wait. */
    readonly undelivered?: (desk: string) => NonNullable<DeskStatus["undelivered"]>;
    readonly refused?: readonly KnownRefusal[];
    /** How long the process has run, in seconds. */
    readonly upSeconds: number;
    readonly now: number;
    readonly trouble?: string;
    readonly image?: ImageState;
    readonly pushed?: PushedStatus;
  },
): Status {
  const { waiting, oldest } = outbox;
  return {
    version,
    config,
    upSeconds: Math.round(upSeconds),
    desks: desks.map((desk) => {
      const { calls, last = -Infinity } = unattended.get(desk.extension) ?? {};
      const recent = calls === undefined || now - last > aDay
        ? {}
        : { unattended: { calls, last: new Date(last).toISOString() } };
      return { ...deskStatus(desk, assumed), undelivered: undelivered?.(desk.extension) ?? [], ...recent };
    }),
    outbox: { waiting, ...(oldest === undefined ? {} : { oldestSeconds: Math.round((now - oldest) / 1000) }) },
    refused: refused.map(refusalStatus),
    ...omitUndefined({ storeTrouble: trouble, image, pushed }),
  };
}

function deskStatus(desk: Desk, assumed: boolean): DeskStatus {
  const { extension, line, registration, registeredAt, agents, calls } = desk;
  const trouble = lineTrouble(extension, line);
  const dial = dialInProgress(desk)?.dial;
  const underWay = dial?.lifted ? "calling" : "ringing the handset";
  const last = dial
    ? { number: dial.number, outcome: dial.unsure === undefined ? underWay : `not known: ${dial.unsure}`, at: dial.since }
    : desk.lastDial;
  return {
    extension,
    ...omitUndefined({ trouble }),
    switch: line.link.up ? "up" : "down",
    phone: assumed && line.phone === "registered" ? "assumed" : line.phone,
    ...omitUndefined({ contact: line.contact }),
    ...(registration ? { registered: registered(registration, registeredAt) } : {}),
    agents: agents.map(({ id, mode, why }) => ({ agent: id, mode, ...omitUndefined({ why }) })),
    calls: calls.map((call) => ({
      id: call.id,
      kind: kindOf(call),
      state: stateOf(call),
      told: call.popped,
    })),
    ...(last
      ? { lastDial: { number: `...${last.number.slice(-4)}`, outcome: last.outcome, at: new Date(last.at).toISOString() } }
      : {}),
  };
}

/** If the dial of a call was abandoned, or its outcome may never be reported, only an answer is certain. */
export function stateOf({ origin, answered, answerUnreported, held, rang, dial }: Call): string {
  if (answered || answerUnreported) return held ? "held" : answered ? "answered" : "called";
  if (origin === "makecall" && (!dial || dial.unsure !== undefined)) return "not known";
  return rang ? "ringing" : "new";
}

/** What is wrong, one sentence each, for `telesetd status`; empty if all is well. */
export function troubles({ desks, storeTrouble }: Status): string[] {
  const ofDesks = desks.flatMap(({ extension, trouble }) => (trouble === undefined ? [] : [`desk ${extension}: ${trouble}`]));
  return storeTrouble === undefined ? ofDesks : [...ofDesks, storeText(storeTrouble)];
}

function storeText(trouble: string): string {
  return `store: LOST, events are kept only in memory: ${trouble}`;
}

function registered({ agent, address, port }: Registration, at: number | undefined): NonNullable<DeskStatus["registered"]> {
  return { agent, at: `${address}:${port}`, ...(at === undefined ? {} : { since: new Date(at).toISOString() }) };
}

/** The status as one line for the service manager: `desk 1001: phone registered, switch up, UWQ at 10.1.2.3:5555, 0 waiting`. */
export function statusLine({ desks, outbox, refused, storeTrouble }: Status): string {
  const [first, ...others] = desks;
  const isRefused = refused.some(({ name }) => name === "Register") ? ", a Register was refused" : "";
  const end = `${outbox.waiting} waiting${isRefused}${storeTrouble === undefined ? "" : ", store LOST"}`;
  if (first && others.length === 0) {
    const uwq = first.registered ? `UWQ at ${first.registered.at}` : "UWQ not registered";
    return `desk ${first.extension}: ${short(first.trouble) ?? `phone ${phoneState(first)}, switch up`}, ${uwq}, ${end}`;
  }
  const wrong = desks.filter(({ trouble }) => trouble !== undefined);
  const worst = wrong[0] && `${wrong.length} in trouble (${wrong[0].extension}: ${short(wrong[0].trouble)})`;
  const uwq = `UWQ at ${desks.filter(({ registered }) => registered !== undefined).length}`;
  return `${desks.length} desks: ${worst ?? `phones ${first ? phoneState(first) : "registered"}, switch up`}, ${uwq}, ${end}`;
}

/** The state of a phone without trouble. */
function phoneState({ phone }: DeskStatus): string {
  return phone === "assumed" ? "watched" : "registered";
}

/** The first sentence, without its full stop. */
function short(trouble: string | undefined): string | undefined {
  return trouble?.replace(/\. .*$|\.$/, "");
}

/** The maximum number of refused callouts shown to people. */
const maxShownRefusals = 5;

/** The status for people: the desks, the outbox, the refused callouts; below each trouble what to do. `now`: the wall clock. */
export function statusText(status: Status, now = Date.now()): string {
  const { version, upSeconds, desks, outbox, refused = [], storeTrouble, image, pushed } = status;
  const age = outbox.oldestSeconds === undefined ? "" : `, the oldest for ${outbox.oldestSeconds} s`;
  return [
    `telesetd ${version}, up ${ago(upSeconds * 1000)}`,
    ...(image ? imageLines(image, now) : []),
    ...(pushed ? pushedLines(pushed, now) : []),
    ...desks.flatMap((desk) => deskText(desk, now)),
    `outbox: ${count(outbox.waiting, "event")} waiting${age}`,
    ...(storeTrouble === undefined ? [] : [storeText(storeTrouble), ...next(storeAdvice)]),
    ...refused.slice(0, maxShownRefusals).flatMap((refusal) => [
      refusalText(refusal, now),
      ...next(refusalAdvice(refusal, desks.map(({ extension }) => extension))),
    ]),
  ].join("\n");
}

function pushedLines({ version, refused }: PushedStatus, now: number): string[] {
  const age = (version: number): string => `${ago(now - version)} ago`;
  return [
    ...(version === undefined ? [] : [`fleet: settings pushed ${age(version)} are in force over the configuration file`]),
    ...(refused ? [`fleet: settings pushed ${age(refused.version)} were refused: ${refused.why}`] : []),
  ];
}

function deskText(desk: DeskStatus, now: number): string[] {
  const { extension, trouble, registered, agents, calls, undelivered, unattended, lastDial } = desk;
  return [
    `desk ${extension}: ${trouble ?? `phone ${phoneState(desk)}, switch up`}`,
    ...(trouble === undefined ? [] : next("telesetd doctor finds the hop that fails.")),
    `  UWQ      ${
      registered ? `agent ${registered.agent} at ${registered.at}` : "nobody has registered: have the agent log in to UWQ"
    }`,
    ...(undelivered ?? []).flatMap((trouble) => crmText(trouble, registered?.agent)),
    ...agents.flatMap((agent) => agentText(agent, registered?.agent)),
    ...calls.map(({ id, kind, state, told }) => `  call     ${id} ${kind}, ${state}${told ? "" : ", not sent to the CRM"}`),
    ...(unattended ? [`  missed   ${unattendedText(unattended, now)}`] : []),
    ...(lastDial ? [`  dialled  ${lastDial.number}: ${lastDial.outcome}`] : []),
  ];
}

/** What to do about a lost store. */
export const storeAdvice = "telesetd doctor checks the store and the disk.";

/** What to do when the events for an agent are not delivered. */
export function undeliveredAdvice({ agent, advice }: { readonly agent: string; readonly advice?: string | undefined }): string {
  return advice ?? `Have agent ${agent} log in to UWQ again; if that does not help: telesetd doctor`;
}

/** Why the events for an agent wait, and what to do. */
function crmText(
  { agent, why, advice }: NonNullable<DeskStatus["undelivered"]>[number],
  registered: string | undefined,
): string[] {
  const who = agent === registered ? "" : `agent ${agent}: `;
  return [
    `  CRM      ${who}${why}${/[.?!]$/.test(why) ? "" : "."}`,
    ...next(undeliveredAdvice({ agent, advice })),
  ];
}

/** An agent's state. Of those who are not at the desk only the ones who have not logged out are of interest. */
function agentText({ agent, mode, why }: DeskStatus["agents"][number], registered: string | undefined): string[] {
  const state = `  agent    ${agent} is ${mode}${why === undefined ? "" : `: ${why}`}`;
  if (registered === undefined || registered === agent) return [state];
  return mode === "logged-out" ? [] : [`${state} (not logged out, but agent ${registered} is at the desk)`];
}

/** `1 call arrived while no agent was registered, 40 seconds ago: the CRM got no events.` */
export function unattendedText({ calls, last }: NonNullable<DeskStatus["unattended"]>, now: number): string {
  const when = `${calls > 1 ? "the last one " : ""}${ago(now - Date.parse(last))} ago`;
  return `${count(calls, "call")} arrived while no agent was registered, ${when}: the CRM got no events.`;
}

/** A line with the next step, below a trouble. */
function next(step: string | undefined): string[] {
  return step === undefined ? [] : [`           > ${step}`];
}
