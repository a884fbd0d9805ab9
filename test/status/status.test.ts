/** The output of `telesetd status` for people. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { sendCallout } from "../../simulator/crm/mod.ts";
import { showStatus } from "../../src/commands/status.ts";
import { readiness } from "../../src/status/readiness.ts";
import { statusLine, statusText } from "../../src/status/status.ts";
import { openAdmin } from "../support/admin.ts";
import { startInside } from "../support/daemon/inside.ts";
import { wellStatus } from "../support/page/page.ts";
import { until } from "../support/until.ts";

setDefaultTimeout(60_000);

const register = { FunctionName: "Register", telesetNumber: "1001", agentID: "7001", port: "5000" };

test("a refused Register: which, when, why, and what to do; until the agent has registered", async () => {
  const { app } = await startInside();
  const say = (change: Record<string, string> = {}) => sendCallout(app.port, "/", { ...register, ...change });
  await say({ telesetNumber: "9999" });
  await say({ telesetNumber: "9999" });
  const text = (seconds: number) => statusText(app.status(), Date.now() + seconds * 1000);
  expect(statusLine(app.status())).toEndWith("UWQ not registered, 0 waiting, a Register was refused");
  expect(text(40)).toMatch(
    /\nA Register for extension 9999 from 127\.0\.0\.1 was refused 2 times, the last time 4\d seconds ago: telesetNumber is "9999", but this box serves 1001\.\n +> Correct the extension of agent 7001 in Oracle, or add 9999 to desks in the configuration\.$/,
  );
  await say({ ipAddress: "192.0.2.9" });
  expect(text(0)).toContain(
    "A Register for extension 1001 from 127.0.0.1 was refused 0 seconds ago: ipAddress is 192.0.2.9, but",
  );
  await say();
  expect(app.status().refused).toEqual([]);
});

test("a value from outside cannot write on the terminal", async () => {
  const { app } = await startInside();
  await sendCallout(app.port, "/", { ...register, telesetNumber: "\u001b[2J", agentID: "a\u202eb c" });
  // deno-lint-ignore no-control-regex -- that is the point
  expect(statusText(app.status())).not.toMatch(/[\u001b\u202e]/);
});

test("the time since the start of the process, not of the configuration in force", async () => {
  const { app } = await startInside();
  const before = Math.floor(process.uptime());
  const { upSeconds } = app.status();
  expect(upSeconds).toBeWithin(before, Math.ceil(process.uptime()) + 1);
});

test("a call that comes while nobody is registered: a warning, and how many in the status", async () => {
  const { app, sim, lines } = await startInside({ level: "info" });
  await sim.server.subscriber();
  await until("the phone is not registered", () => app.status().desks[0]?.phone === "registered");
  for (const from of ["14155550123", "14155550124"]) await (await sim.inbound({ from, to: "1001" })).callerHangsUp();
  const colleague = await sim.inbound({ from: "1002", to: "1001" });
  await colleague.callerHangsUp();
  await until("a call has not ended", () => lines.filter((line) => line.includes("Call ended")).length === 3);
  expect(lines.filter((line) => line.startsWith("warning A call arrived while no agent was registered"))).toHaveLength(2);
  expect(app.status().desks[0]?.unattended?.calls).toBe(2);
  expect(statusText(app.status(), Date.now() + 40_000)).toMatch(
    / missed +2 calls arrived while no agent was registered, the last one 4\d seconds ago: the CRM got no events\./,
  );
  expect(statusText(app.status())).not.toContain("5550123");
  await sendCallout(app.port, "/", register);
  await (await sim.inbound({ from: "14155550125", to: "1001" })).callerHangsUp();
  await until("the call has not ended", () => lines.filter((line) => line.includes("Call ended")).length === 4);
  expect(app.status().desks[0]?.unattended?.calls).toBe(2);
});

test("UWQ is not running on the PC: why, as the doctor says it, and what to do; ready all the same", async () => {
  const { app, sim } = await startInside();
  await sim.server.subscriber();
  await sendCallout(app.port, "/", { ...register, port: "1" });
  await (await sim.inbound({ from: "14155550123", to: "1001" })).callerHangsUp();
  await until("nothing was tried", () => (app.status().desks[0]?.undelivered ?? []).length > 0);
  expect(statusText(app.status())).toContain(
    "  CRM      Nothing listens at 127.0.0.1:1: the PC is on, but UWQ is not running there.\n" +
      "           > Have the agent log in to UWQ again: it then registers with its current port.\n",
  );
  expect(readiness(app.status())).toMatchObject({ ready: true, waiting: 2 });
  await sendCallout(app.port, "/", { ...register, agentID: "7666", port: "1" });
  expect(statusText(app.status())).toContain(
    "  CRM      agent 7001: events wait: agent 7666 has registered at this address.\n" +
      "           > They are sent when agent 7001 logs in to UWQ again.\n",
  );
});

test("another agent has registered: who is at the desk, and who has not logged out", async () => {
  const { app } = await startInside();
  const say = (FunctionName: string, agentID: string) => sendCallout(app.port, "/", { ...register, FunctionName, agentID });
  for (const name of ["Register", "Login", "Ready"]) await say(name, "7001");
  expect(statusText(app.status())).toContain("  agent    7001 is ready\n");
  await say("Register", "7666");
  expect(statusText(app.status())).toContain("  UWQ      agent 7666 at 127.0.0.1:5000\n");
  expect(statusText(app.status())).toContain("  agent    7001 is ready (not logged out, but agent 7666 is at the desk)\n");
  expect(statusText(app.status())).not.toContain("  CRM ");
  await say("Logout", "7001");
  expect(statusText(app.status())).not.toContain("7001");
});

test("exit code 1 exactly when /readyz is 503", async () => {
  const { app, sim } = await startInside();
  const socket = await openAdmin({ status: () => app.status() });
  const code = () =>
    showStatus({ config: "/nowhere", socket }, true, { out: () => {}, err: () => {}, terminal: false, environment: {} });
  const becomes = (phone: string) => until(`the phone is not ${phone}`, () => app.status().desks[0]?.phone === phone);
  await sim.server.subscriber();
  await becomes("registered");
  // A CRM that is not there, or a refused callout, does not make the box unready.
  await sendCallout(app.port, "/", { ...register, telesetNumber: "9999" });
  expect([await code(), readiness(app.status()).ready]).toEqual([0, true]);
  sim.phones.unregister("1001");
  await becomes("unregistered");
  expect([await code(), readiness(app.status()).ready]).toEqual([1, false]);
});

test("settings that the fleet has pushed: those in force, and those that were refused with the reason", () => {
  const now = Date.parse("2026-11-27T10:00:00Z");
  const text = statusText({
    ...wellStatus,
    pushed: { version: now - 7_200_000, refused: { version: now - 60_000, why: "dial.perMinute is 0" } },
  }, now);
  expect(text).toContain("\nfleet: settings pushed 2 hours ago are in force over the configuration file\n");
  expect(text).toContain("\nfleet: settings pushed 60 seconds ago were refused: dial.perMinute is 0\n");
});
