/** `telesetd outbox list | show | retry | drop` on the running binary: the waiting events, their attempts and their outcomes. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { sendCallout } from "../../simulator/crm/mod.ts";
import type { ShownEvent } from "../../src/outbox/admin.ts";
import { Box, noBinary } from "../support/daemon/box.ts";
import { onStage, type Stage } from "../support/daemon/stage.ts";
import { quietPort } from "../support/ports.ts";
import { ownFolder } from "../support/folder.ts";

setDefaultTimeout(60_000);

const folder = ownFolder();

/** The events on record, oldest first. */
const record = async (box: Box) => (await box.outbox()).reverse();

/** A call that starts and ends while the CRM refuses; resolves with its id. */
async function missedCall({ sim, crm }: Stage): Promise<string> {
  await crm.turn("refuses");
  const call = await sim.inbound({ from: "14155550123", to: "1001" });
  await call.answer();
  await call.callerHangsUp();
  return call.uuid;
}

/** The same, when an attempt has failed. */
async function missed(stage: Stage): Promise<string> {
  const call = await missedCall(stage);
  await stage.box.until("no attempt has failed", ({ outbox }) => outbox.waiting === 3);
  await stage.box.says("Cannot deliver to the CRM yet");
  return call;
}

/** The same, when all three have been discarded, as the ScreenPop's time is short here. */
async function givenUp(stage: Stage): Promise<string> {
  const call = await missedCall(stage);
  await stage.box.says("event=CallReleased why=");
  await stage.box.until("the events are not discarded", ({ outbox }) => outbox.waiting === 0);
  return call;
}

const short = { outbox: { screenPopSeconds: 0.4 } };

