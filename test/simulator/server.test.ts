/** The event socket over real TCP: login, commands, replies, faults. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { BareClient, Simulator } from "../../simulator/freeswitch/mod.ts";

let sim: Simulator;
const clients: BareClient[] = [];

beforeEach(async () => {
  const logins = [{
    user: "box@pbx",
    password: "s3",
    api: ["show", "uuid_dump"],
    events: ["CHANNEL_CREATE", "CUSTOM", "sofia::register"],
  }];
  sim = new Simulator({ logins, secondMs: 1 });
  await sim.start();
});

afterEach(() => {
  clients.splice(0).forEach((client) => client.close());
  sim.stop();
});

async function connect(): Promise<BareClient> {
  const client = await BareClient.connect(sim.port);
  clients.push(client);
  return client;
}

async function listen(events = "ALL", filters: string[] = []): Promise<BareClient> {
  const client = await BareClient.listen(sim.port, events, filters);
  clients.push(client);
  return client;
}

const text = async (client: BareClient, command: string) => (await client.send(command)).headers["Reply-Text"];

describe("login", () => {
  test("the right password", async () => {
    const client = await connect();
    expect(await text(client, "event json ALL")).toBe("-ERR command not found");
    expect(await text(client, "auth ClueCon")).toBe("+OK accepted");
  });

  test("a wrong password is refused, then the connection is closed", async () => {
    const client = await connect();
    expect(await text(client, "auth nope")).toBe("-ERR invalid");
    await client.until(() => client.ended !== undefined);
    expect(client.ended).toBe("fin");
    expect(client.frames.at(-1)?.headers["Content-Type"]).toBe("text/disconnect-notice");
  });

  test("userauth: allowed commands and events only", async () => {
    const client = await connect();
    expect((await client.send("userauth box@pbx:s3")).headers).toMatchObject({
      "Reply-Text": "+OK accepted",
      "Allowed-Events": "CHANNEL_CREATE,CUSTOM,sofia::register",
      "Allowed-API": "show,uuid_dump",
    });
    expect(await client.api("show channels as json")).toBe('{"row_count": 0}\n');
    const denied = await client.send("api status");
    expect([denied.headers["Content-Type"], denied.headers["Reply-Text"]]).toEqual(["command/reply", "-ERR permission denied"]);
    expect(await text(client, "bgapi originate x")).toBe("-ERR permission denied");
    expect(await text(client, "event json ALL")).toBe("-ERR permission denied");
    expect(await text(client, "event json CHANNEL_CREATE CUSTOM sofia::register")).toBe("+OK event listener enabled json");
  });

  test("exit replies bye and closes the connection", async () => {
    const client = await listen();
    expect(await text(client, "exit")).toBe("+OK bye");
    await client.until(() => client.ended !== undefined);
    expect(client.ended).toBe("fin");
  });

  test("passwords are hidden in the transcript", async () => {
    await sim.server.until(() => sim.server.connections.length === 0);
    await listen();
    expect(sim.server.connections[0]?.commands).toEqual(["auth ***", "event json ALL"]);
  });
});

describe("commands", () => {
  test("have the replies of the switch", async () => {
    const client = await listen();
    expect(await text(client, "filter Unique-ID u 1")).toBe("+OK filter added. [Unique-ID]=[u 1]");
    expect(await text(client, "filter delete Unique-ID")).toBe("+OK filter deleted. [Unique-ID][]");
    expect(await text(client, "filter delete all")).toBe("+OK filter deleted. [all][]");
    expect(await text(client, "filter nothing")).toBe("-ERR invalid syntax");
    expect(await text(client, "event json NOPE")).toBe("-ERR no keywords supplied");
    expect(await text(client, "nixevent HEARTBEAT")).toBe("+OK events nixed");
    expect(await text(client, "noevents")).toBe("+OK no longer listening for events");
    expect(await text(client, "noevents")).toBe("-ERR not listening for events");
    expect(await text(client, "gibberish")).toBe("-ERR command not found");
    expect(await client.api("gibberish now")).toBe("-ERR gibberish Command not found!\n");
  });

  test("with CRLF, in any chunks: one reply each, in order", async () => {
    const client = await connect();
    const bytes = "auth ClueCon\r\n\r\nfilter A b\n\n\n\nfilter C d\nx: y\n\napi version\r\n\r\n";
    for (const half of [bytes.slice(0, 20), bytes.slice(20, 21), bytes.slice(21)]) client.write(half);
    await client.until(() => client.frames.length === 5);
    expect(client.frames.slice(1).map((frame) => frame.headers["Reply-Text"] ?? frame.body.slice(0, 10))).toEqual([
      "+OK accepted",
      "+OK filter added. [A]=[b]",
      "+OK filter added. [C]=[d]",
      "FreeSWITCH",
    ]);
  });

  test("plain events are percent-encoded", async () => {
    const client = await connect();
    await client.send("auth ClueCon");
    await client.send("event plain HEARTBEAT");
    sim.sw.heartbeat();
    await client.until(() => client.frames.at(-1)?.headers["Content-Type"] === "text/event-plain");
    expect(client.frames.at(-1)?.body).toContain("Event-Info: System%20Ready\n");
  });

  test("the sequence increases, Core-UUID is constant, and bodies are counted in bytes", async () => {
    const client = await listen("BACKGROUND_JOB HEARTBEAT");
    sim.sw.heartbeat();
    const reply = await client.send("bgapi nosuché");
    await client.until(() => client.events().length === 2);
    const [beat, job] = client.events();
    expect(job?.["Job-UUID"]).toBe(reply.headers["Job-UUID"] ?? "");
    expect([job?.["_body"], job?.["Content-Length"]]).toEqual(["-ERR nosuché Command not found!\n", "33"]);
    expect(Number(job?.["Event-Sequence"])).toBeGreaterThan(Number(beat?.["Event-Sequence"]));
    expect(job?.["Core-UUID"]).toBe(beat?.["Core-UUID"] ?? "");
  });
});

describe("snapshot", () => {
  test("channels, dumps, contacts", async () => {
    const client = await listen();
    expect(await client.api("show channels as json")).toBe('{"row_count": 0}\n');
    const call = await sim.inbound({ from: "14155550123", to: "1001" });
    const { row_count, rows } = JSON.parse(await client.api("show channels as json"));
    expect([row_count, rows[1].uuid, rows[1].presence_id, rows[1].callstate]).toEqual([
      2,
      call.uuid,
      "1001@127.0.0.1",
      "RINGING",
    ]);
    const dump = JSON.parse(await client.api(`uuid_dump ${call.uuid} json`));
    expect(dump).toMatchObject({
      "Event-Name": "CHANNEL_DATA",
      "Answer-State": "ringing",
      variable_originating_leg_uuid: rows[0].uuid,
    });
    expect(Number(dump["Event-Sequence"])).toBeGreaterThan(Number(client.events().at(-1)?.["Event-Sequence"]));
    expect(await client.api(`uuid_exists ${call.uuid}`)).toBe("true");
    sim.freezeChannels();
    expect(await client.api(`uuid_kill ${call.uuid}`)).toBe("+OK\n");
    expect(JSON.parse(await client.api("show channels as json")).row_count).toBe(2);
    sim.thawChannels();
    expect(await client.api("show channels as json")).toBe('{"row_count": 0}\n');
    expect(await client.api(`uuid_dump ${call.uuid} json`)).toBe("-ERR No such channel!\n");
    expect(await client.api(`uuid_kill ${call.uuid}`)).toBe("-ERR No such channel!\n");
    expect(await client.api("sofia_contact */1001@127.0.0.1")).toStartWith("sofia/internal/sip:1001-0x");
    expect(await client.api("sofia_contact 1099@127.0.0.1")).toBe("error/user_not_registered");
  });
});

