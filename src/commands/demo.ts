/** `telesetd demo` */
import type { Io } from "./io.ts";
export function demo(_options: unknown, io: Io): Promise<number> {
  io.err("soon\n");
  return Promise.resolve(1);
}
