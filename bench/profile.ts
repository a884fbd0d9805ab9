/** The time of each stage of an event, from socket to socket: telesetd from its sources, JIT off, with a probe inside. */
import type { Socket } from "bun";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { register, start } from "./contestants.ts";
import { Crm } from "./crm.ts";
import { heartbeat, moments, newParties, scripts } from "./frames.ts";
import { Ledger } from "./ledger.ts";
import { play } from "./load.ts";
import { Pbx } from "./pbx.ts";
import type { Stamps } from "./probe.ts";
import { within } from "./rounds.ts";
import { median, quantile } from "./statistics.ts";

/** A stage: median and p99, in microseconds. */
export interface Stage {
  readonly name: string;
  readonly p50: number;
  readonly p99: number;
}

/** All times of an event, in ns of the bench's clock. */
interface Times extends Stamps {
  readonly written: number;
  readonly arrived: number;
}

const stages: readonly (readonly [name: string, from: keyof Times, to: keyof Times])[] = [
  ["written at the switch > read by telesetd", "written", "data"],
  ["cut out of the stream, JSON parsed", "data", "frame"],
  ["translated into facts of a leg", "frame", "facts"],
  ["other frames of the same chunk, inbox, step", "facts", "commit"],
  ["committed: desk and event in one transaction", "commit", "committed"],
  ["courier: XML, connection begun", "committed", "sent"],
  ["connected, posted > read by the CRM", "sent", "arrived"],
  ["socket to socket", "written", "arrived"],
  ["then: the CRM's answer > telesetd knows", "arrived", "settle"],
  ["then: settled in the store", "settle", "settled"],
];

/** Client of the probe in telesetd. */
class Probe {
  #socket: Socket<undefined> | undefined;
  #text = "";
  #line: (line: string) => void = () => {};
  readonly #listener = Bun.listen<undefined>({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      open: (socket) => {
        socket.setNoDelay(true);
        this.#socket = socket;
      },
      data: (_socket, bytes) => {
        this.#text += bytes.toString();
        const end = this.#text.indexOf("\n");
        if (end < 0) return;
        const line = this.#text.slice(0, end);
        this.#text = this.#text.slice(end + 1);
        this.#line(line);
      },
      error: () => {},
    },
  });

  get port(): number {
    return this.#listener.port;
  }

  #ask(command: string): Promise<string> {
    const answer = new Promise<string>((resolve) => this.#line = resolve);
    this.#socket?.write(command);
    return answer;
  }

  /** The offset of the bench's clock to the probe's, in ns, from the fastest of many requests. */
  async offset(): Promise<number> {
    let [best, offset] = [Infinity, 0];
    for (let i = 0; i < 200; i++) {
      const before = Bun.nanoseconds();
      const theirs = Number(await this.#ask("p"));
      const after = Bun.nanoseconds();
      if (after - before < best) [best, offset] = [after - before, (before + after) / 2 - theirs];
    }
    return offset;
  }

  async stamps(): Promise<Map<string, Partial<Stamps>>> {
    return new Map(JSON.parse(await this.#ask("d")) as [string, Partial<Stamps>][]);
  }

  close(): void {
    this.#listener.stop(true);
  }
}

/** Plays calls at 20 per second and returns the stages. */
export async function profile(calls: number): Promise<Stage[]> {
  const folder = mkdtempSync(join(tmpdir(), "telesetd-profile-"));
  const probe = new Probe();
  const ledger = new Ledger();
  const arrived = new Map<string, number>();
  const crm = new Crm((body, at) => {
    ledger.arrived(body, at);
    arrived.set(`${/"occtSourceID" value="([^"]*)"/.exec(body)?.[1]} ${/event name="(\w+)"/.exec(body)?.[1]}`, at);
  });
  const pbx = new Pbx();
  pbx.listen(heartbeat(), newParties("1001"));
  const here = import.meta.dirname;
  const telesetd = [process.execPath, "--preload", join(here, "probe.ts"), join(here, "../src/main.ts")];
  const setup = { folder, pbxPort: pbx.port, crmPort: crm.port, desks: ["1001"] };
  const running = await start("unit", { telesetd }, setup, { BENCH_PROBE_PORT: String(probe.port) });
  try {
    await within(30_000, pbx.settled(1, 2), () => `telesetd did not become ready:\n${running.log().slice(-2000)}`);
    await register(running, setup);
    const offset = await probe.offset();
    await play({ pbx, ledger, scripts: scripts(), desks: ["1001"] }, { callsPerSecond: 20, calls, warmUp: 20, others: 0 });
    return measured(ledger, arrived, await probe.stamps(), offset);
  } finally {
    await running.stop();
    crm.close();
    pbx.close();
    probe.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

function measured(
  ledger: Ledger,
  arrived: ReadonlyMap<string, number>,
  stamps: ReadonlyMap<string, Partial<Stamps>>,
  offset: number,
): Stage[] {
  const times = ledger.calls().flatMap(({ call, written }) =>
    moments.flatMap((name, moment): Partial<Times>[] => {
      const inside = Object.entries(stamps.get(`${call} ${name}`) ?? {}).map(([stage, at]) => [stage, at + offset]);
      const outside = { written: written[moment] ?? NaN, arrived: arrived.get(`${call} ${name}`) ?? NaN };
      return [{ ...Object.fromEntries(inside), ...outside }];
    })
  );
  return stages.map(([name, from, to]) => {
    const took = times.map((event) => ((event[to] ?? NaN) - (event[from] ?? NaN)) / 1000).filter((value) => !Number.isNaN(value));
    return { name, p50: median(took), p99: quantile(took, 0.99) };
  });
}
