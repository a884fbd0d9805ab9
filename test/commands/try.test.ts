/** `telesetd try`, against the real daemon with a simulated switch. */
import { describe, expect, onTestFinished, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { Simulator } from "../../simulator/freeswitch/mod.ts";
import { type Rig, startRig } from "../../src/commands/rehearsal/stage.ts";
import { type Asker, Interrupted } from "../../src/commands/setup/terminal.ts";
import { type TryOptions, tryUwq } from "../../src/commands/try.ts";
import { openLog } from "../../src/log/log.ts";
import { ownFolder } from "../support/folder.ts";
import { until } from "../support/until.ts";

const folder = ownFolder();
let files = 0;

/** The file of a daemon, with these keys of `http`. */
function configured(http: Readonly<Record<string, unknown>> = {}, more: Readonly<Record<string, unknown>> = {}): string {
  const file = join(folder, `${++files}.json`);
  const line = { driver: "freeswitch", password: "ClueCon", domain: "127.0.0.1" };
  writeFileSync(file, JSON.stringify({ desks: [{ extension: "1001" }], line, http, ...more }));
  return file;
}

async function daemon(): Promise<{ sim: Simulator; rig: Rig }> {
  const sim = new Simulator();
  await sim.start();
  const log = openLog(() => {}, "error", false);
  const rig = await startRig({ switch: { port: sim.port, password: "ClueCon" }, log });
  await sim.server.subscriber();
  onTestFinished(async () => {
    await rig.stop();
    await sim.stop();
  });
  return { sim, rig };
}

/** A command in progress: what it shows, and what is typed. */
function trying({ rig }: { rig: Rig }, options: Partial<TryOptions> = {}, terminal = true) {
  let text = "";
  const waiting: ((answer: string | Error) => void)[] = [];
  const questions: string[] = [];
  const asker: Asker = {
    ask: (question) => {
      text += question;
      questions.push(question);
      return new Promise((resolve, reject) =>
        waiting.push((answer) => answer instanceof Error ? reject(answer) : resolve(answer))
      );
    },
    close: () => {},
  };
  const write = (part: string) => void (text += part);
  const io = { out: write, err: write, terminal: false, environment: {} };
  const stopped = Promise.withResolvers<void>();
  const code = tryUwq({ config: configured(), socket: rig.app.socket, ...options }, io, {
    ...(terminal ? { asker } : {}),
    stopped: stopped.promise,
  });
  const shows = (part: string) => until(() => `"${part}" is not shown: ${text}`, () => text.includes(part));
  const types = async (answer: string | Error) => {
    await until(() => `nothing is asked: ${text}`, () => waiting.length > 0);
    waiting.shift()?.(answer);
  };
  return { code, shows, types, stop: () => stopped.resolve(), text: () => text, questions };
}

const registered = (rig: Rig) => rig.app.status().desks[0]?.registered?.agent;

/** Nobody is registered at the desk. */
async function idle(): Promise<{ sim: Simulator; rig: Rig }> {
  const made = await daemon();
  await made.rig.callout("Unregister", { telesetNumber: "1001", agentID: "agent-1001" });
  return made;
}

describe("telesetd try", () => {
  test("registers, shows the events of a call, dials, and unregisters after an empty line", async () => {
    const made = await idle();
    const { code, shows, types, text } = trying(made);
    await shows("Call 1001 from an outside line, or enter a number");
    expect(registered(made.rig)).toBe("try");
    const call = await made.sim.inbound({ from: "14155550123", to: "1001" });
    await call.answer();
    await call.callerHangsUp();
    await shows("CallReleased");
    expect(text()).toMatch(
      new RegExp(`\\d\\d:\\d\\d:\\d\\d  ScreenPop        call ${call.uuid}: occtANI 14155550123, occtDNIS 1001\\b`),
    );
    expect(text()).toContain(`CallEstablished  call ${call.uuid}`);
    await types("hello");
    await shows("MakeCall failed: Cannot dial");
    await types("914155550124");
    await shows("Phone is ringing");
    await types("");
    expect(await code).toBe(0);
    expect(text()).toEndWith("Desk 1001 is unregistered.\n");
    expect(registered(made.rig)).toBeUndefined();
  });

  test("unregisters after Ctrl-C, and at a signal without a terminal", async () => {
    const made = await idle();
    const first = trying(made);
    await first.types(new Interrupted("interrupted"));
    expect(await first.code).toBe(0);
    expect(registered(made.rig)).toBeUndefined();
    const second = trying(made, {}, false);
    await second.shows("Call 1001 from an outside line. Ctrl-C ends");
    expect(registered(made.rig)).toBe("try");
    second.stop();
    expect(await second.code).toBe(0);
    expect(registered(made.rig)).toBeUndefined();
  });

  test("takes over the desk of an agent only after a confirmation", async () => {
    const made = await daemon();
    const warning = "Agent agent-1001 is registered at desk 1001";
    for (const answer of ["", "n", new Interrupted("interrupted")]) {
      const declined = trying(made);
      await declined.types(answer);
      expect(await declined.code).toBe(1);
      expect(declined.text()).toContain(warning);
    }
    const alone = trying(made, {}, false);
    expect(await alone.code).toBe(1);
    expect(alone.text()).toContain("Run this in a terminal");
    expect(registered(made.rig)).toBe("agent-1001");
    const accepted = trying(made);
    await accepted.types("y");
    await accepted.types("");
    expect(await accepted.code).toBe(0);
    expect(registered(made.rig)).toBeUndefined();
  });

  test("a named agent logs in too, with a password if one is needed", async () => {
    const made = await idle();
    const agent = { verify: "directory" };
    const { code, shows, types, questions } = trying(made, { agent: "7001", config: configured({}, { agent }) });
    await types("s3cret");
    await shows("Login: ok");
    await shows("Ready: ok");
    expect(made.rig.app.status().desks[0]?.agents).toMatchObject([{ agent: "7001", mode: "ready" }]);
    await types("");
    expect(await code).toBe(0);
    expect(questions[0]).toBe("Password of agent 7001: ");
    expect(made.rig.app.status().desks[0]?.agents).toMatchObject([{ agent: "7001", mode: "logged-out" }]);
  });

  test("a refusal is shown: another path, an unknown desk, no address that is allowed", async () => {
    const made = await idle();
    const path = trying(made, { config: configured({ prefix: "/other" }) });
    expect(await path.code).toBe(1);
    expect(path.text()).toContain("Register failed: Nothing is served at this path");
    const desk = trying(made, { desk: "1009" });
    expect([await desk.code, desk.text()]).toEqual([2, "Desk 1009 is not served: expected 1001.\n"]);
    const address = trying(made, { config: configured({ allow: ["203.0.113.0/24"] }) });
    expect([await address.code, address.text()]).toEqual([
      1,
      "http.allow contains no address of this machine: add 127.0.0.1 for the test.\n",
    ]);
  });
});
