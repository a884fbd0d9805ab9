/** A connection to Asterisk at work, against a scripted one: what is asked, what is awaited, and what may go wrong. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { replacedPause } from "../../../drivers/asterisk/mod.ts";
import { secondSnapshotAfter } from "../../../drivers/shared/switch-session.ts";
import { maxMessageLength } from "../../../drivers/asterisk/wire/socket.ts";
import { shortestPause } from "../../../src/platform/backoff.ts";
import { error, InboundCall, Originator } from "../../../simulator/asterisk/mod.ts";
import { Rig, type RigOptions } from "../../support/asterisk/rig.ts";

setDefaultTimeout(60_000);

/** A line whose first snapshot was reported. */
async function seen(options: RigOptions = {}): Promise<Rig> {
  const rig = await Rig.open(options);
  await rig.line.next("snapshot");
  return rig;
}

describe("after the connect", () => {
  test("it logs in, opens the websocket, subscribes to the phone's endpoints only, and lists them", async () => {
    await using rig = await seen({
      phones: ["1001", "mobile1"],
      desks: [{ extension: "1001", aliases: ["mobile1@pbx"] }],
    });
    const sources = "endpoint:PJSIP/1001,endpoint:PJSIP/mobile1";
    expect(rig.asked).toEqual([
      'GET /asterisk/info {"only":"system,status"}',
      'GET /events {"app":"app","subscribeAll":"false"}',
      `POST /applications/app/subscription {"eventSource":"${sources}"}`,
      "GET /endpoints/PJSIP/1001 {}",
      "GET /endpoints/PJSIP/mobile1 {}",
    ]);
    expect(await rig.line.next("phone")).toMatchObject({ desk: "1001", registered: true });
  });

  test("the live legs are listed once more a little later", async () => {
    await using rig = await seen();
    await rig.line.next("phone");
    const from = rig.line.events.length;
    rig.timers.advance(secondSnapshotAfter);
    await rig.line.next("snapshot", () => true, from);
  });

  test("many desks: in groups, and by the lists of the switch", async () => {
    const extensions = Array.from({ length: 50 }, (_, index) => String(2000 + index));
    await using rig = await seen({
      phones: extensions,
      desks: extensions.map((extension) => ({ extension, aliases: [] })),
      wholeSwitch: true,
    });
    expect(rig.asked.filter((request) => request.startsWith("POST"))).toHaveLength(3);
    expect(rig.asked.at(-1)).toBe("GET /endpoints/PJSIP {}");
    const call = new InboundCall(rig.pbx, { from: "14155550123", to: "2049" });
    expect(await rig.line.facts(({ rings }) => rings === true)).toMatchObject({ desk: "2049", leg: call.id });
  });

  test("an endpoint that the switch does not have: the others are watched, and the agent reads what is wrong", async () => {
    await using rig = await seen({ desks: ["1001", "1050"].map((extension) => ({ extension, aliases: [] })) });
    const { why } = await rig.line.next("phone", ({ desk }) => desk === "1050");
    expect(why).toStartWith("The switch has no endpoint PJSIP/1050: ask the administrator");
    const call = new InboundCall(rig.pbx, { from: "14155550123" });
    expect(await rig.line.facts(({ rings }) => rings === true)).toMatchObject({ leg: call.id });
  });

  test("nothing enters Stasis, nothing is filtered, nothing else is subscribed to", async () => {
    await using rig = await seen();
    const call = new InboundCall(rig.pbx, { from: "14155550123" });
    await rig.line.facts(({ rings }) => rings === true);
    call.answer();
    await rig.line.facts(({ farAnswered }) => farAnswered === true);
    expect(rig.asked.filter((request) => !request.startsWith("GET"))).toHaveLength(1);
  });
});

