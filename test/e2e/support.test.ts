/** `telesetd support` on the compiled binary: nothing of a call, and no secret, is in any byte of the bundle. */
import { afterEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { chmodSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { binary, noBinary } from "../support/daemon/box.ts";
import { onStage } from "../support/daemon/stage.ts";
import { ownFolder } from "../support/folder.ts";
import { run } from "../support/run.ts";

setDefaultTimeout(120_000);

const folder = ownFolder();
const customer = "14155550123";
let count = 0;

/** The files in a bundle by name, without its folder. */
async function unpacked(file: string): Promise<Readonly<Record<string, string>>> {
  const files = await new Bun.Archive(readFileSync(file)).files();
  const texts = await Promise.all(
    [...files].map(async ([name, file]) => [name.replace(/^[^/]*\//, ""), await file.text()] as const),
  );
  return Object.fromEntries(texts);
}

/** A journalctl that prints these lines. */
function journal(lines: string): Readonly<Record<string, string>> {
  const place = join(folder, `bin-${count++}`);
  Bun.spawnSync(["mkdir", place]);
  writeFileSync(join(place, "lines"), lines);
  writeFileSync(join(place, "journalctl"), `#!/bin/sh\nexec cat ${place}/lines\n`);
  chmodSync(join(place, "journalctl"), 0o755);
  return { PATH: `${place}:${process.env["PATH"]}` };
}

const log = [
  "box telesetd[7]: ScreenPop desk=1001 agent=agent-1001",
  `box telesetd[7]: x from=sip:+${customer}@pbx.example.com`,
  `box telesetd[7]: from the switch event="{\\"Caller-Caller-ID-Name\\":\\"Alice Miller\\",\\"n\\":\\"${customer}\\"}"`,
  `box telesetd[7]: Event posted body="<CCTSDK><data name=\\"X\\" value=\\"Alice Miller\\"/></CCTSDK>"`,
  `box telesetd[7]: "Alice Miller" <sip:${customer}@pbx.example.com>`,
  `box telesetd[7]: <data name="occtANI" value="${customer}"/>`,
  "box telesetd[7]: customer C-4711 was looked up; auth ClueCon, header-secret",
].join("\n");

const more = {
  crm: { headers: { "X-Key": "header-secret" } },
  screenPop: { data: { CustomerID: "CustomerID", CustomerName: "CustomerName" } },
};

describe.skipIf(noBinary !== "")(`telesetd support${noBinary}`, () => {
  afterEach(() => void (count += 1));

  test("no secret, number or name of a call is in it; the list says what is in it; only the owner can read it", () =>
    onStage({ folder, more }, async ({ sim, box, crm }) => {
      const call = await sim.inbound({
        from: customer,
        to: "1001",
        data: { CustomerID: "C-4711", CustomerName: "Alice Miller" },
      });
      await call.answer();
      await call.callerHangsUp();
      await crm.until((crm) => crm.received().length >= 3);
      await box.delivered();
      const file = join(folder, `report-${count}.tar.gz`);
      const ran = await run([binary, "support", file, "--config", box.config], { environment: journal(log) });
      expect(ran.code).toBe(0);
      expect(statSync(file).mode & 0o777).toBe(0o600);
      const files = await unpacked(file);
      for (const [name, text] of Object.entries(files)) {
        if (name !== "README.txt") expect(ran.out).toContain(name);
        for (
          const hidden of [
            customer,
            "4155550123",
            "Alice",
            "Miller",
            "C-4711",
            "ClueCon",
            "header-secret",
            "agent-1001",
          ]
        ) {
          expect(`${name}: ${text}`).not.toContain(hidden);
        }
      }
      expect(Object.keys(files).toSorted()).toEqual([
        "README.txt",
        "calls.json",
        "config-errors.txt",
        "config.json",
        "dials.json",
        "doctor.txt",
        "events.json",
        "in-force.json",
        "log.txt",
        "machine.txt",
        "metrics.txt",
        "status.json",
        "version.txt",
      ]);
      expect(JSON.parse(files["status.json"] ?? "")).toMatchObject({
        desks: [{ extension: "1001", registered: { agent: "agent-1" } }],
      });
      expect(files["events.json"]).toContain('"number": "...0123"');
      expect(files["doctor.txt"]).toContain("switch login");
      expect(files["metrics.txt"]).toContain("telesetd_events_total");
      expect(files["log.txt"]?.split("\n")[0]).toBe("box telesetd[7]: ScreenPop desk=1001 agent=agent-1");
    }));

  test("with --with-numbers they are in it, but no secret is", () =>
    onStage({ folder, more: { crm: more.crm } }, async ({ sim, box, crm }) => {
      await (await sim.inbound({ from: customer, to: "1001" })).callerHangsUp();
      await crm.until((crm) => crm.received().length >= 2);
      const file = join(folder, `report-${count}.tar.gz`);
      const ran = await run([binary, "support", file, "--with-numbers", "--config", box.config], { environment: journal(log) });
      expect(ran.out).toContain("ARE in it");
      const files = await unpacked(file);
      expect(files["events.json"]).toContain(customer);
      expect(files["log.txt"]).toContain("Alice Miller");
      for (const text of Object.values(files)) expect(text).not.toMatch(/ClueCon|header-secret/);
    }));

  test("a daemon that is down, a file with errors, a machine without a journal: it says what is missing and why", async () => {
    const config = join(folder, `down-${count}.json`);
    writeFileSync(
      config,
      JSON.stringify({ line: { driver: "freeswitch", pasword: "very secret" }, store: { path: join(folder, "down.db") } }),
    );
    const file = join(folder, `report-${count}.tar.gz`);
    const environment = journal("");
    const { out, code } = await run([binary, "support", file, "--config", config, "--socket", join(folder, "none.sock")], {
      environment,
    });
    expect(code).toBe(0);
    expect(out).toMatch(/status\.json +MISSING \(the state of the daemon\): telesetd is not running: there is no socket/);
    expect(out).toMatch(/log\.txt +MISSING \(the log of the last hour\): The journal has no lines of telesetd/);
    const files = await unpacked(file);
    expect(files["README.txt"]).toContain("MISSING");
    expect(files["config-errors.txt"]).toContain("line.pasword is not a key: did you mean password?");
    expect(JSON.stringify(files)).not.toContain("very secret");
    expect(files["doctor.txt"]).toContain("FAIL  config");
  });

  test("an existing file is not replaced without --force; - is the standard output", async () => {
    const file = join(folder, `report-${count}.tar.gz`);
    writeFileSync(file, "precious", { mode: 0o644 });
    const config = ["--config", join(folder, "none.json"), "--socket", join(folder, "none.sock")];
    const refused = await run([binary, "support", file, ...config], { environment: journal("") });
    expect([refused.code, refused.err]).toEqual([
      1,
      expect.stringContaining(`${file} exists: name another file, or replace it with --force.`),
    ]);
    expect(readFileSync(file, "utf8")).toBe("precious");
    expect((await run([binary, "support", file, "--force", ...config], { environment: journal("") })).code).toBe(0);
    expect(Object.keys(await unpacked(file))).toContain("README.txt");
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const piped = Bun.spawnSync([binary, "support", "-", ...config], { env: { ...process.env, ...journal("") } });
    expect([...await new Bun.Archive(piped.stdout).files()].map(([name]) => name)).toContainEqual(
      expect.stringMatching(/README\.txt$/),
    );
    expect(piped.stderr.toString()).toContain("The bundle");
  });
});
