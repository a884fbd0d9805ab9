/** docs/cctsdk.md matches the code: its settings exist, and telesetd writes the bytes that it shows. */
import { afterEach, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { lineSchemas } from "../../drivers/registry.ts";
import { keys } from "../../scripts/keys.ts";
import { encodeEvent } from "../../src/cctsdk/encode.ts";
import { parseConfig } from "../../src/config/schema.ts";
import type { CrmEvent, Reply } from "../../src/core/crm.ts";
import { ask, cleanUp, get, open, ready } from "../support/httpclient.ts";

afterEach(cleanUp);
const page = readFileSync(join(import.meta.dir, "../../docs/cctsdk.md"), "utf8");
const blocks = [...page.matchAll(/^```(\w*)\n(.*?)^```/gms)].map(([, language = "", text = ""]) => ({ language, text }));
const paths = new Set(keys().map(({ path }) => path));

test("every setting on the page exists", () => {
  const named = [...page.matchAll(/`((?:crm|http|numbers|screenPop)\.[a-zA-Z.]+)`/g)].map(([, path = ""]) => path);
  expect(named.length).toBeGreaterThan(30);
  expect(named.filter((path) => !paths.has(path) && path !== "http.answer")).toEqual([]);
});

test("every setting of the protocol is on the page", () => {
  const wire = [...paths].filter((path) => /^http\.(answer\.|parameters|prefix|port)/.test(path) || path.startsWith("crm."));
  expect(wire.filter((path) => !page.includes(`\`${path}\``))).toEqual([]);
});

test("its example settings are valid", () => {
  const examples = blocks.filter(({ language }) => language === "json");
  expect(examples).toHaveLength(2);
  const line = { driver: "freeswitch", password: "x", domain: "d" };
  for (const { text } of examples) {
    const given = { desks: [{ extension: "1001" }], line, ...JSON.parse(`{${text}}`) };
    expect(() => parseConfig(JSON.stringify(given), lineSchemas, {})).not.toThrow();
  }
});

describe("its bytes are those that telesetd writes:", () => {
  test.each<Reply>([{ ok: true }, { ok: false, why: "Phone 1001 is not registered: check its cable and power." }])(
    "an answer, %j",
    async (reply) => {
      const { port } = await open({ callouts: { submit: () => Promise.resolve(reply) } });
      const { head = "", body = "" } = await ask(port, get(ready)) ?? {};
      const written = `${head.replaceAll("\r\n", "\n")}\n\n${body}\n`;
      const date = /^Date: .*$/m;
      expect(blocks.map(({ text }) => text.replace(date, ""))).toContain(written.replace(date, ""));
    },
  );

  const call = "b29bdc09-cf88-46ac-ba6b-47b547afab30";
  test.each<CrmEvent>([
    { name: "ScreenPop", call, ani: "14155550123", dnis: "1001", data: {} },
    { name: "CallEstablished", call },
    { name: "CallReleased", call },
  ])("an event, %j", (event) => {
    const { xml } = encodeEvent(event);
    expect(page).toContain(`\n${xml}\n`);
    if (event.name === "ScreenPop") expect(page).toContain(`Content-Length: ${Buffer.byteLength(xml)}\nConnection: close\n`);
  });
});