describe("originate", () => {
  const dial = (client: BareClient, extension: string, job: string) =>
    client.send(
      `bgapi originate {origination_uuid=leg,originate_timeout=5}user/${extension}@127.0.0.1 914155550123 XML default\nJob-UUID: ${job}`,
    );
  const outcome = async (extension: string) => {
    const client = await listen("BACKGROUND_JOB", ["Job-UUID j"]);
    await dial(client, extension, "j");
    await client.until(() => client.events().length === 1);
    return client.events()[0]?.["_body"];
  };

  test("answered", async () => expect(await outcome("1001")).toBe("+OK leg\n"));
  test("unknown extension", async () => expect(await outcome("1099")).toBe("-ERR SUBSCRIBER_ABSENT\n"));

  test("phone offline", async () => {
    sim.phones.unregister("1001");
    expect(await outcome("1001")).toBe("-ERR USER_NOT_REGISTERED\n");
  });

  test("rejected", async () => {
    sim.handsetDoes = { does: "rejects", cause: "CALL_REJECTED" };
    expect(await outcome("1001")).toBe("-ERR CALL_REJECTED\n");
  });

  test("never answered", async () => {
    sim.handsetDoes = { does: "never answers" };
    expect(await outcome("1001")).toBe("-ERR NO_ANSWER\n");
  });

  test("the far end: early media is a bridge before the answer", async () => {
    sim.farDoes = { does: "answers", earlyMedia: true, afterMs: 4, talkMs: 2 };
    const client = await listen("CHANNEL_BRIDGE CHANNEL_ANSWER CHANNEL_HANGUP");
    await dial(client, "1001", "j");
    await client.until(() => client.events("CHANNEL_HANGUP").length === 2);
    expect(client.events().map((event) => [event["Event-Name"], event["Other-Leg-Channel-Answered-Time"] ?? "-"])).toEqual([
      ["CHANNEL_ANSWER", "-"],
      ["CHANNEL_BRIDGE", "0"],
      ["CHANNEL_ANSWER", "0"],
      ["CHANNEL_HANGUP", "0"],
      ["CHANNEL_HANGUP", "0"],
    ]);
  });

  test("a job can be lost", async () => {
    sim.losesJobs = true;
    const client = await listen("BACKGROUND_JOB HEARTBEAT");
    await dial(client, "1099", "j");
    sim.sw.heartbeat();
    await client.until(() => client.events().length > 0);
    expect(client.events().map((event) => event["Event-Name"])).toEqual(["HEARTBEAT"]);
  });
});

