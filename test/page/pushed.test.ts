/** The configuration on the page of a box that a fleet has pushed settings to. */
import { expect, test } from "bun:test";
import { openPage, wellStatus } from "../support/page/page.ts";

test.each([
  [undefined, false],
  [{ refused: { version: 5, why: "x" } }, false],
  [{ version: 5 }, true],
])("with %j: whether the page warns that the file is not all of it", async (pushed, expected) => {
  const status = () => ({ ...wellStatus, ...(pushed ? { pushed } : {}) });
  const page = await openPage({ source: { status } });
  await page.login();
  const { body } = await page.get("/ui/config");
  expect(body).toContain("What is in force now.");
  expect(body.includes("Settings that the fleet has pushed are laid over the file")).toBe(expected);
});
