/** What the driver finds after every connect: calls that rang before, that were answered or ended meanwhile. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import type { Simulator } from "../../../simulator/freeswitch/mod.ts";
import { answerInstead, holdAnswer, Rig } from "../../support/freeswitch/rig.ts";

setDefaultTimeout(60_000);

const customer = { from: "14155550123", to: "1001" };

/** The events so far, in one word each. */
function kinds(rig: Rig): string[] {
  return rig.events.map((event) => event.type === "leg" && event.facts.ended ? "ended" : event.type);
}

/** Answers `show channels` with this instead. */
function showing(sim: Simulator, text: string): void {
  answerInstead(sim, (command) => command === "show" ? text : undefined);
}

describe("the first snapshot", () => {
  test.concurrent("a leg that rang before the connect, with the caller, the origin, the number dialled, and that it rings", async () => {
    await using rig = await Rig.ready({ before: (sim) => sim.inbound({ ...customer, dialled: "18005550100" }) });
    expect(await rig.snapshot()).toEqual([{
      desk: "1001",
      leg: expect.any(String),
      rings: true,
      direction: "to-desk",
      caller: { identity: "14155550123", outside: true },
      callerDialled: expect.any(String),
      farLeg: expect.any(String),
    }]);
    expect(rig.legs()).toEqual([]);
  });

  test.concurrent("the legs of colleagues and callers are not requested", async () => {
    await using rig = await Rig.ready({ before: (sim) => sim.inbound({ ...customer, to: "1002" }) });
    expect(await rig.snapshot()).toEqual([]);
    expect(rig.commands.filter((command) => command.startsWith("api uuid_dump"))).toEqual([]);
  });

  test.concurrent("answered while the link was down: answered, with the partner", async () => {
    await using rig = await Rig.ready();
    const call = await rig.ringing();
    const from = await rig.reconnect(() => call.answer());
    const partner = { identity: "14155550123", outside: true, dialledByLeg: false };
    expect(await rig.snapshot(from)).toMatchObject([{ leg: call.uuid, answered: true, farAnswered: true, partner }]);
  });

  test.concurrent("ended while the link was down: the known leg is requested, and does not exist", async () => {
    await using rig = await Rig.ready();
    const call = await rig.ringing();
    const from = await rig.reconnect(() => call.callerHangsUp());
    expect(await rig.snapshot(from)).toEqual([]);
    expect(rig.commands).toContain(`api uuid_dump ${call.uuid} json`);
  });

  test.concurrent("the far end answered while the link was down, after early media: seen on its own leg", async () => {
    await using rig = await Rig.ready();
    const call = await rig.sim.keypad({ extension: "1001", number: "914155550123" });
    await call.earlyMedia();
    expect((await rig.facts(({ farLeg }) => farLeg !== undefined)).farAnswered).toBeUndefined();
    const from = await rig.reconnect(() => call.farAnswers());
    expect(await rig.snapshot(from)).toMatchObject([{ leg: call.uuid, dialled: "914155550123", farAnswered: true }]);
  });

  test.concurrent("a known leg that the list of channels does not contain yet is found nevertheless", async () => {
    await using rig = await Rig.ready();
    rig.sim.freezeChannels();
    const call = await rig.ringing();
    const from = await rig.reconnect();
    expect(await rig.snapshot(from)).toMatchObject([{ leg: call.uuid, rings: true }]);
  });

  test.concurrent.each([
    ["no JSON", "hello", true],
    ["half of it", '{"row_count":1,"rows":[{"uuid":', true],
    ["rows that are not a list", '{"rows":5}', true],
    ["rows without anything", '{"rows":[null,5,{}]}', false],
    ["a number", "5", false],
    ["values that are not text", '{"rows":[{"uuid":{"toString":1},"presence_id":["1001@127.0.0.1"],"name":{}}]}', false],
  ])("a list of channels that is %s: the known legs are queried", async (_name, list, isWarned) => {
    await using rig = await Rig.ready();
    const call = await rig.ringing();
    showing(rig.sim, list);
    const from = await rig.reconnect();
    expect(await rig.snapshot(from)).toMatchObject([{ leg: call.uuid, rings: true }]);
    expect(rig.lines.some((line) => line.includes("Cannot read the switch's list of channels"))).toBe(isWarned);
  });

  test.concurrent.each(["x json\n\napi reload", "a b", "", "x".repeat(61)])(
    "the id %j in the list is not sent as a command",
    async (uuid) => {
      const rows = [{ uuid, presence_id: "1001@127.0.0.1", name: "sofia/internal/1001" }];
      await using rig = await Rig.ready({ before: (sim) => showing(sim, JSON.stringify({ row_count: 1, rows })) });
      expect(await rig.snapshot()).toEqual([]);
      expect(rig.commands.filter((command) => !/^(auth|filter|event|api show|api sofia_contact) /.test(command))).toEqual([]);
    },
  );
});

