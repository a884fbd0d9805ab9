/** Any facts, for property tests of what a relay sends. */
import fc from "fast-check";
import type { WireFacts } from "../../src/broker/facts.ts";
import type { FeedEvent } from "../../src/broker/messages.ts";
import type { Failure, Party } from "../../src/core/line.ts";

const flag = fc.boolean();
const yes = fc.constant(true as const);
const text = fc.string({ maxLength: 20 });
const id = fc.stringMatching(/^[a-z0-9-]{1,20}$/);

const party: fc.Arbitrary<Party> = fc.record(
  { identity: text, original: text, outside: flag, dialledByLeg: flag, called: flag, unreported: yes, withheld: flag },
  { requiredKeys: ["identity"] },
);

const failure: fc.Arbitrary<Failure> = fc.record(
  { cause: text, why: text, far: text, calledFar: yes, farUnreported: yes, transferred: yes },
  { requiredKeys: ["cause", "why"] },
);

/** The facts of a leg. */
export const anyFacts: fc.Arbitrary<WireFacts> = fc.record(
  {
    leg: id,
    call: id,
    direction: fc.constantFrom("to-desk" as const, "from-desk" as const),
    caller: party,
    dialled: text,
    callerDialled: text,
    farLeg: text,
    relay: yes,
    partner: party,
    queue: flag,
    rings: flag,
    answered: flag,
    farCalled: flag,
    farAnswered: flag,
    answerUnreported: flag,
    held: flag,
    ended: failure,
    data: fc.dictionary(fc.stringMatching(/^[a-z]{1,5}$/), text, { maxKeys: 3 }),
  },
  { requiredKeys: ["leg"] },
);

/** An event of a desk's feed. */
export const anyEvent: fc.Arbitrary<FeedEvent> = fc.oneof(
  fc.record({ type: fc.constant("link-up" as const), to: text, legs: fc.array(anyFacts, { maxLength: 3 }) }),
  fc.record({ type: fc.constant("link-down" as const), why: text }),
  fc.record({ type: fc.constant("snapshot" as const), legs: fc.array(anyFacts, { maxLength: 3 }) }),
  fc.record({ type: fc.constant("leg" as const), facts: anyFacts }),
  fc.record({ type: fc.constant("leg-elsewhere" as const), leg: id, farLeg: text, caller: party, to: text }, {
    requiredKeys: ["type", "leg"],
  }),
  fc.record({ type: fc.constant("leg-renamed" as const), from: id, to: id }),
  fc.record({
    type: fc.constant("agent" as const),
    mode: fc.constantFrom("logged-out" as const, "ready" as const, "not-ready" as const),
    why: text,
  }),
  fc.constant({ type: "acd-reset" as const }),
  fc.record({ type: fc.constant("phone" as const), registered: flag, contact: text, why: text }, {
    requiredKeys: ["type", "registered"],
  }),
  fc.record({
    type: fc.constant("result" as const),
    id,
    result: fc.oneof(
      fc.constant({ outcome: "done" as const }),
      failure.map((why) => ({ outcome: "failed" as const, ...why })),
      text.map((why) => ({ outcome: "unknown" as const, why })),
    ),
  }),
);
