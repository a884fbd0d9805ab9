/** The link to the switch is lost, in each way, at each moment of a call: the events that the CRM gets, and their ids. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { cuts, ends, type Fault, LineRig, markOf, of, whole } from "../support/faults/line-rig.ts";

setDefaultTimeout(60_000);

/** A call at a moment of its life, and how it continues. */
interface Moment {
  readonly name: string;
  /** Brings the call there; resolves when the CRM has the events `before`. */
  begin(rig: LineRig): Promise<Begun>;
}

interface Begun {
  readonly id: string;
  /** The events that the CRM has. */
  readonly before: readonly string[];
  /** Lets the call go on to its end; the far end answers, if it has not answered yet. */
  finish(): Promise<void>;
  /** The events that follow from that. */
  readonly after: readonly string[];
  /** Answers a call that is ringing; absent where nothing is to be answered. */
  answer?(): Promise<void>;
  /** Ends it at once. */
  end(): Promise<void>;
}

const [pop, established, released] = whole;

/** A call to the desk, answered or not, which continues in this way. */
async function inbound(rig: LineRig, ...steps: ("answer" | "hold" | "retrieve")[]): Promise<Begun> {
  const call = await rig.sim.inbound({ from: "14155550123", to: "1001" });
  for (const step of steps) await call[step]();
  const before = steps.length > 0 ? [pop, established] : [pop];
  await rig.delivered(before.length);
  const finish = async () => {
    if (steps.length === 0) await call.answer();
    if (steps.includes("hold")) await call.retrieve();
    await call.callerHangsUp();
  };
  return {
    id: call.uuid,
    before,
    finish,
    after: whole.slice(before.length),
    answer: () => call.answer(),
    end: () => call.callerHangsUp(),
  };
}

/** A call from the desk whose far end rings or will be rung. */
function outbound(
  id: string,
  before: readonly string[],
  call: { answer?(): Promise<void>; farAnswers(): Promise<void>; hangUp(): Promise<void> },
): Begun {
  const finish = async () => {
    await call.answer?.();
    await call.farAnswers();
    await call.hangUp();
  };
  return {
    id,
    before,
    finish,
    after: whole.slice(before.length),
    answer: () => call.farAnswers(),
    end: () => call.hangUp(),
  };
}

const ringing: Moment = { name: "ringing", begin: (rig) => inbound(rig) };
const talking: Moment = { name: "talking", begin: (rig) => inbound(rig, "answer") };
const held: Moment = { name: "held", begin: (rig) => inbound(rig, "answer", "hold") };
const keypad: Moment = {
  name: "dialling on the keypad, the far end rings",
  async begin(rig) {
    const call = await rig.sim.keypad({ extension: "1001", number: "14155550123" });
    await call.farRings();
    await rig.delivered(1);
    return outbound(call.uuid, [pop], call);
  },
};
const clicked: Moment = {
  name: "a MakeCall whose handset rings",
  async begin(rig) {
    const { call, answer } = await rig.click();
    await answer;
    return outbound(markOf(call), [], call);
  },
};
const lifted: Moment = {
  name: "a MakeCall after the lift, the far end rings",
  async begin(rig) {
    const { call, answer } = await rig.click();
    await answer;
    await call.answer();
    await rig.delivered(1);
    const { farAnswers, hangUp } = call;
    return outbound(markOf(call), [pop], { farAnswers: farAnswers.bind(call), hangUp: hangUp.bind(call) });
  },
};

const moments: readonly Moment[] = [ringing, talking, held, keypad, clicked, lifted];
const answerable = [ringing, keypad, lifted];

/** What happens to a call while the link is lost. */
interface Meanwhile {
  readonly what: string;
  readonly moments: readonly Moment[];
  happens?(call: Begun): Promise<void>;
  /** Once the link is back. */
  then?(call: Begun, rig: LineRig): Promise<void>;
  /** The call's events. */
  events(call: Begun): readonly string[];
}