describe("no connection, with the reason:", () => {
  test.each<[string, RigOptions, string]>([
    ["a wrong password", { line: { password: "x" } }, "refuses user telesetd"],
    ["read_only", { readOnly: true }, "does not let user telesetd subscribe"],
    ["no ARI", { before: (pbx) => pbx.server.instead = () => error(404, "Not Found") }, "has no ARI"],
    [
      "an address that is not allowed",
      { before: (pbx) => pbx.server.instead = () => error(403, "Access denied by ACL") },
      "by ACL",
    ],
    ["not booted", { before: (pbx) => pbx.server.instead = () => error(503, "Asterisk not booted") }, "Asterisk not booted"],
    [
      "the websocket is refused",
      { before: (pbx) => pbx.server.instead = ({ path }) => path === "/events" ? error(404, "x") : undefined },
      "no websocket to Asterisk",
    ],
    [
      "the application is not known",
      { before: (pbx) => pbx.server.instead = ({ path }) => /subscription$/.test(path) ? error(404, "x") : undefined },
      "does not know the application app",
    ],
    [
      "the list of channels is refused",
      { before: (pbx) => pbx.server.instead = ({ path }) => /^\/endpoints/.test(path) ? error(500, "x") : undefined },
      "does not answer the question for endpoints/PJSIP/1001",
    ],
  ])("%s", async (_name, options, why) => {
    await using rig = await Rig.open(options);
    expect((await rig.line.next("link-down")).why).toContain(why);
    expect(rig.line.events.some(({ type }) => type === "snapshot")).toBe(false);
  });

  test("a file of a certificate that cannot be read", async () => {
    await using rig = await Rig.open({ line: { tls: true, ca: "/no/such/file" } });
    expect((await rig.line.next("link-down")).why).toContain("line.ca");
  });
});

describe("who calls", () => {
  test("is read before anything is reported, and a withheld number is marked", async () => {
    await using rig = await seen();
    new InboundCall(rig.pbx, { from: "14155550123", withheld: true });
    const first = await rig.line.facts(() => true);
    expect(first.caller).toMatchObject({ withheld: true });
  });

  test("cannot be read: the phone rings all the same, and the number counts as withheld", async () => {
    await using rig = await seen();
    const first = rig.line.events.length;
    rig.timers.advance(secondSnapshotAfter);
    await rig.line.next("snapshot", () => true, first);
    rig.pbx.server.instead = ({ path }) => /variable$/.test(path) ? "silence" : undefined;
    const from = rig.asked.length;
    const call = new InboundCall(rig.pbx, { from: "14155550123" });
    call.hold();
    await rig.asksFor(/variable/, from);
    await rig.pbx.server.flushed();
    expect(rig.line.events.some(({ type }) => type === "leg")).toBe(false);
    rig.timers.advance(5000);
    rig.timers.advance(1);
    expect(await rig.line.facts(({ caller }) => caller !== undefined)).toMatchObject({
      caller: { withheld: true, unreported: true },
    });
    await rig.line.facts(({ rings }) => rings === true);
    // As soon as it can be read, it is.
    rig.pbx.server.instead = () => undefined;
    await rig.line.next("snapshot", ({ legs }) => legs[0]?.caller?.unreported === undefined && legs.length === 1);
  });

  test("what is read of another channel does not count", async () => {
    await using rig = await seen({ before: (pbx) => void pbx.globals.set("CHANNEL(uniqueid)", "other") });
    new InboundCall(rig.pbx, { from: "14155550123" });
    expect((await rig.line.facts(() => true)).caller).toMatchObject({ unreported: true });
  });

  test("while one leg waits, others are reported", async () => {
    await using rig = await seen();
    const slow = new InboundCall(rig.pbx, { from: "14155550123" });
    rig.pbx.server.instead = ({ path }) => path === `/channels/${slow.id}/variable` ? "silence" : undefined;
    const quick = new InboundCall(rig.pbx, { from: "14155550999" });
    expect(await rig.line.facts(({ rings }) => rings === true)).toMatchObject({ leg: quick.id });
  });

  test("without func_strings each value is asked for alone, and the result is the same", async () => {
    await using rig = await seen({ before: (pbx) => void pbx.missingFunctions.add("EVAL") });
    const call = new InboundCall(rig.pbx, { from: "14155550123", withheld: true, variables: { CustomerID: "C-4711" } });
    expect(await rig.line.facts(({ direction }) => direction !== undefined)).toMatchObject({
      leg: call.id,
      caller: { identity: "14155550123", withheld: true },
      data: { CustomerID: "C-4711" },
      farLeg: call.caller.id,
    });
    expect(rig.log.join("\n")).toContain("load func_strings and func_uri");
  });

  test("also if the switch, or a proxy before it, does not find the question", async () => {
    await using rig = await seen({
      before: (pbx) => {
        const unknown = { status: 404, body: { message: "Provided variable was not found" } };
        pbx.server.instead = ({ query }) => query["variable"]?.startsWith("EVAL") ? unknown : undefined;
      },
    });
    const call = new InboundCall(rig.pbx, { from: "14155550123" });
    expect(await rig.line.facts(({ direction }) => direction !== undefined)).toMatchObject({
      leg: call.id,
      caller: { identity: "14155550123" },
      farLeg: call.caller.id,
    });
  });
});

