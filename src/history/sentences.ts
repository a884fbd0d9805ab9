/** The sentences of the history of calls: one for each reason, moment and disposition. They are made here and nowhere else. */
import type { Moment } from "../core/call.ts";
import type { Disposition } from "../core/disposition.ts";
import { quoted } from "../core/number.ts";
import type { Reason } from "../core/reason.ts";

/** Why the CRM did not get these events of a call, or not yet. */
export type DeliveryReason =
  | { readonly code: "not-delivered" | "waiting"; readonly events: readonly string[]; readonly why: string }
  /** They were discarded, because their agent has unregistered. */
  | { readonly code: "agent-unregistered"; readonly events: readonly string[]; readonly agent: string; readonly desk: string }
  /** They wait, because another agent has registered at the address of their agent. */
  | { readonly code: "address-taken"; readonly events: readonly string[]; readonly agent: string }
  /** Its events are older than those that are kept on record. */
  | { readonly code: "no-longer-on-record" };

/** Why the CRM got nothing of a call, or less than usual. */
export type AnyReason = Reason | DeliveryReason;

type Sentences = { readonly [R in AnyReason as R["code"]]: (reason: R, cause: string) => string };

const noNumber = "occtANI is empty";

/** By code; `cause`: why the call has ended, in brackets, as the switch names it. */
export const reasonSentences: Sentences = {
  "internal-number": ({ number, pattern }) => `Internal call: ${number} matches numbers.internal (${pattern}).`,
  "feature-code": ({ number }) => `Internal call: ${number} is a feature code, because it starts with * or #.`,
  name: ({ identity }) => `Internal call: the identity ${quoted(identity)} is not a number.`,
  "withheld-inside": () => "The number is withheld, and nothing shows that the caller is from outside.",
  "unknown-party": () => "The switch has not reported who the other party is.",
  "dialled-unreported": () =>
    "The phone system did not report the number that the phone has dialled, or whose call it has picked up.",
  never: ({ kind }) => `screenPop.${kind} is never.`,
  "not-answered": ({ kind }) => `screenPop.${kind} is answer, and the call was not answered.`,
  "phone-never-rang": (_, cause) => `The phone never rang${cause}.`,
  "redirected-by-phone": () => "The phone has forwarded the call to another place, and never rang.",
  "forwarded-by-switch": ({ to }) =>
    `The call was forwarded elsewhere${to === undefined ? "" : `, to ${to}`}: the phone never rang.`,
  "handset-never-rang": (_, cause) => `MakeCall: the phone never rang${cause}.`,
  "handset-not-answered": (_, cause) => `MakeCall: the phone rang, and nobody answered it${cause}.`,
  "nobody-called": (_, cause) => `The switch called nobody for this number${cause}: is the number wrong?`,
  "number-never-rang": (_, cause) => `The number never rang${cause}: is it busy or wrong?`,
  "far-end-never-rang": (_, cause) => `The number was called, and never rang${cause}.`,
  "dial-unknown": ({ why }) => `${why}: it is not known whether the number was dialled.`,
  "end-not-seen": () => "The call ended while the switch was not connected; nothing had rung before.",
  "nobody-registered": ({ desk }) => `Nobody was registered at desk ${desk} when the call began.`,
  withheld: () => `The number is withheld: ${noNumber}.`,
  "caller-unreported": () => `The phone system did not report who calls: ${noNumber}.`,
  "no-number": ({ identity }) => `The identity ${quoted(identity)} is not a number: ${noNumber}.`,
  "number-too-long": ({ digits, most }) => `The number has ${digits} digits, and the CRM takes at most ${most}: ${noNumber}.`,
  "number-is-zero": () => `Only zeros are left of the number, which would match everybody: ${noNumber}.`,
  "internal-number-hidden": () => `Internal calls carry no number: ${noNumber}.`,
  "answer-unreported": () => "This phone system does not report whether the number answers: CallEstablished is not sent.",
  "not-delivered": ({ events, why }) => `The CRM did not get ${listed(events)}: ${why}.`,
  waiting: ({ events, why }) => `Not delivered yet: ${events.join(", ")}: ${why}.`,
  "agent-unregistered": ({ events, agent, desk }) =>
    `Agent ${agent} has unregistered from desk ${desk}: the CRM did not get ${listed(events)}.`,
  "address-taken": ({ events, agent }) =>
    `Another agent has registered at the address of agent ${agent}, who must log in to UWQ again. Not delivered yet: ${
      events.join(", ")
    }.`,
  "no-longer-on-record": () => "Its events are no longer on record (store.keepRecords).",
};

/** `the ScreenPop, the CallEstablished and the CallReleased` */
function listed(events: readonly string[]): string {
  const [last = "", ...before] = events.map((event) => `the ${event}`).reverse();
  return before.length === 0 ? last : `${before.reverse().join(", ")} and ${last}`;
}

/** The sentence for a reason. `cause`: why the call has ended, as the switch names it. */
export function reasonText<R extends AnyReason>(reason: R, cause?: string): string {
  const sentence = reasonSentences[reason.code as R["code"]] as (reason: R, cause: string) => string;
  return sentence(reason, cause === undefined ? "" : ` (${cause})`);
}

/** What happened, as the end of `09:41:07 ...`. */
export function momentText(moment: Moment): string {
  switch (moment.what) {
    case "party":
      return `another party: ${moment.identity || "withheld"}${moment.outside ? "" : ", internal"}`;
    case "leg-ended":
      return `one of the phones stopped (${moment.cause})`;
    case "ended":
    case "transferred":
      return `${moment.what} (${moment.cause})`;
    case "found":
      return "found after a connect to the switch: its beginning was not seen";
    case "phone-rang":
      return "the phone rang";
    case "lifted":
      return "the phone was answered";
    default:
      return moment.what;
  }
}

/** How a call has ended, in a word or two. */
export const dispositionTexts: Readonly<Record<Disposition, string>> = {
  answered: "answered",
  no_answer: "not answered",
  abandoned: "abandoned",
  elsewhere: "taken elsewhere",
  rejected: "rejected",
  busy: "busy",
  unknown: "outcome unknown",
  failed: "failed",
};
