/** When to ask again, and small readers of headers. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import fc from "fast-check";
import {
  type EndCode,
  endOfAnswer,
  endOfRegister,
  endOfState,
  pauseAfter,
  type Refusal,
} from "../../../../drivers/sip/watch/subscription-end.ts";
import { parameter, reasonText, secondsIn, sipfragStatus, word } from "../../../../drivers/sip/wire/headers.ts";
import { holdSdp, hostOf } from "../../../../drivers/sip/wire/sdp.ts";

// A backstop: how long many runs of a property take depends on the machine.
setDefaultTimeout(60_000);

const about = { extension: "1001", at: "pbx", user: "1009" };

describe("the reason of a termination says when to ask again:", () => {
  const cases: [string, unknown][] = [
    ["terminated;reason=deactivated", "now"],
    ["terminated;reason=timeout", "now"],
    ["terminated;reason=Timeout", "now"],
    ["terminated;reason=probation", { after: 30 }],
    ["terminated;reason=probation;retry-after=7", { after: 7 }],
    ["terminated;reason=giveup;retry-after=9", { after: 9 }],
    ["terminated;reason=giveup", { after: 60 }],
    ["terminated;reason=rejected", "long"],
    ["terminated;reason=noresource;retry-after=1", "long"],
    ["terminated;reason=invariant", "long"],
    ["terminated", "soon"],
    ["terminated;retry-after=5", { after: 5 }],
    ["terminated;reason=no-such-word;retry-after=5", { after: 5 }],
  ];
  test.each(cases)("%s", (header, again) => expect(endOfState(header, about).again).toEqual(again as never));
});

describe("the code of a refusal:", () => {
  const refusal = (status: number, part: Partial<Refusal> = {}): Refusal => (
    { status, reason: "", own: false, authorized: false, hasPassword: true, header: () => undefined, ...part }
  );
  const cases: [string, Refusal, EndCode | undefined, EndCode | undefined][] = [
    ["no answer", refusal(408), "no-answer", "no-answer"],
    ["the switch cannot be reached", refusal(503, { own: true }), "no-answer", "no-answer"],
    ["the name cannot be resolved", refusal(503, { own: true, reason: "DNS Error" }), "unknown-name", "unknown-name"],
    ["a proxy without its switch", refusal(504), "no-answer", "no-answer"],
    ["no password to show", refusal(401, { hasPassword: false }), "password-missing", "password-missing"],
    ["an unsupported challenge", refusal(407), "auth-unsupported", "auth-unsupported"],
    ["a wrong password", refusal(401, { authorized: true }), "password-refused", "password-refused"],
    ["403", refusal(403), "forbidden", "forbidden"],
    ["403 to the password", refusal(403, { authorized: true }), "password-refused", "password-refused"],
    ["404", refusal(404), "unknown-extension", "forbidden"],
    ["489", refusal(489), "no-dialogs", "no-dialogs"],
    ["500", refusal(500), undefined, undefined],
  ];
  test.each(cases)("%s", (_, answer, subscribe, register) => {
    expect([endOfAnswer(answer, about).code, endOfRegister(answer, about).code]).toEqual([subscribe, register]);
  });
});

describe("the pause", () => {
  test("after a problem that a person must fix grows, and is never short", () => {
    expect([0, 1, 2, 3, 9].map((failures) => pauseAfter("long", failures, 0) / 1000)).toEqual([30, 120, 300, 600, 600]);
  });
  test("is never shorter than the switch requested, up to an hour", () => {
    fc.assert(fc.property(fc.nat(3600), fc.nat(9), fc.double({ min: 0, max: 1, noNaN: true }), (after, failures, random) => {
      expect(pauseAfter({ after }, failures, random)).toBeGreaterThanOrEqual(after * 1000);
    }));
  });
  test("of `now` is zero the first time, and not when it happens again", () => {
    expect(pauseAfter("now", 0, 0.5)).toBe(0);
    expect(pauseAfter("now", 1, 0)).toBeGreaterThanOrEqual(500);
    expect(pauseAfter({ after: 0 }, 0, 0)).toBe(0);
    expect(pauseAfter({ after: 0 }, 1, 0)).toBeGreaterThanOrEqual(500);
  });
  test("is never longer than a timer can wait, nor than an agent can do without the phone", () => {
    expect([7200, 31_536_000].map((after) => pauseAfter({ after }, 0, 0))).toEqual([3_600_000, 3_600_000]);
  });
});

describe("readers of headers", () => {
  test("parameters: outside of the URI, quoted or not, in any case", () => {
    expect(parameter("<sip:a@b;tag=no>;Tag=yes", "tag")).toBe("yes");
    expect(parameter('Q.850;cause=17;text="User busy"', "text")).toBe("User busy");
    expect(parameter("active ; expires = 12", "expires")).toBe("12");
    expect(parameter("active", "expires")).toBeUndefined();
    expect(parameter(undefined, "expires")).toBeUndefined();
  });
  test.each([["18000;duration=3600", 18000], ["120 (I am in a meeting)", 120], ["-5", undefined], ["soon", undefined], [
    "",
    undefined,
  ]])(
    "seconds in %j: %p",
    (text, seconds) => expect(secondsIn(text)).toBe(seconds as never),
  );
  test("the status of a sipfrag", () => {
    const bodies = ["SIP/2.0 486 Busy Here\r\n", "sip/2.0 200", "", "HTTP/1.1 200 OK", "SIP/2.0 99 x"];
    expect(bodies.map(sipfragStatus)).toEqual([486, 200, undefined, undefined, undefined]);
  });
  test("a cause by name only", () => {
    expect(reasonText('Q.850;cause=17;text="USER_BUSY"')).toBe("USER_BUSY");
    expect(reasonText('SIP;cause=200;text="Call completed elsewhere"')).toBe("CALL_COMPLETED_ELSEWHERE");
    expect([reasonText("Q.850;cause=17"), reasonText('x;text="<b>"')]).toEqual([undefined, undefined]);
  });
  test("a word before the parameters", () =>
    expect([word("Active;x=1"), word(" refer ; id=2"), word(undefined)]).toEqual(["active", "refer", ""]));
  test("no text makes them throw", () => {
    fc.assert(fc.property(fc.string({ maxLength: 500, unit: "binary" }), (text) => {
      for (const read of [secondsIn, sipfragStatus, reasonText, word, (value: string) => parameter(value, "tag")]) read(text);
    }));
  });
});

test("the address in the SDP is the box's own, IPv6 too", () => {
  expect([hostOf("udp/10.0.0.5:5060,tcp/10.0.0.5:5060"), hostOf("udp/[fd00::5]:5060"), hostOf("")]).toEqual([
    "10.0.0.5",
    "fd00::5",
    "127.0.0.1",
  ]);
  expect(holdSdp("fd00::5", 1)).toContain("c=IN IP6 fd00::5\r\n");
});
