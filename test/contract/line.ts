/**
 * The contract of every driver (src/core/line.ts), as one test suite: give it a driver and a scriptable peer. Run by
 * `test/contract/line.test.ts`.
 */
import { describe, expect, test } from "bun:test";
import type { LegFacts, Line, LineEvent } from "../../src/core/line.ts";
import { LineListener } from "../support/line-listener.ts";

/** What the tests make the other side do. There is one desk, 1001; 1002 is a colleague whom the driver does not serve. */
export interface Peer {
  /** An outside call, whose phone rings. Resolves with the id of the phone's leg. */
  rings(from: string, to?: string): Promise<string>;
  /** The phone answers. */
  answers(leg: string): Promise<void>;
  callerHangsUp(leg: string): Promise<void>;
  holds(leg: string, held: boolean): Promise<void>;
  /** Desk 1001 dials on its keypad and the far end rings. Resolves with the id of the phone's leg. */
  keypad(number: string): Promise<string>;
  farAnswers(leg: string): Promise<void>;
  /** Phone 1001 registers or unregisters. */
  registers(registered: boolean): void;
  /** What phone 1001 does from now on when it is dialled; `waits`: it rings. */
  handset(does: "answers" | "declines" | "waits"): void;
  /** Resolves when phone 1001 rings for a dial command. */
  nextDial(): Promise<void>;
  /** The number of dials that the peer was asked for. */
  dials(): number;
  /** Loses the link; it cannot come back before `comesBack`. */
  goes(): void;
  comesBack(): Promise<void>;
  /** Resolves when no connection is open. */
  idle(): Promise<void>;
}

/** A driver with its peer. */
export interface Subject extends AsyncDisposable {
  readonly line: Line;
  readonly peer: Peer;
}

/** What a driver may not be able to show, because its switch does not. */
export type Ability = "dial" | "hold" | "keypad" | "registration" | "snapshot";

/** A driver as the suite gets it. */
export interface Contractor {
  readonly name: string;
  open(): Promise<Subject>;
  /** What it cannot do, each with the reason: those tests are skipped, visibly. */
  readonly cannot?: Partial<Record<Ability, string>>;
  /** After a lost link it reports what has happened meanwhile, in order, behind a snapshot of what it knew before. */
  readonly recalls?: true;
}

const desk = "1001";
const customer = "14155550123";
const limit = 60_000;

type Run = (listener: LineListener, peer: Peer) => Promise<void>;

/** Defines the suite for one driver. */
export function contractOf(contractor: Contractor): void {
  const promises = (name: string, needs: readonly Ability[], run: Run, before: (peer: Peer) => unknown = () => {}) => {
    const [missing] = needs.filter((ability) => contractor.cannot?.[ability] !== undefined);
    if (missing !== undefined) return test.skip(`${name} (skipped: ${contractor.cannot?.[missing]})`, () => {});
    test.concurrent(name, async () => {
      await using subject = await contractor.open();
      await before(subject.peer);
      const listener = new LineListener(subject.line);
      try {
        await run(listener, subject.peer);
        expectLawful(listener.events);
      } finally {
        listener.stop();
        await listener.ended;
      }
    }, limit);
  };
  describe(`the contract of a line: ${contractor.name}`, () => {
    connecting(promises);
    calls(promises);
    losing(promises, contractor);
    commands(promises);
    ending(contractor);
  });
}

type Promises = (name: string, needs: readonly Ability[], run: Run, before?: (peer: Peer) => unknown) => void;

