/** Events whose JSON is broken: readable ones are read, and for the others the switch is queried. Nothing is lost. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { minPauseMs } from "../../../drivers/shared/snapshot-schedule.ts";
import { readHeaders } from "../../../drivers/freeswitch/wire/event.ts";
import type { SwitchEvent } from "../../../simulator/freeswitch/events.ts";
import { eventJson } from "../../../simulator/freeswitch/wire.ts";
import { agentRig, heard } from "../../support/freeswitch/acd-rig.ts";
import { holdAnswer, Rig } from "../../support/freeswitch/rig.ts";
import { event, openLink, RawPeer } from "../../support/freeswitch/rawpeer.ts";

setDefaultTimeout(60_000);

const customer = { from: "14155550123", to: "1001" };

/** The body as it is when a value with a quote is not escaped. */
const unescaped = (body: string) => body.replace('"Event-Name":"', '"Caller-Caller-ID-Name":"Joe "Fixit" Smith","Event-Name":"');
/** The same behind the headers that are needed, one of which is written with an escape. */
const unescapedLater = (body: string) =>
  body.replace('"Channel-Name":"sofia/', '"Channel-Name":"sofia\\/').replace(/}$/, ',"variable_x":"Joe "Fixit" Smith"}');
const truncated = (body: string) => body.slice(0, -20);

/** From now on the switch writes these events in this way. */
function writes(rig: Rig, how: (body: string) => string, which: (event: SwitchEvent) => boolean = () => true): void {
  const publish = rig.sim.server.publish.bind(rig.sim.server);
  rig.sim.server.publish = (event) => {
    if (!which(event)) return publish(event);
    const body = how(eventJson(event).split("\n\n").slice(1).join("\n\n"));
    publish(event, `Content-Length: ${Buffer.byteLength(body)}\nContent-Type: text/event-json\n\n${body}`);
  };
}

const isOfCall = (event: SwitchEvent) =>
  String(event["Event-Name"]).startsWith("CHANNEL_") || event["Event-Name"] === "CALL_UPDATE";
const looks = (rig: Rig) => rig.commands.filter((command) => command === "api show channels as json").length;

describe("control characters that are not escaped", () => {
  test.each([
    ["NUL", "\u0000"],
    ["TAB", "\t"],
    ["LF", "\n"],
    ["CR LF", "\r\n"],
    ["ESC", "\u001b[31m"],
    ["after an escaped quote", 'say \\"hi\\"\u0007'],
    ["after a backslash", "\\\\\u0001"],
  ])("%s in a value: the event is read, with the character", (_name, value) => {
    const frame = readHeaders(`{"Event-Name":"HEARTBEAT","Name":"a${value}b","Next":"c"}`);
    const plain = value.replace(/\\(.)/g, "$1");
    expect({ ...frame }).toEqual({ "Event-Name": "HEARTBEAT", Name: `a${plain}b`, Next: "c" });
  });

  test.each([
    ["in a name", '{"a\u0001b":"c"}', { "a\u0001b": "c" }],
    ["in a list", '{"a":["b\u0001","c\t"]}', { a: ["b\u0001", "c\t"] }],
    ["behind the object", '{"a":"b"}\u0000', { a: "b" }],
    ["between two members", '{"a":"b",\u0000\u001b"c":"d"}', { a: "b", c: "d" }],
  ])("%s", (_name, text, frame) => {
    expect({ ...readHeaders(text) }).toEqual(frame);
  });

  test.each([
    ["an unescaped quote", '{"a":"b "c" d\u0001"}'],
    ["cut off", '{"a":"b\u0001'],
    ["within a word", '{"a":tr\u0000ue}'],
    ["nothing else", "\u0000"],
  ])("%s: it stays unreadable", (_name, text) => {
    expect(readHeaders(text)).toBeUndefined();
  });

  test("bytes other than UTF-8 are replaced, and the event is read", async () => {
    await using peer = await RawPeer.listen();
    using opened = await openLink(peer);
    const heard = opened.next();
    const body = Buffer.concat([
      Buffer.from('{"Event-Name":"HEARTBEAT","Name":"M'),
      Buffer.from([0xfc, 0xe4]),
      Buffer.from('ller"}'),
    ]);
    peer.write(Buffer.concat([Buffer.from(event("x".repeat(body.length)).slice(0, -body.length)), body]));
    expect({ ...(await heard) }).toEqual({ "Event-Name": "HEARTBEAT", Name: "M\ufffd\ufffdller" });
  });

  test.concurrent("a whole call is followed without a snapshot", async () => {
    await using rig = await Rig.ready();
    await rig.secondSnapshot();
    const before = looks(rig);
    writes(rig, (body) => body.replace('"Event-Name":"', '"Caller-Caller-ID-Name":"Joe\tFixit\u0000\u001b","Event-Name":"'));
    const call = await rig.sim.inbound(customer);
    await call.answer();
    await call.callerHangsUp();
    const { leg } = await rig.facts(({ ended }) => ended !== undefined);
    expect(rig.legs().some((facts) => facts.rings && facts.leg === leg)).toBe(true);
    expect(looks(rig)).toBe(before);
  });
});

