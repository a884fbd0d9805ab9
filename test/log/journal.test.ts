/** The journal at its default level, while recorded calls are played: four lines for a call, and no numbers. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { sendCallout } from "../../simulator/crm/mod.ts";
import { type AnyRecording, play, readRecording } from "../../src/commands/rehearsal/replay.ts";
import { openLog } from "../../src/log/log.ts";
import { startInside } from "../support/daemon/inside.ts";
import { until } from "../support/until.ts";

setDefaultTimeout(60_000);

const root = join(import.meta.dir, "../fixtures/recordings");
const recordings = ["freeswitch", "more", "cases", "drachtio"].flatMap((folder) =>
  readdirSync(join(root, folder)).filter((file) => file.endsWith(".jsonl")).map((file) => `${folder}/${file}`)
);

async function journal(file: string): Promise<{ lines: string[]; recording: string }> {
  const recording = readFileSync(join(root, file), "utf8");
  const lines: string[] = [];
  await play(readRecording(recording) satisfies AnyRecording, {
    speed: 8,
    log: openLog((line) => lines.push(line.slice(8)), "info", false),
  });
  return { lines, recording };
}

/** The numbers of outside parties in a recording: whole, and their last four digits, which a mask would leave. */
function numbersIn(recording: string): string[] {
  const whole = [...recording.matchAll(/(?<![0-9a-zA-Z.-])\+?(?:9?1)?([2-9]\d{9})(?![0-9a-zA-Z.-])/g)].map(([, number = ""]) =>
    number
  );
  return [...new Set(whole)].flatMap((number) => [number, number.slice(-4)]);
}

test.concurrent.each(recordings)("%s: at most four lines for a call, each a sentence, without a number", async (file) => {
  const { lines, recording } = await journal(file);
  expect(lines.filter((line) => !/^[A-Z]/.test(line))).toEqual([]);
  const calls = lines.map((line) => / call=(\S+)/.exec(line)?.[1]).filter((call) => call !== undefined);
  const counts = Object.entries(Object.groupBy(calls, (call) => call)).map(([call, lines]) => [call, lines?.length ?? 0]);
  expect(counts.filter(([, count]) => Number(count) > 4)).toEqual([]);
  // Ids of calls and ports may contain any digits.
  const plain = lines.map((line) => line.replace(/ call=\S+/, "").replace(/:\d+/g, ""));
  for (const number of numbersIn(recording)) expect(plain.filter((line) => line.includes(number))).toEqual([]);
});

test("an inbound call: it starts, its ScreenPop and its answer are delivered, it ends", async () => {
  const { lines } = await journal("freeswitch/in-answer-caller-hangs-up.jsonl");
  const about = lines.filter((line) => line.includes(" call="));
  expect(about.map((line) => line.replace(/ (call|seconds)=\S+/g, ""))).toEqual([
    "Call started desk=1001 origin=called agent=agent-1001",
    "Delivered to the CRM desk=1001 event=ScreenPop attempt=1",
    "Delivered to the CRM desk=1001 event=CallEstablished attempt=1",
    "Call ended desk=1001 kind=inbound disposition=answered cause=NORMAL_CLEARING",
  ]);
});

test("a MakeCall: its line in place of the start", async () => {
  const { lines } = await journal("freeswitch/makecall-originate-answered.jsonl");
  const about = lines.filter((line) => line.includes(" call="));
  expect(about.map((line) => line.replace(/ (call|seconds|cause)=\S+/g, "")).toSorted()).toEqual([
    "Call ended desk=1001 kind=outbound disposition=answered",
    "Delivered to the CRM desk=1001 event=CallEstablished attempt=1",
    "Delivered to the CRM desk=1001 event=ScreenPop attempt=1",
    "MakeCall desk=1001 agent=agent-1001 from=127.0.0.1",
  ]);
});

test("MakeCalls that are refused or fail: a warning each, without the number", async () => {
  const { app, sim, lines } = await startInside({
    level: "info",
    change: (config) => ({ ...config, numbers: { ...config.numbers, deny: [/^1900/], allow: [/^1/, /^44/] } }),
  });
  await sim.server.subscriber();
  await until("the phone is not registered", () => app.status().desks[0]?.phone === "registered");
  const agent = { telesetNumber: "1001", agentID: "7001" };
  await sendCallout(app.port, "/", { FunctionName: "Register", ...agent, port: "1" });
  const dial = (dialString: string) => sendCallout(app.port, "/", { FunctionName: "MakeCall", ...agent, dialString });
  const dialled = [
    "+1(415)555-0123x5",
    "1900 555 0124",
    "33155550125",
    "14155550126;ext=22",
    "sip:14155550127@pbx",
    "4".repeat(40),
  ];
  for (const number of dialled) expect(await dial(number)).toContain("Cannot dial");
  sim.handsetDoes = { does: "rejects" };
  await dial("14155550128");
  await until("the dial has not failed", () => lines.some((line) => line.includes("Call ended")));
  sim.handsetDoes = { does: "waits" };
  void dial("14155550129");
  await until("it does not ring", () => (app.status().desks[0]?.calls.length ?? 0) > 0);
  expect(await dial("14155550130")).toContain("is still dialling another number");
  const warnings = lines.filter((line) => line.startsWith("warning "));
  expect(warnings.filter((line) => line.includes("MakeCall "))).toHaveLength(dialled.length + 1);
  const plain = lines.map((line) => line.replace(/ call=\S+/, ""));
  expect(plain.filter((line) => /555|01[23]\d|444/.test(line))).toEqual([]);
});
