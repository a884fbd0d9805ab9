/** Which MakeCalls dial, for which agents, how often, and the record of each: the core alone. */
import { describe, expect, test } from "bun:test";
import type { DialPolicy } from "../../../src/core/dial/limits.ts";
import { type Desk, newDesk } from "../../../src/core/desk.ts";
import type { DialRecord, Input } from "../../../src/core/input.ts";
import type { LegFacts } from "../../../src/core/line.ts";
import type { NumberPlan } from "../../../src/core/number.ts";
import { step } from "../../../src/core/step.ts";
import { plan, policyWith } from "../../support/core/site.ts";

const open: DialPolicy = { perMinute: 1000, perDay: 1000, whileOnCall: true, registeredOnly: false };
const minute = 60_000, day = 24 * 60 * minute;
const ended = { cause: "USER_BUSY", why: "Phone 1001 is busy.", far: "The number is busy." };

/** Desk 1001 with agent A registered, its line up. */
class Dialler {
  desk: Desk = newDesk("1001");
  now = 0;
  readonly records: DialRecord[] = [];
  /** The counted results. */
  readonly results: string[] = [];
  readonly sent: string[] = [];
  readonly driven: string[] = [];
  readonly #policy;
  #ids = 0;

  constructor(dial: Partial<DialPolicy> = {}, numbers: Partial<NumberPlan> = {}, events = { errors: false, telephony: false }) {
    this.#policy = policyWith({ dial: { ...open, ...dial }, numbers: { ...plan, ...numbers }, events });
    this.line({ type: "link-up", to: "switch" });
    this.line({ type: "phone", desk: "1001", registered: true });
    const callout = { name: "Register", desk: "1001", agent: "A", address: "10.0.0.7", port: 8080 } as const;
    this.step({ type: "callout", id: "r", callout });
  }

  line(event: Extract<Input, { type: "line" }>["event"]): void {
    this.step({ type: "line", event });
  }

  leg(facts: Partial<LegFacts>): void {
    this.line({ type: "leg", facts: { desk: "1001", leg: "L1", direction: "to-desk", ...facts } });
  }

  /** MakeCall. Returns "dialled", or why not. */
  asks(dialString = "914155550123", agent = "A", name: "MakeCall" | "DialCanonical" = "MakeCall"): string {
    const id = `m${++this.#ids}`;
    const before = this.driven.length;
    const replies = this.step({
      type: "callout",
      id,
      callout: { name, desk: "1001", agent, dialString, from: "10.0.0.7" },
    });
    return this.driven.length > before ? "dialled" : replies[0] ?? "waits";
  }

  /** The same, and the switch fails: the desk may dial again. */
  tries(dialString?: string, agent?: string): string {
    const outcome = this.asks(dialString, agent);
    if (outcome === "dialled") this.fails();
    return outcome;
  }

  fails(failure = { cause: "X", why: "Phone 1001 is not there." }, call = `m${this.#ids}`): void {
    const command = { type: "dial", desk: "1001", call, number: "1" } as const;
    this.step({ type: "line", event: { type: "result", command, result: { outcome: "failed", ...failure } } });
  }

  /** The phone's leg ends unanswered, and the switch reports the outcome. */
  rejects(): void {
    this.leg({ leg: "m1", call: "m1", rings: true });
    this.leg({ leg: "m1", ended });
    this.fails(ended, "m1");
  }

