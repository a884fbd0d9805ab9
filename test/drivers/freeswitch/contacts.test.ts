/** Dialling from an extension with several registered contacts, against the simulated switch. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { extraFilters, Rig } from "../../support/freeswitch/rig.ts";

setDefaultTimeout(60_000);

const newCall = () => crypto.randomUUID();

/** Two phones of desk 1001; what they do is up to the test. */
const twoPhones = (stale?: "first" | "both") =>
  Rig.ready({
    // Stale contacts end only when the time is up.
    simulator: stale ? { secondMs: 2 } : {},
    before: (sim) => {
      sim.phones.register("1001", 1);
      if (stale) sim.phones.unplug("1001", 0);
      if (stale === "both") sim.phones.unplug("1001", 1);
      sim.handsetDoes = { does: "waits" };
    },
  });

describe("several registered contacts", () => {
  test.concurrent.each([0, 1])(
    "phone %i of two answers: both ring, each leg with the dial's mark, and the other stops",
    async (which) => {
      await using rig = await twoPhones();
      const [call, ringing] = [newCall(), rig.sim.nextDialled()];
      const outcome = rig.dial(call);
      const dialled = await ringing;
      const [first, second] = dialled.legs.map(({ uuid }) => uuid);
      for (const leg of [first, second]) {
        await rig.facts((facts) => facts.leg === leg && facts.call === call && facts.rings === true);
      }
      await dialled.answer(true, dialled.legs[which]);
      expect(await outcome).toEqual({ outcome: "done" });
      const { leg, ended } = await rig.facts((facts) => facts.ended !== undefined);
      expect([leg, ended?.cause]).toEqual([[first, second][1 - which], "LOSE_RACE"]);
      await dialled.farAnswers();
      await rig.facts((facts) => facts.leg === dialled.uuid && facts.farAnswered === true);
      await rig.until(() => extraFilters(rig).length === 0);
    },
  );

  test.concurrent("a stale contact first: the live phone rings and is answered", async () => {
    await using rig = await twoPhones("first");
    rig.sim.handsetDoes = { does: "answers" };
    expect(await rig.dial(newCall())).toEqual({ outcome: "done" });
    expect(rig.sim.dialled[0]?.leg).toBe(rig.sim.dialled[0]?.legs[1]);
  });

  test.concurrent("a stale contact first, and the live phone declines: the reason is that of the phone, not of the contact", async () => {
    await using rig = await twoPhones("first");
    rig.sim.handsetDoes = { does: "rejects", cause: "CALL_REJECTED" };
    expect(await rig.dial(newCall())).toMatchObject({ outcome: "failed", cause: "CALL_REJECTED" });
  });

  test.concurrent("a contact fails at once, the live phone is not answered: not answered in time", async () => {
    await using rig = await twoPhones();
    const { dialled, outcome } = await rig.dialling();
    await rig.until(() => rig.legs().filter(({ rings }) => rings === true).length >= 2);
    await dialled.refuse("NORMAL_TEMPORARY_FAILURE", dialled.legs[0]);
    await dialled.timeOut();
    expect(await outcome).toMatchObject({ outcome: "failed", cause: "NO_ANSWER" });
  });

  test.concurrent("none of the contacts answers the switch: that is the reason, not that nobody answered", async () => {
    await using rig = await twoPhones("both");
    expect(await rig.dial(newCall())).toEqual({
      outcome: "failed",
      cause: "RECOVERY_ON_TIMER_EXPIRE",
      why: "Phone 1001 does not answer the switch: check its network.",
    });
  });
});
