/** @jsxImportSource hono/jsx */
/** The views: what strangers send is text, customers' numbers are masked, and nothing grows without limit. */
import { describe, expect, test } from "bun:test";
import type { ShownCall } from "../../src/history/calls.ts";
import type { ShownEvent } from "../../src/outbox/admin.ts";
import type { LiveCall } from "../../src/status/calls.ts";
import { CallRows, callsModel, CallsView, CallView } from "../../src/page/views/calls.tsx";
import { CallsChart, DeliveryChart } from "../../src/page/views/charts.tsx";
import { numberRules, RulesView, SettingsView } from "../../src/page/views/config.tsx";
import { dialsModel, DialsView } from "../../src/page/views/dials.tsx";
import { DoctorView } from "../../src/page/views/doctor.tsx";
import { eventsModel, EventsView } from "../../src/page/views/events.tsx";
import { liveCallsModel, LiveCallsView, stateModel, StateView } from "../../src/page/views/overview.tsx";
import { WireList } from "../../src/page/views/wire.tsx";
import { wellStatus } from "../support/page/page.ts";

const hostile = `<img src=x onerror=alert(1)>"'&--></script><svg/onload=alert(1)>javascript:alert(1)`;
const at = "2026-11-27T10:00:00.000Z";

const liveCall: LiveCall = {
  id: hostile,
  desk: hostile,
  kind: "inbound",
  state: hostile,
  who: hostile,
  since: at,
  agent: hostile,
  sent: [hostile],
};
const event: ShownEvent = {
  id: 1,
  state: "waiting",
  event: hostile,
  call: hostile,
  desk: hostile,
  agent: hostile,
  to: hostile,
  created: at,
  attempts: 1,
  why: hostile,
};
const call: ShownCall = {
  id: hostile,
  desk: hostile,
  agent: hostile,
  direction: "inbound",
  kind: "inbound",
  origin: "called",
  party: hostile,
  queue: true,
  began: at,
  end: { at, disposition: hostile, text: hostile, cause: hostile },
  timeline: [{ at, what: "began", text: hostile }],
  events: [{ id: 1, event: hostile, state: "discarded", created: at, attempts: 1, to: hostile, why: hostile }],
  reason: { code: "name", identity: hostile, text: hostile },
};
const dial = {
  id: "1",
  at: 0,
  desk: hostile,
  agent: hostile,
  from: hostile,
  dialString: hostile,
  number: hostile,
  outcome: hostile,
};
const hop = { name: hostile, verdict: "failed", message: hostile, advice: hostile, details: [hostile], ms: 1 } as const;
const status = {
  ...wellStatus,
  desks: [{
    ...wellStatus.desks[0],
    extension: hostile,
    switch: "down" as const,
    phone: "unknown" as const,
    trouble: hostile,
    agents: [],
    calls: [],
  }],
};
const tried = { rule: "numbers.deny", number: hostile, lines: [hostile], rules: [hostile] };

const views: Readonly<Record<string, unknown>> = {
  "calls in progress": <LiveCallsView model={liveCallsModel([liveCall])} />,
  "the state": <StateView model={stateModel(status, 0)} />,
  "events": <EventsView model={eventsModel({ pages: () => [[event, { ...event, id: 2, state: "discarded" }]] }, 1)} />,
  "the list of calls": <CallsView model={callsModel([[call]], { silent: true, from: 0, desk: hostile }, [hostile, "1"])} />,
  "a call": <CallView call={call} />,
  "dials": <DialsView model={dialsModel([dial])} />,
  "the doctor": <DoctorView model={{ started: at, ended: at, hops: [hop], trouble: hostile }} />,
  "the wires": <WireList messages={[{ id: 1, at, wire: "switch", to: "telesetd", short: hostile, whole: hostile }]} />,
  "number rules": <RulesView rules={[{ path: "numbers.deny", text: hostile }]} tried={tried} />,
  "settings": <SettingsView settings={[{ path: hostile, value: hostile, description: hostile }]} />,
};

