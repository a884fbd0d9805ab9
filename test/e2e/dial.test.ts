/** Dialling with the whole daemon, between the simulated switch and a small CRM; and the commands of the binary. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { Simulator } from "../../simulator/freeswitch/mod.ts";
import { explain } from "../../src/commands/explain.ts";
import { sendCallout } from "../../simulator/crm/mod.ts";
import { Box, noBinary } from "../support/daemon/box.ts";
import { quietPort } from "../support/ports.ts";
import { start } from "../support/daemon/acd-office.ts";
import { ownFolder } from "../support/folder.ts";
import { run } from "../support/run.ts";

setDefaultTimeout(60_000);

const folder = ownFolder();

describe("a dial and its outcome:", () => {
  type Office = Awaited<ReturnType<typeof start>>;
  const over = (office: Office) => office.until("the dial to be over", () => office.desk()?.calls.length === 0);
  const last = async (office: Office) => (await office.dials())[0]?.outcome;

  test.concurrent("every outcome is recorded, the newest first, and in the status", async () => {
    await using office = await start({ more: { numbers: { deny: "^1900" } }, simulator: { secondMs: 4 } });
    const { sim } = office;
    expect(await office.dial("19005550123")).toBe('Cannot dial "19005550123": the administrator does not allow this number.');
    sim.handsetDoes = { does: "rejects", afterMs: 1 };
    await office.dial();
    await over(office);
    expect(await last(office)).toBe("Phone 1001 is busy or has declined the call.");
    sim.handsetDoes = { does: "never answers" };
    await office.dial();
    await over(office);
    expect(await last(office)).toBe("Phone 1001 was not answered in time.");
    sim.handsetDoes = { does: "answers" };
    sim.farDoes = { does: "busy", afterMs: 1 };
    await office.dial();
    await over(office);
    expect(await last(office)).toBe("The number is busy.");
    expect(office.desk()?.lastDial).toMatchObject({ number: "...0123", outcome: "The number is busy." });
    sim.farDoes = { does: "no answer", afterMs: 1 };
    await office.dial();
    await over(office);
    expect(await last(office)).toBe("Nobody answers.");
    sim.farDoes = { does: "answers", afterMs: 1, talkMs: 5 };
    await office.dial();
    await over(office);
    expect(await last(office)).toBe("answered");
    sim.phones.unregister("1001");
    await office.until("the phone", () => office.desk()?.phone === "unregistered");
    expect(await office.dial()).toBe("Phone 1001 is not registered: check its cable and power.");
    const records = await office.dials();
    expect(records.map(({ outcome }) => outcome)).toEqual([
      "Phone 1001 is not registered: check its cable and power.",
      "answered",
      "Nobody answers.",
      "The number is busy.",
      "Phone 1001 was not answered in time.",
      "Phone 1001 is busy or has declined the call.",
      'refused: Cannot dial "19005550123": the administrator does not allow this number.',
    ]);
    expect(records[1]).toMatchObject({
      desk: "1001",
      agent: "agent-1001",
      from: "127.0.0.1",
      dialString: "14155550123",
      number: "14155550123",
    });
  });

  test.concurrent("another agent's dial is refused, and recorded with that agent's name", async () => {
    await using office = await start();
    const why = "Cannot dial: agent B is not registered at phone 1001: log in to UWQ again.";
    expect(await office.callout("MakeCall", { dialString: "14155550123", agentID: "B" })).toBe(why);
    expect(await office.dials()).toMatchObject([{ agent: "B", outcome: `refused: ${why}` }]);
    expect(office.sim.dialled).toEqual([]);
  });

  const errors = (office: Office) =>
    office.rig.crm.events.filter((event) => event.name === "Error").map(({ data }) => data["occtErrorMsg"] ?? "");
  /** Three dials that were accepted and then failed. */
  const threeInVain = async (office: Office) => {
    const { sim } = office;
    const dials = async () => {
      const dialled = sim.nextDialled();
      expect(await office.dial()).toBe("ok");
      return await dialled;
    };
    sim.handsetDoes = { does: "waits" };
    await (await dials()).refuse("CALL_REJECTED");
    await over(office);
    await (await dials()).refuse("NO_ANSWER");
    await over(office);
    sim.handsetDoes = { does: "answers" };
    sim.farDoes = { does: "waits" };
    const busy = await dials();
    await office.until("the number to be called", () => busy.state === "calling");
    await busy.farBusy();
    await over(office);
  };

  test.concurrent("crm.errorEvents: the agent sees why: declined, not answered, busy", async () => {
    await using office = await start({ more: { crm: { errorEvents: true } } });
    await threeInVain(office);
    await office.until("three errors", () => errors(office).length === 3);
    expect(errors(office)).toEqual([
      "Phone 1001 has declined the call.",
      "Phone 1001 was not answered in time.",
      "The number is busy.",
    ]);
  });

  test.concurrent("without it nothing is posted", async () => {
    await using office = await start();
    await threeInVain(office);
    await office.until("an empty outbox", () => office.rig.app.status().outbox.waiting === 0);
    expect(errors(office)).toEqual([]);
  });
});

