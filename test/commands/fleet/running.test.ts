/** `telesetd fleet revoke`, `status` and `push` with a running nats-server, a relay's part of the fleet, and boxes. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { connect, credsAuthenticator, type NatsConnection } from "@nats-io/transport-node";
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { lineSchemas } from "../../../drivers/registry.ts";
import { KeptBroker } from "../../../src/broker/keep.ts";
import { addToFleet } from "../../../src/commands/fleet/add.ts";
import { initFleet } from "../../../src/commands/fleet/init.ts";
import { pushToFleet } from "../../../src/commands/fleet/push.ts";
import { revokeFromFleet } from "../../../src/commands/fleet/revoke.ts";
import { waits } from "../../../src/commands/fleet/server.ts";
import { fleetStatus } from "../../../src/commands/fleet/status.ts";
import { type Config, parseConfig } from "../../../src/config/schema.ts";
import { Pushed } from "../../../src/fleet/pushed.ts";
import { startReporter } from "../../../src/fleet/reporter.ts";
import { type Fleet, startFleet } from "../../../src/fleet/serve.ts";
import { openLog } from "../../../src/log/log.ts";
import { systemTimers } from "../../../src/platform/timers.ts";
import { Output, TestFleet } from "../../support/fleet.ts";
import { ownFolder } from "../../support/folder.ts";
import { NatsServer, noNats } from "../../support/nats.ts";
import { wellStatus } from "../../support/page/page.ts";
import { quietPort } from "../../support/ports.ts";
import { until } from "../../support/until.ts";

setDefaultTimeout(60_000);

const log = openLog(() => {}, "error", false);
const site = ownFolder();

beforeAll(() => Object.assign(waits, { othersMs: 100 }));

describe.skipIf(noNats !== "")(`fleet revoke${noNats}`, () => {
  const open: NatsConnection[] = [];
  const fleets: TestFleet[] = [];

  async function made(name: string): Promise<TestFleet> {
    const fleet = await TestFleet.make(join(site, name));
    fleets.push(fleet);
    await fleet.server.start();
    await fleet.add("1001");
    await fleet.add("1002");
    return fleet;
  }

  async function login(fleet: TestFleet, credentials: string): Promise<NatsConnection> {
    const connection = await connect({
      servers: `127.0.0.1:${fleet.port}`,
      tls: { ca: fleet.authority },
      authenticator: credsAuthenticator(new TextEncoder().encode(credentials)),
      reconnect: false,
    });
    open.push(connection);
    return connection;
  }

  afterAll(async () => {
    await Promise.all(open.map((connection) => connection.close()));
    await Promise.all(fleets.map(({ server }) => server.kill()));
  });

  test("ends the box's connection and refuses its credential, also after a restart; the others stay", async () => {
    const fleet = await made("revoke");
    const [thief, colleague] = [await login(fleet, fleet.credentials("1001")), await login(fleet, fleet.credentials("1002"))];
    const io = new Output();
    expect(await revokeFromFleet("1001", { folder: fleet.folder }, io)).toBe(0);
    expect(io.text).toBe("1001 is shut out.\n");
    expect(String(await thief.closed())).toContain("Revoked");
    await expect(login(fleet, fleet.credentials("1001"))).rejects.toThrow("Authorization Violation");
    await colleague.flush();
    await fleet.server.kill();
    await fleet.server.start();
    await expect(login(fleet, fleet.credentials("1001"))).rejects.toThrow("Authorization Violation");
    await login(fleet, fleet.credentials("1002"));
  });

  test("reaches a server that is new, by its configuration", async () => {
    const fleet = await made("new-server");
    expect(await revokeFromFleet("1001", { folder: fleet.folder }, new Output())).toBe(0);
    await fleet.server.kill();
    rmSync(join(fleet.folder, "nats/accounts"), { recursive: true });
    const renewed = fleet.again();
    fleets.push(renewed);
    await renewed.server.start();
    await expect(login(renewed, fleet.credentials("1001"))).rejects.toThrow("Authorization Violation");
    await login(renewed, fleet.credentials("1002"));
  });

  test("reaches all servers of a cluster, which one configuration describes", async () => {
    const folder = join(site, "cluster");
    const [port, clusterPort] = [await quietPort(), await quietPort()];
    const hosts = ["127.0.0.1", "127.0.0.2"];
    const files = { serverFolder: join(folder, "server"), serverState: "" };
    const io = new Output();
    expect(await initFleet({ folder, server: hosts.map((host) => `${host}:${port}`), prefix: "tele", ...files }, io)).toBe(0);
    expect(await addToFleet("1001", { folder }, io)).toBe(0);
    const text = readFileSync(join(folder, "server/nats-server.conf"), "utf8").replaceAll("6222", `${clusterPort}`);
    const servers = hosts.map((host) => {
      const own = text.replaceAll("0.0.0.0", host).replace('dir: ""', `dir: "${join(folder, host, "accounts")}"`);
      return new NatsServer(own, join(folder, host), port, host);
    });
    fleets.push(...servers.map((server) => ({ server } as TestFleet)));
    await Promise.all(servers.map((server) => server.start()));
    const credentials = readFileSync(join(folder, "credentials/1001.creds"), "utf8");
    const authority = readFileSync(join(folder, "server/ca.pem"), "utf8");
    const [first, second] = await Promise.all(hosts.map((host) =>
      connect({
        servers: `${host}:${port}`,
        tls: { ca: authority },
        authenticator: credsAuthenticator(new TextEncoder().encode(credentials)),
        reconnect: false,
        ignoreClusterUpdates: true,
      })
    ));
    if (!first || !second) throw new Error("not connected");
    open.push(first, second);
    await until("the servers have not joined", () => servers.every((server) => /Route connection created/.test(server.log())));
    expect(await revokeFromFleet("1001", { folder }, io)).toBe(0);
    expect((await Promise.all([first.closed(), second.closed()])).map(String)).toEqual([
      expect.stringContaining("Revoked"),
      expect.stringContaining("Revoked"),
    ]);
  });

  test("says that the servers do not know of it yet, and sends it when it is repeated", async () => {
    const fleet = await made("down");
    await fleet.server.kill();
    const io = new Output();
    expect(await revokeFromFleet("1001", { folder: fleet.folder }, io)).toBe(1);
    expect(io.text).toContain("No connection to the broker: nothing listens on");
    expect(io.text).toContain("run telesetd fleet revoke again");
    await fleet.server.start();
    await login(fleet, fleet.credentials("1001"));
    expect(await revokeFromFleet("1001", { folder: fleet.folder }, new Output())).toBe(0);
    await expect(login(fleet, fleet.credentials("1001"))).rejects.toThrow("Authorization Violation");
  });

  test("of a desk that does not exist is refused", async () => {
    const fleet = await made("unknown");
    const io = new Output();
    expect(await revokeFromFleet("1009", { folder: fleet.folder }, io)).toBe(2);
    expect(io.text).toContain("There is no 1009 in this fleet");
  });

  test("fleet add --replace issues a new credential, and shuts the old one out", async () => {
    const fleet = await made("replace");
    const old = fleet.credentials("1001");
    const thief = await login(fleet, old);
    await fleet.add("1001", { replace: true });
    expect(String(await thief.closed())).toContain("Revoked");
    await expect(login(fleet, old)).rejects.toThrow("Authorization Violation");
    await login(fleet, fleet.credentials("1001"));
    expect(await revokeFromFleet("relay-a", { folder: fleet.folder }, new Output())).toBe(0);
    await expect(login(fleet, fleet.credentials("relay-a"))).rejects.toThrow("Authorization Violation");
  });
});

describe.skipIf(noNats !== "")(`with relays and boxes${noNats}`, () => {
  const ends: (() => unknown)[] = [];
  const relays: Fleet[] = [];
  const boxes = new Map<string, Config[]>();
  let fleet: TestFleet;
  let configKey = "";

  function broker(name: string): KeptBroker {
    const kept = new KeptBroker({
      servers: [`tls://127.0.0.1:${fleet.port}`],
      ca: fleet.authority,
      credentials: fleet.credentials(name),
      name,
      connectMs: 5000,
      log,
      timers: systemTimers,
    });
    ends.push(() => kept.close());
    return kept;
  }

  /** A box that reports, and uses every configuration that it accepts. */
  async function box(desk: string): Promise<void> {
    const kept = broker(desk);
    const own = JSON.stringify({
      desks: [{ extension: desk }],
      line: { driver: "freeswitch", host: "10.1.0.5", password: "x", domain: "d" },
      ...(desk === "1003" ? { numbers: { toCrm: {} } } : { numbers: { deny: "^1900" } }),
    });
    const used: Config[] = [];
    boxes.set(desk, used);
    const pushed = new Pushed<Config>({
      file: join(site, `box-${desk}/pushed.json`),
      key: configKey,
      desk,
      own,
      parse: (text) => parseConfig(text, lineSchemas, {}),
      log,
    });
    ends.push(kept.subscribe(`tele.desk.${desk}.config`, ({ text }) => pushed.offer(text)));
    const { changed, stop } = startReporter({
      link: {
        publish: (kind, of, text) => kept.publish(`tele.${kind}.${of}`, text),
        follow: (kind, take) => kept.subscribe(`tele.desk.${desk}.${kind}`, ({ text }) => take(desk, text)),
        onAsked: (take) => kept.subscribe("tele.all.report", ({ text }) => take(text)),
        onUp: (run) => kept.onUp(run),
      },
      desks: [desk],
      status: () => ({
        ...wellStatus,
        pushed: pushed.state,
        desks: wellStatus.desks.map((well) => ({ ...well, extension: desk })),
      }),
      liveCalls: () => [],
      follow: () => () => {},
      timers: systemTimers,
      now: Date.now,
    });
    ends.push(stop);
    pushed.onChange(changed);
    void (async () => {
      for (;;) {
        const trial = await pushed.next();
        used.push(trial.config);
        trial.accept();
      }
    })();
    await until("the box is not connected", () => kept.server !== undefined);
  }

  const status = async (search?: string) => {
    const io = new Output();
    const code = await fleetStatus(search, { folder: fleet.folder, json: true }, io);
    return code === 0
      ? JSON.parse(io.text) as { relay: string; rows: { desk: string; state: string }[]; summary: object }
      : io.text;
  };

  const push = async (settings: unknown, options: object) => {
    const io = new Output();
    const file = join(site, "settings.json");
    writeFileSync(file, typeof settings === "string" ? settings : JSON.stringify(settings ?? {}));
    const code = await pushToFleet(
      settings === undefined ? undefined : file,
      { folder: fleet.folder, wait: "20", ...options },
      io,
    );
    return { code, text: io.text };
  };

  beforeAll(async () => {
    fleet = await TestFleet.make(join(site, "whole"));
    await fleet.server.start();
    configKey = (JSON.parse(fleet.read("fleet.json")) as { keys: { config: string } }).keys.config;
    for (const desk of ["1001", "1002", "1003"]) await fleet.add(desk, { group: desk === "1001" ? "sales" : "support" });
  });

  afterAll(async () => {
    await Promise.all(relays.map((relay) => relay.stop()));
    await Promise.all(ends.map((end) => end()));
    await fleet.server.kill();
  });

  test("without a relay, status and push give that as the reason", async () => {
    expect(await status()).toContain("No relay answers: is telesetd-relay running");
    expect(await push({ dial: { perMinute: 9 } }, { all: true })).toMatchObject({
      code: 1,
      text: expect.stringContaining("No relay answers"),
    });
  });

  test("status shows the desks, those in trouble unless others are asked for", async () => {
    for (const name of ["a", "b"]) {
      const kept = broker(`relay-${name}`);
      relays.push(
        await startFleet({
          broker: kept,
          prefix: "tele",
          name,
          desks: ["1001", "1002", "1003"],
          configKey,
          stateFolder: join(site, `relay-${name}`),
          log,
        }),
      );
      await until("the relay is not connected", () => kept.server !== undefined);
      await kept.flush();
    }
    await Promise.all(["1001", "1002"].map(box));
    await until("the boxes do not report", () => relays.every(({ office }) => office.roster.summary().good === 2));
    expect(await status()).toMatchObject({
      rows: [{ desk: "1003", state: "silent" }],
      summary: { desks: 3, good: 2, silent: 1 },
    });
    expect(await status("1001")).toMatchObject({ rows: [{ desk: "1001", state: "good" }] });
    const io = new Output();
    expect(await fleetStatus(undefined, { folder: fleet.folder, all: true }, io)).toBe(0);
    expect(io.text).toMatch(/^relay [ab]: 3 desks: 2 ready, 0 not ready, 1 silent\n/);
    expect(io.text).toContain("desk 1003: silent\n  The box has not reported yet.");
    // Both boxes report the same agent: whichever has registered later has that agent now.
    expect(io.text).toMatch(/desk 100[12]: ready; agent SMITH, telesetd 0\.0\.0, reported \d+ seconds? ago\n/);
  });

  test("push reaches the boxes of a group through all relays, and waits until it is in force there", async () => {
    const { code, text } = await push({ dial: { perMinute: 3 }, numbers: { deny: null } }, { group: "sales" });
    expect({ code, text }).toEqual({
      code: 0,
      text: expect.stringMatching(/Relay [ab] has .* 1 desk\.\nRelay [ab] has .* 1 desk\.\nIn force at 1 of 1 box\.\n/),
    });
    expect(boxes.get("1001")?.at(-1)).toMatchObject({ dial: { perMinute: 3 }, numbers: { deny: [] } });
    expect(boxes.get("1002")).toEqual([]);
  });

  test("a box gets the settings for all, over these its group's, over these its own", async () => {
    await push({ dial: { perMinute: 5, perDay: 50 } }, { all: true });
    expect(boxes.get("1001")?.at(-1)?.dial).toMatchObject({ perMinute: 3, perDay: 50 });
    expect(boxes.get("1002")?.at(-1)?.dial).toMatchObject({ perMinute: 5, perDay: 50 });
    await push({ dial: { perDay: 7 } }, { desk: "1001" });
    expect(boxes.get("1001")?.at(-1)?.dial).toMatchObject({ perMinute: 3, perDay: 7 });
    expect(readdirSync(join(fleet.folder, "config"), { recursive: true }).map(String).toSorted()).toEqual([
      "all.json",
      "desks",
      "desks/1001.json",
      "groups",
      "groups/sales.json",
      "version",
    ]);
  });

  test("a box that was off gets its settings when it reports; one that refuses them is named", async () => {
    await box("1003");
    const row = () => relays[0]?.office.roster.page({}, 0, 100).rows.find(({ desk }) => desk === "1003");
    await until("the box does not refuse", () => row()?.refused !== undefined);
    expect(row()?.refused?.why).toContain("numbers.toCrm");
    const { code, text } = await push(undefined, { desk: "1003" });
    expect({ code, text }).toEqual({
      code: 1,
      text: expect.stringContaining("The box of desk 1003 has refused them: numbers.toCrm"),
    });
  });

  test.each([
    ["{", "The settings are not JSON"],
    [{ line: {} }, "line cannot be pushed"],
    [{ dial: { perMinute: -1 } }, "dial.perMinute is -1"],
  ])("%j is refused before anything is sent", async (settings, why) => {
    const before = boxes.get("1001")?.length;
    const { code, text } = await push(settings, { all: true });
    expect({ code, text }).toEqual({ code: 2, text: expect.stringContaining(why) });
    expect(boxes.get("1001")).toHaveLength(before ?? -1);
  });

  test.each([[{}, "Name the boxes with one of"], [{ group: "x" }, "There is no box in the group x"], [
    { all: true, wait: "x" },
    "--wait is x",
  ]])(
    "the options %j are refused",
    async (options, why) => {
      expect(await push({}, options)).toEqual({ code: 2, text: expect.stringContaining(why) });
    },
  );
});
