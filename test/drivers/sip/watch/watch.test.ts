/** How long a watch says that a phone is not registered: nobody tells it when the phone is back. */
import { afterEach, beforeEach, expect, jest, test } from "bun:test";
import type { LineEvent } from "../../../../src/core/line.ts";
import { sipConfig } from "../../../../drivers/sip/config.ts";
import { accountOf } from "../../../../drivers/sip/wire/request.ts";
import type { Stack } from "../../../../drivers/sip/wire/stack.ts";
import { missingFor, Watch } from "../../../../drivers/sip/watch/watch.ts";
import { tracker } from "../../../support/sip/desk.ts";
import { listeningLog } from "../../../support/sip/peer.ts";

beforeEach(() => {
  jest.useFakeTimers();
});
afterEach(() => {
  jest.useRealTimers();
});

/** A watch that asks nobody, and what it told of the registration. */
function quietWatch(): { watch: Watch; told: boolean[] } {
  const told: boolean[] = [];
  const config = sipConfig.parse({ driver: "sip", domain: "pbx", user: "1009", password: "s3cret" });
  const watch = new Watch({
    stack: {} as Stack,
    config,
    account: accountOf(config),
    about: { extension: "1001", at: "pbx", user: "1009" },
    tracker: tracker(),
    known: () => [],
    log: listeningLog().log,
    tell: (event: LineEvent) => event.type === "phone" && told.push(event.registered),
  });
  return { watch, told };
}

test("a phone that a dial has shown not to be registered is said to be missing for a minute", () => {
  const { watch, told } = quietWatch();
  watch.unregistered();
  jest.advanceTimersByTime(missingFor - 1);
  expect(told).toEqual([false]);
  jest.advanceTimersByTime(1);
  expect(told).toEqual([false, true]);
});

test("counted from the last dial that has shown it", () => {
  const { watch, told } = quietWatch();
  watch.unregistered();
  jest.advanceTimersByTime(missingFor - 1);
  watch.unregistered();
  jest.advanceTimersByTime(missingFor - 1);
  expect(told).toEqual([false, false]);
  jest.advanceTimersByTime(1);
  expect(told).toEqual([false, false, true]);
});

test("the end of a call is no sign that it is back", () => {
  const { watch, told } = quietWatch();
  watch.unregistered();
  const ended = { cause: "GONE", why: "The phone system does not list the call any more." };
  watch.told({ events: [{ type: "snapshot", desks: ["1001"], legs: [] }] });
  watch.unregistered();
  watch.told({ events: [{ type: "leg", facts: { desk: "1001", leg: "l1", ended } }] });
  expect(told).toEqual([false, true, false]);
});

test("what is heard of it ends that, and nothing more is told", () => {
  const { watch, told } = quietWatch();
  watch.told({ events: [{ type: "snapshot", desks: ["1001"], legs: [] }] });
  watch.unregistered();
  watch.told({ events: [{ type: "leg", facts: { desk: "1001", leg: "l1", direction: "to-desk", rings: true } }] });
  jest.advanceTimersByTime(missingFor);
  expect(told).toEqual([true, false, true]);
});
