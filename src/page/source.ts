/** What the page shows and changes: functions that the composition root provides. */
import type { LiveCall } from "../status/calls.ts";
import type { Status } from "../status/status.ts";

/** The state of the daemon, and what may be done to it. */
export interface PageSource {
  status(): Status;
  /** The calls in progress. */
  liveCalls(): readonly LiveCall[];
  /** Calls a function after each change of a desk or of the outbox, until the returned function is called. */
  follow(changed: () => void): () => void;
}
