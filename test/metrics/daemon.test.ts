/** Metrics of the whole daemon: during calls, before the first connect, after the loss of its store, and with 1,000 desks. */
import { describe, expect, onTestFinished, setDefaultTimeout, test } from "bun:test";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { sendCallout, SmallCrm } from "../../simulator/crm/mod.ts";
import type { Readiness } from "../../src/status/readiness.ts";
import type { ImageState } from "../../src/image/state.ts";
import { statusText } from "../../src/status/status.ts";
import { type InsideOptions, startInside } from "../support/daemon/inside.ts";
import { until } from "../support/until.ts";
import { counted, seriesOf } from "../support/metrics.ts";

setDefaultTimeout(60_000);

/** A daemon with a CRM, and what a test asks of both. */
async function site(change?: InsideOptions["change"]) {
  const crm = await SmallCrm.open();
  const { app, sim } = await startInside(change ? { change } : {});
  onTestFinished(() => crm.close());
  const { port } = crm;
  const at = (path: string) => fetch(`http://127.0.0.1:${app.port}${path}`);
  const page = async () => await (await at("/metrics")).text();
  return {
    app,
    sim,
    crm,
    callout: (name: string, more: Record<string, string> = {}) =>
      sendCallout(app.port, "/", { FunctionName: name, telesetNumber: "1001", agentID: "7", port: String(port), ...more }),
    metrics: page,
    ready: async () => {
      const answer = await at("/readyz");
      return { status: answer.status, readiness: await answer.json() as Readiness };
    },
    until: (condition: (page: string) => boolean) =>
      until("the metrics do not become so", async () => {
        // The rate limit is 5 requests a second.
        await Bun.sleep(200);
        const text = await page();
        return condition(text) && text;
      }),
  };
}

const up = (page: string): boolean => page.includes('telesetd_phone_registered{desk="1001"} 1');

test("calls, events, callouts, dials and the link are counted", async () => {
  const { sim, crm, callout, until } = await site();
  await sim.server.subscriber();
  await until(up);
  await callout("Register");
  await callout("Ready");
  await callout("Ready", { agentID: "" });
  await callout("Fly");
  const answered = await sim.inbound({ from: "14155550123", to: "1001" });
  await answered.answer();
  await answered.callerHangsUp();
  await (await sim.inbound({ from: "14155550124", to: "1001" })).callerHangsUp();
  await callout("MakeCall", { dialString: "914155550125" });
  await callout("MakeCall", { dialString: "words" });
  await crm.until(7, 5000);
  const dialled = sim.dialled[0];
  await dialled?.farHangsUp();
  await crm.until(8, 5000);
  const page = await until((text) => seriesOf(text).get('telesetd_events_total{event="CallReleased",result="delivered"}') === 3);
  expect(counted(page, "telesetd_calls_total")).toEqual({
    '{kind="inbound",disposition="answered"}': 1,
    '{kind="inbound",disposition="abandoned"}': 1,
    '{kind="outbound",disposition="answered"}': 1,
  });
  expect(counted(page, "telesetd_events_total")).toEqual({
    '{event="ScreenPop",result="delivered"}': 3,
    '{event="CallEstablished",result="delivered"}': 2,
    '{event="CallReleased",result="delivered"}': 3,
  });
  expect(counted(page, "telesetd_event_attempts_total")).toEqual({ '{result="confirmed"}': 8 });
  expect(counted(page, "telesetd_event_delivery_seconds_count")).toEqual({ "": 8 });
  expect(counted(page, "telesetd_event_delivery_seconds_bucket")['{le="+Inf"}']).toBe(8);
  expect(counted(page, "telesetd_callouts_total")).toEqual({
    '{function="Register",result="ok"}': 1,
    '{function="Ready",result="ok"}': 1,
    '{function="Ready",result="malformed"}': 1,
    '{function="unknown",result="malformed"}': 1,
    '{function="MakeCall",result="ok"}': 1,
    '{function="MakeCall",result="refused"}': 1,
  });
  expect(counted(page, "telesetd_dials_total")).toEqual({
    '{result="asked"}': 1,
    '{result="refused"}': 1,
    '{result="answered"}': 1,
  });
  expect(counted(page, "telesetd_link_ups_total")).toEqual({ "": 1 });
  expect(counted(page, "telesetd_uwq_registered")).toEqual({ '{desk="1001"}': 1 });
  expect(counted(page, "telesetd_active_calls")).toEqual({});
  expect(page).not.toMatch(/1415555|914155/);
});

describe("unconfirmed events", () => {
  test("are counted, with their age, and as withdrawn once their agent leaves", async () => {
    const { sim, crm, callout, until } = await site();
    await sim.server.subscriber();
    await until(up);
    await callout("Register");
    crm.close();
    const call = await sim.inbound({ from: "14155550123", to: "1001" });
    await call.callerHangsUp();
    const page = await until((text) => (seriesOf(text).get("telesetd_outbox_oldest_age_seconds") ?? 0) > 0.1);
    expect(seriesOf(page).get("telesetd_outbox_events")).toBe(2);
    expect(counted(page, "telesetd_event_attempts_total")).toHaveProperty(['{result="unreached"}']);
    await callout("Unregister");
    const after = await until((text) => seriesOf(text).get("telesetd_outbox_events") === 0);
    expect(counted(after, "telesetd_events_total")).toEqual({
      '{event="ScreenPop",result="withdrawn"}': 1,
      '{event="CallReleased",result="withdrawn"}': 1,
    });
    expect(seriesOf(after).get("telesetd_outbox_oldest_age_seconds")).toBe(0);
  });
});

