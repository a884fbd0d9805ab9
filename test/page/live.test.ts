/** Live updates: server-sent events that are rendered once for all, in bounded number, and end with the session. */
import { afterEach, describe, expect, jest, test } from "bun:test";
import { request } from "node:http";
import { Live, livePart } from "../../src/page/live.ts";
import { cleanUp } from "../support/httpclient.ts";
import { standStill } from "../support/timers.ts";
import { openPage, type PageClient } from "../support/page/page.ts";
import { until } from "../support/until.ts";

afterEach(cleanUp);

/** An open stream, and what it has received. */
interface Received {
  readonly text: () => string;
  /** The status of the answer. */
  readonly status: Promise<number>;
  readonly closed: Promise<void>;
  leave(): void;
}

function stream({ port, cookie, host }: PageClient, view = "overview"): Received {
  let text = "";
  const status = Promise.withResolvers<number>();
  const closed = Promise.withResolvers<void>();
  const asked = request({ host: "127.0.0.1", port, path: `/ui/live?view=${view}`, headers: { cookie, host }, agent: false });
  asked.on("response", (response) => {
    status.resolve(response.statusCode ?? 0);
    response.setEncoding("utf8").on("data", (part: string) => text += part).on("error", () => {}).on("close", closed.resolve);
  }).on("error", () => closed.resolve()).end();
  return { text: () => text, status: status.promise, closed: closed.promise, leave: () => void asked.destroy() };
}

describe("over HTTP", () => {
  test("a stream begins with every part, and gets each change as it happens", async () => {
    let changed = (): void => {};
    let state = "ringing";
    const call = { id: "a", desk: "1001", kind: "inbound", who: "...0123", since: "2026-01-01T00:00:00.000Z", sent: [] };
    const page = await openPage({
      source: { liveCalls: () => [{ ...call, state }], follow: (take) => (changed = take, () => {}) },
    });
    await page.login();
    const { text, leave } = stream(page);
    await until(() => text(), () => /"id":"charts"/.test(text()));
    for (const id of ["headline", "now", "state", "recent"]) expect(text()).toContain(`"id":"${id}"`);
    expect(text()).toStartWith("event: beat\ndata: ");
    const before = text().length;
    state = "answered";
    changed();
    await until(() => text(), () => text().slice(before).includes("answered"));
    expect(text().slice(before).match(/event: part/g)).toHaveLength(1);
    leave();
  });

  test("the number of streams is limited; one that leaves makes room", async () => {
    const page = await openPage({ maxStreams: 2 });
    await page.login();
    const [first, second] = [stream(page), stream(page)];
    expect([await first.status, await second.status]).toEqual([200, 200]);
    expect(await stream(page).status).toBe(503);
    expect((await page.get("/ui/")).status).toBe(200);
    first.leave();
    await first.closed;
    await until("there is no room", async () => (await stream(page).status) === 200);
    second.leave();
  });

  test("a stop of the daemon ends them at once", async () => {
    const page = await openPage();
    await page.login();
    const open = stream(page);
    expect(await open.status).toBe(200);
    await cleanUp();
    await open.closed;
  });
});

/** A Live with one part, and readers of its streams. */
function rig(html: () => string, clock = () => 0) {
  let renders = 0;
  const part = livePart("now", html, (model) => (renders += 1, model));
  const live = new Live({ views: { overview: [part] }, maxStreams: 100, clock });
  const open = (mayStay = () => true) => {
    const cut = { done: false };
    const reader = live.respond("overview", mayStay, () => cut.done = true)?.body?.getReader();
    const next = async () => new TextDecoder().decode((await reader?.read())?.value);
    return { next, cut, reader };
  };
  return { live, open, renders: () => renders };
}

describe("while the clock stands still:", () => {
  standStill();

  test("a change is rendered once, for however many pages", async () => {
    let model = "one";
    const { live, open, renders } = rig(() => model);
    const streams = Array.from({ length: 10 }, () => open());
    for (const { next } of streams) expect(await next() + await next()).toContain('"html":"one"');
    expect(renders()).toBe(1);
    model = "two";
    for (let i = 0; i < 50; i++) live.changed();
    jest.advanceTimersByTime(30);
    for (const { next } of streams) expect(await next()).toContain('"html":"two"');
    expect(renders()).toBe(2);
    live.changed();
    jest.advanceTimersByTime(1000);
    expect(renders()).toBe(2);
    live.end();
  });

  test("updates are at least 150 ms apart; slow rendering makes the pause longer", async () => {
    let now = 0;
    let cost = 0;
    let model = 0;
    const { live, open } = rig(() => (now += cost, `${model}`), () => now);
    const { next } = open();
    await next();
    await next();
    const updated = async (ms: number): Promise<boolean> => {
      model += 1;
      live.changed();
      jest.advanceTimersByTime(ms - 1);
      now += ms - 1;
      const early = live.size;
      jest.advanceTimersByTime(1);
      now += 1;
      return early === 1 && (await next()).includes(`"html":"${model}"`);
    };
    expect(await updated(30)).toBe(true);
    expect(await updated(150)).toBe(true);
    cost = 10;
    expect(await updated(150)).toBe(true);
    expect(await updated(400)).toBe(true);
    live.end();
  });

  test("without an open page a change costs nothing", () => {
    const { live, renders } = rig(() => "x");
    live.changed();
    jest.advanceTimersByTime(10_000);
    expect(renders()).toBe(0);
  });

  test("a session that has ended loses its stream at the next beat", async () => {
    let open = true;
    const { live, open: connect } = rig(() => "x");
    const { next, reader } = connect(() => open);
    await next();
    await next();
    jest.advanceTimersByTime(5000);
    expect(await next()).toStartWith("event: beat");
    open = false;
    jest.advanceTimersByTime(5000);
    expect(await next()).toStartWith("event: over");
    expect((await reader?.read())?.done).toBe(true);
    expect(live.size).toBe(0);
  });

  test("a browser that does not read is cut off", () => {
    const { live, open } = rig(() => "x");
    const { cut } = open();
    for (let i = 0; i < 30; i++) live.append("overview", "now", "y".repeat(50_000));
    expect(cut.done).toBe(true);
    expect(live.size).toBe(0);
  });

  test("a part that grows is sent at the start of a stream, with what was added since the page was loaded, and not again", async () => {
    let rows = "one";
    const part = livePart("rows", () => rows, (model) => model, { grows: true });
    const live = new Live({ views: { wire: [part] }, maxStreams: 2, clock: () => 0 });
    const reader = live.respond("wire", () => true, () => {})?.body?.getReader();
    const next = async () => new TextDecoder().decode((await reader?.read())?.value);
    await next();
    expect(await next()).toContain('"html":"one"');
    rows = "one two";
    live.changed();
    jest.advanceTimersByTime(2000);
    live.append("wire", "rows", "two");
    expect(await next()).toStartWith("event: append");
    live.end();
  });
});
