/** `telesetd demo --page` in a real Chromium, on the compiled binary. */
import axe from "axe-core";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { networkInterfaces } from "node:os";
import { exchange, started } from "../support/page/demo.ts";
import { launch, noBrowser, type Screen, screens } from "../support/page/browser.ts";

setDefaultTimeout(120_000);

describe.skipIf(noBrowser !== "")(`the demo on a page${noBrowser}`, () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await launch();
  });
  afterAll(() => browser.close());

  /** Plays on a page, each time of a new demo. */
  async function play(script: (page: Page, port: number) => Promise<void>, screen: Screen = { width: 1280, scheme: "light" }) {
    const demo = await started();
    const { width, scheme, still } = screen;
    const context: BrowserContext = await browser.newContext({
      viewport: { width, height: 900 },
      colorScheme: scheme,
      javaScriptEnabled: still !== true,
    });
    try {
      const page = await context.newPage();
      await page.goto(demo.url);
      if (still !== true) await page.locator("#live.on").waitFor();
      await script(page, demo.port);
    } finally {
      await context.close();
      expect(await demo.end()).toBe(0);
    }
  }

  const button = (page: Page, name: string | RegExp) => page.getByRole("button", { name });

  test("a customer calls: the phone rings, UWQ opens the customer's page; answer, hold, resume, hang up; without a reload", () =>
    play(async (page) => {
      const loads: string[] = [];
      page.on("framenavigated", (frame) => loads.push(frame.url()));
      await button(page, "A customer calls").click();
      const pop = page.locator("#uwq .screen");
      await pop.getByText("Ada Lopez").waitFor();
      await pop.getByText("14155550123").waitFor();
      await page.locator("#now .call", { hasText: "...0123" }).getByText("ringing").waitFor();
      await button(page, "Answer").click();
      await pop.getByText("CallEstablished").waitFor();
      await button(page, "Hold").click();
      await page.locator("#now .call").getByText("held").waitFor();
      await button(page, "Resume").click();
      await page.locator("#now .call").getByText("answered").waitFor();
      await button(page, "Hang up").click();
      await pop.getByText("CallReleased").waitFor();
      await page.locator("#recent .row", { hasText: "...0123" }).waitFor();
      expect(await pop.locator(".events li").count()).toBe(3);
      expect(loads).toEqual([]);
    }));

  test("transfer: UWQ's call ends, the colleague talks; call waiting: each call has its own page", () =>
    play(async (page) => {
      await button(page, "A customer calls").click();
      await button(page, "Answer").click();
      await button(page, "A customer calls").click();
      await page.locator("#uwq .screen", { hasText: "Ben Okafor" }).waitFor();
      await button(page, "Transfer to 1002").click();
      await page.getByText("The colleague talks to Ada Lopez.").waitFor();
      await page.locator("#uwq .screen", { hasText: "Ada Lopez" }).getByText("CallReleased").waitFor();
      await page.locator("#now .call", { hasText: "...0018" }).waitFor();
    }));

  test("a colleague's call opens nothing, and the box says why", () =>
    play(async (page) => {
      await button(page, "Colleague 1002 calls").click();
      await button(page, "Caller hangs up").click();
      await page.getByText("Internal call: 1002 matches numbers.internal").waitFor();
      expect(await page.locator("#uwq .screen").count()).toBe(0);
    }));

  test("UWQ dials: the phone rings, is answered, and calls the customer", () =>
    play(async (page) => {
      await button(page, "Call Chen Wei").click();
      await page.locator("#phones .talk", { hasText: "Chen Wei" }).getByText("rings: UWQ dials").waitFor();
      await button(page, "Answer").click();
      await page.locator("#uwq .screen", { hasText: "Chen Wei" }).waitFor();
      await button(page, "Customer answers").click();
      await page.locator("#uwq .screen").getByText("CallEstablished").waitFor();
    }));

  test("UWQ is closed: the events wait, and arrive in order when it is open again", () =>
    play(async (page) => {
      await button(page, "Close UWQ").click();
      await button(page, "A customer calls").click();
      await button(page, "Answer").click();
      await page.locator("#state .part", { hasText: "Outbox" }).getByText("2 events waiting").waitFor();
      await button(page, "Open UWQ").click();
      const events = page.locator("#uwq .screen .events li .mono");
      await page.locator("#uwq .screen").getByText("CallEstablished").waitFor();
      expect(await events.allInnerTexts()).toEqual(["ScreenPop", "CallEstablished"]);
    }));

  test("the link is cut, and the call ends meanwhile: the box says it, and UWQ gets CallReleased when it is repaired", () =>
    play(async (page) => {
      await button(page, "A customer calls").click();
      await button(page, "Answer").click();
      await page.locator("#uwq .screen").getByText("CallEstablished").waitFor();
      await button(page, "Cut the link").click();
      await page.locator("#state .part", { hasText: "Switch" }).getByText("Failed").waitFor();
      await button(page, "Customer hangs up").click();
      await page.getByText("It does not ring.").waitFor();
      expect(await page.locator("#uwq .screen").innerText()).not.toContain("CallReleased");
      await button(page, "Repair the link").click();
      await page.locator("#uwq .screen").getByText("CallReleased").waitFor();
    }));

  test("the phone is unplugged: its call ends, the box says it, and a further call is refused with the reason", () =>
    play(async (page) => {
      await button(page, "A customer calls").click();
      await button(page, "Unplug the phone").click();
      await page.locator("#uwq .screen").getByText("CallReleased").waitFor();
      await page.locator("#state .part", { hasText: "Phone" }).getByText("Failed").waitFor();
      await button(page, "A customer calls").click();
      await page.getByText("The desk phone is unplugged").waitFor();
      await button(page, "Call Ada Lopez").click();
      await page.locator("#notice").getByText("Phone 1001 is not registered").waitFor();
      await button(page, "Plug the phone in").click();
      await page.getByText("Everything works").waitFor();
    }));

  test("with the keyboard: the focus stays where it was", () =>
    play(async (page) => {
      await button(page, "A customer calls").focus();
      await page.keyboard.press("Enter");
      await page.locator("#uwq .screen").waitFor();
      expect(await page.evaluate(() => document.activeElement?.textContent)).toBe("A customer calls");
    }));

  test("without script the buttons work too", () =>
    play(async (page) => {
      await button(page, "A customer calls").click();
      await page.waitForURL(/\/ui\/$/);
      await page.locator("#phones .talk", { hasText: "Ada Lopez" }).waitFor();
    }, { width: 1280, scheme: "light", still: true }));

  test.each(screens.map((screen) => [`${screen.width} pixels, ${screen.scheme}`, screen] as const))(
    "%s: accessible, and nothing is wider than the screen",
    (_, screen) =>
      play(async (page) => {
        await button(page, "A customer calls").click();
        await button(page, "Answer").click();
        await button(page, "Colleague 1002 calls").click();
        await button(page, "Close UWQ").click();
        await button(page, "Unplug the phone").click();
        await page.locator("#recent .row").first().waitFor();
        await page.getByText("The messages on both wires").click();
        // The page allows no code but its own: axe is injected by the browser's tools.
        const violations = await page.evaluate(`${axe.source}; axe.run().then(({ violations }) =>
          violations.map(({ id, impact, nodes }) => impact + " " + id + " " + nodes.map(({ html }) => html).join(" ")))`) as string[];
        expect(violations.filter((text) => /^(serious|critical)/.test(text))).toEqual([]);
        expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBeLessThanOrEqual(0);
      }, screen),
  );

  test("only this machine and this page can use it", () =>
    play(async (page, port) => {
      const token = await page.locator("input[name=token]").getAttribute("value") ?? "";
      const own = { host: `127.0.0.1:${port}`, origin: `http://127.0.0.1:${port}` };
      const post = (headers: Readonly<Record<string, string>>, form: string) =>
        exchange(port, "POST", "/ui/do/customer", headers, form);
      expect((await post({ ...own, origin: "http://evil.example" }, `token=${token}`)).status).toBe(403);
      expect((await post({ host: "evil.example", origin: "http://evil.example" }, `token=${token}`)).status).toBe(403);
      expect((await post({ host: own.host }, `token=${token}`)).status).toBe(403);
      expect((await post({ ...own, "sec-fetch-site": "cross-site" }, `token=${token}`)).status).toBe(403);
      expect((await post(own, "token=wrong")).status).toBe(403);
      expect((await post(own, "")).status).toBe(403);
      expect(await page.locator("#phones .talk").count()).toBe(0);
      expect((await post(own, `token=${token}`)).status).toBe(303);
      const { headers, status } = await exchange(port, "GET", "/ui/", { host: own.host }, "");
      expect(status).toBe(200);
      expect(headers["content-security-policy"]).toMatch(/^default-src 'none'; script-src \S+\/ui\/;.*frame-ancestors 'none'/);
      const addresses = Object.values(networkInterfaces()).flat().filter((found) =>
        found && !found.internal && found.family === "IPv4"
      );
      for (const found of addresses) {
        expect(await exchange(port, "GET", "/ui/", own, "", found?.address).catch(({ code }: NodeJS.ErrnoException) => code))
          .toBe("ECONNREFUSED");
      }
    }));
});
