/** Whether the phones are registered, as the switch shows their endpoints. A desk has one, and perhaps others by its aliases. */
import type { LineEvent } from "../../src/core/line.ts";

/** What is shown of an endpoint. */
export interface EndpointState {
  readonly desk: string;
  readonly endpoint: string;
  /** `online`, `offline`, anything else if it is not known; `missing`: the switch does not have the endpoint. */
  readonly state: string;
}

/** The phones of one connection. */
export class Phones {
  readonly #technology: string;
  readonly #report: (event: LineEvent) => void;
  readonly #states = new Map<string, Map<string, string>>();
  /** What was reported last. */
  readonly #reported = new Map<string, string>();

  constructor(technology: string, report: (event: LineEvent) => void) {
    this.#technology = technology;
    this.#report = report;
  }

  /** Notes the state of an endpoint. */
  note({ desk, endpoint, state }: EndpointState): void {
    const states = this.#states.get(desk) ?? new Map<string, string>();
    this.#states.set(desk, states.set(endpoint, state));
    const all = [...states.values()];
    if (all.includes("online")) this.#changed(desk, true);
    else if (all.every((state) => state === "missing")) {
      const [name = desk] = states.keys();
      const advice = "ask the administrator, who can compare desks[].extension and line.technology with the switch.";
      this.#changed(desk, false, `The switch has no endpoint ${this.#technology}/${name}: ${advice}`);
    } else if (all.every((state) => state === "offline" || state === "missing")) {
      const why = `Phone ${desk} is not registered, or does not answer the switch: check its cable and power.`;
      this.#changed(desk, false, why);
    }
  }

  /** A MakeCall could not ring the phone because it is not registered. */
  onUnregistered(desk: string): void {
    for (const endpoint of this.#states.get(desk)?.keys() ?? []) this.#states.get(desk)?.set(endpoint, "offline");
    this.#changed(desk, false, `Phone ${desk} is not registered: check its cable and power.`);
  }

  /** Whether the phone is known not to be registered. */
  isUnregistered(desk: string): boolean {
    return this.#reported.get(desk)?.startsWith("false") === true;
  }

  /** The phone rings, or has dialled. */
  onReached(desk: string): void {
    if (this.#reported.get(desk)?.startsWith("false")) this.#changed(desk, true);
  }

  #changed(desk: string, registered: boolean, why?: string): void {
    const text = `${registered} ${why ?? ""}`;
    if (this.#reported.get(desk) === text) return;
    this.#reported.set(desk, text);
    this.#report({ type: "phone", desk, registered, ...(why === undefined ? {} : { why }) });
  }
}