  step(input: Input): string[] {
    const made = step(this.desk, input, this.now, this.#policy);
    this.desk = made.desk;
    const replies: string[] = [];
    for (const effect of made.effects) {
      if (effect.type === "reply") replies.push(effect.reply.ok ? "ok" : effect.reply.why);
      if (effect.type === "audit") {
        this.records.push(effect.dial);
        this.results.push(effect.result);
      }
      if (effect.type === "drive" && effect.command.type === "dial") this.driven.push(effect.command.number);
      if (effect.type === "send") this.sent.push(`${effect.agent}: ${effect.event.name}`);
    }
    return replies;
  }
}

describe("which numbers:", () => {
  const denied = (number: string) => `Cannot dial "${number}": the administrator does not allow this number.`;
  const notAllowed = (number: string) => `Cannot dial "${number}": it is not among the numbers that the administrator allows.`;
  const toDial = [{ match: /^\+1/, replace: "91", direction: "both" }] as const;
  const cases: [string, Partial<NumberPlan>, string, string][] = [
    ["nothing said: any", {}, "14155550123", "dialled"],
    ["deny", { deny: [/^1?900/] }, "19005550123", denied("19005550123")],
    ["deny, written otherwise", { deny: [/^1?900/] }, "1 (900) 555-0123", denied("1 (900) 555-0123")],
    ["deny, another", { deny: [/^1?900/] }, "14155550123", "dialled"],
    ["deny applies to the requested number", { deny: [/^\+1900/], toDial }, "+19005550123", denied("+19005550123")],
    ["deny applies to the dialled number", { deny: [/^91900/], toDial }, "+19005550123", denied("+19005550123")],
    ["allow", { allow: [/^1415/] }, "14155550123", "dialled"],
    ["allow, another", { allow: [/^1415/] }, "442071234567", notAllowed("442071234567")],
    ["deny goes before allow", { allow: [/./], deny: [/^1900/] }, "19005550123", denied("19005550123")],
    ["an emergency number that is denied", { deny: [/./], emergency: [/^9?112$/] }, "112", "dialled"],
    ["an emergency number that is not allowed", { allow: [/^1/], emergency: [/^9?112$/] }, "9112", "dialled"],
    ["a number that only holds an emergency number", { deny: [/./], emergency: [/^9?112$/] }, "1125", denied("1125")],
  ];
  test.each(cases)(
    "%s (%j): %s: %s",
    (_, numbers, number, outcome) => expect(new Dialler({}, numbers).asks(number)).toBe(outcome),
  );

  test("DialCanonical: +1 (415) 555-0123 by the number rules, and under the same limits", () => {
    const dialler = new Dialler({}, { toDial, deny: [/^91900/] });
    expect(dialler.asks("+1 (415) 555-0123", "A", "DialCanonical")).toBe("dialled");
    expect(dialler.driven).toEqual(["914155550123"]);
    dialler.fails();
    expect(dialler.asks("+1 (900) 555-0123", "A", "DialCanonical")).toBe(denied("+1 (900) 555-0123"));
  });
});

describe("how often:", () => {
  const perMinute = (n: number) =>
    `Cannot dial: phone 1001 has dialled ${n} number${n === 1 ? "" : "s"} within a minute, which is the maximum: wait a moment.`;
  const perDay = (n: number) =>
    `Cannot dial: phone 1001 has dialled ${n} numbers in the last 24 hours, which is the maximum: ask the administrator.`;

  test("once a minute: the second is refused, with the number in the singular", () => {
    const dialler = new Dialler({ perMinute: 1 });
    expect([dialler.tries(), dialler.tries()]).toEqual(["dialled", perMinute(1)]);
  });

  test("a minute: a sliding window, to the millisecond", () => {
    const dialler = new Dialler({ perMinute: 2 });
    expect(dialler.tries()).toBe("dialled");
    dialler.now = 30_000;
    expect([dialler.tries(), dialler.tries()]).toEqual(["dialled", perMinute(2)]);
    dialler.now = minute - 1;
    expect(dialler.tries()).toBe(perMinute(2));
    dialler.now = minute;
    expect([dialler.tries(), dialler.tries()]).toEqual(["dialled", perMinute(2)]);
    dialler.now = minute + 30_000;
    expect(dialler.tries()).toBe("dialled");
  });

  test("a day: from its first dial, to the millisecond; the next day starts with the next dial", () => {
    const dialler = new Dialler({ perDay: 2 });
    dialler.now = 5 * minute;
    expect([dialler.tries(), dialler.tries(), dialler.tries()]).toEqual(["dialled", "dialled", perDay(2)]);
    dialler.now = 5 * minute + day - 1;
    expect(dialler.tries()).toBe(perDay(2));
    dialler.now += 1 + minute;
    expect([dialler.tries(), dialler.tries(), dialler.tries()]).toEqual(["dialled", "dialled", perDay(2)]);
    dialler.now += day - 1;
    expect(dialler.tries()).toBe(perDay(2));
    dialler.now += 1;
    expect(dialler.tries()).toBe("dialled");
  });

  test("a refused dial is not counted", () => {
    const dialler = new Dialler({ perMinute: 1, registeredOnly: true }, { deny: [/^1900/] });
    for (let n = 0; n < 5; n++) dialler.tries("19005550123");
    for (let n = 0; n < 5; n++) dialler.tries("14155550123", "B");
    expect(dialler.tries()).toBe("dialled");
  });

  test("a repeated MakeCall is not counted and not dialled again", () => {
    const dialler = new Dialler({ perMinute: 2 });
    for (let n = 0; n < 5; n++) dialler.asks();
    expect(dialler.driven).toHaveLength(1);
    dialler.rejects();
    expect(dialler.asks()).toBe("dialled");
  });

  test("emergency numbers are counted, but never refused", () => {
    const dialler = new Dialler({ perMinute: 1, perDay: 1 }, { emergency: [/^112$/] });
    expect([dialler.tries("112"), dialler.tries("112"), dialler.tries("112")]).toEqual(Array(3).fill("dialled"));
    expect(dialler.tries()).toBe(perMinute(3));
  });
});

describe("for whom and when:", () => {
  const notRegistered = "Cannot dial: agent B is not registered at phone 1001: log in to UWQ again.";
  const onCall = "Cannot dial: phone 1001 is on a call: end it first.";

  test.each([[false, "dialled"], [true, notRegistered]])("registeredOnly %p: another agent: %s", (registeredOnly, outcome) => {
    expect(new Dialler({ registeredOnly }).asks("914155550123", "B")).toBe(outcome);
    expect(new Dialler({ registeredOnly }).asks()).toBe("dialled");
  });

  test("registeredOnly, and the agent has unregistered", () => {
    const dialler = new Dialler({ registeredOnly: true });
    dialler.step({ type: "callout", id: "u", callout: { name: "Unregister", desk: "1001", agent: "A" } });
    expect(dialler.asks()).toBe("Cannot dial: agent A is not registered at phone 1001: log in to UWQ again.");
  });

  test.each([[true, "dialled"], [false, onCall]])("whileOnCall %p, on a call: %s", (whileOnCall, outcome) => {
    const dialler = new Dialler({ whileOnCall });
    dialler.leg({ answered: true });
    expect(dialler.asks()).toBe(outcome);
  });

  test("whileOnCall false: a ringing or ended call does not count; one on hold does", () => {
    const dialler = new Dialler({ whileOnCall: false });
    dialler.leg({ rings: true });
    expect(dialler.tries()).toBe("dialled");
    dialler.leg({ answered: true });
    dialler.leg({ held: true });
    expect(dialler.tries()).toBe(onCall);
    dialler.leg({ ended });
    expect(dialler.tries()).toBe("dialled");
  });

  test("emergency: any agent, on a call or not, and while another number is being dialled", () => {
    const dialler = new Dialler({ whileOnCall: false, registeredOnly: true }, { emergency: [/^112$/] });
    expect(dialler.asks()).toBe("dialled");
    dialler.leg({ leg: "L2", answered: true });
    expect(dialler.asks("112", "B")).toBe("dialled");
    expect(dialler.driven).toEqual(["914155550123", "112"]);
  });
});

describe("on record:", () => {
  const asked = { at: 7, agent: "A", from: "10.0.0.7", dialString: "9 1 415 555 0123", number: "914155550123" };
  const outcomesOf = (dialler: Dialler) => dialler.records.map(({ id, outcome }) => `${id} ${outcome}`);
  const dialling = () => {
    const dialler = new Dialler();
    dialler.now = 7;
    dialler.asks("9 1 415 555 0123");
    return dialler;
  };

  test("the agent, the address, the requested and the dialled number, and the time: before it is dialled", () => {
    expect(dialling().records).toEqual([{ id: "m1", ...asked, outcome: "asked" }]);
  });

  const lifted = (dialler: Dialler) =>
    dialler.step({
      type: "line",
      event: {
        type: "result",
        command: { type: "dial", desk: "1001", call: "m1", number: "914155550123" },
        result: { outcome: "done" },
      },
    });
  const endings: [string, (dialler: Dialler) => void, string][] = [
    ["the switch cannot", (dialler) => dialler.fails(), "Phone 1001 is not there."],
    ["the handset rejects", (dialler) => dialler.rejects(), "Phone 1001 is busy."],
    ["the far end is busy", (dialler) => {
      lifted(dialler);
      dialler.leg({ leg: "m1", call: "m1", answered: true });
      dialler.leg({ leg: "m1", ended });
    }, "The number is busy."],
    ["the far end answers", (dialler) => {
      lifted(dialler);
      dialler.leg({ leg: "m1", call: "m1", answered: true, farAnswered: true });
    }, "answered"],
    ["the far end is busy after a cut", (dialler) => {
      const command = { type: "dial", desk: "1001", call: "m1", number: "914155550123" } as const;
      dialler.leg({ leg: "m1", call: "m1", answered: true, farCalled: true });
      dialler.step({
        type: "line",
        event: { type: "result", command, result: { outcome: "unknown", why: "The connection was lost" } },
      });
      dialler.leg({ leg: "m1", ended });
    }, "The number is busy."],
    ["it is gone after a cut", (dialler) => {
      lifted(dialler);
      dialler.now += 3000;
      dialler.line({ type: "snapshot", desks: ["1001"], legs: [] });
    }, "The number was not reached (GONE)."],
  ];
  test.each(endings)("%s: one more record, with the outcome; later ends change nothing", (_, end, outcome) => {
    const dialler = dialling();
    end(dialler);
    dialler.leg({ leg: "m1", ended });
    dialler.line({ type: "snapshot", desks: ["1001"], legs: [] });
    expect(dialler.records).toEqual(["asked", outcome].map((text) => ({ id: "m1", ...asked, outcome: text })));
    expect(dialler.results).toEqual(["asked", outcome === "answered" ? "answered" : "failed"]);
    expect(dialler.desk.lastDial).toMatchObject({ dialString: asked.dialString, outcome });
  });

  test("a refused dial, with its reason; without a number if the dial string has none", () => {
    const dialler = new Dialler({ registeredOnly: true }, { deny: [/^1900/] });
    for (const [number, agent] of [["19005550123", "A"], ["914155550123", "B"], ["call me", "A"]] as const) {
      dialler.asks(number, agent);
    }
    dialler.line({ type: "link-down", why: "reset" });
    dialler.asks();
    expect(outcomesOf(dialler)).toEqual([
      'm1 refused: Cannot dial "19005550123": the administrator does not allow this number.',
      "m2 refused: Cannot dial: agent B is not registered at phone 1001: log in to UWQ again.",
      expect.stringContaining('m3 refused: Cannot dial "call me": c (U+0063) is not dialable.'),
      "m4 refused: Cannot dial: the connection to the phone system is down (reset). Dial on the phone itself.",
    ]);
    expect(dialler.results).toEqual(["refused", "refused", "refused", "refused"]);
    expect(dialler.records.map(({ number }) => number)).toEqual([undefined, "914155550123", undefined, "914155550123"]);
  });

  test("replaced by an emergency call", () => {
    const dialler = new Dialler({}, { emergency: [/^112$/] });
    dialler.asks();
    dialler.asks("112");
    expect(outcomesOf(dialler)).toEqual(["m1 asked", "m1 replaced by an emergency call", "m2 asked"]);
  });
});

describe("crm.errorEvents:", () => {
  const reject = (dialler: Dialler) => {
    dialler.asks();
    dialler.rejects();
  };
  test.each([[true, ["A: Error"]], [false, []]])("%p: after a rejected call: %j", (errors, sent) => {
    const dialler = new Dialler({}, {}, { errors, telephony: false });
    reject(dialler);
    expect(dialler.sent).toEqual(sent);
  });

  test("no Error when the number has answered, and none for the dial of another agent", () => {
    const dialler = new Dialler({}, {}, { errors: true, telephony: false });
    dialler.asks();
    dialler.leg({ leg: "m1", call: "m1", rings: true, answered: true, farAnswered: true });
    dialler.leg({ leg: "m1", ended });
    expect(dialler.sent.filter((line) => line.includes("Error"))).toEqual([]);
  });
});
