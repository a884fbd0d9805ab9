/** What is known about the phones: every query, event, dial and leg with news of a phone changes its one state. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { handsetFailure } from "../../../drivers/shared/causes.ts";
import { answerInstead, holdAnswer, Rig } from "../../support/freeswitch/rig.ts";

setDefaultTimeout(60_000);

const unknown = "The switch does not know extension 1001: ask the administrator.";

/** The SIP profile of the phones is stopped, or runs again: the switch sends no event about any phone. */
function profile(rig: Rig, runs: boolean): void {
  if (runs) Reflect.deleteProperty(rig.sim.phones, "contacts");
  else rig.sim.phones.contacts = () => [];
}

/** The phone's state as it was reported last. */
function last(rig: Rig): unknown {
  return rig.events.findLast(({ type }) => type === "phone");
}

/** The switch rings a leg with this presence id. */
function ring(rig: Rig, leg: string, presence: string, name: string): void {
  rig.sim.sw.fire("CHANNEL_PROGRESS", {
    "Unique-ID": leg,
    "Channel-Presence-ID": presence,
    "Channel-Name": name,
    "Call-Direction": "outbound",
    "Answer-State": "ringing",
    "Caller-Caller-ID-Number": "14155550123",
  });
}

/** Resolves when the queries so far have been answered: commands are answered in order, and a query has two. */
async function answered(rig: Rig): Promise<void> {
  for (let round = 0; round < 3; round++) await rig.line.passwordOf?.("1001");
}

/** A rig whose profile was stopped, and whose phone is known not to be registered by a dial that failed. */
async function stopped(): Promise<Rig> {
  const rig = await Rig.ready();
  profile(rig, false);
  await rig.dial(crypto.randomUUID());
  return rig;
}

describe("a dial", () => {
  test.concurrent("that finds no registration: the phone is not registered, and that is known before the result", async () => {
    await using rig = await Rig.ready();
    profile(rig, false);
    expect(await rig.dial(crypto.randomUUID())).toMatchObject({ outcome: "failed", cause: "USER_NOT_REGISTERED" });
    expect(last(rig)).toEqual({ type: "phone", desk: "1001", registered: false });
  });

  test.concurrent("to an extension that the directory has lost: reported for the phone too", async () => {
    await using rig = await Rig.ready();
    rig.sim.phones.knows = () => false;
    expect(await rig.dial(crypto.randomUUID())).toMatchObject({ outcome: "failed", cause: "SUBSCRIBER_ABSENT", why: unknown });
    expect(last(rig)).toEqual({ type: "phone", desk: "1001", registered: false, why: unknown });
  });

  test.concurrent("over a SIP profile that has stopped, although its contacts are still listed: reported for the phone too", async () => {
    await using rig = await Rig.ready();
    rig.sim.handsetDoes = { does: "rejects", cause: "INVALID_PROFILE" };
    const { why } = handsetFailure("INVALID_PROFILE", "1001");
    expect(why).toContain("SIP profile does not run");
    expect(await rig.dial(crypto.randomUUID())).toMatchObject({ outcome: "failed", cause: "INVALID_PROFILE", why });
    expect(last(rig)).toEqual({ type: "phone", desk: "1001", registered: false, why });
  });

  test.concurrent("that fails for another reason: the phone is looked up", async () => {
    await using rig = await Rig.ready();
    rig.sim.handsetDoes = { does: "rejects" };
    const from = rig.events.length;
    await rig.dial(crypto.randomUUID());
    expect(await rig.next("phone", () => true, from)).toMatchObject({ registered: true });
  });

  test.concurrent("that is answered: the phone is registered", async () => {
    await using rig = await stopped();
    profile(rig, true);
    const from = rig.events.length;
    expect(await rig.dial(crypto.randomUUID())).toEqual({ outcome: "done" });
    await rig.next("phone", ({ registered }) => registered, from);
    expect(await rig.next("phone", ({ contact }) => contact !== undefined, from)).toMatchObject({ registered: true });
  });
});

