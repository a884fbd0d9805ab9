/** The party at an end of a dialog: URIs (RFC 3261, section 19.1; RFC 3966) into the identities of `core/line.ts`. Pure. */
import type { Party } from "../../../src/core/line.ts";
import { identify } from "../../../src/core/number.ts";
import type { Participant } from "./dialog-info.ts";
import { isHidingName } from "../../shared/anonymous-name.ts";

/** The parts of a URI that identify a party. */
export interface Address {
  /**
   * Without escapes, parameters and a password; for a `tel:` URI the number without the characters that people write between
   * digits.
   */
  readonly user: string;
  /** In lower case; empty for `tel:`. */
  readonly host: string;
}

/**
 * The parts of a `sip:`, `sips:`, `tel:` or `pres:` URI, bare or as `"Name" <uri>`. Never throws: any other text is a user
 * without a host.
 */
export function addressOf(uri: string): Address {
  const [, scheme = "", rest = ""] = /^(?:(sips?|tel|pres):)?(.*)$/is.exec(bare(uri)) ?? [];
  if (scheme.toLowerCase() === "tel") return { user: unescaped(rest).replace(/[;?].*$/s, "").replace(/[\s().-]/g, ""), host: "" };
  const at = rest.lastIndexOf("@");
  // sip:host names no user.
  const [user, host] = at >= 0 ? [rest.slice(0, at), rest.slice(at + 1)] : scheme === "" ? [rest, ""] : ["", rest];
  return {
    // An escaped semicolon is part of the name, a plain one begins parameters (`+1415;ext=22@`, `;phone-context=`).
    user: unescaped(withoutPassword(user.replace(/;.*$/s, ""))).trim(),
    host: (/^\s*(?:\[([^\]]*)\]|([^:;?>]*))/.exec(host)?.slice(1).join("") ?? "").trim().toLowerCase(),
  };
}

/** A ring group may put its name before a number (`Sales:14155550123`); otherwise a password follows the colon. */
function withoutPassword(user: string): string {
  return /^[^:]*[a-z][^:]*:\+?\d{3,}$/i.test(user) ? user : user.replace(/:.*$/s, "");
}

/** `"Name" <uri>` without the name. */
function bare(uri: string): string {
  const open = uri.lastIndexOf("<");
  const [inner = "", ...rest] = uri.slice(open + 1).split(">");
  return (open >= 0 && rest.length === 1 ? inner : uri).trim();
}

/** A text without its escapes (RFC 3986, section 2.1); unchanged when they are broken. */
export function unescaped(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/**
 * The party at an end. A number in the URI comes first, then one in the display name (some switches write an account into the
 * URI). A withheld party is from outside: colleagues do not hide. The number plan decides whether a number is inside or
 * outside.
 */
export function partyOf(end: Participant | undefined): Party | undefined {
  if (end?.identity === undefined) return undefined;
  const { user, host } = addressOf(end.identity.uri);
  const { display } = end.identity;
  if (isWithheld(user, host) || isPrivate(end)) return { identity: "anonymous", outside: true };
  if (identify(user).kind === "name" && display !== undefined && isNumber(display)) return { identity: display };
  return { identity: user };
}

/** RFC 3323, section 4.1.1.3: `anonymous.invalid`; Asterisk writes `invalid` for a number that it does not have. */
function isWithheld(user: string, host: string): boolean {
  return identify(user).kind === "withheld" || /(^|\.)invalid$/.test(host) || /^(invalid|restricted)$/i.test(user);
}

/** The words that ask for privacy (RFC 3323, section 4.2; RFC 3325, section 9.3; Remote-Party-ID's `full`, `name`, `uri`). */
const privacy = /^(id|user|header|session|critical|history|full|name|uri|yes|on|true|1)$/i;

/**
 * Whether an end is shown although it requests privacy: the number beside an anonymous name, or beside a mark of privacy (a
 * parameter or header of its URIs, or of its target).
 */
function isPrivate({ identity, target, params }: Participant): boolean {
  if (isHidingName(identity?.display ?? nameIn(identity?.uri ?? ""))) return true;
  const marks = [identity?.uri, target].flatMap((
    uri,
  ) => [...(uri ?? "").slice(0, 4096).matchAll(/[;?&]privacy=([^;?&@>\s]*)/gi)]);
  const values = [...marks.map(([, value = ""]) => value), params["privacy"] ?? "", params["+sip.privacy"] ?? ""];
  return values.some((value) => unescaped(value).split(/[\s;,"]+/).some((word) => privacy.test(word)));
}

/** The name in front of `<uri>`. */
function nameIn(uri: string): string {
  const open = uri.indexOf("<");
  return open < 0 ? "" : uri.slice(0, open).trim().replace(/^"(.*)"$/s, "$1");
}

function isNumber(display: string): boolean {
  return /\d{3}/.test(display) && identify(display).kind === "number";
}
