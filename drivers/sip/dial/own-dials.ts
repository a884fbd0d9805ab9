/** The numbers that the box dials for a desk, and which dialogs come of them. */
import type { LegDirection, LegFacts } from "../../../src/core/line.ts";
import { dialledOf, type Report } from "../dialogs/report.ts";

/** What is learned of the far end by other means than the dialogs; `untold`: it is called, and nobody will tell whether it answers. */
export type FarSign = "called" | "answered" | "untold";

interface Dial {
  readonly number: string;
  /** The user that the phone sees as its caller. */
  readonly as: string;
  readonly callIds: readonly string[];
  /** New dialogs may still come of it. */
  readonly open: boolean;
  /** What was told of the far end by other means than the dialogs. */
  readonly signs: Partial<LegFacts>;
}

/** How many dials are remembered. */
const remembered = 16;

/** The dials of one desk, by their calls. */
export class Dials {
  readonly #self: string;
  readonly #dials = new Map<string, Dial>();

  /** @param self the user of the box's own account. */
  constructor(self: string) {
    this.#self = self;
  }

  begin({ call, number, as = this.#self }: { readonly call: string; readonly number: string; readonly as?: string }): void {
    this.#dials.set(call, { number, as, callIds: [], open: true, signs: {} });
    const [oldest] = this.#dials.keys();
    if (this.#dials.size > remembered && oldest !== undefined) this.#dials.delete(oldest);
  }

  ours(call: string, callId: string): void {
    this.#change(call, (dial) => ({ ...dial, callIds: [...dial.callIds, callId] }));
  }

  over(call: string): void {
    this.#change(call, (dial) => ({ ...dial, open: false }));
  }

  /** All that is known of the far end now, as facts. */
  far(call: string, is: FarSign): Partial<LegFacts> {
    const added = {
      farCalled: true,
      ...(is === "answered" ? { farAnswered: true } : {}),
      ...(is === "untold" ? { answerUnreported: true } : {}),
    };
    this.#change(call, (dial) => ({ ...dial, signs: { ...dial.signs, ...added } }));
    return this.#dials.get(call)?.signs ?? {};
  }

  /** The call of which a dialog comes, if it is one of these: by our Call-ID, which a proxy hands on, or by who is at its other end. */
  of(
    callId: string | undefined,
    direction: LegDirection | undefined,
    report: Report,
    hasLeg: (call: string) => boolean,
  ): { readonly call: string; readonly signs: Partial<LegFacts> } | undefined {
    // The last one first: dialogs may still come of the one before, but a new one is rather of the new dial.
    for (const [call, dial] of [...this.#dials].reverse()) {
      const shows = callId !== undefined && dial.callIds.includes(callId);
      if (shows || this.#isOf(dial, direction, report, hasLeg(call))) return { call, signs: dial.signs };
    }
    return undefined;
  }

  /**
   * By our user as its caller (a switch calls the phone for us), or by the number that the phone dials because it was told to (REFER). A phone that rings for nobody rings because we have just dialled. The number as caller is no
   * sign: the customer may call at this moment.
   */
  #isOf(
    { open, as, number }: Dial,
    direction: LegDirection | undefined,
    report: Report,
    hasLeg: boolean,
  ): boolean {
    if (!open || direction === undefined) return false;
    if (direction === "from-desk") return isSameNumber(dialledOf(report), number);
    if (report.other === undefined) return !hasLeg && (report.state === "early" || report.state === "confirmed");
    const caller = report.other.identity.toLowerCase();
    return caller === this.#self.toLowerCase() || caller === as.toLowerCase();
  }

  #change(call: string, change: (dial: Dial) => Dial): void {
    const dial = this.#dials.get(call);
    if (dial) this.#dials.set(call, change(dial));
  }
}

function isSameNumber(one: string | undefined, other: string): boolean {
  const digits = one?.replace(/[^\d*#]/g, "");
  return digits !== undefined && digits !== "" && digits === other.replace(/[^\d*#]/g, "");
}
