/**
 * The scripted Asterisk sends what a live Asterisk 22 sent for the same flow (test/fixtures/recordings/asterisk), message by
 * message and field by field, but for ids and times.
 */
import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Asterisk, InboundCall, keypad, Originator } from "../../simulator/asterisk/mod.ts";
import { shortEvent } from "../support/asterisk/short.ts";
import { AriListener } from "../support/asterisk/listener.ts";

const folder = join(import.meta.dir, "../fixtures/recordings/asterisk");
type Event = Readonly<Record<string, unknown>>;

/** The events of a recording. */
function recorded(name: string): Event[] {
  const lines = readFileSync(join(folder, `${name}.jsonl`), "utf8").trim().split("\n").map((line) => JSON.parse(line) as Event);
  return lines.filter((line) => line["type"] !== undefined && !line["unheard"]).map(({ t: _, ...event }) => event);
}

/**
 * Events without what differs from call to call: ids and names of channels are numbered, Call-IDs only present or absent. A
 * live Asterisk sends some messages up to three times (BRIDGEPEER); the state of a peer in a Dial depends on its threads.
 */
function comparable(events: readonly Event[]): string[] {
  const names = new Map<string, string>();
  const numbered = (text: string, kind: string) => {
    if (!names.has(text)) names.set(text, `${kind} ${[...names.values()].filter((name) => name.startsWith(kind)).length + 1}`);
    return names.get(text) ?? "";
  };
  const plain = (value: unknown, key = ""): unknown => {
    if (typeof value === "string") {
      if (/^\d{10}\.\d+$|^telesetd-/.test(value)) return numbered(value, "channel");
      if (/^PJSIP\/\w+-[0-9a-f]{8}$/.test(value)) return numbered(value, "name");
      return key === "protocol_id" ? "present" : value.replace(/-0x\w+@/, "-0x0@");
    }
    if (Array.isArray(value)) return value.map((item) => plain(item)).toSorted();
    if (typeof value !== "object" || value === null) return value;
    const entries = Object.entries(value).filter(([name]) => name !== "channelvars" && !(key === "peer" && name === "state"));
    return Object.fromEntries(
      entries.map(([name, item]) => [name, plain(item, name)]).toSorted(([a], [b]) => String(a) < String(b) ? -1 : 1),
    );
  };
  const texts = ordered(events).map((event) => JSON.stringify(plain(event)));
  return texts.filter((text, index) => text !== texts[index - 1]);
}

/** The two reports that a phone rings, in one order: they come in either. */
function ordered(events: readonly Event[]): Event[] {
  const result = [...events];
  for (const [index, { type, dialstatus }] of events.entries()) {
    const before = result[index - 1];
    if (type !== "Dial" || dialstatus !== "RINGING" || before?.["type"] !== "ChannelStateChange") continue;
    if (stateOf(before["channel"]) === "Ringing") result.splice(index - 1, 2, events[index] ?? {}, before);
  }
  return result;
}

function stateOf(channel: unknown): unknown {
  return typeof channel === "object" && channel !== null && "state" in channel ? channel.state : undefined;
}

interface Flow {
  readonly recording: string;
  readonly plays: (pbx: Asterisk) => void | Promise<void>;
  /** Further sources that the recorder had subscribed to. */
  readonly sources?: readonly string[];
}

const customer = "14155550123";

/** POST /channels as the recorder sent it. */
async function originate(pbx: Asterisk, variables = true): Promise<string> {
  const url = new URL(`http://127.0.0.1:${pbx.server.port}/ari/channels`);
  url.search = new URLSearchParams({
    endpoint: "PJSIP/1001",
    extension: `9${customer}`,
    context: "default",
    priority: "1",
    channelId: "telesetd-7001-1",
    callerId: `"${customer}" <9${customer}>`,
  }).toString();
  const response = await fetch(url, {
    method: "POST",
    headers: { Authorization: `Basic ${btoa("telesetd:s3cret")}`, "Content-Type": "application/json" },
    body: JSON.stringify(variables ? { variables: { occtDial: "42" } } : {}),
  });
  return `${response.status} ${await response.text()}`;
}

/** Dials, and gives the phone what it does. */
async function originated(pbx: Asterisk, act: (originator: Originator, id: string) => void, variables = true): Promise<void> {
  const originator = new Originator(pbx);
  originator.handset = "waits";
  expect(await originate(pbx, variables)).toStartWith("200 ");
  act(originator, "telesetd-7001-1");
}

function channel(pbx: Asterisk, id: string) {
  const found = pbx.channels.get(id);
  if (!found) throw new Error(`Cannot find channel ${id}`);
  return found;
}

