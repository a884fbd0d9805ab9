/** The signals that stop the compiled binary: nothing is lost. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { sendCallout } from "../../simulator/crm/mod.ts";
import { noBinary } from "../support/daemon/box.ts";
import { onStage } from "../support/daemon/stage.ts";
import { ownFolder } from "../support/folder.ts";

setDefaultTimeout(60_000);

const folder = ownFolder();

/** A POST to a CRM that hangs takes longer than any stop may. */
const patient = { more: { crm: { timeoutSeconds: 60 } } };

describe.skipIf(noBinary !== "")(`SIGTERM${noBinary}`, () => {
  test.concurrent("while a POST hangs: it exits with 0 before the POST ends, and the event is delivered after the next start", () =>
    onStage({ folder, ...patient }, async ({ sim, crm, box }) => {
      await crm.turn("hangs");
      const call = await sim.inbound({ from: "14155550123", to: "1001" });
      await crm.until(({ posts }) => posts.length === 1);
      await call.callerHangsUp();
      const began = performance.now();
      expect(await box.terminate()).toBe(0);
      expect(performance.now() - began).toBeLessThan(50_000);
      await crm.turn("answers");
      await box.start();
      await crm.until(({ posts }) => posts.some(({ name }) => name === "CallReleased"));
      expect(crm.received(call.uuid)).toEqual(["ScreenPop", "ScreenPop", "CallReleased"]);
    }));

  test.concurrent("waits for a POST that is answered in time: its event is sent once", () =>
    onStage({ folder }, async ({ sim, crm, box }) => {
      await crm.turn("thinks");
      const call = await sim.inbound({ from: "14155550123", to: "1001" });
      await crm.until(({ posts }) => posts.length === 1);
      box.signal("SIGTERM");
      // It has handled the signal when it no longer serves callouts.
      while (await sendCallout(box.port, "/", { FunctionName: "CheckStatus" }).then(() => true, () => false));
      await crm.turn("answers");
      expect(await box.ended()).toBe(0);
      await box.start();
      await box.connected();
      await call.callerHangsUp();
      await crm.until(({ posts }) => posts.length === 2);
      expect(crm.received(call.uuid)).toEqual(["ScreenPop", "CallReleased"]);
    }));

  test.concurrent("SIGHUP, from a closed terminal, ends it as well", () =>
    onStage({ folder }, async ({ box }) => {
      box.signal("SIGHUP");
      expect(await box.ended()).toBe(0);
      expect(box.log).toContain("telesetd has stopped");
    }));

  test.concurrent("the log names the start and the end, and no number of a customer", () =>
    onStage({ folder }, async ({ sim, crm, box }) => {
      const call = await sim.inbound({ from: "14155550123", to: "1001" });
      await call.callerHangsUp();
      await crm.until(({ posts }) => posts.length === 2);
      expect(await box.terminate()).toBe(0);
      expect(box.log).toContain("telesetd is running");
      expect(box.log).toContain("telesetd has stopped");
      expect(box.log).not.toContain("14155550123");
    }));
});