describe.skipIf(noBinary !== "")(`telesetd outbox${noBinary}`, () => {
  test.concurrent("list: the waiting events, with the reason, the age, the attempts and the next attempt; --json the same for machines", () =>
    onStage({ folder }, async (stage) => {
      const { box } = stage;
      expect(await box.run("outbox", "list")).toEqual({
        out: "No event is waiting. (--all shows finished ones too.)\n",
        err: "",
        code: 0,
      });
      const call = await missed(stage);
      const { out, code } = await box.run("outbox", "list");
      expect(code).toBe(0);
      const lines = out.trimEnd().split("\n");
      expect(lines.pop()).toBe("3 events waiting.");
      expect(lines.map((line) => /(ScreenPop|CallEstablished|CallReleased)/.exec(line)?.[0])).toEqual(
        ["CallReleased", "CallEstablished", "ScreenPop"],
      );
      expect(lines[2]).toMatch(
        new RegExp(
          `^ +1  waiting    ScreenPop +desk 1001, agent agent-1001, call ${call}, \\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\d, \\d+ attempts?, next 20.*: ` +
            `Nothing listens at 127\\.0\\.0\\.1:\\d+: `,
        ),
      );
      for (const line of lines.slice(0, 2)) expect(line).toEndWith(", waits for event 1");
      expect((await box.run("outbox")).out.split("\n").at(-2)).toBe("3 events waiting.");
      expect((await box.run("outbox", "--utc")).out).toMatch(/call [^,]+, \d{4}-\d\d-\d\dT[\d:.]+Z, /);
      const shown = JSON.parse((await box.run("outbox", "list", "--json")).out) as ShownEvent[];
      expect(shown.map(({ id, state, event }) => [id, state, event])).toEqual([
        [3, "waiting", "CallReleased"],
        [2, "waiting", "CallEstablished"],
        [1, "waiting", "ScreenPop"],
      ]);
      expect(shown[2]?.attempts).toBeGreaterThan(0);
      expect(Date.parse(shown[2]?.next ?? "")).toBeGreaterThan(Date.parse(shown[2]?.created ?? ""));
    }));

  test.concurrent("list: a call that arrived while no agent was registered is named below the list", () =>
    onStage({ folder }, async ({ box, sim }) => {
      await sendCallout(box.port, "/", { FunctionName: "Unregister", telesetNumber: "1001", agentID: "agent-1001" });
      await (await sim.inbound({ from: "14155550123", to: "1001" })).callerHangsUp();
      await box.until("the call is not counted", ({ desks }) => desks[0]?.unattended !== undefined);
      const { out } = await box.run("outbox", "list", "--all");
      expect(out).toMatch(
        /^The outbox is empty\.\nDesk 1001: 1 call arrived while no agent was registered, \d+ seconds? ago: the CRM got no events\.\n$/,
      );
    }));

  test.concurrent("list --all: delivered and discarded events too, also after a kill -9", () =>
    onStage({ folder, more: short }, async (stage) => {
      const { crm, sim, box } = stage;
      const lost = await givenUp(stage);
      await crm.turn("answers");
      const call = await sim.inbound({ from: "14155550124", to: "1001" });
      await call.callerHangsUp();
      await crm.until(({ posts }) => posts.length === 2);
      await box.delivered();
      await box.kill();
      await box.start();
      const { out } = await box.run("outbox", "list", "--all");
      const lines = out.trimEnd().split("\n");
      expect(lines.pop()).toBe("5 events: 2 delivered, 3 discarded.");
      const states = lines.map((line) => /(delivered|discarded) +(\w+) .*call ([^,]*),/.exec(line)?.slice(1).join(" "));
      expect(states).toEqual([
        `delivered CallReleased ${call.uuid}`,
        `delivered ScreenPop ${call.uuid}`,
        `discarded CallReleased ${lost}`,
        `discarded CallEstablished ${lost}`,
        `discarded ScreenPop ${lost}`,
      ]);
      expect(out).toContain("its ScreenPop was not delivered");
    }));

  test.concurrent("show: one event with its data; for an unknown id a sentence and exit code 1", () =>
    onStage({ folder }, async (stage) => {
      const { box } = stage;
      const call = await missed(stage);
      const { out, code } = await box.run("outbox", "show", "1");
      expect(code).toBe(0);
      expect(out).toContain(`call ${call}`);
      expect(out).toContain('"ani": "14155550123"');
      expect(JSON.parse((await box.run("outbox", "show", "1", "--json")).out)).toMatchObject({
        id: 1,
        event: "ScreenPop",
        data: { call, dnis: "1001" },
      });
      for (const id of ["99", "x"]) {
        for (const command of ["show", "retry", "drop"]) {
          const answer = await box.run("outbox", command, id);
          expect([command, id, answer.out, answer.code]).toEqual([command, id, "", 1]);
          expect(answer.err).toBe("There is no such event in the outbox: see telesetd outbox list --all\n");
        }
      }
    }));

  test.concurrent("drop: the event is discarded with that reason, and the rest of its call with it", () =>
    onStage({ folder }, async (stage) => {
      const { box, crm } = stage;
      await missed(stage);
      const { out, code } = await box.run("outbox", "drop", "1");
      expect([out.startsWith("Discarded:"), code]).toEqual([true, 0]);
      await crm.turn("answers");
      await box.delivered();
      expect((await record(box)).map(({ state, why }) => [state, why])).toEqual([
        ["discarded", "dropped by the administrator"],
        ["discarded", "its ScreenPop was not delivered"],
        ["discarded", "its ScreenPop was not delivered"],
      ]);
      expect(crm.posts).toEqual([]);
      // A dropped event does not wait: there is nothing to drop again.
      expect(await box.run("outbox", "drop", "1")).toMatchObject({
        code: 1,
        err: expect.stringMatching(/^Event 1 was discarded at (20\S+ )?\d\d:\d\d:\d\d: nothing to drop\.\n$/),
      });
    }));

  test.concurrent("retry --all after a ScreenPop and its followers were discarded: all arrive, in order", () =>
    onStage({ folder, more: short }, async (stage) => {
      const { box, crm } = stage;
      const call = await givenUp(stage);
      await crm.turn("answers");
      expect(await box.run("outbox", "retry", "--all")).toEqual({ out: "Retried 3 events.\n", err: "", code: 0 });
      await crm.until(({ posts }) => posts.length === 3);
      await box.delivered();
      expect(crm.received(call)).toEqual(["ScreenPop", "CallEstablished", "CallReleased"]);
      expect((await record(box)).map(({ state }) => state)).toEqual(["delivered", "delivered", "delivered"]);
    }));

  test.concurrent("retry of the followers first, then of the ScreenPop: none waits for another, each arrives once", () =>
    onStage({ folder, more: short }, async (stage) => {
      const { box, crm } = stage;
      const call = await givenUp(stage);
      await crm.turn("answers");
      for (const id of ["3", "1", "2"]) {
        const { out, code } = await box.run("outbox", "retry", id);
        expect([out.startsWith("Retrying:"), code]).toEqual([true, 0]);
        await box.delivered();
      }
      expect(crm.received(call).sort()).toEqual(["CallEstablished", "CallReleased", "ScreenPop"]);
    }));

  test.concurrent("retry of a waiting event: it is tried at once; of a delivered one: nothing to retry", () =>
    onStage({ folder }, async (stage) => {
      const { box, crm } = stage;
      const call = await missed(stage);
      // The pause after the fourth attempt is 2 to 4 s: nothing but the command ends it.
      for (let attempts = 0; attempts < 4;) attempts = (await record(box))[0]?.attempts ?? 0;
      await crm.turn("answers");
      expect((await box.run("outbox", "retry", "1", "--json")).code).toBe(0);
      await box.delivered();
      expect(crm.received(call)).toEqual(["ScreenPop", "CallEstablished", "CallReleased"]);
      const retried = await box.run("outbox", "retry", "1");
      expect(retried.code).toBe(1);
      expect(retried.err).toMatch(/^Event 1 was delivered at (20\S+ )?\d\d:\d\d:\d\d: nothing to retry\.\n$/);
      const dropped = await box.run("outbox", "drop", "1");
      expect([dropped.code, dropped.err]).toEqual([1, retried.err.replace("retry", "drop")]);
      expect(crm.posts).toHaveLength(3);
    }));

  test.concurrent("without a daemon it reports that with exit code 1; wrong usage is exit code 2", async () => {
    const box = new Box({ folder, port: await quietPort(), switchPort: 1 });
    for (const args of [["list"], ["show", "1"], ["retry", "--all"], ["drop", "1"]]) {
      const { out, err, code } = await box.run("outbox", ...args);
      expect([out, code]).toEqual(["", 1]);
      expect(err).toContain(`telesetd is not running: there is no socket ${box.socket}.`);
    }
    for (const args of [["retry"], ["retry", "1", "--all"], ["show"], ["nonsense"]]) {
      expect((await box.run("outbox", ...args)).code).toBe(2);
    }
  });
});
