/** Whose channels are whose: the endpoints of the desks, and those of the outside. Pure. */
import type { AsteriskConfig } from "./config.ts";

/** A desk and its endpoints, the extension first. */
export interface DeskEndpoints {
  readonly extension: string;
  readonly endpoints: readonly string[];
}

/** The desks, and how their calls are recognized. */
export interface Site {
  readonly technology: string;
  readonly desks: readonly DeskEndpoints[];
  /** The channel variables whose values go to the CRM. */
  readonly variables: readonly string[];
  readonly outsideEndpoints: readonly string[];
  readonly outsideContexts: readonly string[];
}

/** The site in the settings. An alias of a desk is another endpoint of it; what follows an @ is not a part of it. */
export function siteOf(
  { technology, outsideEndpoints = [], outsideContexts }: AsteriskConfig,
  desks: readonly { readonly extension: string; readonly aliases: readonly string[] }[],
  variables: readonly string[],
): Site {
  return {
    technology,
    desks: desks.map(({ extension, aliases }) => ({
      extension,
      endpoints: [...new Set([extension, ...aliases.map((alias) => alias.split("@")[0] ?? alias)])],
    })),
    variables,
    outsideEndpoints,
    outsideContexts,
  };
}

/** The endpoint of a channel's name: `1001` of `PJSIP/1001-00000007`; undefined for another technology. */
export function endpointOf(name: string, technology: string): string | undefined {
  const [, found = "", endpoint] = /^([^/]+)\/(.+)-[0-9a-f]{8,}(?:<.*)?$/is.exec(name) ?? [];
  return found.toLowerCase() === technology.toLowerCase() ? endpoint : undefined;
}

/** Whether a channel belongs to the switch itself and leads elsewhere. */
export function isRelay(name: string): boolean {
  return name.startsWith("Local/");
}

/** Whether a channel is half of a pair of the switch itself (core_unreal.c): `Local`, or the announcer of a conference. */
export function isUnreal(name: string): boolean {
  return /;[12]$/.test(name);
}

/** Whether the party on a channel is outside; undefined if the settings do not decide it. */
export function isOutside(site: Site, name: string, context: string): boolean | undefined {
  const endpoint = endpointOf(name, site.technology);
  if (endpoint !== undefined && site.desks.some(({ endpoints }) => endpoints.includes(endpoint))) return false;
  if (endpoint !== undefined && site.outsideEndpoints.includes(endpoint)) return true;
  if (!isRelay(name) && site.outsideContexts.includes(context)) return true;
  return endpoint !== undefined && site.outsideEndpoints.length > 0 ? false : undefined;
}
