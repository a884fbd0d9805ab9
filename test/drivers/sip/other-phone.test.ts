/** A switch that answers a subscription with the state of another phone. */
import { expect, test } from "bun:test";
import { SipPbx } from "../../../simulator/drachtio/mod.ts";
import { sipConfig } from "../../../drivers/sip/config.ts";
import { sip } from "../../../drivers/sip/mod.ts";
import { openLog } from "../../../src/log/log.ts";
import { systemTimers } from "../../../src/platform/timers.ts";

class Mistaken extends SipPbx {
  override document(...args: Parameters<SipPbx["document"]>): string {
    return super.document(...args).replace(/entity="[^"]*"/, 'entity="sip:1002@pbx"');
  }
}

test("it is in the log, and the desk is down with the reason", async () => {
  const pbx = new Mistaken();
  await pbx.server.listen();
  const lines: string[] = [];
  const log = openLog((line) => lines.push(line), "warning", false);
  const settings = sipConfig.parse({
    driver: "sip",
    port: pbx.server.port,
    domain: "pbx",
    user: "1009",
    password: "s3cret",
    answerSeconds: 1,
  });
  const line = sip.open(settings, { desks: [{ extension: "1001", aliases: [] }], variables: [], log, timers: systemTimers });
  const stop = new AbortController();
  try {
    for await (const event of line.events(stop.signal, () => [])) {
      expect(event).toEqual({
        type: "link-down",
        why: expect.stringMatching(/accepted the subscription to phone 1001, but sends no NOTIFY/),
      });
      break;
    }
  } finally {
    stop.abort();
    pbx.server.stop();
  }
  expect(lines.join("\n")).toMatch(/A document about the state of phones was dropped.*1002/);
}, 60_000);
