/** What the page shows and changes: functions that the composition root and the commands provide. */
import type { CallHistory } from "../history/calls.ts";
import type { Setting } from "../config/settings.ts";
import type { LogEntry } from "../log/log.ts";
import type { Hour } from "../metrics/hours.ts";
import type { OutboxDesk } from "../outbox/admin.ts";
import type { RecordedDial } from "../outbox/record.ts";
import type { LiveCall } from "../status/calls.ts";
import type { Status } from "../status/status.ts";

/** The state of the daemon, and what may be done to it. */
export interface PageSource {
  status(): Status;
  /** The calls in progress. */
  liveCalls(): readonly LiveCall[];
  readonly calls: Pick<CallHistory, "pages" | "find">;
  readonly outbox: Pick<OutboxDesk, "pages" | "retry" | "retryAll" | "drop">;
  /** The recorded dials, page by page, newest first. */
  dials(): Iterable<readonly RecordedDial[]>;
  /** The last 24 hours, the oldest first. */
  hours(): readonly Hour[];
  /** The configuration in force, without secrets. */
  readonly settings: readonly Setting[];
  /** Calls a function after each change of a desk or of the outbox, until the returned function is called. */
  follow(changed: () => void): () => void;
  /** Passes every entry of the log to `take`, until the returned function is called; absent if that is not possible. */
  readonly followLog?: ((take: (entry: LogEntry) => void) => () => void) | undefined;
  readonly tools?: PageTools | undefined;
}

/** What the commands can do for the page; absent in a rehearsal. */
export interface PageTools {
  /** What happens to a number, a line each (`telesetd explain`), and the rules that apply: `numbers.toCrm[0]`. */
  explain(number: string): { readonly lines: readonly string[]; readonly rules: readonly string[] };
  /** Checks every hop, each as soon as it is known (`telesetd doctor`). */
  doctor(): AsyncIterable<DoctorHop>;
  /** The message of a wire that an entry of the log contains; undefined if it contains none. */
  wireMessage(entry: LogEntry): WireMessage | undefined;
  /** The requests that the image takes; absent on other machines. */
  readonly image?: ImageTool | undefined;
}

/** What can be requested of the image. */
export interface ImageTool {
  /** Whether there is a server of updates. */
  readonly hasUpdates: boolean;
  /** Requests an update, or a return to the version before with a restart. @returns why not, as a sentence; undefined if done. */
  request(what: "update" | "rollback"): string | undefined;
}

/** A hop of the doctor. */
export interface DoctorHop {
  readonly name: string;
  readonly verdict: "good" | "warning" | "failed" | "skipped";
  readonly message: string;
  readonly advice?: string;
  readonly details?: readonly string[];
  /** How long it took, in ms. */
  readonly ms: number;
}

/** A message on one of the wires. */
export interface WireMessage {
  /** The side: the switch, or UWQ. */
  readonly wire: "switch" | "crm";
  readonly to: "telesetd" | "peer";
  /** The message in one line. */
  readonly short: string;
  /** All of it. */
  readonly whole: string;
}
