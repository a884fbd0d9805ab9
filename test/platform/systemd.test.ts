/** The units: their exposure as measured by systemd, and whether systemd understands every line. */
import { describe, expect, test } from "bun:test";
import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const units = join(import.meta.dir, "../../systemd");
const skipped = Bun.which("systemd-analyze") ? "" : " (skipped: systemd-analyze is missing: install Debian's systemd)";

function analyze(...args: readonly string[]): { readonly code: number; readonly output: string } {
  const { exitCode, stdout, stderr } = Bun.spawnSync(["systemd-analyze", ...args]);
  return { code: exitCode, output: `${stdout}${stderr}` };
}

function settings(unit: string, key: string): string[] {
  const lines = readFileSync(join(units, unit), "utf8").split("\n").filter((line) => line.startsWith(`${key}=`));
  return lines.flatMap((line) => line.slice(key.length + 1).split(" "));
}

describe.skipIf(skipped !== "")(`systemd-analyze${skipped}`, () => {
  const exposures = [["telesetd.service", 14], ["telesetd-firstboot.service", 10]] as const;
  test.each(exposures)("%s has an exposure of at most %d tenths", (unit, tenths) => {
    const { code, output } = analyze("security", "--offline=true", `--threshold=${tenths}`, join(units, unit));
    expect({ code, output }).toMatchObject({ code: 0, output: expect.stringContaining("Overall exposure level") });
    expect(output).not.toContain("ignoring");
  });

  test("without its hardening the service is exposed, so the measurement works", () => {
    const folder = mkdtempSync(join(tmpdir(), "telesetd-unit-"));
    const bare = readFileSync(join(units, "telesetd.service"), "utf8").replace(/^SystemCallFilter=.*\n/gm, "");
    writeFileSync(join(folder, "telesetd.service"), bare);
    expect(analyze("security", "--offline=true", "--threshold=14", join(folder, "telesetd.service")).code).not.toBe(0);
    rmSync(folder, { recursive: true });
  });

  test("every line is understood, and every referenced unit exists", () => {
    // In its own root: on a machine without telesetd and its man pages, references to them would be errors.
    const folder = mkdtempSync(join(tmpdir(), "telesetd-unit-"));
    for (const name of readdirSync(units)) {
      copyFileSync(join(units, name), join(folder, name));
      const text = readFileSync(join(folder, name), "utf8");
      writeFileSync(join(folder, name), text.replaceAll("/usr/bin/telesetd", "/bin/true").replace(/^Documentation=.*\n/m, ""));
    }
    const { code, output } = analyze("verify", ...readdirSync(folder).map((name) => join(folder, name)));
    rmSync(folder, { recursive: true });
    expect(output.split("\n").filter((line) => line.includes("telesetd"))).toEqual([]);
    expect(code).toBe(0);
  });
});

describe("telesetd.service", () => {
  test.each([
    "Type=notify",
    "RestartPreventExitStatus=2",
    "DynamicUser=yes",
    "StateDirectory=telesetd",
    "StartLimitIntervalSec=0",
  ])(
    "has %s",
    (line) => expect(readFileSync(join(units, "telesetd.service"), "utf8").split("\n")).toContain(line),
  );

  test("ignores proxies and runtime options in the environment", () => {
    const unset = settings("telesetd.service", "UnsetEnvironment");
    for (
      const name of [
        "HTTP_PROXY",
        "https_proxy",
        "ALL_PROXY",
        "BUN_OPTIONS",
        "BUN_BE_BUN",
        "BUN_INSPECT",
        "BUN_GC_TIMER_DISABLE",
        "NODE_OPTIONS",
      ]
    ) {
      expect(unset).toContain(name);
    }
    expect(unset).not.toContain("BUN_JSC_useJIT");
  });
});

const boot = process.env["TELESETD_BOOT"];
const noBoot = boot === undefined
  ? " (skipped: takes minutes and Debian's archive: TELESETD_BOOT=nspawn or TELESETD_BOOT=qemu runs it)"
  : "";
test.skipIf(boot === undefined)(`the units keep their promises on a booted Debian${noBoot}`, async () => {
  const child = Bun.spawn([join(units, "../scripts/boot-test"), boot ?? ""], { stdout: "pipe", stderr: "inherit" });
  const output = await new Response(child.stdout).text();
  expect(output.split("\n").filter((line) => line.startsWith("NOT OK"))).toEqual([]);
  expect(await child.exited).toBe(0);
}, 900_000);
