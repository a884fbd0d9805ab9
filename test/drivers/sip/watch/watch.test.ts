/** How long a phone counts as not registered: no event reports when it is back. */
import { expect, test } from "bun:test";
import type { LineEvent } from "../../../../src/core/line.ts";
import { sipConfig } from "../../../../drivers/sip/config.ts";
import { fullStateWithin } from "../../../../drivers/sip/dialogs/step.ts";
import { DialogTracker } from "../../../../drivers/sip/dialogs/tracker.ts";
import { accountOf } from "../../../../drivers/sip/wire/request.ts";
import type { Stack } from "../../../../drivers/sip/wire/stack.ts";
import { missingFor, Watch } from "../../../../drivers/sip/watch/watch.ts";
import { dialog, end, info } from "../../../support/sip/documents.ts";
import { listeningLog } from "../../../support/sip/peer.ts";
import { FakeTimers } from "../../../support/timers.ts";

/** A watch that asks nobody, of a phone that rings for a dial and for a customer, and what it reported of the registration. */
function quietWatch() {
  const registered: boolean[] = [];
  const timers = new FakeTimers();
  const tracker = new DialogTracker({ desk: "1001", users: ["1001"], self: "1009", seed: "test" });
  tracker.take({ type: "connected", known: [] }, 0);
  tracker.take({ type: "dial", dial: { call: "m1", number: "14155550999" } }, 0);
  const ours = dialog("d1", "early", { callId: "c1", remote: end("sip:1009@pbx") });
  const customers = dialog("d2", "early", { callId: "c2", remote: end("sip:14155550123@pbx") });
  tracker.take({ type: "document", info: info(0, "full", ours, customers), envelope: {} }, 0);
  // The customer's call is in question.
  tracker.take({ type: "document", info: info(1, "full", ours), envelope: {} }, 0);
  const watch = new Watch({
    stack: {} as Stack,
    config: sipConfig.parse({ driver: "sip", domain: "pbx", user: "1009", password: "s3cret" }),
    account: accountOf(sipConfig.parse({ driver: "sip", domain: "pbx", user: "1009", password: "s3cret" })),
    about: { extension: "1001", at: "pbx", user: "1009" },
    tracker,
    known: () => [],
    log: listeningLog().log,
    timers,
    report: (event: LineEvent) => event.type === "phone" && registered.push(event.registered),
  });
  return { watch, registered, timers };
}

test("a phone that a dial has shown not to be registered counts as missing for a minute", () => {
  const { watch, registered, timers } = quietWatch();
  watch.unregistered();
  timers.advance(missingFor - 1);
  expect(registered).toEqual([false]);
  timers.advance(1);
  expect(registered).toEqual([false, true]);
});

test("counted from the last dial that has shown it", () => {
  const { watch, registered, timers } = quietWatch();
  watch.unregistered();
  timers.advance(missingFor - 1);
  watch.unregistered();
  timers.advance(missingFor - 1);
  expect(registered).toEqual([false, false]);
  timers.advance(1);
  expect(registered).toEqual([false, false, true]);
});

test("the end of a call does not mean that it is back", () => {
  const { watch, registered, timers } = quietWatch();
  watch.far("m1", "called");
  watch.unregistered();
  timers.advance(fullStateWithin);
  expect(registered).toEqual([true, false]);
});

test("what is heard of it ends that, and nothing more is reported", () => {
  const { watch, registered, timers } = quietWatch();
  watch.far("m1", "called");
  watch.unregistered();
  watch.far("m1", "answered");
  timers.advance(missingFor);
  expect(registered).toEqual([true, false, true]);
});

test("it comes back once for a question, however much happens meanwhile", () => {
  const { watch, timers } = quietWatch();
  watch.far("m1", "called");
  watch.far("m1", "answered");
  expect(timers.pending).toEqual([fullStateWithin]);
});
