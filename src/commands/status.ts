/** `telesetd status` */
import { request } from "node:http";
import { type Status, statusText } from "../status.ts";
import { configOr2, type Io } from "./io.ts";

/** Asks the running daemon over its own HTTP, on loopback. Exit code 1 when it does not run, or something is wrong with a desk. */
export async function showStatus(file: string, json: boolean, io: Io): Promise<number> {
  const config = configOr2(file, io);
  if (config === 2) return 2;
  const { host, port } = config.http;
  // A wildcard address is listened on, not called.
  const place = host === "0.0.0.0" || host === "::" ? "127.0.0.1" : host;
  const answer = await get(place, port).catch((error: NodeJS.ErrnoException) => error);
  if (answer instanceof Error) {
    io.err(
      `telesetd does not answer at ${place}:${port} (${
        answer.code ?? answer.message
      }): is it running? systemctl status telesetd\n`,
    );
    return 1;
  }
  const status = JSON.parse(answer) as Status;
  io.out(json ? `${JSON.stringify(status, null, 2)}\n` : `${statusText(status)}\n`);
  return status.desks.some(({ trouble }) => trouble !== undefined) ? 1 : 0;
}

/** node:http takes no proxy from the environment. */
function get(host: string, port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const asked = request({ host, port, path: "/status", agent: false, timeout: 3000 }, (response) => {
      const parts: Buffer[] = [];
      response.on("data", (part: Buffer) => parts.push(part));
      response.on("end", () => {
        if (response.statusCode === 200) resolve(Buffer.concat(parts).toString());
        else reject(new Error(`status ${response.statusCode}: another program has this port?`));
      });
    });
    asked.on("timeout", () => asked.destroy(new Error("no answer within 3 s")));
    asked.on("error", reject);
    asked.end();
  });
}
