/** The phones of the demo: what people do with them at the simulated switch, one action for each button. */
import type { DialledCall } from "../../../../simulator/freeswitch/dialled.ts";
import type { InboundCall } from "../../../../simulator/freeswitch/inbound.ts";
import type { Simulator } from "../../../../simulator/freeswitch/mod.ts";

/** A customer in the CRM. */
export interface Customer {
  readonly name: string;
  readonly number: string;
  readonly id: string;
}

/** The customers, with numbers that are reserved for examples. */
export const customers: readonly Customer[] = [
  { name: "Ada Lopez", number: "14155550123", id: "C-4711" },
  { name: "Ben Okafor", number: "442079460018", id: "C-0815" },
  { name: "Chen Wei", number: "12125550147", id: "C-2718" },
];

/** The desk of the demo, and the colleague's. */
export const desk = "1001";
export const colleague = "1002";

/** What a conversation of the desk phone is at: `lift`: the phone rings because UWQ dials. */
export type Phase = "rings" | "talks" | "held" | "lift" | "calling";

/** A conversation of the desk phone. */
export interface Conversation {
  readonly id: string;
  readonly who: string;
  readonly phase: Phase;
  /** Whether it can be held and transferred: the simulator can do that with calls to the desk. */
  readonly canTransfer: boolean;
}

/** What may be done with a conversation. */
export const deeds = ["answer", "decline", "hold", "resume", "transfer", "hangup", "leave", "far-answers"] as const;
export type Deed = (typeof deeds)[number];

/** The deeds that make sense in a phase. */
export function possible({ phase, canTransfer }: Pick<Conversation, "phase" | "canTransfer">): readonly Deed[] {
  switch (phase) {
    case "rings":
      return ["answer", "decline", "leave"];
    case "lift":
      return ["answer", "decline"];
    case "calling":
      return ["far-answers", "hangup"];
    case "talks":
      return canTransfer ? ["hold", "transfer", "hangup", "leave"] : ["hangup", "leave"];
    case "held":
      return ["resume", "hangup", "leave"];
  }
}

/** The maximum number of conversations at once: a desk phone has few lines. */
const maxConversations = 3;

/** How long the colleague talks to a customer who was transferred, in ms. */
const colleagueMs = 6000;

interface Call {
  readonly who: string;
  phase: Phase;
  readonly call: InboundCall | DialledCall;
}

/** The phones. */
export class Phones {
  readonly #sim: Simulator;
  readonly #changed: () => void;
  readonly #calls = new Map<string, Call>();
  #turn = 0;
  /** Whom UWQ dials. */
  #dialling = "";
  /** When something was last done with a conversation, in ms of performance.now. */
  readonly #acted = new Map<string, number>();
  /** Whether the desk phone is plugged in. */
  plugged = true;
  /** Whom the colleague talks to. */
  colleagueTalksTo: string | undefined;

  constructor(sim: Simulator, changed: () => void) {
    this.#sim = sim;
    this.#changed = changed;
    sim.handsetDoes = { does: "waits" };
    sim.farDoes = { does: "waits" };
    this.#expectDial();
  }

  /** How long ago something was done with a conversation, in ms. */
  since(id: string): number | undefined {
    const at = this.#acted.get(id);
    return at === undefined ? undefined : performance.now() - at;
  }

  /** The conversations of the desk phone, the oldest first. */
  get conversations(): readonly Conversation[] {
    for (const [id, { call }] of this.#calls) if (call.leg.over) this.#calls.delete(id);
    return [...this.#calls].map(([id, { who, phase, call }]) => ({ id, who, phase, canTransfer: "blindTransferAway" in call }));
  }

  /** The next customer calls the desk. @returns why that is not possible. */
  customerCalls(): Promise<string | undefined> {
    const customer = customers[this.#turn++ % customers.length];
    if (!customer) return Promise.resolve(undefined);
    return this.#called(customer.name, customer.number, { CustomerID: customer.id });
  }

  /** Somebody calls whose number is withheld. */
  strangerCalls(): Promise<string | undefined> {
    return this.#called("Withheld number", "anonymous");
  }

  colleagueCalls(): Promise<string | undefined> {
    return this.#called(`Colleague ${colleague}`, colleague);
  }

  /** UWQ is about to dial: the desk phone will ring, and call the number once it is answered. */
  dials(who: string): void {
    this.#dialling = who;
  }

  #expectDial(): void {
    void this.#sim.nextDialled().then((call) => {
      this.#add(this.#dialling, "lift", call);
      this.#expectDial();
    });
  }

  /** Does something with a conversation, if it is possible now. */
  async act(id: string, deed: Deed): Promise<void> {
    const known = this.conversations.find((conversation) => conversation.id === id);
    const call = this.#calls.get(id);
    if (!known || !call || !possible(known).includes(deed)) return;
    this.#acted.set(id, performance.now());
    await ("farAnswers" in call.call ? this.#dialled(call, call.call, deed) : this.#inbound(call, call.call, deed));
    this.#changed();
  }

  /** Pulls the plug: the phone's calls end, and the switch notices. */
  async unplug(): Promise<void> {
    for (const { id, phase } of this.conversations) {
      await this.act(id, phase === "rings" || phase === "lift" ? "decline" : "hangup");
    }
    this.#sim.phones.unregister(desk);
    this.plugged = false;
    this.#changed();
  }

  plug(): void {
    this.#sim.phones.register(desk);
    this.plugged = true;
    this.#changed();
  }

  async #called(who: string, from: string, data?: Readonly<Record<string, string>>): Promise<string | undefined> {
    if (!this.plugged) return "The desk phone is unplugged: the switch has no phone to ring.";
    if (this.conversations.length >= maxConversations) return `The desk phone has ${maxConversations} lines, and all are in use.`;
    if (from === colleague && this.conversations.some((conversation) => conversation.who === who)) {
      return "The colleague already calls.";
    }
    const before = performance.now();
    const call = await this.#sim.inbound({ from, to: desk, ...(data ? { data } : {}) });
    this.#acted.set(call.uuid, before);
    this.#add(who, "rings", call);
    return undefined;
  }

  #add(who: string, phase: Phase, call: InboundCall | DialledCall): void {
    this.#calls.set(call.uuid, { who, phase, call });
    this.#changed();
  }

  async #inbound(state: Call, call: InboundCall, deed: Deed): Promise<void> {
    if (deed === "answer") await call.answer();
    if (deed === "hold") await call.hold();
    if (deed === "resume") await call.retrieve();
    if (deed === "decline" || deed === "hangup") await call.agentHangsUp();
    if (deed === "leave") await call.callerHangsUp();
    if (deed === "transfer") await this.#transfer(state.who, call);
    state.phase = deed === "hold" ? "held" : "talks";
  }

  /** The colleague answers at once, and talks for some seconds. */
  async #transfer(who: string, call: InboundCall): Promise<void> {
    const away = await call.blindTransferAway(colleague);
    await away.answer();
    this.colleagueTalksTo = who;
    this.#sim.later(colleagueMs, () => {
      this.colleagueTalksTo = undefined;
      if (!away.leg.over) void away.callerHangsUp();
      this.#changed();
    });
  }

  async #dialled(state: Call, call: DialledCall, deed: Deed): Promise<void> {
    if (deed === "answer") await call.answer();
    if (deed === "far-answers") await call.farAnswers();
    if (deed === "decline" || deed === "hangup") await call.hangUp();
    if (deed === "leave") await call.farHangsUp();
    state.phase = deed === "answer" ? "calling" : "talks";
  }
}
