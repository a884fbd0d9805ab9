/** The queries of the probe to FreeSWITCH, and their answers. */
import type { Reply } from "../wire/link.ts";
import { oneLine } from "../../../src/platform/text.ts";

/** Sends an `api` command on the probe's connection. */
export type Ask = (command: string) => Promise<Reply>;

/** Whether this login may not send that command (mod_event_socket.c, auth_api_command). */
export function isDenied({ text }: Reply): boolean {
  return /^-ERR permission denied/i.test(text);
}

/** The domains that phones are registered in, the most frequent first, and all that the switch serves: its own name is first. */
export async function domainsOf(ask: Ask): Promise<{ readonly registered: string[]; readonly served: string[] }> {
  const rows = (await registrations(ask)).map(({ realm }) => realm);
  const count = (realm: string) => rows.filter((candidate) => candidate === realm).length;
  const registered = [...new Set(rows)].sort((first, second) => count(second) - count(first));
  const { ok, text } = await ask("global_getvar domain");
  return { registered, served: [...new Set([...ok ? [text.trim()] : [], ...registered])].filter((name) => name !== "") };
}

/** A row of `show registrations as json` (switch_core_sqldb.c): who is registered where. */
export interface RegistrationRow {
  readonly user: string;
  readonly realm: string;
  readonly from: string;
  /** Its contact, with the profile: `sofia/internal/sip:...`. It stays in the list when that profile is stopped. */
  readonly url: string;
}

/** All registrations; empty if the login may not query them. */
export async function registrations(ask: Ask): Promise<RegistrationRow[]> {
  const { text } = await ask("show registrations as json");
  let rows: unknown;
  try {
    rows = (JSON.parse(text) as { rows?: unknown } | null)?.rows;
  } catch {
    return [];
  }
  if (!Array.isArray(rows)) return [];
  const plain = (value: unknown): string => typeof value === "string" ? oneLine(value) : "";
  return rows.map((row: Record<string, unknown> | null) => ({
    user: plain(row?.["reg_user"]),
    realm: plain(row?.["realm"]),
    url: plain(row?.["url"]),
    from: `${plain(row?.["network_ip"])}:${plain(row?.["network_port"])}`,
  }));
}