describe("an event that cannot be read causes a snapshot", () => {
  test.concurrent.each([["an unescaped quote", unescaped], ["the same behind what is needed", unescapedLater], [
    "cut off",
    truncated,
  ], ["no object", () => "[]"]])(
    "%s: the call is found, and its end",
    async (_name, how) => {
      await using rig = await Rig.ready();
      void rig.timers.passEach(minPauseMs);
      writes(rig, how, isOfCall);
      const call = await rig.sim.inbound(customer);
      const seen = await rig.next("snapshot", ({ legs }) => legs.some(({ rings }) => rings));
      expect(seen.legs).toMatchObject([{ leg: call.uuid, caller: { identity: "14155550123" }, direction: "to-desk" }]);
      rig.known = [{ desk: "1001", leg: call.uuid }];
      const from = rig.events.length;
      await call.answer();
      await rig.next("snapshot", ({ legs }) => legs.some(({ answered }) => answered), from);
      await call.callerHangsUp();
      await rig.next("snapshot", ({ legs }) => legs.length === 0, from);
      expect(rig.legs()).toEqual([]);
    },
  );

  test.concurrent("a lost registration is noticed", async () => {
    await using rig = await Rig.ready();
    writes(rig, truncated);
    rig.sim.phones.unregister("1001");
    await rig.next("phone", ({ registered }) => !registered);
  });

  test.concurrent("the report of a dial without legs: unknown at once", async () => {
    await using rig = await Rig.ready();
    writes(rig, truncated, (event) => event["Event-Name"] === "BACKGROUND_JOB");
    rig.sim.phones.contacts = () => [];
    const why = "The switch's report cannot be read";
    expect(await rig.dial(crypto.randomUUID())).toEqual({ outcome: "unknown", why });
    await rig.next("phone", ({ registered }) => !registered);
  });

  test.concurrent("the report of a dial whose leg has been seen: the leg is followed, and the outcome is not yet unknown", async () => {
    const { ringSeconds, commandSeconds } = { ringSeconds: 25, commandSeconds: 5 };
    await using rig = await Rig.ready({ config: { ringSeconds, commandSeconds, silenceSeconds: 100 } });
    await rig.startSecondSnapshot();
    writes(rig, truncated, (event) => event["Event-Name"] === "BACKGROUND_JOB");
    const outcome = rig.dial(crypto.randomUUID());
    await rig.facts(({ farAnswered }) => farAnswered === true);
    await rig.timers.pass(minPauseMs);
    await rig.timers.pass((ringSeconds + 2 * commandSeconds) * 1000 - minPauseMs);
    expect(await outcome).toMatchObject({ outcome: "unknown", why: "The switch did not report the outcome" });
  });

  test.concurrent("many at once cause one snapshot, and one more a second later", async () => {
    await using rig = await Rig.ready();
    await rig.secondSnapshot();
    const before = looks(rig);
    writes(rig, truncated);
    const events = rig.events.length;
    for (let n = 0; n < 200; n++) rig.sim.sw.heartbeat();
    await rig.next("phone", () => true, events);
    expect(looks(rig)).toBe(before + 1);
    await rig.timers.pass(minPauseMs);
    await rig.until(() => looks(rig) === before + 2);
  });

  test.concurrent.each([["cut off", truncated], ["broken behind what is needed", unescapedLater]])(
    "one that comes during the first snapshot, %s, causes another",
    async (_name, how) => {
      await using rig = await Rig.open({ before: (sim) => sim.server.refuse() });
      await rig.next("link-down");
      const held = holdAnswer(rig.sim, "show");
      await rig.sim.server.listen();
      await rig.connectAgain();
      await held.asked;
      writes(rig, how, isOfCall);
      const call = await rig.sim.inbound(customer);
      const from = rig.events.length;
      held.release();
      await rig.next("snapshot", ({ legs }) => legs.some(({ leg, rings }) => leg === call.uuid && rings));
      expect(rig.events.slice(from).some(({ type }) => type === "link-down")).toBe(false);
    },
  );

  test.concurrent("one that waits until a queue's caller has been read", async () => {
    await using rig = await agentRig({ mode: "ready" });
    await rig.secondSnapshot();
    const dump = holdAnswer(rig.sim, "uuid_dump");
    const call = await rig.sim.queueCall({ from: "14155550777" });
    await dump.asked;
    writes(rig, unescapedLater, (event) => event["Event-Name"] === "CHANNEL_ANSWER");
    await call.answer();
    await heard(rig);
    dump.release();
    await rig.next("snapshot", ({ legs }) => legs.some(({ answered }) => answered));
  });
});

