/** The compiled binary killed with -9 at random moments: nothing is lost, nothing is out of order. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { noBinary } from "../support/daemon/box.ts";
import { desks, killAgainAndAgain, type Kills } from "../support/daemon/kills.ts";
import { ownFolder } from "../support/folder.ts";

setDefaultTimeout(120_000);

const folder = ownFolder();

const seed = Number(process.env["SEED"] ?? Math.floor(Math.random() * 1e9));

async function kill(kills: number, seed: number): Promise<Kills> {
  const place = join(folder, String(seed));
  mkdirSync(place);
  const killed = await killAgainAndAgain({ folder: place, kills, seed });
  const { problems: _, ...counted } = killed;
  process.stdout.write(`${Object.entries(counted).map(([name, count]) => `${name} ${count}`).join(", ")}\n`);
  return killed;
}

describe.skipIf(noBinary !== "")(`the binary${noBinary}`, () => {
  test(`50 kills -9 of two daemons while calls run and the CRM comes and goes: every call ends there, once (SEED=${seed})`, async () => {
    const [first, second] = await Promise.all([kill(25, seed), kill(25, seed + 1)]);
    expect([...first.problems, ...second.problems]).toEqual([]);
    // The test is meaningful: calls were popped in many lives, and some started and ended unseen.
    expect(first.popped + second.popped).toBeGreaterThan(20);
    expect(first.unseen + second.unseen).toBeGreaterThan(5);
    // A confirmed event may be sent again only if a kill happened between the CRM's answer and our commit of it. At that
    // moment each call has at most one POST on the way, and a desk has two calls at most: the one that its person has,
    // and a click-to-dial that still plays itself.
    expect(first.repeatsOfConfirmed + second.repeatsOfConfirmed).toBeLessThanOrEqual(50 * desks.length * 2);
  });
});
