/** Boxes report, a relay collects: states, silence, hot desks, live views, configurations handed out; no network. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import fc from "fast-check";
import { Configs } from "../../src/fleet/configs.ts";
import { newKey } from "../../src/broker/nkey.ts";
import { Office } from "../../src/fleet/office.ts";
import { readReport, type Report, reportOf, reportText } from "../../src/fleet/report.ts";
import { startReporter } from "../../src/fleet/reporter.ts";
import { isTrouble } from "../../src/fleet/roster.ts";
import { signConfig } from "../../src/fleet/signed.ts";
import { openLog } from "../../src/log/log.ts";
import type { Status } from "../../src/status/status.ts";
import { ownFolder } from "../support/folder.ts";
import { MemoryBroker } from "../support/memory-broker.ts";
import { wellStatus } from "../support/page/page.ts";
import { FakeTimers } from "../support/timers.ts";

setDefaultTimeout(60_000);

const [well] = wellStatus.desks;
if (!well) throw new Error("no desk");
const lines: string[] = [];
const log = openLog((line) => lines.push(line), "info", false);
const now = Date.parse("2026-11-27T10:00:00Z");
const folder = ownFolder();
let folders = 0;

/** A status of a box with these desks. */
function statusOf(desks: readonly string[], change: Partial<Status["desks"][number]> = {}): Status {
  return { ...wellStatus, desks: desks.map((extension) => ({ ...well, extension, ...change } as Status["desks"][number])) };
}

function report(desk: string, change: Partial<Status["desks"][number]> = {}, more: Partial<Report> = {}): string {
  const made = reportOf(statusOf([desk], change), desk, now);
  if (!made) throw new Error("no report");
  return reportText({ ...made, ...more });
}

/** A relay for the desks 1001 to 1003. */
function rig(key?: string) {
  const broker = new MemoryBroker();
  const timers = new FakeTimers();
  const state = `${folder}/${folders++}`;
  const configs = () => new Configs(state, key, log);
  const office = new Office({
    broker,
    prefix: "tele",
    name: "a",
    desks: ["1001", "1002", "1003"],
    configs: configs(),
    timers,
    log,
  });
  const row = (desk: string) => office.roster.page({}, 0, 100).rows.find((row) => row.desk === desk);
  return { broker, timers, office, row, configs };
}

const registered = (agent: string, since: string) => ({ registered: { agent, at: "10.1.2.3:5555", since } });

describe("a relay knows of each desk", () => {
  test("what its box has reported", () => {
    const { broker, row, office } = rig();
    broker.publish("tele.status.1001", report("1001"));
    expect(row("1001")).toMatchObject({ state: "good", agent: "SMITH", version: "0.0.0", heardSeconds: 0 });
    expect(office.roster.summary()).toMatchObject({ desks: 3, good: 1, silent: 2, agents: 1, versions: { "0.0.0": 1 } });
  });

  test("no more than its box may report: a flood is dropped, and hides no other desk", () => {
    const { broker, row, timers } = rig();
    for (let times = 0; times < 100; times++) broker.publish("tele.status.1001", report("1001"));
    broker.publish("tele.status.1001", report("1001", { phone: "unregistered" }));
    broker.publish("tele.status.1002", report("1002"));
    expect([row("1001")?.state, row("1002")?.state]).toEqual(["good", "good"]);
    timers.advance(1000);
    broker.publish("tele.status.1001", report("1001", { phone: "unregistered" }));
    expect(row("1001")?.state).not.toBe("good");
  });

  test("its trouble, which comes first in the list", () => {
    const { broker, office } = rig();
    for (const desk of ["1001", "1002", "1003"]) broker.publish(`tele.status.${desk}`, report(desk));
    const trouble = "Phone 1002 is not registered.";
    broker.publish("tele.status.1002", report("1002", { phone: "unregistered", trouble }));
    expect(office.roster.page({}, 0, 100).rows.map(({ desk }) => desk)).toEqual(["1002", "1001", "1003"]);
    expect(office.roster.page({ trouble: true }, 0, 100).rows).toMatchObject([{
      desk: "1002",
      state: "failed",
      trouble: `Phone: ${trouble}`,
    }]);
  });

  test("that it is silent, after 150 s or if it never reported", () => {
    const { broker, timers, row } = rig();
    broker.publish("tele.status.1001", report("1001"));
    expect(row("1002")).toMatchObject({ state: "silent", trouble: "The box has not reported yet." });
    timers.advance(150_000);
    expect(row("1001")?.state).toBe("good");
    timers.advance(1);
    expect(row("1001")).toMatchObject({ state: "silent", trouble: expect.stringContaining("has not reported for 3 minutes") });
  });

  test("that nobody has registered there, which is not trouble", () => {
    const { broker, row } = rig();
    const { registered: _, ...nobody } = well as NonNullable<typeof well>;
    const made = reportOf({ ...wellStatus, desks: [nobody] }, "1001", now);
    broker.publish("tele.status.1001", reportText(made as Report));
    const found = row("1001");
    expect(found?.state).toBe("warning");
    expect(found && isTrouble(found)).toBe(false);
  });

  test("where its agent has registered since (hot desk)", () => {
    const { broker, row, office } = rig();
    broker.publish("tele.status.1001", report("1001", registered("7", "2026-11-27T08:00:00.000Z")));
    expect(row("1001")?.movedTo).toBeUndefined();
    broker.publish("tele.status.1002", report("1002", registered("7", "2026-11-27T09:00:00.000Z")));
    expect(row("1001")?.movedTo).toBe("1002");
    expect(row("1002")?.movedTo).toBeUndefined();
    broker.publish("tele.status.1002", report("1002", registered("8", "2026-11-27T10:00:00.000Z")));
    expect(row("1001")?.movedTo).toBeUndefined();
    broker.publish("tele.status.1003", report("1003", registered("7", "2026-11-27T07:00:00.000Z")));
    expect([row("1001")?.movedTo, row("1003")?.movedTo]).toEqual([undefined, "1001"]);
    expect(office.roster.page({ search: "7" }, 0, 100).rows.map(({ desk }) => desk)).toEqual(["1001", "1003"]);
  });

  test.each([["100", ["1001", "1002", "1003"]], ["1002", ["1002"]], ["smi", ["1001"]], ["0.0.0", ["1001"]], ["x", []]])(
    "how to find it: %s",
    (search, expected) => {
      const { broker, office } = rig();
      broker.publish("tele.status.1001", report("1001"));
      expect(office.roster.page({ search }, 0, 100).rows.map(({ desk }) => desk).toSorted()).toEqual(expected);
    },
  );
});

