/** Who is at the other end of a leg, from what was read of its channel. Pure. */
import type { LegFacts, Party } from "../../src/core/line.ts";
import { callOfDial, type Leg } from "./leg.ts";
import { isWithheld, type Reading } from "./reading.ts";
import { isOutside, isRelay, isUnreal, type Site } from "./site.ts";

/**
 * The caller of a leg to the desk. The master, which has begun the call, is the caller's own channel if it has the number that is
 * shown: a colleague who consults with a feature code calls on a channel whose master is the customer's.
 */
export function callerOf(site: Site, leg: Leg, reading: Reading, exten: string): Partial<LegFacts> {
  const { number, presentation, name, linkedId, masterOriginal, masterDialled, masterFromDid } = reading;
  const isOwn = isMasterCaller(leg, reading);
  const withheld = isWithheld(presentation, name) ||
    (isOwn && isWithheld(reading.masterPresentation, reading.masterCallerName));
  const isRouted = masterFromDid !== "" && !isRelay(reading.masterName);
  const outside = !isOwn ? undefined : isRouted || isOutside(site, reading.masterName, reading.masterContext);
  // A ring group may show its own short number; a long one is what the dialplan has made of the caller's.
  const hasOther = isOwn && masterOriginal !== "" && masterOriginal !== number && digitsIn(number) <= 6 &&
    !isRelay(reading.masterName);
  const caller: Party = {
    identity: number,
    ...(hasOther ? { original: masterOriginal } : {}),
    ...(outside === undefined ? {} : { outside }),
    ...(withheld ? { withheld } : {}),
  };
  const dialled = (isOwn ? masterFromDid || masterDialled : "") || (/^[0-9*#+]+$/.test(exten) ? exten : "");
  return {
    caller,
    ...(dialled === "" ? {} : { callerDialled: dialled }),
    ...(linkedId === "" || linkedId === leg.id || linkedId.length > 60 ? {} : { farLeg: linkedId }),
    ...(isOwn && reading.masterApp === "Queue" ? { queue: true } : {}),
  };
}

/** Whether the master is another, living channel with the number that the phone shows. */
function isMasterCaller(leg: Leg, { number, linkedId, masterId, masterNumber, masterOriginal }: Reading): boolean {
  if (linkedId === "" || linkedId === leg.id || masterId !== linkedId) return false;
  return number === "" || number === masterNumber || number === masterOriginal;
}

/**
 * The party that an answered leg is connected with; undefined if it is nobody, or one that the leg itself has dialled. The
 * partner's own channel has its number: what the leg shows may be that of a party before.
 */
export function partnerOf(site: Site, leg: Leg, reading: Reading): Partial<LegFacts> | undefined {
  const { bridgePeer, peerId, peerNumber, number } = reading;
  if (bridgePeer === "" || bridgePeer.includes(",")) return undefined;
  if (leg.peers.has(bridgePeer)) return {};
  const called = peerId !== "" && reading.peerCameIn === "" && site.technology === "PJSIP";
  const farLeg = peerId !== "" && peerId.length <= 60 ? { farLeg: peerId } : {};
  // The phone's own dial has rung it through the dialplan: the far end has not answered yet.
  if (isRelay(bridgePeer) && leg.call !== undefined && !leg.farAnswered) return undefined;
  if (isRelay(bridgePeer)) return { ...farLeg, relay: true };
  if (isUnreal(bridgePeer)) return undefined;
  // A partner who was called, on the channel that has begun everything: after a restart it is not known whom the leg has dialled.
  const dials = leg.direction === "from-desk" || leg.call !== undefined;
  const hasBegun = reading.linkedId === leg.id || (leg.call !== undefined && callOfDial(reading.linkedId) === leg.call);
  const dialledByLeg = dials && leg.peers.size === 0 && called && hasBegun;
  const outside = isOutside(site, bridgePeer, reading.peerContext);
  const withheld = isWithheld(reading.presentation, reading.name) || isWithheld(reading.peerPresentation, reading.peerName);
  const partner: Party = {
    identity: digitsIn(peerNumber) > 6 ? peerNumber : number || peerNumber,
    ...(outside === undefined ? {} : { outside }),
    dialledByLeg,
    ...(called && !dialledByLeg ? { called } : {}),
    ...(withheld ? { withheld } : {}),
  };
  return { ...farLeg, partner };
}

function digitsIn(number: string): number {
  return number.replace(/\D/g, "").length;
}
