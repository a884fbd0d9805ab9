/** `telesetd fleet list` */
import type { Io } from "../io.ts";
import { timeText } from "../io.ts";
import { onFleet } from "./folder.ts";

/** Lists the users that have been issued. `all`: revoked ones too. */
export function listFleet(
  options: { readonly folder: string; readonly group?: string; readonly all?: boolean; readonly json?: boolean },
  io: Io,
): Promise<number> {
  const { group, all = false, json = false } = options;
  return onFleet(options, io, (folder) => {
    const users = (all ? folder.users : folder.valid).filter((user) => group === undefined || user.group === group);
    if (json) io.out(`${JSON.stringify(users, null, 2)}\n`);
    else {
      for (const { name, role, desks, group, issued, revoked } of users) {
        const more = desks.length > 1 ? ` with ${desks.slice(1).join(", ")}` : "";
        const end = revoked === undefined ? "" : `, revoked ${timeText(revoked)}`;
        io.out(
          `${role === "desk" ? `desk ${name}${more}` : name}${group === undefined ? "" : `, group ${group}`}, issued ${
            timeText(issued)
          }${end}\n`,
        );
      }
    }
    return Promise.resolve(0);
  });
}
