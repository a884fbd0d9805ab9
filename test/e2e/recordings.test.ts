/** Every recording of a live switch through the whole daemon, over TCP: the CRM must get what expected.json says, when it says. */
import { expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type Pace, parseRecording } from "../../drivers/simulator/mod.ts";
import { play, type Played } from "../../src/commands/replay.ts";
import { openLog } from "../../src/log.ts";

const folder = join(import.meta.dir, "../fixtures/recordings/freeswitch");
const names = readdirSync(folder).filter((name) => name.endsWith(".jsonl")).map((name) => name.replace(".jsonl", "")).sort();
type Expected = readonly (readonly [string, number, Readonly<Record<string, string>>, number])[];
const expected: Record<string, Expected> = JSON.parse(readFileSync(join(folder, "expected.json"), "utf8"));
const log = openLog((line) => console.error(line), "error", false);

const ways: readonly { how: string; speed: number; pace?: Pace }[] = [
  { how: "as recorded", speed: 1 },
  { how: "8 times faster", speed: 8 },
  { how: "8 times faster, in chunks cut at random", speed: 8, pace: { chunking: { random: 7, max: 1400 } } },
];

function recording(name: string) {
  return parseRecording(readFileSync(join(folder, `${name}.jsonl`), "utf8"));
}

/** The events in the form of expected.json: calls are numbered by their first event. */
function summary({ told }: Played): Expected {
  const calls: string[] = [];
  return told.map(({ name, data: { occtSourceID = "", ...data }, interval }) => {
    if (!calls.includes(occtSourceID)) calls.push(occtSourceID);
    return [name, calls.indexOf(occtSourceID) + 1, data, interval];
  });
}

for (const { how, speed, pace } of ways) {
  test.concurrent.each(names)(`%s, ${how}: the CRM gets exactly what is expected`, async (name) => {
    const played = await play(recording(name), { speed, log, ...(pace ? { pace } : {}) });
    expect(summary(played)).toEqual(expected[name] ?? []);
  }, 20_000);
}

test("a MakeCall to a phone that is not registered is answered with an Error in words", async () => {
  const { dialled } = await play(recording("makecall-unregistered-handset"), { speed: 1, log });
  expect(dialled).toContain("is not registered: check its cable and power.");
});

test("a MakeCall is answered with success when the phone rings", async () => {
  const { dialled } = await play(recording("makecall-originate-answered"), { speed: 8, log });
  expect(dialled).toBe("<CCTSDK></CCTSDK>");
});