const table: readonly Meanwhile[] = [
  {
    what: "the call continues with its id, no event is sent twice",
    moments,
    then: async ({ finish, before, after }, rig) => {
      await finish();
      await rig.delivered(before.length + after.length);
    },
    events: ({ before, after }) => [...before, ...after],
  },
  {
    what: "it ends meanwhile, and CallReleased is sent if any event was",
    moments,
    happens: ({ end }) => end(),
    events: ({ before }) => before.length > 0 ? [...before, released] : [],
  },
  {
    what: "it is answered meanwhile, and CallEstablished is sent as soon as the link is back",
    moments: answerable,
    happens: async ({ answer }) => await answer?.(),
    then: async ({ id, before, end }, rig) => {
      await rig.delivered(2);
      expect(rig.list()).toEqual(of(id, [...before, established]));
      await end();
    },
    events: () => whole,
  },
  {
    what: "it is answered and ends meanwhile, and only its end is sent",
    moments: answerable,
    happens: async ({ answer, end }) => {
      await answer?.();
      await end();
    },
    events: ({ before }) => [...before, released],
  },
];

const names: Record<Fault, string> = {
  fin: "FIN",
  rst: "RST",
  silence: "silence",
  shutdown: "SHUTDOWN",
  restart: "another Core-UUID",
};
const caller = { from: "14155550123", to: "1001" };

for (const fault of cuts) {
  describe(`${names[fault]}, and the switch continues:`, () => {
    for (const { what, moments, happens, then, events } of table) {
      test.concurrent.each(moments)(`$name: ${what}`, ({ begin }) =>
        LineRig.play(fault, async (rig) => {
          const call = await begin(rig);
          await rig.lose(fault);
          await happens?.(call);
          await rig.back(fault);
          await then?.(call, rig);
          expect(await rig.all()).toEqual(of(call.id, events(call)));
        }));
    }

    test.concurrent("idle, and a call starts to ring: ScreenPop when the link is back", () =>
      LineRig.play(fault, async (rig) => {
        await rig.lose(fault);
        const call = await rig.sim.inbound(caller);
        await rig.back(fault);
        await rig.delivered(1);
        expect(rig.list()).toEqual(of(call.uuid, [pop]));
        expect(rig.rig.crm.events[0]?.data["occtANI"]).toBe(caller.from);
        await call.callerHangsUp();
        expect(await rig.all()).toEqual(of(call.uuid, [pop, released]));
      }));

    test.concurrent("idle, and a call arrives and is answered: ScreenPop and CallEstablished when the link is back", () =>
      LineRig.play(fault, async (rig) => {
        await rig.lose(fault);
        const call = await rig.sim.inbound(caller);
        await call.answer();
        await rig.back(fault);
        await rig.delivered(2);
        await call.agentHangsUp();
        expect(await rig.all()).toEqual(of(call.uuid, whole));
      }));

    test.concurrent("idle, and calls start and end unseen: no event is sent", () =>
      LineRig.play(fault, async (rig) => {
        await rig.lose(fault);
        await (await rig.sim.inbound(caller)).callerHangsUp();
        const unseen = await rig.sim.inbound(caller);
        await unseen.answer();
        await unseen.callerHangsUp();
        await rig.back(fault);
        expect(await rig.all()).toEqual([]);
      }));

    test.concurrent("talking, the call ends and another one starts: the first is released, the second pops under its own id", () =>
      LineRig.play(fault, async (rig) => {
        const { id, end } = await talking.begin(rig);
        await rig.lose(fault);
        await end();
        const next = await rig.sim.inbound(caller);
        await rig.back(fault);
        await rig.delivered(4);
        await next.callerHangsUp();
        const all = await rig.all();
        expect(all.filter((line) => line.endsWith(id))).toEqual(of(id, whole));
        expect(all.filter((line) => line.endsWith(next.uuid))).toEqual(of(next.uuid, [pop, released]));
        expect(all).toHaveLength(5);
      }));
  });
}

for (const fault of ends) {
  describe(`${names[fault]}: FreeSWITCH has started from scratch`, () => {
    test.concurrent.each(moments)(
      "$name: the old leg is gone, so CallReleased, once, if any event was sent",
      ({ begin }) =>
        LineRig.play(fault, async (rig) => {
          const { id, before } = await begin(rig);
          await rig.lose(fault);
          await rig.back(fault);
          expect(await rig.all()).toEqual(of(id, before.length > 0 ? [...before, released] : []));
          expect(rig.rig.app.status().desks[0]?.calls).toEqual([]);
        }),
    );

    test.concurrent("idle: the next call is reported as usual", () =>
      LineRig.play(fault, async (rig) => {
        await rig.lose(fault);
        await rig.back(fault);
        const { id, finish } = await talking.begin(rig);
        await finish();
        expect(await rig.all()).toEqual(of(id, whole));
      }));
  });
}
