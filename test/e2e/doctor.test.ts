/** The compiled binary: setup on a real terminal (script(1) makes one), then the doctor, beside a running daemon. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Simulator } from "../../simulator/freeswitch/mod.ts";
import { SmallCrm } from "../../simulator/crm/mod.ts";
import { binary, Box, noBinary } from "../support/daemon/box.ts";
import { quietPort } from "../support/ports.ts";
import { until } from "../support/until.ts";

setDefaultTimeout(60_000);

const noScript = Bun.which("script") === null ? " (skipped: there is no script(1), Debian's bsdutils)" : "";

/** A program on its own terminal, answered question by question. */
class OnTerminal {
  shown = "";
  /** The length of the text that was shown when the last answer was typed. */
  #answered = 0;
  readonly #child;

  constructor(command: string) {
    this.#child = Bun.spawn(["script", "-qec", command, "/dev/null"], { stdin: "pipe", stdout: "pipe", stderr: "inherit" });
    void this.#listen();
  }

  async #listen(): Promise<void> {
    const decoder = new TextDecoder();
    for await (const part of this.#child.stdout) this.shown += decoder.decode(part, { stream: true });
  }

  /** Types when the question is shown. */
  async answer(question: string, text: string): Promise<void> {
    await until(() => `${question} is not asked: ${this.shown}`, () => this.shown.includes(question, this.#answered));
    this.#answered = this.shown.length;
    await this.#child.stdin.write(text);
    await this.#child.stdin.flush();
  }

  get exited(): Promise<number> {
    return this.#child.exited;
  }
}

test.skipIf(noBinary !== "" || noScript !== "")(`setup on a terminal, then the doctor${noBinary}${noScript}`, async () => {
  const folder = mkdtempSync(join(tmpdir(), "telesetd-setup-"));
  const sim = new Simulator({ password: "Cl3verS3cret" });
  await sim.start();
  try {
    const file = join(folder, "config.json");
    const seen = new OnTerminal(`${binary} setup --to ${file}`);
    await seen.answer("Driver for the switch", "\r");
    await seen.answer("Extension of the desk phone", "9999\r");
    await seen.answer("Address of FreeSWITCH", `127.0.0.1:${sim.port}\r`);
    await seen.answer("User for the event socket", "\r");
    await seen.answer("not shown: ", "Wr0ngOne\r");
    await seen.answer("Keep this login anyway?", "n\r");
    await seen.answer("User for the event socket", "\r");
    await seen.answer("not shown: ", "Cl3verS3cret\r");
    await seen.answer("Domain that the phones register in [127.0.0.1]", "\r");
    await seen.answer("Keep 9999 anyway?", "\r");
    await seen.answer("Extension of the desk phone (several: separated by spaces or commas) [1001]", "\r");
    await seen.answer("Secret path", "/k3y\r");
    await seen.answer("Digits dialled for", "9\r");
    await seen.answer("Write ", "y\r");
    expect(await seen.exited).toBe(0);
    expect(JSON.parse(readFileSync(file, "utf8")).line.password).toBe("Cl3verS3cret");
    expect(statSync(file).mode & 0o777).toBe(0o600);
    // In colour: it is a terminal.
    expect(seen.shown).toContain("good\u001b[0m  switch login");
    expect(seen.shown).toMatch(/Give UWQ this URL: http:\S+:8090\/k3y\/.*\r\n$/);
    expect(seen.shown).not.toMatch(/Wr0ngOne|Cl3verS3cret/);
    const interrupted = new OnTerminal(`${binary} setup --to ${file}`);
    const before = statSync(file).mtimeMs;
    await interrupted.answer("Driver for the switch", "\r");
    await interrupted.answer("Extension of the desk phone", "1\x03");
    expect([await interrupted.exited, statSync(file).mtimeMs]).toEqual([1, before]);
    expect(interrupted.shown).toContain("Interrupted: nothing was changed");
  } finally {
    sim.stop();
    rmSync(folder, { recursive: true, force: true });
  }
});

test.skipIf(noBinary !== "")(`setup without a terminal refuses with the reason${noBinary}`, async () => {
  const child = Bun.spawn([binary, "setup", "--to", "/dev/null/x"], { stdin: "pipe", stdout: "pipe", stderr: "pipe" });
  await child.stdin.write("1001\n");
  await child.stdin.end();
  expect([await child.exited, await new Response(child.stderr).text()]).toEqual([2, expect.stringContaining("--from FILE")]);
});

test.skipIf(noBinary !== "")(`the doctor beside a running daemon, and after its end${noBinary}`, async () => {
  const folder = mkdtempSync(join(tmpdir(), "telesetd-doctor-"));
  const sim = new Simulator();
  await sim.start();
  const crm = await SmallCrm.open();
  const box = new Box({ folder, port: await quietPort(), switchPort: sim.port });
  const doctor = (...more: string[]) => box.run("doctor", ...more);
  const verdicts = (out: string) =>
    Object.fromEntries(JSON.parse(out).hops.map(({ name, verdict }: { name: string; verdict: string }) => [name, verdict]));
  try {
    await box.start();
    await box.connected();
    await fetch(
      `http://127.0.0.1:${box.port}/?FunctionName=Register&telesetNumber=1001&agentID=7&IPAddress=127.0.0.1&port=${crm.port}`,
    );
    const up = verdicts((await doctor("--json")).out);
    const good = ["store", "daemon", "switch", "switch login", "switch commands", "switch filters", "switch events", "domain"];
    for (const name of [...good, "phone 1001", "CRM 1001", "CRM port 1001", "deliveries"]) {
      expect([name, up[name]]).toEqual([name, "good"]);
    }
    box.signal("SIGSTOP");
    const hanging = (await doctor()).out;
    box.signal("SIGCONT");
    expect(hanging).toMatch(
      /^FAIL {2}daemon .*telesetd is running, but does not answer at .* within 3 s\..*\n +> .*systemctl restart/m,
    );
    expect(hanging).toMatch(
      /^FAIL {2}http .* is in use by the telesetd that does not answer, or by another program\.\n +> ss -ltnp/m,
    );
    await box.kill();
    const { out, code } = await doctor();
    expect(code).toBe(1);
    expect(out).toMatch(/^FAIL {2}daemon .*telesetd is not running: the daemon of .* was killed\..*\n +> Start it/m);
    expect(out).toMatch(/^good {2}store/m);
    expect(out).toContain("good  CRM 1001");
    // The doctor has read the store of a killed daemon, which still belongs to the daemon.
    await box.start();
    expect((await box.connected()).storeTrouble).toBeUndefined();
  } finally {
    await box.kill();
    crm.close();
    sim.stop();
    rmSync(folder, { recursive: true, force: true });
  }
});
