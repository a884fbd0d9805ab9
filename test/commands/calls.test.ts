/** `telesetd calls [ID]`: the list, one call step by step, and the answers without a call. */
import { describe, expect, test } from "bun:test";
import { showCalls } from "../../src/commands/calls.ts";
import type { ShownCall } from "../../src/history/calls.ts";
import { openAdmin } from "../support/admin.ts";

const at = (seconds: number) => new Date(Date.UTC(2026, 10, 27, 9, 41, seconds)).toISOString();

const answered: ShownCall = {
  id: "5a761c59-1",
  desk: "1001",
  agent: "A7",
  direction: "inbound",
  kind: "inbound",
  origin: "called",
  party: "14155550123",
  queue: true,
  began: at(0),
  end: { at: at(30), disposition: "answered", text: "answered", cause: "NORMAL_CLEARING" },
  timeline: [
    { at: at(0), what: "began", text: "began" },
    { at: at(0), what: "rang", text: "rang" },
    { at: at(5), what: "answered", text: "answered" },
    { at: at(30), what: "ended", text: "ended (NORMAL_CLEARING)" },
  ],
  events: [
    { id: 1, event: "ScreenPop", state: "delivered", created: at(0), attempts: 2, to: "10.0.0.7:8080", tookMs: 300.4 },
    { id: 2, event: "CallEstablished", state: "waiting", created: at(5), attempts: 1, why: "no answer" },
  ],
};
const { agent: _, end: __, ...open } = answered;
const internal: ShownCall = {
  ...open,
  id: "77aa",
  direction: "outbound",
  kind: "internal",
  origin: "keypad",
  party: "1002",
  queue: false,
  timeline: [],
  events: [],
  reason: {
    code: "internal-number",
    number: "1002",
    pattern: "^\\d{2,5}$",
    text: "Internal call: 1002 matches numbers.internal (^\\d{2,5}$).",
  },
};

/** Runs the command against a daemon with these calls. */
async function calls(all: ShownCall[], id?: string, options: { all?: boolean; json?: boolean; desk?: string } = {}) {
  const socket = await openAdmin({
    calls: {
      *pages({ desk } = {}) {
        const some = all.filter((call) => desk === undefined || call.desk === desk);
        if (some.length > 0) yield some;
      },
      unknownDesk: (desk) => desk === "9999" ? "This telesetd does not serve desk 9999: see telesetd status." : undefined,
      find: (start) => {
        const call = all.find(({ id }) => id.startsWith(start));
        return call ? { call } : { status: 404, why: "There is no such call on record: see telesetd calls --all" };
      },
    },
  });
  let [out, err] = ["", ""];
  const io = {
    out: (text: string) => void (out += text),
    err: (text: string) => void (err += text),
    terminal: false,
    environment: {},
  };
  const code = await showCalls(id, { socket, config: "/none", utc: true, ...options }, io);
  return { out, err, code };
}

describe("the list", () => {
  test("has when, the desk, the direction, the party, the outcome, what was sent, and the reason", async () => {
    expect((await calls([internal, answered])).out).toBe(
      `2026-11-27T09:41:00.000Z  desk 1001  outbound  1002 (internal)  in progress; nothing sent
    77aa  Internal call: 1002 matches numbers.internal (^\\d{2,5}$).
2026-11-27T09:41:00.000Z  desk 1001  inbound   14155550123      answered, 30 seconds; delivered: ScreenPop; waiting: CallEstablished
    5a761c59-1
2 calls.
`,
    );
  });

  test("has the newest 20, or with --all every call", async () => {
    const many = Array.from({ length: 25 }, (_, n) => ({ ...answered, id: `c${n}` }));
    const { out } = await calls(many);
    expect(out).toEndWith("20 calls. (--all shows older ones too.)\n");
    expect(out).toContain("c19\n");
    expect(out).not.toContain("c20\n");
    expect((await calls(many, undefined, { all: true })).out).toEndWith("25 calls.\n");
    expect((await calls(many.slice(0, 20))).out).toEndWith("20 calls.\n");
    expect(JSON.parse((await calls(many, undefined, { json: true })).out)).toHaveLength(20);
  });

  test("of one desk; empty; as JSON", async () => {
    expect((await calls([{ ...answered, desk: "1002" }, answered], undefined, { desk: "1002" })).out).toEndWith("1 call.\n");
    expect(await calls([])).toEqual({ out: "No call is on record.\n", err: "", code: 0 });
    expect((await calls([], undefined, { desk: "1002" })).out).toBe("No call is on record for desk 1002.\n");
    expect(JSON.parse((await calls([answered], undefined, { json: true })).out)).toEqual([answered]);
  });
});

