/** The scripted Asterisk as the peer of the contract. */
import { type Asterisk, type FarLeg, InboundCall, keypad, Originator } from "../../../simulator/asterisk/mod.ts";
import type { Peer } from "../../contract/line.ts";

/** @param comesBack lets the link come back. */
export function asteriskPeer(pbx: Asterisk, comesBack: () => Promise<void>): Peer {
  const originator = new Originator(pbx);
  const inbound = new Map<string, InboundCall>();
  const outbound = new Map<string, FarLeg>();
  const does = (what: () => void) => Promise.resolve(what());
  return {
    rings: (from, to = "1001") => {
      const call = new InboundCall(pbx, { from, to });
      inbound.set(call.id, call);
      return Promise.resolve(call.id);
    },
    answers: (leg) => does(() => find(inbound, leg).answer()),
    callerHangsUp: (leg) => does(() => find(inbound, leg).callerHangsUp()),
    holds: (leg, held) => does(() => held ? find(inbound, leg).hold() : find(inbound, leg).retrieve()),
    keypad: (number) => {
      const call = keypad(pbx, number);
      call.rings();
      outbound.set(call.phone.id, call);
      return Promise.resolve(call.phone.id);
    },
    farAnswers: (leg) => does(() => find(outbound, leg).answer()),
    registers: (registered) => pbx.registers("PJSIP/1001", registered),
    handset: (does) => originator.handset = does,
    nextDial: () => pbx.server.until(() => originator.dials.length > 0),
    dials: () => originator.dials.length,
    goes: () => pbx.server.stop(),
    comesBack,
    idle: () => pbx.server.until(() => pbx.server.sockets.size === 0),
  };
}

function find<C>(calls: ReadonlyMap<string, C>, leg: string): C {
  const call = calls.get(leg);
  if (call === undefined) throw new Error(`Cannot find the call ${leg} that the test speaks of`);
  return call;
}
