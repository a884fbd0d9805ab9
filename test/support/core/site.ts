/** The site for tests of the core: the reference configuration. */
import type { NumberPlan } from "../../../src/core/number.ts";
import type { Policy } from "../../../src/core/policy.ts";

/** Short numbers are internal; a dialled 9 for an outside line is stripped, a caller's leading 9 is not. */
export const plan: NumberPlan = {
  internal: [/^\d{2,5}$/],
  toCrm: [{ match: /^9(\d{4,})$/, replace: "$1", direction: "outbound" }],
  toDial: [],
  deny: [],
  allow: [],
};

/** The default policy with the changes of a test. */
export function policyWith(part: Partial<Policy> = {}): Policy {
  return {
    inbound: "ring",
    outbound: "ring",
    internal: "never",
    data: { CustomerID: "CustomerID", language: "language" },
    dnis: "extension",
    onPartyChange: "keep",
    numbers: plan,
    ...part,
  };
}