function connecting(promises: Promises): void {
  promises("after the connect it reports link-up, then a snapshot of its desks", [], async (listener) => {
    const { desks, legs } = await listener.next("snapshot");
    expect([desks, legs]).toEqual([[desk], []]);
    expect(listener.events[0]).toEqual({ type: "link-up", to: expect.stringMatching(/./) });
  });

  promises("a call that rang before is in the snapshot, whole", ["snapshot"], async (listener) => {
    const { legs } = await listener.next("snapshot");
    expect(legs).toMatchObject([{ desk, direction: "to-desk", rings: true, caller: { identity: customer } }]);
    expect(legs[0]).not.toHaveProperty("answered");
  }, (peer) => peer.rings(customer));

  promises("another phone's call is not in it", ["snapshot"], async (listener) => {
    expect((await listener.next("snapshot")).legs).toEqual([]);
  }, (peer) => peer.rings(customer, "1002"));

  promises("it reports whether the phone is registered, and when that changes", ["registration"], async (listener, peer) => {
    expect(await listener.next("phone")).toMatchObject({ desk, registered: true });
    peer.registers(false);
    expect(await listener.next("phone", ({ registered }) => !registered)).toMatchObject({ desk });
    const from = listener.events.length;
    peer.registers(true);
    expect(await listener.next("phone", () => true, from)).toMatchObject({ desk, registered: true });
  });
}

function calls(promises: Promises): void {
  promises("a called phone: it rings, it is answered, it hangs up", [], async (listener, peer) => {
    await listener.next("snapshot");
    const leg = await peer.rings(customer);
    await listener.facts((facts) => facts.leg === leg && facts.rings === true);
    const begun = await listener.facts((facts) => facts.direction !== undefined);
    expect(begun).toMatchObject({ desk, leg, direction: "to-desk", caller: { identity: customer } });
    expect(listener.events.some((event) => event.type === "leg" && event.facts.answered)).toBe(false);
    await peer.answers(leg);
    await listener.facts((facts) => facts.leg === leg && facts.answered === true);
    await peer.callerHangsUp(leg);
    await listener.facts((facts) => facts.leg === leg && facts.ended !== undefined);
  });

  promises("an abandoned call ends without having been answered", [], async (listener, peer) => {
    await listener.next("snapshot");
    const leg = await peer.rings(customer);
    await peer.callerHangsUp(leg);
    await listener.facts((facts) => facts.leg === leg && facts.ended !== undefined);
    expect(listener.events.some((event) => event.type === "leg" && event.facts.answered)).toBe(false);
  });

  promises("another phone's call is not reported", [], async (listener, peer) => {
    await listener.next("snapshot");
    const theirs = await peer.rings(customer, "1002");
    const ours = await peer.rings(customer);
    await listener.facts((facts) => facts.leg === ours);
    expect(JSON.stringify(listener.events)).not.toContain(`"leg":"${theirs}"`);
  });

  promises(
    "a dialling phone: the number as it was dialled, the far end called, then there",
    ["keypad"],
    async (listener, peer) => {
      await listener.next("snapshot");
      const leg = await peer.keypad("914155550123");
      await listener.facts((facts) => facts.leg === leg && facts.farCalled === true);
      const begun = await listener.facts((facts) => facts.direction !== undefined);
      expect(begun).toMatchObject({ desk, leg, direction: "from-desk", dialled: "914155550123" });
      expect(listener.events.some((event) => event.type === "leg" && event.facts.farAnswered)).toBe(false);
      await peer.farAnswers(leg);
      await listener.facts((facts) => facts.leg === leg && facts.farAnswered === true);
    },
  );

  promises("held, and taken back", ["hold"], async (listener, peer) => {
    await listener.next("snapshot");
    const leg = await peer.rings(customer);
    await peer.answers(leg);
    await peer.holds(leg, true);
    await listener.facts((facts) => facts.leg === leg && facts.held === true);
    const held = listener.events.length;
    await peer.holds(leg, false);
    await listener.next("leg", ({ facts }) => facts.leg === leg && facts.held === false, held);
  });
}

