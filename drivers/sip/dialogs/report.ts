/** Adds a report of a dialog to the facts of its leg. Pure; facts only add up (core/line.ts). */
import { omitUndefined } from "../../../src/core/omit-undefined.ts";
import type { LegDirection, LegFacts, Party } from "../../../src/core/line.ts";
import { identify } from "../../../src/core/number.ts";
import type { Dialog, Participant } from "./dialog-info.ts";
import { partyOf } from "./party.ts";

/** A report as seen from the desk: with the direction reversed if the notifier reports from the other end. */
export interface Report {
  readonly state: Dialog["state"];
  readonly direction?: LegDirection;
  /** The far end; absent if the report does not name it, or names the desk itself. */
  readonly party?: Party;
  /** The report names the desk, as either end: its notifier knows who talks to whom, or should. */
  readonly namesDesk: boolean;
  /** Whether the desk's phone plays the call's sound (RFC 5359, `+sip.rendering`): not while it holds it. */
  readonly rendering?: boolean;
}

/** What is remembered of a dialog besides the facts. */
export interface Past {
  readonly facts: LegFacts;
  /** The far end as named last. */
  readonly party?: Party;
  /** The number of reports sent because something happened, not as an answer. */
  readonly reports: number;
}

/** Reads a dialog from the desk's side. @param isDesk whether an end is the desk's own phone. */
export function reportOf(dialog: Dialog, isDesk: (end: Participant | undefined) => boolean): Report {
  const isRemoteDesk = isDesk(dialog.remote);
  const turned = isRemoteDesk && dialog.local?.identity !== undefined && !isDesk(dialog.local);
  const far = turned ? dialog.local : dialog.remote;
  const own = turned ? dialog.remote : dialog.local;
  const recipient = dialog.direction === undefined ? undefined : (dialog.direction === "recipient") !== turned;
  // A switch that does not know who calls may write the called phone itself.
  const party = isRemoteDesk && !turned ? undefined : partyOf(far);
  // RFC 3840, section 9: the plus belongs to the name in a Contact, and some omit it.
  const rendering = (own?.params["+sip.rendering"] ?? own?.params["sip.rendering"])?.toLowerCase();
  return {
    state: dialog.state,
    namesDesk: isRemoteDesk || own?.identity !== undefined,
    ...(recipient === undefined ? {} : { direction: recipient ? "to-desk" : "from-desk" }),
    ...omitUndefined({ party }),
    ...(rendering === "no" || rendering === "yes" ? { rendering: rendering === "yes" } : {}),
  };
}

/**
 * The direction of a leg. A notifier that omits it (Asterisk's chan_sip) rings with `early` and shows a phone that
 * dials as `confirmed` from the start.
 */
export function directionOf({ state, direction }: Report): LegDirection | undefined {
  return direction ?? (state === "early" ? "to-desk" : state === "confirmed" ? "from-desk" : undefined);
}

/**
 * The dialled number, if the far end of a call that the phone dialled is a number. A name or a withheld party is not a number.
 */
export function dialledOf({ party }: Report): string | undefined {
  if (party === undefined || party.outside) return undefined;
  return /^[*#]/.test(party.identity) || identify(party.identity).kind === "number" ? party.identity : undefined;
}

/** How a report is to be read. */
export interface ReadingMode {
  /**
   * The notifier says `confirmed` as soon as the phone dials and again when the far end answers, and `early` of a call that is
   * held (FreeSWITCH, sofia_presence.c).
   */
  readonly isLoose: boolean;
  /** The switch sent the report because something happened, not because it was asked. */
  readonly counts: boolean;
}

/** The facts with what a report adds. */
export function grown(past: Past, report: Report, how: ReadingMode): LegFacts {
  const direction = past.facts.direction ?? directionOf(report);
  if (direction === undefined) return past.facts;
  const signs = direction === "to-desk" ? calledSigns(past, report, how) : diallingSigns(past, report, how);
  const facts = { ...past.facts, direction, ...signs };
  return { ...facts, ...(facts.call === undefined ? partiesOf(past, report, facts) : {}), ...heldOf(report, facts, how) };
}

/** RFC 4235, section 3.7.1: `early` is a phone that has sent 180. A silent one does not necessarily have the call on hold. */
function calledSigns({ facts }: Past, { state, rendering }: Report, { isLoose }: ReadingMode): Partial<LegFacts> {
  if (state === "confirmed" || (isLoose && rendering === false)) return { answered: true };
  return state === "early" && facts.answered !== true ? { rings: true } : {};
}

/** A provisional response without a tag (`proceeding`) may be the switch's own 100: nobody has been called yet. */
function diallingSigns({ reports, facts, party }: Past, report: Report, { isLoose, counts }: ReadingMode): Partial<LegFacts> {
  if (report.state === "early") return { farCalled: true };
  if (report.state !== "confirmed") return {};
  // A dialplan that sends the call elsewhere causes a new report too, with another number: that is not an answer.
  const rerouted = report.party !== undefined && party !== undefined && report.party.identity !== party.identity;
  if (isLoose && facts.farAnswered !== true && (!counts || reports === 0 || rerouted)) return { farCalled: true };
  return { answered: true, farCalled: true, farAnswered: true };
}

function partiesOf(past: Past, report: Report, { direction }: LegFacts): Partial<LegFacts> {
  const { party } = report;
  const settled = past.facts.answered === true;
  if (direction === "from-desk") {
    const dialled = past.facts.dialled ?? dialledOf(report);
    return { ...omitUndefined({ dialled }), ...(settled ? partnerOf(past, report, dialled) : {}) };
  }
  if (settled) return partnerOf(past, report, undefined);
  return omitUndefined({ caller: party ?? past.facts.caller });
}

/**
 * Another party is at the other end of an answered call: put through, or picked up with a feature code. The party that the
 * phone dialled may answer under another number, and is still the dialled one. A caller who was not named before is a partner,
 * too.
 */
function partnerOf({ facts, party: before }: Past, { party, state }: Report, dialled: string | undefined): Partial<LegFacts> {
  if (state !== "confirmed" || party === undefined || party.identity === before?.identity) return {};
  if (before === undefined && facts.direction === "from-desk") return {};
  return { partner: dialled === undefined || /^[*#]/.test(dialled) ? party : { ...party, dialledByLeg: true } };
}

function heldOf({ state, rendering }: Report, { held }: LegFacts, { isLoose }: ReadingMode): Partial<LegFacts> {
  if (rendering === false && (isLoose || state === "confirmed")) return { held: true };
  return held === true && state === "confirmed" ? { held: false } : {};
}
