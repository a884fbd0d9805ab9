/** @jsxImportSource hono/jsx */
/** The page of the fleet at `/ui/`, which a relay serves: the list of desks, and one desk live. */
import type { Context, Hono } from "hono";
import { raw } from "hono/html";
import type { Child } from "hono/jsx";
import { root } from "../../page/guard.ts";
import { Live, type LivePart, livePart } from "../../page/live.ts";
import type { Page } from "../../page/routes.tsx";
import { createSite, type SiteOptions, type Visit } from "../../page/site.ts";
import { Shell } from "../../page/views/document.tsx";
import { version } from "../../version.ts";
import type { Office } from "../office.ts";
import { silentMs } from "../roster.ts";
import { DeskView, rowsOnPage, RowsView, SearchForm, SummaryView } from "./views.tsx";

/** Settings and collaborators of the page. */
export interface FleetPageOptions extends Omit<SiteOptions, "about"> {
  readonly office: Office;
  /** The name of the relay. */
  readonly relay: string;
  /** The maximum number of open pages with live updates. */
  readonly maxStreams: number;
}

const navigation = [
  { name: "fleet", path: root, title: "All desks" },
  { name: "trouble", path: `${root}?trouble=1`, title: "In trouble" },
] as const;

/** The maximum number of desks whose parts are kept. */
const maxKept = 200;

/** Creates the page. @throws Error if an entry of `allow` is not a range. */
export function createFleetPage(options: FleetPageOptions): Page {
  const { office, maxStreams } = options;
  const partsOf = liveParts(office);
  const live = new Live({ views: partsOf, maxStreams });
  const leave = office.follow(() => live.changed());
  const about = "The page of the fleet: the state of all desks, and what to do when something is wrong.";
  const app = createSite({ ...options, about }, live, (app, { visit }) => addFleetViews(app, options, partsOf, visit));
  return {
    app,
    end: () => {
      leave();
      live.end();
    },
  };
}

/** The live parts of a view: the list, the list of those in trouble, or a desk. */
function liveParts(office: Office): (view: string) => readonly LivePart[] {
  const list = (trouble: boolean): readonly LivePart[] => [
    livePart("summary", () => office.roster.summary(), (model) => <SummaryView model={model} />, { slow: true }),
    livePart("desks", () => page(office, { trouble }, 0), (model) => <RowsView model={model} />, { slow: true }),
  ];
  const kept = new Map<string, readonly LivePart[]>([["fleet", list(false)], ["trouble", list(true)]]);
  return (view) => {
    const known = kept.get(view);
    if (known) return known;
    const desk = /^desk-(\d{1,20})$/.exec(view)?.[1];
    if (desk === undefined || !office.roster.has(desk)) return [];
    const made = [livePart("desk", () => deskModel(office, desk), (model) => <DeskView model={model} />)];
    kept.set(view, made);
    const oldest = [...kept.keys()][2];
    if (kept.size > maxKept && oldest !== undefined) kept.delete(oldest);
    return made;
  };
}

function deskModel(office: Office, desk: string): Parameters<typeof DeskView>[0]["model"] {
  const { report, age = 0 } = office.roster.find(desk) ?? {};
  return { desk, report, view: office.view(desk), silentMs: age > silentMs ? age : undefined };
}

function page(office: Office, query: { readonly search?: string; readonly trouble: boolean }, from: number) {
  const { rows, more } = office.roster.page(query, from, rowsOnPage);
  // Seconds that pass must not render the list again.
  return { rows: rows.map(({ heardSeconds: _, oldestSeconds: _oldest, ...row }) => row), more };
}

function addFleetViews(
  app: Hono,
  { office, relay }: FleetPageOptions,
  partsOf: (view: string) => readonly LivePart[],
  visit: (context: Context) => Visit,
): void {
  const show = (context: Context, view: string, title: string, live: string, body: Child) => {
    const { session, notice } = visit(context);
    const box = `Fleet, by relay ${relay}`;
    const frame = { view, navigation, token: session.token, box, version, started, notice, live };
    return context.html(<Shell frame={frame} title={title}>{body}</Shell>);
  };
  const part = (view: string, id: string) => <div id={id}>{raw(partsOf(view).find((part) => part.id === id)?.html() ?? "")}</div>;
  app.get(root, (context) => {
    const { search = "", trouble, from = "" } = context.req.query();
    const view = trouble === "1" ? "trouble" : "fleet";
    const start = /^\d{1,6}$/.test(from) ? Number(from) : 0;
    const isLive = search === "" && start === 0;
    const model = isLive ? undefined : page(office, { search: search.slice(0, 100), trouble: view === "trouble" }, start);
    const query = new URLSearchParams({ search, ...(trouble === "1" ? { trouble } : {}), from: String(start + rowsOnPage) });
    const rest = (model ?? page(office, { trouble: view === "trouble" }, 0)).more;
    return show(
      context,
      view,
      view === "trouble" ? "In trouble" : "All desks",
      isLive ? view : "none",
      <>
        <h1>{view === "trouble" ? "Desks in trouble" : "Desks"}</h1>
        {isLive ? part(view, "summary") : <SummaryView model={office.roster.summary()} />}
        <SearchForm search={search} trouble={view === "trouble"} />
        {model ? <RowsView model={model} /> : part(view, "desks")}
        {rest > 0
          ? (
            <p class="more">
              <a href={`${root}?${query}`}>Next desks</a>
            </p>
          )
          : null}
      </>,
    );
  });
  app.get(`${root}desks/:desk{[0-9]{1,20}}`, (context) => {
    const desk = context.req.param("desk");
    if (!office.roster.has(desk)) return context.text(`There is no desk ${desk} in this fleet.\n`, 404);
    const view = `desk-${desk}`;
    return show(
      context,
      "fleet",
      `Desk ${desk}`,
      view,
      <>
        <h1>Desk {desk}</h1>
        {part(view, "desk")}
        <p class="more">
          <a href={root}>All desks</a>
        </p>
      </>,
    );
  });
}

const started = new Date(Date.now() - process.uptime() * 1000).toISOString();
