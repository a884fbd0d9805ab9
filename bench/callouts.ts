/** CheckStatus over persistent connections: as fast as it is answered, and at fixed rates. */
import type { Socket } from "bun";
import { message } from "./crm.ts";
import { cpuFrom, now, quantile, rest } from "./measure.ts";
import type { Unit } from "./results.ts";

/** A connection with one callout at a time. */
type Caller = Socket<{ text: string; answered: (status: string) => void }>;

const connections = 4;

function caller(port: number): Promise<Caller> {
  const data: Caller["data"] = { text: "", answered: () => {} };
  const onData = (bytes: Buffer) => {
    const answer = message(data.text += bytes.toString("latin1"));
    data.text = answer?.rest ?? data.text;
    if (answer) data.answered(answer.head.slice(9, 12));
  };
  const socket = { data: (_: Caller, bytes: Buffer) => onData(bytes), close: () => data.answered("closed"), error: () => {} };
  return Bun.connect({ hostname: "127.0.0.1", port, data, socket });
}

/** Sends callouts for `seconds`, each on a free connection when it is due: at this rate, or as soon as one is answered. */
async function ask(callers: readonly Caller[], seconds: number, perSecond?: number) {
  const request = `GET /?FunctionName=CheckStatus HTTP/1.1\r\nHost: 127.0.0.1:${callers[0]?.remotePort}\r\n\r\n`;
  const times: number[] = [];
  const zero = now() + 5;
  let taken = 0;
  let failed = 0;
  await Promise.all(callers.map(async (socket) => {
    for (;;) {
      const due = perSecond === undefined ? now() : zero + taken++ * (1000 / perSecond);
      if (due >= zero + seconds * 1000) return;
      const wait = due - now();
      if (wait > 0.2) await rest(wait);
      // A late timer is our delay; a missing free connection is the contestant's, and counts.
      const from = wait > 0.2 ? now() : due;
      const status = await new Promise<string>((answered) => {
        socket.data.answered = answered;
        socket.write(request);
      });
      if (status !== "200") failed++;
      times.push(now() - from);
    }
  }));
  return { times, failed };
}

/** Measures for `seconds` flat out and at each rate, after a short warm-up. */
export async function measureCallouts(
  port: number,
  pid: number,
  seconds: number,
  record: (row: string, unit: Unit, value: number) => void,
): Promise<void> {
  const callers = await Promise.all(Array.from({ length: connections }, () => caller(port)));
  await ask(callers, Math.min(1, seconds / 2));
  const cpu = cpuFrom(pid);
  const { times, failed } = await ask(callers, seconds);
  record(" a second", "whole", (times.length - failed) / seconds);
  record(", CPU", "ms", cpu() / times.length);
  for (const rate of [500, 2000]) {
    const { times, failed } = await ask(callers, seconds, rate);
    const row = (name: string) => ` at ${rate}/s, ${name}`;
    record(row("p50"), "ms", quantile(times, 0.5));
    record(row("p99"), "ms", quantile(times, 0.99));
    record(row("failed"), "sum", failed);
  }
  for (const socket of callers) socket.end();
}
