/** The compiled daemon gets SIGTERM under load: every callout that was sent before has an answer, and a restart loses nothing. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { Simulator } from "../../simulator/freeswitch/mod.ts";
import { SmallCrm } from "../../simulator/crm/mod.ts";
import { hashPassword } from "../../src/passwords.ts";
import { Client, get } from "../support/httpclient.ts";
import { Box, noBinary } from "../support/daemon/box.ts";
import { quietPort } from "../support/ports.ts";
import { ownFolder } from "../support/folder.ts";

setDefaultTimeout(120_000);

const folder = ownFolder();

const target = (name: string, agent: string, more = "") => `/?FunctionName=${name}&telesetNumber=1001&agentID=${agent}${more}`;

/** A switch that accepts a MakeCall and reports nothing more about it. */
class SilentSwitch extends Simulator {
  override bgapi(): void {}
}

describe.skipIf(noBinary !== "")(`SIGTERM${noBinary}`, () => {
  test.each([
    ["at once", 0],
    ["when a few are answered", 20],
    ["when half of them are answered", 100],
  ])(
    "200 callouts in flight, %s: each has an answer, and what was answered with success holds after a restart",
    async (_, first) => {
      const sim = new SilentSwitch();
      await sim.start();
      const crm = await SmallCrm.open();
      const hashes = { A: await hashPassword("right") };
      const more = {
        http: { host: "127.0.0.1", port: await quietPort(), connections: 500, perSecond: 10_000, burst: 10_000 },
        agent: { verify: "config", passwordHashes: hashes },
        dial: { registeredOnly: false },
      };
      const box = new Box({ folder, port: more.http.port, switchPort: sim.port, more });
      await box.start();
      await box.connected();
      const clients = await Promise.all(Array.from({ length: 200 }, () => Client.dial(box.port, { stays: true })));
      const kinds = [
        target("Register", "A", `&port=${crm.port}`),
        target("Login", "A", "&agentPassword=right&agentQueue=q"),
        target("MakeCall", "A", "&dialString=14155550123"),
        target("Ready", "A"),
        "/?FunctionName=CheckStatus",
      ];
      const requests = clients.map((_, index) => get(kinds[index % kinds.length] ?? ""));
      // The last bytes of some arrive when the daemon is already stopping.
      const late = (index: number) => index % 7 === 0;
      for (const [index, client] of clients.entries()) {
        const request = requests[index] ?? "";
        client.send(late(index) ? request.slice(0, -4) : request);
      }
      let answered = 0;
      const enough = Promise.withResolvers<void>();
      const answers = clients.map(async (client) => {
        const answer = await client.answer();
        answered += 1;
        if (answered >= first) enough.resolve();
        return answer;
      });
      if (first > 0) await enough.promise;
      box.signal("SIGTERM");
      for (const [index, client] of clients.entries()) if (late(index)) client.send((requests[index] ?? "").slice(-4));
      const all = await Promise.all(answers);
      expect(all.filter((answer) => answer?.status !== 200 || !answer.body.startsWith("<CCTSDK>"))).toEqual([]);
      expect(await box.ended()).toBe(0);
      const registered = all.some((answer, index) => index % kinds.length === 0 && answer?.body === "<CCTSDK></CCTSDK>");
      await box.start();
      const [desk] = (await box.connected()).desks;
      if (registered) expect(desk?.registered?.at).toBe(`127.0.0.1:${crm.port}`);
      const client = await Client.dial(box.port);
      expect((await client.send(get(kinds[0] ?? "")).answer())?.body).toBe("<CCTSDK></CCTSDK>");
      expect(await box.terminate()).toBe(0);
      for (const { socket } of [...clients, client]) socket.destroy();
      sim.stop();
      crm.close();
    },
  );

  test("connections that the system accepted in the same moment are answered too", async () => {
    const sim = new SilentSwitch();
    await sim.start();
    const more = { http: { host: "127.0.0.1", port: await quietPort(), connections: 500, perSecond: 10_000, burst: 10_000 } };
    const box = new Box({ folder, port: more.http.port, switchPort: sim.port, more });
    await box.start();
    await box.connected();
    // Stopped, it accepts nothing: the system does it in its place.
    box.signal("SIGSTOP");
    const clients = await Promise.all(Array.from({ length: 100 }, () => Client.dial(box.port)));
    for (const client of clients) client.send(get(target("Ready", "A")));
    box.signal("SIGTERM");
    box.signal("SIGCONT");
    const all = await Promise.all(clients.map((client) => client.answer()));
    expect(all.filter((answer) => answer?.status !== 200 || !answer.body.startsWith("<CCTSDK>"))).toEqual([]);
    expect(await box.ended()).toBe(0);
    sim.stop();
  });
});
