/** The daemon on a full disk: the CRM gets every event, the status shows the trouble, nothing is lost once there is room. */
import { describe, expect, onTestFinished, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { sendCallout, SmallCrm } from "../../simulator/crm/mod.ts";
import { openStore } from "../../src/store/sqlite.ts";
import { startInside } from "../support/daemon/inside.ts";
import { noMount, SmallDisk } from "../support/mounts.ts";

setDefaultTimeout(60_000);

describe.skipIf(noMount !== "")(`on a small disk${noMount}`, () => {
  test("full in the middle of a call: all events are sent, the status reports it, and once there is room the record is complete", async () => {
    const disk = SmallDisk.mount("256k");
    if (!disk) throw new Error("Cannot mount");
    onTestFinished(() => disk.undo());
    const crm = await SmallCrm.open();
    const path = join(disk.path, "telesetd.db");
    const { app, sim } = await startInside({ change: (config) => ({ ...config, store: { ...config.store, path } }) });
    await sendCallout(app.port, "/", { FunctionName: "Register", telesetNumber: "1001", agentID: "7", port: String(crm.port) });
    await sim.server.subscriber();
    const call = await sim.inbound({ from: "14155550123", to: "1001" });
    await crm.until(1, 5000);
    disk.fill();
    // More than the file system's last page takes.
    for (let n = 0; n < 10; n++) {
      const lost = await sim.inbound({ from: `1415555020${n}`, to: "1001" });
      await lost.callerHangsUp();
    }
    await call.answer();
    await call.callerHangsUp();
    expect(await crm.until(23, 5000)).toBe(true);
    expect(app.status().storeTrouble).toBe(`cannot write the store ${path}: the disk is full`);
    disk.makeRoom();
    await app.stop();
    const store = openStore(path);
    const record = store.list(true, 100);
    expect(record).toHaveLength(23);
    expect(record.filter(({ settlement }) => settlement !== "delivered")).toEqual([]);
    expect(record.filter(({ event }) => event.call === call.uuid).map(({ event }) => event.name)).toEqual(
      ["CallReleased", "CallEstablished", "ScreenPop"],
    );
    expect(store.desks()[0]?.calls).toEqual([]);
    store.close();
    crm.close();
  });
});
