/** Dialling for the CRM, against the simulated switch: the commands, the outcome, and what is known when the link is cut. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import type { Connection, Simulator } from "../../../simulator/freeswitch/mod.ts";
import { lineTo, obliging, RawPeer, response } from "../../support/freeswitch/rawpeer.ts";
import { extraFilters, Rig } from "../../support/freeswitch/rig.ts";
import { LineListener } from "../../support/line-listener.ts";
import { FakeTimers } from "../../support/timers.ts";

setDefaultTimeout(60_000);

const farFilter = (call: string) => `filter variable_originating_leg_uuid ${call}`;
const farFilterGone = (call: string) => `filter delete variable_originating_leg_uuid ${call}`;
const newCall = () => crypto.randomUUID();

describe("a dial that works", () => {
  test.concurrent("the job's filter, the command, the leg's filter; the far leg's filter from the answer on; each is removed after use", async () => {
    await using rig = await Rig.ready();
    rig.sim.handsetDoes = rig.sim.farDoes = { does: "waits" };
    const [call, before] = [newCall(), rig.commands.length];
    const { dialled, outcome } = await rig.dialling(call);
    const { uuid } = dialled;
    await rig.facts(({ leg, rings }) => leg === uuid && rings === true);
    await rig.until(() => rig.commands.length === before + 3);
    expect(rig.commands.slice(before)).toEqual([
      expect.stringMatching(/^filter Job-UUID [0-9a-f-]{36}$/),
      expect.stringMatching(new RegExp(`^bgapi originate {telesetd_call=${call},`)),
      `filter Unique-ID ${uuid}`,
    ]);
    const [job = ""] = rig.commands.slice(before);
    await dialled.answer();
    expect(await outcome).toEqual({ outcome: "done" });
    await rig.facts(({ leg, farCalled }) => leg === uuid && farCalled === true);
    await rig.until(() => rig.commands.length === before + 5);
    expect(rig.commands.slice(before + 3).toSorted()).toEqual([job.replace("filter", "filter delete"), farFilter(uuid)]);
    await dialled.farAnswers();
    await rig.facts(({ leg, farAnswered }) => leg === uuid && farAnswered === true);
    await rig.until(() => rig.commands.at(-1) === farFilterGone(uuid));
    expect(extraFilters(rig)).toEqual([]);
    await dialled.farHangsUp();
    await rig.facts(({ ended }) => ended !== undefined);
    await rig.until(() => rig.commands.at(-1) === `filter delete Unique-ID ${uuid}`);
    expect(rig.commands.filter((command) => command === farFilter(uuid))).toHaveLength(1);
  });

  test.concurrent("every leg of it carries the id of the command", async () => {
    await using rig = await Rig.ready();
    const call = newCall();
    await rig.dial(call);
    const facts = await rig.facts(({ direction }) => direction !== undefined);
    expect(facts).toMatchObject({ desk: "1001", leg: rig.sim.dialled[0]?.uuid as string, call, direction: "to-desk" });
  });

  test.concurrent("early media is not the far end's answer; the answer is seen on its own leg", async () => {
    await using rig = await Rig.ready();
    rig.sim.farDoes = { does: "waits" };
    const { dialled, outcome } = await rig.dialling();
    await outcome;
    await dialled.earlyMedia();
    await rig.facts(({ farLeg }) => farLeg !== undefined);
    expect(rig.legs().some(({ farAnswered }) => farAnswered)).toBe(false);
    await rig.until(() => extraFilters(rig).includes(farFilter(dialled.uuid).replace("filter ", "")));
    await dialled.farAnswers();
    expect(await rig.facts(({ farAnswered }) => farAnswered === true)).toMatchObject({ leg: dialled.uuid, farCalled: true });
  });

  test.concurrent("early media and the answer come before the far leg's filter is set: the far leg is requested", async () => {
    await using rig = await Rig.ready();
    rig.sim.handsetDoes = rig.sim.farDoes = { does: "waits" };
    const { dialled, outcome } = await rig.dialling();
    // All at once: the box cannot have set its filter before the far end answers.
    await Promise.all([dialled.answer(), dialled.earlyMedia(), dialled.farAnswers()]);
    expect(await outcome).toEqual({ outcome: "done" });
    expect(await rig.facts(({ farAnswered }) => farAnswered === true)).toMatchObject({ leg: dialled.uuid });
    await rig.until(() => extraFilters(rig).length === 0);
  });

  test.concurrent("a switch that does not pass our mark on: the job names the answered leg, whose far leg is watched", async () => {
    await using rig = await Rig.ready({
      before: (sim) => {
        const bgapi = sim.bgapi.bind(sim);
        sim.bgapi = (job) => bgapi({ ...job, arg: job.arg.replace(/telesetd_call=[^,]*,/, "") });
      },
    });
    rig.sim.farDoes = { does: "waits" };
    const { dialled, outcome } = await rig.dialling();
    await outcome;
    await dialled.earlyMedia();
    await rig.until(() => extraFilters(rig).includes(farFilter(dialled.uuid).replace("filter ", "")));
    await dialled.farAnswers();
    await rig.facts(({ leg, farAnswered }) => leg === dialled.uuid && farAnswered === true);
    await rig.until(() => extraFilters(rig).length === 0);
  });

  test.concurrent("answered and hung up before the job is done: no filter is left behind", async () => {
    await using rig = await Rig.ready({ before: (sim) => sim.losesJobs = true });
    rig.sim.handsetDoes = rig.sim.farDoes = { does: "waits" };
    const { dialled, outcome } = await rig.dialling();
    await dialled.answer();
    await dialled.hangUp();
    await rig.until(() => rig.legs().some(({ ended }) => ended !== undefined));
    const job = rig.commands.findLast((command) => command.startsWith("filter Job-UUID"))?.split(" ").at(-1) ?? "";
    rig.sim.sw.fire("BACKGROUND_JOB", { "Job-UUID": job, _body: `+OK ${dialled.uuid}\n` });
    expect(await outcome).toEqual({ outcome: "done" });
    await rig.until(() => rig.commands.at(-1)?.startsWith("filter delete Job-UUID") === true);
    expect(extraFilters(rig)).toEqual([]);
  });

  test.concurrent("the far end does not answer: the filter is removed when the leg ends", async () => {
    await using rig = await Rig.ready();
    rig.sim.farDoes = { does: "busy" };
    expect(await rig.dial(newCall())).toEqual({ outcome: "done" });
    const { ended, leg } = await rig.facts(({ ended }) => ended !== undefined);
    expect(ended?.cause).toBe("USER_BUSY");
    await rig.until(() => rig.commands.includes(farFilterGone(leg)) && extraFilters(rig).length === 0);
    expect(rig.dials()).toBe(1);
  });

  test.concurrent("two at once: each gets its own outcome", async () => {
    await using rig = await Rig.ready({ desks: ["1001", "1002"] });
    rig.sim.handsetDoes = { does: "waits" };
    const [ringing1001, first] = [rig.sim.nextDialled(), rig.dial(newCall(), "1001")];
    const phone1001 = await ringing1001;
    const [ringing1002, second] = [rig.sim.nextDialled(), rig.dial(newCall(), "1002")];
    await (await ringing1002).refuse();
    await phone1001.answer();
    expect(await first).toEqual({ outcome: "done" });
    expect(await second).toMatchObject({ outcome: "failed", cause: "USER_BUSY", why: expect.stringContaining("Phone 1002") });
  });
});

describe("a dial that fails, with the reason", () => {
  const ways: [string, string, (sim: Simulator) => unknown, string][] = [
    ["USER_BUSY", "the handset declines", (sim) => sim.handsetDoes = { does: "rejects" }, "is busy or has declined the call"],
    [
      "CALL_REJECTED",
      "the handset rejects",
      (sim) => sim.handsetDoes = { does: "rejects", cause: "CALL_REJECTED" },
      "has declined the call",
    ],
    ["NO_ANSWER", "nobody answers", (sim) => sim.handsetDoes = { does: "never answers" }, "was not answered in time"],
    [
      "USER_NOT_REGISTERED",
      "the phone is away",
      (sim) => sim.phones.unregister("1001"),
      "is not registered: check its cable and power",
    ],
  ];

  test.concurrent.each(ways)("%s, as %s; no filter is left behind", async (cause, _when, prepare, words) => {
    await using rig = await Rig.ready({ simulator: { secondMs: 1 }, before: prepare });
    expect(await rig.dial(newCall())).toEqual({ outcome: "failed", cause, why: `Phone 1001 ${words}.` });
    await rig.until(() => extraFilters(rig).length === 0);
  });

  test.concurrent("an extension that the switch does not know", async () => {
    await using rig = await Rig.ready({ desks: ["1009"] });
    expect(await rig.dial(newCall(), "1009")).toMatchObject({
      outcome: "failed",
      cause: "SUBSCRIBER_ABSENT",
      why: "The switch does not know extension 1009: ask the administrator.",
    });
  });

  test.concurrent("a desk that is not served: nothing is sent", async () => {
    await using rig = await Rig.ready();
    const before = rig.commands.length;
    expect(await rig.dial(newCall(), "1002")).toMatchObject({ outcome: "failed", why: "Desk 1002 is not served." });
    expect(rig.commands).toHaveLength(before);
  });

  test.concurrent.each(["before the first connect", "after a cut"])("%s it is refused at once, with the reason", async (when) => {
    await using rig = await Rig.open({ before: (sim) => when.startsWith("before") && sim.server.refuse() });
    if (when === "after a cut") {
      await rig.next("phone");
      rig.sim.server.refuse();
      rig.sim.cut("rst");
    }
    await rig.next("link-down");
    const result = await rig.dial(newCall());
    expect(result).toMatchObject({ outcome: "failed", cause: "NO_LINK" });
    expect("why" in result && result.why).toMatch(/\bthe connection to the phone system is down \(.+\)\.$/i);
    const from = rig.events.length;
    await rig.sim.server.listen();
    await rig.connectAgain();
    await rig.next("phone", () => true, from);
    expect(rig.dials()).toBe(0);
  });
});

describe("from the moment the link is up", () => {
  test.concurrent("a dial is carried out, even during the first snapshot", async () => {
    await using rig = await Rig.open();
    await rig.next("link-up");
    const call = newCall();
    expect(await rig.dial(call)).toEqual({ outcome: "done" });
    const types = rig.events.map(({ type }) => type);
    expect(types.indexOf("snapshot")).toBeLessThan(types.indexOf("leg"));
  });

  test.concurrent("its result does not overtake the events of its leg", async () => {
    await using rig = await Rig.ready();
    const heard = rig.dial(newCall()).then(() => rig.legs().some(({ answered }) => answered === true));
    // All in one chunk: the phone rings, answers, and the switch reports at once.
    rig.sim.server.connections.forEach((connection) => connection.pace = { chunking: { batchMs: 50 } });
    expect(await heard).toBe(true);
  });
});

describe("the link is cut during a dial", () => {
  const patient = { ringSeconds: 25, commandSeconds: 5, silenceSeconds: 100 };
  /** A silence ends the link before the deadline of a command, and long after the second snapshot. */
  const silent = { silenceSeconds: 3, commandSeconds: 30 };
  type Cut = (connection: Connection, rig: Rig) => unknown;
  const rst: Cut = (connection) => connection.rst();
  const fin: Cut = (connection) => connection.fin();
  const silence: Cut = (connection, rig) => {
    connection.silence();
    rig.silenceLasts(silent.silenceSeconds);
  };
  const at = (start: string) => (command: string) => command.startsWith(start);

  test.concurrent.each(
    [
      ["RST at its first filter", "failed", rst, at("filter Job-UUID"), 0],
      ["silence at its first filter", "failed", silence, at("filter Job-UUID"), 0],
      ["RST at the command itself", "unknown", rst, at("bgapi"), 1],
      ["FIN at the command itself", "unknown", fin, at("bgapi"), 1],
      ["silence at the command itself", "unknown", silence, at("bgapi"), 1],
    ] as const,
  )("%s: %s, and never sent twice", async (_name, outcome, cut, isStage, dials) => {
    await using rig = await Rig.ready({ config: silent });
    rig.sim.handsetDoes = { does: "waits" };
    const from = rig.events.length;
    rig.onCommand = (command, connection) => isStage(command) && cut(connection, rig);
    const result = await rig.dial(newCall());
    expect(result.outcome).toBe(outcome);
    expect("why" in result && result.why).toMatch(
      outcome === "failed" ? /\bthe connection to the phone system is down/i : /^The connection to the phone system was lost/,
    );
    await rig.connectAgain();
    await rig.next("phone", () => true, from);
    await rig.secondSnapshot();
    expect(rig.dials()).toBe(dials);
  });

  test.concurrent.each(["fin", "rst", "silence"] as const)(
    "%s while the handset rings: unknown, and not dialled again",
    async (how) => {
      await using rig = await Rig.ready({ config: silent });
      rig.sim.handsetDoes = { does: "waits" };
      const [ringing, from] = [rig.sim.nextDialled(), rig.events.length];
      const result = rig.dial(newCall());
      await ringing;
      rig.sim.cut(how);
      if (how === "silence") rig.silenceLasts(silent.silenceSeconds);
      expect(await result).toMatchObject({ outcome: "unknown", why: expect.stringContaining("was lost") });
      await rig.connectAgain();
      await rig.next("phone", () => true, from);
      await rig.secondSnapshot();
      expect(rig.dials()).toBe(1);
    },
  );

  test.concurrent("after the reconnect the call is found by its mark, and its far end is watched again", async () => {
    await using rig = await Rig.ready();
    rig.sim.farDoes = { does: "waits" };
    const [call, ringing] = [newCall(), rig.sim.nextDialled()];
    await rig.dial(call);
    const dialled = await ringing;
    const from = await rig.reconnect(() => dialled.earlyMedia());
    const { uuid } = dialled;
    expect((await rig.next("snapshot", () => true, from)).legs).toMatchObject([{ leg: uuid, call }]);
    expect(extraFilters(rig)).toEqual([farFilter(uuid).replace("filter ", "")]);
    await dialled.farAnswers();
    await rig.facts(({ leg, farAnswered }) => leg === uuid && farAnswered === true, from);
    await rig.until(() => extraFilters(rig).length === 0);
    expect(rig.dials()).toBe(1);
  });

  test.concurrent("the far end answers between the request for its leg and its filter: the answer is seen", async () => {
    await using rig = await Rig.ready();
    rig.sim.farDoes = { does: "waits" };
    const { dialled, outcome } = await rig.dialling();
    await outcome;
    await dialled.earlyMedia();
    await rig.until(() => rig.commands.includes(farFilter(dialled.uuid)));
    const from = await rig.reconnect(() => {
      rig.onCommand = (command) => {
        if (command !== farFilter(dialled.uuid)) return;
        rig.onCommand = () => {};
        void dialled.farAnswers();
      };
    });
    expect((await rig.next("snapshot", () => true, from)).legs).toMatchObject([{ leg: dialled.uuid, farAnswered: true }]);
  });

  test.concurrent("the end of the job is never reported: unknown, once the handset must have stopped ringing", async () => {
    await using rig = await Rig.ready({ config: patient, before: (sim) => sim.losesJobs = true });
    await rig.startSecondSnapshot();
    const outcome = rig.dial(newCall());
    await rig.timers.pass((patient.ringSeconds + 2 * patient.commandSeconds) * 1000);
    expect(await outcome).toEqual({ outcome: "unknown", why: "The switch did not report the outcome" });
    await rig.until(() => !extraFilters(rig).some((filter) => filter.startsWith("Job-UUID")));
    expect(rig.dials()).toBe(1);
  });

  test.concurrent("after an unknown outcome the driver takes a snapshot, which shows whether a leg lives", async () => {
    await using rig = await Rig.ready({ config: patient, before: (sim) => sim.losesJobs = true });
    await rig.secondSnapshot();
    rig.sim.phones.contacts = () => [];
    const outcome = rig.dial(newCall());
    await rig.timers.pass((patient.ringSeconds + 2 * patient.commandSeconds) * 1000);
    await outcome;
    await rig.next("snapshot", ({ legs }) => legs.length === 0, rig.events.length);
  });
});

