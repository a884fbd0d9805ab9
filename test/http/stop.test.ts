/** The whole daemon is stopped while callouts are in progress: every accepted one is answered. */
import { afterAll, expect, setDefaultTimeout, test } from "bun:test";
import { Simulator } from "../../simulator/freeswitch/mod.ts";
import { lineSchemas } from "../../drivers/registry.ts";
import { decodeAnswer } from "../../src/cctsdk/decode.ts";
import { type Rig, startRig } from "../../src/commands/rehearsal/stage.ts";
import { parseConfig } from "../../src/config/schema.ts";
import { openLog } from "../../src/log/log.ts";
import { hashPassword } from "../../src/passwords.ts";
import { Client, get } from "../support/httpclient.ts";
import { until } from "../support/until.ts";

setDefaultTimeout(60_000);

const undo: (() => unknown)[] = [];
afterAll(async () => {
  for (const close of undo.splice(0).toReversed()) await close();
});

/** A switch that does not answer commands until released. */
class SilentSwitch extends Simulator {
  #held: (() => void)[] | undefined;
  /** Called when it holds back the answer to a command. */
  onHold: () => void = () => {};

  hold(): void {
    this.#held = [];
  }

  release(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const answer of held) answer();
  }

  override bgapi(job: Parameters<Simulator["bgapi"]>[0]): void {
    if (this.#held === undefined) return super.bgapi(job);
    this.#held.push(() => super.bgapi(job));
    this.onHold();
  }

  override api(command: string, arg: string): string | Promise<string> {
    if (this.#held === undefined) return super.api(command, arg);
    const answer = Promise.withResolvers<string>();
    this.#held.push(() => answer.resolve(super.api(command, arg)));
    this.onHold();
    return answer.promise;
  }
}

async function daemon(more: { line?: object; agent?: object } = {}): Promise<{ sim: SilentSwitch; rig: Rig }> {
  const sim = new SilentSwitch();
  await sim.start();
  undo.push(() => sim.stop());
  const line = { driver: "freeswitch", password: "x", domain: "127.0.0.1", ...more.line };
  const config = parseConfig(
    JSON.stringify({ desks: [{ extension: "1001" }], line, agent: more.agent ?? {} }),
    lineSchemas,
    {},
  );
  const rig = await startRig({ config, switch: { port: sim.port, password: "ClueCon" }, log: openLog(() => {}, "error", false) });
  undo.push(() => rig.stop());
  await until("the line did not come up", () => rig.app.status().desks.every(({ trouble }) => trouble === undefined));
  return { sim, rig };
}

const who = { telesetNumber: "1001", agentID: "agent-1001" };
const makeCall = (rig: Rig) => rig.callout("MakeCall", { ...who, dialString: "14155550123" });

/** Resolves when the switch holds back the answer to a command. */
const nextHeld = (sim: SilentSwitch) => new Promise<void>((resolve) => sim.onHold = resolve);

test.concurrent("a MakeCall in progress gets its own answer if the phone rings in time", async () => {
  const { sim, rig } = await daemon();
  sim.hold();
  const onHold = nextHeld(sim);
  const answer = makeCall(rig);
  await onHold;
  const stopped = rig.app.stop();
  sim.release();
  expect(await answer).toBe("<CCTSDK></CCTSDK>");
  await stopped;
});

test.concurrent("a MakeCall without any result gets an Error that does not suggest dialling again", async () => {
  const { sim, rig } = await daemon();
  sim.hold();
  const onHold = nextHeld(sim);
  const answers = [makeCall(rig), makeCall(rig)];
  await onHold;
  await rig.app.stop();
  for (const answer of answers) {
    expect(decodeAnswer(await answer)).toBe("telesetd is stopping: check the phone before dialling again.");
  }
});

test.concurrent("a Login that waits for the switch gets an Error", async () => {
  const { sim, rig } = await daemon({ line: { acd: {} } });
  sim.hold();
  const onHold = nextHeld(sim);
  const answer = rig.callout("Login", { ...who, agentPassword: "x", agentQueue: "support" });
  await onHold;
  await rig.app.stop();
  expect(decodeAnswer(await answer)).toBe("telesetd is stopping: try again.");
});

test.concurrent("Logins whose passwords are still being verified are all answered", async () => {
  const hashes = { "agent-1001": await hashPassword("right") };
  const { rig } = await daemon({ agent: { verify: "config", passwordHashes: hashes } });
  // They are verified one after the other, and one second is not enough for all.
  const answers = Array.from({ length: 30 }, () => rig.callout("Login", { ...who, agentPassword: "right", agentQueue: "q" }));
  await answers[0];
  await rig.app.stop();
  for (const answer of answers.slice(1)) {
    expect([undefined, "telesetd is stopping: try again."]).toContain(decodeAnswer(await answer));
  }
});

test.concurrent("a callout received during the stop is refused and not executed", async () => {
  const { sim, rig } = await daemon();
  const client = await Client.dial(rig.app.port);
  undo.push(() => client.socket.destroy());
  const unregister = get("/?FunctionName=Unregister&telesetNumber=1001&agentID=agent-1001");
  client.send(unregister.slice(0, 20));
  sim.hold();
  const onHold = nextHeld(sim);
  const call = makeCall(rig);
  await onHold;
  const stopped = rig.app.stop();
  client.send(unregister.slice(20));
  const answer = await client.answer();
  expect([answer?.status, decodeAnswer(answer?.body ?? "")]).toEqual([200, "telesetd is stopping: try again."]);
  expect(rig.app.status().desks[0]?.registered?.agent).toBe("agent-1001");
  sim.release();
  await Promise.all([stopped, call]);
});
