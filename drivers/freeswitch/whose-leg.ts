/**
 * Whether a leg with a desk's presence id goes to the desk. Dialplans give that id to forwarded legs too (follow-me, call
 * forwarding), and a phone's 302 sends its leg elsewhere. A leg is not the desk's if it certainly goes to none of the desk's
 * registered contacts; in doubt it is: a missing call is worse than an additional one.
 */
import { type Frame, text } from "./wire/event.ts";

/** The destination of a SIP URI: `1001-0x55@10.0.0.9:5060`. */
interface Place {
  readonly user: string;
  readonly host: string;
  readonly port: string;
}

/** A registered contact: its profile, its URI, and where else its messages go (fs_path: a proxy, or the address behind a NAT). */
export interface Contact {
  readonly profile: string;
  readonly places: readonly Place[];
}

/** The contacts in an answer of `sofia_contact`: `sofia/internal/sip:1001@10.0.0.9:5060;fs_path=...,sofia/...` (mod_sofia.c). */
export function readContacts(answer: string): Contact[] {
  return answer.trim().split(/,(?=sofia\/)/).flatMap((contact) => {
    const [, profile, uri] = /^sofia\/([^/]+)\/(.+)$/s.exec(contact) ?? [];
    if (profile === undefined || uri === undefined) return [];
    const path = /;\s*fs_path=([^;,>]*)/i.exec(uri)?.[1];
    const places = [readPlace(uri), ...(path === undefined ? [] : [readPlace(decoded(path))])];
    return [{ profile, places: places.filter((place) => place !== undefined) }];
  });
}

/** Where a leg goes: to the desk, elsewhere, or elsewhere because the phone has sent it there. */
export type Destination = "desk" | "elsewhere" | "redirected";

/**
 * Where a leg goes that carries the presence id of a desk.
 * @param contacts the registered contacts of all presence ids of the desk; undefined while they are not known.
 */
export function destinationOf(
  frame: Frame,
  extension: string,
  contacts: readonly Contact[] | undefined,
  outsideProfiles: readonly string[],
): Destination {
  // A leg of our dial: the agent requested it.
  if (text(frame, "variable_telesetd_call") !== "") return "desk";
  const toDesk = text(frame, "Call-Direction") !== "inbound";
  if (toDesk && isRedirected(frame, contacts ?? [])) return "redirected";
  const [technology, profile = "", ...rest] = text(frame, "Channel-Name").split("/");
  if (contacts === undefined || technology !== "sofia") return "desk";
  const place = placeOf(rest.join("/"));
  const isOutside = outsideProfiles.includes(profile);
  // Without contacts only the number decides: phones may be registered at a proxy that the switch reaches by an outside profile.
  if (contacts.length === 0) return toDesk && isOutside && !isOwn(extension, place?.user ?? "") ? "elsewhere" : "desk";
  if (isOutside && contacts.every((contact) => contact.profile !== profile)) return "elsewhere";
  if (!toDesk || place === undefined || isOwn(extension, place.user) || isAmong(contacts, place)) return "desk";
  return "elsewhere";
}

/**
 * The phone has answered 302, and the switch calls another place on the same leg (sofia.c). The leg that has called such a phone
 * carries the variable too, and beside it the list of the new contacts.
 */
function isRedirected(frame: Frame, contacts: readonly Contact[]): boolean {
  const target = text(frame, "variable_sip_redirected_to");
  if (target === "" || text(frame, "variable_sip_redirect_contact_0") !== "") return false;
  const place = readPlace(/<([^>]*)>/.exec(target)?.[1] ?? target);
  return place === undefined || !isAmong(contacts, place);
}

/**
 * Whether the host and the port or the user match a contact: behind a NAT several phones share a host, and through a proxy a leg
 * has the contact's user and the proxy's host.
 */
function isAmong(contacts: readonly Contact[], leg: Place): boolean {
  return contacts.some(({ places }) =>
    places.some(({ host }) => host === leg.host) &&
    places.some(({ user, host, port }) => user === leg.user || (host === leg.host && port === leg.port))
  );
}

function isOwn(extension: string, user: string): boolean {
  return user === extension || user.startsWith(`${extension}-`);
}

/** The destinations of recent legs, cached: every event of a leg has the same one, and parsing it is the most expensive part. */
const lastPlaces = new Map<string, Place | undefined>();
const maxLastPlaces = 100;

function placeOf(name: string): Place | undefined {
  if (lastPlaces.has(name)) return lastPlaces.get(name);
  if (lastPlaces.size >= maxLastPlaces) lastPlaces.clear();
  const place = readPlace(name);
  lastPlaces.set(name, place);
  return place;
}

/** Reads `sip:user@host:port;params`; undefined if no host is named (`sofia/internal/1001` goes to a registered contact). */
function readPlace(uri: string): Place | undefined {
  const [address = ""] = uri.trim().replace(/^<?(sips?:)?/i, "").split(/[;?>]/);
  const at = address.lastIndexOf("@");
  const [, host, port] = /^(\[[^\]]*\]|[^:]*)(?::(\d+))?$/.exec(address.slice(at + 1)) ?? [];
  if (host === undefined || host === "" || (at < 0 && !/[.:[]/.test(address))) return undefined;
  return { user: decoded(address.slice(0, Math.max(at, 0))), host: plainHost(host), port: port ?? "5060" };
}

/** One spelling for each host: IPv6 addresses have many. */
function plainHost(host: string): string {
  if (!host.startsWith("[")) return host.toLowerCase().replace(/\.$/, "");
  return URL.parse(`http://${host}`)?.hostname ?? host.toLowerCase();
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