test("a desk that does not exist is an error", async () => {
  expect(await calls([answered], undefined, { desk: "9999" })).toEqual({
    out: "",
    err: "This telesetd does not serve desk 9999: see telesetd status.\n",
    code: 1,
  });
});

describe("a hostile name of a party", () => {
  const hostile = "\u001b[2J\u009b31m\u202e\u2066evil\r\n\u2028name\u0007";
  const call: ShownCall = {
    ...answered,
    party: hostile,
    timeline: [{ at: at(0), what: "party", text: `another party: ${hostile}` }],
    events: [{ id: 1, event: "ScreenPop", state: "waiting", created: at(0), attempts: 1, why: hostile }],
    reason: { code: "name", identity: hostile, text: `The name ${hostile}` },
  };

  test.each([undefined, "5a"])("cannot write to the terminal (id: %p)", async (id) => {
    const { out } = await calls([call], id);
    expect(out).not.toMatch(/(?!\n)[\p{C}\p{Zl}\p{Zp}]/u);
    expect(out).toContain("evil name");
    expect(out.split("\n").length).toBe((await calls([{ ...call, party: "x" }], id)).out.split("\n").length);
  });

  test("is shortened", async () => {
    const { out } = await calls([{ ...answered, party: "x".repeat(10_000) }]);
    expect(out).toContain(`  ${"x".repeat(60)}...  answered`);
  });
});

describe("one call", () => {
  test("with its timeline and its events, in the order of their times", async () => {
    expect((await calls([answered], "5a")).out).toBe(
      `call       5a761c59-1
desk       1001, agent A7
direction  inbound: the desk was called, from a queue
party      14155550123
outcome    answered, 30 seconds

2026-11-27T09:41:00.000Z  began
2026-11-27T09:41:00.000Z  rang
2026-11-27T09:41:00.000Z  ScreenPop (event 1) to 10.0.0.7:8080: delivered after 300 ms, 2 attempts
2026-11-27T09:41:05.000Z  answered
2026-11-27T09:41:05.000Z  CallEstablished (event 2): waiting, 1 attempt: no answer
2026-11-27T09:41:30.000Z  ended (NORMAL_CLEARING)
`,
    );
  });

  test("without an agent, internal, with its reason; withheld; unknown", async () => {
    expect((await calls([internal], "77")).out).toBe(
      `call       77aa
desk       1001, no agent was registered
direction  outbound, internal: dialled on the phone
party      1002 (internal)
outcome    in progress
reason     Internal call: 1002 matches numbers.internal (^\\d{2,5}$).

2026-11-27T09:41:00.000Z  began
`,
    );
    expect((await calls([{ ...answered, party: "" }], "5a")).out).toContain("party      withheld\n");
    const { party: _, ...unknown } = answered;
    expect((await calls([unknown], "5a")).out).toContain("party      unknown\n");
    expect(JSON.parse((await calls([internal], "77", { json: true })).out)).toEqual(internal);
  });

  test("that does not exist", async () => {
    const { out, err, code } = await calls([answered], "x");
    expect({ out, code }).toEqual({ out: "", code: 1 });
    expect(err).toContain("There is no such call on record: see telesetd calls --all");
  });
});
