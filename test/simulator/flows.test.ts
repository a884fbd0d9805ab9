/** For the desk's legs, simulated flows fire the same events as the live switch in the recordings. */
import { afterEach, expect, test } from "bun:test";
import {
  BareClient,
  parseRecording,
  Simulator,
  type SimulatorOptions,
  type SwitchEvent,
} from "../../simulator/freeswitch/mod.ts";

const folder = `${import.meta.dir}/../fixtures/recordings/freeswitch`;
const customer = "14155550123";
const open: (() => void)[] = [];
afterEach(() => open.splice(0).forEach((close) => close()));

const names =
  "CHANNEL_CREATE CHANNEL_PROGRESS CHANNEL_PROGRESS_MEDIA CHANNEL_CALLSTATE CHANNEL_ANSWER CHANNEL_BRIDGE CHANNEL_UNBRIDGE " +
  "CHANNEL_HOLD CHANNEL_UNHOLD CALL_UPDATE CHANNEL_UUID CHANNEL_HANGUP CHANNEL_HANGUP_COMPLETE CHANNEL_DESTROY";

/** The content of an event, without ids, times and contacts. */
function shape(event: SwitchEvent): string {
  const at = (name: string) => String(event[name] ?? "-").replace(/^(\d+)-0x\w+$/, "contact-of-$1");
  const has = (name: string) => event[name] !== undefined;
  const parts = [
    at("Event-Name").padEnd(24),
    at("Call-Direction"),
    `${at("Channel-Call-State")}/${at("Answer-State")}`,
    `dst=${at("Caller-Destination-Number")}`,
    `cid=${at("Caller-Caller-ID-Number")}`,
    `orig=${at("Caller-Orig-Caller-ID-Number")}`,
    `callee=${at("Caller-Callee-ID-Number")}`,
    `rdnis=${at("Caller-RDNIS")}`,
    `other=${at("Other-Type")}`,
    `other-dst=${at("Other-Leg-Destination-Number")}`,
    `other-cid=${at("Other-Leg-Caller-ID-Number")}`,
    `other-answered=${has("Other-Leg-Channel-Answered-Time") && at("Other-Leg-Channel-Answered-Time") !== "0"}`,
    at("Hangup-Cause"),
    `originating=${has("variable_originating_leg_uuid")}`,
    `legs=${has("variable_originated_legs")}`,
    `disposition=${at("variable_endpoint_disposition")}`,
    `queue=${at("variable_cc_queue")}`,
    `data=${at("variable_CustomerID")}`,
  ];
  return parts.join(" ");
}

/** The shapes of the desk's legs, one list per leg, in the order of the legs. */
function legs(events: readonly SwitchEvent[]): string[][] {
  const byLeg = new Map<string, string[]>();
  for (const event of events) {
    if (event["Channel-Presence-ID"] !== "1001@127.0.0.1" || !names.includes(String(event["Event-Name"]))) continue;
    const uuid = String(event["Unique-ID"]);
    byLeg.set(uuid, [...byLeg.get(uuid) ?? [], shape(event)]);
  }
  return [...byLeg.values()];
}

async function recorded(name: string): Promise<string[][]> {
  const { steps } = parseRecording(await Bun.file(`${folder}/${name}.jsonl`).text());
  return legs(steps.flatMap((step) => step.kind === "event" ? [step.event] : []));
}

async function simulated(
  play: (sim: Simulator, client: BareClient) => Promise<unknown>,
  options: SimulatorOptions,
): Promise<string[][]> {
  const sim = new Simulator({ secondMs: 1, ...options });
  await sim.start();
  open.push(() => sim.stop());
  const client = await BareClient.listen(sim.port, names, ["Channel-Presence-ID 1001@127.0.0.1"]);
  open.push(() => client.close());
  await play(sim, client);
  await client.until(() => live(client.events()) === 0);
  return legs(client.events());
}

function live(events: readonly SwitchEvent[]): number {
  const count = (name: string) => events.filter((event) => event["Event-Name"] === name).length;
  return events.length === 0 ? -1 : count("CHANNEL_CREATE") - count("CHANNEL_DESTROY");
}

const originate = (sim: Simulator, client: BareClient) => {
  const dialled = sim.nextDialled();
  const vars = `origination_uuid=${crypto.randomUUID()},origination_caller_id_number=${customer},originate_timeout=20`;
  void client.send(`bgapi originate {${vars}}user/1001@127.0.0.1 9${customer} XML default`);
  return dialled;
};

const agentReady = (client: BareClient, more: string[] = []) =>
  [
    "agent add 1001@default callback",
    "agent set contact 1001@default user/1001@127.0.0.1",
    ...more,
    "tier add support@default 1001@default 1 1",
    "agent set status 1001@default Available",
    "agent set state 1001@default Waiting",
  ].reduce(async (before, command) => {
    await before;
    await client.api(`callcenter_config ${command}`);
  }, Promise.resolve());

