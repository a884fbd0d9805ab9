/** How long a phone counts as not registered: no event reports when it is back. */
import { expect, test } from "bun:test";
import { parse } from "valibot";
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

/**
 * A watch that sends nothing, of a phone that rings for a dial and for a customer; and the registrations and ends it reported.
 */
function quietWatch() {
  const registered: boolean[] = [];
  const ended: string[] = [];
  const timers = new FakeTimers();
  const tracker = new DialogTracker({ desk: "1001", users: ["1001"], self: "1009", seed: "test" });
  tracker.take({ type: "connected", known: [] }, 0);
  tracker.take({ type: "dial", dial: { call: "m1", number: "14155550999" } }, 0);
  const envelope = { userAgent: "FreeSWITCH" };
  const ours = dialog("d1", "early", { remote: end("sip:1009@pbx") });
  const customers = dialog("d2", "early", { remote: end("sip:14155550123@pbx") });
  tracker.take({ type: "document", info: info(0, "full", ours, customers), envelope }, 0);
  // The customer's call is in question.
  tracker.take({ type: "document", info: info(1, "full", customers), envelope }, 0);
  const watch = new Watch({
    stack: { timers, send: () => {} } as unknown as Stack,
    config: parse(sipConfig, { driver: "sip", domain: "pbx", user: "1009", password: "s3cret" }),
    account: accountOf(parse(sipConfig, { driver: "sip", domain: "pbx", user: "1009", password: "s3cret" })),
    about: { extension: "1001", at: "pbx", user: "1009" },
    tracker,
    known: () => [],
    log: listeningLog().log,
    timers,
    report: (event: LineEvent) => {
      if (event.type === "phone") registered.push(event.registered);
      if (event.type === "leg" && event.facts.ended) ended.push(event.facts.leg);
    },
  });
  watch.far("m1", "called");
  return { watch, registered, ended, timers };
}

test("a phone that a dial has shown not to be registered counts as missing for a minute", () => {
  const { watch, registered, timers } = quietWatch();
  watch.unregistered();
  timers.advance(missingFor - 1);
  expect(registered).toEqual([true, false]);
  timers.advance(1);
  expect(registered).toEqual([true, false, true]);
});

test("counted from the last dial that has shown it", () => {
  const { watch, registered, timers } = quietWatch();
  watch.unregistered();
  timers.advance(missingFor - 1);
  watch.unregistered();
  timers.advance(missingFor - 1);
  expect(registered).toEqual([true, false, false]);
  timers.advance(1);
  expect(registered).toEqual([true, false, false, true]);
});

test("the end of a call does not mean that it is back", () => {
  const { watch, registered, ended, timers } = quietWatch();
  watch.unregistered();
  timers.advance(fullStateWithin);
  expect([registered, ended]).toEqual([[true, false], ["test-2"]]);
});

test("news of the phone ends this, and nothing more is reported", () => {
  const { watch, registered, timers } = quietWatch();
  watch.unregistered();
  watch.far("m1", "answered");
  timers.advance(missingFor);
  expect(registered).toEqual([true, false, true]);
});

test("it returns once to a question, whatever happens meanwhile", () => {
  const { watch, timers } = quietWatch();
  watch.far("m1", "answered");
  expect(timers.pending).toEqual([fullStateWithin]);
});

test("a dial that shows it after the end of the watch starts no timer", async () => {
  const { watch, registered, timers } = quietWatch();
  const stop = new AbortController();
  const over = watch.run(stop.signal);
  stop.abort();
  await over;
  watch.unregistered();
  expect([registered, timers.pending.filter((ms) => ms >= missingFor)]).toEqual([[true], []]);
});
