/** The log of a whole daemon during calls: each line about a call has its desk and call, and none contains a secret. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { Simulator } from "../../simulator/freeswitch/mod.ts";
import { scenes } from "../../src/commands/rehearsal/scenes.ts";
import { referenceConfig, type Rig, startRig } from "../../src/commands/rehearsal/stage.ts";
import { openLog } from "../../src/log/log.ts";

setDefaultTimeout(60_000);

/** The fields of a line; quoted values are JSON. */
function fields(line: string): Record<string, string> {
  const found = [...line.matchAll(/ ([A-Za-z]+)=("(?:[^"\\]|\\.)*"|[^\s"]+)/g)];
  return Object.fromEntries(
    found.map(([, key = "", value = ""]) => [key, value.startsWith('"') ? String(JSON.parse(value)) : value]),
  );
}

const lines: string[] = [];
const about = (text: string): string[] => lines.filter((line) => line.slice(8).startsWith(text));
/** A message to or from the switch, logged unchanged. */
const isWire = (line: string): boolean => / (from|to) the switch /.test(line);
let rig: Rig;
let sim: Simulator;

beforeAll(async () => {
  sim = new Simulator();
  sim.handsetDoes = { does: "waits" };
  sim.farDoes = { does: "waits" };
  await sim.start();
  const config = referenceConfig();
  const log = openLog((line) => lines.push(line), "trace", false);
  rig = await startRig({
    config: { ...config, screenPop: { ...config.screenPop, internal: "ring" } },
    switch: { port: sim.port, password: "ClueCon" },
    log,
  });
  await sim.server.subscriber();
  const pause = (ms = 60) => new Promise<void>((done) => setTimeout(done, Math.min(ms, 60)));
  const scene = { sim, rig, pause, callout: rig.callout };
  for (const { play } of scenes) await play(scene);
  await rig.callout("Unregister", { telesetNumber: "1001", agentID: "agent-1001" });
});

afterAll(async () => {
  await rig.stop();
  sim.stop();
});

describe("of the lines about a call", () => {
  test("each has desk and call", () => {
    const ids = new Set(lines.flatMap((line) => (isWire(line) ? [] : [fields(line)["call"] ?? []].flat())));
    expect(ids.size).toBeGreaterThan(8);
    const concerned = lines.filter((line) => !isWire(line) && [...ids].some((id) => line.includes(id)));
    expect(concerned.length).toBeGreaterThan(60);
    expect(concerned.filter((line) => fields(line)["desk"] !== "1001" || !ids.has(fields(line)["call"] ?? ""))).toEqual([]);
  });

  test.each([
    "Delivered to the CRM",
    "Call ended",
    "Leg ended",
    "Dial ",
    "MakeCall",
    "Event posted",
    "Event answered",
  ])("one starts with %s", (text) => {
    expect(about(text)).not.toEqual([]);
    for (const line of about(text)) {
      expect(Object.keys(fields(line))).toContain("desk");
      expect(Object.keys(fields(line))).toContain("call");
    }
  });

  test("the last has its kind, how it ended and the switch's cause", () => {
    const [first] = about("Call ended").map(fields);
    expect(first).toMatchObject({ desk: "1001", kind: "inbound", disposition: "answered", cause: "NORMAL_CLEARING" });
  });
});

describe("on trace", () => {
  test("every message of the event socket is logged in full, in both directions", () => {
    const events = about("from the switch").flatMap((line) => fields(line)["event"] ?? []);
    expect(events.length).toBeGreaterThan(60);
    for (const event of events) expect(JSON.parse(event)).toHaveProperty("Event-Name");
    expect(about("from the switch").flatMap((line) => fields(line)["frame"] ?? [])).toContain("auth/request");
    const sent = about("to the switch").map((line) => fields(line)["frame"] ?? "");
    expect(sent.some((frame) => frame.startsWith("event json "))).toBe(true);
    expect(sent.some((frame) => /^bgapi originate .*\\u000aJob-UUID: /.test(frame))).toBe(true);
  });

  test("an event of a desk's leg has desk and leg", () => {
    const legs = about("from the switch").map(fields).filter(({ leg }) => leg !== undefined);
    expect(legs.length).toBeGreaterThan(30);
    for (const { desk, leg, event = "{}" } of legs) {
      const { "Channel-Presence-ID": presence = "", "Unique-ID": id } = JSON.parse(event) as Record<string, string>;
      expect(leg).toBe(id);
      expect(desk).toBe(presence.startsWith("1001@") ? "1001" : undefined);
    }
    expect(legs.filter(({ desk }) => desk === "1001").length).toBeGreaterThan(30);
  });

  test("every callout is logged with its headers and its answer", () => {
    const [asked] = about("Callout received").map(fields);
    expect(asked?.["request"]).toStartWith("GET /?FunctionName=Register&telesetNumber=1001");
    expect(asked?.["headers"]).toContain("host: 127.0.0.1");
    expect(asked?.["desk"]).toBe("1001");
    expect(about("Callout answered").map((line) => fields(line)["body"])).toContain("<CCTSDK></CCTSDK>");
    expect(about("Callout answered")).toHaveLength(about("Callout received").length);
  });

  test("every POST and its answer are logged in full", () => {
    const posted = about("Event posted").map(fields);
    expect(posted).toHaveLength(rig.crm.events.length);
    expect(posted.map((post) => post["body"])).toEqual(rig.crm.events.map(({ xml }) => xml));
    const to = `127.0.0.1:${rig.crm.port}`;
    expect(posted[0]).toMatchObject({ desk: "1001", to });
    expect(posted[0]?.["request"]?.split("\\u000d\\u000a")).toEqual([
      "POST / HTTP/1.1",
      `Host: ${to}`,
      "Content-Type: text/xml; charset=utf-8",
      `Content-Length: ${Buffer.byteLength(posted[0]?.["body"] ?? "")}`,
      "Connection: close",
    ]);
    for (const line of about("Event answered")) {
      expect(fields(line)["answer"]).toMatch(/^HTTP\/1\.1 200 OK\\u000d\\u000a.*content-length: 0/i);
    }
    expect(about("Event answered").map((line) => fields(line)["status"])).toEqual(posted.map(() => "200"));
  });
});

test("no password is in any line", () => {
  expect(lines.filter((line) => line.includes("ClueCon"))).toEqual([]);
  expect(lines.filter((line) => line.includes("agentPassword=secret"))).toEqual([]);
  expect(lines.some((line) => line.includes("agentPassword=***"))).toBe(true);
  expect(lines.some((line) => line.includes('frame="auth ***"'))).toBe(true);
});

test("below trace no line has a customer's number", () => {
  const quiet = lines.filter((line) => !line.startsWith("trace"));
  expect(quiet.filter((line) => line.includes("14155550123"))).toEqual([]);
});

test("repeated registrations of a phone are logged once per change", () => {
  expect(about("The phone is").map((line) => line.slice(8))).toEqual([
    "The phone is registered desk=1001",
    "The phone is not registered desk=1001",
    ...(about("The phone is").length > 2 ? ["The phone is registered desk=1001"] : []),
  ]);
});
