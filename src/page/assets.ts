/** The files of the page: one style sheet, one script, an icon. They are part of the binary, and contain nothing secret. */
import type { Hono } from "hono";
import icon from "./assets/icon.svg" with { type: "text" };
import script from "./assets/live.js" with { type: "text" };
import style from "./assets/style.css" with { type: "text" };
import { root } from "./guard.ts";

const files: Readonly<Record<string, readonly [type: string, text: string]>> = {
  "style.css": ["text/css; charset=utf-8", style],
  "live.js": ["text/javascript; charset=utf-8", script],
  "icon.svg": ["image/svg+xml", icon],
};

/** The URL of a file, another one for each content, so that browsers may keep it. */
export function assetUrl(name: "style.css" | "live.js" | "icon.svg"): string {
  return `${root}assets/${name}?v=${Bun.hash(files[name]?.[1] ?? "").toString(36)}`;
}

/** `GET /ui/assets/NAME` */
export function addAssets(app: Hono): void {
  for (const [name, [type, text]] of Object.entries(files)) {
    const headers = { "Content-Type": type, "Cache-Control": "max-age=31536000, immutable" };
    app.get(`${root}assets/${name}`, () => new Response(text, { headers }));
  }
}
