/** The administrator's endpoints of a daemon, read by tests. */
import { exchange } from "../../src/commands/ask.ts";

/** The JSON that a socket answers to a GET. */
export async function getJson<T>(socket: string, path: string): Promise<T> {
  return JSON.parse((await exchange(socket, "GET", path)).text) as T;
}