describe("answers that cannot be read either", () => {
  /** The switch answers these commands with broken JSON. */
  function breaks(rig: Rig, commands: readonly string[], isPlainKnown: boolean): void {
    const api = rig.sim.api.bind(rig.sim);
    rig.sim.api = (command, arg) => {
      if (!commands.includes(command)) return api(command, arg);
      if (command !== "uuid_dump") return Promise.resolve(api(command, arg)).then(unescapedRows);
      const [id = "", format] = arg.split(" ");
      return Promise.resolve(api(command, `${id} json`)).then((text) =>
        text.startsWith("-ERR")
          ? text
          : format === "json"
          ? unescaped(text)
          : isPlainKnown
          ? plain(text)
          : "-USAGE: <uuid> [format]"
      );
    };
  }
  const unescapedRows = (text: string) => text.replaceAll('"name":', '"cid_name":"Joe "Fixit" Smith","name":');
  const plain = (text: string) =>
    Object.entries(JSON.parse(text)).map(([name, value]) => `${name}: ${encodeURIComponent(String(value))}\n`).join("");

  test.concurrent("the list and the leg: the rows of the list are recovered, the leg is requested as plain text", async () => {
    await using rig = await Rig.ready();
    breaks(rig, ["show", "uuid_dump"], true);
    const call = await rig.sim.inbound(customer);
    await rig.sim.inbound({ ...customer, to: "1002" });
    const from = await rig.reconnect();
    const { legs } = await rig.next("snapshot", () => true, from);
    expect(legs).toMatchObject([{ leg: call.uuid, rings: true, caller: { identity: "14155550123" } }]);
  });

  test.concurrent("a known leg that cannot be read stays alive", async () => {
    await using rig = await Rig.ready();
    breaks(rig, ["uuid_dump"], false);
    const call = await rig.ringing();
    const from = await rig.reconnect();
    expect((await rig.next("snapshot", () => true, from)).legs).toEqual([{ desk: "1001", leg: call.uuid }]);
  });
});
