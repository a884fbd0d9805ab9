/** @jsxImportSource hono/jsx */
/** The routes of the views, and their live parts. */
import type { Context, Hono } from "hono";
import { raw } from "hono/html";
import { version } from "../version.ts";
import { root } from "./guard.ts";
import { livePart, type LiveViews } from "./live.ts";
import type { PageSource } from "./source.ts";
import { type Frame, Shell, type ViewName } from "./views/document.tsx";
import { Headline, liveCallsModel, LiveCallsView, stateModel, StateView } from "./views/overview.tsx";

/** The live parts of the views. */
export function liveViews(source: PageSource): LiveViews {
  const state = livePart("state", () => stateModel(source.status(), Date.now()), (model) => <StateView model={model} />);
  const calls = livePart("now", () => liveCallsModel(source.liveCalls()), (model) => <LiveCallsView model={model} />);
  const headline = livePart(
    "headline",
    () => stateModel(source.status(), Date.now()).state,
    (state) => <Headline state={state} />,
  );
  return { overview: [headline, calls, state] };
}

/** `GET /ui/` and the other views. @param token the token of the session. */
export function addViews(app: Hono, source: PageSource, parts: LiveViews, token: (context: Context) => string): void {
  const part = (view: ViewName, id: string) => <div id={id}>{raw(parts[view]?.find((part) => part.id === id)?.html() ?? "")}
  </div>;
  const frame = (context: Context, view: ViewName): Frame => ({
    view,
    token: token(context),
    box: boxName(source),
    version,
  });
  app.get(root, (context) =>
    context.html(
      <Shell frame={frame(context, "overview")} title="Overview">
        <h1>Overview</h1>
        {part("overview", "headline")}
        <section aria-labelledby="calls">
          <h2 id="calls">Calls now</h2>
          {part("overview", "now")}
        </section>
        {part("overview", "state")}
      </Shell>,
    ));
}

function boxName(source: PageSource): string {
  const { desks: [first, ...others] } = source.status();
  return first ? `Desk ${first.extension}${others.length > 0 ? ` and ${others.length} more` : ""}` : "";
}
