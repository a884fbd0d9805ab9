import { afterEach, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { BareClient, type Chunking, parseRecording, type ReplayOptions, ReplayPeer } from "../../simulator/freeswitch/mod.ts";

const folder = `${import.meta.dir}/../fixtures/recordings/freeswitch`;
const names = readdirSync(folder).filter((file) => file.endsWith(".jsonl")).map((file) => file.replace(".jsonl", ""));
const load = async (name: string) => parseRecording(await Bun.file(`${folder}/${name}.jsonl`).text());

const open: { close(): void }[] = [];
afterEach(() => open.splice(0).forEach((peer) => peer.close()));

async function replay(name: string, options: ReplayOptions = {}): Promise<ReplayPeer> {
  const peer = new ReplayPeer(await load(name), { speed: Infinity, ...options });
  open.push(peer);
  await peer.listen();
  return peer;
}

async function listen(peer: ReplayPeer, events = "ALL", filters: string[] = []): Promise<BareClient> {
  const client = await BareClient.listen(peer.port, events, filters);
  open.push(client);
  return client;
}

const desk = ["Channel-Presence-ID 1001@127.0.0.1"];

test("every recording is valid, with marks numbered from 1 and events in order", async () => {
  expect(names.length).toBe(27);
  for (const name of names) {
    const { steps } = await load(name);
    const marks = steps.filter((step) => step.kind === "mark");
    expect(marks.map((mark) => mark.n)).toEqual(marks.map((_, index) => index + 1));
    expect(steps.every((step, index) => index === 0 || step.t >= (steps[index - 1]?.t ?? 0))).toBe(true);
  }
});

test("only subscribed events are sent", async () => {
  const peer = await replay("in-answer-caller-hangs-up");
  const client = await listen(peer, "CHANNEL_CREATE CHANNEL_ANSWER", desk);
  await peer.play();
  await client.until(() => client.events().length === 2);
  expect(client.events().map((event) => [event["Event-Name"], event["Channel-Presence-ID"]])).toEqual([
    ["CHANNEL_CREATE", "1001@127.0.0.1"],
    ["CHANNEL_ANSWER", "1001@127.0.0.1"],
  ]);
});

test("the frames are those of the recording, byte for byte, in any chunks", async () => {
  const settings: Chunking[] = ["whole", { bytes: 300 }, { random: 7 }, { batchMs: 5 }, { cuts: [5, 40, 1000] }];
  const frames = (await load("in-abandoned")).steps.flatMap((step) => step.kind === "event" ? [step.frame] : []);
  for (const chunking of settings) {
    const peer = await replay("in-abandoned", { pace: { chunking } });
    const client = await listen(peer);
    await peer.play();
    await client.until(() => client.events().length === frames.length);
    expect(client.events()).toEqual(frames.map((frame) => JSON.parse(frame.slice(frame.indexOf("\n\n") + 2))));
  }
});

test("marks are reported in order, and the replay is paused meanwhile", async () => {
  const seen: string[] = [];
  const peer = await replay("in-abandoned", {
    onMark: (n, note) => {
      seen.push(`${n} ${note}`);
    },
  });
  await listen(peer, "ALL", desk);
  await peer.play();
  expect(seen).toEqual([
    "1 customer calls 1001",
    "2 customer hangs up before answer",
  ]);
});

test("live legs are shown by the API", async () => {
  const shown: unknown[] = [];
  const peer = await replay("snapshot-during-call", {
    onMark: async (n) => {
      if (n !== 3) return;
      const { rows } = JSON.parse(await client.api("show channels as json"));
      shown.push(
        rows.map((row: Record<string, string>) => [row["presence_id"], row["direction"], row["callstate"], row["dest"]]),
      );
      const dump = JSON.parse(await client.api(`uuid_dump ${rows[1].uuid} json`));
      shown.push([dump["Event-Name"], dump["Answer-State"], dump["variable_originating_leg_uuid"] === rows[0].uuid]);
      shown.push(await client.api("sofia_contact */1001@127.0.0.1"));
    },
  });
  const client = await listen(peer, "HEARTBEAT");
  await peer.play();
  expect(shown).toEqual([
    [["", "inbound", "ACTIVE", "1001"], ["1001@127.0.0.1", "outbound", "ACTIVE", "1001-0x55cdefd68f40"]],
    ["CHANNEL_DATA", "answered", true],
    "sofia/internal/sip:1001-0x55cdefd68f40@127.0.0.1:5110",
  ]);
  expect(await client.api("show channels as json")).toBe('{"row_count": 0}\n');
  expect(await client.api("uuid_dump 15d0636c-22ca-4aa4-aa28-da816fc56acc json")).toBe("-ERR No such channel!\n");
  expect(await client.api("nosuch")).toBe("-ERR nosuch Command not found!\n");
});

test("makecall: starts with the client's originate and uses its ids", async () => {
  const peer = await replay("makecall-originate-answered");
  const client = await listen(peer);
  const playing = peer.play();
  const reply = await client.send(
    "bgapi originate {origination_uuid=my-leg,originate_timeout=25}user/1001@127.0.0.1 914155550123 XML default\nJob-UUID: my-job-1",
  );
  expect(reply.headers).toEqual({
    "Content-Type": "command/reply",
    "Reply-Text": "+OK Job-UUID: my-job-1",
    "Job-UUID": "my-job-1",
  });
  await playing;
  await client.until(() => client.events("CHANNEL_DESTROY").length === 2);
  const [job] = client.events("BACKGROUND_JOB");
  expect([job?.["Job-UUID"], job?.["_body"], job?.["Content-Length"]]).toEqual(["my-job-1", "+OK my-leg\n", "11"]);
  expect(client.events("CHANNEL_CREATE").map((event) => event["Other-Leg-Unique-ID"])).toEqual([undefined, "my-leg"]);
  expect(JSON.stringify(client.events())).not.toContain("11111111-2222");
});

test("other bgapi commands get a job", async () => {
  const peer = await replay("in-abandoned");
  const client = await listen(peer, "BACKGROUND_JOB");
  await client.send("bgapi show channels as json\nJob-UUID: j");
  await client.until(() => client.events().length === 1);
  expect(client.events()[0]).toMatchObject({ "Job-UUID": "j", "Job-Command": "show", _body: '{"row_count": 0}\n' });
});

test("heartbeats have the recording's Core-UUID", async () => {
  const peer = await replay("in-abandoned", { heartbeatMs: 5 });
  const client = await listen(peer, "HEARTBEAT", ["Event-Name HEARTBEAT"]);
  await client.until(() => client.events().length >= 2);
  expect(client.events()[0]?.["Core-UUID"]).toBe((await load("in-abandoned")).coreUuid);
});

test("a replay at eight times the speed takes an eighth of the time", async () => {
  const quick = await replay("in-abandoned", { speed: 8 });
  await listen(quick);
  const start = performance.now();
  await quick.play();
  expect(performance.now() - start).toBeGreaterThan(140);
});
