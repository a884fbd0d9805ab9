/** A link that is slow, whose list of live channels is wrong, or which is lost at the moment of a command. */
import { expect, setDefaultTimeout, test } from "bun:test";
import type { Connection } from "../../simulator/freeswitch/mod.ts";
import { cuts, LineRig, markOf, of, whole } from "../support/faults/line-rig.ts";

setDefaultTimeout(60_000);

/** Loses the link as soon as the switch has read a command that starts with this; the effect of the command remains. */
function cutAt(command: string, rig: LineRig, cut: (connection: Connection) => void): Promise<void> {
  return rig.sim.server.until(({ connections }) => {
    const found = connections.find(({ commands }) => commands.at(-1)?.startsWith(command));
    if (found) cut(found);
    return found !== undefined;
  });
}

test.concurrent.each(cuts)(
  "%s at the MakeCall's command: the handset rings all the same, and the call goes its way under the id that was given",
  (how) =>
    LineRig.play(how, async (rig) => {
      const dialled = rig.sim.nextDialled();
      const lost = cutAt("bgapi originate", rig, (connection) => connection[how]());
      const answer = rig.rig.callout("MakeCall", { telesetNumber: "1001", agentID: "agent-1001", dialString: "14155550123" });
      await lost;
      const call = await dialled;
      // Either the ringing was reported before the link was lost, or the outcome is unknown.
      expect(await answer).toMatch(/^<CCTSDK><\/CCTSDK>$|it is not known whether/);
      await rig.until("the link to be down", () => rig.rig.app.status().desks[0]?.switch === "down");
      await rig.up();
      await call.answer();
      await call.farAnswers();
      await call.hangUp();
      await rig.delivered(3);
      expect(await rig.all()).toEqual(of(markOf(call), whole));
      expect(rig.sim.dialled).toHaveLength(1);
    }),
);

test.concurrent("show channels lags behind a new call: the second snapshot, 2 s later, pops it", () =>
  LineRig.play("rst", async (rig) => {
    rig.sim.freezeChannels();
    await rig.lose("rst");
    const call = await rig.sim.inbound({ from: "14155550123", to: "1001" });
    await call.answer();
    await rig.back("rst");
    expect(rig.list()).toEqual([]);
    rig.sim.thawChannels();
    await rig.delivered(2);
    await call.callerHangsUp();
    expect(await rig.all()).toEqual(of(call.uuid, whole));
  }));

test.concurrent("show channels lags behind the end of a call: it lists a leg that has ended, and the call is released", () =>
  LineRig.play("fin", async (rig) => {
    const call = await rig.sim.inbound({ from: "14155550123", to: "1001" });
    await call.answer();
    await rig.delivered(2);
    rig.sim.freezeChannels();
    await rig.lose("fin");
    await call.callerHangsUp();
    await rig.back("fin");
    expect(await rig.all()).toEqual(of(call.uuid, whole));
  }));

test.concurrent("show channels lags behind a continuing call: the call is queried by its id, and is alive", () =>
  LineRig.play("rst", async (rig) => {
    rig.sim.freezeChannels();
    const call = await rig.sim.inbound({ from: "14155550123", to: "1001" });
    await call.answer();
    await rig.delivered(2);
    await rig.lose("rst");
    await rig.back("rst");
    expect(rig.rig.app.status().desks[0]?.calls.map(({ id }) => id)).toEqual([call.uuid]);
    await call.callerHangsUp();
    expect(await rig.all()).toEqual(of(call.uuid, whole));
  }));

test.concurrent("a slow link, in small pieces: all events are sent, in order, and the link is kept", () =>
  LineRig.play(undefined, async (rig) => {
    const [connection] = rig.sim.server.connections;
    if (connection) connection.pace = { chunking: { bytes: 97 }, delayMs: 3 };
    const call = await rig.sim.inbound({ from: "14155550123", to: "1001" });
    await call.answer();
    await call.callerHangsUp();
    await rig.delivered(3);
    expect(await rig.all()).toEqual(of(call.uuid, whole));
    expect(rig.sim.server.connections).toEqual(connection ? [connection] : []);
  }));

test.concurrent("the link is lost repeatedly during a call: the call keeps its id and is reported once", () =>
  LineRig.play("silence", async (rig) => {
    const call = await rig.sim.inbound({ from: "14155550123", to: "1001" });
    for (const how of cuts) {
      await rig.lose(how);
      await rig.back(how);
    }
    await call.answer();
    await call.callerHangsUp();
    expect(await rig.all()).toEqual(of(call.uuid, whole));
  }));
