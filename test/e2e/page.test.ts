/** The page of the box in a real Chromium, on the compiled binary: every part is clicked through. */
import axe from "axe-core";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { views } from "../../src/page/views/document.tsx";
import { ownFolder } from "../support/folder.ts";
import { launch, noBrowser, onPage, screens } from "../support/page/browser.ts";

setDefaultTimeout(120_000);

const folder = ownFolder();
const customer = "14155550123";

describe.skipIf(noBrowser !== "")(`the page in Chromium${noBrowser}`, () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await launch();
  });
  afterAll(() => browser.close());

  test("a call appears, is answered and ends, without a reload; then the history says what was sent", () =>
    onPage(browser, folder, async ({ open, sim }) => {
      const page = await open();
      await page.locator("#live", { hasText: "Live" }).waitFor();
      const loads: string[] = [];
      page.on("framenavigated", (frame) => loads.push(frame.url()));
      const call = await sim.inbound({ from: customer, to: "1001" });
      const card = page.locator("#now .call");
      await card.getByText("ringing").waitFor();
      expect(await card.innerText()).toContain("...0123");
      expect(await card.innerText()).toContain("Sent to the CRM: ScreenPop");
      await call.answer();
      await card.getByText("answered").waitFor();
      await call.callerHangsUp();
      await page.getByText("No call is in progress.").waitFor();
      await page.locator("#recent .row", { hasText: "...0123" }).getByText(/answered, \d+ second/).waitFor();
      expect(loads).toEqual([]);
      await page.locator("#recent a", { hasText: "...0123" }).click();
      await page.getByRole("heading", { name: "...0123" }).waitFor();
      const steps = (await page.locator(".timeline li").allInnerTexts()).map((text) => text.replace(/\s+/g, " "));
      for (const what of ["rang", "ScreenPop to", "answered", "CallEstablished to", "ended", "CallReleased to"]) {
        expect(steps.some((step) => step.includes(what))).toBe(true);
      }
      expect(await page.content()).not.toContain(customer);
    }));

  test("a call that sends nothing has its reason, and the filter finds it", () =>
    onPage(browser, folder, async ({ open, sim }) => {
      const page = await open();
      for (const from of [customer, "1002"]) await (await sim.inbound({ from, to: "1001" })).callerHangsUp();
      await page.goto(page.url() + "calls");
      await page.getByText("Internal call: 1002 matches numbers.internal").waitFor();
      expect(await page.locator("#calls-list .row").count()).toBe(2);
      await page.getByLabel("Only calls of which UWQ got nothing").check();
      await page.getByRole("button", { name: "Show" }).click();
      await page.waitForURL(/silent=1/);
      expect(await page.locator("#calls-list .row").allInnerTexts()).toEqual([expect.stringContaining("1002")]);
    }));

  test("events that wait say why; retry sends them, drop discards them", () =>
    onPage(browser, folder, async ({ open, sim, crm, box }) => {
      await crm.turn("refuses");
      for (let i = 0; i < 2; i++) await (await sim.inbound({ from: customer, to: "1001" })).callerHangsUp();
      await box.says("Cannot deliver to the CRM yet");
      const page = await open();
      await page.locator("#state .part", { hasText: "UWQ" }).getByText("Failed").waitFor();
      expect(await page.locator("#state").innerText()).toContain("Nothing listens at 127.0.0.1");
      await page.getByRole("link", { name: "Events" }).click();
      await page.getByRole("heading", { name: "Waiting (4)" }).waitFor();
      page.on("dialog", (dialog) => void dialog.accept());
      await page.getByRole("button", { name: "Drop event 4" }).click();
      await page.getByText("Event 4 was discarded.").waitFor();
      await page.getByRole("heading", { name: "Waiting (3)" }).waitFor();
      await crm.turn("answers");
      await page.getByRole("button", { name: "Retry event 1", exact: true }).click();
      await crm.until((crm) => crm.received().some((event) => event.startsWith("ScreenPop")));
      await page.getByRole("button", { name: "Retry all" }).click();
      await crm.until((crm) => crm.received().length >= 4);
      await page.getByText("No event is waiting").waitFor();
    }));

  test("dials of UWQ with their outcomes, numbers masked", () =>
    onPage(browser, folder, async ({ open, box, sim }) => {
      sim.handsetDoes = { does: "rejects" };
      const page = await open();
      await page.goto(page.url() + "dials");
      await page.getByText("UWQ has not asked to dial any number.").waitFor();
      const dial = { FunctionName: "MakeCall", telesetNumber: "1001", agentID: "agent-1001", dialString: "(415) 555-9999" };
      await fetch(`http://127.0.0.1:${box.port}/?${new URLSearchParams(dial)}`, { headers: { "user-agent": "Java/1.8" } });
      const row = page.locator("#dials .row");
      await row.waitFor();
      expect(await row.innerText()).toContain("...9999");
      expect(await page.content()).not.toContain("4155559999");
    }));

  test("the doctor shows hop after hop, and what it advises", () =>
    onPage(browser, folder, async ({ open }) => {
      const page = await open();
      await page.getByRole("link", { name: "Doctor" }).click();
      await page.getByRole("button", { name: "Run the doctor" }).click();
      await page.getByRole("button", { name: "Run it again" }).waitFor();
      const hops = await page.locator("#hops .row strong").allInnerTexts();
      for (const hop of ["config", "store", "disk", "daemon", "http", "switch login", "CRM 1001", "deliveries"]) {
        expect(hops).toContain(hop);
      }
      expect(await page.locator("#hops [role=status]").innerText()).toMatch(/^\d+ hops checked: .*, at /);
    }));

  test("the messages of both wires, side by side, until somebody stops it", () =>
    onPage(browser, folder, async ({ open, sim }) => {
      const page = await open();
      await page.getByRole("link", { name: "Wire" }).click();
      await page.getByRole("button", { name: "Follow for ten minutes" }).click();
      await page.getByText("On until").waitFor();
      await page.locator("#live", { hasText: "Live" }).waitFor();
      const call = await sim.inbound({ from: customer, to: "1001" });
      await page.locator("li.switch", { hasText: "CHANNEL_CREATE" }).first().waitFor();
      const post = page.locator("li.crm", { hasText: "ScreenPop" }).first();
      await post.waitFor();
      await post.locator("summary").click();
      expect(await post.locator("pre").innerText()).toContain("occtANI");
      const [left, right] = [await page.locator("li.switch").first().boundingBox(), await post.boundingBox()];
      expect((left?.x ?? 0) + (left?.width ?? 0)).toBeLessThanOrEqual(right?.x ?? 0);
      await page.getByRole("button", { name: "Stop" }).click();
      await page.getByText("Off.").waitFor();
      await call.callerHangsUp();
    }));

  test("the configuration without secrets; a number is tried with a rule", () =>
    onPage(browser, folder, async ({ open }) => {
      const page = await open();
      await page.getByRole("link", { name: "Configuration" }).click();
      const content = await page.content();
      expect(content).not.toContain("ClueCon");
      expect(content).not.toContain("argon2id$");
      await page.locator('input[id="try-numbers.toCrm[0]"]').fill("914155550123");
      await page.getByRole("button", { name: "Try a number with numbers.toCrm[0]" }).click();
      await page.getByText("numbers.toCrm[0] applies to this number:").waitFor();
      expect(await page.locator(".tried").innerText()).toContain("occtANI is 14155550123");
    }, { numbers: { toCrm: [{ match: "^9(\\d{4,})$", replace: "$1", direction: "outbound" }] } }));

  test("what strangers send is text: names and numbers with markup, in the list, in the detail and on the wire", () =>
    onPage(browser, folder, async ({ open, sim }) => {
      const hostile = `<img src=x onerror="top.hacked=1">"'--></script><script>top.hacked=1</script>`;
      const page = await open();
      const foreign: string[] = [];
      page.on("request", (request) => new URL(request.url()).pathname.startsWith("/ui/") || foreign.push(request.url()));
      await page.goto(page.url() + "wire");
      await page.getByRole("button", { name: "Follow" }).click();
      const call = await sim.inbound({ from: hostile, to: "1001" });
      await page.locator("li.switch", { hasText: "onerror" }).first().waitFor();
      await page.goto(page.url().replace("wire", ""));
      await page.locator("#now .call", { hasText: "<img src=x onerror=" }).waitFor();
      await call.callerHangsUp();
      await page.locator("#recent .row", { hasText: "<img" }).locator("a").first().click();
      await page.getByRole("heading", { name: "<img" }).waitFor();
      expect(await page.evaluate(() => "hacked" in globalThis)).toBe(false);
      expect(await page.locator("img").count()).toBe(0);
      expect(foreign).toEqual([]);
    }));

  test("every view fits on every screen, in light and dark, and axe finds nothing serious", () =>
    onPage(browser, folder, async ({ open, sim, origin }) => {
      const page = await open();
      const call = await sim.inbound({ from: customer, to: "1001" });
      await (await sim.inbound({ from: "1002", to: "1001" })).callerHangsUp();
      const details = [`/ui/calls/${call.uuid}`, "/ui/config?rule=numbers.internal&number=1002"];
      for (const path of [...views.map(({ path }) => path), ...details]) {
        await page.goto(origin + path);
        if (path === "/ui/doctor") {
          await page.getByRole("button", { name: "Run the doctor" }).click();
          await page.getByRole("button", { name: "Run it again" }).waitFor();
        }
        expect([path, await faults(page)]).toEqual([path, []]);
      }
      await page.setViewportSize({ width: 1280, height: 900 });
      await page.getByRole("button", { name: "Log out" }).click();
      await page.getByLabel("Password").waitFor();
      expect(await faults(page)).toEqual([]);
    }));

  test("by keyboard alone: log in, reach a view, run the doctor", () =>
    onPage(browser, folder, async ({ open, origin }) => {
      const page = await open();
      await page.goto(`${origin}/ui/doctor`);
      await page.keyboard.press("Tab");
      expect(await page.evaluate(() => document.activeElement?.textContent)).toBe("Skip to the content");
      for (let i = 0; i < 30; i++) {
        await page.keyboard.press("Tab");
        if (await page.evaluate(() => document.activeElement?.id === "run-doctor")) break;
      }
      await page.keyboard.press("Enter");
      await page.getByRole("button", { name: "Run it again" }).waitFor();
    }));

  test("without script: every view shows its state, and the buttons work", () =>
    onPage(browser, folder, async ({ open, sim, crm, box, origin }) => {
      await crm.turn("refuses");
      const call = await sim.inbound({ from: customer, to: "1001" });
      await box.says("Cannot deliver to the CRM yet");
      const page = await open({ width: 1280, scheme: "light", still: true });
      await page.locator("#now .call", { hasText: "...0123" }).waitFor();
      for (const { path, title } of views) {
        await page.goto(origin + path);
        await page.getByRole("heading", { name: title, exact: true, level: 1 }).waitFor();
      }
      await page.goto(`${origin}/ui/events`);
      await page.getByRole("button", { name: "Drop event 1" }).click();
      await page.getByText("Event 1 was discarded.").waitFor();
      await page.goto(`${origin}/ui/doctor`);
      await page.getByRole("button", { name: "Run the doctor" }).click();
      await page.getByRole("button", { name: "Run it again" }).waitFor();
      await call.callerHangsUp();
    }));

  test("another site can neither use, nor frame, nor read the page of somebody who is logged in", () =>
    onPage(browser, folder, async ({ open, origin, box }) => {
      const page = await open();
      const token = await page.locator("input[name=token]").getAttribute("value");
      const received: string[] = [];
      const evil = Bun.serve({
        port: 0,
        hostname: "127.0.0.1",
        fetch: async (request) => {
          if (request.method === "POST") received.push(await request.text());
          return new Response(evilPage(origin, token ?? ""), { headers: { "content-type": "text/html" } });
        },
      });
      try {
        const window = await page.context().newPage();
        await window.goto(`http://127.0.0.1:${evil.port}/`);
        await window.waitForFunction(() => document.title === "done");
        expect(await window.evaluate(() => document.body.dataset["read"])).toBe("nothing");
        for (const frame of window.frames().slice(1)) expect(await frame.content()).not.toContain("Desk 1001");
        expect(received).toEqual([]);
        // Still logged in, and nothing was started.
        await page.reload();
        await page.getByRole("heading", { name: "Overview" }).waitFor();
        expect(box.log).toContain("another web site");
      } finally {
        await evil.stop(true);
      }
    }));

  test("the session ends while the page is open: it leads to the log-in", () =>
    onPage(browser, folder, async ({ open, box }) => {
      const page = await open();
      await page.locator("#live", { hasText: "Live" }).waitFor();
      await box.terminate();
      await page.locator("#live", { hasText: /Not connected|Connecting/ }).waitFor();
      await box.start();
      await page.getByLabel("Password").waitFor();
    }));
});

