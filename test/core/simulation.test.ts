/**
 * The core with random inputs: facts of legs in any order, repeated and late, lost links, snapshots of the live legs,
 * two agents who register and unregister, dialling and its results. Whatever happens, the events must make sense: see `Watch`.
 */
import { expect, setDefaultTimeout, test } from "bun:test";
import fc from "fast-check";
import type { PopWhen } from "../../src/core/call.ts";
import { policyWith } from "../support/core/site.ts";
import { type Act, World } from "../support/core/world.ts";

setDefaultTimeout(60_000);

// A backstop: how long many runs of a property take depends on the machine.
const leg = fc.nat(7);
const agent = fc.constantFrom("A", "B");
const act: fc.Arbitrary<Act> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      type: fc.constant("leg" as const),
      leg,
      sign: fc.constantFrom(
        "create",
        "bare",
        "ring",
        "answer",
        "far-called",
        "far-answer",
        "transfer",
        "bridge",
        "relay",
        "hold",
        "end",
      ),
    }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("rename" as const), leg }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("link-down" as const) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("phone" as const), registered: fc.boolean() }) },
  {
    weight: 1,
    arbitrary: fc.record({ type: fc.constant("acd" as const), mode: fc.constantFrom("logged-out", "ready", "reset") }),
  },
  { weight: 2, arbitrary: fc.record({ type: fc.constant("snapshot" as const), gone: fc.array(leg, { maxLength: 3 }) }) },
  { weight: 3, arbitrary: fc.record({ type: fc.constant("register" as const), agent, port: fc.integer({ min: 1, max: 3 }) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("elsewhere" as const), agent, port: fc.integer({ min: 1, max: 3 }) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("unregister" as const), agent }) },
  {
    weight: 1,
    arbitrary: fc.record({ type: fc.constant("agent" as const), agent, name: fc.constantFrom("Login", "Ready", "Logout") }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ type: fc.constant("makecall" as const), agent, number: fc.constantFrom("914155550123", "1002") }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      type: fc.constant("result" as const),
      which: fc.nat(3),
      outcome: fc.constantFrom("done", "failed", "unknown"),
    }),
  },
  { weight: 2, arbitrary: fc.record({ type: fc.constant("wake" as const), after: fc.constantFrom(1, 999, 2000) }) },
);
const when = fc.constantFrom<PopWhen>("ring", "answer", "never");
const policy = fc.record({
  inbound: when,
  outbound: when,
  internal: when,
  onPartyChange: fc.constantFrom("keep" as const, "new" as const),
  acd: fc.record({ driven: fc.boolean(), afterCall: fc.constantFrom("not-ready" as const, "nothing" as const) }),
  dial: fc.record({
    perMinute: fc.constantFrom(1, 100),
    perDay: fc.constantFrom(2, 100),
    whileOnCall: fc.boolean(),
    registeredOnly: fc.boolean(),
  }),
  events: fc.record({ errors: fc.boolean(), telephony: fc.boolean() }),
}).map(policyWith);

test("whatever happens on the line, the events of every call are sent in order, once, to its own agent, and every callout is answered once", () => {
  let sent = 0;
  let dialled = 0;
  fc.assert(
    fc.property(policy, fc.array(act, { maxLength: 80, size: "max" }), (site, acts) => {
      const world = new World(site);
      for (const step of acts) world.act(step);
      world.end();
      sent += world.watch.sent;
      dialled += world.watch.dialled;
    }),
    { numRuns: 1000 },
  );
  // Weather in which nothing happens would prove nothing.
  expect(sent).toBeGreaterThan(1000);
  expect(dialled).toBeGreaterThan(300);
});
