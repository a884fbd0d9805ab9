/** The pictures of the README: the demo and the page of the box, played with and photographed in Chromium. */
import { type Browser, chromium, type Page } from "playwright-core";
import { Simulator } from "../simulator/freeswitch/mod.ts";
import { parseConfig } from "../src/config/schema.ts";
import { lineSchemas } from "../drivers/registry.ts";
import { referenceConfig, startRig } from "../src/commands/rehearsal/stage.ts";
import { openLog } from "../src/log/log.ts";
import { hashPassword } from "../src/passwords.ts";

const password = "correct horse";

const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox"] });
try {
  await demoPicture(browser);
  await pagePicture(browser);
} finally {
  await browser.close();
}

/** Two calls at the desk: one is answered, one waits; before them a colleague has called. */
async function demoPicture(browser: Browser): Promise<void> {
  await using demo = Bun.spawn([process.execPath, "src/main.ts", "demo", "--page", "--port", "0"], { stdout: "pipe" });
  const page = await browser.newPage({ viewport: { width: 1280, height: 860 } });
  const press = (name: string) => page.getByRole("button", { name }).first().click();
  for await (const text of demo.stdout) {
    await page.goto(/http:\S+/.exec(new TextDecoder().decode(text))?.[0] ?? "");
    break;
  }
  await page.locator("#live.on").waitFor();
  const free = () => page.locator("#phones").getByText("It does not ring.").waitFor();
  const talk = async (): Promise<void> => {
    await press("A customer calls");
    await press("Answer");
    await page.locator("#uwq .screen.new").getByText("CallEstablished").waitFor();
  };
  // The first calls of a process are slower than all later ones.
  for (let i = 0; i < 6; i++) {
    await talk();
    await press("Customer hangs up");
    await free();
  }
  await press("Colleague 1002 calls");
  await press("Caller hangs up");
  await free();
  await talk();
  await page.locator("#now .call").getByText("answered").waitFor();
  await page.evaluate("document.activeElement?.blur()");
  await photograph(page, "docs/demo.png");
}

/** The overview during a call, after some others. */
async function pagePicture(browser: Browser): Promise<void> {
  const sim = new Simulator({});
  await sim.start();
  const reference = referenceConfig();
  const hash = await hashPassword(password);
  const http = { page: { password: hash } };
  const line = { driver: "freeswitch", host: "127.0.0.1", password: "ClueCon", domain: "127.0.0.1" };
  const config = {
    ...reference,
    ...parseConfig(JSON.stringify({ desks: [{ extension: "1001" }], line, http }), lineSchemas, {}),
  };
  const rig = await startRig({ config, switch: { port: sim.port, password: "ClueCon" }, log: openLog(() => {}, "error", false) });
  await sim.server.subscriber();
  for (const from of ["14155550123", "442079460018", "1002"]) {
    const call = await sim.inbound({ from, to: "1001" });
    if (from !== "1002") await call.answer();
    await call.callerHangsUp();
  }
  const call = await sim.inbound({ from: "12125550147", to: "1001" });
  await call.answer();
  const page = await browser.newPage({ viewport: { width: 1280, height: 860 } });
  await page.goto(`http://127.0.0.1:${rig.app.port}/ui/`);
  await page.fill("#password", password);
  await page.getByRole("button", { name: "Log in" }).click();
  await page.locator("#live.on").waitFor();
  await page.locator("#recent .row").nth(2).waitFor();
  await photograph(page, "docs/page.png");
  await rig.stop();
  sim.stop();
}

async function photograph(page: Page, file: string): Promise<void> {
  await page.screenshot({ path: file, animations: "disabled" });
  await page.close();
}
