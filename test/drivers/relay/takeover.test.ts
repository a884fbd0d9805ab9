/** One of two relays dies without a last word, on a real nats-server: the agent dials as if nothing had happened. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { Commands } from "../../../drivers/relay/commands.ts";
import { Follower } from "../../../drivers/relay/follow.ts";
import { spreadMs } from "../../../drivers/relay/mod.ts";
import { Session } from "../../../drivers/relay/session.ts";
import type { BrokerMessage } from "../../../src/broker/broker.ts";
import { encode, readBeat } from "../../../src/broker/messages.ts";
import type { CommandResult, LineEvent } from "../../../src/core/line.ts";
import { openLog } from "../../../src/log/log.ts";
import { ownFolder } from "../../support/folder.ts";
import { LineListener } from "../../support/line-listener.ts";
import { LoneRelay } from "../../support/lone-relay.ts";
import { noNats } from "../../support/nats.ts";
import { quickTimers, RelayRig } from "../../support/relay-rig.ts";
import { FakeTimers } from "../../support/timers.ts";
import { until } from "../../support/until.ts";

const up = { up: true, to: "switch" } as const;

setDefaultTimeout(60_000);

/** Two relays, and a box that follows the first. */
async function pair() {
  let later = 0;
  const rig = await RelayRig.start(ownFolder(), { timers: { ...quickTimers, now: () => quickTimers.now() + later } });
  const [first, second] = [await rig.relay("a", 1), await rig.relay("b", 2)];
  await until("the relays have no switch", () => first.relay.switch.up && second.relay.switch.up);
  // They have heard each other for so long.
  later = 5000;
  const listener = new LineListener(rig.line());
  await listener.next("snapshot");
  // Two beats: when the second is sent, the box has heard the first.
  let beats = 0;
  const publish = second.broker.publish.bind(second.broker);
  second.broker.publish = (subject, ...rest) => {
    if (subject === "tele.all.relay") beats++;
    return publish(subject, ...rest);
  };
  await until("the box has not heard the second relay", () => beats >= 2);
  const stop = async () => {
    listener.stop();
    await listener.ended;
    await rig[Symbol.asyncDispose]();
  };
  return { rig, listener, die: () => first.broker.close(), stop };
}

describe.skipIf(noNats !== "")(`of two relays one dies${noNats}`, () => {
  test("then a dial is executed once, by the other", async () => {
    const { rig, listener, die, stop } = await pair();
    await die();
    expect(await listener.dial()).toEqual({ outcome: "done" });
    expect(await listener.dial()).toEqual({ outcome: "done" });
    expect(rig.sim.dialled).toHaveLength(2);
    expect(listener.events.some(({ type }) => type === "link-down")).toBe(false);
    await stop();
  });

  test("while the phone rings that it has dialled: the other reports that it is answered", async () => {
    const { rig, listener, die, stop } = await pair();
    rig.sim.handsetDoes = { does: "waits" };
    const [rings, result] = [rig.sim.nextDialled(), listener.dial()];
    const early = result.then((ended) => Promise.reject(new Error(`No phone rang: ${JSON.stringify(ended)}`)));
    const dialled = await Promise.race([rings, early]);
    early.catch(() => {});
    await die();
    await dialled.answer();
    expect(await result).toEqual({ outcome: "done" });
    expect(rig.sim.dialled).toHaveLength(1);
    await stop();
  });
});

/** A desk that no relay has answered yet, and its dials. */
function desk() {
  const timers = new FakeTimers();
  const results: CommandResult[] = [];
  const ids: string[] = [];
  const commands = new Commands({
    timers,
    answerMs: 5000,
    send: (_, id) => void ids.push(id),
    onSilent: () => {},
    onResult: (_, result) => void results.push(result),
  });
  const follower = new Follower("1001", true);
  const dial = () => commands.execute({ type: "dial", desk: "1001", call: "c", number: "112" }, follower, 0);
  const connect = () => {
    follower.connected(0);
    follower.onAnswer({ r: "a#1", rank: 1, c: 1, at: 0, switch: up, n: 1, state: { link: up, legs: [], ended: [] } }, 0);
  };
  return { timers, results, ids, commands, follower, dial, connect };
}

test("a box that has stood still reads the answer to a dial before it counts the relay as silent", () => {
  const { timers, results, ids, commands, dial, connect } = desk();
  connect();
  dial();
  timers.stall(6000);
  commands.onAnswer(ids[0] ?? "", encode({ r: "a#1", id: ids[0] ?? "", result: { outcome: "done" } }));
  timers.advance(500);
  expect(results).toEqual([{ outcome: "done" }]);
});

test("a dial before a relay has answered: the agent reads why it fails", () => {
  const { results, follower, dial, connect } = desk();
  dial();
  connect();
  follower.disconnected("it was lost");
  dial();
  follower.connected(0);
  dial();
  const why = (reason: string) => `Cannot dial: the connection to the phone system is down (${reason}).`;
  const reasons = ["no relay has answered yet", "it was lost", "no relay has answered yet"];
  expect(results).toEqual(reasons.map((reason) => ({ outcome: "failed", cause: "NO_LINK", why: why(reason) })));
});

test("a box that has stood still reads what has arrived meanwhile before it gives its relay up", () => {
  const timers = new FakeTimers();
  const hears = new Map<string, (message: BrokerMessage) => void>();
  const events: LineEvent[] = [];
  const session = new Session({
    broker: { subscribe: (subject, take) => (hears.set(subject, take), () => {}), publish: () => {} },
    prefix: "tele",
    followers: new Map([["1001", new Follower("1001", true)]]),
    answerMs: 5000,
    log: openLog(() => {}, "error", false),
    timers,
    report: (event) => void events.push(event),
  });
  session.start();
  const beat = { r: "a#1", rank: 1, c: 1, at: 0, switch: up } as const;
  const send = (subject: RegExp, id: string, text: string) => {
    for (const [heard, take] of hears) {
      if (subject.test(heard)) take({ subject: heard.replace("*", id), text, reply: undefined, noResponders: false });
    }
  };
  send(/^_INBOX/, "s1", encode({ ...beat, n: 1, state: { link: up, legs: [], ended: [] } }));
  timers.stall(10_000);
  send(/all\.relay/, "", encode({ ...beat, at: 10_000 }));
  timers.advance(500);
  expect(events.map(({ type }) => type)).toEqual(["link-up", "snapshot", "acd-reset"]);
  session.onLost("over");
});

test("after the loss of the broker the boxes of a large fleet do not all log in at once", async () => {
  expect([0, 1, 1000, 5000, 20_000].map(spreadMs)).toEqual([0, 2, 2000, 10_000, 10_000]);
  await using lone = await LoneRelay.start(["1001", "1002"]);
  const beats = lone.published.filter(([subject]) => subject === "tele.all.relay").map(([, text]) => readBeat(text));
  expect(beats.at(-1)?.desks).toBe(2);
});
