/** @jsxImportSource hono/jsx */
/** The frame of every page: head, navigation, footer. */
import { raw } from "hono/html";
import type { Child } from "hono/jsx";
import { assetUrl } from "../assets.ts";
import { root } from "../guard.ts";
import type { Html } from "./html.ts";
import { changeForm, Since } from "./parts.tsx";

/** The views of the page, in the order of the navigation. */
export const views = [
  { name: "overview", path: root, title: "Overview" },
  { name: "calls", path: `${root}calls`, title: "Calls" },
  { name: "events", path: `${root}events`, title: "Events" },
  { name: "dials", path: `${root}dials`, title: "Dials" },
  { name: "doctor", path: `${root}doctor`, title: "Doctor" },
  { name: "wire", path: `${root}wire`, title: "Wire" },
  { name: "config", path: `${root}config`, title: "Configuration" },
] as const;

/** The name of a view. */
export type ViewName = (typeof views)[number]["name"];

/** An HTML document with the style sheet. `live`: the view whose updates the script requests. */
export const Document = ({ title, live, refresh, children }: {
  readonly title: string;
  readonly live?: string | undefined;
  /** How often the page is loaded again where there is no script, in seconds. */
  readonly refresh?: number | undefined;
  readonly children?: Child;
}): Html => (
  <>
    {raw("<!DOCTYPE html>")}
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>{`${title} · telesetd`}</title>
        <link rel="icon" href={assetUrl("icon.svg")} type="image/svg+xml" />
        <link rel="stylesheet" href={assetUrl("style.css")} />
        {refresh === undefined ? null : (
          <noscript>
            <meta http-equiv="refresh" content={String(refresh)} />
          </noscript>
        )}
        {live === undefined ? null : <script src={assetUrl("live.js")} defer></script>}
      </head>
      <body data-view={live}>{children}</body>
    </html>
  </>
);

/** A view in the navigation. */
export interface NavigationItem {
  readonly name: string;
  readonly path: string;
  readonly title: string;
}

/** What the frame shows around a view. */
export interface Frame {
  readonly view: string;
  /** The views in the navigation; default: those of a box. */
  readonly navigation?: readonly NavigationItem[];
  /** The token of the session, for forms. */
  readonly token: string;
  /** The desks of the box: `Desk 1001`. */
  readonly box: string;
  /** The version and, on the image, the slot. */
  readonly version: string;
  /** When the daemon was started (ISO 8601). */
  readonly started: string;
  /** The view whose updates the script requests; default `view`. */
  readonly live?: string | undefined;
  readonly refresh?: number | undefined;
  /** A notice about what has just been done. */
  readonly notice?: string | undefined;
}

/** A view in the frame of a person who has logged in. */
export const Shell = (
  { frame, title, children }: { readonly frame: Frame; readonly title: string; readonly children?: Child },
): Html => (
  <Document title={title} live={frame.live ?? frame.view} refresh={frame.refresh}>
    <a class="skip" href="#main">Skip to the content</a>
    <header>
      <div class="bar">
        <a class="brand" href={root}>
          <span class="mark" aria-hidden="true"></span>telesetd
        </a>
        <span class="box">{frame.box}</span>
        <span id="live" class="live" role="status">Not live</span>
        <button type="submit" form={changeForm} formaction={`${root}logout`} class="plain">Log out</button>
      </div>
      <nav aria-label="Views">
        {(frame.navigation ?? views).map(({ name, path, title }) => (
          <a href={path} aria-current={name === frame.view ? "page" : undefined}>{title}</a>
        ))}
      </nav>
    </header>
    <form id={changeForm} method="post">
      <input type="hidden" name="token" value={frame.token} />
    </form>
    <main id="main">
      {frame.notice === undefined ? null : <p class="notice" role="status">{frame.notice}</p>}
      {children}
    </main>
    <footer>
      telesetd {frame.version}, running <Since at={frame.started} />
    </footer>
  </Document>
);
