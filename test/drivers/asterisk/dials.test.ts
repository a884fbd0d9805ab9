/** A dial from its command to its single result, step by step, with scripted answers and a clock that the test advances. */
import { expect, test } from "bun:test";
import type { CommandResult, DialCommand } from "../../../src/core/line.ts";
import { Dials } from "../../../drivers/asterisk/dials.ts";
import { type Answer, type Asked, NoAnswer } from "../../../drivers/asterisk/wire/rest.ts";
import { called, config, event } from "../../support/asterisk/shown.ts";
import { FakeTimers } from "../../support/timers.ts";

const command: DialCommand = { type: "dial", desk: "1001", call: "c-1", number: "914155550123" };
const own = { ...called, id: "telesetd-c-1", app: "AppDial2" };
const accepted: Answer = { status: 200, ok: true, text: "{}" };
const refused = (status: number, text = ""): Answer => ({ status, ok: false, text });

/** A dial whose originate is answered like this; `lives`: whether its channel exists. */
function rig(answer: Answer | NoAnswer, { lives = false, isUnregistered = false } = {}) {
  const timers = new FakeTimers();
  const results: CommandResult[] = [];
  const asked: Asked[] = [];
  const unregistered: string[] = [];
  const dials = new Dials({
    config,
    timers,
    rest: {
      command: (what) => {
        asked.push(what);
        return answer instanceof NoAnswer ? Promise.reject(answer) : Promise.resolve(answer);
      },
      get: () => Promise.resolve(lives ? accepted : refused(404)),
    },
    onAccepted: () => {},
    isUnregistered: () => isUnregistered,
    onUnregistered: (desk) => unregistered.push(desk),
    onResult: (_command, result) => results.push(result),
  });
  const ends = (fields: Record<string, unknown>) => dials.onEvent(event("ChannelDestroyed", own, fields));
  return { dials, timers, results, asked, unregistered, ends };
}

test("answered: done, once, whatever happens afterwards", async () => {
  const { dials, results, ends, timers } = rig(accepted);
  await dials.start(command);
  expect(results).toEqual([]);
  dials.onEvent(event("ChannelStateChange", { ...own, state: "Up" }));
  ends({ cause: 16 });
  await timers.advance(600_000);
  expect(results).toEqual([{ outcome: "done" }]);
});

test("answered before the switch has answered the originate", async () => {
  const { dials, results } = rig(accepted);
  const starting = dials.start(command);
  dials.onEvent(event("ChannelStateChange", { ...own, state: "Up" }));
  await starting;
  expect(results).toEqual([{ outcome: "done" }]);
});

test.each([
  ["declined", { cause: 17, tech_cause: 486 }, true, "USER_BUSY"],
  ["not lifted", { cause: 19, tech_cause: 480 }, true, "NO_ANSWER"],
  ["dead, and never rang", { cause: 19, tech_cause: 480 }, false, "RECOVERY_ON_TIMER_EXPIRE"],
  ["not registered any longer", { cause: 1, tech_cause: 404 }, false, "USER_NOT_REGISTERED"],
])("a phone that has %s", async (_name, fields, rings, cause) => {
  const { dials, results, ends } = rig(accepted);
  await dials.start(command);
  if (rings) dials.note({ desk: "1001", leg: own.id, call: "c-1", rings: true });
  ends(fields);
  expect(results).toMatchObject([{ outcome: "failed", cause, why: expect.stringMatching(/^Phone 1001 .*\.$/) }]);
});

test("an unregistered phone: refused at once, and reported", async () => {
  const { dials, results, unregistered } = rig(refused(500, '{"error":"Allocation failed"}'));
  await dials.start(command);
  expect(results).toMatchObject([{ outcome: "failed", cause: "USER_NOT_REGISTERED" }]);
  expect(unregistered).toEqual(["1001"]);
});

test("409 while the channel lives: the command has arrived before, and its outcome counts", async () => {
  const { dials, results, asked } = rig(refused(409), { lives: true });
  await dials.start(command);
  expect(results).toEqual([]);
  dials.onEvent(event("ChannelStateChange", { ...own, state: "Up" }));
  expect(results).toEqual([{ outcome: "done" }]);
  expect(asked).toHaveLength(1);
});

test("409 without a channel: Asterisk says that once for an unregistered phone", async () => {
  const { dials, results } = rig(refused(409));
  await dials.start(command);
  expect(results).toMatchObject([{ outcome: "failed", cause: "USER_NOT_REGISTERED" }]);
});

test.each([[false, "failed"], [true, "unknown"]])("no answer, sent %p: %s", async (sent, outcome) => {
  const { dials, results, asked } = rig(new NoAnswer("silent", "no answer", sent));
  await dials.start(command);
  expect(results.map((result) => result.outcome)).toEqual([outcome as "failed"]);
  expect(asked).toHaveLength(1);
});

test("a lost connection, and an outcome that is never reported: unknown", async () => {
  for (
    const end of [(r: ReturnType<typeof rig>) => r.dials.onLost("gone"), (r: ReturnType<typeof rig>) => r.timers.advance(35_000)]
  ) {
    const bench = rig(accepted);
    await bench.dials.start(command);
    await end(bench);
    expect(bench.results).toMatchObject([{ outcome: "unknown", why: expect.stringMatching(/./) }]);
  }
});

test("phones that the dialplan rings: one that declines is not the end, the end of all has its reason", async () => {
  const { dials, results, ends } = rig(accepted);
  await dials.start(command);
  const leg = { desk: "1001", leg: "far-1", call: "c-1" };
  dials.note({ ...leg, rings: true });
  dials.note({ ...leg, ended: { cause: "USER_BUSY", why: "Phone 1001 is busy or has declined the call." } });
  expect(results).toEqual([]);
  ends({ cause: 16 });
  expect(results).toMatchObject([{ outcome: "failed", cause: "USER_BUSY" }]);
});

test.each([[true, "USER_NOT_REGISTERED"], [false, "NORMAL_TEMPORARY_FAILURE"]])(
  "the dialplan rings nobody, the phone is known to be unregistered: %p",
  async (isUnregistered, cause) => {
    for (const how of ["gone", "ended"]) {
      const { dials, results, ends } = rig(accepted, { isUnregistered });
      await dials.start(command);
      if (how === "gone") dials.onGone(own.id);
      else ends({ cause: 0 });
      expect(results).toMatchObject([{ outcome: "failed", cause }]);
    }
  },
);

test("answered before the switch has refused the originate: one result", async () => {
  const { dials, results } = rig(refused(500, '{"error":"Allocation failed"}'));
  const starting = dials.start(command);
  dials.onEvent(event("ChannelStateChange", { ...own, state: "Up" }));
  await starting;
  expect(results).toEqual([{ outcome: "done" }]);
});
