/** The agent's UWQ moves or another agent comes while events wait: where the rest goes. */
import { expect, test } from "bun:test";
import { Simulator } from "../../drivers/simulator/mod.ts";
import { type Rig, startRig } from "../../src/commands/rig.ts";
import { openLog } from "../../src/log.ts";
import type { ShownEvent } from "../../src/outbox/desk.ts";
import { WildCrm } from "./wild-crm.ts";

interface Stage {
  readonly sim: Simulator;
  readonly rig: Rig;
  readonly crm: WildCrm;
  readonly register: (agent: string, crm: WildCrm) => Promise<string>;
  readonly outbox: () => Promise<ShownEvent[]>;
}

async function onStage(play: (stage: Stage) => Promise<void>): Promise<void> {
  const sim = new Simulator({});
  await sim.start();
  const rig = await startRig({ switch: { port: sim.port, password: "ClueCon" }, log: openLog(() => {}, "error", false) });
  const crm = await WildCrm.open();
  const register = (agent: string, { port }: WildCrm) =>
    rig.callout("Register", { telesetNumber: "1001", agentID: agent, ipAddress: "127.0.0.1", port: String(port) });
  const outbox = async () => await (await fetch(`http://127.0.0.1:${rig.app.port}/outbox?all=1`)).json() as ShownEvent[];
  try {
    await sim.server.subscriber();
    await register("agent-1001", crm);
    await play({ sim, rig, crm, register, outbox });
  } finally {
    await rig.stop();
    crm.close();
    sim.stop();
  }
}

/** Until an attempt has failed. */
async function tried(outbox: () => Promise<ShownEvent[]>): Promise<ShownEvent> {
  for (;;) {
    const failed: ShownEvent | undefined = (await outbox()).find(({ why }) => why !== undefined);
    if (failed) return failed;
  }
}

test.concurrent.each(["refuses", "closes before the answer"] as const)(
  "the agent registers anew at another address while his CRM %s: what waits goes there at once, in order",
  (mood) =>
    onStage(async ({ sim, crm, register, outbox }) => {
      const next = await WildCrm.open();
      await crm.turn(mood);
      const call = await sim.inbound({ from: "14155550123", to: "1001" });
      await tried(outbox);
      await call.answer();
      await call.callerHangsUp();
      await register("agent-1001", next);
      await next.until(({ posts }) => posts.length >= 3);
      expect(next.told(call.uuid)).toEqual(["ScreenPop", "CallEstablished", "CallReleased"]);
      next.close();
    }),
  20_000,
);

test.concurrent(
  "his CRM hangs while he registers anew: the event on the way is tried there when its time is up",
  () =>
    onStage(async ({ sim, crm, register }) => {
      const next = await WildCrm.open();
      await crm.turn("hangs");
      const call = await sim.inbound({ from: "14155550123", to: "1001" });
      await crm.until(({ posts }) => posts.length === 1);
      await register("agent-1001", next);
      await call.callerHangsUp();
      await crm.turn("refuses");
      await next.until(({ posts }) => posts.length >= 2);
      expect(next.told(call.uuid)).toEqual(["ScreenPop", "CallReleased"]);
      next.close();
    }),
  20_000,
);

test.concurrent(
  "another agent registers: what waited for the first is retired with that reason, and he hears of calls that begin later",
  () =>
    onStage(async ({ sim, crm, register, outbox }) => {
      const other = await WildCrm.open();
      await crm.turn("refuses");
      const call = await sim.inbound({ from: "14155550123", to: "1001" });
      await tried(outbox);
      await register("agent-other", other);
      await call.answer();
      await call.callerHangsUp();
      const next = await sim.inbound({ from: "14155550124", to: "1001" });
      await next.callerHangsUp();
      await other.until(({ posts }) => posts.length >= 2);
      expect(other.told()).toEqual([`ScreenPop ${next.uuid}`, `CallReleased ${next.uuid}`]);
      const given = (await outbox()).filter((event) => event.call === call.uuid).reverse();
      expect(given.map(({ event, state }) => `${event} ${state}`)).toEqual([
        "ScreenPop retired",
        "CallEstablished retired",
        "CallReleased retired",
      ]);
      expect(given[0]?.why).toBe("agent agent-other has registered on desk 1001 in place of agent agent-1001");
      expect(given[2]?.why).toBe("agent agent-1001 is not registered on desk 1001 any more");
      other.close();
    }),
  20_000,
);

test.concurrent(
  "the agent unregisters: what waits is retired; when he comes back he hears of calls that begin later",
  () =>
    onStage(async ({ sim, rig, crm, register, outbox }) => {
      await crm.turn("refuses");
      const call = await sim.inbound({ from: "14155550123", to: "1001" });
      await tried(outbox);
      await rig.callout("Unregister", { telesetNumber: "1001", agentID: "agent-1001" });
      await crm.turn("answers");
      await register("agent-1001", crm);
      await call.answer();
      await call.callerHangsUp();
      const next = await sim.inbound({ from: "14155550124", to: "1001" });
      await next.callerHangsUp();
      await crm.until(({ posts }) => posts.length >= 2);
      expect(crm.told()).toEqual([`ScreenPop ${next.uuid}`, `CallReleased ${next.uuid}`]);
      expect((await outbox()).find((event) => event.call === call.uuid && event.event === "CallReleased")?.why)
        .toBe("its ScreenPop was not delivered");
    }),
  20_000,
);
