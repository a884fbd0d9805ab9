/** The connections to the CRM, over real sockets: those made ahead of events, and attempts that nobody answers. */
import { afterEach, describe, expect, jest, setDefaultTimeout, test } from "bun:test";
import { readdirSync } from "node:fs";
import { type HttpCrm, httpCrm } from "../../src/cctsdk/client.ts";
import { defaultEvents } from "../../src/cctsdk/profile.ts";
import type { CrmEvent, Delivery } from "../../src/core/crm.ts";
import { openLog } from "../../src/log/log.ts";
import { answer, type PeerOptions, SparePeer } from "../support/cctsdk/spare-peer.ts";
import { Swallower } from "../support/swallower.ts";
import { until } from "../support/until.ts";

setDefaultTimeout(60_000);

const never = new AbortController().signal;
const done: Delivery = { outcome: "done" };
const pop = (call: string): CrmEvent => ({ name: "ScreenPop", call, ani: "14155550123", dnis: "1001", data: {} });
const established = (call: string): CrmEvent => ({ name: "CallEstablished", call });
const released = (call: string): CrmEvent => ({ name: "CallReleased", call });

const lines: string[] = [];
const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0).reverse()) close();
});

function client(timeoutMs = 60_000, connectAhead = true): HttpCrm {
  lines.length = 0;
  const log = openLog((line) => lines.push(line), "info", false);
  const crm = httpCrm({ ...defaultEvents, timeoutMs, connectAhead, log });
  closers.push(() => crm.close());
  return crm;
}

async function site(options: PeerOptions = {}) {
  const peer = await SparePeer.open(options);
  closers.push(() => peer.close());
  const crm = client();
  const to = { address: options.host ?? "127.0.0.1", port: peer.port };
  return {
    peer,
    crm,
    to,
    expectSoon: (call: string, soon = true) => crm.expect({ call, to, soon }),
    deliver: (event: CrmEvent) => crm.deliver(event, to, never),
  };
}

describe("a connection made ahead", () => {
  test.each(["127.0.0.1", "::1"])(
    "carries the ScreenPop; the next one the next event; none is left after the call (%s)",
    async (host) => {
      const { peer, expectSoon, deliver } = await site({ host });
      expectSoon("c1");
      expectSoon("c1");
      await peer.connections(1, 1);
      expect(peer.seen[0]?.text).toBe("");
      expect(await deliver(pop("c1"))).toEqual(done);
      await peer.connections(2, 1);
      expect(await deliver(established("c1"))).toEqual(done);
      await peer.connections(3, 1);
      expect(await deliver(released("c1"))).toEqual(done);
      await peer.connections(3, 0);
      expect(peer.seen.map(({ text }) => /event name="(\w+)"/.exec(text)?.[1])).toEqual([
        "ScreenPop",
        "CallEstablished",
        "CallReleased",
      ]);
    },
  );

  test("is used while it is still being made", async () => {
    const { peer, expectSoon, deliver } = await site();
    expectSoon("c1");
    expect(await deliver(released("c1"))).toEqual(done);
    await peer.connections(1, 0);
  });

  test("is one for each address, however many calls are expected", async () => {
    const { peer, expectSoon, deliver } = await site();
    for (let call = 0; call < 100; call++) expectSoon(`c${call}`);
    await peer.connections(1, 1);
    await Promise.all([1, 2, 3].map((call) => deliver(released(`c${call}`))));
    await peer.connections(4, 1);
  });

  test("is closed when the last expected call ends without an event", async () => {
    const { peer, expectSoon } = await site();
    expectSoon("c1");
    expectSoon("c2");
    await peer.connections(1, 1);
    expectSoon("c1", false);
    expectSoon("c3");
    expectSoon("c3", false);
    await peer.connections(1, 1);
    expectSoon("c2", false);
    await peer.connections(1, 0);
  });

  test("is closed after 30 s, and made again with the next event", async () => {
    const { peer, expectSoon, deliver } = await site();
    jest.useFakeTimers();
    expectSoon("c1");
    jest.advanceTimersByTime(29_999);
    jest.useRealTimers();
    await peer.connections(1, 1);
    jest.useFakeTimers();
    expectSoon("c1");
    jest.advanceTimersByTime(30_000);
    jest.useRealTimers();
    await peer.connections(1, 0);
    expect(await deliver(established("c1"))).toEqual(done);
    await peer.connections(3, 1);
  });

  test("is closed when telesetd stops", async () => {
    const { peer, crm, expectSoon } = await site();
    expectSoon("c1");
    await peer.connections(1, 1);
    crm.close();
    await peer.connections(1, 0);
  });

  test("is not made if crm.connectAhead is false", async () => {
    const { peer, to } = await site();
    const crm = client(60_000, false);
    crm.expect({ call: "c1", to, soon: true });
    expect(await crm.deliver(pop("c1"), to, never)).toEqual(done);
    await peer.connections(1, 0);
  });

  test("is not made where nothing listens", async () => {
    const { peer, expectSoon, deliver } = await site();
    peer.close();
    expectSoon("c1");
    expect(await deliver(pop("c1"))).toMatchObject({ outcome: "retry", reached: false });
    expect(await deliver(pop("c1"))).toMatchObject({ outcome: "retry", reached: false });
    expect(lines).toEqual([]);
  });
});

