/**
 * A port that swallows every try to connect, as an address behind a silent firewall does: a process that listens and never
 * accepts, whose queue is filled; the kernel then answers no more.
 */
import { connect, type Socket } from "node:net";

const listens = `
  const server = require("node:net").createServer(() => {});
  server.listen({ port: 0, host: "127.0.0.1" }, () => {
    require("node:fs").writeSync(1, server.address().port + "\\n");
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 30000);
    process.exit();
  });`;

/** It ends after 30 s, or when it is disposed of. */
export class Swallower implements Disposable {
  readonly #sockets: Socket[] = [];

  private constructor(readonly port: number, readonly child: Bun.Subprocess) {}

  static async open(): Promise<Swallower> {
    const child = Bun.spawn([process.execPath, "-e", listens], { stdin: "ignore", stdout: "pipe", stderr: "inherit" });
    const { value } = await child.stdout.getReader().read();
    const swallower = new Swallower(Number(new TextDecoder().decode(value)), child);
    // Each that connects takes a place; the first that does not finds the queue full.
    while (await swallower.#takesAnother()) continue;
    return swallower;
  }

  #takesAnother(): Promise<boolean> {
    if (this.#sockets.length > 5000) throw new Error("The queue does not get full");
    const socket = connect(this.port, "127.0.0.1");
    this.#sockets.push(socket);
    return new Promise((resolve, reject) => {
      // A busy machine may be late to read that it has connected: sockets are polled once more.
      const late = setTimeout(() => setImmediate(() => setImmediate(() => resolve(!socket.connecting))), 300);
      socket.once("connect", () => {
        clearTimeout(late);
        resolve(true);
      }).once("error", reject);
    });
  }

  [Symbol.dispose](): void {
    for (const socket of this.#sockets) socket.destroy();
    this.child.kill("SIGKILL");
  }
}
