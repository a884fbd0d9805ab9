/** @jsxImportSource hono/jsx */
/** The routes of the views, and their live parts. */
import type { Context, Hono } from "hono";
import { raw } from "hono/html";
import type { Child } from "hono/jsx";
import { versionText } from "../image/state.ts";
import { version } from "../version.ts";
import type { DoctorRun } from "./doctor-run.ts";
import { root } from "./guard.ts";
import { livePart, type LiveViews } from "./live.ts";
import type { Visit } from "./site.ts";
import type { PageSource } from "./source.ts";
import type { Trace } from "./trace.ts";
import { CallRows, callsModel, CallsView, CallView } from "./views/calls.tsx";
import { ChartsView } from "./views/charts.tsx";
import { numberRules, RulesView, SettingsView } from "./views/config.tsx";
import { dialsModel, DialsView, maxDials } from "./views/dials.tsx";
import { DoctorView } from "./views/doctor.tsx";
import { Shell, type ViewName } from "./views/document.tsx";
import { eventsModel, EventsView, firstOf } from "./views/events.tsx";
import { Headline, liveCallsModel, LiveCallsView, stateModel, StateView } from "./views/overview.tsx";
import { Empty } from "./views/parts.tsx";
import { TraceView, WireList, wireList, WireRows } from "./views/wire.tsx";

/** What the views show. */
export interface ViewOptions {
  readonly source: PageSource;
  /** Absent if there are no tools. */
  readonly doctor: DoctorRun | undefined;
  readonly trace: Trace | undefined;
}

/** How many of the last calls the overview shows. */
const maxRecent = 5;

/** The live parts of the views. */
export function liveViews({ source, doctor, trace }: ViewOptions): LiveViews {
  const { calls, outbox } = source;
  const history = (limit: number) => firstOf(calls.pages({ masked: true }), limit);
  const ended = (limit: number) => history(limit + 20).filter(({ end }) => end).slice(0, limit);
  const everything = { silent: false, from: 0 };
  const slow = { slow: true };
  return {
    overview: [
      livePart("now", () => liveCallsModel(source.liveCalls()), (model) => <LiveCallsView model={model} />),
      livePart("headline", () => stateModel(source.status(), Date.now()).state, (state) => <Headline state={state} />, slow),
      livePart(
        "state",
        () => stateModel(source.status(), Date.now(), source.tools?.image),
        (model) => <StateView model={model} />,
        slow,
      ),
      livePart("recent", () => ended(maxRecent), (model) => <CallRows calls={model} />, slow),
      livePart("charts", () => source.hours(), (hours) => <ChartsView hours={hours} />, slow),
    ],
    calls: [
      livePart(
        "calls-list",
        () => callsModel(calls.pages({ masked: true }), everything, []).calls,
        (model) => <CallRows calls={model} />,
        slow,
      ),
    ],
    events: [
      livePart(
        "events",
        () => eventsModel(outbox, source.status().outbox.waiting),
        (model) => <EventsView model={model} />,
        slow,
      ),
    ],
    dials: [livePart("dials", () => dialsModel(firstOf(source.dials(), maxDials)), (model) => <DialsView model={model} />, slow)],
    doctor: doctor ? [livePart("hops", () => doctor.model, (model) => <DoctorView model={model} />)] : [],
    wire: trace
      ? [
        livePart("trace", () => trace.state, (model) => <TraceView model={model} />),
        livePart(wireList, () => trace.messages, (model) => <WireRows messages={model} />, { grows: true }),
      ]
      : [],
  };
}

/** `GET /ui/` and the other views. @param visit the session of a request, which exists. */
export function addViews(app: Hono, options: ViewOptions, parts: LiveViews, visit: (context: Context) => Visit): void {
  const { source } = options;
  const page = (context: Context, view: ViewName, title: string, body: Child, more: { live?: string; refresh?: number } = {}) => {
    const { session, notice } = visit(context);
    const frame = { view, token: session.token, box: boxName(source), version: boxVersion(source), started, notice, ...more };
    return context.html(<Shell frame={frame} title={title}>{body}</Shell>);
  };
  const part = (view: ViewName, id: string) => <div id={id}>{raw(parts[view]?.find((part) => part.id === id)?.html() ?? "")}
  </div>;
  addOverview(app, page, part);
  addCalls(app, source, page);
  app.get(`${root}events`, (context) =>
    page(
      context,
      "events",
      "Events",
      <>
        <h1>Events</h1>
        {part("events", "events")}
      </>,
    ));
  app.get(`${root}dials`, (context) =>
    page(
      context,
      "dials",
      "Dials",
      <>
        <h1>Dials</h1>
        {part("dials", "dials")}
      </>,
    ));
  addTools(app, options, page, part);
  addConfig(app, source, page);
}

type RenderPage = (
  context: Context,
  view: ViewName,
  title: string,
  body: Child,
  more?: { live?: string; refresh?: number },
) => Response | Promise<Response>;
type RenderPart = (view: ViewName, id: string) => Child;