describe("a report that a thief has made up", () => {
  test.each([
    ["of another schema", JSON.stringify({ v: 2, report: {} })],
    ["that is not JSON", "{"],
    ["without parts", JSON.stringify({ v: 1, report: { version: "1" } })],
    ["with a sentence that fills the page", report("1001", {}, { version: "x".repeat(200) })],
    [
      "with thousands of parts",
      report("1001", {}, { parts: Array.from({ length: 13 }, () => ({ name: "UWQ", state: "good", message: "" })) }),
    ],
    ["with an invalid time", report("1001", {}, { agent: { id: "7", at: "x", since: "soon" } })],
  ])("%s is ignored", (_, text) => {
    const { broker, row } = rig();
    broker.publish("tele.status.1001", text);
    expect(row("1001")?.state).toBe("silent");
  });

  test("changes nothing, whatever it is", () => {
    fc.assert(fc.property(fc.json(), (text) => readReport(text) === undefined));
  });
});

describe("a box reports", () => {
  function box(broker: MemoryBroker, timers: FakeTimers, desk = "1001") {
    let status = statusOf([desk]);
    let changed = () => {};
    const reporter = startReporter({
      link: broker.link(),
      desks: [desk],
      status: () => status,
      liveCalls: () => [{
        id: "c1",
        desk: "1001",
        kind: "inbound",
        state: "ringing",
        who: "...0123",
        since: "2026-11-27T10:00:00.000Z",
        sent: [],
      }],
      follow: (run) => {
        changed = run;
        return () => {};
      },
      timers,
      now: () => now,
    });
    return {
      stop: reporter.stop,
      change: (change: Partial<Status["desks"][number]>) => {
        status = statusOf(["1001"], change);
        changed();
      },
    };
  }

  test("when it is connected, once a minute, and a second after a change of its state", () => {
    const { broker, timers, row } = rig();
    const { change, stop } = box(broker, timers);
    const sent = () => broker.on("tele.status.1001").length;
    expect([sent(), row("1001")?.state]).toEqual([1, "good"]);
    timers.advance(57_001);
    expect(sent()).toBe(2);
    change({ switch: "down", trouble: "No connection to the phone system." });
    timers.advance(999);
    expect(sent()).toBe(2);
    timers.advance(1);
    expect([sent(), row("1001")?.state]).toEqual([3, "failed"]);
    broker.reconnect();
    expect(sent()).toBe(4);
    stop();
    expect(timers.pending).toEqual([]);
  });

  test("when a relay has started, which soon knows all boxes: not all at the same moment", () => {
    const { broker, timers, configs } = rig();
    const stops = ["1001", "1002", "1003"].map((desk) => box(broker, timers, desk).stop);
    const from = broker.messages.length;
    const desks = Array.from({ length: 1500 }, (_, index) => `${1001 + index}`);
    const { roster } = new Office({ broker, prefix: "tele", name: "b", desks, configs: configs(), timers, log });
    expect(broker.on("tele.all.report", from)).toEqual([{ v: 1, seconds: 3 }]);
    expect(roster.summary()).toMatchObject({ good: 0, silent: 1500 });
    timers.advance(1499);
    expect(roster.summary().good).toBe(0);
    timers.advance(1501);
    expect(roster.summary()).toMatchObject({ good: 3, silent: 1497 });
    // While reports come in nobody is asked again, whatever happens to the connection.
    broker.reconnect();
    expect(broker.on("tele.all.report", from)).toHaveLength(1);
    for (const stop of stops) stop();
    expect(timers.pending).toEqual([]);
  });

  test.each(["", "null", "{", '{"seconds":-1}', '{"seconds":1e9}', '{"seconds":"1"}'])("within 10 s if asked with %j", (text) => {
    const { broker, timers } = rig();
    box(broker, Object.assign(timers, { chance: 0.999 }));
    const from = broker.messages.length;
    broker.publish("tele.all.report", text);
    timers.advance(9_900);
    expect(broker.on("tele.status.1001", from)).toHaveLength(0);
    timers.advance(100);
    expect(broker.on("tele.status.1001", from)).toHaveLength(1);
  });

  test("not for each call: the next report has their number", () => {
    const { broker, timers } = rig();
    const { change } = box(broker, timers);
    change({ calls: [{ id: "c1", kind: "inbound", state: "ringing", told: true }] });
    timers.advance(1000);
    expect(broker.on("tele.status.1001")).toHaveLength(1);
  });

  test("its calls while somebody looks at it, and no longer", () => {
    const { broker, timers, office } = rig();
    const { change } = box(broker, timers);
    expect(broker.on("tele.view.1001")).toHaveLength(0);
    office.view("1001");
    expect(office.view("1001")?.calls).toMatchObject([{ id: "c1", who: "...0123" }]);
    change({});
    timers.advance(500);
    expect(broker.on("tele.view.1001")).toHaveLength(2);
    timers.advance(40_000);
    change({});
    timers.advance(500);
    expect(broker.on("tele.view.1001")).toHaveLength(2);
  });
});

