/** `telesetd relay` as a process, with a box behind it: commands, signals, and kill -9 of every part while calls run. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { binary, noBinary } from "../support/daemon/box.ts";
import { FleetWay, RelayProcess } from "../support/daemon/fleet-way.ts";
import { killAgainAndAgain } from "../support/daemon/kills.ts";
import { onStage } from "../support/daemon/stage.ts";
import { TestFleet } from "../support/fleet.ts";
import { ownFolder } from "../support/folder.ts";
import { noNats } from "../support/nats.ts";
import { run } from "../support/run.ts";

setDefaultTimeout(120_000);

const folder = ownFolder();
const seed = Number(process.env["SEED"] ?? Math.floor(Math.random() * 1e9));
const missing = noBinary || noNats;

describe.skipIf(missing !== "")(`a relay${missing}`, () => {
  test("checks its configuration: every error at once, exit code 2", async () => {
    const file = join(folder, "relay.json");
    writeFileSync(
      file,
      JSON.stringify({ relay: { servers: ["x"], desks: [{ extension: "a" }] }, line: { driver: "freeswitch" } }),
    );
    const { err, code } = await run([binary, "relay", "--check", "--config", file]);
    expect(code).toBe(2);
    for (const path of ["relay.servers[0]", "relay.desks", "line.password"]) expect(err).toContain(path);
    expect((await run([binary, "check", "--config", file])).err).toContain("telesetd relay --check");
  });

  test("shows its box the calls of the desk, dials for it, and stops when it is asked to", async () => {
    await onStage({ folder }, async ({ sim, crm, box }) => {
      const way = await FleetWay.start(folder, sim.port, ["1001"]);
      await box.kill();
      box.configure({ more: { line: way.line } });
      await box.start();
      await box.connected();
      const call = await sim.inbound({ from: "14155550123", to: "1001" });
      await crm.until(({ posts }) => posts.some(({ name }) => name === "ScreenPop"));
      await call.answer();
      await crm.until(({ posts }) => posts.some(({ name }) => name === "CallEstablished"));
      // One relay stops in order, the other is killed: the call is followed all the same.
      expect(await way.relays[0]?.stop()).toBe(0);
      await call.callerHangsUp();
      await crm.until(({ posts }) => posts.some(({ name }) => name === "CallReleased"));
      expect(crm.posts.map(({ name }) => name)).toEqual(["ScreenPop", "CallEstablished", "CallReleased"]);
      await way.stop();
    });
  });

  test("with TLS and the credentials of telesetd fleet: a restart of the broker, and a call after it", async () => {
    const fleet = await TestFleet.make(join(folder, "tls"));
    await fleet.add("1001");
    await fleet.server.start();
    const broker = `tls://127.0.0.1:${fleet.port}`;
    const rights = (name: string) => ({ ca: fleet.authority, credentials: fleet.credentials(name) });
    await onStage({ folder: join(folder, "tls") }, async ({ sim, crm, box }) => {
      const relay = new RelayProcess({
        ...{ folder, name: "a", rank: 1, broker, switchPort: sim.port, desks: ["1001"] },
        more: rights("relay-a"),
      });
      await relay.start();
      await box.kill();
      box.configure({ more: { line: { driver: "relay", servers: [broker], ...rights("1001") } } });
      await box.start();
      await box.connected();
      await fleet.server.kill();
      await box.until("the box has not noticed", ({ desks }) => desks[0]?.trouble !== undefined);
      await fleet.server.start();
      await box.connected();
      const call = await sim.inbound({ from: "14155550123", to: "1001" });
      await call.answer();
      await call.callerHangsUp();
      await crm.until(({ posts }) => posts.some(({ name }) => name === "CallReleased"));
      expect(crm.posts.map(({ name }) => name)).toEqual(["ScreenPop", "CallEstablished", "CallReleased"]);
      expect(relay.log).not.toContain("refuses");
      expect(await relay.stop()).toBe(0);
    });
    await fleet.server.kill();
  });

  test(`30 kills -9 of box, broker and relays while calls run: every call ends at the CRM, once (SEED=${seed})`, async () => {
    const place = join(folder, "kills");
    mkdirSync(place);
    const { problems, ...counted } = await killAgainAndAgain({ folder: place, kills: 30, seed, fleet: true });
    process.stdout.write(`${Object.entries(counted).map(([name, count]) => `${name} ${count}`).join(", ")}\n`);
    expect(problems).toEqual([]);
    expect(counted.popped).toBeGreaterThan(10);
  });
});
