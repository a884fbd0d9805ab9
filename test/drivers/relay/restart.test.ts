/**
 * A relay that has just started does not know enough to end a call: the list of the switch may lag. Legs end because somebody says
 * so, never because a list omits them.
 */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { Follower } from "../../../drivers/relay/follow.ts";
import type { SyncAnswer } from "../../../src/broker/messages.ts";
import type { LineEvent } from "../../../src/core/line.ts";
import { ownFolder } from "../../support/folder.ts";
import { LineListener } from "../../support/line-listener.ts";
import { LoneRelay } from "../../support/lone-relay.ts";
import { noNats } from "../../support/nats.ts";
import { RelayRig } from "../../support/relay-rig.ts";
import { until } from "../../support/until.ts";

setDefaultTimeout(60_000);

const ended = { cause: "NORMAL_CLEARING", why: "Over." };
const up = { up: true, to: "switch" } as const;
const leg = { leg: "x", rings: true };

/** A desk with one live leg, which the relay a#1 has reported. */
function desk(): Follower {
  const follower = new Follower("1001", true);
  follower.connected(0);
  follower.onAnswer(answer("a#1", 1, { legs: [leg] }), 0);
  return follower;
}

function answer(r: string, n: number, state: Partial<NonNullable<SyncAnswer["state"]>>): SyncAnswer {
  return { r, rank: 1, c: 1, at: 0, switch: up, n, state: { link: up, legs: [], ended: [], ...state } };
}

/** Whether the leg lives after these actions, and whether the relay is asked about it. */
function outcome(actions: ReturnType<Follower["tick"]>): string {
  const events = actions.flatMap((action) => action.type === "event" ? [action.event] : []);
  const lives = events.reduce((lives, event) => livesAfter(event, lives), true);
  const isAsked = actions.some((action) => action.type === "ask" && action.legs?.includes("x"));
  return `${lives ? "lives" : "ended"}${isAsked ? ", asked" : ""}`;
}

function livesAfter(event: LineEvent, lives: boolean): boolean {
  if (event.type === "snapshot") return event.legs.some(({ leg }) => leg === "x");
  return event.type === "leg" && event.facts.leg === "x" ? event.facts.ended === undefined : lives;
}

const table: [what: string, hears: (follower: Follower) => ReturnType<Follower["tick"]>, expected: string][] = [
  ["the state of a new relay lists it", (f) => adopt(f, { legs: [leg] }), "lives"],
  [
    "the state of a new relay lists its end",
    (f) => adopt(f, { ended: [{ began: 0, at: 1, facts: { ...leg, ended } }] }),
    "ended",
  ],
  ["the state of a new relay does not list it", (f) => [...adopt(f, {}), ...f.tick(3100)], "lives, asked"],
  ["a snapshot lists it", (f) => item(f, { type: "snapshot", legs: [leg] }), "lives"],
  ["a snapshot says that it is gone", (f) => item(f, { type: "snapshot", legs: [], gone: ["x"] }), "ended"],
  ["a snapshot does not list it", (f) => item(f, { type: "snapshot", legs: [] }), "lives, asked"],
  ["a new link says that it is gone", (f) => item(f, { type: "link-up", to: "switch", legs: [], gone: ["x"] }), "ended"],
  ["a new link does not list it", (f) => item(f, { type: "link-up", to: "switch", legs: [] }), "lives, asked"],
  ["it has ended", (f) => item(f, { type: "leg", facts: { leg: "x", ended } }), "ended"],
];

function adopt(follower: Follower, state: Parameters<typeof answer>[2]) {
  follower.onBeat({ r: "a#2", rank: 1, c: 1, at: 0, switch: up }, 1000);
  follower.tick(1000);
  return follower.onAnswer(answer("a#2", 5, state), 1000);
}

function item(follower: Follower, e: Parameters<Follower["onFeed"]>[0]["e"]) {
  return follower.onFeed({ r: "a#1", n: 2, at: 0, e }, 1000);
}

