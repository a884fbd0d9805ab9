/** Everything of the demo on a page: the simulated switch with its phones, the real daemon, and a small UWQ. */
import { Simulator } from "../../../../simulator/freeswitch/mod.ts";
import { openLog } from "../../../log/log.ts";
import type { PageSource } from "../../../page/source.ts";
import { type Rig, startRig } from "../stage.ts";
import { frameText, messageText } from "../transcript.ts";
import { customers, type Deed, deeds, desk, Phones } from "./phones.ts";
import { SmallUwq } from "./uwq.ts";

/** What people can do besides talking. */
export const actions = ["customer", "stranger", "colleague", "unplug", "plug", "cut", "join", "close", "open"] as const;
export type Action = (typeof actions)[number];

/** How many messages of the wires are kept, and how long a notice is shown, in ms. */
const maxMessages = 40;
const noticeMs = 8000;

const agent = { telesetNumber: desk, agentID: `agent-${desk}` };

/** The demo. */
export class Town {
  readonly #sim: Simulator;
  readonly #rig: Rig;
  readonly #changed: () => void;
  readonly phones: Phones;
  readonly uwq: SmallUwq;
  /** The last messages of both wires, the oldest first. */
  readonly messages: readonly string[];
  /** Whether the box can reach the switch. */
  isLinked = true;
  /** Why the last action did nothing; empty otherwise. */
  notice = "";
  #forget: ReturnType<typeof setTimeout> | undefined;

  private constructor({ sim, rig, phones, uwq, messages, changed }: {
    readonly sim: Simulator;
    readonly rig: Rig;
    readonly phones: Phones;
    readonly uwq: SmallUwq;
    readonly messages: readonly string[];
    readonly changed: () => void;
  }) {
    this.#sim = sim;
    this.#rig = rig;
    this.#changed = changed;
    this.phones = phones;
    this.uwq = uwq;
    this.messages = messages;
  }

  /** Starts everything on loopback; the agent logs in. `changed` is called after each change. */
  static async start(changed: () => void, err: (text: string) => void): Promise<Town> {
    const messages: string[] = [];
    const add = (text: string): void => {
      messages.push(text);
      if (messages.length > maxMessages) messages.shift();
      changed();
    };
    const sim = new Simulator({
      onFrame: (direction, frame) => {
        const text = frameText(direction, frame);
        if (text !== undefined && text !== "HEARTBEAT") {
          add(messageText({ wire: "switch", to: direction === "in" ? "peer" : "telesetd", text }));
        }
      },
    });
    await sim.start();
    const phones = new Phones(sim, changed);
    const arrived = (event: Parameters<SmallUwq["receive"]>[0]): void => {
      add(messageText({ wire: "crm", to: "peer", text: event.xml }));
      uwq.receive(event);
    };
    const log = openLog((line) => err(`${line}\n`), "error", false);
    const rig = await startRig({ switch: { port: sim.port, password: "ClueCon" }, log, onEvent: arrived });
    const uwq = new SmallUwq({
      crm: rig.crm,
      register: (port) => rig.callout("Register", { ...agent, ipAddress: "127.0.0.1", port: String(port) }),
      since: (call) => phones.since(call),
      changed,
      received: arrived,
    });
    await sim.server.subscriber();
    await rig.callout("Login", { ...agent, agentPassword: "secret", agentQueue: "7000" });
    await rig.callout("Ready", agent);
    return new Town({ sim, rig, phones, uwq, messages, changed });
  }

  /** What the box shows. */
  get box(): PageSource {
    return this.#rig.app.view;
  }

  /** One of `actions`, `dial` with a customer's id, or a deed with the id of a conversation. */
  async act(name: string, id: string): Promise<void> {
    const action = actions.find((action) => action === name);
    const deed = deeds.find((deed): deed is Deed => deed === name);
    const why = action ? await this.#do(action) : name === "dial" ? await this.#dial(id) : undefined;
    if (deed) await this.phones.act(id, deed);
    this.#say(why ?? "");
  }

  async stop(): Promise<void> {
    clearTimeout(this.#forget);
    this.uwq.close();
    await this.#rig.stop();
    this.#sim.stop();
  }

  async #do(action: Action): Promise<string | undefined> {
    switch (action) {
      case "customer":
        return await this.phones.customerCalls();
      case "stranger":
        return await this.phones.strangerCalls();
      case "colleague":
        return await this.phones.colleagueCalls();
      case "unplug":
        await this.phones.unplug();
        return undefined;
      case "plug":
        this.phones.plug();
        return undefined;
      case "cut":
        this.isLinked = false;
        this.#sim.server.close();
        return undefined;
      case "join":
        if (!this.isLinked) await this.#sim.server.listen();
        this.isLinked = true;
        return undefined;
      case "close":
        this.uwq.close();
        return undefined;
      case "open":
        await this.uwq.open();
        return undefined;
    }
  }

  /** The agent clicks a customer's number in UWQ. */
  async #dial(id: string): Promise<string | undefined> {
    const customer = customers.find((customer) => customer.id === id);
    if (!customer || !this.uwq.isOpen) return undefined;
    this.phones.dials(customer.name);
    const answer = await this.#rig.callout("MakeCall", { ...agent, dialString: `9${customer.number}` });
    return /name="occtErrorMsg" value="([^"]*)"/.exec(answer)?.[1];
  }

  #say(notice: string): void {
    clearTimeout(this.#forget);
    this.notice = notice;
    if (notice !== "") this.#forget = setTimeout(() => this.#say(""), noticeMs);
    this.#changed();
  }
}
