/** The small UWQ of the demo: opens a page for each ScreenPop, and can be closed and opened again. */
import { type ReceivedEvent, SmallCrm } from "../../../../simulator/crm/mod.ts";
import { type Customer, customers } from "./phones.ts";

/** A page that UWQ has opened for a call. */
export interface Pop {
  readonly call: string;
  readonly number: string;
  /** The customer with this number. */
  readonly customer?: Customer;
  readonly state: "rings" | "talks" | "ended";
  /** The events of the call, with the time from what a person did to the event, in ms. */
  readonly events: readonly { readonly name: string; readonly ms?: number }[];
}

/** How many pages are kept. */
const maxPops = 4;

const states: Readonly<Record<string, Pop["state"]>> = { CallEstablished: "talks", CallReleased: "ended" };

/** UWQ on the agent's PC. */
export class SmallUwq {
  readonly #register: (port: number) => Promise<unknown>;
  readonly #changed: () => void;
  readonly #since: (call: string) => number | undefined;
  readonly #received: (event: ReceivedEvent) => void;
  #crm: SmallCrm | undefined;
  /** The newest first. */
  pops: readonly Pop[] = [];

  /**
   * @param register tells the box where UWQ is. @param since how long ago something was done with a call, in ms. @param received
   * gets each event, and calls `receive`.
   */
  constructor({ crm, register, since, changed, received }: {
    readonly crm: SmallCrm;
    readonly register: (port: number) => Promise<unknown>;
    readonly since: (call: string) => number | undefined;
    readonly changed: () => void;
    readonly received: (event: ReceivedEvent) => void;
  }) {
    this.#crm = crm;
    this.#register = register;
    this.#since = since;
    this.#changed = changed;
    this.#received = received;
  }

  get isOpen(): boolean {
    return this.#crm !== undefined;
  }

  /** An event of the box. */
  receive({ name, data }: ReceivedEvent): void {
    const call = data["occtSourceID"] ?? "";
    const ms = this.#since(call);
    const event = { name, ...(ms === undefined ? {} : { ms }) };
    const known = this.pops.find((pop) => pop.call === call);
    const others = this.pops.filter((pop) => pop !== known);
    if (known) {
      const changed = { ...known, state: states[name] ?? known.state, events: [...known.events, event] };
      this.pops = this.pops.map((pop) => pop === known ? changed : pop);
    } else if (name === "ScreenPop") {
      const number = data["occtANI"] ?? "";
      const customer = customers.find((customer) => customer.number === number);
      this.pops = [{ call, number, ...(customer ? { customer } : {}), state: "rings" as const, events: [event] }, ...others]
        .slice(0, maxPops);
    }
    this.#changed();
  }

  /** The agent closes UWQ, or switches the PC off. */
  close(): void {
    this.#crm?.close();
    this.#crm = undefined;
    this.#changed();
  }

  /** The agent opens UWQ again, on a port that is free. */
  async open(): Promise<void> {
    if (this.#crm) return;
    this.#crm = await SmallCrm.open(this.#received);
    await this.#register(this.#crm.port);
    this.#changed();
  }
}
