/** Many desks on one connection: the events of the whole switch come in, and are sorted here. */
import { expect, test } from "bun:test";
import { parse } from "valibot";
import { freeswitchConfig } from "../../../drivers/freeswitch/config.ts";
import { freeswitch } from "../../../drivers/freeswitch/mod.ts";
import { Simulator } from "../../../simulator/freeswitch/mod.ts";
import { openLog } from "../../../src/log/log.ts";
import { LineListener } from "../../support/line-listener.ts";
import { quietPort } from "../../support/ports.ts";
import { FakeTimers } from "../../support/timers.ts";

async function whole(desks: readonly string[]) {
  const sim = new Simulator({ port: await quietPort() });
  await sim.start();
  const settings = parse(freeswitchConfig, { driver: "freeswitch", port: sim.port, password: "ClueCon", domain: "127.0.0.1" });
  const listener = new LineListener(freeswitch.open(settings, {
    desks: desks.map((extension) => ({ extension, aliases: [] })),
    variables: [],
    log: openLog(() => {}, "error", false),
    timers: new FakeTimers(),
    wholeSwitch: true,
  }));
  await listener.next("snapshot");
  return { sim, listener };
}

test("no filter is set, whatever happens: a single one would hide all other events", async () => {
  const { sim, listener } = await whole(["1001", "1002"]);
  const [mine, theirs] = [
    await sim.inbound({ from: "14155550123", to: "1001" }),
    await sim.inbound({ from: "14155550124", to: "1002" }),
  ];
  const foreign = await sim.inbound({ from: "14155550125", to: "1003" });
  await mine.answer();
  await theirs.answer();
  expect(await listener.dial()).toEqual({ outcome: "done" });
  await Promise.all([mine, theirs, foreign].map((call) => call.callerHangsUp()));
  await listener.facts(({ leg, ended }) => leg === mine.uuid && ended !== undefined);
  await listener.facts(({ leg, ended }) => leg === theirs.uuid && ended !== undefined);
  const [connection] = sim.server.connections;
  expect(connection?.commands.filter((command) => command.startsWith("filter"))).toEqual([]);
  expect(connection?.commands.filter((command) => command.startsWith("event"))).toHaveLength(1);
  expect(JSON.stringify(listener.events)).not.toContain(foreign.uuid);
  const desks = listener.events.flatMap((event) =>
    event.type === "leg" ? [`${event.facts.desk} ${event.facts.leg === mine.uuid}`] : []
  );
  expect(desks).toContain("1001 true");
  expect(desks).toContain("1002 false");
  expect(desks).not.toContain("1002 true");
  listener.stop();
  await listener.ended;
  sim.stop();
});

test("a leg whose presence id changes stays with its desk, which is found without a search", async () => {
  const { sim, listener } = await whole(["1001"]);
  const call = await sim.inbound({ from: "14155550123", to: "1001" });
  await listener.facts(({ rings }) => rings === true);
  listener.known = [];
  await call.answer();
  await call.callerHangsUp();
  await listener.facts(({ leg, ended }) => leg === call.uuid && ended !== undefined);
  listener.stop();
  await listener.ended;
  sim.stop();
});
