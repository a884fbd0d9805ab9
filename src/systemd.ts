/** The service manager's side: readiness and status by sd_notify(3), through `systemd-notify`: node has no unix datagrams. */
import { spawn } from "node:child_process";

/** Tells the service manager, and waits until it is told; does nothing when there is none. */
export async function notify(...states: readonly string[]): Promise<void> {
  if (process.env["NOTIFY_SOCKET"] === undefined) return;
  const told = Promise.withResolvers<void>();
  const child = spawn("systemd-notify", [`--pid=${process.pid}`, ...states], { stdio: "ignore" });
  child.once("error", () => told.resolve());
  child.once("exit", () => told.resolve());
  await told.promise;
}
