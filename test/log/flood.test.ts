/** Repeated problems do not fill the journal, which is on flash. With the whole daemon, at the default level. */
import { expect, onTestFinished, setDefaultTimeout, test } from "bun:test";
import { createServer } from "node:net";
import { sendCallout } from "../../simulator/crm/mod.ts";
import { startInside } from "../support/daemon/inside.ts";
import { fasterTimers } from "../support/timers.ts";
import { until } from "../support/until.ts";

setDefaultTimeout(60_000);

const daemon = (linePort?: number) =>
  startInside({
    level: "info",
    // Pauses between attempts to connect pass four times faster.
    timers: fasterTimers(4),
    change: (config) => linePort === undefined ? config : { ...config, line: { ...config.line, port: linePort } },
  });

const about = (lines: readonly string[], text: string): string[] => lines.filter((line) => line.includes(text));

test("an unreachable PC: one line, however many events wait and however often they are tried", async () => {
  const { app, sim, lines } = await daemon();
  await until("the phone is not known", () => app.status().desks[0]?.phone === "registered");
  await sendCallout(app.port, "/", { FunctionName: "Register", telesetNumber: "1001", agentID: "7", port: "1" });
  for (let caller = 10; caller < 30; caller++) {
    await (await sim.inbound({ from: `141555501${caller}`, to: "1001" })).callerHangsUp();
  }
  const tried = () => about(lines, "Cannot deliver to the CRM yet").length > 0 && app.status().outbox.waiting === 40;
  await until("no event was tried", tried);
  expect(app.status().outbox.waiting).toBe(40);
  expect(about(lines, "Cannot deliver to the CRM yet")).toEqual([expect.stringContaining("to=127.0.0.1:1 attempt=1 why=")]);
  expect(about(lines, "Call ended")).toHaveLength(20);
});

test("a source that is refused, or sends invalid callouts: a few lines", async () => {
  const { app, lines } = await daemon();
  for (let time = 0; time < 50; time++) {
    await sendCallout(app.port, "/wrong", { FunctionName: "Ready" });
    await sendCallout(app.port, "/", { FunctionName: "Fly", telesetNumber: String(time) });
    await sendCallout(app.port, "/", { FunctionName: "Ready", telesetNumber: "1001", agentID: "" });
  }
  expect(about(lines, "Request refused")).toHaveLength(5);
  expect(about(lines, "Malformed callout")).toHaveLength(5);
});

test("a phone that registers repeatedly: one line", async () => {
  const { sim, app, lines } = await daemon();
  await sim.server.subscriber();
  const becomes = (phone: string) => until(`the phone is not ${phone}`, () => app.status().desks[0]?.phone === phone);
  await becomes("registered");
  for (let time = 0; time < 20; time++) sim.phones.register("1001");
  sim.phones.unregister("1001");
  await becomes("unregistered");
  expect(about(lines, "The phone is").map((line) => line.slice(8))).toEqual([
    "The phone is registered desk=1001",
    "The phone is not registered desk=1001",
  ]);
});

test("a switch that repeatedly closes the connection at once: its reason once", async () => {
  let knocks = 0;
  const server = createServer((socket) => {
    knocks += 1;
    socket.end();
  });
  const port = await new Promise<number>((resolve) =>
    server.listen(0, "127.0.0.1", () => resolve((server.address() as { port: number }).port))
  );
  onTestFinished(() => void server.close());
  const { lines } = await daemon(port);
  await until("it does not knock again", () => knocks >= 4);
  expect(about(lines, "No connection to FreeSWITCH")).toHaveLength(1);
});
