/** A broker that delivers anything: what is huge, malformed, foreign, late or repeated neither ends nor changes a call. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { openBroker } from "../../../src/broker/open.ts";
import { beatSubject, deskSubject } from "../../../src/broker/subjects.ts";
import { ownFolder } from "../../support/folder.ts";
import { LineListener } from "../../support/line-listener.ts";
import { noNats } from "../../support/nats.ts";
import { RelayRig } from "../../support/relay-rig.ts";
import { until } from "../../support/until.ts";

setDefaultTimeout(60_000);

const folder = ownFolder();
const ended = { cause: "NORMAL_CLEARING", why: "Over." };

describe.skipIf(noNats !== "")(`with nats-server${noNats}`, () => {
  test("a call survives everything that somebody publishes on the desk's subjects", async () => {
    await using rig = await RelayRig.start(folder);
    const { relay } = await rig.relay();
    await until("the relay has no switch", () => relay.switch.up);
    const listener = new LineListener(rig.line());
    await listener.next("snapshot");
    const call = await rig.sim.inbound({ from: "14155550123", to: "1001" });
    await listener.facts(({ rings }) => rings === true);
    const n = relay.feed("1001")?.last ?? 0;
    const hostile = await openBroker(
      { servers: [rig.url], name: "hostile", connectMs: 5000, random: () => 0 },
      new AbortController().signal,
    );
    const over = { type: "leg", facts: { leg: call.uuid, ended } };
    const line = (message: object) => hostile.publish(deskSubject("tele", "1001", "line"), JSON.stringify(message));
    line({ v: 1, r: relay.id, n: n - 1, at: 0, e: over });
    line({ v: 2, r: relay.id, n: n + 1, at: 0, e: over });
    line({ v: 1, r: "other#1", n: 1, at: 0, e: over });
    line({ v: 1, r: relay.id, n: n + 1, at: 0, e: { type: "leg", facts: { leg: 7 } } });
    line({ v: 1, r: relay.id, n: n + 1, at: 0, e: { type: "leg", facts: { leg: "x".repeat(900_000), ended } } });
    line({ v: 1, r: relay.id, n: n + 9, at: 0, e: over });
    for (const text of ["", "{", "null", "[1]", "\u0000", "x".repeat(1_000_000)]) {
      hostile.publish(deskSubject("tele", "1001", "line"), text);
      hostile.publish(beatSubject("tele"), text);
    }
    for (let index = 0; index < 2000; index++) {
      hostile.publish(
        beatSubject("tele"),
        JSON.stringify({ v: 1, r: `b${index}#1`, rank: 0, c: 0, at: 0, switch: { up: false, why: "?" } }),
      );
    }
    await hostile.flush();
    await call.answer();
    await listener.facts(({ leg, answered }) => leg === call.uuid && answered === true);
    await call.callerHangsUp();
    const end = await listener.facts(({ leg, ended }) => leg === call.uuid && ended !== undefined);
    expect(end.ended?.why).not.toBe(ended.why);
    expect(listener.events.filter((event) => event.type === "leg" && event.facts.ended)).toHaveLength(1);
    expect(listener.events.some(({ type }) => type === "link-down")).toBe(false);
    hostile.close();
    listener.stop();
    await listener.ended;
  });

  test("two relays: one dies during a call, and the line stays up without a gap", async () => {
    await using rig = await RelayRig.start(folder);
    const first = await rig.relay("a", 1);
    const second = await rig.relay("b", 2);
    await until("the relays have no switch", () => first.relay.switch.up && second.relay.switch.up);
    const listener = new LineListener(rig.line());
    await listener.next("snapshot");
    const call = await rig.sim.inbound({ from: "14155550123", to: "1001" });
    await listener.facts(({ rings }) => rings === true);
    await first.stop();
    await call.answer();
    // The other relay is ahead: it is asked for the state of the desk.
    await listener.next("snapshot", ({ legs }) => legs.some(({ leg, answered }) => leg === call.uuid && answered));
    await call.callerHangsUp();
    await listener.facts(({ leg, ended }) => leg === call.uuid && ended !== undefined);
    expect(listener.events.some(({ type }) => type === "link-down")).toBe(false);
    expect(await listener.dial()).toEqual({ outcome: "done" });
    expect(rig.sim.dialled).toHaveLength(1);
    listener.stop();
    await listener.ended;
  });

  test("a box with two desks has one connection, and each desk its own calls", async () => {
    await using rig = await RelayRig.start(folder, { desks: ["1001", "1002"] });
    await rig.relay();
    const listener = new LineListener(rig.line(["1001", "1002"]));
    await listener.next("snapshot", ({ desks }) => desks.includes("1001"));
    await listener.next("snapshot", ({ desks }) => desks.includes("1002"));
    const calls = [
      await rig.sim.inbound({ from: "14155550123", to: "1001" }),
      await rig.sim.inbound({ from: "14155550124", to: "1002" }),
    ];
    for (const [index, call] of calls.entries()) {
      expect((await listener.facts(({ leg }) => leg === call.uuid)).desk).toBe(`100${index + 1}`);
    }
    expect(await rig.boxes()).toBe(1);
    listener.stop();
    await listener.ended;
  });
});
