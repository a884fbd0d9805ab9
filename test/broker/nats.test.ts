/** The connection to a real nats-server: whom it trusts, what it says when it fails, and that it never gives up. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { createServer, type Socket } from "node:net";
import { type Broker, type BrokerFailure, type BrokerOptions, NoBroker } from "../../src/broker/broker.ts";
import { openBroker } from "../../src/broker/open.ts";
import { KeptBroker } from "../../src/broker/keep.ts";
import { openLog } from "../../src/log/log.ts";
import { systemTimers } from "../../src/platform/timers.ts";
import { TestFleet } from "../support/fleet.ts";
import { ownFolder } from "../support/folder.ts";
import { NatsServer, noNats } from "../support/nats.ts";
import { quietPort } from "../support/ports.ts";
import { fasterTimers } from "../support/timers.ts";
import { until } from "../support/until.ts";

setDefaultTimeout(60_000);

const silent = openLog(() => {}, "error", false);
const options = { name: "test", connectMs: 5000, random: () => 0.5, servers: [] };

async function failureOf(given: Partial<BrokerOptions>): Promise<{ code: BrokerFailure | "none"; why: string }> {
  try {
    const broker = await openBroker({ ...options, ...given }, new AbortController().signal);
    broker.close();
    return { code: "none", why: "" };
  } catch (error) {
    if (error instanceof NoBroker) return { code: error.code, why: error.message };
    throw error;
  }
}

describe("a server that is not one:", () => {
  const sockets: Socket[] = [];
  const behaviours: [string, (socket: Socket) => void, BrokerFailure][] = [
    ["it says nothing", () => {}, "silent"],
    ["it is another program", (socket) => socket.write("SSH-2.0-OpenSSH_9.2\r\n"), "other"],
    ["it closes at once", (socket) => socket.destroy(), "other"],
    ["it sends half a greeting, then garbage", (socket) => socket.write('INFO {"server_id":\r\n'), "other"],
    ["it does not answer the TLS handshake", (socket) => {
      socket.write('INFO {"server_id":"x","version":"2.10.0","proto":1,"max_payload":1000,"tls_required":true}\r\n');
    }, "silent"],
    ["it resets the connection during the TLS handshake", (socket) => {
      socket.write('INFO {"server_id":"x","version":"2.10.0","proto":1,"max_payload":1000,"tls_required":true}\r\n');
      socket.on("data", () => socket.resetAndDestroy());
    }, "tls"],
  ];
  test.each(behaviours)("%s", async (name, behave, code) => {
    const server = createServer((socket) => {
      sockets.push(socket.on("error", () => {}));
      behave(socket);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as { port: number };
    const scheme = name.includes("TLS") ? "tls" : "nats";
    expect(await failureOf({ servers: [`${scheme}://127.0.0.1:${port}`], connectMs: 300 })).toMatchObject({ code });
    for (const socket of sockets.splice(0)) socket.destroy();
    server.close();
  });

  test.each([
    ["nats://nowhere.invalid:4222", "unknown-name", /name of nowhere\.invalid:4222 is not known/],
    ["nats://127.0.0.1:1", "refused", /nothing listens on 127\.0\.0\.1:1: is nats-server running\?/],
  ])("%s: %s", async (server, code, why) => {
    expect(await failureOf({ servers: [server] })).toEqual({ code: code as BrokerFailure, why: expect.stringMatching(why) });
  });

  test.each([["has no encryption", ""], ["promises encryption", ',"tls_available":true']])(
    "one that %s, and is not the broker, gets no password",
    async (_, more) => {
      let received = "";
      const server = createServer((socket) => {
        sockets.push(socket.on("error", () => {}).on("data", (bytes) => void (received += bytes.toString("latin1"))));
        socket.write(`INFO {"server_id":"x","version":"2.10.0","proto":1,"max_payload":1000,"auth_required":true${more}}\r\n`);
      });
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      const { port } = server.address() as { port: number };
      const failure = await failureOf({ servers: [`tls://127.0.0.1:${port}`], credentials: "1001:secret", connectMs: 1000 });
      expect(failure.code).not.toBe("none");
      expect(received).not.toMatch(/CONNECT|secret/);
      for (const socket of sockets.splice(0)) socket.destroy();
      server.close();
    },
  );

  test("credentials that are not valid", async () => {
    expect(await failureOf({ servers: ["nats://127.0.0.1:1"], credentials: "SUFOO" })).toMatchObject({ code: "login" });
  });
});

describe.skipIf(noNats !== "")(`a nats-server with TLS and JWTs${noNats}`, () => {
  const folder = ownFolder();
  let fleet: TestFleet;
  let foreign: TestFleet;
  const url = () => `tls://127.0.0.1:${fleet.port}`;

  beforeAll(async () => {
    [fleet, foreign] = await Promise.all([TestFleet.make(`${folder}/a`), TestFleet.make(`${folder}/b`)]);
    await fleet.add("1001");
    await foreign.add("1001");
    await fleet.server.start();
  });
  afterAll(() => fleet.server.kill());

  const open = (given: Partial<BrokerOptions> = {}): Promise<Broker> =>
    openBroker(
      { ...options, servers: [url()], ca: fleet.authority, credentials: fleet.credentials("1001"), ...given },
      new AbortController().signal,
    );

  test("it is trusted by its certificate, logs in by JWT, and carries a question", async () => {
    const [box, relay] = await Promise.all([open(), open({ credentials: fleet.credentials("relay-a") })]);
    relay.subscribe("tele.ask.*.*", ({ text, reply }) => relay.publish(reply ?? "", `${text}!`));
    await relay.flush();
    const answer = await new Promise((resolve) => {
      box.subscribe("_INBOX.1001.x", ({ text }) => resolve(text));
      box.publish("tele.ask.1001.sync", "hello", "_INBOX.1001.x");
    });
    expect(answer).toBe("hello!");
    relay.close();
    await relay.closed;
    let nobody = false;
    box.subscribe("_INBOX.1001.y", ({ noResponders }) => void (nobody ||= noResponders));
    // A question is lost until the server, too, has noticed that the relay is gone.
    await until("a question without a reader is not answered", () => {
      box.publish("tele.ask.1001.sync", "hello", "_INBOX.1001.y");
      return nobody;
    });
    box.close();
    expect(await box.closed).toMatch(/closed/);
  });

  test.each<[string, () => Partial<BrokerOptions>, BrokerFailure]>([
    ["another authority", () => ({ ca: foreign.authority }), "tls"],
    ["no authority", () => ({ ca: undefined }), "tls"],
    ["a name that is not in the certificate", () => ({ servers: [`tls://localhost:${fleet.port}`] }), "tls"],
    ["credentials of another fleet", () => ({ credentials: foreign.credentials("1001") }), "login"],
    ["no credentials", () => ({ credentials: undefined }), "login"],
    ["user and password", () => ({ credentials: "1001:secret" }), "login"],
  ])("with %s it is not reached", async (_, given, code) => {
    const failure = await failureOf({
      servers: [url()],
      ca: fleet.authority,
      credentials: fleet.credentials("1001"),
      ...given(),
    });
    expect(failure).toMatchObject({ code });
    expect(failure.why).not.toMatch(/secret|SU[A-Z2-7]{20}/);
  });

  test("what the server refuses is reported, and the connection stays", async () => {
    const refused: string[] = [];
    const box = await open({ onRefused: (why) => refused.push(why) });
    box.publish("tele.ask.1002.dial", "{}");
    box.subscribe("tele.desk.1002.line", () => {});
    await until("nothing was refused", () => refused.length === 2);
    expect(refused.join(" ")).toMatch(/tele\.ask\.1002\.dial.*tele\.desk\.1002\.line/);
    box.publish("tele.ask.1001.sync", "x".repeat(2_000_000));
    await box.flush();
    expect(refused).toHaveLength(3);
    box.close();
  });

  test("an exception in a subscription ends nothing", async () => {
    const refused: string[] = [];
    const relay = await open({ credentials: fleet.credentials("relay-a"), onRefused: (why) => refused.push(why) });
    const heard: string[] = [];
    relay.subscribe("tele.all.relay", ({ text }) => {
      heard.push(text);
      if (text === "1") throw new Error("inside");
    });
    relay.publish("tele.all.relay", "1");
    relay.publish("tele.all.relay", "2");
    await until("the second message did not arrive", () => heard.length === 2);
    expect(refused).toEqual([expect.stringContaining("inside")]);
    relay.close();
  });
});

describe.skipIf(noNats !== "")(`a connection that is kept${noNats}`, () => {
  const folder = ownFolder();

  test("returns after kill -9 and after refused logins, subscribed as before", async () => {
    const port = await quietPort();
    const [good, bad] = ["right", "wrong"].map((password, index) =>
      new NatsServer(`authorization { user: u, password: ${password} }`, `${folder}/${index}`, port)
    );
    if (!good || !bad) throw new Error("no servers");
    await good.start();
    const broker = new KeptBroker({
      servers: [`nats://127.0.0.1:${port}`],
      credentials: "u:right",
      name: "test",
      connectMs: 5000,
      log: silent,
      timers: fasterTimers(20),
    });
    const heard: string[] = [];
    broker.subscribe("a", ({ text }) => heard.push(text));
    broker.subscribe("q", (message) => broker.respond(message, `${message.text}?`));
    await until("it is not connected", () => broker.server !== undefined);
    expect(await broker.request("q", "why", 60_000)).toBe("why?");
    await good.kill();
    await until("it has not noticed", () => broker.server === undefined);
    await expect(broker.request("q", "why", 60_000)).rejects.toThrow("no connection");
    await bad.start();
    await until("it was not refused", () => broker.why.includes("refuses the login"));
    // "Authorization violation" twice in a row would be final for the library.
    await until("it does not try again", () => bad.log().split("authentication error").length > 4);
    await bad.kill();
    await good.start();
    await until("it is not back", () => broker.server !== undefined);
    expect(broker.connections).toBe(2);
    broker.publish("a", "back");
    await until("the subscription is lost", () => heard.length > 0);
    await expect(broker.request("nobody", "?", 60_000)).rejects.toThrow("nobody listens");
    await broker.close();
    await good.kill();
  });

  test("ends when it is closed while nothing answers", async () => {
    const broker = new KeptBroker({
      servers: ["nats://127.0.0.1:1"],
      name: "test",
      connectMs: 5000,
      log: silent,
      timers: systemTimers,
    });
    await until("no reason", () => broker.why.includes("nothing listens"));
    await broker.close();
    expect(broker.server).toBeUndefined();
  });
});
