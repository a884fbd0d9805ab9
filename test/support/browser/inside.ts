/**
 * What runs on the PC besides the browser. `ask URL NAME=VALUE...` sends one GET with just these headers and writes the status;
 * `forward HOST PORT` opens the port on localhost and forwards it, as `netsh interface portproxy` does, and prints `open`.
 */
import { get } from "node:http";
import { connect, createServer } from "node:net";

const [what, first = "", ...rest] = process.argv.slice(2);
if (what === "ask") ask(first, rest);
else if (what === "forward") forward(first, Number(rest[0]));

function ask(url: string, headers: readonly string[]): void {
  const pairs = headers.map((each): [string, string] => [each.slice(0, each.indexOf("=")), each.slice(each.indexOf("=") + 1)]);
  get(url, { agent: false, headers: Object.fromEntries(pairs) }, (answer) => {
    process.stdout.write(String(answer.statusCode));
    answer.resume();
  });
}

function forward(host: string, port: number): void {
  const server = createServer((near) => {
    const far = connect(port, host);
    near.pipe(far).pipe(near);
    near.on("error", () => far.destroy());
    far.on("error", () => near.destroy());
  });
  server.listen(port, "127.0.0.1", () => process.stdout.write("open\n"));
}
