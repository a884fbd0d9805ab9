/** What the page requests of the image: buttons, and files that units of the image wait for. */
import { describe, expect, test } from "bun:test";
import { mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { imageTool } from "../../src/commands/page-tools.ts";
import type { ImageState } from "../../src/image/state.ts";
import type { ImageTool, PageTools } from "../../src/page/source.ts";
import { ownFolder } from "../support/folder.ts";
import { imageRoot } from "../support/image/root.ts";
import { openPage, type PageClient, wellStatus } from "../support/page/page.ts";

const folder = ownFolder();
const image: ImageState = { version: "0.3.0", slot: "B", fallback: "0.2.0" };
const update = 'formaction="/ui/image/update"';
const rollback = 'formaction="/ui/image/rollback"';

/** The page of a box, logged in. */
async function pageOf(tool: ImageTool | undefined, state: ImageState | undefined): Promise<PageClient> {
  const tools: PageTools = {
    explain: () => ({ lines: [], rules: [] }),
    doctor: async function* () {},
    wireMessage: () => undefined,
    image: tool,
  };
  const page = await openPage({ source: { tools, status: () => ({ ...wellStatus, ...(state ? { image: state } : {}) }) } });
  await page.login();
  return page;
}

describe("the buttons:", () => {
  const tool = { hasUpdates: true, request: () => undefined };
  test.each<[string, ImageTool | undefined, ImageState | undefined, readonly boolean[]]>([
    ["on the image both", tool, image, [true, true]],
    ["without a server of updates", { ...tool, hasUpdates: false }, image, [false, true]],
    ["without another version", tool, { version: "0.3.0" }, [true, false]],
    ["on another machine", undefined, undefined, [false, false]],
  ])("%s", async (_, tool, state, shown) => {
    const { body } = await (await pageOf(tool, state)).get("/ui/");
    expect([update, rollback].map((button) => body.includes(button))).toEqual([...shown]);
  });

  test("each requests what it says, and the next view confirms it", async () => {
    const requested: string[] = [];
    const page = await pageOf({ hasUpdates: true, request: (what) => void requested.push(what) }, image);
    for (const [what, notice] of [["update", "The box looks for an update."], ["rollback", "The box goes back"]] as const) {
      await page.post(`/ui/image/${what}`, { token: await page.token() });
      expect((await page.get("/ui/")).body).toContain(notice);
    }
    expect(requested).toEqual(["update", "rollback"]);
  });

  test("without the token of the session nothing is requested", async () => {
    const requested: string[] = [];
    const page = await pageOf({ hasUpdates: true, request: (what) => void requested.push(what) }, image);
    await page.post("/ui/image/rollback", { token: "" });
    expect(requested).toEqual([]);
  });

  test("on another machine a request is answered with the reason", async () => {
    const page = await pageOf(undefined, undefined);
    await page.post("/ui/image/update", { token: await page.token() });
    expect((await page.get("/ui/")).body).toContain("This machine does not run the image of telesetd.");
  });
});

describe("a request", () => {
  const { root } = imageRoot(join(folder, "root"));
  const run = join(folder, "run");
  mkdirSync(run);
  const environment = { RUNTIME_DIRECTORY: run };
  test("is a file in the folder of the service", () => {
    const tool = imageTool(true, { environment }, root);
    expect([tool?.request("update"), tool?.request("rollback"), tool?.request("rollback")]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
    expect(readdirSync(run).toSorted()).toEqual(["asked-rollback", "asked-update"]);
  });
  test("that cannot be written says why", () => {
    expect(imageTool(true, { environment: { RUNTIME_DIRECTORY: join(run, "none") } }, root)?.request("update")).toContain(
      "The request cannot be written: ENOENT",
    );
  });
  test("is not possible on another machine, or without the folder", () => {
    expect([imageTool(true, { environment }, folder), imageTool(true, { environment: {} }, root)]).toEqual([
      undefined,
      undefined,
    ]);
  });
});
