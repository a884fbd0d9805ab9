/** A switch in memory, for the blueprint driver: its messages go to every connected driver. */
import type { Wire, WireConnection, WireEvent, WireLeg, WireLook } from "../../drivers/blueprint.ts";
import type { Peer } from "../contract/line.ts";
import { shortestPause } from "../../src/platform/backoff.ts";
import type { FakeTimers } from "./timers.ts";

/** The switch, and what the contract's tests make it do. */
export class MemoryWire implements Wire, Peer {
  readonly #legs = new Map<string, WireLeg>();
  readonly #connections = new Set<MemoryConnection>();
  readonly #registered = new Set(["1001", "1002"]);
  readonly #dialWaiters: (() => void)[] = [];
  #handset: "answers" | "declines" | "waits" = "answers";
  #isThere = true;
  #dials = 0;
  readonly #timers: FakeTimers;

  /** @param timers the driver's clock. */
  constructor(timers: FakeTimers) {
    this.#timers = timers;
  }

  async connect(_greeting: string, signal: AbortSignal): Promise<WireConnection> {
    if (signal.aborted || !this.#isThere) throw new Error("nobody is at the other end of the wire");
    const connection: MemoryConnection = new MemoryConnection(this, () => this.#connections.delete(connection));
    this.#connections.add(connection);
    signal.addEventListener("abort", () => connection.close(), { once: true });
    return await Promise.resolve(connection);
  }

  look(): WireLook {
    return { legs: [...this.#legs.values()], registered: [...this.#registered] };
  }

  /** Rings the handset for a dial command. */
  dial(extension: string, call: string, number: string): void {
    this.#dials++;
    this.#set({ id: call, call, extension, number, direction: "to-desk", state: "rings" });
    this.#dialWaiters.shift()?.();
    if (this.#handset === "waits") return;
    if (this.#handset === "answers") this.#change(call, "answered");
    else this.#end(call, "BUSY");
    this.#tell({ type: "dialled", call, ...(this.#handset === "answers" ? {} : { cause: "BUSY" }) });
  }

  async rings(from: string, to = "1001"): Promise<string> {
    const id = crypto.randomUUID();
    this.#set({ id, extension: to, number: from, direction: "to-desk", state: "rings" });
    return await Promise.resolve(id);
  }

  async answers(leg: string): Promise<void> {
    return await Promise.resolve(this.#change(leg, "talks"));
  }

  async callerHangsUp(leg: string): Promise<void> {
    return await Promise.resolve(this.#end(leg, "CLEARED"));
  }

  async holds(leg: string, held: boolean): Promise<void> {
    return await Promise.resolve(this.#change(leg, held ? "held" : "talks"));
  }

  async keypad(number: string): Promise<string> {
    const id = crypto.randomUUID();
    this.#set({ id, extension: "1001", number, direction: "from-desk", state: "calls" });
    return await Promise.resolve(id);
  }

  async farAnswers(leg: string): Promise<void> {
    return await this.answers(leg);
  }

  registers(registered: boolean): void {
    if (registered) this.#registered.add("1001");
    else this.#registered.delete("1001");
    this.#tell({ type: "phone", extension: "1001", registered });
  }

  handset(does: "answers" | "declines" | "waits"): void {
    this.#handset = does;
  }

  nextDial(): Promise<void> {
    return new Promise((resolve) => this.#dialWaiters.push(resolve));
  }

  dials(): number {
    return this.#dials;
  }

  goes(): void {
    this.#isThere = false;
    for (const connection of [...this.#connections]) connection.close();
  }

  async comesBack(): Promise<void> {
    this.#isThere = true;
    await this.#timers.pass(shortestPause);
  }

  async idle(): Promise<void> {
    if (this.#connections.size > 0) throw new Error("Cannot be idle: a connection is still open");
    return await Promise.resolve();
  }

  #set(leg: WireLeg): void {
    this.#legs.set(leg.id, leg);
    this.#tell({ type: "leg", leg });
  }

  #change(id: string, state: WireLeg["state"]): void {
    const leg = this.#legs.get(id);
    if (leg) this.#set({ ...leg, state });
  }

  #end(id: string, cause: string): void {
    const leg = this.#legs.get(id);
    this.#legs.delete(id);
    if (leg) this.#tell({ type: "gone", leg, cause });
  }

  #tell(event: WireEvent): void {
    for (const connection of this.#connections) connection.push(event);
  }
}

/** One connection; what happens is kept until it is taken. */
class MemoryConnection implements WireConnection {
  readonly events: ReadableStream<WireEvent>;
  readonly #wire: MemoryWire;
  readonly #onClose: () => void;
  #queue: ReadableStreamDefaultController<WireEvent> | undefined;

  constructor(wire: MemoryWire, onClose: () => void) {
    this.#wire = wire;
    this.#onClose = onClose;
    this.events = new ReadableStream({ start: (queue) => void (this.#queue = queue) });
  }

  push(event: WireEvent): void {
    this.#queue?.enqueue(event);
  }

  async look(): Promise<WireLook> {
    return await Promise.resolve(this.#wire.look());
  }

  dial(extension: string, call: string, number: string): void {
    this.#wire.dial(extension, call, number);
  }

  close(): void {
    this.#queue?.close();
    this.#queue = undefined;
    this.#onClose();
  }
}
