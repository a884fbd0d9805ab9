/** Recordings of a SIP switch through the whole daemon, over TCP: the CRM gets the events of their event socket twins. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { play, type PlayOptions, readRecording } from "../../src/commands/rehearsal/replay.ts";
import { openLog } from "../../src/log/log.ts";
import { fasterTimers } from "../support/timers.ts";

setDefaultTimeout(60_000);

const root = join(import.meta.dir, "../fixtures/recordings");
type Expected = readonly (readonly [string, number, Readonly<Record<string, string>>, number])[];
const expected: Record<string, Expected> = JSON.parse(readFileSync(join(root, "freeswitch/expected.json"), "utf8"));
const log = openLog((line) => process.stderr.write(`${line}\n`), "error", false);

/** The recordings, each with its twin of the event socket. */
const twins: Record<string, string> = {
  "dialog-in-answer": "in-answer-caller-hangs-up",
  "dialog-in-abandoned": "in-abandoned",
  "dialog-hold": "in-hold-retrieve",
  "dialog-out-keypad": "out-keypad-answered",
  "dialog-call-waiting": "call-waiting-two-calls",
};

/** As recorded: four times faster, with the daemon's time. Faster than recorded: the daemon's time passes as always. */
const ways: readonly ({ readonly how: string } & Omit<PlayOptions, "log">)[] = [
  { how: "as recorded", speed: 4, timers: fasterTimers(4) },
  { how: "8 times faster", speed: 8 },
  { how: "8 times faster, in parts of 700 bytes", speed: 8, pace: {} },
];

const recordingOf = (name: string) => readRecording(readFileSync(join(root, `drachtio/${name}.jsonl`), "utf8"));

async function eventsOf(name: string, options: Omit<PlayOptions, "log">): Promise<Expected> {
  const recording = recordingOf(name);
  const calls: string[] = [];
  return (await play(recording, { ...options, log })).told.map(({ name, data: { occtSourceID = "", ...data }, interval }) => {
    if (!calls.includes(occtSourceID)) calls.push(occtSourceID);
    return [name, calls.indexOf(occtSourceID) + 1, data, interval];
  });
}

test.concurrent.each(Object.keys(twins))("%s: its calls are on record, with nothing less than usual", async (name) => {
  const { calls, told } = await play(recordingOf(name), { speed: 8, log });
  expect(calls.map(({ reason }) => reason)).toEqual(
    Array.from({ length: name === "dialog-call-waiting" ? 2 : 1 }, () => undefined),
  );
  expect(calls.flatMap(({ events }) => events)).toHaveLength(told.length);
});

test("every recording has a twin", () => {
  const names = readdirSync(join(root, "drachtio")).map((file) => file.replace(".jsonl", ""));
  expect(names.toSorted()).toEqual(Object.keys(twins).toSorted());
});

for (const { how, ...options } of ways) {
  test.concurrent.each(Object.entries(twins))(`%s, ${how}: the CRM gets exactly what it gets of %s`, async (name, twin) => {
    expect(await eventsOf(name, options)).toEqual(expected[twin] ?? []);
  });
}

test.concurrent.each(Object.entries(twins))(
  "%s, at a switch that does not send the full state on request: as %s",
  async (name, twin) => {
    expect(await eventsOf(name, { speed: 4, timers: fasterTimers(4), sendsFullState: false })).toEqual(expected[twin] ?? []);
  },
);
