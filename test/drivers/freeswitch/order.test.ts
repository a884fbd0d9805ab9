/**
 * One inbox: a dial has exactly one result, in its order on the wire among the events of its legs, and before the loss
 * of the link. Every order that the wire allows is tried, with a cut of the link at each place in it.
 */
import { describe, expect, test } from "bun:test";
import type { DialCommand, LineEvent } from "../../../src/core/line.ts";
import { type Answer, event as eventOf, lineTo, obliging, RawPeer, reply, response } from "../../support/freeswitch/rawpeer.ts";
import { FakeTimers } from "../../support/timers.ts";

/** What the switch sends after a dial command, each stream in order: the events of each leg, the reply, the report of the job. */
const streams = [["A rings", "A is over"], ["B is over"], ["reply"], ["report"]];

/** All merges of the streams, and what remains of them when the link is cut. */
function cuts(rest: readonly (readonly string[])[] = streams, before: readonly string[] = []): string[][] {
  const further = rest.flatMap(([next, ...more], index) =>
    next === undefined ? [] : cuts(rest.map((stream, place) => place === index ? more : stream), [...before, next])
  );
  return [[...before], ...further];
}

const command: DialCommand = { type: "dial", desk: "1001", call: "call-1", number: "914155550123" };
const outcomes = { "-ERR USER_BUSY": "failed USER_BUSY", "+OK A": "done" };
const marker = "M rings";

/** What is sent for a step. */
function bytes(step: string, job: string, report: string): string {
  if (step === "reply") return reply("+OK Job-UUID: " + job);
  if (step === "report") {
    return eventOf(JSON.stringify({ "Event-Name": "BACKGROUND_JOB", "Job-UUID": job, _body: `${report}\n` }));
  }
  const [leg = "", ...words] = step.split(" ");
  return eventOf(JSON.stringify({
    "Event-Name": words.includes("rings") ? "CHANNEL_PROGRESS" : "CHANNEL_HANGUP",
    "Unique-ID": leg,
    "Channel-Presence-ID": "1001@pbx",
    "Channel-Name": "sofia/internal/1001@10.0.0.9:5060",
    "Call-Direction": "outbound",
    "Answer-State": words.includes("rings") ? "ringing" : "hangup",
    "Hangup-Cause": "USER_BUSY",
    variable_telesetd_call: leg === "M" ? "" : command.call,
  }));
}

/** An event in short; empty for those that do not matter for the order. */
function shown(event: LineEvent): string[] {
  switch (event.type) {
    case "leg":
      return [`${event.facts.leg} ${event.facts.ended ? "is over" : "rings"}`];
    case "result":
      return [event.result.outcome + (event.result.outcome === "failed" ? ` ${event.result.cause}` : "")];
    case "link-down":
      return ["link-down"];
    default:
      return [];
  }
}

/** The driver's reports, up to the loss of the link, when the switch sends these steps after a dial command and then closes. */
async function reported(steps: readonly string[], report: string, how: "FIN" | "RST"): Promise<string[]> {
  let job = "";
  const answer: Answer = (text) => {
    if (text.startsWith("bgapi")) {
      job = /Job-UUID: (\S+)/.exec(text)?.[1] ?? "";
      const wire = steps.map((step) => bytes(step, job, report));
      // In one chunk, followed by the end of the stream; or one by one, all processed before the break.
      if (how === "RST") [...wire, bytes(marker, job, report)].forEach((part) => peer.write(part));
      else if (wire.length > 0) peer.write(wire.join(""));
      if (how === "FIN") peer.fin();
      return undefined;
    }
    if (text === "api show channels as json") return response('{"row_count":0}');
    return text.startsWith("api sofia_contact") ? response("sofia/internal/sip:1001@10.0.0.9:5060") : obliging(text);
  };
  await using peer = await RawPeer.listen(answer);
  // Time stands still, so that it never reconnects.
  const line = lineTo(peer.port, new FakeTimers());
  const heard: string[] = [];
  const stop = new AbortController();
  for await (const event of line.events(stop.signal, () => [])) {
    if (event.type === "phone" && job === "" && heard.length === 0) line.execute(command);
    heard.push(...shown(event));
    if (heard.at(-1) === marker) peer.rst();
    if (event.type === "link-down") stop.abort();
  }
  return heard;
}

describe.each(Object.entries(outcomes))("a dial whose job reports %j, in every order", (report, outcome) => {
  const cases = cuts();

  test.each(["FIN", "RST"] as const)("the link is cut at each place by %s", async (how) => {
    expect(cases.length).toBeGreaterThan(150);
    for (const steps of cases) {
      const events = steps.filter((step) => step !== "reply").map((step) => step === "report" ? outcome : step);
      const isKnown = steps.includes("report");
      const expected = [...events, ...(how === "RST" ? [marker] : []), ...(isKnown ? [] : ["unknown"]), "link-down"];
      expect({ steps, reported: await reported(steps, report, how) }).toEqual({ steps, reported: expected });
    }
  });
});

test("an agent's state that changes right after the answer to our command is reported after the command's result", async () => {
  const ours = { type: "agent", desk: "1001", callout: "r1", agent: "7", login: false, mode: "ready" } as const;
  const change = { "Event-Name": "CUSTOM", "Event-Subclass": "callcenter::info", "CC-Action": "agent-status-change" };
  const event = (status: string) => eventOf(JSON.stringify({ ...change, "CC-Agent": "1001@pbx", "CC-Agent-Status": status }));
  await using peer = await RawPeer.listen((text) => {
    if (text === "api show channels as json") return response('{"row_count":0}');
    if (text.startsWith("api callcenter_config agent list")) {
      return response("name|contact|status\n1001@pbx|user/1001|On Break\n+OK");
    }
    // The last step: the echo of the first, the answer, and what a supervisor does, in one chunk.
    if (text.includes("set state")) return event("Available") + response("+OK\n") + event("On Break");
    return text.startsWith("api callcenter_config") ? response("+OK\n") : obliging(text);
  });
  const line = lineTo(peer.port, new FakeTimers(), { acd: {}, acdAgent: "{extension}@pbx" });
  const heard: string[] = [];
  const stop = new AbortController();
  for await (const event of line.events(stop.signal, () => [])) {
    if (event.type === "acd-reset") line.execute(ours);
    if (event.type === "result") heard.push(event.result.outcome);
    if (event.type === "agent") heard.push(event.mode);
    if (heard.length === 2) stop.abort();
  }
  expect(heard).toEqual(["done", "not-ready"]);
});
