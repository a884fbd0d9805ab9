/** Every driver keeps the contract of the line. A new driver gets a subject here. */
import { blueprint, blueprintConfig } from "../../drivers/blueprint.ts";
import { parse } from "valibot";
import { freeswitchConfig } from "../../drivers/freeswitch/config.ts";
import { freeswitch } from "../../drivers/freeswitch/mod.ts";
import { asteriskConfig } from "../../drivers/asterisk/config.ts";
import { asterisk } from "../../drivers/asterisk/mod.ts";
import { Asterisk } from "../../simulator/asterisk/mod.ts";
import { SipPbx } from "../../simulator/drachtio/mod.ts";
import { Simulator } from "../../simulator/freeswitch/mod.ts";
import { sipConfig } from "../../drivers/sip/config.ts";
import { sip } from "../../drivers/sip/mod.ts";
import { openLog } from "../../src/log/log.ts";
import { contractOf, type Peer, type Subject } from "./line.ts";
import { asteriskPeer } from "../support/asterisk/peer.ts";
import { simulatorPeer } from "../support/simulator-peer.ts";
import { MemoryWire } from "../support/memorywire.ts";
import { systemTimers } from "../../src/platform/timers.ts";
import { shortestPause } from "../../src/platform/backoff.ts";
import { quietPort } from "../support/ports.ts";
import { FakeTimers } from "../support/timers.ts";

const context = { desks: [{ extension: "1001", aliases: [] }], variables: [], log: openLog(() => {}, "error", false) };

/** A clock that stands still, except for the pauses before the driver reconnects, which are as short as possible. */
function standingStill(): FakeTimers {
  const timers = new FakeTimers();
  timers.chance = 0;
  return timers;
}

contractOf({ name: "freeswitch, against the simulated switch over TCP", open: freeswitchSubject });
contractOf({ name: "asterisk, against a scripted Asterisk over HTTP and a websocket", open: asteriskSubject });
contractOf({
  name: "sip, against a scripted drachtio-server with a small switch over TCP",
  open: sipSubject,
  cannot: { registration: "a dialog subscription (RFC 4235) does not tell whether the phone is registered" },
});
contractOf({ name: "blueprint, against a switch in memory", open: blueprintSubject });

async function freeswitchSubject(): Promise<Subject> {
  const sim = new Simulator({ port: await quietPort() });
  const timers = standingStill();
  await sim.start();
  const settings = parse(freeswitchConfig, { driver: "freeswitch", port: sim.port, password: "ClueCon", domain: "127.0.0.1" });
  return {
    line: freeswitch.open(settings, { ...context, timers }),
    peer: simulatorPeer(sim, async () => {
      await sim.server.listen();
      await timers.pass(shortestPause);
    }),
    [Symbol.asyncDispose]: async () => await Promise.resolve(sim.stop()),
  };
}

async function asteriskSubject(): Promise<Subject> {
  const pbx = new Asterisk({ port: await quietPort(), user: "telesetd" });
  const timers = standingStill();
  await pbx.server.listen();
  const settings = parse(asteriskConfig, { driver: "asterisk", port: pbx.server.port, user: "telesetd", password: "s3cret" });
  return {
    line: asterisk.open(settings, { ...context, timers }),
    peer: asteriskPeer(pbx, async () => {
      await pbx.server.listen();
      await timers.pass(shortestPause);
    }),
    [Symbol.asyncDispose]: async () => await Promise.resolve(pbx.server.stop()),
  };
}

async function sipSubject(): Promise<Subject> {
  const pbx = new SipPbx();
  await pbx.server.listen();
  const settings = parse(sipConfig, { driver: "sip", port: pbx.server.port, domain: "pbx", user: "1009", password: "s3cret" });
  return {
    line: sip.open(settings, { ...context, timers: systemTimers }),
    peer: sipPeer(pbx),
    [Symbol.asyncDispose]: async () => await Promise.resolve(pbx.server.stop()),
  };
}

function sipPeer(pbx: SipPbx): Peer {
  return {
    rings: (from, to = "1001") => Promise.resolve(pbx.rings(from, to).id),
    answers: (leg) => Promise.resolve(pbx.change(leg, { state: "confirmed" })),
    callerHangsUp: (leg) => Promise.resolve(pbx.change(leg, { state: "terminated" })),
    holds: (leg, held) => Promise.resolve(pbx.change(leg, { held })),
    keypad: (number) => Promise.resolve(pbx.dialsOut(number).id),
    farAnswers: (leg) => Promise.resolve(pbx.change(leg, { state: "confirmed" })),
    registers: () => {
      throw new Error("Cannot register a phone: the contract does not ask for it");
    },
    handset: (does) => pbx.handset = does,
    nextDial: () => pbx.server.until(() => pbx.dials() > 0),
    dials: () => pbx.dials(),
    goes: () => pbx.kill(),
    comesBack: () => pbx.server.listen(),
    idle: () => pbx.server.until(() => pbx.server.clients.size === 0),
  };
}

function blueprintSubject(): Promise<Subject> {
  const timers = standingStill();
  const wire = new MemoryWire(timers);
  const settings = parse(blueprintConfig, { driver: "blueprint" });
  const line = blueprint(wire).open(settings, { ...context, timers });
  return Promise.resolve({ line, peer: wire, [Symbol.asyncDispose]: async () => await Promise.resolve(wire.goes()) });
}
