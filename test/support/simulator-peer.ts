/** The simulated FreeSWITCH as the peer of the contract. */
import { InboundCall, KeypadCall, type Simulator } from "../../simulator/freeswitch/mod.ts";
import type { Peer } from "../contract/line.ts";

/** @param comesBack lets the link come back. */
export function simulatorPeer(sim: Simulator, comesBack: () => Promise<void>): Peer {
  const calls = new Map<string, InboundCall | KeypadCall>();
  const inbound = (leg: string) => find(calls.get(leg), InboundCall);
  const note = <C extends InboundCall | KeypadCall>(call: C): string => {
    calls.set(call.uuid, call);
    return call.uuid;
  };
  return {
    rings: async (from, to = "1001") => note(await sim.inbound({ from, to })),
    answers: (leg) => inbound(leg).answer(),
    callerHangsUp: (leg) => inbound(leg).callerHangsUp(),
    holds: (leg, held) => held ? inbound(leg).hold() : inbound(leg).retrieve(),
    keypad: async (number) => {
      const call = await sim.keypad({ extension: "1001", number });
      await call.farRings();
      return note(call);
    },
    farAnswers: (leg) => find(calls.get(leg), KeypadCall).farAnswers(),
    registers: (registered) => registered ? sim.phones.register("1001") : sim.phones.unregister("1001"),
    handset: (does) => sim.handsetDoes = does === "declines" ? { does: "rejects" } : { does },
    nextDial: async () => void await sim.nextDialled(),
    dials: () => sim.dialled.length,
    goes: () => {
      sim.server.refuse();
      sim.cut("rst");
    },
    comesBack,
    idle: () => sim.server.until(({ connections }) => connections.length === 0),
  };
}

function find<C>(call: unknown, kind: new (...args: never[]) => C): C {
  if (call instanceof kind) return call;
  throw new Error(`Cannot find the ${kind.name} that the test speaks of`);
}