const flows: Record<string, (sim: Simulator, client: BareClient) => Promise<unknown>> = {
  "in-answer-caller-hangs-up": async (sim) => {
    const call = await sim.inbound({ from: customer, to: "1001" });
    await call.answer();
    await call.callerHangsUp();
  },
  "in-answer-agent-hangs-up": async (sim) => {
    const call = await sim.inbound({ from: customer, to: "1001" });
    await call.answer();
    await call.agentHangsUp();
  },
  "in-abandoned": async (sim) => (await sim.inbound({ from: customer, to: "1001" })).callerHangsUp(),
  "in-rejected-busy": async (sim) => (await sim.inbound({ from: customer, to: "1001" })).reject(),
  "in-hold-retrieve": async (sim) => {
    const call = await sim.inbound({ from: customer, to: "1001" });
    await call.answer();
    await call.hold();
    await call.retrieve();
    await call.callerHangsUp();
  },
  "out-keypad-answered": async (sim) => {
    const call = await sim.keypad({ extension: "1001", number: `9${customer}` });
    await call.farRings();
    await call.farAnswers();
    await call.hangUp();
  },
  "out-keypad-no-answer": async (sim) => {
    const call = await sim.keypad({ extension: "1001", number: `9${customer}` });
    await call.farRings();
    await call.hangUp();
  },
  "out-keypad-far-busy": async (sim) => {
    const call = await sim.keypad({ extension: "1001", number: `9${customer}` });
    await call.farRings();
    await call.farBusy();
  },
  "out-keypad-invalid-number": (sim) => sim.keypad({ extension: "1001", number: "55", invalid: true }),
  "internal-1001-calls-1002": async (sim) => {
    const call = await sim.keypad({ extension: "1001", number: "1002" });
    await call.farRings();
    await call.farAnswers();
    await call.farHangsUp();
  },
  "internal-1002-calls-1001": async (sim) => {
    const call = await sim.inbound({ from: "1002", to: "1001" });
    await call.answer();
    await call.agentHangsUp();
  },
  "makecall-originate-answered": async (sim, client) => {
    const call = await originate(sim, client);
    await call.answer();
    await call.farAnswers();
    await call.farHangsUp();
  },
  "makecall-originate-far-busy": async (sim, client) => {
    const call = await originate(sim, client);
    await call.answer();
    await call.farBusy();
  },
  "makecall-originate-handset-rejects": async (sim, client) => (await originate(sim, client)).refuse(),
  "makecall-originate-handset-timeout": (sim, client) => originate(sim, client),
  "ivr-data-screenpop": async (sim) => {
    const call = await sim.inbound({ from: customer, to: "1001", dialled: "7002", data: { CustomerID: "C-4711" } });
    await call.answer();
    await call.callerHangsUp();
  },
  "ring-group-this-answers": async (sim) => {
    const call = await sim.ringGroup({ from: customer, number: "7001", members: ["1001", "1002"] });
    await call.answer(0);
    await call.agentHangsUp();
  },
  "ring-group-other-answers": async (sim) => {
    const call = await sim.ringGroup({ from: customer, number: "7001", members: ["1001", "1002"] });
    await call.answer(1);
    await call.callerHangsUp();
  },
  "blind-transfer-away": async (sim) => {
    const call = await sim.inbound({ from: customer, to: "1001" });
    await call.answer();
    const away = await call.blindTransferAway("1002");
    await away.answer();
    await away.callerHangsUp();
  },
  "blind-transfer-to-this": async (sim) => {
    const call = await sim.blindTransferToDesk({ from: customer, via: "1002", to: "1001" });
    await call.answer();
    await call.agentHangsUp();
  },
  "attended-transfer-away": async (sim) => {
    const call = await sim.inbound({ from: customer, to: "1001" });
    await call.answer();
    const transfer = await call.attendedTransferAway("1002");
    await transfer.answer();
    const talk = await transfer.complete();
    await talk.farHangsUp();
  },
  "attended-transfer-to-this": async (sim) => {
    const transfer = await sim.attendedTransferToDesk({ from: customer, via: "1002", to: "1001" });
    await transfer.answer();
    const talk = await transfer.complete();
    await talk.agentHangsUp();
  },
  "call-waiting-two-calls": async (sim) => {
    const first = await sim.inbound({ from: customer, to: "1001" });
    await first.answer();
    const second = await sim.inbound({ from: "14155550999", to: "1001" });
    await second.callerHangsUp();
    await first.callerHangsUp();
  },
  "queue-callcenter-answered": async (sim, client) => {
    await agentReady(client);
    const call = await sim.queueCall({ from: customer });
    await call.offered;
    await call.answer();
    await call.callerHangsUp();
  },
  "queue-callcenter-no-answer": async (sim, client) => {
    await agentReady(client, ["agent set max_no_answer 1001@default 1"]);
    const call = await sim.queueCall({ from: customer });
    await call.offered;
    await call.noAnswer();
    await call.callerHangsUp();
  },
};

for (const [name, play] of Object.entries(flows)) {
  test(`${name}: the desk's legs match the live ones`, async () => {
    const manual = name.startsWith("makecall") && name !== "makecall-originate-handset-timeout";
    const setting = async (sim: Simulator, client: BareClient) => {
      sim.handsetDoes = { does: "waits" };
      sim.farDoes = { does: "waits" };
      await play(sim, client);
    };
    expect(await simulated(setting, manual ? { secondMs: 1000 } : {})).toEqual(await recorded(name));
  });
}