describe("events during the first snapshot", () => {
  test.concurrent("of a leg that started after the list was made: reported after the snapshot", async () => {
    await using rig = await Rig.open({ before: (sim) => sim.server.refuse() });
    await rig.next("link-down");
    const held = holdAnswer(rig.sim, "show");
    await rig.sim.server.listen();
    await rig.connectAgain();
    await held.asked;
    const call = await rig.sim.inbound(customer);
    held.release();
    const reported = await rig.facts(({ rings }) => rings === true);
    expect(reported).toMatchObject({ leg: call.uuid, caller: { identity: "14155550123" } });
    expect(await rig.snapshot()).toEqual([]);
    const order = rig.events.map(({ type }) => type).filter((type) => type !== "link-down");
    expect(order.slice(0, 4)).toEqual(["link-up", "snapshot", "phone", "leg"]);
  });

  test.concurrent("newer than what was read of the leg: reported after the snapshot", async () => {
    await using rig = await Rig.ready();
    const call = await rig.sim.inbound(customer);
    const held = holdAnswer(rig.sim, "uuid_dump");
    const from = rig.events.length;
    rig.sim.cut("rst");
    await rig.connectAgain();
    await held.asked;
    await call.answer();
    held.release();
    const [seen] = await rig.snapshot(from);
    expect([seen?.rings, seen?.answered]).toEqual([true, undefined as never]);
    expect((await rig.facts(({ answered }) => answered === true, from)).leg).toBe(call.uuid);
  });

  test.concurrent("older than what was read of the leg: not reported again", async () => {
    await using rig = await Rig.open({ before: (sim) => sim.server.refuse() });
    await rig.next("link-down");
    const held = holdAnswer(rig.sim, "show");
    const list = rig.sim.api.bind(rig.sim);
    await rig.sim.server.listen();
    await rig.connectAgain();
    await held.asked;
    const call = await rig.sim.inbound(customer);
    rig.known = [{ desk: "1001", leg: call.uuid }];
    rig.sim.api = list;
    held.release();
    expect(await rig.snapshot()).toMatchObject([{ leg: call.uuid, rings: true }]);
    await rig.next("phone");
    await call.callerHangsUp();
    await rig.facts(({ ended }) => ended !== undefined);
    expect(rig.legs()[0]).toMatchObject({ leg: call.uuid, ended: { cause: "ORIGINATOR_CANCEL" } });
  });
});

describe("the second snapshot", () => {
  test.concurrent("after 2 s it finds what the list of channels did not contain yet", async () => {
    await using rig = await Rig.ready({
      before: async (sim) => {
        sim.freezeChannels();
        await sim.inbound(customer);
      },
    });
    expect(await rig.snapshot()).toEqual([]);
    rig.sim.thawChannels();
    await rig.startSecondSnapshot();
    expect(await rig.snapshot(3)).toMatchObject([{ rings: true, caller: { identity: "14155550123" } }]);
  });

  test.concurrent("a leg that begins meanwhile is reported at once, and is in the snapshot", async () => {
    await using rig = await Rig.ready();
    const held = holdAnswer(rig.sim, "show");
    await rig.startSecondSnapshot();
    await held.asked;
    const call = await rig.sim.inbound(customer);
    await rig.facts(({ rings }) => rings === true);
    held.release();
    expect(await rig.snapshot(3)).toEqual([{ desk: "1001", leg: call.uuid }]);
    expect(kinds(rig).lastIndexOf("snapshot")).toBeGreaterThan(kinds(rig).lastIndexOf("leg"));
  });

  test.concurrent("a leg whose id changes meanwhile is in the snapshot under the new one", async () => {
    await using rig = await Rig.ready();
    const call = await rig.ringing();
    const held = holdAnswer(rig.sim, "uuid_dump");
    await rig.startSecondSnapshot();
    await held.asked;
    const [from, to] = [call.uuid, crypto.randomUUID()];
    rig.sim.sw.fireFor("CHANNEL_UUID", call.leg, { after: { "Old-Unique-ID": from, "Unique-ID": to } });
    await rig.next("leg-renamed", (event) => event.from === from && event.to === to);
    held.release();
    expect(await rig.snapshot(rig.events.length)).toEqual([{ desk: "1001", leg: to }]);
  });

  test.concurrent("a leg that ends meanwhile is reported at once, and is not in the snapshot", async () => {
    await using rig = await Rig.ready();
    const call = await rig.ringing();
    const held = holdAnswer(rig.sim, "uuid_dump");
    await rig.startSecondSnapshot();
    await held.asked;
    await call.callerHangsUp();
    await rig.facts(({ ended }) => ended !== undefined);
    held.release();
    expect(await rig.snapshot(rig.events.length)).toEqual([]);
  });

  test.concurrent("is not taken on a closed connection", async () => {
    await using rig = await Rig.ready();
    const from = await rig.reconnect();
    await rig.startSecondSnapshot();
    await rig.next("snapshot", () => true, from + 4);
    expect(rig.commands.filter((command) => command.startsWith("api show"))).toHaveLength(3);
  });
});
