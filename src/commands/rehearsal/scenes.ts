/** The scenes of the demo: what people do at a desk, one flow after the other. */
import type { Simulator } from "../../../simulator/freeswitch/mod.ts";
import type { Rig } from "./stage.ts";

/** The means of a scene. */
export interface Stage {
  readonly sim: Simulator;
  readonly rig: Rig;
  /** Waits as long as a person would. */
  readonly pause: (ms?: number) => Promise<void>;
  /** A callout, shown in the transcript. */
  readonly callout: (name: string, parameters?: Readonly<Record<string, string>>) => Promise<string>;
}

/** A scene. `events` is the number of events that it must send to the CRM. */
export interface Scene {
  readonly title: string;
  readonly events: number;
  play(stage: Stage): Promise<void>;
}

const customer = "14155550123";
const desk = { telesetNumber: "1001", agentID: "agent-1001" };

/** In playing order. */
export const scenes: readonly Scene[] = [
  {
    title: "The agent logs in to UWQ: Login, Ready, CheckStatus",
    events: 0,
    async play({ callout }) {
      await callout("Login", { ...desk, agentPassword: "secret", agentQueue: "7000" });
      await callout("Ready", desk);
      await callout("CheckStatus");
    },
  },
  {
    title: "A customer calls, the agent answers, the customer hangs up; the switch has looked the customer up (CustomerID)",
    events: 3,
    async play({ sim, pause }) {
      const call = await sim.inbound({ from: customer, to: "1001", data: { CustomerID: "C-4711" } });
      await pause();
      await call.answer();
      await pause();
      await call.callerHangsUp();
    },
  },
  {
    title: "A customer hangs up before anybody answers",
    events: 2,
    async play({ sim, pause }) {
      const call = await sim.inbound({ from: customer, to: "1001" });
      await pause();
      await call.callerHangsUp();
    },
  },
  {
    title: "The agent declines a call",
    events: 2,
    async play({ sim, pause }) {
      const call = await sim.inbound({ from: customer, to: "1001" });
      await pause();
      await call.reject();
    },
  },
  {
    title: "Hold and retrieve send nothing to the CRM; then the agent transfers the customer to 1002",
    events: 3,
    async play({ sim, pause }) {
      const call = await sim.inbound({ from: customer, to: "1001" });
      await call.answer();
      await pause(200);
      await call.hold();
      await pause(200);
      await call.retrieve();
      const away = await call.blindTransferAway("1002");
      await pause(200);
      await away.callerHangsUp();
    },
  },
  {
    title: "The agent dials 914155550123 on the keypad: 9 is the outside line, the CRM gets the customer's number",
    events: 3,
    async play({ sim, pause }) {
      const call = await sim.keypad({ extension: "1001", number: `9${customer}` });
      await call.farRings();
      await pause();
      await call.farAnswers();
      await pause();
      await call.hangUp();
    },
  },
  {
    title: "The agent clicks a number in the CRM (MakeCall): the handset rings and is answered, then the customer is called",
    events: 3,
    async play({ sim, callout, pause }) {
      const dialled = sim.nextDialled();
      await callout("MakeCall", { ...desk, dialString: `9${customer}` });
      const call = await dialled;
      await call.answer();
      await pause();
      await call.farAnswers();
      await pause();
      await call.hangUp();
    },
  },
  {
    title: "A colleague calls: internal calls send nothing to the CRM. Then the colleague transfers a customer: now it pops",
    events: 3,
    async play({ sim, pause }) {
      const transfer = await sim.attendedTransferToDesk({ from: customer, via: "1002", to: "1001" });
      await pause(200);
      await transfer.answer();
      await pause();
      const talk = await transfer.complete();
      await pause();
      await talk.agentHangsUp();
    },
  },
  {
    title:
      "The link to FreeSWITCH breaks during a call, and the call ends meanwhile: the CRM gets CallReleased when the link is back",
    events: 3,
    async play({ sim, rig, pause, callout }) {
      const call = await sim.inbound({ from: customer, to: "1001" });
      await call.answer();
      await pause();
      sim.cut("rst");
      await pause(100);
      await callout("CheckStatus");
      await call.callerHangsUp();
      for (let tries = 0; tries < 200 && rig.app.status().desks[0]?.trouble !== undefined; tries++) await pause(20);
      await callout("CheckStatus");
    },
  },
  {
    title: "Somebody unplugs the phone: CheckStatus and MakeCall report it",
    events: 0,
    async play({ sim, callout, pause }) {
      await sim.phones.unregister("1001");
      await pause(100);
      await callout("CheckStatus");
      await callout("MakeCall", { ...desk, dialString: `9${customer}` });
      await sim.phones.register("1001");
      await pause(100);
    },
  },
];