describe("callcenter_config", () => {
  const answers: [string, string][] = [
    ["agent add 1001@default callback", "+OK\n"],
    ["agent add 1001@default callback", "-ERR Agent already exist!\n"],
    ["agent add x fax", "-ERR Agent type invalid!\n"],
    ["agent set contact 1001@default user/1001@127.0.0.1", "+OK\n"],
    ["tier add support@default 1001@default 1 1", "+OK\n"],
    ["tier add support@default 1001@default 1 1", "-ERR Tier already exist!\n"],
    ["tier add nosuch@default 1001@default 1 1", "-ERR Queue not found!\n"],
    ["tier add support@default 1099@default 1 1", "-ERR Agent not found!\n"],
    ["agent set status 1001@default 'On Break'", "+OK\n"],
    ["agent get status 1001@default", "On Break"],
    ["agent set status 1001@default Gone", "-ERR Invalid Agent Status!\n"],
    ["agent set state 1001@default Gone", "-ERR Invalid Agent State!\n"],
    ["agent set status 1099@default Available", "-ERR Agent not found!\n"],
    ["agent set status 1001@default available", "+OK\n"],
    ["tier list", "queue|agent|state|level|position\nsupport@default|1001@default|Ready|1|1\n+OK\n"],
    ["agent set", "-ERR Invalid!\n"],
  ];

  test("answers as a live switch does", async () => {
    const client = await listen("CUSTOM callcenter::info");
    for (const [command, answer] of answers) {
      expect(`${command}: ${await client.api(`callcenter_config ${command}`)}`).toBe(`${command}: ${answer}`);
    }
    expect(client.events().map((event) => event["CC-Action"])).toEqual([
      "agent-add",
      "agent-contact-change",
      "agent-status-change",
      "agent-status-get",
      "agent-status-change",
    ]);
  });

  test("`available` is accepted but gets no calls; `Available` does", async () => {
    const client = await listen("CUSTOM callcenter::info");
    for (const [command] of answers) await client.api(`callcenter_config ${command}`);
    const call = await sim.queueCall({ from: "14155550123" });
    expect(call.leg).toBeUndefined();
    await client.api("callcenter_config agent set status 1001@default Available");
    await call.offered;
    expect(call.leg?.presenceId).toBe("1001@127.0.0.1");
  });

  test("is unknown without the module", async () => {
    const bare = new Simulator({ queues: [] });
    await bare.start();
    const client = await BareClient.listen(bare.port);
    expect(await client.api("callcenter_config agent list")).toBe("-ERR callcenter_config Command not found!\n");
    client.close();
    bare.stop();
  });
});