test("two contacts of one endpoint ring: both legs name the caller's, so that it is one call", async () => {
  await using rig = await seen();
  const call = new InboundCall(rig.pbx, { from: "14155550123" });
  const second = rig.pbx.create({ endpoint: "PJSIP/1001" });
  second.linkedId = call.phone.linkedId;
  rig.pbx.connects(second, "14155550123");
  rig.pbx.setState(second, "Ringing");
  const facts = await rig.line.facts(({ leg, rings }) => leg === second.id && rings === true);
  const [first, other] = [call.id, facts.leg].map((leg) =>
    rig.line.events.flatMap((event) => event.type === "leg" && event.facts.leg === leg ? event.facts.farLeg ?? [] : [])[0]
  );
  expect(first).toBe(call.caller.id);
  expect(other).toBe(first as string);
});

describe("what disturbs it:", () => {
  test("another program with the same application: named, and it steps back for a while", async () => {
    await using rig = await seen();
    const Client = WebSocket as unknown as new (url: string, options: unknown) => WebSocket;
    const thief = new Client(`ws://127.0.0.1:${rig.pbx.server.port}/ari/events?app=app`, {
      headers: { Authorization: `Basic ${btoa("telesetd:s3cret")}` },
    });
    const { why } = await rig.line.next("link-down");
    expect(why).toBe("another program uses the application app: give each box a name of its own in line.application");
    await rig.timers.due(replacedPause);
    thief.close();
    await rig.pbx.server.until(() => rig.pbx.server.sockets.size === 0);
    rig.timers.advance(replacedPause);
    await rig.timers.pass(shortestPause);
    await rig.line.next("link-up", () => true, rig.line.events.length);
  });

  test("Asterisk forgets the application (a restart that no connection has noticed): it connects again", async () => {
    await using rig = await seen();
    rig.pbx.server.apps.clear();
    rig.timers.advance(10_000);
    expect((await rig.line.next("link-down")).why).toContain("no longer knows the application app");
  });

  test("a lost connection leaves no timer behind", async () => {
    await using rig = await seen();
    rig.pbx.server.apps.clear();
    rig.timers.advance(10_000);
    await rig.line.next("link-down");
    rig.line.stop();
    await rig.line.ended;
    expect(rig.timers.pending).toEqual([]);
  });

  test("the connection is lost while it is read who calls: nothing is reported, and the next snapshot shows the caller", async () => {
    await using rig = await seen();
    rig.pbx.server.instead = ({ path }) => /variable$/.test(path) ? "silence" : undefined;
    new InboundCall(rig.pbx, { from: "14155550123" });
    await rig.asksFor(/variable/);
    for (const socket of rig.pbx.server.sockets) socket.close();
    await rig.line.next("link-down");
    rig.pbx.server.instead = () => undefined;
    await rig.timers.pass(shortestPause);
    const { legs } = await rig.line.next("snapshot", () => true, rig.line.events.length);
    expect(rig.line.events.filter(({ type }) => type === "leg")).toEqual([]);
    expect(legs[0]?.caller).toMatchObject({ identity: "14155550123" });
    expect(legs[0]?.caller?.withheld).toBeUndefined();
  });

  test("a stop, or a lost connection, does not wait for the answers of a silent switch", async () => {
    const rig = await Rig.open({
      before: (pbx) => pbx.server.instead = ({ path }) => /^\/endpoints/.test(path) ? "silence" : undefined,
    });
    await rig.asksFor(/endpoints/);
    await rig[Symbol.asyncDispose]();
  });

  test("Asterisk forgets the subscription: it is renewed, and the legs are listed", async () => {
    await using rig = await seen();
    rig.pbx.server.apps.get("app")?.sources.clear();
    const from = rig.line.events.length;
    rig.timers.advance(10_000);
    await rig.line.next("snapshot", () => true, from);
    await rig.pbx.server.until(() => rig.pbx.server.apps.get("app")?.sources.has("endpoint:PJSIP/1001") === true);
  });

  test.each<[string, string | Uint8Array<ArrayBuffer>]>([
    ["no JSON", "<xml/>"],
    ["no event", "[]"],
    ["a message that is too long", `"${"x".repeat(maxMessageLength)}"`],
    ["bytes", new Uint8Array([0, 1, 2])],
    [
      "a foreign channel",
      JSON.stringify({ type: "ChannelStateChange", channel: { id: "x", name: "PJSIP/1002-00000001", state: "Up" } }),
    ],
    ["control characters", JSON.stringify({ type: "ChannelCreated", channel: { id: "\u0000", name: "PJSIP/1001-00000001" } })],
    ["a name that is a number", JSON.stringify({ type: "ChannelCreated", channel: { id: "1", name: 5 } })],
  ])("%s: dropped, and the next call is reported", async (_name, message) => {
    await using rig = await seen();
    for (const socket of rig.pbx.server.sockets) socket.send(message);
    const call = new InboundCall(rig.pbx, { from: "14155550123" });
    expect(await rig.line.facts(({ rings }) => rings === true)).toMatchObject({ leg: call.id });
    expect(rig.line.events.some(({ type }) => type === "link-down")).toBe(false);
    if (message.length > maxMessageLength) expect(rig.log.join("\n")).toContain("it is not text, or too long");
  });

  test("after an event that cannot be read the legs are listed", async () => {
    await using rig = await seen();
    const from = rig.line.events.length;
    for (const socket of rig.pbx.server.sockets) socket.send("<xml/>");
    await rig.line.next("snapshot", () => true, from);
  });

  test("a leg that somebody believes to be alive is asked for", async () => {
    await using rig = await seen();
    const call = new InboundCall(rig.pbx, { from: "14155550123" });
    await rig.line.facts(({ rings }) => rings === true);
    rig.line.line.check?.([{ desk: "1001", leg: "gone-1" }, { desk: "1002", leg: call.id }, { desk: "1001", leg: call.id }]);
    expect((await rig.line.facts(({ leg }) => leg === "gone-1")).ended).toMatchObject({ cause: "GONE" });
    expect((await rig.line.facts(({ desk, leg }) => desk === "1002" && leg === call.id)).ended).toMatchObject({ cause: "GONE" });
  });
});

describe("dialling", () => {
  test("an unregistered phone: the sentence, and the state of the phone", async () => {
    await using rig = await seen();
    new Originator(rig.pbx);
    const endpoint = rig.pbx.endpoints.get("PJSIP/1001");
    if (endpoint) endpoint.state = "offline";
    expect(await rig.line.dial()).toMatchObject({ outcome: "failed", cause: "USER_NOT_REGISTERED" });
    expect(await rig.line.next("phone", ({ registered }) => !registered)).toMatchObject({ desk: "1001" });
  });

  test("through the dialplan: the events of its channel are requested too", async () => {
    await using rig = await seen({ line: { dial: "Local/{extension}@default" } });
    rig.pbx.originate = ({ body }) => ({ status: 200, body: { id: body["channelId"] } });
    rig.line.line.execute({ type: "dial", desk: "1001", call: "c-1", number: "914155550123" });
    await rig.asksFor(/subscription \{"eventSource":"channel:telesetd-c-1"\}/);
  });
});
