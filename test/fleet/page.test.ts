/** The page and the metrics of the fleet, on a real listener of a relay. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { reportOf, reportText, viewOf, viewText } from "../../src/fleet/report.ts";
import { type Fleet, startFleet } from "../../src/fleet/serve.ts";
import { openLog } from "../../src/log/log.ts";
import { hashPassword } from "../../src/passwords.ts";
import type { Status } from "../../src/status/status.ts";
import { ownFolder } from "../support/folder.ts";
import { MemoryBroker } from "../support/memory-broker.ts";
import { PageClient, password, wellStatus } from "../support/page/page.ts";
import { FakeTimers } from "../support/timers.ts";

setDefaultTimeout(60_000);

const broker = new MemoryBroker();
const timers = new FakeTimers();
const folder = ownFolder();
let fleet: Fleet;
let client: PageClient;

function reported(desk: string, change: Partial<Status["desks"][number]> = {}, more: Partial<Status> = {}) {
  const status = {
    ...wellStatus,
    ...more,
    desks: [{ ...wellStatus.desks[0], extension: desk, ...change } as Status["desks"][number]],
  };
  const report = reportOf({ ...status, pushed: { version: 1_795_000_000_000 }, image: { version: "0.0.0", slot: "B" } }, desk, 0);
  if (!report) throw new Error("no report");
  broker.publish(`tele.status.${desk}`, reportText(report));
  return report;
}

beforeAll(async () => {
  fleet = await startFleet({
    broker,
    prefix: "tele",
    name: "a",
    desks: ["1001", "1002", "1003"],
    stateFolder: folder,
    http: {
      host: "127.0.0.1",
      port: 0,
      page: { password: await hashPassword(password), allow: ["127.0.0.0/8"] },
      hostNames: [],
      monitorAllow: [],
    },
    troubles: () => [],
    log: openLog(() => {}, "error", false),
    timers,
  });
  client = new PageClient(fleet.port ?? 0);
  reported("1001");
  reported("1002", { phone: "unregistered", trouble: "Phone 1002 is not registered." });
  for (let desk = 2001; desk <= 2150; desk++) {
    reported(String(desk), { registered: { agent: "<b>JONES</b>", at: "10.1.2.9:5555" } });
  }
});

afterAll(() => fleet.stop());

test("a stranger gets the log-in, and nothing else", async () => {
  const stranger = new PageClient(client.port);
  expect(await stranger.get("/ui/")).toMatchObject({ status: 303, headers: { location: "/ui/login" } });
  expect((await stranger.get("/ui/login")).body).toContain("The page of the fleet");
  expect((await stranger.get("/ui/desks/1001")).status).toBe(303);
  expect((await stranger.get("/ui/live?view=fleet", { accept: "text/event-stream" })).status).toBe(401);
  expect((await stranger.get("/ui/", { host: "evil.example.com" })).status).toBe(403);
});

describe("somebody who has logged in", () => {
  beforeAll(async () => {
    expect((await client.login()).status).toBe(303);
  });

  const desksIn = (body: string): string[] => [...body.matchAll(/href="\/ui\/desks\/(\d+)"/g)].map(([, desk = ""]) => desk);

  test("sees the fleet in numbers, and the desks in trouble first", async () => {
    const { body } = await client.get("/ui/");
    expect(body).toContain("2 desks of 153 in trouble");
    expect(desksIn(body).slice(0, 3)).toEqual(["1002", "1003", "1001"]);
    expect(body).toContain("Phone: Phone 1002 is not registered.");
    expect(body).toContain("telesetd 0.0.0, slot B");
  });

  test("pages through the rest", async () => {
    const first = await client.get("/ui/");
    const next = /href="(\/ui\/\?[^"]+from=100)"/.exec(first.body)?.[1]?.replaceAll("&amp;", "&") ?? "";
    const rest = await client.get(next);
    expect(desksIn(first.body)).toHaveLength(100);
    expect(desksIn(rest.body)).toHaveLength(53);
    expect(desksIn(rest.body).some((desk) => desksIn(first.body).includes(desk))).toBe(false);
  });

  test("searches, and filters by trouble", async () => {
    expect(desksIn((await client.get("/ui/?search=2010")).body)).toEqual(["2010"]);
    expect(desksIn((await client.get("/ui/?trouble=1")).body)).toEqual(["1002", "1003"]);
    expect((await client.get("/ui/?search=%3Cscript%3E")).body).not.toContain("<script>");
  });

  test("never gets markup that a box has sent", async () => {
    const { body } = await client.get("/ui/?search=2010");
    expect(body).not.toContain("<b>JONES");
    expect(body).toContain("&lt;b&gt;JONES");
  });

  test("sees one desk: its parts with the next step, and its calls as soon as the box sends them", async () => {
    const before = broker.messages.length;
    const first = await client.get("/ui/desks/1001");
    expect(first.body).toContain("Waiting for the box to show its calls.");
    expect(broker.on("tele.desk.1001.view", before)).toEqual([{ v: 1 }]);
    const call = {
      id: "c1",
      desk: "1001",
      kind: "inbound",
      state: "ringing",
      who: "...0123",
      since: "2026-11-27T10:00:00.000Z",
      sent: ["ScreenPop"],
    };
    broker.publish("tele.view.1001", viewText(viewOf(reported("1001"), [call], "1001")));
    const { body } = await client.get("/ui/desks/1001");
    expect(body).toContain("...0123");
    expect(body).toContain("Sent to the CRM: ScreenPop");
    expect(body).toContain("Registered at the switch.");
    expect(body).toContain("image slot B");
  });

  test("reads that a desk does not exist, or has not reported", async () => {
    expect(await client.get("/ui/desks/999")).toMatchObject({ status: 404 });
    expect((await client.get("/ui/desks/1003")).body).toContain("has not reported yet");
  });

  test("gets changes of a desk live", async () => {
    const stop = new AbortController();
    const answer = await fetch(`http://127.0.0.1:${client.port}/ui/live?view=desk-1002`, {
      headers: { cookie: client.cookie },
      signal: stop.signal,
    });
    let text = "";
    const decoder = new TextDecoder();
    let wasReported = false;
    for await (const part of answer.body ?? []) {
      text += decoder.decode(part as Uint8Array);
      if (!wasReported && text.includes("Phone 1002 is not registered.")) {
        wasReported = true;
        reported("1002");
      }
      if (wasReported && text.includes("Registered at the switch.")) break;
    }
    stop.abort();
    expect(text).toContain("Everything works");
  });
});

test("/metrics has one page for all desks, and /readyz the state of the relay", async () => {
  const { body, status } = await client.get("/metrics");
  expect(status).toBe(200);
  expect(body).toContain('telesetd_fleet_desks{state="silent"} 1\n');
  expect(body).toContain('telesetd_fleet_desk_up{desk="1003"} 0\n');
  expect(body).toContain('telesetd_fleet_desk_ready{desk="1001"} 1\n');
  expect(body).toContain('telesetd_fleet_versions{version="0.0.0"} 152\n');
  expect(body).toContain('telesetd_fleet_desk_config_version{desk="2001"} 1795000000000\n');
  expect(body).not.toContain('telesetd_fleet_desk_ready{desk="1003"}');
  expect(JSON.parse((await client.get("/readyz")).body)).toMatchObject({ ready: true, uwq: { desks: 153 } });
});