test("before the first connect: alive, all series at 0, not ready, with the sentence of the status", async () => {
  const { app, ready, metrics } = await site((config) => ({ ...config, line: { ...config.line, port: 1 } }));
  const page = await metrics();
  const series = seriesOf(page);
  expect([series.get("telesetd_ready"), series.get('telesetd_line_up{desk="1001"}')]).toEqual([0, 0]);
  expect(series.get('telesetd_calls_total{kind="inbound",disposition="answered"}')).toBe(0);
  expect(series.get('telesetd_callouts_total{function="DialCanonical",result="error"}')).toBe(0);
  expect(series.get('telesetd_event_delivery_seconds_bucket{le="+Inf"}')).toBe(0);
  const { status, readiness } = await ready();
  expect([status, readiness.ready, readiness.uwq]).toEqual([503, false, { desks: 1, registered: 0 }]);
  expect(readiness.troubles).toEqual([expect.stringMatching(/^desk 1001: No connection to the phone system: /)]);
  expect(statusText(app.status())).toContain(readiness.troubles[0] ?? "-");
  expect(await (await fetch(`http://127.0.0.1:${app.port}/healthz`)).text()).toBe("ok");
});

test("ready without a registered agent; not ready without its phone or link; lost links are counted", async () => {
  const { sim, ready, until } = await site();
  await sim.server.subscriber();
  await until(up);
  expect(await ready()).toEqual({
    status: 200,
    readiness: { ready: true, troubles: [], uwq: { desks: 1, registered: 0 }, waiting: 0 },
  });
  sim.phones.unregister("1001");
  await until((page) => !up(page));
  expect(await ready()).toMatchObject({
    status: 503,
    readiness: { troubles: ["desk 1001: Phone 1001 is not registered: check its cable and power."] },
  });
  sim.stop();
  const page = await until((text) => seriesOf(text).get('telesetd_line_up{desk="1001"}') === 0);
  expect(seriesOf(page).get("telesetd_link_downs_total")).toBe(1);
  await until((text) => (seriesOf(text).get("telesetd_link_failures_total") ?? 0) > 0);
});

test("after the loss of its store: events are delivered and counted, and it is not ready, with a sentence", async () => {
  const { sim, crm, callout, ready, until } = await site((config, folder) => {
    const path = join(folder, "directory.db");
    mkdirSync(path);
    return { ...config, store: { ...config.store, path } };
  });
  await sim.server.subscriber();
  await callout("Register");
  const page = await until(up);
  expect([seriesOf(page).get("telesetd_store_lost"), seriesOf(page).get("telesetd_ready")]).toEqual([1, 0]);
  const { status, readiness } = await ready();
  expect([status, readiness.troubles]).toEqual([503, [expect.stringContaining("store: LOST, events are kept only in memory: ")]]);
  await (await sim.inbound({ from: "14155550123", to: "1001" })).callerHangsUp();
  expect(await crm.until(2, 5000)).toBe(true);
  const after = await until((text) => seriesOf(text).get('telesetd_events_total{event="CallReleased",result="delivered"}') === 1);
  expect(counted(after, "telesetd_calls_total")).toEqual({ '{kind="inbound",disposition="abandoned"}': 1 });
});

test("1,000 desks have their series, identical at each scrape", async () => {
  const desks = Array.from({ length: 1000 }, (_, at) => ({ extension: String(2000 + at), aliases: [] }));
  const { metrics } = await site((config) => ({ ...config, desks, line: { ...config.line, port: 1 } }));
  const [first, second] = [seriesOf(await metrics()), seriesOf(await metrics())];
  expect([...first.keys()].filter((series) => series.startsWith("telesetd_line_up{"))).toHaveLength(1000);
  expect(first.get('telesetd_phone_registered{desk="2999"}')).toBe(0);
  expect([...second.keys()]).toEqual([...first.keys()]);
  expect(first.size).toBeLessThan(3200);
});

test("calls of which the CRM got nothing are counted by their reason", async () => {
  const { sim, until } = await site();
  await sim.server.subscriber();
  const dialled = await sim.keypad({ extension: "1001", number: "1002" });
  await dialled.hangUp();
  const internal = 'telesetd_calls_by_reason_total{reason="internal-number"}';
  const page = await until((text) => seriesOf(text).get(internal) === 1);
  expect(counted(page, "telesetd_calls_by_reason_total")).toEqual({ '{reason="internal-number"}': 1 });
});

test("on the image: its version, slot and rejected version; on other machines no series", async () => {
  const metrics = async (image?: ImageState) => {
    const { app } = await startInside({ image: () => image });
    const answer = await fetch(`http://127.0.0.1:${app.port}/metrics`);
    const page = await answer.text();
    return page.split("\n").filter((line) => line.startsWith("telesetd_image_"));
  };
  expect(await metrics()).toEqual([]);
  expect(await metrics({ version: "0.3.0", slot: "B" })).toEqual(['telesetd_image_info{version="0.3.0",slot="B"} 1']);
  const update = { when: "2026-11-27T02:00:00Z", good: false, message: "The server does not answer." };
  expect(await metrics({ version: "0.3.0", rejected: { version: "0.4.0", why: "It hung." }, update })).toEqual([
    'telesetd_image_info{version="0.3.0",slot=""} 1',
    'telesetd_image_rejected{version="0.4.0"} 1',
    "telesetd_image_update_failed 1",
  ]);
});
