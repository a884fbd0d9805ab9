/** `telesetd fleet revoke` */
import type { Io } from "../io.ts";
import { revoke } from "./add.ts";
import { FleetError, onFleet } from "./folder.ts";
import { sendAccount } from "./server.ts";

/**
 * Shuts a box or a relay out: the servers end its connection, and refuse its credential from now on. For one that is revoked
 * already, the servers get the revocation again. Exit codes: 0 done; 1 the servers do not know of it yet; 2 there is no such box.
 */
export function revokeFromFleet(
  name: string,
  options: { readonly folder: string },
  io: Io,
  now: () => number = Date.now,
): Promise<number> {
  return onFleet(options, io, async (folder) => {
    const named = folder.users.filter((user) => user.name === name || user.desks.includes(name));
    if (named.length === 0) throw new FleetError(`There is no ${name} in this fleet: telesetd fleet list shows all.`);
    const valid = named.filter(({ revoked }) => revoked === undefined);
    if (valid.length > 0) revoke(folder, valid, now());
    const code = await sendAccount(folder, io, now);
    const desks = valid.flatMap(({ desks }) => desks).filter((desk) => desk !== name);
    const more = desks.length > 0 ? `, and with it the desks ${desks.join(", ")} of the same box` : "";
    if (code === 0) io.out(`${name} is shut out${more}.\n`);
    return code;
  });
}
