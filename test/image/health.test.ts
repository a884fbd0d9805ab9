/** Which boots count as good. */
import { describe, expect, test } from "bun:test";
import { type DaemonFacts, judge } from "../../src/image/health.ts";

const ready: DaemonFacts = { configured: true, state: "active", activeSince: 40 };

describe("a boot with 300 s:", () => {
  test.each<[string, DaemonFacts, number, string, string]>([
    ["no configuration", { configured: false, state: "inactive" }, 5, "good", "no configuration"],
    ["ready for a minute", ready, 100, "good", "60 s, and /healthz is good"],
    ["ready for less", ready, 99, "wait", "ready for 59 s only"],
    ["starting", { configured: true, state: "activating, start" }, 99, "wait", "it is activating, start"],
    ["not ready in time", { configured: true, state: "failed", reason: "exit code 1" }, 300, "bad", "it is failed (exit code 1)"],
    ["restarted all the time", { ...ready, activeSince: 290 }, 300, "bad", "ready for 10 s only"],
    ["no answer yet", { ...ready, healthTrouble: "/healthz does not answer" }, 200, "wait", "/healthz does not answer"],
    ["never an answer", { ...ready, healthTrouble: "/healthz answers 500" }, 300, "bad", "/healthz answers 500"],
    ["good at the last moment", ready, 300, "good", "/healthz is good"],
  ])("%s", (_, facts, now, verdict, why) => {
    expect(judge(facts, now, 300)).toEqual({ verdict: verdict as "good", why: expect.stringContaining(why) });
  });
});
