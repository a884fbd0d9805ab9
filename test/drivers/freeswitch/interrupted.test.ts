/**
 * The link is lost, or the line is stopped, at each command of a connection: nothing is left behind, and no result is missing.
 */
import { expect, test } from "bun:test";
import type { LineCommand } from "../../../src/core/line.ts";
import { minPauseMs } from "../../../drivers/shared/snapshot-schedule.ts";
import { secondSnapshotAfter } from "../../../drivers/shared/switch-session.ts";
import { event, lineTo, obliging, RawPeer, response } from "../../support/freeswitch/rawpeer.ts";
import { FakeTimers } from "../../support/timers.ts";

const commands: readonly LineCommand[] = [
  { type: "agent", desk: "1001", callout: "login", agent: "7", login: true, mode: "ready", queue: "support@default" },
  { type: "dial", desk: "1001", call: "call-1", number: "914155550123" },
  { type: "agent", desk: "1001", callout: "break", agent: "7", login: false, mode: "not-ready" },
];

/** How a connection ends at one of its commands. */
const interruptions = {
  "closed instead of the answer": (peer: RawPeer) => peer.fin(),
  "closed behind the answer": (peer: RawPeer, answer: string) => (peer.write(answer), peer.fin()),
  "broken off behind the answer": (peer: RawPeer, answer: string) => (peer.write(answer), peer.rst()),
  "stopped": (_peer: RawPeer, _answer: string, stop: AbortController) => stop.abort(),
  "stopped behind the answer": (peer: RawPeer, answer: string, stop: AbortController) => (peer.write(answer), stop.abort()),
};

const leg = { "Unique-ID": "A", "Channel-Presence-ID": "1001@pbx", "Answer-State": "answered", "Call-Direction": "outbound" };

/** A dial succeeds at once; an unreadable event follows the list of channels, so that everything is queried again. */
function answerTo(command: string): string {
  if (command === "api show channels as json") {
    return response('{"rows":[{"uuid":"A","presence_id":"1001@pbx"}]}') + event("no JSON");
  }
  if (command.startsWith("api uuid_dump")) return response(JSON.stringify(leg));
  if (command.startsWith("api sofia_contact")) return response("sofia/internal/sip:1001@10.0.0.9:5060");
  if (command.startsWith("api callcenter_config")) return response(command.includes("list") ? "name|contact|status\n+OK" : "+OK");
  const [, job] = /^bgapi[^]*Job-UUID: (\S+)/.exec(command) ?? [];
  const report = { "Event-Name": "BACKGROUND_JOB", "Job-UUID": job, _body: "+OK B" };
  return obliging(command) + (job === undefined ? "" : event(JSON.stringify(report)));
}

/** Runs a line until this command of it is interrupted, or else until it waits for the next snapshot. */
async function run(at: number, interrupt: typeof interruptions[keyof typeof interruptions]) {
  let count = 0;
  const stop = new AbortController();
  await using peer = await RawPeer.listen((command) => {
    const answer = answerTo(command);
    if (count++ === at) interrupt(peer, answer, stop);
    return count <= at ? answer : undefined;
  });
  const timers = new FakeTimers();
  const line = lineTo(peer.port, timers, { acd: {} });
  void timers.due(secondSnapshotAfter).then(() => timers.due(minPauseMs)).then(() => count <= at && stop.abort());
  const heard: string[] = [];
  for await (const { type } of line.events(stop.signal, () => [{ desk: "1001", leg: "A" }])) {
    heard.push(type);
    if (type === "link-up") commands.forEach((command) => line.execute(command));
    if (type === "link-down") stop.abort();
  }
  return { isInterrupted: count > at, heard, timers: timers.pending };
}

test.each(Object.entries(interruptions))("at each of its commands, a connection is %s", async (how, interrupt) => {
  let isInterrupted = true;
  let at = 0;
  while (isInterrupted) {
    const { heard, timers, ...outcome } = await run(at++, interrupt);
    isInterrupted = outcome.isInterrupted;
    expect({ at, timers }).toEqual({ at, timers: [] });
    if (!isInterrupted || how.startsWith("stopped")) continue;
    const results = heard.filter((type) => type === "result").length;
    const expected = { results: heard.includes("link-up") ? 3 : 0, last: "link-down" };
    expect({ at, results, last: heard.at(-1) }).toEqual({ at, ...expected });
  }
  expect(at).toBeGreaterThan(30);
});
