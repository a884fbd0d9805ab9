/** The page in a real Chromium, on the compiled binary, with the simulated switch. */
import { type Browser, type BrowserContext, chromium as driver, type Page } from "playwright-core";
import { existsSync } from "node:fs";
import { hashPassword } from "../../../src/passwords.ts";
import { chromium } from "../browser/chromium.ts";
import { noBinary } from "../daemon/box.ts";
import { onStage, type Stage } from "../daemon/stage.ts";
import { quietPort } from "../ports.ts";
import { password } from "./page.ts";

/** Why the tests are skipped; empty when they are not. */
export const noBrowser = noBinary !== ""
  ? noBinary
  : existsSync(chromium)
  ? ""
  : ` (skipped: ${chromium} is not there, apt install chromium)`;

/** Starts Chromium; it ends with the test file. */
export function launch(): Promise<Browser> {
  return driver.launch({ executablePath: chromium, args: ["--no-sandbox"] });
}

/** The size and the colours of a screen. */
export interface Screen {
  readonly width: number;
  readonly scheme: "light" | "dark";
  /** Without JavaScript. */
  readonly still?: boolean;
}

/** All screens. */
export const screens: readonly Screen[] = [1280, 390].flatMap((width) =>
  (["light", "dark"] as const).map((scheme) => ({ width, scheme }))
);

/** What a test plays with. */
export interface PageStage extends Stage {
  /** A new window, in which somebody has logged in. */
  open(screen?: Screen): Promise<Page>;
  /** The address of the page, without a path. */
  readonly origin: string;
}

let hash: Promise<string> | undefined;

/** Plays with a box that has the page. `more`: further keys of its configuration. */
export async function onPage(
  browser: Browser,
  folder: string,
  play: (stage: PageStage) => Promise<void>,
  more: Readonly<Record<string, unknown>> = {},
): Promise<void> {
  const port = await quietPort();
  const page = { password: await (hash ??= hashPassword(password)) };
  const http = { host: "127.0.0.1", port, perSecond: 1000, burst: 1000, page };
  const contexts: BrowserContext[] = [];
  const origin = `http://127.0.0.1:${port}`;
  await onStage({ folder, port, more: { http, ...more } }, async (stage) => {
    const open = async ({ width, scheme, still }: Screen = { width: 1280, scheme: "light" }): Promise<Page> => {
      const context = await browser.newContext({
        viewport: { width, height: 900 },
        colorScheme: scheme,
        javaScriptEnabled: still !== true,
      });
      contexts.push(context);
      const window = await context.newPage();
      await window.goto(`${origin}/ui/`);
      await window.fill("#password", password);
      await window.getByRole("button", { name: "Log in" }).click();
      await window.getByRole("heading", { name: "Overview" }).waitFor();
      return window;
    };
    try {
      await play({ ...stage, open, origin });
    } finally {
      await Promise.all(contexts.map((context) => context.close()));
    }
  });
}