describe("what strangers send is text in", () => {
  test.each(Object.entries(views))("%s", (_, view) => {
    const html = String(view);
    expect(html).toContain("&lt;img src=x");
    for (const markup of ["<img", "<script", "</script", "<svg/", `x"'&-`]) expect(html).not.toContain(markup);
    // An address contains it only in parts that are encoded.
    for (const [, address = ""] of html.matchAll(/(?:href|action|formaction)="([^"]*)"/g)) {
      expect(address).toMatch(/^\/ui\/[\w%#.()!*'~-]*(\/[\w%.()!*'&#;~-]*)*(\?.*)?(#.*)?$/);
    }
  });
});

test("a name that a stranger has chosen neither fills the page nor turns the text around it", () => {
  const names = ["\u202egnp.exe\u2066", "Ö".repeat(10_000)];
  const model = liveCallsModel(names.map((who) => ({ ...liveCall, who })));
  const shown = [<LiveCallsView model={model} />, <CallView call={{ ...call, party: names[0] ?? "" }} />].map(String).join("");
  expect(shown).toContain("\ufffdgnp.exe\ufffd");
  expect(shown).not.toMatch(/[\u202a-\u202e\u2066-\u2069]/);
  expect(shown).toContain(`>${"Ö".repeat(80)}...<`);
});

test("the state of a desk masks a number that the CRM or the switch repeats in its answer", () => {
  const why = `no customer "(415) 555-0123" or 14155550123`;
  const [desk] = wellStatus.desks;
  if (!desk) throw new Error("no desk");
  const agents = [{ agent: "SMITH", mode: "ready" as const, why }];
  const undelivered = [{ agent: "SMITH", mode: "ready", why, since: at, waiting: 1 }] as unknown as NonNullable<
    typeof desk.undelivered
  >;
  const html = String(<StateView model={stateModel({ ...wellStatus, desks: [{ ...desk, agents, undelivered }] }, 0)} />);
  expect(html.match(/no customer &quot;\.\.\.0123&quot; or \.\.\.0123/g)).toHaveLength(2);
  expect(html).not.toContain("5550123");
});

test("the reason of an event masks a number that the CRM repeats in its answer", () => {
  const why = `The CRM answered 500: no customer "(415) 555-0123" or 14155550123`;
  const html = String(<EventsView model={eventsModel({ pages: () => [[{ ...event, why }]] }, 1)} />);
  expect(html).toContain("no customer &quot;...0123&quot; or ...0123");
  expect(html).not.toContain("5550123");
});

test("customers' numbers are masked, however a dial string writes them, also in its outcome", () => {
  const written = {
    ...dial,
    dialString: "+1 (415) 555-0123",
    number: "914155550123",
    outcome: 'Cannot dial "+1 (415) 555-0123": busy',
  };
  const [shown] = dialsModel([written]);
  expect(shown).toMatchObject({ number: "...0123", outcome: 'Cannot dial "...0123": busy' });
  expect(dialsModel([{ ...written, dialString: "1002", number: "1002", outcome: "answered" }])[0]?.number).toBe("1002");
});

describe("long lists are cut:", () => {
  test("calls in progress", () => {
    const calls = Array.from({ length: 80 }, (_, i) => ({ ...liveCall, id: `${i}`, since: new Date(i).toISOString() }));
    const { calls: shown, others } = liveCallsModel(calls);
    expect([shown.length, others, shown[0]?.id]).toEqual([50, 30, "79"]);
  });

  test("desks: those in trouble come first", () => {
    const well = wellStatus.desks[0];
    const desks = Array.from(
      { length: 100 },
      (_, i) => ({
        ...status.desks[0],
        ...well,
        agents: [],
        calls: [],
        extension: `${i}`,
        phone: i === 99 ? "unregistered" as const : "registered" as const,
        switch: "up" as const,
      }),
    );
    const model = stateModel({ ...wellStatus, desks }, 0);
    expect([model.desks.length, model.others, model.desks[0]?.extension, model.state]).toEqual([24, 76, "99", "failed"]);
  });

  test("events, of which few are read from the store", () => {
    let read = 0;
    const pages = function* () {
      for (;;) {
        read += 1;
        yield Array.from({ length: 25 }, (_, i) => ({ ...event, id: read * 25 + i }));
      }
    };
    const model = eventsModel({ pages }, 10_000);
    expect([model.waiting.length, model.total, read]).toEqual([25, 10_000, 9]);
  });

  test("calls, of which few are read, also by a filter that finds none", () => {
    let read = 0;
    const pages = function* () {
      for (;;) {
        read += 1;
        const { reason: _, ...plain } = call;
        yield Array.from({ length: 25 }, () => plain);
      }
    };
    expect(callsModel(pages(), { silent: true, from: 0 }, []).calls).toEqual([]);
    expect(read).toBe(20);
    expect(callsModel(pages(), { silent: false, from: 25 }, [])).toMatchObject({ more: true });
  });
});

test("a call without events shows that, with its reason", () => {
  const html = String(
    <CallRows calls={[{ ...call, events: [], reason: { code: "phone-never-rang", text: "The phone never rang." } }]} />,
  );
  expect(html).toContain("got nothing");
  expect(html).toContain("The phone never rang.");
});

test("charts have a summary as text, and a bar for each hour with calls", () => {
  const hours = Array.from(
    { length: 24 },
    (_, i) => ({
      at: new Date(i * 3_600_000).toISOString(),
      calls: i,
      delivered: i === 23 ? 5 : 0,
      ...(i === 23 ? { p50: 0.002, p95: 0.05 } : {}),
    }),
  );
  const calls = String(<CallsChart hours={hours} />);
  expect(calls).toContain("276 in 24 hours, at most 23 in an hour");
  expect(calls.match(/class="bar"/g)).toHaveLength(23);
  expect(String(<DeliveryChart hours={hours} />)).toContain("2 ms for half, 50 ms for 95 %");
  expect(String(<DeliveryChart hours={[]} />)).toContain("No delivery in 24 hours");
});

test("number rules: a pattern is one, a rewriting with its parts is one", () => {
  expect(numberRules([
    { path: "http.port", value: "1" },
    { path: "numbers.internal", value: "^\\d{2,5}$" },
    { path: "numbers.toCrm[0].match", value: "^9" },
    { path: "numbers.toCrm[0].replace", value: "" },
    { path: "numbers.toCrm[0].direction", value: "outbound" },
  ])).toEqual([
    { path: "numbers.internal", text: "^\\d{2,5}$" },
    { path: "numbers.toCrm[0]", text: "^9 becomes nothing, outbound calls" },
  ]);
});
