/**
 * Oracle's test cases for the agent's state (Telephony Adapter SDK Developers Reference Guide, E13402), by name: with an ACD
 * that telesetd controls, whose switch executes all commands, and without one.
 */
import { describe, expect, test } from "bun:test";
import { AcdDesk } from "./support/acd-desk.ts";

/** The desk, and the expected commands to the switch if there is an ACD. */
const sites = [
  { site: "with an ACD", make: () => new AcdDesk(), expected: (...commands: string[]) => [...commands, "ok"] },
  { site: "without an ACD", make: () => new AcdDesk({ driven: false, afterCall: "not-ready" }), expected: () => ["ok"] },
  { site: "without an acd setting", make: () => new AcdDesk("unsaid"), expected: () => ["ok"] },
];

/** The desk after these callouts. */
function after(desk: AcdDesk, ...callouts: ("Login" | "Ready" | "NotReady")[]): AcdDesk {
  for (const name of callouts) desk.does(name);
  return desk;
}

describe.each(sites)("$site:", ({ make, expected }) => {
  test("A1 log in, phone logged out: the agent is logged in and not ready", () => {
    const desk = make();
    expect(desk.does("Login")).toEqual(expected("A logs in, not-ready in sales"));
    expect(desk.agents).toEqual(["A not-ready in sales"]);
    expect(desk.status).toBe("ok");
  });

  test("A1 log in after a logout: the same", () => {
    const desk = after(make(), "Login", "Ready");
    desk.does("Logout");
    expect(desk.does("Login")).toEqual(expected("A logs in, not-ready in sales"));
    expect(desk.agents).toEqual(["A not-ready in sales"]);
  });

  test("A2 log in while logged in and not ready: the agent stays not ready", () => {
    const desk = after(make(), "Login");
    expect(desk.does("Login")).toEqual(expected("A logs in, not-ready in sales"));
    expect(desk.agents).toEqual(["A not-ready in sales"]);
  });

  test("A3 log in while ready: the agent stays ready, in the queue named now", () => {
    const desk = after(make(), "Login", "Ready");
    expect(desk.does("Login", { queue: "support" })).toEqual(expected("A logs in, ready in support"));
    expect(desk.agents).toEqual(["A ready in support"]);
  });

  test("A4 log in while on a call: a clear error, and nothing changes; after the call it works", () => {
    const desk = make();
    desk.answered();
    expect(desk.does("Login")).toEqual(["LoginFailed: phone 1001 is on a call: end it, then log in again."]);
    expect(desk.agents).toEqual([]);
    desk.hangsUp();
    expect(desk.does("Login")).toEqual(expected("A logs in, not-ready in sales"));
  });

  test("A4 log in while the phone only rings: it works", () => {
    const desk = make();
    desk.hear({ type: "leg", facts: { desk: "1001", leg: "L1", direction: "to-desk", rings: true } });
    expect(desk.does("Login")).toEqual(expected("A logs in, not-ready in sales"));
  });

  test("A5 log out, from ready and from not ready: the agent is logged out; a repetition changes nothing", () => {
    for (const callouts of [["Login"], ["Login", "Ready"]] as const) {
      const desk = after(make(), ...callouts);
      expect(desk.does("Logout")).toEqual(expected("A logged-out in sales"));
      expect(desk.agents).toEqual(["A logged-out in sales"]);
      expect(desk.does("Logout")).toEqual(["ok"]);
    }
  });

  test("A5 log out while on a call: it works, and the call continues", () => {
    const desk = after(make(), "Login");
    desk.answered();
    expect(desk.does("Logout")).toEqual(expected("A logged-out in sales"));
    expect(desk.desk.calls).toHaveLength(1);
  });

  test("A6 ready: calls are offered; a repetition does no harm", () => {
    const desk = after(make(), "Login");
    expect(desk.does("Ready")).toEqual(expected("A ready in sales"));
    expect(desk.does("Ready")).toEqual(expected("A ready in sales"));
    expect(desk.agents).toEqual(["A ready in sales"]);
  });

  test("A7 not ready: no calls; a repetition does no harm", () => {
    const desk = after(make(), "Login", "Ready");
    expect(desk.does("NotReady")).toEqual(expected("A not-ready in sales"));
    expect(desk.does("NotReady")).toEqual(expected("A not-ready in sales"));
    expect(desk.agents).toEqual(["A not-ready in sales"]);
  });

  test("A7 not ready while logged out does not log the agent in", () => {
    const desk = make();
    expect(desk.does("NotReady")).toEqual(["ok"]);
    expect(desk.agents.filter((agent) => !agent.includes("logged-out"))).toEqual([]);
  });
});

test("A6 with an ACD, ready without a Login: a clear error, since the queues are unknown", () => {
  expect(new AcdDesk().does("Ready")).toEqual(["Agent A is not logged in: log in first, then press Ready."]);
});
