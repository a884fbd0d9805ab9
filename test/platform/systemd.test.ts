/** The units: their exposure by systemd's own measure, and whether systemd understands every line of them. */
import { describe, expect, test } from "bun:test";
import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const units = join(import.meta.dir, "../../systemd");
const skipped = Bun.which("systemd-analyze") ? "" : " (skipped: there is no systemd-analyze: install Debian's systemd)";

function analyze(...args: readonly string[]): { readonly code: number; readonly said: string } {
  const { exitCode, stdout, stderr } = Bun.spawnSync(["systemd-analyze", ...args]);
  return { code: exitCode, said: `${stdout}${stderr}` };
}

function settings(unit: string, key: string): string[] {
  const lines = readFileSync(join(units, unit), "utf8").split("\n").filter((line) => line.startsWith(`${key}=`));
  return lines.flatMap((line) => line.slice(key.length + 1).split(" "));
}

describe.skipIf(skipped !== "")(`systemd-analyze${skipped}`, () => {
  const exposures = [["telesetd.service", 12], ["telesetd-addresses.service", 16], ["telesetd-firstboot.service", 10]] as const;
  test.each(exposures)("%s has an exposure of at most %d tenths", (unit, tenths) => {
    const { code, said } = analyze("security", "--offline=true", `--threshold=${tenths}`, join(units, unit));
    expect({ code, said }).toMatchObject({ code: 0, said: expect.stringContaining("Overall exposure level") });
    expect(said).not.toContain("ignoring");
  });

  test("without its hardening the service is found to be exposed: the measure measures", () => {
    const folder = mkdtempSync(join(tmpdir(), "telesetd-unit-"));
    const bare = readFileSync(join(units, "telesetd.service"), "utf8").replace(/^(IPAddressDeny|SystemCallFilter)=.*\n/gm, "");
    writeFileSync(join(folder, "telesetd.service"), bare);
    expect(analyze("security", "--offline=true", "--threshold=12", join(folder, "telesetd.service")).code).not.toBe(0);
    rmSync(folder, { recursive: true });
  });

  test("every line is understood, and every unit that one names is there", () => {
    // In a root of its own: on a machine without telesetd and its man pages they would count as mistakes.
    const folder = mkdtempSync(join(tmpdir(), "telesetd-unit-"));
    for (const name of readdirSync(units)) {
      copyFileSync(join(units, name), join(folder, name));
      const text = readFileSync(join(folder, name), "utf8");
      writeFileSync(join(folder, name), text.replaceAll("/usr/bin/telesetd", "/bin/true").replace(/^Documentation=.*\n/m, ""));
    }
    const { code, said } = analyze("verify", ...readdirSync(folder).map((name) => join(folder, name)));
    rmSync(folder, { recursive: true });
    expect(said.split("\n").filter((line) => line.includes("telesetd"))).toEqual([]);
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

  test("is not kept from its address rules by having been started often", () => {
    // It asks for them at each start; a unit that hits its limit is passed over, and the rules of before stay.
    expect(settings("telesetd.service", "Wants")).toContain("telesetd-addresses.service");
    expect(settings("telesetd-addresses.service", "StartLimitIntervalSec")).toEqual(["0"]);
  });

  test("and its address rules get the configuration from systemd, whoever owns it", () => {
    const given = ["LoadCredential", "SetCredential"].map((key) => settings("telesetd.service", key));
    expect(["LoadCredential", "SetCredential"].map((key) => settings("telesetd-addresses.service", key))).toEqual(given);
    expect(settings("telesetd-addresses.service", "ExecStart")).toContain("${CREDENTIALS_DIRECTORY}/config.json");
  });

  test("takes from the environment neither a proxy nor what changes the runtime", () => {
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
test.skipIf(boot === undefined)(`a booted Debian holds the units to their promises${noBoot}`, async () => {
  const child = Bun.spawn([join(units, "../scripts/boot-test"), boot ?? ""], { stdout: "pipe", stderr: "inherit" });
  const said = await new Response(child.stdout).text();
  expect(said.split("\n").filter((line) => line.startsWith("NOT OK"))).toEqual([]);
  expect(await child.exited).toBe(0);
}, 900_000);
