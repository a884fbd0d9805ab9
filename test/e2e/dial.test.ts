/** The whole daemon with dialling, between the simulated switch and a small CRM; and the commands of the binary. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { Simulator } from "../../simulator/freeswitch/mod.ts";
import { explainAtDesk } from "../../src/commands/explain.ts";
import { sendCallout } from "../../simulator/crm/mod.ts";
import { Box, noBinary } from "../support/daemon/box.ts";
import { quietPort } from "../support/ports.ts";
import { start } from "../support/daemon/acd-office.ts";
import { ownFolder } from "../support/folder.ts";

setDefaultTimeout(60_000);

const folder = ownFolder();

describe("a dial, and what came of it:", () => {
  type All = Awaited<ReturnType<typeof start>>;
  const over = (all: All) => all.until("the dial to be over", () => all.desk()?.calls.length === 0);
  const last = async (all: All) => (await all.dials())[0]?.outcome;

  test.concurrent("every ending is on record, the newest first, and in status", async () => {
    const all = await start({ more: { numbers: { deny: "^1900" } }, simulator: { secondMs: 4 } });
    const { sim } = all;
    expect(await all.dial("19005550123")).toBe('Cannot dial "19005550123": the administrator does not allow this number.');
    sim.handsetDoes = { does: "rejects", afterMs: 1 };
    await all.dial();
    await over(all);
    expect(await last(all)).toBe("Phone 1001 is busy or has declined the call.");
    sim.handsetDoes = { does: "never answers" };
    await all.dial();
    await over(all);
    expect(await last(all)).toBe("Phone 1001 was not answered in time.");
    sim.handsetDoes = { does: "answers" };
    sim.farDoes = { does: "busy", afterMs: 1 };
    await all.dial();
    await over(all);
    expect(await last(all)).toBe("The number is busy.");
    expect(all.desk()?.lastDial).toMatchObject({ number: "...0123", outcome: "The number is busy." });
    sim.farDoes = { does: "no answer", afterMs: 1 };
    await all.dial();
    await over(all);
    expect(await last(all)).toBe("Nobody answers.");
    sim.farDoes = { does: "answers", afterMs: 1, talkMs: 5 };
    await all.dial();
    await over(all);
    expect(await last(all)).toBe("answered");
    sim.phones.unregister("1001");
    await all.until("the phone", () => all.desk()?.phone === "unregistered");
    expect(await all.dial()).toBe("Phone 1001 is not registered: check its cable and power.");
    const records = await all.dials();
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
    await all.stop();
  });

  test.concurrent("another agent's dial is refused, and on record with his name", async () => {
    const all = await start();
    const why = "Cannot dial: agent B is not registered at phone 1001: log in to UWQ again.";
    expect(await all.callout("MakeCall", { dialString: "14155550123", agentID: "B" })).toBe(why);
    expect(await all.dials()).toMatchObject([{ agent: "B", outcome: `refused: ${why}` }]);
    expect(all.sim.dialled).toEqual([]);
    await all.stop();
  });

  const errors = (all: All) =>
    all.rig.crm.events.filter((event) => event.name === "Error").map(({ data }) => data["occtErrorMsg"] ?? "");
  /** Three dials whose answer was yes before they came to nothing. */
  const threeInVain = async (all: All) => {
    const { sim } = all;
    const dials = async () => {
      const dialled = sim.nextDialled();
      expect(await all.dial()).toBe("ok");
      return await dialled;
    };
    sim.handsetDoes = { does: "waits" };
    await (await dials()).refuse("CALL_REJECTED");
    await over(all);
    await (await dials()).refuse("NO_ANSWER");
    await over(all);
    sim.handsetDoes = { does: "answers" };
    sim.farDoes = { does: "waits" };
    const busy = await dials();
    await all.until("the number to be called", () => busy.state === "calling");
    await busy.farBusy();
    await over(all);
  };

  test.concurrent("crm.errorEvents: the agent reads that it was declined, not lifted, busy", async () => {
    const all = await start({ more: { crm: { errorEvents: true } } });
    await threeInVain(all);
    await all.until("three errors", () => errors(all).length === 3);
    expect(errors(all)).toEqual([
      "Phone 1001 has declined the call.",
      "Phone 1001 was not answered in time.",
      "The number is busy.",
    ]);
    await all.stop();
  });

  test.concurrent("without it nothing is posted", async () => {
    const all = await start();
    await threeInVain(all);
    await all.until("an empty outbox", () => all.rig.app.status().outbox.waiting === 0);
    expect(errors(all)).toEqual([]);
    await all.stop();
  });
});

