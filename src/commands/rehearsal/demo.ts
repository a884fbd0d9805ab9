/** `telesetd demo`: a simulated FreeSWITCH, the real daemon and a small CRM, with the messages of both wires explained. */
import { writeFileSync } from "node:fs";
import { Simulator } from "../../../simulator/freeswitch/mod.ts";
import { openLog } from "../../log/log.ts";
import { count } from "../../core/count.ts";
import type { Io } from "../io.ts";
import { type Rig, startRig } from "./stage.ts";
import { type Scene, scenes, type Stage } from "./scenes.ts";
import { type Entry, entryText, frameText } from "./transcript.ts";

/** Options of the command. */
export interface DemoOptions {
  readonly loop?: boolean;
  readonly record?: string;
  readonly json?: boolean;
}

/** How long the events of a scene may take to reach the CRM, in ms. */
const maxDeliveryMs = 5000;

/** Plays all scenes. Exit code 1 when the CRM did not get the expected number of events. */
export async function demo(options: DemoOptions, io: Io): Promise<number> {
  const startedAt = performance.now();
  const entries: Entry[] = [];
  const show = (wire: Entry["wire"], to: Entry["to"], text: string): void => {
    const entry = { at: (performance.now() - startedAt) / 1000, wire, to, text };
    if (options.record !== undefined) entries.push(entry);
    io.out(options.json ? `${JSON.stringify(entry)}\n` : `${entryText(entry)}\n`);
  };
  const sim = new Simulator({
    onFrame: (direction, frame) => {
      const text = frameText(direction, frame);
      if (text !== undefined) show("switch", direction === "in" ? "peer" : "telesetd", text);
    },
  });
  sim.handsetDoes = { does: "waits" };
  sim.farDoes = { does: "waits" };
  await sim.start();
  show("story", "reader", "== telesetd starts, connects to FreeSWITCH, and the agent's UWQ registers");
  const log = openLog((line) => io.err(`${line}\n`), "error", false);
  const rig = await startRig({
    switch: { port: sim.port, password: "ClueCon" },
    log,
    onEvent: ({ xml }) => show("crm", "peer", xml),
  });
  const stage = stageOf(sim, rig, show);
  try {
    await sim.server.subscriber();
    await stage.pause(100);
    // Ctrl-C stops after the current scene; a second one stops at once.
    let stopped = false;
    process.once("SIGINT", () => stopped = true);
    let ok = true;
    do ok = await playAll(stage, show, () => stopped) && ok; while (options.loop && !stopped);
    show(
      "story",
      "reader",
      ok ? `== All as expected, in ${((performance.now() - startedAt) / 1000).toFixed(1)} s` : "== NOT as expected: see above",
    );
    return ok ? 0 : 1;
  } finally {
    await rig.stop();
    await sim.stop();
    if (options.record !== undefined) {
      writeFileSync(
        options.record,
        entries.map((entry) => `${options.json ? JSON.stringify(entry) : entryText(entry)}\n`).join(""),
      );
    }
  }
}

function stageOf(sim: Simulator, rig: Rig, show: (wire: Entry["wire"], to: Entry["to"], text: string) => void): Stage {
  return {
    sim,
    rig,
    pause: (ms = 350) => new Promise((done) => setTimeout(done, ms)),
    callout: async (name, parameters = {}) => {
      const shown = { FunctionName: name, ...parameters, ...("agentPassword" in parameters ? { agentPassword: "***" } : {}) };
      show("crm", "telesetd", `GET /?${new URLSearchParams(shown)}`);
      const answer = await rig.callout(name, parameters);
      show("crm", "peer", answer);
      return answer;
    },
  };
}

async function playAll(
  stage: Stage,
  show: (wire: "story", to: "reader", text: string) => void,
  stopped: () => boolean,
): Promise<boolean> {
  let ok = true;
  for (const scene of scenes) {
    if (stopped()) break;
    show("story", "reader", `== ${scene.title}`);
    ok = await playScene(scene, stage, show) && ok;
  }
  return ok;
}

async function playScene(
  scene: Scene,
  stage: Stage,
  show: (wire: "story", to: "reader", text: string) => void,
): Promise<boolean> {
  const { crm } = stage.rig;
  const before = crm.events.length;
  await scene.play(stage);
  await crm.until(before + scene.events, maxDeliveryMs);
  await stage.pause(50);
  const got = crm.events.length - before;
  if (got !== scene.events) show("story", "reader", `!! The CRM got ${count(got, "event")}: expected ${scene.events}.`);
  return got === scene.events;
}
