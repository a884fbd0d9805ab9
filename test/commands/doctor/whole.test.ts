/** The whole doctor: the list of hops, what depends on what, exit codes, text and JSON, with the daemon running and stopped. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { firstToFix, printer } from "../../../src/commands/doctor/print.ts";
import { checkConfig } from "../../../src/commands/doctor/config.ts";
import { withCredentials } from "../../../src/commands/io.ts";
import { brief, Place, secrets } from "../../support/doctor/rig.ts";

setDefaultTimeout(60_000);

const names = [
  "config",
  "store",
  "disk",
  "clock",
  "network",
  "daemon",
  "http",
  "switch",
  "switch login",
  "switch commands",
  "switch filters",
  "switch events",
  "domain",
  "phone 1001",
  "call queues",
  "CRM 1001",
  "CRM port 1001",
  "deliveries",
];

test.concurrent("all is well while the daemon runs: exit code 0, and nothing is disturbed", async () => {
  await using place = await Place.open();
  const app = await place.start();
  await place.register(await place.listener());
  const before = { status: app.status().desks, files: readdirSync(place.folder), dialled: place.sim.dialled.length };
  const report = await place.examined();
  expect(brief(report).filter((line) => !/: good$/.test(line))).toEqual(["call queues: skipped"]);
  expect(report).toMatchObject({ code: 0, ok: true, desks: ["1001"], first: null });
  expect(report.hops.map(({ name }) => name)).toEqual(names);
  expect({ status: app.status().desks, files: readdirSync(place.folder), dialled: place.sim.dialled.length }).toEqual(before);
  // The doctor's connection is closed, the daemon's is not.
  await place.sim.server.until(({ connections }) => connections.length === 1);
});

test.concurrent("while the daemon is not running, the store says who is registered, and its folder stays unchanged", async () => {
  await using place = await Place.open();
  await place.start();
  const port = await place.listener();
  await place.register(port);
  await place.stop();
  const before = readdirSync(place.folder).map((name) => [name, statSync(join(place.folder, name)).mtimeMs]);
  const report = await place.examined();
  expect(readdirSync(place.folder).map((name) => [name, statSync(join(place.folder, name)).mtimeMs])).toEqual(before);
  expect(report.hop("CRM 1001").message).toMatch(
    new RegExp(`^Agent 7 at 127\\.0\\.0\\.1:${port}, registered \\d+ seconds? ago\\.$`),
  );
  expect(brief(report).filter((line) => !/: good$/.test(line))).toEqual(["daemon: failed", "call queues: skipped"]);
  expect(report).toMatchObject({ code: 1, ok: false, first: "daemon" });
});

test.concurrent("a failure that may keep the daemon from starting is named before the daemon", () => {
  const hop = (name: string, verdict: "good" | "warning" | "failed") => ({ name, verdict, ms: 1, message: name });
  const first = (...hops: ReturnType<typeof hop>[]) => firstToFix(hops)?.name;
  expect(first(hop("daemon", "failed"), hop("http", "failed"))).toBe("http");
  expect(first(hop("clock", "warning"), hop("daemon", "failed"))).toBe("daemon");
  expect(first(hop("store", "good"), hop("clock", "warning"))).toBe("clock");
  // Nobody is registered: that keeps UWQ from getting events, the clock does not.
  expect(first(hop("clock", "warning"), hop("http", "warning"), hop("CRM 1001", "warning"))).toBe("CRM 1001");
  expect(first(hop("store", "good"))).toBeUndefined();
});

test("without a failure the last line names all warnings, those about the box last", () => {
  let out = "";
  const { summary } = printer({ out: (text) => out += text, err: () => {}, terminal: false, environment: {} });
  const warning = (name: string) => ({ name, verdict: "warning", ms: 1, message: `${name} is odd.` }) as const;
  summary([warning("clock"), warning("http"), warning("CRM 1001")], 200);
  expect(out).toBe(
    "\n0 failures, 3 warnings in 0.2 s. Nothing has failed. Check: CRM 1001. CRM 1001 is odd. Then: clock, http.\n",
  );
});

test.concurrent("an invalid configuration: every error, the hops of the box nevertheless, exit code 2", async () => {
  await using place = await Place.open();
  place.write({ desks: [{ extension: "12a" }], line: { driver: "freeswitch", pasword: "x", domain: "d" }, http: { port: 0 } });
  const report = await place.examined();
  expect(report.code).toBe(2);
  expect(report.hop("config").details).toEqual([
    expect.stringContaining("desks[0].extension"),
    expect.stringContaining("line.password is missing"),
    expect.stringContaining("did you mean password?"),
    expect.stringContaining("http.port"),
  ]);
  for (const name of ["disk", "clock", "network"]) expect(report.hop(name).verdict).not.toBe("skipped");
  expect(report.hops.filter(({ verdict }) => verdict === "skipped").length).toBe(report.hops.length - 5);
  const { code, out } = await place.printed();
  expect(code).toBe(2);
  expect(out).toContain('  desks[0].extension is "12a": expected digits (line 1, column ');
  expect(out).toEndWith("Fix first: config. " + `${place.file} has 4 errors\n`);
});

test.concurrent("a missing file, and a file that is not JSON", async () => {
  await using place = await Place.open();
  const missing = join(place.folder, "none.json");
  const none = await place.examined(missing);
  expect(none).toMatchObject({ code: 2 });
  expect(none.hop("config")).toMatchObject({ verdict: "failed", advice: `Create it: telesetd setup --to ${missing}` });
  place.write('{ "desks": [,] }');
  expect((await place.examined()).hop("config").message).toContain("line 1, column");
});

test.concurrent("a telesetd.json with errors on the boot partition", async () => {
  await using place = await Place.open();
  const card = "telesetd.json was not installed: it has 1 error:\n  /boot/telesetd.json: desks is missing (line 1, column 1)\n";
  const details = card.trimEnd().split("\n");
  const advice = expect.stringContaining("restart the box");
  const good = checkConfig(place.file, { environment: {} }, card);
  expect(good.finding).toMatchObject({
    verdict: "warning",
    message: expect.stringContaining("is valid: desk 1001"),
    details,
    advice,
  });
  expect(good.config?.desks).toHaveLength(1);
  const none = checkConfig(join(place.folder, "none.json"), { environment: {} }, card);
  expect(none.finding).toMatchObject({ verdict: "failed", message: expect.stringContaining("no such file"), details, advice });
  expect(checkConfig(place.file, { environment: {} }, undefined).finding.verdict).toBe("good");
});

test.concurrent("a credential in the folder secrets beside the configuration", async () => {
  await using place = await Place.open();
  mkdirSync(join(place.folder, "secrets"), { mode: 0o700 });
  writeFileSync(join(place.folder, "secrets", "esl"), `${secrets.password}\n`, { mode: 0o600 });
  place.configure({ line: { password: { credential: "esl" } } });
  const report = await place.examined();
  expect([report.hop("config").verdict, report.hop("switch login").verdict]).toEqual(["good", "good"]);
  // The running service has older copies; the doctor checks those that it will get at its next start.
  const given = (file: string) => withCredentials(file, { environment: {} }, tmpdir()).environment["CREDENTIALS_DIRECTORY"];
  expect(given(place.file)).toBe(join(place.folder, "secrets"));
  expect(given("/nonexistent/config.json")).toBe(tmpdir());
});

test.concurrent("a configuration, and the file of a secret, that others may read", async () => {
  await using place = await Place.open();
  chmodSync(place.file, 0o644);
  expect((await place.examined()).hop("config")).toMatchObject({
    verdict: "warning",
    message: `Users other than the owner can read ${place.file} (mode 644), which has secrets.`,
    advice: `chmod 600 ${place.file}`,
  });
  const secret = join(place.folder, "esl-password");
  writeFileSync(secret, `${secrets.password}\n`, { mode: 0o640 });
  place.configure({ line: { password: { file: secret } } });
  const report = await place.examined();
  expect(report.hop("config").advice).toBe(`chmod 600 ${secret}`);
  expect(report.hop("switch login").verdict).toBe("good");
  const folder = join(place.folder, "secrets");
  mkdirSync(folder);
  writeFileSync(join(folder, "esl"), `${secrets.password}\n`, { mode: 0o604 });
  place.configure({ line: { password: { credential: "esl" } } });
  expect((await place.examined()).hop("config").advice).toBe(`chmod 600 ${join(folder, "esl")}`);
});

test.concurrent("a configuration with a byte order mark, and a variable called file", async () => {
  await using place = await Place.open();
  place.configure({ screenPop: { data: { file: "cabinet" } } });
  place.write(`\uFEFF${readFileSync(place.file, "utf8")}`);
  const { verdict, message } = (await place.examined()).hop("config");
  expect([verdict, message]).toEqual(["good", `${place.file} is valid: desk 1001, driver freeswitch.`]);
});

test.concurrent("as text: mark, name, time, message; below it the advice; last what to fix first", async () => {
  await using place = await Place.open();
  await place.start();
  place.sim.phones.unregister("1001");
  const { code, out } = await place.printed();
  expect(code).toBe(1);
  expect(out).toMatch(/^good {2}config +[\d.]+ ms {2}\S+ is valid: desk 1001, driver freeswitch\.$/m);
  expect(out).toMatch(/^FAIL {2}phone 1001 +[\d.]+ ms {2}Phone 1001 is not registered .*\n +> Check the phone's cable/m);
  expect(out).toMatch(/\n\n1 failure, \d warnings? in \d\.\d s\. Fix first: phone 1001\. Phone 1001 is not registered/);
  expect(out).not.toContain(secrets.password);
  expect(out).toContain(`curl.exe "http://10.1.2.3:${place.port}${secrets.prefix}/?FunctionName=CheckStatus"`);
  // The prefix is a secret too, but the administrator must know it.
  expect(out).toEndWith(`\nGive UWQ this URL: http://10.1.2.3:${place.port}${secrets.prefix}/\n`);
});

test.concurrent("two boxes at one switch: each doctor sees its own daemon", async () => {
  await using firstBox = await Place.open();
  await using secondBox = await Place.open();
  secondBox.configure({ desks: [{ extension: "1002" }], line: { port: firstBox.sim.port } });
  await firstBox.start();
  await secondBox.start();
  const [first, second] = await Promise.all([firstBox.examined(), secondBox.examined()]);
  expect([first.code, second.code]).toEqual([0, 0]);
  expect([first.desks, second.desks]).toEqual([["1001"], ["1002"]]);
  secondBox.configure({ desks: [{ extension: "1002" }], line: { port: firstBox.sim.port }, http: { port: firstBox.port } });
  expect((await secondBox.examined()).hop("daemon").message).toContain("with a different configuration than this file");
});

test.concurrent("each hop is in docs/troubleshooting.md", () => {
  const page = readFileSync(join(import.meta.dir, "../../../docs/troubleshooting.md"), "utf8");
  const sip = ["drachtio", "drachtio login", "SIP listener", "switch", "registration"];
  const probe = readFileSync(join(import.meta.dir, "../../../drivers/sip/probe.ts"), "utf8");
  expect(sip.filter((name) => !probe.includes(`"${name}"`))).toEqual([]);
  const listed = [...names, ...sip].map((name) => name.replace("1001", "EXT"));
  expect(listed.filter((name) => !page.includes(`\`${name}\``))).toEqual([]);
});

test.concurrent("docs/troubleshooting.md lists the hops in the doctor's order, and names the same exception as its last line", () => {
  const page = readFileSync(join(import.meta.dir, "../../../docs/troubleshooting.md"), "utf8");
  // The page of the box is a hop only if it is configured, the image only on the image.
  const rows = [...page.matchAll(/^\| `([^`]+)`/gm)].map(([, name]) => name).filter((name) =>
    name !== "page" && name !== "image"
  );
  expect(page.indexOf("| `page`")).toBeGreaterThan(page.indexOf("| `http`"));
  const listed = names.map((name) => name.replace("1001", "EXT"));
  expect(rows.slice(0, listed.length)).toEqual(listed);
  const prose = page.replace(/\s+/g, " ");
  expect(prose).toContain("it is the topmost one");
  expect(prose).toContain("The exception is `daemon`");
});