test("a switch that is too slow: the dial fails, and is not sent later", async () => {
  const answer = (command: string) => command.startsWith("api show") ? response('{"row_count":0}') : obliging(command);
  await using peer = await RawPeer.listen((command) => command.startsWith("api user_data") ? undefined : answer(command));
  const timers = new FakeTimers();
  const rig = new LineListener(lineTo(peer.port, timers, { ringSeconds: 5, commandSeconds: 5 }));
  await rig.next("phone");
  const asked = () => peer.received.filter((command) => command.startsWith("api user_data")).length;
  for (let n = 0; n < 4; n++) rig.line.passwordOf?.("1001").catch(() => {});
  const outcome = rig.dial();
  for (let n = 1; n <= 4; n++) {
    await peer.until(() => asked() === n);
    timers.advance(4000);
    peer.write(response("secret"));
  }
  expect(await outcome).toMatchObject({ outcome: "failed", cause: "NO_REPLY" });
  await peer.until(() => peer.received.at(-1)?.startsWith("filter delete Job-UUID") === true);
  rig.line.passwordOf?.("1001").catch(() => {});
  await peer.until(() => asked() === 5);
  expect(peer.received.some((command) => command.startsWith("bgapi"))).toBe(false);
  rig.stop();
  await rig.ended;
});
