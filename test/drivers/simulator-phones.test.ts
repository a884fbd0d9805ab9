/** Several phones of one extension at the simulated switch behave as at a live one (mod_sofia.c, switch_core_session.c). */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { BareClient, Simulator } from "../../simulator/freeswitch/mod.ts";

let sim: Simulator;
let clients: BareClient[];

beforeEach(async () => {
  clients = [];
  sim = new Simulator({ secondMs: 1 });
  await sim.start();
});

afterEach(() => {
  for (const client of clients) client.close();
  sim.stop();
});

async function listen(events: string, filters: string[] = []): Promise<BareClient> {
  const client = await BareClient.listen(sim.port, events, filters);
  clients.push(client);
  return client;
}

describe("several phones of one extension", () => {
  test("sofia_contact lists all; `user` matches exactly, `reg` matches the contact", async () => {
    sim.phones.register("1001", 1);
    sim.phones.register("1002", 1);
    const client = await listen("HEARTBEAT");
    expect((await client.api("sofia_contact */1001@127.0.0.1")).split(",")).toHaveLength(2);
    const contacts = async (filter: string) =>
      (await client.api(`sofia status profile internal ${filter}`)).match(/^Contact:.*$/gm)?.length ?? 0;
    expect(await contacts("user 1001@127.0.0.1")).toBe(2);
    expect(await contacts("user 100@127.0.0.1")).toBe(0);
    expect(await contacts("user 1001@pbx.example")).toBe(0);
    // A contact does not contain USER@DOMAIN, so `reg USER@DOMAIN` lists nothing.
    expect(await contacts("reg 1001@127.0.0.1")).toBe(0);
    expect(await contacts("reg 1001-0x")).toBe(2);
    expect(await contacts("reg 127.0.0.1")).toBe(5);
  });

  test("with origination_uuid, which every leg gets, only the first rings; without it all ring, and the losers stop", async () => {
    sim.phones.register("1001", 1);
    sim.handsetDoes = { does: "waits" };
    const client = await listen("CHANNEL_HANGUP BACKGROUND_JOB", ["Event-Name CHANNEL_HANGUP", "Job-UUID j"]);
    const dial = async (variables: string) => {
      const ringing = sim.nextDialled();
      await client.send(`bgapi originate {${variables}}user/1001@127.0.0.1 914155550123 XML default\nJob-UUID: j`);
      return await ringing;
    };
    const single = await dial("origination_uuid=leg");
    expect(single.legs.map(({ uuid }) => uuid)).toEqual(["leg"]);
    await single.refuse();
    const two = await dial("x=y");
    expect(two.legs).toHaveLength(2);
    await two.answer(true, two.legs[1]);
    await client.until(() => client.events("CHANNEL_HANGUP").length === 2);
    expect(client.events().map((event) => event["_body"] ?? event["Hangup-Cause"])).toEqual([
      "USER_BUSY",
      "-ERR USER_BUSY\n",
      "LOSE_RACE",
      `+OK ${two.legs[1]?.uuid}\n`,
    ]);
  });
});
