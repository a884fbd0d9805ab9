/** Which legs are followed by their ids, even if their presence ids change. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { LegFilters } from "../../../drivers/freeswitch/leg-filters.ts";
import { extraFilters, Rig } from "../../support/freeswitch/rig.ts";

setDefaultTimeout(60_000);

describe("a leg whose presence id changes", () => {
  test.concurrent("is followed to its end, and its filter is removed", async () => {
    await using rig = await Rig.ready();
    const call = await rig.ringing();
    await rig.until(() => extraFilters(rig, /^Unique-ID/).length > 0);
    call.leg.presenceId = "1005@127.0.0.1";
    await call.answer();
    await rig.facts(({ answered }) => answered === true);
    await call.callerHangsUp();
    expect(await rig.facts(({ ended }) => ended !== undefined)).toMatchObject({ desk: "1001", leg: call.uuid });
    await rig.until(() => extraFilters(rig, /^Unique-ID/).length === 0);
  });

  test.concurrent("is also found after a connect", async () => {
    await using rig = await Rig.ready();
    const call = await rig.ringing();
    const from = await rig.reconnect(() => void (call.leg.presenceId = "1005@127.0.0.1"));
    expect((await rig.next("snapshot", () => true, from)).legs).toMatchObject([{ desk: "1001", leg: call.uuid }]);
    await call.callerHangsUp();
    await rig.facts(({ ended }) => ended !== undefined, from);
  });
});

test("each leg is followed once, under its newest id, until it ends or is missing from a snapshot", () => {
  const sent: string[] = [];
  const filters = new LegFilters({ send: (command) => sent.push(command.replace("filter ", "").replace("Unique-ID ", "")) });
  const leg = (id: string) => ({ desk: "1001", leg: id });
  filters.note({ type: "leg", facts: leg("a") });
  filters.note({ type: "leg", facts: { ...leg("a"), rings: true } });
  filters.note({ type: "leg-renamed", desk: "1001", from: "a", to: "b" });
  filters.note({ type: "leg", facts: { ...leg("gone"), ended: { cause: "NO_ANSWER", why: "" } } });
  filters.note({ type: "leg", facts: leg("/.*/") });
  expect(sent.splice(0)).toEqual(["a", "delete a", "b"]);
  filters.keep([leg("c"), leg("b")]);
  filters.keep([leg("c")]);
  expect(sent.splice(0)).toEqual(["c", "delete b"]);
  filters.note({ type: "leg", facts: { ...leg("c"), ended: { cause: "NORMAL_CLEARING", why: "" } } });
  expect(sent).toEqual(["delete c"]);
});