describe("a phone that is known not to be registered", () => {
  test.concurrent("is looked up at each HEARTBEAT: when its profile runs again, no event comes", async () => {
    await using rig = await stopped();
    const before = rig.events.length;
    rig.sim.sw.heartbeat();
    expect(await rig.next("phone", () => true, before)).toEqual({ type: "phone", desk: "1001", registered: false });
    profile(rig, true);
    const from = rig.events.length;
    rig.sim.sw.heartbeat();
    expect(await rig.next("phone", () => true, from)).toMatchObject({ registered: true });
    const after = rig.commands.length;
    rig.sim.sw.heartbeat();
    expect((await rig.dial(crypto.randomUUID())).outcome).toBe("done");
    expect(rig.commands.slice(after)[0]).toStartWith("filter Job-UUID");
  });

  test.concurrent("rings: it is registered, whatever its registration says", async () => {
    await using rig = await stopped();
    const from = rig.events.length;
    await rig.sim.inbound({ from: "14155550123", to: "1001" });
    expect(await rig.next("phone", () => true, from)).toEqual({ type: "phone", desk: "1001", registered: true });
    await rig.facts(({ rings }) => rings === true, from);
    await answered(rig);
    expect(last(rig)).toMatchObject({ registered: true });
  });

  test.concurrent("and is unknown to the directory: reported after the connect", async () => {
    await using rig = await Rig.ready({
      before: (sim) => {
        sim.phones.contacts = () => [];
        sim.phones.knows = () => false;
      },
    });
    expect(last(rig)).toEqual({ type: "phone", desk: "1001", registered: false, why: unknown });
  });
});

test.concurrent("what is known from the directory is kept when it denies the next request", async () => {
  await using rig = await Rig.ready();
  answerInstead(rig.sim, (command) => command === "user_exists" ? "-ERR permission denied\n" : undefined);
  profile(rig, false);
  rig.sim.phones.knows = () => false;
  await rig.dial(crypto.randomUUID());
  const from = rig.events.length;
  rig.sim.sw.heartbeat();
  expect(await rig.next("phone", () => true, from)).toEqual({ type: "phone", desk: "1001", registered: false, why: unknown });
});

test.concurrent("a phone that is registered in an alias's domain only is registered, and its legs are the desk's", async () => {
  const [alias, contact] = ["1001@other.example", "sofia/internal/sip:7kq2@10.0.0.9:5060"];
  const contacts = (arg: string) => arg === `*/${alias}` ? contact : "error/user_not_registered";
  await using rig = await Rig.ready({
    aliases: [alias],
    before: (sim) => answerInstead(sim, (command, arg) => command === "sofia_contact" ? contacts(arg) : undefined),
  });
  expect(last(rig)).toMatchObject({ registered: true, contact });
  ring(rig, "elsewhere", alias, "sofia/internal/14155550177@203.0.113.9");
  ring(rig, "ours", alias, "sofia/internal/7kq2@10.0.0.9:5060");
  await rig.facts(({ leg }) => leg === "ours");
  expect(rig.legs().map(({ leg }) => leg)).toEqual(["ours"]);
});

test.concurrent("an answer that is older than a registration does not overrule it", async () => {
  await using rig = await stopped();
  const held = holdAnswer(rig.sim, "sofia_contact");
  rig.sim.sw.heartbeat();
  await held.asked;
  profile(rig, true);
  const from = rig.events.length;
  rig.sim.phones.register("1001");
  await rig.next("phone", ({ registered }) => registered, from);
  held.release();
  await rig.next("phone", ({ contact = "" }) => contact.startsWith("sofia/"), from);
  await answered(rig);
  expect(rig.events.slice(from).some((event) => event.type === "phone" && !event.registered)).toBe(false);
});

test.concurrent("a leg to a contact that has just registered is the desk's before the switch has listed it", async () => {
  await using rig = await Rig.ready();
  const held = holdAnswer(rig.sim, "sofia_contact");
  rig.sim.phones.register("1001", 1);
  await held.asked;
  const [leg] = rig.sim.phones.contacts("1001").slice(1);
  ring(rig, "new", "1001@127.0.0.1", `sofia/internal/${leg?.handset.contact.replace("1001-", "x")}`);
  expect(await rig.facts(({ leg }) => leg === "new")).toMatchObject({ rings: true });
  held.release();
});
