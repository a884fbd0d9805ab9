/** Hangup causes as sentences for the agent: the handset's, and the far end's. The names: switch_types.h, Q.850. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import fc from "fast-check";
import { farEnd, handsetFailure } from "../../../drivers/shared/causes.ts";

// A backstop: how long many runs of a property take depends on the machine.
setDefaultTimeout(60_000);

describe("the far end, after the handset was answered:", () => {
  test.each([
    ["USER_BUSY", "The number is busy."],
    ["NO_ANSWER", "Nobody answers."],
    ["NO_USER_RESPONSE", "Nobody answers."],
    ["CALL_REJECTED", "The call was declined."],
    ["UNALLOCATED_NUMBER", "There is no such number: check it."],
    ["INVALID_NUMBER_FORMAT", "There is no such number: check it."],
    ["NO_ROUTE_DESTINATION", "The switch has no route to this number: check it."],
    ["NUMBER_CHANGED", "The number has changed."],
    ["SUBSCRIBER_ABSENT", "The number cannot be reached now."],
    ["DESTINATION_OUT_OF_ORDER", "The number cannot be reached now."],
    ["NORMAL_CIRCUIT_CONGESTION", "All lines are busy: try again in a moment."],
    ["NORMAL_TEMPORARY_FAILURE", "The number could not be reached: try again."],
    ["RECOVERY_ON_TIMER_EXPIRE", "The number could not be reached: try again."],
    ["GATEWAY_DOWN", "The switch has no line to the outside: ask the administrator."],
    ["OUTGOING_CALL_BARRED", "The switch does not allow this number."],
    ["NORMAL_CLEARING", "The call was ended before it was answered."],
    ["ORIGINATOR_CANCEL", "The call was ended before it was answered."],
    ["BEARERCAPABILITY_NOTAVAIL", "The number was not reached: the switch says BEARERCAPABILITY_NOTAVAIL."],
  ])("%s: %s", (cause, words) => expect(farEnd(cause)).toBe(words));
});

describe("the handset, before:", () => {
  test.each([
    ["USER_NOT_REGISTERED", "Phone 1001 is not registered: check its cable and power."],
    ["SUBSCRIBER_ABSENT", "The switch does not know extension 1001: ask the administrator."],
    ["NO_ROUTE_DESTINATION", "The switch has no route to extension 1001: ask the administrator."],
    ["NO_ANSWER", "Phone 1001 was not answered in time."],
    ["ALLOTTED_TIMEOUT", "Phone 1001 was not answered in time."],
    ["ORIGINATOR_CANCEL", "Phone 1001 stopped ringing: the call was cancelled."],
    ["USER_BUSY", "Phone 1001 is busy or has declined the call."],
    ["CALL_REJECTED", "Phone 1001 has declined the call."],
    ["RECOVERY_ON_TIMER_EXPIRE", "Phone 1001 does not answer the switch: check its network."],
    ["NORMAL_TEMPORARY_FAILURE", "Phone 1001 could not be reached: try again, then ask the administrator."],
    ["INCOMPATIBLE_DESTINATION", "Phone 1001 and the switch have no codec in common: ask the administrator."],
    ["NORMAL_CLEARING", "The handset was put down."],
    ["LOSE_RACE", "Another phone has taken the call."],
    ["PICKED_OFF", "Another phone has picked the call up."],
    ["EXCHANGE_ROUTING_ERROR", "Phone 1001 could not be rung: the switch says EXCHANGE_ROUTING_ERROR."],
    ["constructor", "Phone 1001 could not be rung: the switch says constructor."],
    ["__proto__", "Phone 1001 could not be rung: the switch says __proto__."],
  ])("%s: %s", (cause, why) => {
    expect(handsetFailure(cause, "1001")).toEqual({ cause, why });
  });

  test("whatever the switch says, the sentence is short and harmless", () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.string(), fc.string({ unit: fc.nat(0xffff).map((code) => String.fromCharCode(code)) })),
        (cause) => {
          const { cause: name, why } = handsetFailure(cause, "1001");
          expect(name).toMatch(/^[A-Za-z0-9_ .:-]{1,60}$/);
          expect(why).toMatch(/^[A-Z][\x20-\x7e]{10,120}\.$/);
        },
      ),
    );
  });
});

describe("an unknown cause is shown without special characters:", () => {
  const odd = [
    "",
    "toString",
    "<b>&amp;</b>",
    "A\r\nB",
    '"><script>',
    "x".repeat(500),
    "é\u0000",
    "Destination out of order",
  ];
  test.each(odd)("%j", (cause) => {
    for (const text of [farEnd(cause), handsetFailure(cause, "1001").why]) {
      expect(text).toMatch(/^[A-Z][A-Za-z0-9_ .:-]{1,140}\.$/);
    }
    expect(handsetFailure(cause, "1001").cause).toMatch(/^[A-Za-z0-9_ .:-]{1,60}$/);
  });
  test("words are passed on unchanged", () => {
    expect(farEnd("Destination out of order")).toBe("The number was not reached: the switch says Destination out of order.");
    expect(farEnd("")).toBe("The number was not reached: the switch says nothing.");
  });
});