const started = new Date(Date.now() - process.uptime() * 1000).toISOString();

function addOverview(app: Hono, page: RenderPage, part: RenderPart): void {
  app.get(root, (context) =>
    page(
      context,
      "overview",
      "Overview",
      (
        <>
          <h1>Overview</h1>
          {part("overview", "headline")}
          <section aria-labelledby="calls-now">
            <h2 id="calls-now">Calls now</h2>
            {part("overview", "now")}
          </section>
          {part("overview", "state")}
          <section aria-labelledby="last-calls">
            <h2 id="last-calls">Last calls</h2>
            {part("overview", "recent")}
            <p class="more">
              <a href={`${root}calls`}>All calls</a>
            </p>
          </section>
          <section aria-labelledby="day">
            <h2 id="day">24 hours</h2>
            {part("overview", "charts")}
          </section>
        </>
      ),
    ));
}

function addCalls(app: Hono, source: PageSource, page: RenderPage): void {
  app.get(`${root}calls`, (context) => {
    const { desk, silent, from = "" } = context.req.query();
    const desks = source.status().desks.map(({ extension }) => extension);
    const query = {
      desk: desk !== undefined && desks.includes(desk) ? desk : undefined,
      silent: silent === "1",
      from: /^\d{1,4}$/.test(from) ? Number(from) : 0,
    };
    const pages = source.calls.pages({ masked: true, ...(query.desk === undefined ? {} : { desk: query.desk }) });
    const isWhole = query.desk === undefined && !query.silent && query.from === 0;
    // A part of the history does not change while it is read.
    return page(
      context,
      "calls",
      "Calls",
      (
        <>
          <h1>Calls</h1>
          <CallsView model={callsModel(pages, query, desks)} />
        </>
      ),
      isWhole ? {} : { live: "none" },
    );
  });
  app.get(`${root}calls/:id`, (context) => {
    const found = source.calls.find(context.req.param("id"), true);
    if (!("call" in found)) return context.text(`${found.why}\n`, found.status);
    return page(context, "calls", "Call", <CallView call={found.call} />, { live: "none" });
  });
}

/** How often a page without the script is loaded again while something is in progress, in seconds. */
const refreshSeconds = 3;

function addTools(app: Hono, { doctor, trace }: ViewOptions, page: RenderPage, part: RenderPart): void {
  app.get(`${root}doctor`, (context) =>
    page(
      context,
      "doctor",
      "Doctor",
      (
        <>
          <h1>Doctor</h1>
          {doctor ? part("doctor", "hops") : <Empty>The doctor cannot be run here: telesetd doctor</Empty>}
        </>
      ),
      doctor?.isRunning ? { refresh: refreshSeconds } : {},
    ));
  app.get(`${root}wire`, (context) =>
    page(
      context,
      "wire",
      "Wire",
      (
        <>
          <h1>Wire</h1>
          <p class="lead quiet">The messages between telesetd and the switch, and between telesetd and UWQ, as they pass.</p>
          {trace
            ? (
              <>
                {part("wire", "trace")}
                <WireList messages={trace.messages} />
              </>
            )
            : <Empty>The wires cannot be followed here: telesetd log follow</Empty>}
        </>
      ),
      trace?.state.until === undefined ? {} : { refresh: refreshSeconds },
    ));
}

/** The maximum number of characters of a number that somebody tries. */
const maxTried = 64;

function addConfig(app: Hono, source: PageSource, page: RenderPage): void {
  const rules = numberRules(source.settings);
  app.get(`${root}config`, (context) => {
    const { rule = "", number = "" } = context.req.query();
    const tried = source.tools && rules.some(({ path }) => path === rule) && number !== ""
      ? { rule, number, ...source.tools.explain(number.slice(0, maxTried)) }
      : undefined;
    return page(
      context,
      "config",
      "Configuration",
      (
        <>
          <h1>Configuration</h1>
          <p class="lead quiet">What is in force now. Change it in the file, then run telesetd apply. Secrets are hidden.</p>
          {source.status().pushed?.version === undefined
            ? null
            : <p class="quiet">Settings that the fleet has pushed are laid over the file: only another push changes them.</p>}
          {source.tools && rules.length > 0
            ? (
              <section aria-labelledby="rules">
                <h2 id="rules">Number rules</h2>
                <RulesView rules={rules} tried={tried} />
              </section>
            )
            : null}
          <section aria-labelledby="settings">
            <h2 id="settings">All settings</h2>
            <SettingsView settings={source.settings} />
          </section>
        </>
      ),
    );
  });
}

function boxVersion(source: PageSource): string {
  const { image } = source.status();
  return image ? `${version}, image ${versionText(image)}` : version;
}

function boxName(source: PageSource): string {
  const { desks: [first, ...others] } = source.status();
  return first ? `Desk ${first.extension}${others.length > 0 ? ` and ${others.length} more` : ""}` : "";
}
