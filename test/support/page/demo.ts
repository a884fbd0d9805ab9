/** `telesetd demo --page`, started on the compiled binary. */
import { type IncomingHttpHeaders, request } from "node:http";
import { binary } from "../daemon/box.ts";

/** A demo that runs. */
export interface RunningDemo {
  readonly url: string;
  readonly port: number;
  /** Ctrl-C; gives the exit code. */
  end(): Promise<number>;
}

/** Starts it, and waits until it prints its URL. */
export async function started(): Promise<RunningDemo> {
  const child = Bun.spawn([binary, "demo", "--page", "--port", "0"], { stdin: "ignore", stdout: "pipe", stderr: "inherit" });
  let text = "";
  for await (const part of child.stdout) {
    text += new TextDecoder().decode(part);
    const [, url, port] = /at (http:\/\/127\.0\.0\.1:(\d+)\/) until/.exec(text) ?? [];
    if (url === undefined) continue;
    const end = (): Promise<number> => {
      child.kill("SIGINT");
      return child.exited;
    };
    return { url, port: Number(port), end };
  }
  throw new Error(`the demo has not started: ${text}`);
}

/** A request with any headers. */
export function exchange(
  port: number,
  method: string,
  path: string,
  headers: Readonly<Record<string, string>>,
  body: string,
  host = "127.0.0.1",
): Promise<{ readonly status: number; readonly headers: IncomingHttpHeaders }> {
  const type = { "content-type": "application/x-www-form-urlencoded", "content-length": String(body.length) };
  return new Promise((resolve, reject) => {
    const asked = request(
      { host, port, method, path, headers: { ...headers, ...(method === "POST" ? type : {}) }, agent: false },
      (answer) => {
        answer.resume().on("end", () => resolve({ status: answer.statusCode ?? 0, headers: answer.headers }));
      },
    );
    asked.on("error", reject);
    asked.end(body);
  });
}
