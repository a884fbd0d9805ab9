/**
 * The connections to the CRM: each carries one POST. The one for the next event may be made ahead of it (a spare), so that the
 * event does not wait for it. Nothing was sent over a spare before, so whether it can be used is as certain as with a new
 * connection.
 */
import { type Address, addressText, type CrmEvent } from "../core/crm.ts";
import type { Log } from "../log/log.ts";
import { BunConnection, connectAbortably, type Connection, type Owner } from "./connection.ts";

/** How long a spare is kept unused, in ms. */
const maxIdleMs = 30_000;
/** How often a CRM may close a spare, or leave a POST over one without an answer, before it gets no more of them. */
const maxFaults = 2;
const whyNoMore = "the CRM has closed or not answered two of them";
/** How long an event waits for a spare that is still being made, in ms: an attempt after a lost packet takes longer. */
const maxWaitMs = 1000;
/** The maximum number of addresses whose faults are remembered, and of calls that one address waits for. */
const maxFaultyPlaces = 256;
const maxCalls = 64;

/** What the connections of all addresses share. */
interface Shared {
  /** Whether connections are made ahead of events. */
  readonly ahead: boolean;
  readonly log: Log;
  readonly places: Map<string, Place>;
  /** How often the CRM at an address has not been able to handle a spare. */
  readonly faults: Map<string, number>;
}

/** The connections to all addresses. */
export class Connections {
  readonly #shared: Shared;

  /** @param ahead whether connections are made ahead of events. */
  constructor(ahead: boolean, log: Log) {
    this.#shared = { ahead, log, places: new Map(), faults: new Map() };
  }

  /** The connections to one address. */
  to(address: Address): Place {
    const { places } = this.#shared;
    const name = addressText(address);
    const place = places.get(name) ?? new Place(name, address, this.#shared);
    places.set(name, place);
    return place;
  }

  /** Closes the spares. */
  close(): void {
    for (const place of this.#shared.places.values()) place.close();
  }
}

/** The connections to one address. At most one spare exists, and at most one attempt of Bun.connect, which cannot be aborted. */
export class Place {
  readonly #name: string;
  readonly #address: Address;
  readonly #shared: Shared;
  /** The calls whose events may follow soon. */
  readonly #calls = new Set<string>();
  #spare: BunConnection | undefined;
  /** The attempt in progress. */
  #attempt: BunConnection | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** A CRM that closes a spare, or speaks before it has been asked, cannot handle it. */
  readonly #spareOwner: Owner = { sent: () => {}, received: () => this.#lostSpare(), closed: () => this.#lostSpare() };

  constructor(name: string, address: Address, shared: Shared) {
    this.#name = name;
    this.#address = address;
    this.#shared = shared;
  }

  /** An event of this call follows soon: makes a connection ahead of it. */
  expect(call: string): void {
    this.#note(call);
    this.prepare();
    this.#forgetIfIdle();
  }

  /** No event of this call follows. */
  expectNoMore(call: string): void {
    this.#calls.delete(call);
    if (this.#calls.size === 0) this.close();
  }

  /** Makes a connection ahead of the next event, if one may follow soon. */
  prepare(): void {
    if (this.#calls.size > 0 && !this.#spare && !this.#attempt) this.#spare = this.#connect(this.#spareOwner);
  }

  /** Sends a request with an event of this call, over the spare or a new connection. */
  post({ name, call }: CrmEvent, request: string, owner: Owner): Connection {
    if (name === "CallReleased") this.#calls.delete(call);
    else if (name === "ScreenPop" || name === "CallEstablished") this.#note(call);
    const connection = this.#postAhead(request, owner) ??
      (this.#attempt ? connectAbortably(this.#address, request, owner) : this.#connect(owner, request));
    this.#forgetIfIdle();
    return connection;
  }

  #postAhead(request: string, owner: Owner): Connection | undefined {
    const spare = this.#spare;
    this.#spare = undefined;
    if (!spare?.isOpen && (!spare || performance.now() - spare.since >= maxWaitMs)) {
      spare?.close();
      return undefined;
    }
    if (spare.post(request, owner)) return spare;
    this.#fault();
    return undefined;
  }

  /** A POST over this connection got no answer: the spare may be as bad. */
  unanswered(connection: Connection | undefined): void {
    if (connection instanceof BunConnection && connection.isSpare) this.#fault();
    this.close();
  }

  /** Closes the spare, and expects nothing. */
  close(): void {
    this.#calls.clear();
    this.#spare?.close();
    this.#spare = undefined;
    this.#forgetIfIdle();
  }

  #connect(owner: Owner, request?: string): BunConnection {
    return this.#attempt = new BunConnection(this.#address, () => this.#made(), owner, request);
  }

  #made(): void {
    this.#attempt = undefined;
    this.#forgetIfIdle();
  }

  #note(call: string): void {
    const { ahead, faults } = this.#shared;
    if (!ahead || (faults.get(this.#name) ?? 0) >= maxFaults) return;
    if (this.#calls.size < maxCalls) this.#calls.add(call);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.close(), maxIdleMs);
  }

  /** A spare that could not be made does not count: the PC is off. */
  #lostSpare(): void {
    if (this.#spare?.isOpen) this.#fault();
    this.close();
  }

  #fault(): void {
    const { log, faults } = this.#shared;
    const count = (faults.get(this.#name) ?? 0) + 1;
    faults.set(this.#name, count);
    const [oldest] = faults.keys();
    if (faults.size > maxFaultyPlaces && oldest !== undefined) faults.delete(oldest);
    if (count < maxFaults) return;
    this.#calls.clear();
    if (count === maxFaults) log.info("No more connections are made ahead of events", { to: this.#name, why: whyNoMore });
  }

  #forgetIfIdle(): void {
    const { places } = this.#shared;
    if (this.#calls.size > 0 || this.#spare || this.#attempt) return;
    clearTimeout(this.#timer);
    if (places.get(this.#name) === this) places.delete(this.#name);
  }
}
