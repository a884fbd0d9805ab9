/** The link to the switch is lost, in each way, at each moment of a call: what the CRM has been told at the end, and under which id. */
import { describe, expect, test } from "bun:test";
import { cuts, ends, type Fault, LineRig, markOf } from "../support/faults/line-rig.ts";

/** A call at a moment of its life, and how it goes on. */
interface Moment {
  readonly name: string;
  /** Brings the call there; resolves with it when the CRM has been told so much. */
  begin(rig: LineRig): Promise<Begun>;
}

interface Begun {
  readonly id: string;
  /** What the CRM was told until now. */
  readonly before: readonly string[];
  /** Lets the call go on to its end, with the far end's answer, where it has not answered yet. */
  finish(): Promise<void>;
  /** What the CRM is told by that. */
  readonly after: readonly string[];
  /** The answer of a call that was ringing; absent where there is nothing to answer. */
  answer?(): Promise<void>;
  /** Ends it at once. */
  end(): Promise<void>;
}

const pop = "ScreenPop", established = "CallEstablished", released = "CallReleased";

const ringing: Moment = {
  name: "ringing",
  async begin(rig) {
    const call = await rig.sim.inbound({ from: "14155550123", to: "1001" });
    await rig.told(1);
    const finish = async () => {
      await call.answer();
      await call.callerHangsUp();
    };
    const answer = () => call.answer();
    const end = () => call.callerHangsUp();
    return { id: call.uuid, before: [pop], finish, after: [established, released], answer, end };
  },
};

const talking: Moment = {
  name: "talking",
  async begin(rig) {
    const call = await rig.sim.inbound({ from: "14155550123", to: "1001" });
    await call.answer();
    await rig.told(2);
    const end = () => call.callerHangsUp();
    return { id: call.uuid, before: [pop, established], finish: end, after: [released], end };
  },
};

const held: Moment = {
  name: "held",
  async begin(rig) {
    const call = await rig.sim.inbound({ from: "14155550123", to: "1001" });
    await call.answer();
    await call.hold();
    await rig.told(2);
    const finish = async () => {
      await call.retrieve();
      await call.agentHangsUp();
    };
    return { id: call.uuid, before: [pop, established], finish, after: [released], end: () => call.callerHangsUp() };
  },
};

const keypad: Moment = {
  name: "dialling on the keypad, the far end rings",
  async begin(rig) {
    const call = await rig.sim.keypad({ extension: "1001", number: "14155550123" });
    await call.farRings();
    await rig.told(1);
    const finish = async () => {
      await call.farAnswers();
      await call.hangUp();
    };
    const answer = () => call.farAnswers();
    return { id: call.uuid, before: [pop], finish, after: [established, released], answer, end: () => call.hangUp() };
  },
};

const clicked: Moment = {
  name: "a MakeCall whose handset rings",
  async begin(rig) {
    const { call, answer } = await rig.click();
    await answer;
    const finish = async () => {
      await call.lift();
      await call.farAnswers();
      await call.hangUp();
    };
    return { id: markOf(call), before: [], finish, after: [pop, established, released], end: () => call.hangUp() };
  },
};

const lifted: Moment = {
  name: "a MakeCall after the lift, the far end rings",
  async begin(rig) {
    const { call, answer } = await rig.click();
    await answer;
    await call.lift();
    await rig.told(1);
    const finish = async () => {
      await call.farAnswers();
      await call.hangUp();
    };
    const far = () => call.farAnswers();
    return { id: markOf(call), before: [pop], finish, after: [established, released], answer: far, end: () => call.hangUp() };
  },
};

const moments: readonly Moment[] = [ringing, talking, held, keypad, clicked, lifted];
const popped = moments.filter(({ name }) => name !== clicked.name);
const answerable = [ringing, keypad, lifted];

async function withRig(play: (rig: LineRig) => Promise<void>): Promise<void> {
  const rig = await LineRig.start();
  try {
    await play(rig);
  } finally {
    await rig.stop();
  }
}

function of(id: string, names: readonly string[]): string[] {
  return names.map((name) => `${name} ${id}`);
}

const words: Record<Fault, string> = {
  fin: "FIN",
  rst: "RST",
  silence: "silence",
  shutdown: "SHUTDOWN",
  restart: "another Core-UUID",
};

