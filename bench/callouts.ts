/** Callouts as fast as they are answered, and at a fixed rate: CheckStatus over persistent connections. */
import type { Socket } from "bun";
import { quantile } from "./statistics.ts";

/** The result. Times in ms. */
export interface CalloutResult {
  /** Answers per second if each callout is sent as soon as the one before is answered. */
  readonly perSecond: number;
  /** At 2,000 per second: from the due time of the callout to its complete answer. */
  readonly p50: number;
  readonly p99: number;
  /** Answers that were not 200. */
  readonly failed: number;
}

const paced = 2000;
const connections = 4;

interface Waiting {
  answered: (status: string) => void;
  text: string;
}

/** A connection with one callout at a time. */
class Caller {
  private constructor(readonly socket: Socket<Waiting>, readonly request: string) {}

  static async open(port: number): Promise<Caller> {
    const socket = await Bun.connect<Waiting>({
      hostname: "127.0.0.1",
      port,
      data: { answered: () => {}, text: "" },
      socket: {
        data: (socket, data) => {
          const waiting = socket.data;
          waiting.text += data.toString("latin1");
          const end = waiting.text.indexOf("\r\n\r\n");
          if (end < 0) return;
          const length = Number(/\r\ncontent-length: *(\d+)/i.exec(waiting.text)?.[1] ?? 0);
          if (waiting.text.length < end + 4 + length) return;
          const status = waiting.text.slice(9, 12);
          waiting.text = "";
          waiting.answered(status);
        },
        close: (socket) => socket.data.answered("closed"),
        error: () => {},
      },
    });
    return new Caller(socket, `GET /?FunctionName=CheckStatus HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`);
  }

  ask(): Promise<string> {
    return new Promise((resolve) => {
      this.socket.data.answered = resolve;
      this.socket.write(this.request);
    });
  }
}

/** Measures both, for `seconds` each, after a short warm-up. */
export async function measureCallouts(port: number, seconds: number): Promise<CalloutResult> {
  const callers = await Promise.all(Array.from({ length: connections }, () => Caller.open(port)));
  try {
    await flatOut(callers, Math.min(1, seconds / 2));
    const fast = await flatOut(callers, seconds);
    const { times, failed } = await atPace(callers, seconds);
    return {
      perSecond: fast.answered / seconds,
      p50: quantile(times, 0.5),
      p99: quantile(times, 0.99),
      failed: fast.failed + failed,
    };
  } finally {
    for (const { socket } of callers) socket.end();
  }
}

async function flatOut(callers: readonly Caller[], seconds: number): Promise<{ answered: number; failed: number }> {
  const until = performance.now() + seconds * 1000;
  let answered = 0;
  let failed = 0;
  await Promise.all(callers.map(async (caller) => {
    while (performance.now() < until) {
      if (await caller.ask() === "200") answered++;
      else failed++;
    }
  }));
  return { answered, failed };
}

/** Sends a callout every half millisecond on any free connection; waiting for a connection counts. */
async function atPace(callers: readonly Caller[], seconds: number): Promise<{ times: number[]; failed: number }> {
  const times: number[] = [];
  let failed = 0;
  let taken = 0;
  const count = seconds * paced;
  const zero = performance.now() + 5;
  await Promise.all(callers.map(async (caller) => {
    for (let index = taken++; index < count; index = taken++) {
      const due = zero + index * (1000 / paced);
      const wait = due - performance.now();
      if (wait > 0.2) await new Promise((done) => setTimeout(done, wait));
      // A late timer is our delay; a missing free connection is the contestant's, and counts.
      const from = wait > 0.2 ? performance.now() : due;
      if (await caller.ask() !== "200") failed++;
      times.push(performance.now() - from);
    }
  }));
  return { times, failed };
}