/** What is wrong with a view on any screen: it is too wide, or axe finds something. */
async function faults(page: Page): Promise<string[]> {
  const found: string[] = [];
  for (const { width, scheme } of screens) {
    await page.setViewportSize({ width, height: 900 });
    await page.emulateMedia({ colorScheme: scheme });
    if (await page.evaluate(() => document.documentElement.scrollWidth > innerWidth)) found.push(`wider than ${width}`);
    // Each width and each scheme once: a run of axe takes most of the time.
    if ((width > 1000) === (scheme === "light")) {
      found.push(...(await serious(page)).map((fault) => `${width} ${scheme}: ${fault}`));
    }
  }
  return found;
}

/** Serious and critical findings of axe. */
async function serious(page: Page): Promise<string[]> {
  if (!await page.evaluate(() => "axe" in globalThis)) await page.evaluate(axe.source);
  const found = await page.evaluate(async () => {
    const { violations } = await (globalThis as unknown as { axe: typeof axe }).axe.run();
    return violations.map(({ id, impact, nodes }) => ({ id, impact, where: nodes.map(({ html }) => html) }));
  });
  return found.filter(({ impact }) => impact === "serious" || impact === "critical").map(({ id, where }) => `${id}: ${where}`);
}

/** A page that tries everything with a token that it has stolen. */
function evilPage(origin: string, token: string): string {
  return `<!doctype html><body><iframe src="${origin}/ui/"></iframe><iframe name="sink"></iframe>
<form id="f" method="post" action="${origin}/ui/logout" target="sink"><input name="token" value="${token}"></form>
<form id="g" method="post" action="${origin}/ui/events/retry" target="sink"><input name="token" value="${token}"></form>
<img src="${origin}/ui/assets/icon.svg"><script>
(async () => {
  document.getElementById("f").submit();
  document.getElementById("g").submit();
  const answers = await Promise.all([
    fetch("${origin}/ui/", { credentials: "include" }).then((r) => r.text(), () => "nothing"),
    fetch("${origin}/ui/logout", { method: "POST", mode: "no-cors", credentials: "include", body: new URLSearchParams({ token: "${token}" }) })
      .then((r) => r.text(), () => ""),
  ]);
  document.body.dataset.read = answers.join("") || "nothing";
  setTimeout(() => document.title = "done", 300);
})();
</script></body>`;
}
