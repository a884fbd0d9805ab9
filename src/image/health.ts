/** Whether a boot counts as good. The switch and UWQ do not matter: an unreachable switch must not roll boxes back. */

/** What is known about the daemon. */
export interface DaemonFacts {
  /** Whether there is a configuration. */
  readonly configured: boolean;
  /** systemd's ActiveState of telesetd.service. */
  readonly state: string;
  /** Since when it has been active, in seconds since the start of the machine; undefined if it is not. */
  readonly activeSince?: number;
  /** The last reason that systemd or the daemon gave. */
  readonly reason?: string;
  /** Why /healthz does not answer well; undefined if it does. */
  readonly healthTrouble?: string;
}

/** The judgement at one moment. */
export type Judgement =
  | { readonly verdict: "good"; readonly why: string }
  | { readonly verdict: "wait" | "bad"; readonly why: string };

/** How long the daemon must have been ready, in seconds. */
export const readySeconds = 60;

/**
 * Judges the boot. Times in seconds since the start of the machine.
 * @param deadline when a boot that is not good yet is a bad one.
 */
export function judge(facts: DaemonFacts, now: number, deadline: number): Judgement {
  const { configured, state, activeSince, reason, healthTrouble } = facts;
  if (!configured) return { verdict: "good", why: "There is no configuration, so there is nothing to wait for." };
  const later = (why: string): Judgement => ({ verdict: now >= deadline ? "bad" : "wait", why });
  if (state !== "active" || activeSince === undefined) {
    return later(`telesetd did not become ready: it is ${state}${reason === undefined ? "" : ` (${reason})`}.`);
  }
  const ready = now - activeSince;
  if (ready < readySeconds) {
    return later(`telesetd has been ready for ${Math.floor(ready)} s only: expected ${readySeconds} s without a restart.`);
  }
  if (healthTrouble !== undefined) return later(`telesetd is ready, but ${healthTrouble}.`);
  return { verdict: "good", why: `telesetd has been ready for ${readySeconds} s, and /healthz is good.` };
}
