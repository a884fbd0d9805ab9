/** Where the administrator's socket is. The daemon and the commands must agree on it. */
import { readFileSync } from "node:fs";

/** The socket of the service, in the folder that systemd makes for it (RuntimeDirectory). */
export const serviceSocket = "/run/telesetd/admin.sock";

/** The maximum length of a socket's path, in bytes (unix(7): sun_path without its final zero). */
export const maxSocketPath = 107;

/** The group whose members may use the socket besides its owner, if there is such a group. */
export const adminGroup = "telesetd";

/** The socket beside a store: `telesetd.sock` for `telesetd.db`. */
export function socketBeside(store: string): string {
  return `${store.replace(/\.db$/, "")}.sock`;
}

/** The daemon's socket when none is given: in its runtime directory under systemd, otherwise beside its store. */
export function socketOf(environment: Readonly<Record<string, string | undefined>>, store: string): string {
  const { RUNTIME_DIRECTORY: folder } = environment;
  // systemd separates several folders by colons; the unit has one.
  return folder ? `${folder.split(":")[0]}/admin.sock` : socketBeside(store);
}

/** The id of `adminGroup`; undefined if /etc/group has no such group. */
export function adminGroupId(groups = "/etc/group"): number | undefined {
  try {
    const id = new RegExp(`^${adminGroup}:[^:]*:(\\d+):`, "m").exec(readFileSync(groups, "utf8"))?.[1];
    return id === undefined ? undefined : Number(id);
  } catch {
    return undefined;
  }
}
