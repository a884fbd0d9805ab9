/** A whole box in its fleet, on a real nats-server: `telesetd run` with the configuration that `fleet add` has written. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { KeptBroker } from "../../../src/broker/keep.ts";
import { pushToFleet } from "../../../src/commands/fleet/push.ts";
import { waits } from "../../../src/commands/fleet/server.ts";
import { type Fleet, startFleet } from "../../../src/fleet/serve.ts";
import { openLog } from "../../../src/log/log.ts";
import { systemTimers } from "../../../src/platform/timers.ts";
import type { Status } from "../../../src/status/status.ts";
import { Output, TestFleet } from "../../support/fleet.ts";
import { ownFolder } from "../../support/folder.ts";
import { getJson } from "../../support/get-json.ts";
import { noNats } from "../../support/nats.ts";
import { quietPort } from "../../support/ports.ts";
import { until } from "../../support/until.ts";

setDefaultTimeout(60_000);

const root = join(import.meta.dir, "../../..");

describe.skipIf(noNats !== "")(`a box in its fleet${noNats}`, () => {
  const folder = ownFolder();
  const file = join(folder, "box.json");
  const socket = join(folder, "admin.sock");
  let port = 0;
  let fleet: TestFleet;
  let broker: KeptBroker;
  let relay: Fleet;
  let box: Bun.Subprocess;
  let busy: Server;

  function run(): void {
    const command = [join(root, "node_modules/.bin/bun"), join(root, "src/main.ts"), "run", "--config", file, "--socket", socket];
    const log = Bun.file(join(folder, "box.log"));
    box = Bun.spawn(command, { stdin: "ignore", stdout: log, stderr: log });
  }

  const row = () => relay.office.roster.page({}, 0, 100).rows.find(({ desk }) => desk === "1001");

  async function push(settings: object): Promise<{ code: number; text: string }> {
    const io = new Output();
    writeFileSync(join(folder, "settings.json"), JSON.stringify(settings));
    const options = { folder: fleet.folder, all: true, wait: "50" };
    return { code: await pushToFleet(join(folder, "settings.json"), options, io), text: io.text };
  }

  /** The status of the answer to a CheckStatus below a path. */
  async function checked(path: string): Promise<number> {
    const answer = await fetch(`http://127.0.0.1:${port}${path}?FunctionName=CheckStatus&telesetNumber=1001`);
    await answer.text();
    return answer.status;
  }

  beforeAll(async () => {
    Object.assign(waits, { othersMs: 100 });
    fleet = await TestFleet.make(join(folder, "fleet"));
    await fleet.server.start();
    port = await quietPort();
    const shared = join(folder, "shared.json");
    writeFileSync(
      shared,
      JSON.stringify({ http: { host: "127.0.0.1", port }, store: { path: join(folder, "box/telesetd.db") } }),
    );
    await fleet.add("1001", { imageConfig: shared });
    writeFileSync(file, fleet.read("boxes/1001.json"), { mode: 0o600 });
    const log = openLog(() => {}, "error", false);
    broker = new KeptBroker({
      servers: [`tls://127.0.0.1:${fleet.port}`],
      ca: fleet.authority,
      credentials: fleet.credentials("relay-a"),
      name: "relay-a",
      connectMs: 5000,
      log,
      timers: systemTimers,
    });
    const { config } = (JSON.parse(fleet.read("fleet.json")) as { keys: { config: string } }).keys;
    const state = join(folder, "relay");
    relay = await startFleet({ broker, prefix: "tele", name: "a", desks: ["1001"], configKey: config, stateFolder: state, log });
    busy = createServer().listen(await quietPort(), "127.0.0.1");
    run();
  });

  afterAll(async () => {
    box.kill("SIGKILL");
    await box.exited;
    busy.close();
    await relay.stop();
    await broker.close();
    await fleet.server.kill();
  });

  test("reports to the relay: without a relay that watches the switch it is in trouble, for that reason", async () => {
    const log = () => readFileSync(join(folder, "box.log"), "utf8");
    await until(() => `no report of it: ${row()?.trouble}: ${log()}`, () => /^Switch: .*relay/.test(row()?.trouble ?? ""));
    expect(row()?.state).toBe("failed");
  });

  test("uses settings that are pushed, without a restart of the process", async () => {
    expect(await checked("/")).toBe(200);
    const { pid } = box;
    expect(await push({ http: { prefix: "/k3y" } })).toMatchObject({
      code: 0,
      text: expect.stringContaining("In force at 1 of 1 box."),
    });
    expect([await checked("/"), await checked("/k3y/")]).toEqual([404, 200]);
    expect([box.pid, box.exitCode]).toEqual([pid, null]);
    const { pushed } = await getJson<Status>(socket, "/status");
    expect(pushed?.version).toBe(row()?.pushed as number);
  });

  test("returns to the settings before if it cannot start with new ones, and gives the reason", async () => {
    const { port: used } = busy.address() as { port: number };
    const { code, text } = await push({ http: { prefix: "/k3y", port: used } });
    expect({ code, text }).toEqual({
      code: 1,
      text: expect.stringContaining(`The box of desk 1001 has refused them: Cannot listen on 127.0.0.1:${used}`),
    });
    expect(await checked("/k3y/")).toBe(200);
  });

  test("has the same settings after a kill -9", async () => {
    box.kill("SIGKILL");
    await box.exited;
    run();
    await until("the box does not answer", () => checked("/k3y/").then((status) => status === 200).catch(() => false));
    expect(await checked("/")).toBe(404);
  });
});
