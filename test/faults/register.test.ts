/** The agent's UWQ moves or another agent registers while events wait: where the rest is sent. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { Simulator } from "../../simulator/freeswitch/mod.ts";
import { referenceConfig, type Rig, startRig } from "../../src/commands/rehearsal/stage.ts";
import { openLog } from "../../src/log/log.ts";
import type { ShownEvent } from "../../src/outbox/admin.ts";
import { getJson } from "../support/get-json.ts";
import { WildCrm } from "../support/faults/wild-crm.ts";

setDefaultTimeout(60_000);

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
  const reference = referenceConfig();
  // Longer than any test lasts: a POST that hangs must not be what the rest waits for.
  const config = { ...reference, crm: { ...reference.crm, timeoutSeconds: 60 } };
  const rig = await startRig({ config, switch: { port: sim.port, password: "ClueCon" }, log: openLog(() => {}, "error", false) });
  const crm = await WildCrm.open();
  const register = (agent: string, { port }: WildCrm) =>
    rig.callout("Register", { telesetNumber: "1001", agentID: agent, ipAddress: "127.0.0.1", port: String(port) });
  const outbox = async () => await getJson<ShownEvent[]>(rig.app.socket, "/outbox?all=1");
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
  "the agent registers at another address while the CRM %s: waiting events go there at once, in order",
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
      expect(next.received(call.uuid)).toEqual(["ScreenPop", "CallEstablished", "CallReleased"]);
      next.close();
    }),
);

test.concurrent("the agent registers at another address while the old PC accepts POSTs and never answers: everything is sent to the new one at once, in order", () =>
  onStage(async ({ sim, crm, register, outbox }) => {
    const next = await WildCrm.open();
    await crm.turn("hangs");
    const calls = [
      await sim.inbound({ from: "14155550123", to: "1001" }),
      await sim.inbound({ from: "14155550124", to: "1001" }),
    ];
    await crm.until(({ posts }) => posts.length === 2);
    await register("agent-1001", next);
    for (const call of calls) await call.callerHangsUp();
    await next.until(({ posts }) => posts.length === 4);
    for (const call of calls) expect(next.received(call.uuid)).toEqual(["ScreenPop", "CallReleased"]);
    // What may have arrived at the old address is repeated: at least once.
    expect(crm.received()).toEqual(calls.map(({ uuid }) => `ScreenPop ${uuid}`));
    expect((await outbox()).map(({ to }) => to)).toEqual(Array(4).fill(`127.0.0.1:${next.port}`));
    next.close();
  }));

test.concurrent("another agent registers: waiting events of the first still go to that agent's address, and the newcomer gets the calls that start later", () =>
  onStage(async ({ sim, crm, register, outbox }) => {
    const newcomer = await WildCrm.open();
    await crm.turn("refuses");
    const call = await sim.inbound({ from: "14155550123", to: "1001" });
    await tried(outbox);
    await register("agent-other", newcomer);
    await call.answer();
    await crm.turn("answers");
    await call.callerHangsUp();
    await crm.until(({ posts }) => posts.length >= 3);
    const next = await sim.inbound({ from: "14155550124", to: "1001" });
    await next.callerHangsUp();
    await newcomer.until(({ posts }) => posts.length >= 2);
    expect(crm.received()).toEqual(["ScreenPop", "CallEstablished", "CallReleased"].map((name) => `${name} ${call.uuid}`));
    expect(newcomer.received()).toEqual([`ScreenPop ${next.uuid}`, `CallReleased ${next.uuid}`]);
    newcomer.close();
  }));

test.concurrent("another agent registers at the same address: it gets no events of the first agent's call, which wait for that agent's new address", () =>
  onStage(async ({ sim, crm, register, outbox }) => {
    const moved = await WildCrm.open();
    const call = await sim.inbound({ from: "14155550123", to: "1001" });
    await crm.until(({ posts }) => posts.length === 1);
    await register("agent-other", crm);
    await call.callerHangsUp();
    const next = await sim.inbound({ from: "14155550124", to: "1001" });
    await crm.until(({ posts }) => posts.length === 2);
    const waits = (await outbox()).find(({ state }) => state === "waiting");
    expect(waits).toMatchObject({ event: "CallReleased", call: call.uuid });
    expect(waits).not.toHaveProperty("to");
    await register("agent-1001", moved);
    await moved.until(({ posts }) => posts.length === 1);
    expect(crm.received()).toEqual([`ScreenPop ${call.uuid}`, `ScreenPop ${next.uuid}`]);
    expect(moved.received()).toEqual([`CallReleased ${call.uuid}`]);
    moved.close();
  }));

test.concurrent("the agent unregisters: waiting events are discarded; after a new Register only later calls are reported", () =>
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
    expect(crm.received()).toEqual([`ScreenPop ${next.uuid}`, `CallReleased ${next.uuid}`]);
    expect((await outbox()).find((event) => event.call === call.uuid && event.event === "CallReleased")?.why)
      .toBe("its ScreenPop was not delivered");
  }));
