/** The CRM is away, or wild: what arrives when it is back, in which order, and what is on record of the rest. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { httpCrm } from "../../src/cctsdk/client.ts";
import { defaultEvents } from "../../src/cctsdk/profile.ts";
import { newDesk } from "../../src/core/desk.ts";
import { openLog } from "../../src/log/log.ts";
import { crmEvent, done, hour, minute, Office, type OfficeOptions, timeout, unreachable } from "../support/faults/office.ts";
import { type Mood, WildCrm } from "../support/faults/wild-crm.ts";
import { ownFolder } from "../support/folder.ts";
import { until } from "../support/until.ts";

setDefaultTimeout(60_000);

const folder = ownFolder();
let stores = 0;

async function inOffice(play: (office: Office) => Promise<void>, options: Partial<OfficeOptions> = {}): Promise<void> {
  const office = new Office({ path: join(folder, `${++stores}.db`), ...options });
  try {
    await play(office);
  } finally {
    await office.close();
  }
}

const all = ["ScreenPop", "CallEstablished", "CallReleased"] as const;

describe("the CRM is down for an hour:", () => {
  test("calls of that hour are discarded completely, with their reasons; those of the last two minutes arrive, each in order", () =>
    inOffice(async (office) => {
      office.answer = unreachable;
      // 80 calls of 45 s each: those of the last two minutes are the last two.
      for (let call = 1; call <= 80; call++) {
        for (const name of all) {
          office.send(`c${call}`, name);
          await office.pass(minute / 4);
        }
      }
      office.answer = done;
      await office.pass(10_000);
      expect(office.arrived()).toHaveLength(6);
      for (const name of ["c79", "c80"]) {
        expect(office.arrived().filter((event) => event.endsWith(name))).toEqual(all.map((event) => `${event} ${name}`));
      }
      for (let call = 1; call <= 78; call++) {
        const record = office.record(`c${call}`);
        expect(record.map(({ event, settlement }) => [event.name, settlement])).toEqual(all.map((name) => [name, "discarded"]));
        expect(record[0]?.why).toBe("too old after 120 s; last attempt: Cannot reach the CRM: connection refused");
        expect(record[1]?.why).toStartWith("its ScreenPop was not delivered");
        expect(record[2]?.why).toStartWith("its ScreenPop was not delivered");
      }
    }));

  test("a call that was popped before it is answered and ends meanwhile: both arrive when the CRM is back, in order", () =>
    inOffice(async (office) => {
      office.send("c1", "ScreenPop");
      await office.pass(1000);
      office.answer = unreachable;
      office.send("c1", "CallEstablished");
      await office.pass(30 * minute);
      office.send("c1", "CallReleased");
      await office.pass(30 * minute);
      expect(office.arrived()).toEqual(["ScreenPop c1"]);
      office.answer = done;
      await office.pass(minute);
      expect(office.arrived()).toEqual(all.map((name) => `${name} c1`));
      expect(office.fates("c1")).toEqual(all.map((name) => `${name} delivered`));
    }));

  test("it is not flooded: about one attempt a minute, and the attempts are counted", () =>
    inOffice(async (office) => {
      office.send("c1", "ScreenPop");
      await office.pass(1000);
      office.answer = unreachable;
      office.send("c1", "CallReleased");
      await office.pass(hour);
      const attempts = office.posts.length - 1;
      expect(attempts).toBeGreaterThan(60);
      expect(attempts).toBeLessThan(120);
      expect(office.record("c1")[1]?.attempts).toBe(attempts);
    }));

  test("after a day the rest is discarded too, with the reason", () =>
    inOffice(async (office) => {
      office.send("c1", "ScreenPop");
      await office.pass(1000);
      office.answer = unreachable;
      office.send("c1", "CallReleased");
      await office.pass(24 * hour - 1000);
      expect(office.fates("c1")).toEqual(["ScreenPop delivered", "CallReleased waits"]);
      await office.pass(2000);
      expect(office.fates("c1")).toEqual(["ScreenPop delivered", "CallReleased discarded"]);
      expect(office.record("c1")[1]?.why).toStartWith("too old after 86400 s");
    }));
});

describe("a ScreenPop that is two minutes old", () => {
  test.each([["", false], [", the daemon restarted meanwhile", true]])(
    "and cannot have arrived: what follows is not sent either, not even the end of that call an hour later%s",
    (_, restarts) =>
      inOffice(async (office) => {
        office.answer = unreachable;
        office.send("c1", "ScreenPop");
        await office.pass(2 * minute);
        office.answer = done;
        if (restarts) await office.restart();
        office.send("c1", "CallEstablished");
        await office.pass(hour);
        if (restarts) await office.restart();
        office.send("c1", "CallReleased");
        await office.pass(minute);
        expect(office.arrived()).toEqual([]);
        expect(office.fates("c1")).toEqual(all.map((name) => `${name} discarded`));
        expect(office.record("c1")[2]?.why).toBe("its ScreenPop was not delivered");
      }),
  );

  test.each([["", false], [", the daemon restarted meanwhile", true]])(
    "and may have arrived (a timeout): it is discarded, what follows is sent%s",
    (_, restarts) =>
      inOffice(async (office) => {
        office.answer = timeout;
        office.send("c1", "ScreenPop");
        await office.pass(minute);
        office.send("c1", "CallEstablished");
        await office.pass(minute);
        if (restarts) await office.restart();
        office.answer = done;
        await office.pass(minute);
        office.send("c1", "CallReleased");
        await office.pass(minute);
        expect(office.arrived()).toEqual(["CallEstablished c1", "CallReleased c1"]);
        expect(office.fates("c1")).toEqual(["ScreenPop discarded", "CallEstablished delivered", "CallReleased delivered"]);
      }),
  );
});

test("a ScreenPop that is discarded while its POST is in progress may arrive: after a restart the end of its call is still delivered", () =>
  inOffice(async (office) => {
    const event = { desk: "1001", agent: "A", event: crmEvent("c1", "ScreenPop"), startNow: true };
    office.store.commit({ desk: newDesk("1001"), send: [event], discard: [] }, office.now);
    office.store.commit({ desk: newDesk("1001"), send: [], discard: [{ agent: "A", why: "another agent" }] }, office.now);
    await office.restart();
    office.send("c1", "CallReleased");
    await office.pass(1000);
    expect(office.arrived()).toEqual(["CallReleased c1"]);
  }));

describe("over HTTP: a call meets a CRM that", () => {
  const log = openLog(() => {}, "error", false);
  // Patient: on a busy machine an answer may take long, and an attempt that ends by its deadline would be one POST too many.
  const crm = httpCrm({ ...defaultEvents, timeoutMs: 60_000, connectAhead: false, log });

  /** Plays with a CRM that listens, in this mood; `onPost` is called when it has got a POST. */
  async function withCrm(
    mood: Mood,
    play: (office: Office, peer: WildCrm) => Promise<void>,
    onPost: (peer: WildCrm) => unknown = () => {},
  ): Promise<void> {
    const peer: WildCrm = await WildCrm.open(() => void onPost(peer));
    await peer.turn(mood);
    const to = { agent: "A", address: "127.0.0.1", port: peer.port };
    await inOffice((office) => play(office, peer), { crm, to, now: Date.now });
    peer.close();
  }

  const ended = (peer: WildCrm) => peer.until(({ posts }) => posts.some(({ name }) => name === "CallReleased"));
  const settled = (office: Office) => until("an event still waits", () => office.courier.status().waiting === 0);

  test.concurrent("refuses, then answers: all arrives, in order", () =>
    withCrm("refuses", async (office, peer) => {
      for (const name of all) office.send("c1", name);
      await until("the first attempt does not fail", () => office.record("c1")[0]?.why !== undefined);
      await peer.turn("answers");
      await ended(peer);
      expect(peer.received("c1")).toEqual([...all]);
    }));

  /** Moods that may have taken the ScreenPop: it is sent once more. */
  const wild: readonly Mood[] = ["hangs", "says 500", "says 404", "closes before the answer"];

  // It changes its mood with the first POST, however long the next attempt takes; that of the CRM which hangs is broken off.
  test.concurrent.each(wild)(
    "%s, then answers: all arrives, in order, the ScreenPop once more",
    (mood) =>
      withCrm(mood, async (office, peer) => {
        for (const name of all) office.send("c1", name);
        await ended(peer);
        expect(peer.received("c1")).toEqual(["ScreenPop", ...all]);
        expect(peer.posts.map((post) => post.mood)).toEqual([mood, "answers", "answers", "answers"]);
      }, (peer) => peer.turn("answers")),
  );

  test.concurrent("closes in the middle of its answer: its 200 was received, no event is sent twice", () =>
    withCrm("closes mid-answer", async (office, peer) => {
      for (const name of all) office.send("c1", name);
      await ended(peer);
      await settled(office);
      expect(peer.received("c1")).toEqual([...all]);
    }));

  test.concurrent("refuses with 404 permanently: after three attempts the event is discarded; the next events are sent, because it has arrived", () =>
    withCrm("says 404", async (office, peer) => {
      office.send("c1", "ScreenPop");
      await settled(office);
      expect(peer.received("c1")).toEqual(["ScreenPop", "ScreenPop", "ScreenPop"]);
      expect(office.record("c1")[0]?.why).toStartWith("the CRM refused it 3 times");
    }));
});
