/** `telesetd apply` to the compiled binary in the middle of calls: ids, registrations and events outlive it. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { sendCallout } from "../../simulator/crm/mod.ts";
import { changed } from "../support/daemon/applied.ts";
import { noBinary } from "../support/daemon/box.ts";
import { onStage, register } from "../support/daemon/stage.ts";
import { quietPort } from "../support/ports.ts";
import { ownFolder } from "../support/folder.ts";

setDefaultTimeout(60_000);

const folder = ownFolder();

describe.skipIf(noBinary !== "")(`apply${noBinary}`, () => {
  test.concurrent("a desk comes and one goes while a third has a call: the call keeps its id; the popped call of the desk that goes is released", () =>
    onStage({ folder, desks: ["1001", "1002"] }, async ({ sim, crm, box }) => {
      const stays = await sim.inbound({ from: "14155550123", to: "1001" });
      await stays.answer();
      const goes = await sim.inbound({ from: "14155550124", to: "1002" });
      await crm.until(({ posts }) => posts.length === 3);
      await box.delivered();
      expect(await changed(box, { desks: ["1001", "1003"] })).toEqual({ code: 0, err: "" });
      await crm.until(({ posts }) => posts.length === 4);
      expect(crm.received(goes.uuid)).toEqual(["ScreenPop", "CallReleased"]);
      const { desks } = await box.connected();
      expect(desks.map(({ extension, calls }) => [extension, calls.map(({ id }) => id)])).toEqual([
        ["1001", [stays.uuid]],
        ["1003", []],
      ]);
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

  test.concurrent("another port: callouts are served there, the old one is closed; calls go on", () =>
    onStage({ folder }, async ({ sim, crm, box }) => {
      const call = await sim.inbound({ from: "14155550123", to: "1001" });
      await crm.until(({ posts }) => posts.length === 1);
      const old = box.port;
      expect(await changed(box, { port: await quietPort(), more: { store: { path: box.store } } })).toEqual({ code: 0, err: "" });
      await box.connected();
      expect(await sendCallout(box.port, "/", { FunctionName: "CheckStatus" })).toContain("CCTSDK");
      await expect(sendCallout(old, "/", { FunctionName: "CheckStatus" })).rejects.toThrow();
      await call.callerHangsUp();
      await crm.until(({ posts }) => posts.length === 2);
      expect(crm.received(call.uuid)).toEqual(["ScreenPop", "CallReleased"]);
    }));

  test.concurrent("a port that is taken: back to the old configuration, with the reason, and calls go on", () =>
    onStage({ folder }, async ({ sim, crm, box }) => {
      const call = await sim.inbound({ from: "14155550123", to: "1001" });
      await crm.until(({ posts }) => posts.length === 1);
      const old = box.port;
      const { code, err } = await changed(box, { port: crm.port, more: { store: { path: box.store } } });
      expect(code).toBe(1);
      expect(err).toContain(`telesetd did not become ready with this configuration: Cannot listen on 127.0.0.1:${crm.port}`);
      expect(err).toContain("The old configuration is in force again");
      box.configure({ port: old });
      await box.connected();
      await call.callerHangsUp();
      await crm.until(({ posts }) => posts.length === 2);
      expect(crm.received(call.uuid)).toEqual(["ScreenPop", "CallReleased"]);
    }));

  test.concurrent("repeatedly while a call is up: its id and the registration continue, no event is sent twice", () =>
    onStage({ folder }, async ({ sim, crm, box }) => {
      const call = await sim.inbound({ from: "14155550123", to: "1001" });
      await crm.until(({ posts }) => posts.length === 1);
      for (let time = 1; time <= 3; time++) expect((await changed(box, {})).code).toBe(0);
      await box.connected();
      await call.answer();
      await call.callerHangsUp();
      await crm.until(({ posts }) => posts.length === 3);
      await box.delivered();
      expect(crm.received()).toEqual(["ScreenPop", "CallEstablished", "CallReleased"].map((name) => `${name} ${call.uuid}`));
    }));
});
