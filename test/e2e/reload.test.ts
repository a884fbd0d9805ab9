/** SIGHUP and SIGTERM on the compiled binary: a new configuration takes over in the middle of calls, an end loses nothing. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { rmSync } from "node:fs";
import { sendCallout } from "../../simulator/crm/mod.ts";
import { noBinary } from "../support/daemon/box.ts";
import { onStage, register } from "../support/daemon/stage.ts";
import { quietPort } from "../support/ports.ts";
import { ownFolder } from "../support/folder.ts";

setDefaultTimeout(60_000);

const folder = ownFolder();

/** A POST to a CRM that hangs takes longer than any stop may. */
const patient = { more: { crm: { timeoutSeconds: 60 } } };

const inForce = "The new configuration is in force";

describe.skipIf(noBinary !== "")(`SIGHUP${noBinary}`, () => {
  test.concurrent("a desk comes and one goes while a third has a call: its id goes on; the popped call of the desk that goes is released", () =>
    onStage({ folder, desks: ["1001", "1002"] }, async ({ sim, crm, box }) => {
      const stays = await sim.inbound({ from: "14155550123", to: "1001" });
      await stays.answer();
      const goes = await sim.inbound({ from: "14155550124", to: "1002" });
      await crm.until(({ posts }) => posts.length === 3);
      await box.delivered();
      box.configure({ desks: ["1001", "1003"] });
      box.signal("SIGHUP");
      await box.says(inForce);
      await crm.until(({ posts }) => posts.length === 4);
      expect(crm.received(goes.uuid)).toEqual(["ScreenPop", "CallReleased"]);
      const { desks } = await box.connected();
      expect(desks.map(({ extension, calls }) => [extension, calls.map(({ id }) => id)])).toEqual([["1001", [stays.uuid]], [
        "1003",
        [],
      ]]);
      await register(box.port, "1003", crm.port);
      const comes = await sim.inbound({ from: "14155550125", to: "1003" });
      await goes.callerHangsUp();
      await stays.hold();
      await stays.callerHangsUp();
      await comes.callerHangsUp();
      await crm.until(({ posts }) => posts.length === 7);
      await box.delivered();
      expect(crm.received(stays.uuid)).toEqual(["ScreenPop", "CallEstablished", "CallReleased"]);
      expect(crm.received(goes.uuid)).toEqual(["ScreenPop", "CallReleased"]);
      expect(crm.received(comes.uuid)).toEqual(["ScreenPop", "CallReleased"]);
      expect(crm.posts).toHaveLength(7);
    }));

  test.concurrent("an invalid file is refused with all its problems, and the old configuration stays in force", () =>
    onStage({ folder }, async ({ sim, crm, box }) => {
      const call = await sim.inbound({ from: "14155550123", to: "1001" });
      await crm.until(({ posts }) => posts.length === 1);
      const { pid } = box;
      box.configure({ more: { desks: [{ extension: "12a" }], http: { port: "x" }, nonsense: 1 } });
      box.signal("SIGHUP");
      await box.says("the old configuration stays in force");
      for (const path of ["desks[0].extension", "http.port", "nonsense"]) expect(box.log).toContain(path);
      box.configure("{ this is not JSON");
      box.signal("SIGHUP");
      await box.says("the old configuration stays in force", 2);
      expect(box.log).toContain("not JSON");
      rmSync(box.config);
      box.signal("SIGHUP");
      await box.says("the old configuration stays in force", 3);
      expect(box.log).toContain("there is no such file");
      await call.callerHangsUp();
      await crm.until(({ posts }) => posts.length === 2);
      expect(crm.received(call.uuid)).toEqual(["ScreenPop", "CallReleased"]);
      expect(box.pid).toBe(pid);
    }));

  test.concurrent("another port: callouts are served there, the old one is closed; calls go on", () =>
    onStage({ folder }, async ({ sim, crm, box }) => {
      const call = await sim.inbound({ from: "14155550123", to: "1001" });
      await crm.until(({ posts }) => posts.length === 1);
      const old = box.port;
      box.configure({ port: await quietPort(), more: { store: { path: box.store } } });
      box.signal("SIGHUP");
      await box.says(inForce);
      await box.connected();
      expect(await sendCallout(box.port, "/", { FunctionName: "CheckStatus" })).toContain("CCTSDK");
      await expect(sendCallout(old, "/", { FunctionName: "CheckStatus" })).rejects.toThrow();
      await call.callerHangsUp();
      await crm.until(({ posts }) => posts.length === 2);
      expect(crm.received(call.uuid)).toEqual(["ScreenPop", "CallReleased"]);
    }));

  test.concurrent("a port that is taken: back to the old configuration, and calls go on", () =>
    onStage({ folder }, async ({ sim, crm, box }) => {
      const call = await sim.inbound({ from: "14155550123", to: "1001" });
      await crm.until(({ posts }) => posts.length === 1);
      const old = box.port;
      box.configure({ port: crm.port, more: { store: { path: box.store } } });
      box.signal("SIGHUP");
      await box.says("back to the old one");
      box.configure({ port: old });
      await box.connected();
      await call.callerHangsUp();
      await crm.until(({ posts }) => posts.length === 2);
      expect(crm.received(call.uuid)).toEqual(["ScreenPop", "CallReleased"]);
    }));

  test.concurrent("repeatedly while a call is up: its id goes on, no event is sent twice", () =>
    onStage({ folder }, async ({ sim, crm, box }) => {
      const call = await sim.inbound({ from: "14155550123", to: "1001" });
      await crm.until(({ posts }) => posts.length === 1);
      for (let time = 1; time <= 5; time++) {
        box.signal("SIGHUP");
        await box.says(inForce, time);
      }
      // Several at once are as good as one.
      for (let time = 1; time <= 5; time++) box.signal("SIGHUP");
      await box.says(inForce, 6);
      await box.connected();
      await call.answer();
      await call.callerHangsUp();
      await crm.until(({ posts }) => posts.length === 3);
      await box.delivered();
      expect(crm.received()).toEqual(["ScreenPop", "CallEstablished", "CallReleased"].map((name) => `${name} ${call.uuid}`));
    }));

  test.concurrent("SIGTERM in the middle of a reload that waits for a POST: it ends with 0 before that POST does, and nothing is lost", () =>
    onStage({ folder, ...patient }, async ({ sim, crm, box }) => {
      await crm.turn("hangs");
      const call = await sim.inbound({ from: "14155550123", to: "1001" });
      await crm.until(({ posts }) => posts.length === 1);
      box.signal("SIGHUP");
      // The reload has begun when the daemon serves no callouts any more.
      while (await sendCallout(box.port, "/", { FunctionName: "CheckStatus" }).then(() => true, () => false));
      const began = performance.now();
      expect(await box.terminate()).toBe(0);
      expect(performance.now() - began).toBeLessThan(50_000);
      await crm.turn("answers");
      await call.callerHangsUp();
      await box.start();
      await crm.until(({ posts }) => posts.some(({ name }) => name === "CallReleased"));
      expect(crm.received(call.uuid)).toEqual(["ScreenPop", "ScreenPop", "CallReleased"]);
    }));
});

describe.skipIf(noBinary !== "")(`SIGTERM${noBinary}`, () => {
  test.concurrent("while a POST hangs: it ends with 0 before that does, and the event is delivered after the next start", () =>
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

  test.concurrent("lets a POST that is answered in time come to its end: its event is sent once", () =>
    onStage({ folder }, async ({ sim, crm, box }) => {
      await crm.turn("thinks");
      const call = await sim.inbound({ from: "14155550123", to: "1001" });
      await crm.until(({ posts }) => posts.length === 1);
      box.signal("SIGTERM");
      // It has understood when it serves no callouts any more.
      while (await sendCallout(box.port, "/", { FunctionName: "CheckStatus" }).then(() => true, () => false));
      await crm.turn("answers");
      expect(await box.ended()).toBe(0);
      await box.start();
      await box.connected();
      await call.callerHangsUp();
      await crm.until(({ posts }) => posts.length === 2);
      expect(crm.received(call.uuid)).toEqual(["ScreenPop", "CallReleased"]);
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
