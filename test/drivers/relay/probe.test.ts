/** The doctor's hops of a box behind a relay: each failure is found at its own hop, with what to do. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { parse } from "valibot";
import { relayConfig } from "../../../drivers/relay/config.ts";
import { relay as driver } from "../../../drivers/relay/mod.ts";
import { openLog } from "../../../src/log/log.ts";
import { systemTimers } from "../../../src/platform/timers.ts";
import { LineListener } from "../../support/line-listener.ts";
import { TestFleet } from "../../support/fleet.ts";
import { ownFolder } from "../../support/folder.ts";
import { noNats } from "../../support/nats.ts";
import { RelayRig } from "../../support/relay-rig.ts";
import { fasterTimers } from "../../support/timers.ts";
import { until } from "../../support/until.ts";

setDefaultTimeout(60_000);

const log = openLog(() => {}, "error", false);

async function hops(settings: object, desk = "1001", timers = systemTimers) {
  const context = { desks: [{ extension: desk, aliases: [] }], variables: [], log, timers, directory: false };
  const found = await Array.fromAsync(
    driver.probe(parse(relayConfig, { driver: "relay", ...settings }), context, new AbortController().signal),
  );
  return found.map(({ name, verdict, message, suspect }) =>
    `${name} ${verdict}: ${message}${suspect ? ` ${JSON.stringify(suspect)}` : ""}`
  );
}

describe.skipIf(noNats !== "")(`the doctor${noNats}`, () => {
  const folder = ownFolder();
  let rig: RelayRig;
  let fleet: TestFleet;

  beforeAll(async () => {
    [rig, fleet] = await Promise.all([RelayRig.start(folder), TestFleet.make(`${folder}/fleet`)]);
    await fleet.add("1001");
    await fleet.add("1002");
    await fleet.server.start();
  });
  afterAll(async () => {
    await Promise.all([rig[Symbol.asyncDispose](), fleet.server.kill()]);
  });

  test("all is well, but for the missing encryption; then the switch is lost; then the relay", async () => {
    const { relay, stop } = await rig.relay();
    await until("the phone is not known", () => relay.feed("1001")?.phone);
    expect(await hops({ servers: [rig.url] })).toEqual([
      expect.stringMatching(/^broker warning: .* not encrypted\.$/),
      "broker login good: The broker accepts the credentials.",
      "relay of 1001 good: The relay a serves desk 1001.",
      expect.stringMatching(/^switch of 1001 good: The relay a is connected to the switch at 127\.0\.0\.1:\d+\.$/),
      "phone 1001 good: Phone 1001 is registered.",
    ]);
    rig.sim.phones.unregister("1001");
    await until("the phone is still registered", () => relay.feed("1001")?.phone?.registered === false);
    expect((await hops({ servers: [rig.url] })).at(-1)).toBe(
      'phone 1001 failed: Phone 1001 is not registered. {"extension":"1001"}',
    );
    rig.sim.server.refuse();
    rig.sim.cut("rst");
    await until("the switch is still there", () => !relay.switch.up);
    expect((await hops({ servers: [rig.url] })).slice(-2)).toEqual([
      expect.stringMatching(/^switch of 1001 failed: The relay a has no connection to the switch: /),
      "phone 1001 skipped: Not tried: the relay has no connection to the switch.",
    ]);
    expect((await hops({ servers: [rig.url] }, "1009")).at(2)).toBe(
      "relay of 1009 failed: The relay a does not serve desk 1009: add it to relay.desks.",
    );
    await stop();
    expect((await hops({ servers: [rig.url] })).at(2)).toBe("relay of 1001 failed: No relay is connected to the broker.");
  });

  const settings = (credentials: string, ca = fleet.authority) => ({
    servers: [`tls://127.0.0.1:${fleet.port}`],
    ca,
    credentials,
  });

  test("the credentials of another desk", async () => {
    const found = await hops(settings(fleet.credentials("1002")), "1001", fasterTimers(10));
    expect(found.slice(0, 2)).toEqual([
      expect.stringMatching(/^broker good: .*, with a trusted certificate\.$/),
      "broker login good: The broker accepts the credentials.",
    ]);
    expect(found[2]).toMatch(/^relay of 1001 failed: The credentials are not those of desk 1001: .*"key":"credentials"/);
    expect(found.join()).not.toContain("SU");
  });

  test("the credentials of another desk: the line names them, too", async () => {
    const config = parse(relayConfig, { driver: "relay", ...settings(fleet.credentials("1002")) });
    const context = { desks: [{ extension: "1001", aliases: [] }], variables: [], log, timers: systemTimers };
    const listener = new LineListener(driver.open(config, context));
    const { why } = await listener.next("link-down");
    expect(why).toBe(
      "the broker refuses desk 1001: are line.credentials those of this desk, and line.prefix the relay's?",
    );
    listener.stop();
    await listener.ended;
  });

  test("credentials that are refused, another certificate, a file that is missing, a server that is not there", async () => {
    expect(await hops(settings("1001:secret"))).toEqual([
      "broker good: The broker answers.",
      expect.stringMatching(/^broker login failed: The broker at .* refuses the login.*"key":"credentials"/),
      expect.stringMatching(/^relay of 1001 skipped/),
      expect.stringMatching(/^switch of 1001 skipped/),
      expect.stringMatching(/^phone 1001 skipped/),
    ]);
    expect((await hops(settings(fleet.credentials("1001"), "x")))[0]).toMatch(/^broker failed: .*"key":"ca"/);
    expect((await hops(settings("/nowhere/1001.creds")))[0]).toMatch(
      /^broker failed: Cannot read the file of line\.credentials: /,
    );
    expect((await hops({ servers: ["nats://127.0.0.1:1"] }))[0]).toMatch(
      /^broker failed: Nothing listens on 127\.0\.0\.1:1.*"servers"/,
    );
  });
});
