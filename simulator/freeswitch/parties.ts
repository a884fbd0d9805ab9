/** Creates the legs of callers, handsets and outside lines, with the names and labels of a live switch. */
import { Channel, type OtherLeg, type Profile } from "./channel.ts";
import type { HeaderValue } from "./events.ts";
import type { Switch } from "./switch.ts";

/** A phone of the site. */
export interface Handset {
  readonly extension: string;
  readonly domain: string;
  /** `1001-0x55cdefd68f40@127.0.0.1:5110` */
  readonly contact: string;
}

/** The caller number shown on outside calls. */
const outsideNumber = "18005550100";

/** The address of the trunk. */
const trunk = "127.0.0.1:5090";

/** The leg of an outside caller. */
export function outsideCaller(sw: Switch, from: string, dialled: string): Channel {
  return new Channel({
    uuid: crypto.randomUUID(),
    name: `sofia/external/${from}@${trunk}`,
    direction: "inbound",
    profile: { ...caller(from, dialled), context: "public" },
    variables: { sofia_profile_name: "external" },
    created: sw.now(),
  });
}

/** The leg of a dialling handset. */
export function dialler(sw: Switch, handset: Handset, dialled: string): Channel {
  const { extension, domain } = handset;
  return new Channel({
    uuid: crypto.randomUUID(),
    name: `sofia/internal/${extension}@${domain}`,
    direction: "inbound",
    profile: { ...caller(extension, dialled), callerName: `Extension ${extension}` },
    presenceId: `${extension}@${domain}`,
    variables: { accountcode: extension, sofia_profile_name: "internal" },
    created: sw.now(),
  });
}

function caller(from: string, dialled: string): Profile {
  return {
    username: from,
    callerName: from,
    callerNumber: from,
    origNumber: from,
    ani: from,
    destination: dialled,
    source: "mod_sofia",
    context: "default",
    index: 1,
  };
}

export interface RingOptions {
  readonly uuid?: string | undefined;
  /** Shown as the caller, instead of the originator's. */
  readonly callerNumber?: string | undefined;
  readonly variables?: Readonly<Record<string, HeaderValue>>;
}

/** The leg of a called handset, called by another leg or, without one, by the switch. */
export function calledHandset(sw: Switch, handset: Handset, by: Channel | undefined, options: RingOptions = {}): Channel {
  const { extension, domain, contact } = handset;
  const user = contact.split("@")[0] ?? extension;
  return new Channel({
    uuid: options.uuid ?? crypto.randomUUID(),
    name: `sofia/internal/${contact}`,
    direction: "outbound",
    profile: called(by, user, options.callerNumber),
    presenceId: `${extension}@${domain}`,
    other: by?.seenAs("originator"),
    callUuid: by?.callUuid,
    variables: {
      sip_profile_name: "internal",
      ...bonds(by),
      dialed_user: extension,
      dialed_domain: domain,
      sofia_profile_name: "internal",
      ...options.variables,
    },
    created: sw.now(),
  });
}

/** The leg to an outside party called by a handset. */
export function outsideCallee(sw: Switch, number: string, by: Channel): Channel {
  return new Channel({
    uuid: crypto.randomUUID(),
    name: `sofia/external/${number}@${trunk}`,
    direction: "outbound",
    profile: called(by, number, outsideNumber),
    other: by.seenAs("originator"),
    callUuid: by.callUuid,
    variables: { sip_profile_name: "external", ...bonds(by), sofia_profile_name: "external" },
    created: sw.now(),
  });
}

function called(by: Channel | undefined, callee: string, callerNumber: string | undefined): Profile {
  const number = callerNumber ?? by?.profile.callerNumber ?? "0000000000";
  return {
    username: by?.profile.username,
    callerName: by?.profile.callerName ?? number,
    callerNumber: number,
    origNumber: by?.profile.origNumber ?? number,
    calleeName: "Outbound Call",
    calleeNumber: callee,
    ani: by?.profile.ani ?? number,
    destination: callee,
    source: by === undefined ? "src/switch_ivr_originate.c" : by.profile.source,
    context: "default",
    rdnis: by?.profile.rdnis,
    index: 1,
  };
}

function bonds(by: Channel | undefined): Record<string, string> {
  if (by === undefined) return {};
  return { originator: by.uuid, signal_bond: by.uuid, originating_leg_uuid: by.uuid };
}

/** Records on a leg that it originated another: `uuid;Outbound Call;number`, as the switch does. */
export function noteOriginated(by: Channel, leg: Channel): void {
  const entry = `${leg.uuid};Outbound Call;${leg.profile.calleeNumber ?? ""}`;
  const before = by.variables.get("originated_legs");
  const list = before === undefined ? [] : typeof before === "string" ? [before] : [...before];
  list.push(entry);
  by.variables.set("originated_legs", list.length === 1 ? entry : list);
}

/** A copy of the other leg with a different callee. */
export function withCallee(leg: OtherLeg, calleeName: string, calleeNumber: string): OtherLeg {
  return { ...leg, profile: { ...leg.profile, calleeName, calleeNumber } };
}
