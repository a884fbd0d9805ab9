/** Ports for daemons that are stopped and started again: no one else may be given them in between. */
import { createServer } from "node:net";

/** All are below those that the kernel gives to outgoing connections (ip_local_port_range, from 32768). */
const lowest = 15_000, perWorker = 2000;
/** Test files run in parallel; the workers are numbered from 1, and each has its own range of ports. */
const worker = Number(process.env["BUN_TEST_WORKER_ID"] ?? 0) % 8;
const given = new Set<number>();

/** A free port that stays free while its daemon is down. */
export async function quietPort(): Promise<number> {
  for (;;) {
    const port = lowest + worker * perWorker + Math.floor(Math.random() * perWorker);
    const server = createServer();
    const isFree = await new Promise<boolean>((resolve) => {
      server.once("error", () => resolve(false)).listen(port, "0.0.0.0", () => server.close(() => resolve(true)));
    });
    if (isFree && !given.has(port)) {
      given.add(port);
      return port;
    }
  }
}