describe("faults", () => {
  test("fin and rst are distinguished; the port is the same afterwards", async () => {
    const first = await listen();
    sim.cut("fin");
    await first.until(() => first.ended !== undefined);
    const second = await listen();
    sim.cut("rst");
    await second.until(() => second.ended !== undefined);
    expect([first.ended, second.ended]).toEqual(["fin", "rst"]);
    await listen();
  });

  test("silence: the socket stays open, nothing is sent", async () => {
    const silent = await listen();
    sim.cut("silence");
    const next = await listen();
    sim.sw.heartbeat();
    await next.until(() => next.events().length === 1);
    expect([silent.ended, silent.events().length]).toEqual([undefined, 0]);
  });

  test("garbage and pieces", async () => {
    const client = await listen();
    const [connection] = sim.server.connections;
    if (connection === undefined) throw new Error("no connection");
    connection.pace = { chunking: { bytes: 50 } };
    sim.sw.heartbeat();
    await client.until(() => client.events().length === 1);
    expect(Math.max(...client.chunks.slice(-5))).toBeLessThanOrEqual(200);
    connection.raw("Content-Type: garbage\n\n");
    await client.until(() => client.frames.at(-1)?.headers["Content-Type"] === "garbage");
  });

  test("shutdown: SHUTDOWN, hang-ups, notice, end; then the port is closed", async () => {
    const client = await listen();
    await sim.inbound({ from: "14155550123", to: "1001" });
    await sim.shutdown();
    await client.until(() => client.ended !== undefined);
    expect(client.events("SHUTDOWN").length).toBe(1);
    expect(client.events("CHANNEL_HANGUP").map((event) => event["Hangup-Cause"])).toEqual(["SYSTEM_SHUTDOWN", "SYSTEM_SHUTDOWN"]);
    expect(client.frames.at(-1)?.headers["Content-Type"]).toBe("text/disconnect-notice");
    expect(BareClient.connect(sim.port)).rejects.toThrow();
  });

  test("restart: a new Core-UUID, no legs, the same port", async () => {
    await sim.inbound({ from: "14155550123", to: "1001" });
    const before = sim.sw.stamp.coreUuid;
    const port = sim.port;
    await sim.restart();
    const client = await listen();
    expect(await client.api("show channels as json")).toBe('{"row_count": 0}\n');
    expect([sim.port, sim.sw.stamp.coreUuid === before]).toEqual([port, false]);
  });

  test("registrations fire events", async () => {
    const client = await listen("CUSTOM sofia::register sofia::unregister sofia::expire");
    sim.phones.expire("1001");
    sim.phones.register("1001");
    sim.phones.unregister("1001");
    await client.until(() => client.events().length === 3);
    expect(client.events().map((event) => [event["Event-Subclass"], event["from-user"] ?? event["user"]])).toEqual([
      ["sofia::expire", "1001"],
      ["sofia::register", "1001"],
      ["sofia::unregister", "1001"],
    ]);
  });
});

describe("calls of many shapes", () => {
  test("two phones of one extension ring for the same far leg", async () => {
    const client = await listen("CHANNEL_CREATE", ["Channel-Presence-ID 1001@127.0.0.1"]);
    const call = await sim.twoPhones({ from: "14155550123", to: "1001" });
    await client.until(() => client.events().length === 2);
    expect(new Set(client.events().map((event) => event["Other-Leg-Unique-ID"]))).toEqual(new Set([call.caller.uuid]));
    expect(new Set(client.events().map((event) => event["Channel-Name"])).size).toBe(2);
    await call.answer(1);
    await call.agentHangsUp();
  });

  test("pickup: the code is dialled, and the caller is shown at the bridge", async () => {
    const client = await listen("CHANNEL_CREATE CHANNEL_BRIDGE CHANNEL_HANGUP", ["Channel-Presence-ID 1001@127.0.0.1"]);
    const talk = await sim.pickup({ extension: "1001", from: "14155550123", ringsAt: "1002" });
    await talk.farHangsUp();
    await client.until(() => client.events("CHANNEL_HANGUP").length === 1);
    expect(client.events().map((event) => [event["Caller-Destination-Number"], event["Caller-Callee-ID-Number"] ?? "-"])).toEqual(
      [
        ["*81002", "-"],
        ["*81002", "14155550123"],
        ["*81002", "14155550123"],
      ],
    );
  });

  test("keypad with early media: bridged before the answer", async () => {
    const client = await listen("CHANNEL_BRIDGE CHANNEL_ANSWER", ["Channel-Presence-ID 1001@127.0.0.1"]);
    const call = await sim.keypad({ extension: "1001", number: "914155550123" });
    await call.earlyMedia();
    await call.farAnswers();
    await client.until(() => client.events().length === 2);
    expect(client.events().map((event) => event["Event-Name"])).toEqual(["CHANNEL_BRIDGE", "CHANNEL_ANSWER"]);
    await call.hangUp();
    expect(call.hangUp()).rejects.toThrow("has ended");
  });

  test("no channels are left", async () => {
    const call = await sim.inbound({ from: "anonymous", to: "1001" });
    await call.callerHangsUp();
    expect([sim.sw.channels.size, sim.sw.legs.size]).toEqual([0, 0]);
  });
});
