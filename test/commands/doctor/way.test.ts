/** The doctor's hops from the daemon to UWQ, each broken in turn. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { exchange } from "../../../src/commands/ask.ts";
import { socketBeside } from "../../../src/platform/admin-socket.ts";
import { openAdminSocket } from "../../../src/http/admin/socket.ts";
import { openLog } from "../../../src/log/log.ts";
import { quietAdmin } from "../../support/admin.ts";
import { SmallCrm } from "../../../simulator/crm/mod.ts";
import { Swallower } from "../../support/swallower.ts";
import { readFileSync } from "node:fs";
import { quietPort } from "../../support/ports.ts";
import { Place } from "../../support/doctor/rig.ts";
import { until } from "../../support/until.ts";

setDefaultTimeout(60_000);

describe("the daemon", () => {
  test.concurrent("is not running: what systemd says, with the meaning of exit code 2", async () => {
    await using place = await Place.open();
    place.machine = { ...place.machine, service: () => Promise.resolve({ state: "failed", exitCode: 2 }) };
    const { message, advice, verdict } = (await place.examined()).hop("daemon");
    expect([verdict, message]).toEqual([
      "failed",
      `telesetd is not running: there is no socket ${socketBeside(place.store)}. systemd says: failed, exit code 2. ` +
      "Exit code 2: its configuration was wrong.",
    ]);
    expect(advice).toStartWith("Start it");
  });

  test.concurrent("runs with an older configuration: a changed number, a changed password", async () => {
    await using place = await Place.open();
    await place.start();
    expect((await place.examined()).hop("daemon").verdict).toBe("good");
    place.configure({ dial: { perMinute: 7 } });
    expect((await place.examined()).hop("daemon")).toMatchObject({
      verdict: "warning",
      message: expect.stringContaining("with a different configuration than this file"),
      advice: expect.stringContaining("telesetd apply"),
    });
    place.configure({ line: { password: "An0therOne" } });
    expect((await place.examined()).hop("daemon").verdict).toBe("warning");
  });

  test.concurrent("runs, but an address filter of an earlier configuration shuts the switch out", async () => {
    await using place = await Place.open();
    await place.start();
    const filtered = async (allowed?: readonly string[]) => {
      const state = { state: "active", exitCode: 0, ...(allowed ? { allowed } : {}) };
      place.machine = { ...place.machine, service: () => Promise.resolve(state) };
      return (await place.examined()).hop("daemon");
    };
    expect(await filtered(["10.1.0.0/16"])).toMatchObject({
      verdict: "warning",
      message: expect.stringContaining("with this configuration, but systemd keeps it from reaching 127.0.0.1."),
      advice: "telesetd apply",
    });
    expect((await filtered(["127.0.0.0/8"])).verdict).toBe("good");
    expect((await filtered()).verdict).toBe("good");
  });

  test.concurrent("runs another version", async () => {
    await using place = await Place.open();
    const status = { version: "0.0.9", config: "0000", upSeconds: 7200, desks: [], outbox: { waiting: 0 } };
    const log = openLog(() => {}, "error", false);
    const socket = await openAdminSocket(socketBeside(place.store), { ...quietAdmin, status: () => status }, log);
    const { verdict, message, advice } = (await place.examined()).hop("daemon");
    await socket.stop();
    expect([verdict, advice]).toEqual(["warning", "systemctl restart telesetd"]);
    expect(message).toMatch(/^telesetd 0\.0\.9 has been running for 2 hours, but version \d/);
  });

  test.concurrent("runs while its file is wrong: since when, and the hops to UWQ are checked as it has them", async () => {
    await using place = await Place.open();
    await place.start();
    await place.register(1);
    place.write(readFileSync(place.file, "utf8").slice(0, -1));
    const report = await place.examined();
    expect(report.hop("config").verdict).toBe("failed");
    expect(report.hop("daemon")).toMatchObject({
      verdict: "good",
      message: expect.stringMatching(
        / has been running for \d+ (?:second|minute)s? on the configuration of \d\d:\d\d, and keeps it until/,
      ),
    });
    expect(report.hop("CRM 1001")).toMatchObject({ verdict: "good", message: expect.stringMatching(/^Agent 7 at 127/) });
    expect(report.hop("CRM port 1001").verdict).toBe("failed");
    expect(report.hop("deliveries").verdict).toBe("good");
    for (const name of ["store", "http", "switch"]) expect(report.hop(name).verdict).toBe("skipped");
  });

  test.concurrent("runs on another port than that of its file: it is found, and the new port is tried", async () => {
    await using place = await Place.open();
    await place.start();
    const port = await quietPort();
    place.configure({ http: { port } });
    const report = await place.examined();
    expect(report.hop("daemon").message).toContain("with a different configuration than this file");
    expect(report.hop("http").message).toStartWith(`0.0.0.0:${port} is free`);
    await place.listener(port);
    expect((await place.examined()).hop("http").message).toBe(`0.0.0.0:${port} is in use by another program.`);
  });

  test.concurrent("has lost its switch: its own reason, and the hops of the switch say why", async () => {
    await using place = await Place.open();
    const app = await place.start();
    place.sim.stop();
    await until("the switch stays up", () => app.status().desks[0]?.switch !== "up");
    const report = await place.examined();
    expect(report.hop("daemon")).toMatchObject({ verdict: "warning", message: expect.stringContaining("desk 1001: ") });
    expect(report.hop("switch").verdict).toBe("failed");
    expect(report.first).toBe("switch");
  });
});

describe("the port for UWQ", () => {
  test.concurrent("in use by another program: the advice shows how to find it", async () => {
    await using place = await Place.open();
    await place.listener(place.port);
    const { verdict, message, advice } = (await place.examined()).hop("http");
    expect(verdict).toBe("failed");
    expect(message).toStartWith(`0.0.0.0:${place.port} is in use by another program`);
    expect(advice).toContain(`ss -ltnp 'sport = :${place.port}'`);
  });

  test.concurrent("free while the daemon is not running", async () => {
    await using place = await Place.open();
    expect((await place.examined()).hop("http")).toMatchObject({
      verdict: "good",
      message: expect.stringContaining("is free, behind a prefix"),
    });
  });

  const warnings: [string, object, string][] = [
    ["no prefix", { prefix: undefined }, "without a prefix"],
    ["loopback only", { host: "127.0.0.1" }, "only programs on this box"],
    [
      "a list without the box's own network",
      { allow: ["192.168.7.0/24"] },
      "http.allow does not contain the network of 10.1.2.3",
    ],
  ];
  test.concurrent.each(warnings)("%s", async (_, http, message) => {
    await using place = await Place.open();
    place.configure({ http });
    await place.start();
    expect((await place.examined()).hop("http")).toMatchObject({ verdict: "warning", message: expect.stringContaining(message) });
  });

  test.concurrent("an address that the box does not have", async () => {
    await using place = await Place.open();
    place.configure({ http: { host: "192.0.2.77" } });
    expect((await place.examined()).hop("http")).toMatchObject({
      verdict: "failed",
      message: "The box does not have the address 192.0.2.77.",
    });
  });
});

describe("UWQ", () => {
  test.concurrent("no agent has registered: advice, and the port is not checked", async () => {
    await using place = await Place.open();
    await place.start();
    const report = await place.examined();
    expect(report.hop("CRM 1001")).toMatchObject({
      verdict: "warning",
      advice: expect.stringContaining("FunctionName=CheckStatus"),
    });
    expect(report.hop("CRM port 1001")).toMatchObject({ name: "CRM port 1001", verdict: "skipped" });
    expect(report.code).toBe(0);
  });

  test.concurrent("a call came while nobody was registered: when", async () => {
    await using place = await Place.open();
    const app = await place.start();
    await (await place.sim.inbound({ from: "14155550123", to: "1001" })).callerHangsUp();
    await until("the call is not counted", () => app.status().desks[0]?.unattended !== undefined);
    expect((await place.examined()).hop("CRM 1001").details?.join("\n")).toMatch(
      /1 call arrived while no agent was registered, \d+ seconds? ago: the CRM got no events\./,
    );
  });

  test.concurrent("a refused Register: which, when and why, until the agent has registered", async () => {
    await using place = await Place.open();
    await place.start();
    await place.register(5000, "9999");
    const { verdict, message, advice } = (await place.examined()).hop("CRM 1001");
    expect(verdict).toBe("warning");
    expect(message).toMatch(
      /No agent has registered .* A Register for extension 9999 from 127\.0\.0\.1 was refused \d+ seconds? ago: .* this box serves 1001\.$/,
    );
    expect(advice).toBe("Correct the extension of agent 7 in Oracle, or add 9999 to desks in the configuration.");
    await place.register(5000);
    const registered = (await place.examined()).hop("CRM 1001");
    expect([registered.verdict, JSON.stringify(registered).includes("9999")]).toEqual(["good", false]);
  });

  test.concurrent("is not running: the connection is refused", async () => {
    await using place = await Place.open();
    await place.start();
    const crm = await SmallCrm.open();
    const { port } = crm;
    crm.close();
    await place.register(port);
    const report = await place.examined();
    expect(report.hop("CRM 1001").message).toMatch(
      new RegExp(`^Agent 7 at 127\\.0\\.0\\.1:${port}, registered \\d+ seconds? ago`),
    );
    expect(report.hop("CRM port 1001")).toMatchObject({
      verdict: "failed",
      message: `Nothing listens at 127.0.0.1:${port}: the PC is on, but UWQ is not running there.`,
    });
  });

  test.concurrent("hangs: no answer in time is a different failure, and nothing is posted", async () => {
    using swallower = await Swallower.open();
    await using place = await Place.open();
    await place.start();
    await place.register(swallower.port);
    const { verdict, message, advice } = (await place.examined()).hop("CRM port 1001");
    expect([verdict, message]).toEqual(["failed", `127.0.0.1:${swallower.port} does not answer within 2.5 s.`]);
    expect(advice).toContain("firewall");
  });

  test.concurrent.each<[string, (answer: ServerResponse) => unknown, string]>([
    ["hangs", () => {}, "no answer within 0.2 s"],
    ["is HTTP, but not UWQ", (answer) => answer.writeHead(500).end(), "answered with status 500"],
    ["expects another path", (answer) => answer.writeHead(404).end(), "answered with status 404"],
  ])("takes connections, but %s: the desk's last event shows it, with the daemon and without", async (_, answers, why) => {
    const served = createServer((_, answer) => void answers(answer));
    await new Promise<void>((resolve) => served.listen(0, "127.0.0.1", resolve));
    const { port } = served.address() as AddressInfo;
    await using place = await Place.open();
    place.configure({ crm: { timeoutSeconds: 0.2 } });
    const app = await place.start();
    await place.register(port);
    expect((await place.examined()).hop("CRM port 1001")).toMatchObject({
      verdict: "good",
      message: `127.0.0.1:${port} accepts connections; no event has been sent there since.`,
    });
    await place.sim.inbound({ from: "14155550123", to: "1001" });
    const tried = async () => (await exchange(app.socket, "GET", "/outbox?all=1")).text.includes(why);
    await until("the event is not tried", tried);
    const running = await place.examined();
    await place.stop();
    for (const report of [running, await place.examined()]) {
      const { verdict, message, advice } = report.hop("CRM port 1001");
      expect([verdict, report.code]).toEqual(["failed", 1]);
      expect(message).toStartWith(`127.0.0.1:${port} accepts connections, but not the last event: `);
      expect(message).toContain(why);
      expect(advice).toContain("crm.path");
    }
    expect(running.hop("deliveries").verdict).toBe("warning");
    served.close();
    served.closeAllConnections();
  });

  test.concurrent("registered longer ago than a working day is a warning: another agent may have the desk by now", async () => {
    await using place = await Place.open();
    await place.start();
    const crm = await SmallCrm.open();
    await place.register(crm.port);
    const { machine } = place;
    place.machine = { ...machine, clocks: { ...machine.clocks, wall: () => Date.now() + 3 * 86_400_000 } };
    const { verdict, message, advice } = (await place.examined()).hop("CRM 1001");
    expect([verdict, message]).toEqual(["warning", `Agent 7 at 127.0.0.1:${crm.port}, registered 3 days ago.`]);
    expect(advice).toContain("logged in to UWQ");
    crm.close();
  });

  test.concurrent("answers: the doctor only connects, and no event pops up", async () => {
    await using place = await Place.open();
    await place.start();
    const crm = await SmallCrm.open();
    await place.register(crm.port);
    expect((await place.examined()).hop("CRM port 1001").verdict).toBe("good");
    expect(crm.events).toEqual([]);
    crm.close();
  });
});

describe("the deliveries", () => {
  test.concurrent("delivered: how many, and the last ones", async () => {
    await using place = await Place.open();
    await place.start();
    const crm = await SmallCrm.open();
    await place.register(crm.port);
    const call = await place.sim.inbound({ from: "14155550123", to: "1001" });
    await call.callerHangsUp();
    expect(await crm.until(2, 5000)).toBe(true);
    await place.stop();
    const { verdict, message, details } = (await place.examined()).hop("deliveries");
    expect([verdict, message]).toEqual(["good", "2 events of the last 2 delivered, none is pending."]);
    expect((await place.examined()).hop("CRM port 1001").message).toMatch(
      /accepts connections; it accepted the last event \d seconds? ago\.$/,
    );
    expect(details).toEqual([
      expect.stringMatching(/ago, desk 1001: CallReleased delivered$/),
      expect.stringMatching(/ago, desk 1001: ScreenPop delivered$/),
    ]);
    // The doctor's reader must not see customers' numbers.
    expect(JSON.stringify(await place.examined())).not.toContain("4155550123");
    crm.close();
  });

  test.concurrent("discarded: how many, and why", async () => {
    await using place = await Place.open();
    await place.start();
    await place.register(1);
    const call = await place.sim.inbound({ from: "14155550123", to: "1001" });
    await call.callerHangsUp();
    // The agent leaves: that agent's pending events are discarded.
    const { sendCallout } = await import("../../../simulator/crm/mod.ts");
    await sendCallout(place.port, "/hidd3n/", { FunctionName: "Unregister", telesetNumber: "1001", agentID: "7" });
    const { verdict, message } = (await place.examined()).hop("deliveries");
    expect(verdict).toBe("warning");
    expect(message).toContain("2 discarded; the reason of the last one: agent 7 has unregistered from desk 1001");
  });

  test.concurrent("pending for long: since when and why, also from the store", async () => {
    await using place = await Place.open();
    const app = await place.start();
    await place.register(1);
    const call = await place.sim.inbound({ from: "14155550123", to: "1001" });
    await call.callerHangsUp();
    await until("the events do not wait", () => app.status().outbox.waiting === 2);
    const { machine } = place;
    place.machine = { ...machine, clocks: { ...machine.clocks, wall: () => Date.now() + 90_000 } };
    await place.stop();
    const { verdict, message, advice } = (await place.examined()).hop("deliveries");
    expect([verdict, advice]).toEqual(["failed", "Start the daemon: it sends them."]);
    expect(message).toMatch(/^2 events waiting, the oldest for (90|91) seconds/);
  });
});

// Here because its deadlines pass beside the others.
test.concurrent("it ends in time even if everything hangs at once", async () => {
  using swallower = await Swallower.open();
  await using place = await Place.open();
  place.configure({ line: { port: swallower.port, connectSeconds: 60 }, http: { host: "127.0.0.1", port: swallower.port } });
  // The peers hang for a minute; the doctor's own deadlines are shorter.
  const since = performance.now();
  const report = await place.examined();
  expect(performance.now() - since).toBeLessThan(50_000);
  expect(report.hop("switch").message).toContain("does not answer: is line.host right");
  expect(report.hop("phone 1001").verdict).toBe("skipped");
});
