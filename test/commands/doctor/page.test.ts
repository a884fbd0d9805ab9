/** The doctor's hop of the page: its URL, and a password that crosses the network in the clear. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { writeFileSync } from "node:fs";
import { checkConfig } from "../../../src/commands/doctor/config.ts";
import { checkPage } from "../../../src/commands/doctor/page.ts";
import { referenceConfig } from "../../../src/commands/rehearsal/stage.ts";
import { ownFolder } from "../../support/folder.ts";

const { http } = referenceConfig();
const at = (host: string) => ({ http: { ...http, host, port: 8090 } });

test("on all addresses: a warning without TLS, with the URL at the box's address", () => {
  expect(checkPage(at("0.0.0.0"), ["http://10.1.2.3:8090/k3y/"])).toMatchObject({
    verdict: "warning",
    message: "The page is at http://10.1.2.3:8090/ui/, without TLS: others in the network can read its password.",
    advice: expect.stringContaining("put a proxy with TLS in front"),
  });
  expect(checkPage(at("::"), ["http://[fd00::2]:8090/"]).message).toContain("http://[fd00::2]:8090/ui/,");
  expect(checkPage(at("0.0.0.0"), undefined).message).toContain("http://BOX:8090/ui/,");
});

test.each(["127.0.0.1", "::1", "localhost"])("on %s: all is well", (host) => {
  expect(checkPage(at(host), undefined).verdict).toBe("good");
});

test("the copy of the configuration that systemd makes for the service is not open to others, and has its own name", () => {
  const folder = ownFolder();
  const file = join(folder, "config.json");
  const { driver, password, domain } = referenceConfig().line as Record<string, unknown>;
  writeFileSync(file, JSON.stringify({ desks: [{ extension: "1001" }], line: { driver, password, domain } }), { mode: 0o440 });
  const { finding } = checkConfig(file, { environment: { CREDENTIALS_DIRECTORY: folder } }, undefined);
  expect(finding).toMatchObject({ verdict: "good", message: expect.stringContaining("/etc/telesetd/config.json is valid") });
  expect(checkConfig(file, { environment: {} }, undefined).finding.verdict).toBe("warning");
});
