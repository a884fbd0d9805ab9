/** The loop with a line that a test controls, a real store, and a courier whose CRM confirms everything at once. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Callout, Reply } from "../../src/core/crm.ts";
import type { CommandResult, KnownLegs, LegFacts, Line, LineCommand, LineEvent } from "../../src/core/line.ts";
import { openLog } from "../../src/log/log.ts";
import { Loop } from "../../src/loop.ts";
import { Courier } from "../../src/outbox/courier.ts";
import { Outbox } from "../../src/outbox/outbox.ts";
import { Registrations } from "../../src/outbox/registrations.ts";
import { deliveryRules } from "../../src/outbox/schedule.ts";
import { openStore } from "../../src/store/sqlite.ts";
import { policyWith } from "./core/site.ts";
import type { Store } from "../../src/outbox/record.ts";

const folder = mkdtempSync(join(tmpdir(), "telesetd-loop-"));
process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
let count = 0;

/** A place for a new store. */
export function storePath(): string {
  return join(folder, `${++count}.db`);
}

/** A line that reports the events of a test. */
class FakeLine implements Line {
  known: KnownLegs = () => [];
  readonly commands: LineCommand[] = [];
  /** The immediate result of every command; undefined if a test sets none. */
  result: CommandResult | undefined;
  #heard: LineEvent[] = [];
  #more = Promise.withResolvers<void>();

  async *events(signal: AbortSignal, known: KnownLegs): AsyncGenerator<LineEvent> {
    this.known = known;
    signal.addEventListener("abort", () => this.#more.resolve());
    while (!signal.aborted) {
      yield* this.#heard.splice(0);
      await this.#more.promise;
      this.#more = Promise.withResolvers();
    }
  }

  execute(command: LineCommand): void {
    this.commands.push(command);
    if (this.result) void this.say({ type: "result", command, result: this.result });
  }

  /** The result of the last command. */
  async ends(result: CommandResult): Promise<void> {
    const command = this.commands.at(-1);
    if (!command) throw new Error("Cannot end a command: there was none");
    await this.say({ type: "result", command, result });
  }

  async say(...events: LineEvent[]): Promise<void> {
    this.#heard.push(...events);
    this.#more.resolve();
    await settle();
  }
}

/** The default address of each agent's UWQ. */
export const places = { A: "10.0.0.7", B: "10.0.0.8" };
const agents = new Map(Object.entries(places).map(([agent, address]) => [address, agent]));

/** The parts, and the events that the CRM got. */
export class Rig {
  now = 0;
  readonly line = new FakeLine();
  readonly store: Store;
  readonly courier: Courier;
  readonly registrations = new Registrations();
  readonly loop: Loop;
  readonly sent: string[] = [];
  readonly running: Promise<void>;

  constructor({ desks = ["1001"], store = openStore(storePath()) }: { desks?: string[]; store?: Store } = {}) {
    const now = () => this.now;
    const log = openLog(() => {}, "error", false);
    this.store = store;
    const crm = {
      deliver: (event: { name: string; call: string }, { address }: { address: string }) => {
        this.sent.push(`${agents.get(address) ?? address}: ${event.name} ${event.call}`);
        return Promise.resolve({ outcome: "done" } as const);
      },
    };
    this.courier = new Courier({ store, crm, now, random: () => 1, rules: deliveryRules, log });
    let ids = 0;
    const newId = () => `m${++ids}`;
    const outbox = new Outbox({ store, courier: this.courier, now, log });
    const { line, registrations } = this;
    this.loop = new Loop({ desks, line, store, outbox, registrations, policy: policyWith(), now, newId, log });
    this.running = this.loop.run();
  }

  async register(agent: keyof typeof places = "A", desk = "1001", address: string = places[agent]): Promise<Reply> {
    const reply = await this.loop.submit({ name: "Register", desk, agent, address, port: 8080 });
    await settle();
    return reply;
  }

  async end(): Promise<void> {
    this.loop.stop();
    await Promise.all([this.running, this.courier.stop(0)]);
    this.store.close();
  }
}

/** Runs everything that waits for no time. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
}

/** The link is up. */
export const up: LineEvent = { type: "link-up", to: "switch" };
/** Facts of a leg, by default of the first leg of desk 1001. */
export const leg = (facts: Partial<LegFacts>): LineEvent => ({
  type: "leg",
  facts: { desk: "1001", leg: "L1", direction: "to-desk", caller: { identity: "14155550123", outside: true }, ...facts },
});
/** The end of a leg. */
export const ended = { cause: "NORMAL_CLEARING", why: "The handset was put down." };
/** A number to dial. */
export const makeCall: Callout = { name: "MakeCall", desk: "1001", agent: "A", dialString: "914155550123", from: "10.0.0.7" };