function losing(promises: Promises, { recalls }: Contractor): void {
  promises("a switch that is not there: link-down with the reason, link-up when it comes", [], async (listener, peer) => {
    expect((await listener.next("link-down")).why).toMatch(/\w+ \w+/);
    expect(listener.events.some(({ type }) => type === "link-up")).toBe(false);
    await peer.comesBack();
    await listener.next("snapshot");
  }, (peer) => peer.goes());

  promises("after a loss it reports that, and after the return what lives: the old by its old id, the new, not the ended", [
    "snapshot",
  ], async (listener, peer) => {
    await listener.next("snapshot");
    const [stays, ends] = [await peer.rings(customer), await peer.rings("14155550999")];
    await listener.facts(({ leg, rings }) => leg === ends && rings === true);
    peer.goes();
    expect((await listener.next("link-down")).why).toMatch(/\w+ \w+/);
    await peer.answers(stays);
    await peer.callerHangsUp(ends);
    const begins = await peer.rings("14155550777");
    const from = listener.events.length;
    await peer.comesBack();
    const { legs: listed } = await listener.next("snapshot", () => true, from);
    const reported = () => liveLegs(listener.events.slice(from));
    if (recalls) {
      await listener.until(() => reported().length === 2 && reported().some(({ leg, rings }) => leg === begins && rings));
    }
    const legs = recalls ? reported() : listed;
    expect(legs.map(({ leg }) => leg).sort()).toEqual([stays, begins].sort());
    expect(legs.find(({ leg }) => leg === stays)).toMatchObject({ answered: true, caller: { identity: customer } });
    expect(legs.find(({ leg }) => leg === begins)).toMatchObject({ rings: true, caller: { identity: "14155550777" } });
  });
}

/** The legs that live after these events, each with all its facts. */
function liveLegs(events: readonly LineEvent[]): LegFacts[] {
  const legs = new Map<string, LegFacts>();
  for (const event of events) {
    if (event.type === "snapshot") legs.clear();
    const reported = event.type === "snapshot" ? event.legs : event.type === "leg" ? [event.facts] : [];
    for (const facts of reported) legs.set(facts.leg, { ...legs.get(facts.leg), ...facts });
  }
  return [...legs.values()].filter(({ ended }) => ended === undefined);
}

function commands(promises: Promises): void {
  const newCall = () => crypto.randomUUID();

  promises(
    "a dial is done when the handset is answered, and its leg carries the id of the command",
    ["dial"],
    async (listener, peer) => {
      await listener.next("snapshot");
      const call = newCall();
      expect(await listener.dial(call)).toEqual({ outcome: "done" });
      expect(await listener.facts(({ direction }) => direction !== undefined)).toMatchObject({ desk, call });
      expect(peer.dials()).toBe(1);
    },
  );

  promises("from link-up on a dial is carried out", ["dial"], async (listener) => {
    await listener.next("link-up");
    expect(await listener.dial(newCall())).toEqual({ outcome: "done" });
  });

  promises("a dial that the phone declines fails, with a sentence", ["dial"], async (listener, peer) => {
    await listener.next("snapshot");
    peer.handset("declines");
    expect(await listener.dial(newCall())).toEqual({
      outcome: "failed",
      cause: expect.stringMatching(/BUSY|REJECTED|DECLINE/i),
      why: expect.stringMatching(/^[A-Z].*\.$/),
    });
  });

  promises("a dial from a desk that is not served fails, and nothing is dialled", ["dial"], async (listener, peer) => {
    await listener.next("snapshot");
    expect(await listener.dial(newCall(), "1002")).toMatchObject({
      outcome: "failed",
      why: expect.stringMatching(/./),
    });
    expect(peer.dials()).toBe(0);
  });

  promises("while the link is down a dial is refused, with a sentence, and not made later", ["dial"], async (listener, peer) => {
    await listener.next("link-down");
    expect(await listener.dial(newCall())).toMatchObject({
      outcome: "failed",
      why: expect.stringMatching(/^[A-Z].+\.$/),
    });
    await peer.comesBack();
    await listener.next("snapshot");
    expect(peer.dials()).toBe(0);
  }, (peer) => peer.goes());

  promises("the result of a dial comes once, behind what happened to its leg before", ["dial"], async (listener, peer) => {
    await listener.next("snapshot");
    peer.handset("declines");
    const call = newCall();
    await listener.dial(call);
    const isOver = (event: LineEvent) => event.type === "leg" && event.facts.ended !== undefined;
    const [over, result] = [listener.events.findIndex(isOver), listener.events.findIndex(({ type }) => type === "result")];
    expect(over).toBeGreaterThan(0);
    expect(over).toBeLessThan(result);
    const leg = await peer.rings(customer);
    await listener.facts((facts) => facts.leg === leg);
    expect(listener.events.filter(({ type }) => type === "result")).toHaveLength(1);
  });

  promises("a link that is lost while the handset rings: unknown, and never dialled again", ["dial"], async (listener, peer) => {
    await listener.next("snapshot");
    peer.handset("waits");
    const [rings, result] = [peer.nextDial(), listener.dial(newCall())];
    await rings;
    peer.goes();
    expect(await result).toEqual({ outcome: "unknown", why: expect.stringMatching(/./) });
    const from = listener.events.length;
    await peer.comesBack();
    await listener.next("snapshot", () => true, from);
    const types = listener.events.map(({ type }) => type);
    expect(types.indexOf("result")).toBeLessThan(types.indexOf("link-down"));
    expect(peer.dials()).toBe(1);
  });
}

