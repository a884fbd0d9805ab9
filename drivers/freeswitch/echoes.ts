/**
 * The events that our own commands to mod_callcenter cause. Each `agent set status` that is carried out fires exactly one
 * agent-status-change (mod_callcenter.c), which does not show who caused it: it may come before the command's answer or, by way
 * of the switch's event queue, long after it, when the agent has been set to another state.
 */
export class Echoes {
  readonly #expected = new Map<string, number>();

  /** A status is about to be set. */
  expect(agent: string, status: string): void {
    this.#add(agent, status, 1);
  }

  /** The switch refused to set it: there will be no event. */
  withdraw(agent: string, status: string): void {
    this.#add(agent, status, -1);
  }

  /** Whether an event is one of ours, which is then no longer expected: the next equal event is a change by others. */
  take(agent: string, status: string): boolean {
    if (!this.#expected.has(key(agent, status))) return false;
    this.#add(agent, status, -1);
    return true;
  }

  #add(agent: string, status: string, more: number): void {
    const count = (this.#expected.get(key(agent, status)) ?? 0) + more;
    if (count > 0) this.#expected.set(key(agent, status), count);
    else this.#expected.delete(key(agent, status));
  }
}

function key(agent: string, status: string): string {
  return `${agent} ${status}`;
}
