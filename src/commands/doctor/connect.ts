/** Whether a port accepts a connection. */
import { connect } from "node:net";
import { connectErrorCode } from "../../platform/connect-error.ts";

/** Opens a connection and closes it. @returns the error's code when that fails, ETIMEDOUT after `ms`. */
export function tryToConnect(host: string, port: number, ms: number): Promise<string | undefined> {
  const socket = connect({ host, port });
  return new Promise((resolve) => {
    const end = (code: string | undefined) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(code);
    };
    const timer = setTimeout(() => end("ETIMEDOUT"), ms);
    socket.once("connect", () => end(undefined));
    socket.on("error", (error: NodeJS.ErrnoException) => end(connectErrorCode(error) ?? error.message));
  });
}
