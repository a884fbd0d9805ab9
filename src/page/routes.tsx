/** @jsxImportSource hono/jsx */
/** The page of the box at `/ui/`: who may see it, its views, their live updates. Absent unless `http.page` is configured. */
import type { Hono } from "hono";
import { addChanges } from "./changes.ts";
import { DoctorRun } from "./doctor-run.ts";
import { Live, type LiveViews } from "./live.ts";
import { createSite, type SiteOptions } from "./site.ts";
import type { PageSource } from "./source.ts";
import { Trace } from "./trace.ts";
import { addViews, liveViews, type ViewOptions } from "./views.tsx";
import { wireList, WireRow } from "./views/wire.tsx";

/** Settings and collaborators of the page. */
export interface PageOptions extends SiteOptions {
  readonly source: PageSource;
  /** The maximum number of open pages with live updates. */
  readonly maxStreams: number;
}

/** The page. */
export interface Page {
  readonly app: Hono;
  /** Ends the live updates, so that the listener can stop. */
  end(): void;
}

/** Creates the page. @throws Error if an entry of `allow` is not a range. */
export function createPage(options: PageOptions): Page {
  const { source } = options;
  const { doctor, trace, parts, live } = livingParts(options);
  const leave = source.follow(() => live.changed());
  const app = createSite(options, live, (app, { visit, say }) => {
    addViews(app, { source, doctor, trace }, parts, visit);
    addChanges(app, { source, doctor, trace, say });
  });
  const end = (): void => {
    leave();
    trace?.stop();
    live.end();
  };
  return { app, end };
}

/** What changes while the page is open, and its live updates. */
function livingParts({ source, maxStreams }: PageOptions): ViewOptions & { readonly parts: LiveViews; readonly live: Live } {
  const { tools, followLog } = source;
  const changed = (): void => live.changed();
  const doctor = tools && new DoctorRun(() => tools.doctor(), changed);
  const trace = tools && followLog && new Trace({
    follow: followLog,
    message: (entry) => tools.wireMessage(entry),
    added: (message) => live.append("wire", wireList, String(<WireRow message={message} />)),
    changed,
  });
  const parts = liveViews({ source, doctor, trace });
  const live: Live = new Live({ views: parts, maxStreams });
  return { source, doctor, trace, parts, live };
}
