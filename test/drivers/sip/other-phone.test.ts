/** A switch that answers a subscription with the state of another phone. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { SipPbx } from "../../../simulator/drachtio/mod.ts";
import { Rig } from "../../support/sip/rig.ts";

setDefaultTimeout(60_000);

class Mistaken extends SipPbx {
  override document(...args: Parameters<SipPbx["document"]>): string {
    return super.document(...args).replace(/entity="[^"]*"/, 'entity="sip:1002@pbx"');
  }
}

test("it is in the log, and the desk is down with the reason", async () => {
  await using rig = await Rig.open({ at: new Mistaken(), timeFlows: true });
  expect((await rig.next("link-down")).why).toMatch(/accepted the subscription to phone 1001, but sends no NOTIFY/);
  expect(rig.lines.join("\n")).toMatch(/A document about the state of phones was dropped.*1002/);
});