describe("a pushed configuration", () => {
  const key = newKey("user");
  const config = (version: number, desk = "1001") => signConfig({ desk, version, settings: '{"log":{"level":"debug"}}' }, key);
  const push = (broker: MemoryBroker, ...configs: readonly unknown[]) => broker.ask("tele.admin.config", { v: 1, configs });

  test("reaches a box that reports, again until it has it, and after a restart of the relay", () => {
    const { broker, configs } = rig(key.public);
    const sent = () => broker.on("tele.desk.1001.config").length;
    expect(push(broker, config(5))).toEqual([{ v: 1, relay: "a", kept: 1, refused: [] }]);
    expect(sent()).toBe(0);
    broker.publish("tele.status.1001", report("1001"));
    broker.publish("tele.status.1001", report("1001"));
    expect(sent()).toBe(2);
    broker.publish("tele.status.1001", report("1001", {}, { pushed: { version: 5 } }));
    broker.publish("tele.status.1001", report("1001", {}, { pushed: { refused: { version: 5, why: "x" } } }));
    expect(sent()).toBe(2);
    expect(configs().of("1001")).toEqual(config(5));
  });

  test("reaches at once a box that has reported before", () => {
    const { broker } = rig(key.public);
    broker.publish("tele.status.1001", report("1001"));
    push(broker, config(5));
    expect(broker.on("tele.desk.1001.config")).toEqual([config(5)]);
  });

  test.each([
    ["signed by somebody else", signConfig({ desk: "1001", version: 6, settings: "{}" }, newKey("user")), "its signature"],
    ["changed after it was signed", { ...config(6), settings: "{}" }, "its signature"],
    ["made for another desk", { ...config(6), desk: "1002" }, "its signature"],
    ["older than the last", config(4), "version 5 is newer"],
    ["malformed", { v: 1 }, "it is malformed"],
  ])("that is %s is refused", (_, wrong, why) => {
    const { broker, configs } = rig(key.public);
    push(broker, config(5));
    expect(push(broker, wrong)).toMatchObject([{ kept: 0, refused: [expect.stringContaining(why)] }]);
    expect(configs().of("1001")).toEqual(config(5));
    expect(configs().of("1002")).toBeUndefined();
  });

  test("is refused by a relay that does not know the administrator's key", () => {
    const { broker } = rig();
    expect(push(broker, config(5))).toMatchObject([{ kept: 0, refused: ["relay.configKey is not configured"] }]);
  });
});

test("the administrator gets the desks, a thousand at a time", () => {
  const { broker } = rig();
  for (let desk = 2000; desk < 4500; desk++) broker.publish(`tele.status.${desk}`, report(String(desk)));
  const ask = (question: object) =>
    broker.ask("tele.admin.status", { v: 1, ...question }) as { rows: { desk: string }[]; more: number }[];
  expect(ask({})[0]).toMatchObject({ relay: "a", more: 1503, summary: { desks: 2503 } });
  expect(ask({ from: 2000 })[0]).toMatchObject({ more: 0 });
  expect(ask({ search: "4499" })[0]?.rows).toMatchObject([{ desk: "4499" }]);
  expect(ask({ from: -1 })).toEqual([]);
});