describe("crm.telephonyEvents:", () => {
  const names = (all: Awaited<ReturnType<typeof start>>) => all.rig.crm.events.map(({ name }) => name);
  const lostAndBack = async (all: Awaited<ReturnType<typeof start>>) => {
    all.sim.phones.unregister("1001");
    await all.until("the phone to be gone", () => all.desk()?.phone === "unregistered");
    all.sim.phones.expire("1001");
    all.sim.phones.register("1001");
    await all.until("the phone to be back", () => all.desk()?.phone === "registered");
    all.sim.cut("rst");
    await all.until("the link to be down", () => all.desk()?.switch === "down");
    await all.until("the line to be back", () => all.desk()?.phone === "registered");
  };

  test.concurrent("lost and back, once each, in order", async () => {
    const all = await start({ more: { crm: { telephonyEvents: true } } });
    // The Register came before the first connect, perhaps: then that was told too.
    await all.until("the events of the start", () => all.rig.app.status().outbox.waiting === 0);
    const from = names(all).length;
    expect(from % 2).toBe(0);
    await lostAndBack(all);
    await all.until("all events", () => names(all).length >= from + 4 && all.rig.app.status().outbox.waiting === 0);
    expect(names(all).slice(from)).toEqual(["TelephonyDisabled", "TelephonyEnabled", "TelephonyDisabled", "TelephonyEnabled"]);
    await all.stop();
  });

  test.concurrent("off: nothing", async () => {
    const all = await start();
    await lostAndBack(all);
    expect([names(all), all.rig.app.status().outbox.waiting]).toEqual([[], 0]);
    await all.stop();
  });
});

describe("hash-password", () => {
  /** Runs it from the source, with this on its standard input. */
  const run = async (input: string, ...more: string[]) => {
    const command = [process.execPath, join(import.meta.dir, "../../src/main.ts"), "hash-password", ...more];
    const child = Bun.spawn(command, { stdin: new Blob([input]), stdout: "pipe", stderr: "pipe" });
    const [out, err] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
    return { out, err, code: await child.exited };
  };

  test.concurrent.each(["open sesame\n", "open sesame", "open sesame\r\n", "open sesame\nmore\n"])(
    "%j by pipe: a hash that the password fits",
    async (input) => {
      const { out, err, code } = await run(input);
      expect([err, code]).toEqual(["", 0]);
      expect(out).toMatch(/^\$argon2id\$[^\n]+\n$/);
      expect(await Bun.password.verify("open sesame", out.trim())).toBe(true);
    },
  );

  test.concurrent.each(["", "\n", "\r\n"])("%j by pipe: no password, 2", async (input) => {
    expect(await run(input)).toEqual({ out: "", err: "The password is empty: type or pipe one\n", code: 2 });
  });

  test.concurrent("takes none from the command line, where others could see it", async () => {
    expect(await run("", "open sesame")).toMatchObject({ out: "", code: 2 });
  });
});

describe.skipIf(noBinary !== "")(`the binary${noBinary}`, () => {
  test("dials: nothing yet, then who asked, from where, what became of it; --json for machines", async () => {
    const sim = new Simulator();
    await sim.start();
    const box = new Box({
      folder,
      port: await quietPort(),
      switchPort: sim.port,
      more: { numbers: { deny: "^1900", toDial: [{ match: "^\\+1", replace: "91" }] } },
    });
    expect(await box.run("dials")).toMatchObject({ code: 1, out: "", err: expect.stringContaining("does not answer") });
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
    const when = "\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}Z";
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

/** What `telesetd explain NUMBER --desk 1001` says, with this box's configuration. */
async function explained(box: Box, number: string): Promise<string> {
  let said = "";
  const io = { out: (text: string) => said += text, err: (text: string) => said += text, terminal: false, environment: {} };
  await explainAtDesk({ number, desk: "1001", file: box.config, json: false }, io);
  return said;
}
