/** The live updates as the listeners see them, which serve a page without loading it. */
import { root } from "./guard.ts";

/** Their path. */
export const livePath = `${root}live`;

/** How long a request may last, in ms; undefined for the default. Live updates continue as long as the page is open. */
export function liveDeadline(path: string): number | undefined {
  return path === livePath || path.startsWith(`${livePath}?`) ? 3_600_000 : undefined;
}
