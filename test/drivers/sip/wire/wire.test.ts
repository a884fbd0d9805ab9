/**
 * The scripted drachtio-server compared with recordings of a real one (drachtio-server 0.9.10, drachtio-srf 5.0), frame by
 * frame; and the driver with drachtio-srf.
 */
import { expect, test } from "bun:test";
import { parse } from "valibot";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { framesOf, header, parseSipRecording, readSip, SipReplayPeer } from "../../../../simulator/drachtio/mod.ts";
import { sipConfig } from "../../../../drivers/sip/config.ts";
import { sip } from "../../../../drivers/sip/mod.ts";
import { openLog } from "../../../../src/log/log.ts";
import { systemTimers } from "../../../../src/platform/timers.ts";

const folder = join(import.meta.dir, "../../../fixtures/recordings/drachtio");
const names = readdirSync(folder).map((file) => file.replace(".jsonl", ""));
const read = (name: string) => readFileSync(join(folder, `${name}.jsonl`), "utf8");

/** The bytes on the wire when the driver plays against the recording: `in` to the server, `out` from it. */
async function played(name: string): Promise<{ in: string[]; out: string[] }> {
  const frames = { in: [] as string[], out: [] as string[] };
  const peer = new SipReplayPeer(parseSipRecording(read(name)), {
    speed: Infinity,
    onFrame: (direction, text) => frames[direction].push(text),
  });
  await peer.listen();
  const stop = new AbortController();
  const config = parse(sipConfig, { driver: "sip", port: peer.port, user: "1009", password: "x", domain: "127.0.0.1" });
  const context = {
    desks: [{ extension: "1001", aliases: [] }],
    variables: [],
    log: openLog(() => {}, "error", false),
    timers: systemTimers,
  };
  const events = (async () => {
    for await (const _ of sip.open(config, context).events(stop.signal, () => []));
  })();
  await peer.play();
  peer.close();
  stop.abort();
  await events;
  return frames;
}

/** A frame with what differs from run to run taken out: ids, tags, nonces, numbers, times, lengths, software. */
function plain(text: string): string {
  return text
    .replace(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g, "ID")
    .replace(/pbx-nonce-\d+/g, "ID")
    .replace(/\d\d:\d\d:\d\d\.\d+/g, "TIME")
    .replace(/(tag|branch)=[A-Za-z0-9-]+/g, "$1=TAG")
    .replace(/(response|cnonce)="[0-9a-f]+"/g, '$1="HASH"')
    .replace(/expires=\d+/g, "expires=N")
    .replace(/version="\d+"/, 'version="N"');
}

/** One frame as its leader's parts, the first line of SIP, its headers by name, and its body. */
function shape(text: string): Record<string, unknown> {
  const end = text.indexOf("\r\n");
  const leader = plain(end < 0 ? text : text.slice(0, end)).split("|");
  // Lengths of messages and the place that a request is routed to are this run's own.
  const parts = leader.map((part, index) => (/^\d+$/.test(part) && index > 2 ? "N" : part));
  if (end < 0) return { parts };
  const message = readSip(text.slice(end + 2));
  const names = new Set(message.headers.map(([name]) => name.toLowerCase()));
  const same = ["from", "to", "event", "accept", "expires", "proxy-authorization", "subscription-state", "content-type"];
  return {
    parts: parts.slice(0, 12),
    start: message.method === undefined ? `SIP ${message.status}` : message.method,
    names: [...names].toSorted(),
    values: Object.fromEntries(same.map((name) => [name, tidied(header(message, name))])),
    body: plain(message.body),
  };
}

/** sofia-sip writes spaces between the parts of a credential; where it does is its own affair. */
function tidied(value: string | undefined): string | undefined {
  return value === undefined ? undefined : plain(value).replace(/, */g, ",").replace(/uri="[^"]*"/, 'uri="URI"');
}

test.each(names)("%s: the driver sends what drachtio-srf sent", async (name) => {
  const sent = framesOf(read(name)).filter(({ dir }) => dir === "client>server").map(({ text }) => shape(text));
  const { in: ours } = await played(name);
  // The driver renews the subscription where the documents do not add up, and gives it back at the end: the recorder did not.
  const firstAnswer = (shapes: typeof sent) => shapes.findIndex(({ start }) => start === "SIP 200");
  const [theirs, mine] = [sent, ours.map(shape)];
  expect(mine.slice(0, firstAnswer(mine) + 1).map(withoutRoute)).toEqual(
    theirs.slice(0, firstAnswer(theirs) + 1).map(withoutRoute),
  );
  const answers = (shapes: typeof sent) => shapes.filter(({ start }) => start === "SIP 200").map(withoutRoute);
  expect(answers(mine).slice(0, answers(theirs).length)).toEqual(answers(theirs));
});

/** drachtio-srf sent the second SUBSCRIBE to the address that had requested the password; the domain gives the same. */
function withoutRoute(frame: Record<string, unknown>): Record<string, unknown> {
  const parts = frame["parts"] as string[];
  return { ...frame, parts: parts[1] === "sip" && frame["start"] === "SUBSCRIBE" ? parts.slice(0, 4) : parts };
}

test.each(names)("%s: the scripted server sends what drachtio-server sent", async (name) => {
  const recorded = framesOf(read(name)).filter(({ dir }) => dir === "server>client").map(({ text }) => shape(text));
  const { out: ours } = await played(name);
  const mine = ours.map(shape);
  // The headers that a switch adds to its answers (Allow and the like) are the switch's, not drachtio-server's.
  const frames = (shapes: typeof recorded) => shapes.map(({ parts, start }) => ({ parts, start }));
  const upTo = frames(recorded).findIndex(({ start }) => start === "NOTIFY") + 1;
  expect(frames(mine).slice(0, upTo)).toEqual(frames(recorded).slice(0, upTo));
  const notifies = (shapes: typeof recorded) =>
    shapes.filter(({ start }) => start === "NOTIFY").map(({ parts, body, values }) => ({ parts, body, values }));
  const asked = (body: unknown) => String(body).includes("call-id");
  expect(notifies(mine).filter(({ body }) => !asked(body)).slice(0, notifies(recorded).length)).toEqual(notifies(recorded));
});
