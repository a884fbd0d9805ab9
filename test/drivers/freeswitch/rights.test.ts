/** Logged in as a directory user whose rights are narrow: what is needed works, what is denied is reported with the reason. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { eventNames } from "../../../drivers/freeswitch/commands.ts";
import { Rig, type RigOptions } from "../../support/freeswitch/rig.ts";

setDefaultTimeout(60_000);

const needed = ["show", "uuid_dump", "sofia_contact", "originate"];

/** A switch with one user, who may do this much. */
function narrow({ without, events = eventNames }: { without?: string; events?: readonly string[] } = {}): RigOptions {
  const api = needed.filter((command) => command !== without);
  return {
    simulator: { logins: [{ user: "box@pbx", password: "s3cret", api, events }] },
    config: { user: "box@pbx", password: "s3cret" },
    before: (sim) => sim.inbound({ from: "14155550123", to: "1001" }),
  };
}

describe("userauth", () => {
  test.concurrent("with exactly the rights that are needed: the snapshot, the phone and a dial", async () => {
    await using rig = await Rig.ready(narrow());
    expect(rig.events).toMatchObject([
      { type: "link-up" },
      { type: "snapshot", legs: [{ rings: true, caller: { identity: "14155550123" } }] },
      { type: "phone", registered: true },
    ]);
    expect(rig.commands[0]).toBe("userauth ***");
    expect(await rig.dial(crypto.randomUUID())).toEqual({ outcome: "done" });
    expect(rig.lines.join("\n")).not.toContain("s3cret");
  });

  test.concurrent("originate is denied: the dial fails with the reason", async () => {
    await using rig = await Rig.ready(narrow({ without: "originate" }));
    expect(await rig.dial(crypto.randomUUID())).toEqual({
      outcome: "failed",
      cause: "permission denied",
      why: "Phone 1001 could not be rung: the switch says permission denied.",
    });
  });

  test.concurrent("an event is denied: no link, and the reason names the command and the setting", async () => {
    await using rig = await Rig.open(narrow({ events: eventNames.filter((name) => name !== "CALL_UPDATE") }));
    const { why } = await rig.next("link-down");
    expect(why).toStartWith('FreeSWITCH refuses the command "event json CHANNEL_CREATE');
    expect(why).toEndWith("(-ERR permission denied): check the rights of line.user");
    expect(rig.events.some(({ type }) => type === "link-up")).toBe(false);
  });

  test.concurrent("uuid_dump is denied: no snapshot, which would end live calls; the link is closed with the reason", async () => {
    await using rig = await Rig.open(narrow({ without: "uuid_dump" }));
    const { why } = await rig.next("link-down");
    expect(why).toStartWith('FreeSWITCH refuses the command "api uuid_dump');
    expect(why).toEndWith("(-ERR permission denied): check the rights of line.user");
    const from = rig.events.length;
    await rig.connectAgain();
    await rig.next("link-down", () => true, from);
    expect(rig.events.some(({ type }) => type === "snapshot")).toBe(false);
    expect(rig.lines.filter((line) => line.includes("retrying until it is available"))).toHaveLength(1);
    await rig.sim.server.until(({ connections }) => connections.length === 0);
  });

  test.concurrent("show is denied: logged once, and the known legs are requested", async () => {
    await using rig = await Rig.ready(narrow({ without: "show" }));
    expect(await rig.next("snapshot")).toMatchObject({ legs: [] });
    expect(rig.lines.some((line) => line.includes("Cannot read the switch's list of channels"))).toBe(true);
  });

  test.concurrent("sofia_contact is denied: nothing is reported about the phone, and the reason is logged", async () => {
    await using rig = await Rig.open(narrow({ without: "sofia_contact" }));
    await rig.secondSnapshot();
    expect(rig.events.map(({ type }) => type)).toEqual(["link-up", "snapshot", "snapshot"]);
    const warned = rig.lines.filter((line) => line.includes("Cannot ask whether the phone is registered"));
    expect(warned).toEqual([expect.stringContaining("permission denied")]);
  });
});