describe("a CRM that", () => {
  const wrongs: [string, PeerOptions["onOpen"]][] = [
    ["closes", ({ socket }) => void socket.destroy()],
    ["closes its half of", ({ socket }) => void socket.end()],
    ["resets", ({ socket }) => void socket.resetAndDestroy()],
    ["speaks first on", ({ socket }) => void socket.write("HTTP/1.1 408 Request Timeout\r\n\r\n")],
  ];
  test.each(wrongs)(
    "%s a connection made ahead: the event goes over a new one, once; after two of them no more are made",
    async (_, wrong) => {
      const { peer, expectSoon, deliver } = await site();
      for (const call of ["c1", "c2"]) {
        expectSoon(call);
        await until("no connection", () => peer.open.length === 1);
        const [spare] = peer.open;
        if (spare) wrong?.(spare);
        await until("it stays open", () => peer.open.length === 0);
        expect(await deliver(released(call))).toEqual(done);
        await until("it stays open", () => peer.open.length === 0);
      }
      expectSoon("c3");
      expect(await deliver(pop("c3"))).toEqual(done);
      expect(await deliver(released("c3"))).toEqual(done);
      await peer.connections(6, 0);
      expect(peer.seen.map(({ text }) => text === "")).toEqual([true, false, true, false, false, false]);
      expect(peer.events).toEqual(["CallReleased c1", "CallReleased c2", "ScreenPop c3", "CallReleased c3"]);
      expect(lines).toEqual([expect.stringContaining(`to=127.0.0.1:${peer.port}`)]);
    },
  );

  // An end waits for the event loop: then it is a matter of luck which comes first.
  test.each(wrongs.filter(([name]) => name !== "closes its half of"))(
    "%s one at the moment of its use: certainly nothing was sent",
    async (_, wrong) => {
      const { peer, expectSoon, deliver } = await site();
      expectSoon("c1");
      await peer.connections(1, 1);
      const [spare] = peer.open;
      // The event loop has no turn between the two: only the kernel knows.
      if (spare) wrong?.(spare);
      expect(await deliver(released("c1"))).toEqual(done);
      expect(peer.events).toEqual(["CallReleased c1"]);
      expect(peer.seen.map(({ text }) => text === "")).toEqual([true, false]);
    },
  );

  test("leaves POSTs over such connections without an answer: the events may have arrived, and no more are made", async () => {
    const { peer, to, deliver, expectSoon } = await site({
      onPost: (seen) => peer.seen.indexOf(seen) % 2 === 1 ? answer(seen) : seen.socket.destroy(),
    });
    for (const call of ["c1", "c2"]) {
      expectSoon(call);
      expect(await deliver(pop(call))).toMatchObject({ outcome: "retry", reached: true });
      // The one that was made meanwhile is closed: the repeat needs a connection that is certainly good.
      await until("a connection is left", () => peer.open.length === 0);
    }
    expect(lines).toEqual([expect.stringContaining(`to=127.0.0.1:${to.port}`)]);
  });

  test("serves one connection at a time gets the events of two desks, none waits for an unused connection", async () => {
    const { peer, expectSoon, deliver } = await site({ oneAtATime: true });
    expectSoon("c1");
    await peer.connections(1, 1);
    expectSoon("d1");
    expect(await Promise.all([deliver(pop("c1")), deliver(pop("d1"))])).toEqual([done, done]);
    expect(await Promise.all([deliver(established("d1")), deliver(established("c1"))])).toEqual([done, done]);
    expect(await deliver(released("c1"))).toEqual(done);
    expect(await deliver(released("d1"))).toEqual(done);
    await until("a connection is left", () => peer.open.length === 0);
    expect(peer.seen).toHaveLength(6);
    expect(peer.events.filter((event) => event.endsWith("c1"))).toEqual([
      "ScreenPop c1",
      "CallEstablished c1",
      "CallReleased c1",
    ]);
    expect(lines).toEqual([]);
  });
});

test("a request that is larger than the kernel's buffers is sent completely", async () => {
  const peer = await SparePeer.open();
  closers.push(() => peer.close());
  const log = openLog(() => {}, "error", false);
  const crm = httpCrm({ ...defaultEvents, headers: { "X-Long": "x".repeat(20e6) }, timeoutMs: 60_000, connectAhead: false, log });
  expect(await crm.deliver(released("c1"), { address: "127.0.0.1", port: peer.port }, never)).toEqual(done);
  expect(peer.seen[0]?.text.length).toBeGreaterThan(20e6);
});

test("an address that never answers costs one descriptor; when it is back, the next event arrives at once", async () => {
  const swallower = await Swallower.open();
  closers.push(() => swallower[Symbol.dispose]());
  const crm = client(50);
  const to = { address: "127.0.0.1", port: swallower.port };
  const descriptors = () => readdirSync("/proc/self/fd").length;
  const before = descriptors();
  crm.expect({ call: "c1", to, soon: true });
  for (let attempt = 0; attempt < 8; attempt++) {
    expect(await crm.deliver(pop("c1"), to, never)).toMatchObject({ outcome: "retry", reached: false });
  }
  await Promise.all([1, 2, 3, 4].map(() => crm.deliver(pop("c1"), to, never)));
  await until(() => `${descriptors() - before} descriptors more`, () => descriptors() <= before + 1);
  swallower.child.kill("SIGKILL");
  await swallower.child.exited;
  const peer = await SparePeer.open({ port: to.port });
  closers.push(() => peer.close());
  expect(await crm.deliver(pop("c1"), to, never)).toEqual(done);
  expect(peer.events).toEqual(["ScreenPop c1"]);
});