function ending(contractor: Contractor): void {
  const stops = (name: string, run: Run, isStopped = false) =>
    test.concurrent(name, async () => {
      await using subject = await contractor.open();
      await run(new LineListener(subject.line, isStopped), subject.peer);
    }, limit);

  stops("it ends when it is stopped, and leaves no connection", async (listener, peer) => {
    await listener.next("snapshot");
    listener.stop();
    await listener.ended;
    await peer.idle();
    expect(listener.events.some(({ type }) => type === "link-down")).toBe(false);
  });

  stops("it ends when it is stopped while it has no connection", async (listener, peer) => {
    await listener.next("snapshot");
    peer.goes();
    await listener.next("link-down");
    listener.stop();
    await listener.ended;
    expect(listener.events.filter(({ type }) => type === "link-up")).toHaveLength(1);
  });

  stops("stopped before it starts, it reports nothing", async (listener, peer) => {
    await listener.ended;
    await peer.idle();
    expect(listener.events).toEqual([]);
  }, true);

  stops("after it is stopped nothing is reported: neither the result of a command in progress, nor that of a new one", async (
    listener,
    peer,
  ) => {
    await listener.next("snapshot");
    peer.handset("waits");
    const rings = peer.nextDial();
    void listener.dial(crypto.randomUUID());
    await rings;
    listener.stop();
    void listener.dial(crypto.randomUUID());
    await listener.ended;
    void listener.dial(crypto.randomUUID());
    expect(listener.events.filter(({ type }) => type === "result")).toEqual([]);
  });
}

/** What holds for all events of a line, whatever happens. */
function expectLawful(events: readonly LineEvent[]): void {
  let state: "down" | "up" | "seen" = "down";
  for (const event of events) {
    switch (event.type) {
      case "link-up":
        expect(state).toBe("down");
        state = "up";
        break;
      case "link-down":
        expect(event.why).not.toBe("");
        state = "down";
        break;
      case "snapshot":
        expect(state).not.toBe("down");
        state = "seen";
        event.legs.forEach(expectLawfulFacts);
        break;
      case "leg":
        expect(state).toBe("seen");
        expectLawfulFacts(event.facts);
        break;
      case "result":
        expect(event.result.outcome).toMatch(/^(done|failed|unknown)$/);
        break;
      default:
        expect(state).not.toBe("down");
        expect("desks" in event ? event.desks : [event.desk]).toEqual([desk]);
    }
  }
}

function expectLawfulFacts(facts: LegFacts): void {
  expect(facts.desk).toBe(desk);
  expect(facts.leg).toMatch(/^.{1,60}$/);
  // A sign once true stays true: it is present or absent, never taken back.
  for (const sign of ["rings", "answered", "farCalled", "farAnswered", "queue"] as const) expect(facts[sign] ?? true).toBe(true);
  if (facts.ended) {
    const sentence = /^[A-Z].*\.$/;
    const { cause, why, far = "Nothing." } = facts.ended;
    expect({ cause, why, far }).toEqual({
      cause: expect.stringMatching(/./),
      why: expect.stringMatching(sentence),
      far: expect.stringMatching(sentence),
    });
  }
}
