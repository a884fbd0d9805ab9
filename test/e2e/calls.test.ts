/** `telesetd calls` on the running binary: calls that sent something and calls that did not, before and after a kill. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import type { ShownCall } from "../../src/history/calls.ts";
import { type Box, noBinary } from "../support/daemon/box.ts";
import { onStage } from "../support/daemon/stage.ts";
import { ownFolder } from "../support/folder.ts";

setDefaultTimeout(60_000);

const folder = ownFolder();

async function recorded(box: Box, ...options: string[]): Promise<ShownCall[]> {
  return JSON.parse((await box.run("calls", "--json", ...options)).out);
}

describe.skipIf(noBinary !== "")(`telesetd calls${noBinary}`, () => {
  test.concurrent("a customer's call and a colleague's: what was sent, how fast, and why nothing was", () =>
    onStage({ folder }, async ({ sim, box }) => {
      expect((await box.run("calls")).out).toBe("No call is on record.\n");
      const call = await sim.inbound({ from: "14155550123", to: "1001" });
      const [live] = await recorded(box);
      expect(live).toMatchObject({ id: call.leg.uuid, party: "14155550123", direction: "inbound" });
      expect(live).not.toHaveProperty("end");
      await call.answer();
      await call.callerHangsUp();
      await box.until(
        "the events are not delivered",
        ({ outbox, desks }) => outbox.waiting === 0 && desks[0]?.calls.length === 0,
      );
      const dialled = await sim.keypad({ extension: "1001", number: "1002" });
      await dialled.hangUp();
      await box.until("the internal call has not ended", ({ desks }) => desks[0]?.calls.length === 0);

      const [internal, inbound, ...others] = await recorded(box);
      expect(others).toEqual([]);
      expect(internal).toMatchObject({ kind: "internal", party: "1002", events: [], reason: { code: "internal-number" } });
      expect(inbound?.timeline.map(({ what }) => what)).toEqual(["began", "rang", "answered", "ended"]);
      expect(inbound?.events.map(({ event, state, attempts }) => `${event} ${state} ${attempts}`)).toEqual([
        "ScreenPop delivered 1",
        "CallEstablished delivered 1",
        "CallReleased delivered 1",
      ]);
      for (const { tookMs } of inbound?.events ?? []) expect(tookMs).toBeGreaterThanOrEqual(0);
      const { out, code } = await box.run("calls", internal?.id ?? "");
      expect(code).toBe(0);
      expect(out).toContain("reason     Internal call: 1002 matches numbers.internal (^\\d{2,5}$).\n");
      expect((await box.run("calls", "nothing")).code).toBe(1);
      expect((await box.run("calls", "--desk", "1002")).code).toBe(1);
    }));

  test.concurrent("after kill -9, the calls are on record, and one that was in progress keeps its timeline", () =>
    onStage({ folder }, async ({ sim, box }) => {
      const first = await sim.inbound({ from: "14155550123", to: "1001" });
      await first.callerHangsUp();
      await box.until(
        "the first call has not ended",
        ({ outbox, desks }) => outbox.waiting === 0 && desks[0]?.calls.length === 0,
      );
      const second = await sim.inbound({ from: "14155550999", to: "1001" });
      await box.until("the second call does not ring", ({ desks }) => desks[0]?.calls[0]?.state === "ringing");
      const [began] = await recorded(box);
      await box.kill();
      await box.start();
      await box.connected();
      await second.answer();
      await second.callerHangsUp();
      await box.until(
        "the second call has not ended",
        ({ outbox, desks }) => outbox.waiting === 0 && desks[0]?.calls.length === 0,
      );
      const calls = await recorded(box);
      expect(calls.map(({ id }) => id)).toEqual([second.leg.uuid, first.leg.uuid]);
      expect(calls[0]?.timeline.map(({ what }) => what)).toEqual(["began", "rang", "answered", "ended"]);
      expect(calls[0]?.timeline.slice(0, 2)).toEqual(began?.timeline as never);
    }));
});
