/**
 * Every recording of a live switch through the whole daemon, over TCP: the CRM must get the events in expected.json, at those
 * times, and each call is on record with what was sent, and the reason if that was nothing or less than usual (reasons.txt).
 */
import { expect, setDefaultTimeout, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { play, type Played, type PlayOptions, readRecording } from "../../src/commands/rehearsal/replay.ts";
import { referenceConfig } from "../../src/commands/rehearsal/stage.ts";
import { openLog } from "../../src/log/log.ts";
import { fasterTimers } from "../support/timers.ts";

setDefaultTimeout(60_000);

const root = join(import.meta.dir, "../fixtures/recordings");
/** As recorded: four times faster, with the daemon's time. Faster than recorded: the daemon's time passes as always. */
const ways: readonly ({ readonly how: string } & Omit<PlayOptions, "log">)[] = [
  { how: "as recorded", speed: 4, timers: fasterTimers(4) },
  { how: "8 times faster", speed: 8 },
  { how: "8 times faster, in chunks cut at random", speed: 8, pace: { chunking: { random: 7, max: 1400 } } },
];
/** A driver that asks the switch back gets its answers before what follows, however busy the machine is. */
const stepwise: (typeof ways)[number] = { how: "step by step", speed: Infinity, stepwise: true };

type Expected = readonly (readonly [string, number, Readonly<Record<string, string>>, number])[];

/** The calls as the rows of a file, by recording. */
function reasonsIn(path: string): ReadonlyMap<string, string[]> {
  const rows = readFileSync(join(root, path), "utf8").split("\n").filter((row) => row !== "" && !row.startsWith("#"));
  return Map.groupBy(rows, (row) => row.split(" | ")[0] ?? "");
}

const sets = ["freeswitch", "more", "cases", "asterisk", "asterisk-more"].map((name) => {
  const folder = join(root, name);
  const names = readdirSync(folder).filter((file) => file.endsWith(".jsonl")).map((file) => file.replace(".jsonl", "")).sort();
  const expected: Record<string, Expected> = JSON.parse(readFileSync(join(folder, "expected.json"), "utf8"));
  const isAsterisk = name.startsWith("asterisk");
  const reasons = reasonsIn(isAsterisk ? `${name}/reasons.txt` : "reasons.txt");
  return { folder, names, expected, reasons, ways: isAsterisk ? [stepwise] : ways };
});
const log = openLog((line) => process.stderr.write(`${line}\n`), "error", false);

function recording(name: string, folder = join(root, "freeswitch")) {
  return readRecording(readFileSync(join(folder, `${name}.jsonl`), "utf8"));
}

/** The calls as rows of reasons.txt. */
function rows(name: string, { calls }: Pick<Played, "calls">): string[] {
  return calls.toReversed().map(({ direction, kind, party = "unknown", end, events, reason }) =>
    [
      name,
      kind === "internal" ? `${direction}, internal` : direction,
      party || "withheld",
      end?.disposition ?? "in progress",
      events.map(({ event }) => event).join(" ") || "nothing",
      ...(reason ? [reason.text] : []),
    ].join(" | ")
  );
}

/** The events in the form of expected.json: calls are numbered by their first event. */
function summary({ told }: Played): Expected {
  const calls: string[] = [];
  return told.map(({ name, data: { occtSourceID = "", ...data }, interval }) => {
    if (!calls.includes(occtSourceID)) calls.push(occtSourceID);
    return [name, calls.indexOf(occtSourceID) + 1, data, interval];
  });
}

/**
 * With screenPop.onPartyChange = new: what differs from expected.json, of the recordings in which a dialler bridges customers.
 */
const withNewParties: Record<string, Expected> = {
  "dialler-uuid-bridge": [
    ["ScreenPop", 1, { occtANI: "18005550100", occtDNIS: "1001" }, 1],
    ["CallEstablished", 1, {}, 2],
    ["CallReleased", 1, {}, 4],
    ["ScreenPop", 2, { occtANI: "14155550123", occtDNIS: "1001" }, 4],
    ["CallEstablished", 2, {}, 4],
    ["CallReleased", 2, {}, 5],
    ["ScreenPop", 3, { occtANI: "14155550999", occtDNIS: "1001" }, 5],
    ["CallEstablished", 3, {}, 5],
    ["CallReleased", 3, {}, 6],
  ],
  "dialler-uuid-bridge-inbound": [
    ["ScreenPop", 1, { occtANI: "18005550100", occtDNIS: "1001" }, 2],
    ["CallEstablished", 1, {}, 3],
    ["CallReleased", 1, {}, 4],
    ["ScreenPop", 2, { occtANI: "14155550123", occtDNIS: "1001" }, 4],
    ["CallEstablished", 2, {}, 4],
    ["CallReleased", 2, {}, 5],
  ],
};
const reference = referenceConfig();
const newParties = { ...reference, screenPop: { ...reference.screenPop, onPartyChange: "new" as const } };

for (const { folder, names, expected, reasons, ways } of sets) {
  test.each(names)(
    "%s: it is in expected.json",
    (name) => expect(expected).toHaveProperty([name]),
  );

  const tests = ways.includes(stepwise) ? test : test.concurrent;
  tests.each(names)("%s, with onPartyChange = new: only a dialler's customers are new calls", async (name) => {
    const played = await play(recording(name, folder), { ...ways.at(-1) ?? { speed: 8 }, log, config: newParties });
    // expected.json has the time of each: on a busy machine a mark may come first.
    const untimed = (events: Expected) => events.map(([event, call, data]) => [event, call, data]);
    expect(untimed(summary(played))).toEqual(untimed(withNewParties[name] ?? expected[name] ?? []));
  });

  for (const { how, ...options } of ways) {
    tests.each(names)(`%s, ${how}: the CRM gets exactly what is expected`, async (name) => {
      const played = await play(recording(name, folder), { ...options, log });
      expect(summary(played)).toEqual(expected[name] ?? []);
      expect(rows(name, played).toSorted()).toEqual(reasons.get(name)?.toSorted() ?? []);
      expect(rows(name, played)).toEqual(reasons.get(name) ?? []);
    });
  }
}

test("a MakeCall to a phone that is not registered is answered with an Error that gives the reason", async () => {
  const { dialled } = await play(recording("makecall-unregistered-handset"), { speed: 1, log });
  expect(dialled).toContain("is not registered: check its cable and power.");
});

test("a MakeCall is answered with success when the phone rings", async () => {
  const { dialled } = await play(recording("makecall-originate-answered"), { speed: 8, log });
  expect(dialled).toBe("<CCTSDK></CCTSDK>");
});
