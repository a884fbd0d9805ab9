/** A stolen credential and the agents of colleagues, where boxes name the agents: nats-server with TLS, a simulated switch. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { parse } from "valibot";
import { freeswitchConfig } from "../../drivers/freeswitch/config.ts";
import { freeswitch } from "../../drivers/freeswitch/mod.ts";
import { Simulator } from "../../simulator/freeswitch/mod.ts";
import { KeptBroker } from "../../src/broker/keep.ts";
import { encode } from "../../src/broker/messages.ts";
import { askSubject, deskSubject } from "../../src/broker/subjects.ts";
import { openLog } from "../../src/log/log.ts";
import { bootNow, Relay } from "../../src/relay/relay.ts";
import { TestFleet } from "../support/fleet.ts";
import { ownFolder } from "../support/folder.ts";
import { noNats } from "../support/nats.ts";
import { quietPort } from "../support/ports.ts";
import { quickTimers, testRules } from "../support/relay-rig.ts";
import { until } from "../support/until.ts";

setDefaultTimeout(60_000);

const log = openLog(() => {}, "error", false);

test.skipIf(noNats !== "")(`it logs no colleague in or out${noNats}`, async () => {
  const fleet = await TestFleet.make(ownFolder());
  await fleet.server.start();
  for (const desk of ["1001", "1002"]) await fleet.add(desk);
  const sim = new Simulator({ port: await quietPort() });
  await sim.start();
  const kept = (name: string) =>
    new KeptBroker({
      ...{ servers: [`tls://127.0.0.1:${fleet.port}`], ca: fleet.authority, credentials: fleet.credentials(name), name },
      ...{ connectMs: 5000, log, timers: quickTimers },
    });
  const [broker, thief, colleague] = [kept("relay-a"), kept("1001"), kept("1002")];
  const settings = parse(freeswitchConfig, {
    ...{ driver: "freeswitch", port: sim.port, password: "ClueCon", domain: "127.0.0.1", acd: {}, acdAgent: "{agent}@default" },
  });
  const desks = ["1001", "1002"];
  const context = { desks: desks.map((extension) => ({ extension, aliases: [] })), variables: [], log, timers: quickTimers };
  const relay = new Relay({
    ...{ name: "a", rank: 1, prefix: "tele", desks, broker, log, timers: quickTimers, boot: bootNow(Date.now()) },
    line: freeswitch.open(settings, { ...context, wholeSwitch: true }),
    rules: { ...testRules, agents: { "1001": ["7", "guest"], "1002": ["8", "guest"] } },
  });
  await until(
    "not everybody is connected",
    () => relay.switch.up && thief.server !== undefined && colleague.server !== undefined,
  );

  const results = new Map<string, string>();
  for (const [box, desk] of [[thief, "1001"], [colleague, "1002"]] as const) {
    box.subscribe(deskSubject("tele", desk, "line"), ({ text }) => {
      const { e } = JSON.parse(text) as { e: { type: string; id?: string; result?: { outcome: string; cause?: string } } };
      if (e.type === "result") results.set(e.id ?? "", e.result?.cause ?? e.result?.outcome ?? "");
    });
  }
  let asked = 0;
  /** Sends a command; resolves with the cause of its refusal, or with its outcome. */
  const change = async (box: KeptBroker, desk: string, agent: string, login: boolean, mode: "ready" | "logged-out") => {
    const [id, queue] = [`c${asked++}`, login ? { queue: "support@default" } : {}];
    const text = encode({ to: relay.id, id, by: Number.MAX_SAFE_INTEGER, agent, login, mode, ...queue });
    const answer = JSON.parse(await box.request(askSubject("tele", desk, "agent"), text, 5000)) as { result?: { cause: string } };
    if (answer.result) return answer.result.cause;
    await until("there is no result", () => results.has(id));
    return results.get(id);
  };
  const state = (agent: string) => {
    const found = sim.callcenter.agents.get(`${agent}@default`);
    return found && `${found.status} at ${found.contact}`;
  };

  expect(await change(colleague, "1002", "8", true, "ready")).toBe("done");
  const at1002 = "Available at user/1002@127.0.0.1";
  expect(await change(thief, "1001", "8", false, "logged-out")).toBe("DENIED");
  expect(await change(thief, "1001", "8", true, "ready")).toBe("DENIED");
  expect(state("8")).toBe(at1002);
  // An agent who may work at both desks is changed only from the desk at which that agent is logged in.
  expect(await change(colleague, "1002", "guest", true, "ready")).toBe("done");
  expect(await change(thief, "1001", "guest", false, "logged-out")).toBe("ELSEWHERE");
  expect(state("guest")).toBe(at1002);
  expect(await change(thief, "1001", "7", true, "ready")).toBe("done");
  expect(state("7")).toBe("Available at user/1001@127.0.0.1");

  await relay.stop();
  await Promise.all([broker, thief, colleague].map((kept) => kept.close()));
  sim.stop();
  await fleet.server.kill();
});
