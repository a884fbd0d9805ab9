/** The numbers that the box dials for a desk, and the dialogs that result from them. Pure. */
import type { LegFacts } from "../../../src/core/line.ts";
import { dialledOf, directionOf, type Report } from "./report.ts";

/** News of the far end from sources other than the dialogs; `unreported`: it is called, and no answer will be reported. */
export type FarSign = "called" | "answered" | "unreported";

interface OwnDial {
  readonly call: string;
  readonly number: string;
  readonly callIds: readonly string[];
  /** It may still create dialogs. */
  readonly isOpen: boolean;
  /** What was reported about the far end by means other than the dialogs. */
  readonly signs: Partial<LegFacts>;
}

/** The dials of one desk. */
export interface OwnDials {
  /** The user of the box's own account. */
  readonly self: string;
  /** The newest first: an older dial may still create dialogs, but a new dialog more likely belongs to the newest. */
  readonly dials: readonly OwnDial[];
}

/** The number of dials that are remembered. */
const maxDials = 16;

/** A dial that starts. */
export interface NewDial {
  readonly call: string;
  readonly number: string;
}

export function withDial({ self, dials }: OwnDials, { call, number }: NewDial): OwnDials {
  const dial: OwnDial = { call, number, callIds: [], isOpen: true, signs: {} };
  return { self, dials: [dial, ...dials.filter((older) => older.call !== call)].slice(0, maxDials) };
}

/** The box has sent an INVITE of this Call-ID for a dial. */
export function withCallId(dials: OwnDials, call: string, callId: string): OwnDials {
  return changed(dials, call, (dial) => ({ ...dial, callIds: [...dial.callIds, callId] }));
}

/** A dial creates no further dialogs. */
export function withDialOver(dials: OwnDials, call: string): OwnDials {
  return changed(dials, call, (dial) => ({ ...dial, isOpen: false }));
}

/** More is known about the far end of a dial. */
export function withFarSign(dials: OwnDials, call: string, sign: FarSign): OwnDials {
  const more = { called: {}, answered: { farAnswered: true }, unreported: { answerUnreported: true } }[sign];
  return changed(dials, call, (dial) => ({ ...dial, signs: { ...dial.signs, farCalled: true, ...more } }));
}

/** All that is known about the far end of a dial, as facts. */
export function farSignsOf({ dials }: OwnDials, call: string): Partial<LegFacts> {
  return dials.find((dial) => dial.call === call)?.signs ?? {};
}

/**
 * The dial that a dialog belongs to, if any: by our Call-ID, which a proxy passes on, or by the party at its other end.
 * @param hasLeg whether a dial has a live leg already.
 */
export function ownDialOf(
  { self, dials }: OwnDials,
  callId: string | undefined,
  report: Report,
  hasLeg: (call: string) => boolean,
): Pick<OwnDial, "call" | "signs"> | undefined {
  return dials.find((dial) =>
    (callId !== undefined && dial.callIds.includes(callId)) || isOf(dial, self, report, () => hasLeg(dial.call))
  );
}

/**
 * By our user as its caller (the switch calls the phone for us), or by the number that the phone dials on request (REFER). A
 * phone that rings for an unnamed caller rings because we have just dialled. The number as the caller proves nothing: the
 * customer may call at this moment.
 */
function isOf({ isOpen, number }: OwnDial, self: string, report: Report, hasLeg: () => boolean): boolean {
  const direction = directionOf(report);
  if (!isOpen || direction === undefined) return false;
  if (direction === "from-desk") return isSameNumber(dialledOf(report), number);
  if (report.party === undefined) return (report.state === "early" || report.state === "confirmed") && !hasLeg();
  return report.party.identity.toLowerCase() === self.toLowerCase();
}

function changed({ self, dials }: OwnDials, call: string, change: (dial: OwnDial) => OwnDial): OwnDials {
  return { self, dials: dials.map((dial) => dial.call === call ? change(dial) : dial) };
}

function isSameNumber(shown: string | undefined, dialled: string): boolean {
  const digits = shown?.replace(/[^\d*#]/g, "");
  return digits !== undefined && digits !== "" && digits === dialled.replace(/[^\d*#]/g, "");
}
