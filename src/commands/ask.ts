/** Requests to the running daemon, over HTTP on loopback. */
import { request } from "node:http";
import { isIPv4, isIPv6 } from "node:net";
import { version } from "../version.ts";
import { configOr2, type Io } from "./io.ts";

/** How long the daemon may be silent, in ms. */
const maxSilenceMs = 3000;

/**
 * The daemon's answer as JSON, or an exit code after an error message: 2 for the configuration, 1 for the daemon.
 * @param within how long the daemon may be silent, in ms.
 */
export async function askDaemon<T>(
  configFile: string,
  method: "GET" | "POST",
  path: string,
  io: Io,
  within: number = maxSilenceMs,
): Promise<T | number> {
  const config = configOr2(configFile, io);
  if (config === 2) return 2;
  const { port } = config.http;
  const place = placeOf(config.http);
  const answer = await exchange(place, port, method, path, within).catch((error: NodeJS.ErrnoException) => error);
  if (answer instanceof Error) {
    io.err(
      `telesetd does not answer at ${place}:${port} (${
        answer.code ?? answer.message
      }): is it running? systemctl status telesetd\n`,
    );
    return 1;
  }
  const { status, text } = answer;
  const body = parsed(text) as T & { readonly error?: unknown } | undefined;
  if (status === 200 && body !== undefined) return body;
  const error = body?.error ?? `The answer at ${place}:${port} is not that of telesetd ${version} (status ${status}): ` +
      `systemctl restart telesetd, or find the program with ss -ltnp 'sport = :${port}'`;
  io.err(`${error}\n`);
  return 1;
}

/** The value of a JSON text; undefined if it is not JSON. */
export function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The address to send requests to: the loopback address for a wildcard address. */
export function placeOf({ host }: { readonly host: string }): string {
  return host === "0.0.0.0" ? "127.0.0.1" : host === "::" ? "::1" : host;
}

/** Sends one request; rejects after `within` ms of silence. node:http ignores proxies of the environment. */
export function exchange(
  host: string,
  port: number,
  method: string,
  path: string,
  within: number = maxSilenceMs,
): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    // The daemon serves its own state to loopback only, even if it listens on an address of the LAN.
    const from = isIPv4(host) ? { localAddress: "127.0.0.1" } : isIPv6(host) ? { localAddress: "::1" } : {};
    const asked = request({ host, port, method, path, agent: false, ...from }, (response) => {
      const parts: Buffer[] = [];
      response.on("data", (part: Buffer) => {
        parts.push(part);
        late.refresh();
      });
      response.on("end", () => {
        clearTimeout(late);
        resolve({ status: response.statusCode ?? 0, text: Buffer.concat(parts).toString() });
      });
    });
    // Bun's own timeout does not run while a request connects. Reject first: a destroyed request may emit no error.
    const late = setTimeout(() => {
      reject(new Error(`no answer within ${within / 1000} s`));
      asked.destroy();
    }, within);
    asked.on("error", (error) => {
      clearTimeout(late);
      reject(error);
    });
    asked.end();
  });
}
