/** The driver of a box behind a relay keeps the contract: over a real nats-server, with FreeSWITCH behind the relay. */
import { describe } from "bun:test";
import { ownFolder } from "../support/folder.ts";
import { noNats } from "../support/nats.ts";
import { RelayRig } from "../support/relay-rig.ts";
import { until } from "../support/until.ts";
import { simulatorPeer } from "../support/simulator-peer.ts";
import { contractOf, type Subject } from "./line.ts";

const folder = ownFolder();

describe.skipIf(noNats !== "")(`with nats-server${noNats}`, () => {
  contractOf({ name: "relay, which loses the switch", open: () => subject("switch") });
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