describe("crm.telephonyEvents:", () => {
  const names = (office: Awaited<ReturnType<typeof start>>) => office.rig.crm.events.map(({ name }) => name);
  const lostAndBack = async (office: Awaited<ReturnType<typeof start>>) => {
    office.sim.phones.unregister("1001");
    await office.until("the phone to be gone", () => office.desk()?.phone === "unregistered");
    office.sim.phones.expire("1001");
    office.sim.phones.register("1001");
    await office.until("the phone to be back", () => office.desk()?.phone === "registered");
    office.sim.cut("rst");
    await office.until("the link to be down", () => office.desk()?.switch === "down");
    await office.until("the line to be back", () => office.desk()?.phone === "registered");
  };

  test.concurrent("lost and back, once each, in order", async () => {
    await using office = await start({ more: { crm: { telephonyEvents: true } } });
    // The Register may have arrived before the first connect: then that was reported too.
    await office.until("the events of the start", () => office.rig.app.status().outbox.waiting === 0);
    const from = names(office).length;
    expect(from % 2).toBe(0);
    await lostAndBack(office);
    await office.until("all events", () => names(office).length >= from + 4 && office.rig.app.status().outbox.waiting === 0);
    expect(names(office).slice(from)).toEqual(["TelephonyDisabled", "TelephonyEnabled", "TelephonyDisabled", "TelephonyEnabled"]);
  });

  test.concurrent("off: nothing", async () => {
    await using office = await start();
    await lostAndBack(office);
    expect([names(office), office.rig.app.status().outbox.waiting]).toEqual([[], 0]);
  });
});

describe("hash-password", () => {
  /** Runs it from the source, with this on its standard input. */
  const hash = (input: string, ...more: string[]) =>
    run([process.execPath, join(import.meta.dir, "../../src/main.ts"), "hash-password", ...more], { input });

  test.concurrent.each(["open sesame\n", "open sesame", "open sesame\r\n", "open sesame\nmore\n"])(
    "%j by pipe: a hash that the password fits",
    async (input) => {
      const { out, err, code } = await hash(input);
      expect([err, code]).toEqual(["", 0]);
      expect(out).toMatch(/^\$argon2id\$[^\n]+\n$/);
      expect(await Bun.password.verify("open sesame", out.trim())).toBe(true);
    },
  );

  test.concurrent.each(["", "\n", "\r\n"])("%j by pipe: no password, 2", async (input) => {
    expect(await hash(input)).toEqual({ out: "", err: "The password is empty: type or pipe one\n", code: 2 });
  });

  test.concurrent("accepts no password on the command line, where others could see it", async () => {
    expect(await hash("", "open sesame")).toMatchObject({ out: "", code: 2 });
  });
});

describe.skipIf(noBinary !== "")(`the binary${noBinary}`, () => {
  test("dials: none yet, then agent, address and outcome of each; --json for machines", async () => {
    const sim = new Simulator();
    await sim.start();
    const box = new Box({
      folder,
      port: await quietPort(),
      switchPort: sim.port,
      more: { numbers: { deny: "^1900", toDial: [{ match: "^\\+1", replace: "91" }] } },
    });
    expect(await box.run("dials")).toMatchObject({ code: 1, out: "", err: expect.stringContaining("telesetd is not running") });
    await box.start();
    await box.connected();
    expect(await box.run("dials")).toEqual({ code: 0, err: "", out: "The CRM has not asked to dial any number.\n" });
    const callout = (FunctionName: string, more: Record<string, string>) =>
      sendCallout(box.port, "/", { FunctionName, telesetNumber: "1001", agentID: "7", ...more });
    await callout("Register", { port: "9" });
    sim.handsetDoes = { does: "rejects", afterMs: 1 };
    await callout("MakeCall", { dialString: "+1 (415) 555-0123" });
    await box.until("the dial is not over", ({ desks }) => desks[0]?.calls.length === 0);
    await callout("MakeCall", { dialString: "19005550123" });
    const { out, code } = await box.run("dials");
    expect(code).toBe(0);
    const when = "\\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\d";
    expect((await box.run("dials", "--utc")).out).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z {2}desk 1001/);
    const [first = "", second = "", ...rest] = out.split("\n");
    expect(first).toMatch(new RegExp(`^${when}  desk 1001, agent 7 from 127\\.0\\.0\\.1: 19005550123: refused: Cannot dial`));
    expect(second).toMatch(
      new RegExp(
        `^${when}  desk 1001, agent 7 from 127\\.0\\.0\\.1: \\+1 \\(415\\) 555-0123 as 914155550123: Phone 1001 is busy or`,
      ),
    );
    expect(rest).toEqual(["2 dials.", ""]);
    const json = JSON.parse((await box.run("dials", "--json")).out);
    expect(json).toMatchObject([{ dialString: "19005550123" }, { number: "914155550123", from: "127.0.0.1", desk: "1001" }]);
    expect(await explained(box, "14155550123")).toContain("MakeCall at desk 1001 would be accepted now from agent 7\n");
    expect(await explained(box, "19005550123")).toContain(
      'would be refused now: Cannot dial "19005550123": the administrator does not allow this number.\n',
    );
    expect(await box.terminate()).toBe(0);
    expect((await box.run("dials")).code).toBe(1);
    expect(await explained(box, "14155550123")).toContain("is allowed by the configuration");
    sim.stop();
  });
});

/** The text of `telesetd explain NUMBER --desk 1001`, with this box's configuration. */
async function explained(box: Box, number: string): Promise<string> {
  let text = "";
  const io = { out: (more: string) => text += more, err: (more: string) => text += more, terminal: false, environment: {} };
  await explain({ number, desk: "1001", config: box.config, json: false }, io);
  return text;
}
