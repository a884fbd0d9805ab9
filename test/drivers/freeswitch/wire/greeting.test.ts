/** A port without an event socket: the driver reports it while it still waits, the log once it has stopped waiting. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { lineTo, listeningLog, RawPeer } from "../../../support/freeswitch/rawpeer.ts";
import { shortestPause } from "../../../../src/platform/backoff.ts";
import { greetingPatience } from "../../../../drivers/freeswitch/wire/link.ts";
import { FakeTimers } from "../../../support/timers.ts";

setDefaultTimeout(60_000);

test("a peer that sends nothing (a SIP port): the reason is reported after a second, and logged once, at the deadline", async () => {
  await using peer = await RawPeer.listen(undefined, "");
  const { log, lines } = listeningLog();
  const timers = new FakeTimers();
  timers.chance = 0;
  const line = lineTo(peer.port, timers, { connectSeconds: 1.3 }, log);
  const twoAttempts = async () => {
    for (let attempt = 0; attempt < 2; attempt++) {
      await peer.until(() => peer.connected);
      await timers.pass(greetingPatience);
      await timers.pass(1300 - greetingPatience);
      timers.advance(1);
      await timers.pass(shortestPause);
    }
  };
  void twoAttempts();
  const stop = new AbortController();
  const why =
    `127.0.0.1:${peer.port} accepts the connection but sends nothing: is that FreeSWITCH's event socket? Check line.port`;
  const warned = () => lines.filter((text) => text.includes("No connection to FreeSWITCH")).length;
  const seen: number[] = [];
  const command = { type: "dial", desk: "1001", call: "c", number: "1" } as const;
  const refused = { outcome: "failed", why: `Cannot dial: the connection to the phone system is down (${why}).` };
  for await (const event of line.events(stop.signal, () => [])) {
    if (event.type === "result") {
      expect(event).toMatchObject({ command, result: refused });
      continue;
    }
    expect(event).toEqual({ type: "link-down", why });
    line.execute(command);
    if (seen.push(warned()) === 4) stop.abort();
  }
  // Two attempts: each is reported when it takes long and when it has failed; the log has it from the first failure on.
  expect(seen).toEqual([0, 1, 1, 1]);
});