for (const fault of cuts) {
  describe(`${words[fault]}, and the switch goes on`, () => {
    test.concurrent.each(moments)(
      "$name: the call goes on with its id, nothing is told twice",
      ({ begin }) =>
        withRig(async (rig) => {
          const { id, before, finish, after } = await begin(rig);
          await rig.lose(fault);
          await rig.back(fault);
          await finish();
          await rig.told(before.length + after.length);
          expect(await rig.all()).toEqual(of(id, [...before, ...after]));
        }),
    );

    test.concurrent.each(moments)(
      "$name, and it ends meanwhile: its end is told, if anything was",
      ({ begin }) =>
        withRig(async (rig) => {
          const { id, before, end } = await begin(rig);
          await rig.lose(fault);
          await end();
          await rig.back(fault);
          expect(await rig.all()).toEqual(of(id, before.length > 0 ? [...before, released] : []));
        }),
    );

    test.concurrent.each(answerable)(
      "$name, and it is answered meanwhile: CallEstablished, at once when the link is back",
      ({ begin }) =>
        withRig(async (rig) => {
          const { id, before, answer, end } = await begin(rig);
          await rig.lose(fault);
          await answer?.();
          await rig.back(fault);
          await rig.told(2);
          expect(rig.list()).toEqual(of(id, [...before, established]));
          await end();
          expect(await rig.all()).toEqual(of(id, [...before, established, released]));
        }),
    );

    test.concurrent.each(answerable)(
      "$name, and it is answered and ends meanwhile: only its end is told",
      ({ begin }) =>
        withRig(async (rig) => {
          const { id, before, answer, end } = await begin(rig);
          await rig.lose(fault);
          await answer?.();
          await end();
          await rig.back(fault);
          expect(await rig.all()).toEqual(of(id, [...before, released]));
        }),
    );

    test.concurrent("idle, and a call comes that rings: ScreenPop when the link is back", () =>
      withRig(async (rig) => {
        await rig.lose(fault);
        const call = await rig.sim.inbound({ from: "14155550123", to: "1001" });
        await rig.back(fault);
        await rig.told(1);
        expect(rig.list()).toEqual(of(call.uuid, [pop]));
        expect(rig.rig.crm.events[0]?.data["occtANI"]).toBe("14155550123");
        await call.callerHangsUp();
        expect(await rig.all()).toEqual(of(call.uuid, [pop, released]));
      }));

    test.concurrent("idle, and a call comes and is answered: ScreenPop and CallEstablished when the link is back", () =>
      withRig(async (rig) => {
        await rig.lose(fault);
        const call = await rig.sim.inbound({ from: "14155550123", to: "1001" });
        await call.answer();
        await rig.back(fault);
        await rig.told(2);
        await call.agentHangsUp();
        expect(await rig.all()).toEqual(of(call.uuid, [pop, established, released]));
      }));

    test.concurrent("idle, and calls come and go unseen: nothing is told of them", () =>
      withRig(async (rig) => {
        await rig.lose(fault);
        const one = await rig.sim.inbound({ from: "14155550123", to: "1001" });
        await one.callerHangsUp();
        const other = await rig.sim.inbound({ from: "14155550124", to: "1001" });
        await other.answer();
        await other.callerHangsUp();
        await rig.back(fault);
        expect(await rig.all()).toEqual([]);
      }));

    test.concurrent("talking, and it ends, and another call comes: the first is released, the second pops under its own id", () =>
      withRig(async (rig) => {
        const { id, end } = await talking.begin(rig);
        await rig.lose(fault);
        await end();
        const next = await rig.sim.inbound({ from: "14155550124", to: "1001" });
        await rig.back(fault);
        await rig.told(4);
        await next.callerHangsUp();
        const all = await rig.all();
        expect(all.filter((line) => line.endsWith(id))).toEqual(of(id, [pop, established, released]));
        expect(all.filter((line) => line.endsWith(next.uuid))).toEqual(of(next.uuid, [pop, released]));
        expect(all).toHaveLength(5);
      }));
  });
}

for (const fault of ends) {
  describe(`${words[fault]}: FreeSWITCH has begun anew`, () => {
    test.concurrent.each(popped)("$name: the old leg is gone, so CallReleased, once", ({ begin }) =>
      withRig(async (rig) => {
        const { id, before } = await begin(rig);
        await rig.lose(fault);
        await rig.back(fault);
        expect(await rig.all()).toEqual(of(id, [...before, released]));
      }));

    test.concurrent("a MakeCall whose handset rings: nothing was told, nothing is", () =>
      withRig(async (rig) => {
        await clicked.begin(rig);
        await rig.lose(fault);
        await rig.back(fault);
        expect(await rig.all()).toEqual([]);
        expect(rig.rig.app.status().desks[0]?.calls).toEqual([]);
      }));

    test.concurrent("idle: the next call is told as if nothing had been", () =>
      withRig(async (rig) => {
        await rig.lose(fault);
        await rig.back(fault);
        const { id, finish } = await talking.begin(rig);
        await finish();
        expect(await rig.all()).toEqual(of(id, [pop, established, released]));
      }));
  });
}