test.each(table)("a live leg, when %s", (_, hears, expected) => {
  expect(outcome(hears(desk()))).toBe(expected);
});

test("a box names its live legs, until the relay knows each", () => {
  const follower = desk();
  adopt(follower, {});
  expect(follower.tick(3100)).toContainEqual({ type: "ask", to: "a#2", r: "a#2", n: 5, legs: ["x"] });
  follower.onAnswer({ r: "a#2", rank: 1, c: 1, at: 2100, switch: up, n: 5, items: [] }, 3100);
  follower.onFeed({ r: "a#2", n: 6, at: 2100, e: { type: "leg", facts: leg } }, 3100);
  expect(follower.tick(5200)).toEqual([]);
});

describe("a relay that is asked about a leg", () => {
  const sync = JSON.stringify({ v: 1, legs: ["x", "y"] });

  test("asks the switch for those that it does not know, a stolen box's flood of them excepted", async () => {
    await using lone = await LoneRelay.start(["1001"]);
    await lone.happens({ type: "leg", facts: { desk: "1001", ...leg } });
    lone.ask("1001", "sync", sync);
    expect(lone.checked).toEqual([{ desk: "1001", leg: "y" }]);
    const names = (from: number) => Array.from({ length: 40 }, (_, index) => `z${from + index}`);
    for (let from = 0; from < 400; from += 40) lone.ask("1001", "sync", JSON.stringify({ v: 1, legs: names(from) }));
    expect(lone.checked).toHaveLength(20);
  });

  test("answers nothing about it while it has no switch", async () => {
    await using lone = await LoneRelay.start(["1001"]);
    await lone.happens({ type: "link-down", why: "off" });
    lone.ask("1001", "sync", sync);
    expect([lone.checked, lone.published.filter(([, text]) => text.includes('"leg"'))]).toEqual([[], []]);
  });
});

describe.skipIf(noNats !== "")(`with nats-server${noNats}`, () => {
  /** A call that is answered while the only relay restarts; the list of the switch has lagged since before the call. */
  async function restarted(meanwhile: (call: Awaited<ReturnType<RelayRig["sim"]["inbound"]>>) => Promise<void>) {
    const rig = await RelayRig.start(ownFolder());
    const first = await rig.relay();
    await until("the relay has no switch", () => first.relay.switch.up);
    const listener = new LineListener(rig.line());
    await listener.next("snapshot");
    rig.sim.freezeChannels();
    const call = await rig.sim.inbound({ from: "14155550123", to: "1001" });
    await listener.facts(({ rings }) => rings === true);
    await first.stop();
    await meanwhile(call);
    const from = listener.events.length;
    const { relay } = await rig.relay();
    const stop = async () => {
      listener.stop();
      await listener.ended;
      await rig[Symbol.asyncDispose]();
    };
    return { rig, relay, listener, call, from, stop };
  }

  test("it restarts while a call lasts: the call continues, with what happened meanwhile, and ends when it ends", async () => {
    const { relay, listener, call, from, stop } = await restarted((call) => call.answer());
    const { legs } = await listener.next("snapshot", () => true, from);
    expect(legs.map(({ leg }) => leg)).toEqual([call.uuid]);
    await listener.facts(({ leg, answered }) => leg === call.uuid && answered === true, from);
    expect([...relay.feed("1001")?.legs ?? []]).toEqual([call.uuid]);
    await call.callerHangsUp();
    const end = await listener.facts(({ leg, ended }) => leg === call.uuid && ended !== undefined, from);
    expect(end.ended?.cause).toBe("NORMAL_CLEARING");
    expect(listener.events.filter((event) => event.type === "snapshot" && event.legs.length === 0)).toHaveLength(1);
    await stop();
  });

  test("it restarts while a call ends: the end arrives as soon as the box has asked", async () => {
    const { listener, call, from, stop } = await restarted((call) => call.callerHangsUp());
    const end = await listener.facts(({ leg, ended }) => leg === call.uuid && ended !== undefined, from);
    expect(end.ended?.cause).toBe("GONE");
    await stop();
  });
});
