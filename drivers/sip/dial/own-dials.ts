/** The numbers that the box dials for a desk, and the dialogs that result from them. Pure. */
import type { LegDirection, LegFacts } from "../../../src/core/line.ts";
import { dialledOf, type Report } from "../dialogs/report.ts";

/** News of the far end from sources other than the dialogs; `unreported`: it is called, and no answer will be reported. */
export type FarSign = "called" | "answered" | "unreported";

interface OwnDial {
  readonly call: string;
  readonly number: string;
  /** The user that the phone sees as its caller. */
  readonly as: string;
  readonly callIds: readonly string[];
  /** It may still create dialogs. */
  readonly isOpen: boolean;
  /** What was reported of the far end by means other than the dialogs. */
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
  /** The user that the phone sees as its caller, when it is not the box's own. */
  readonly as?: string;
}

export function withDial({ self, dials }: OwnDials, { call, number, as = self }: NewDial): OwnDials {
  const dial: OwnDial = { call, number, as, callIds: [], isOpen: true, signs: {} };
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

/** More is known of the far end of a dial. */
export function withFarSign(dials: OwnDials, call: string, sign: FarSign): OwnDials {
  const added = {
    farCalled: true,
    ...(sign === "answered" ? { farAnswered: true } : {}),
    ...(sign === "unreported" ? { answerUnreported: true } : {}),
  };
  return changed(dials, call, (dial) => ({ ...dial, signs: { ...dial.signs, ...added } }));
}

/** All that is known of the far end of a dial, as facts. */
export function farSignsOf({ dials }: OwnDials, call: string): Partial<LegFacts> {
  return dials.find((dial) => dial.call === call)?.signs ?? {};
}

/** A dialog that may result from a dial. */
export interface Candidate {
  readonly callId: string | undefined;
  readonly direction: LegDirection | undefined;
  readonly report: Report;
}

/** The dial that a dialog belongs to, if any: by our Call-ID, which a proxy passes on, or by the party at its other end. */
export function ownDialOf(
  { self, dials }: OwnDials,
  candidate: Candidate,
  hasLeg: (call: string) => boolean,
): Pick<OwnDial, "call" | "signs"> | undefined {
  const { callId } = candidate;
  return dials.find((dial) =>
    (callId !== undefined && dial.callIds.includes(callId)) || isOf(dial, self, candidate, () => hasLeg(dial.call))
  );
}

/**
 * By our user as its caller (the switch calls the phone for us), or by the number that the phone dials on request (REFER). A
 * phone that rings for an unnamed caller rings because we have just dialled. The number as the caller proves nothing: the
 * customer may call at this moment.
 */
function isOf({ isOpen, as, number }: OwnDial, self: string, { direction, report }: Candidate, hasLeg: () => boolean): boolean {
  if (!isOpen || direction === undefined) return false;
  if (direction === "from-desk") return isSameNumber(dialledOf(report), number);
  if (report.party === undefined) return (report.state === "early" || report.state === "confirmed") && !hasLeg();
  const caller = report.party.identity.toLowerCase();
  return caller === self.toLowerCase() || caller === as.toLowerCase();
}

function changed({ self, dials }: OwnDials, call: string, change: (dial: OwnDial) => OwnDial): OwnDials {
  return { self, dials: dials.map((dial) => dial.call === call ? change(dial) : dial) };
}

function isSameNumber(shown: string | undefined, dialled: string): boolean {
  const digits = shown?.replace(/[^\d*#]/g, "");
  return digits !== undefined && digits !== "" && digits === dialled.replace(/[^\d*#]/g, "");
}
