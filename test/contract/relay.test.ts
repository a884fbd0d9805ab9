/** The driver of a box behind a relay keeps the contract: over a real nats-server, with FreeSWITCH or Asterisk behind it. */
import { describe } from "bun:test";
import { parse } from "valibot";
import { asteriskConfig } from "../../drivers/asterisk/config.ts";
import { asterisk } from "../../drivers/asterisk/mod.ts";
import { Asterisk } from "../../simulator/asterisk/mod.ts";
import { asteriskPeer } from "../support/asterisk/peer.ts";
import { ownFolder } from "../support/folder.ts";
import { noNats } from "../support/nats.ts";
import { quietPort } from "../support/ports.ts";
import { RelayRig } from "../support/relay-rig.ts";
import { until } from "../support/until.ts";
import { simulatorPeer } from "../support/simulator-peer.ts";
import { contractOf, type Subject } from "./line.ts";

const folder = ownFolder();

describe.skipIf(noNats !== "")(`with nats-server${noNats}`, () => {
  contractOf({ name: "relay, which loses the switch", open: () => subject("switch") });
  contractOf({ name: "relay to Asterisk, which loses the switch", open: behindAsterisk });
  contractOf({ name: "relay, over a broker that is killed", open: () => subject("broker"), recalls: true });
});

/** @param lost what the tests lose. */
async function subject(lost: "switch" | "broker"): Promise<Subject> {
  const rig = await RelayRig.start(folder);
  const { relay } = await rig.relay();
  await until("the relay has no switch", () => relay.switch.up);
  const broker = {
    goes: () => void rig.server.kill(),
    comesBack: () => rig.server.start(),
  };
  const peer = simulatorPeer(rig.sim, () => rig.sim.server.listen());
  return {
    line: rig.line(),
    peer: {
      ...peer,
      ...(lost === "broker" ? broker : {}),
      idle: async () => void await until("a box is connected", async () => await rig.boxes().catch(() => 0) === 0),
    },
    [Symbol.asyncDispose]: () => rig[Symbol.asyncDispose](),
  };
}

/** A relay that has Asterisk instead of FreeSWITCH behind it. */
async function behindAsterisk(): Promise<Subject> {
  const pbx = new Asterisk({ port: await quietPort() });
  await pbx.server.listen();
  const settings = parse(asteriskConfig, { driver: "asterisk", port: pbx.server.port, user: "relay", password: "s3cret" });
  const rig = await RelayRig.start(folder, { lineOf: (context) => asterisk.open(settings, context) });
  const { relay } = await rig.relay();
  await until("the relay has no switch", () => relay.switch.up);
  return {
    line: rig.line(),
    peer: {
      ...asteriskPeer(pbx, () => pbx.server.listen()),
      idle: async () => void await until("a box is connected", async () => await rig.boxes().catch(() => 0) === 0),
    },
    [Symbol.asyncDispose]: async () => {
      await rig[Symbol.asyncDispose]();
      pbx.server.stop();
    },
  };
}