const flows: readonly Flow[] = [
  { recording: "in-answered-customer-ends", plays: (pbx) => inbound(pbx, (call) => call.callerHangsUp()) },
  { recording: "in-answered-agent-ends", plays: (pbx) => inbound(pbx, (call) => call.hangUp()) },
  { recording: "in-abandoned", plays: (pbx) => new InboundCall(pbx, { from: customer }).callerHangsUp() },
  { recording: "in-rejected", plays: (pbx) => new InboundCall(pbx, { from: customer }).decline() },
  {
    recording: "ari-anonymous",
    plays: (pbx) => new InboundCall(pbx, { from: customer, dialled: "7004", withheld: true }).callerHangsUp(),
  },
  {
    recording: "in-named-caller",
    plays: (pbx) => inbound(pbx, (call) => call.callerHangsUp(), { from: "+14155550777", name: "Ann Example", dialled: "7005" }),
  },
  {
    recording: "in-ivr-data",
    plays: (pbx) =>
      inbound(pbx, (call) => call.callerHangsUp(), {
        from: customer,
        dialled: "7002",
        variables: { occtUUI: "hello", CustomerID: "C-4711" },
      }),
  },
  {
    recording: "in-queue",
    plays: (pbx) => inbound(pbx, (call) => call.callerHangsUp(), { from: customer, dialled: "7003", queue: true }),
  },
  {
    recording: "hold",
    plays: (pbx) =>
      inbound(pbx, (call) => {
        call.hold();
        call.retrieve();
        call.callerHangsUp();
      }),
  },
  {
    recording: "ari-trunk-subscription",
    plays: (pbx) => inbound(pbx, (call) => call.callerHangsUp()),
    sources: ["endpoint:PJSIP/trunk"],
  },
  {
    recording: "internal-colleague-calls-desk",
    plays: (pbx) => inbound(pbx, (call) => call.hangUp(), { from: "1002", name: "Phone 1002", by: "PJSIP/1002" }),
  },
  {
    recording: "out-keypad-answered",
    plays: (pbx) => {
      const leg = keypad(pbx, `9${customer}`);
      leg.rings();
      leg.answer();
      leg.phoneHangsUp();
    },
  },
  {
    recording: "out-keypad-busy",
    plays: (pbx) => {
      const leg = keypad(pbx, `9${customer}`);
      leg.rings();
      leg.isBusy();
    },
  },
  {
    recording: "out-keypad-no-answer",
    plays: (pbx) => {
      const leg = keypad(pbx, `9${customer}`);
      leg.rings();
      leg.gaveUp();
    },
  },
  {
    recording: "internal-desk-calls-colleague",
    plays: (pbx) => {
      const leg = keypad(pbx, "1002");
      leg.rings();
      leg.answer();
      leg.hangsUp();
    },
  },
  {
    recording: "ari-originate-answered",
    plays: (pbx) =>
      originated(pbx, (originator, id) => {
        originator.answers(channel(pbx, id), `9${customer}`);
        const [leg] = originator.legs;
        leg?.answer();
        leg?.hangsUp();
      }),
  },
  {
    recording: "ari-originate-busy",
    plays: (pbx) =>
      originated(pbx, (originator, id) => {
        originator.answers(channel(pbx, id), `9${customer}`);
        originator.legs[0]?.isBusy();
      }),
  },
  {
    recording: "ari-originate-no-answer",
    plays: (pbx) =>
      originated(pbx, (originator, id) => {
        originator.answers(channel(pbx, id), `9${customer}`);
        originator.legs[0]?.gaveUp();
      }),
  },
  {
    recording: "ari-originate-rejected",
    plays: (pbx) => originated(pbx, (originator, id) => originator.declines(channel(pbx, id))),
  },
  {
    recording: "ari-originate-not-lifted",
    plays: (pbx) => originated(pbx, (originator, id) => originator.notAnswered(channel(pbx, id))),
  },
  {
    recording: "ari-originate-unregistered",
    plays: async (pbx) => {
      new Originator(pbx);
      pbx.registers("PJSIP/1001", false);
      expect(await originate(pbx)).toBe('500 {"error":"Allocation failed"}');
      pbx.registers("PJSIP/1001", true);
    },
  },
];

function inbound(
  pbx: Asterisk,
  ends: (call: InboundCall) => void,
  options: ConstructorParameters<typeof InboundCall>[1] = { from: customer },
) {
  const call = new InboundCall(pbx, options);
  call.answer();
  ends(call);
}

describe("the scripted Asterisk sends what a live one sent:", () => {
  test.each(flows)("$recording", async ({ recording, plays, sources = [] }) => {
    const pbx = new Asterisk();
    await pbx.server.listen();
    try {
      const listener = await AriListener.open(pbx.server, ["endpoint:PJSIP/1001", ...sources]);
      await plays(pbx);
      const events = await listener.all();
      expect(comparable(events.map(shortEvent))).toEqual(comparable(recorded(recording)));
    } finally {
      pbx.server.stop();
    }
  });
});
