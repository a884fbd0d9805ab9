/** `telesetd apply` with a service manager that is played: what is written, what is restarted, what returns. */
import { describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { apply, type ApplyOptions } from "../../../src/commands/apply/mod.ts";
import type { Service } from "../../../src/commands/apply/service.ts";
import { takeLock } from "../../../src/store/lock.ts";
import type { Hop } from "../../../drivers/driver.ts";
import { ownFolder } from "../../support/folder.ts";

const folder = ownFolder();

function config(extension: string, password: unknown = "x", host = "10.1.0.5"): string {
  return `${JSON.stringify({ desks: [{ extension }], line: { driver: "freeswitch", host, password, domain: "d" } }, null, 2)}\n`;
}

/** A box with a service whose daemon ends at once with the configurations in `bad`. */
class Box implements Service {
  readonly root = mkdtempSync(join(folder, "box-"));
  readonly file = join(this.root, "etc/telesetd/config.json");
  readonly asked: string[] = [];
  readonly bad: string[] = [];
  active: string | undefined = "inactive";
  /** The configuration of the running daemon. */
  current: string | undefined;
  readable = true;
  /** The addresses that the service is restricted to. */
  allowed: readonly string[] | undefined;

  constructor(installed?: string) {
    mkdirSync(join(this.root, "etc/telesetd"), { recursive: true });
    if (installed !== undefined) writeFileSync(this.file, installed, { mode: 0o600 });
  }

  /** A box whose daemon runs with this configuration. */
  static running(installed: string): Box {
    const box = new Box(installed);
    box.active = "active";
    box.current = installed;
    return box;
  }

  state = () => Promise.resolve(this.active);
  running = () => this.readable ? this.current : undefined;
  enable = () => {
    this.asked.push("enable");
    return Promise.resolve(this.refusal);
  };
  restrict = (ranges: readonly string[] | undefined) => {
    this.allowed = ranges;
    return Promise.resolve(this.refusal);
  };
  /** systemd's refusal of the addresses and of the start at each boot. */
  refusal: string | undefined;
  restart = () => {
    this.asked.push("restart");
    const text = this.installed;
    const ready = !this.bad.includes(text);
    this.current = ready ? text : undefined;
    this.active = ready ? "active" : "activating";
    return Promise.resolve(ready ? undefined : "Cannot listen on 0.0.0.0:8090");
  };

  get installed(): string {
    return readFileSync(this.file, "utf8");
  }

  kept(end: string): string | undefined {
    return existsSync(this.file + end) ? readFileSync(this.file + end, "utf8") : undefined;
  }

  write(text: string): string {
    const file = join(this.root, "new.json");
    writeFileSync(file, text);
    return file;
  }

  /** What the test of the way to the phones finds. */
  hops: readonly Hop[] = [];

  async apply(text?: string, more: Partial<ApplyOptions> = {}, service: Service | undefined = this) {
    let out = "";
    let err = "";
    const io = { out: (part: string) => out += part, err: (part: string) => err += part, terminal: false, environment: {} };
    const from = text === undefined ? undefined : this.write(text);
    const code = await apply({ from, config: this.file, ...more }, io, service, () => Promise.resolve(this.hops));
    return { code, out, err };
  }
}

const [a, b, c] = [config("1001"), config("1002"), config("1003")];

describe("apply", () => {
  test("installs a file with mode 600 and restarts the service; the old file is kept", async () => {
    const box = Box.running(a);
    const { code, out, err } = await box.apply(b);
    expect([code, err, box.asked, box.installed, box.current]).toEqual([0, "", ["restart"], b, b]);
    expect(out).toBe(
      `Wrote ${box.file}, readable only by its owner; the old file is kept as ${box.file}.1.\ntelesetd is running with it.\n`,
    );
    expect([box.kept(".1"), box.kept(".last-good")]).toEqual([a, b]);
    for (const end of ["", ".1", ".last-good"]) expect(statSync(box.file + end).mode & 0o777).toBe(0o600);
  });

  test("a daemon that does not become ready: the old configuration returns, the new one is kept, and the reason is reported", async () => {
    const box = Box.running(a);
    box.bad.push(b);
    const { code, err } = await box.apply(b);
    expect([code, box.asked, box.installed, box.current]).toEqual([1, ["restart", "restart"], a, a]);
    expect([box.kept(".failed"), box.kept(".last-good")]).toEqual([b, a]);
    expect(err).toBe(
      "telesetd did not become ready with this configuration: Cannot listen on 0.0.0.0:8090. " +
        `The old configuration is in force again; the new one is kept as ${box.file}.failed.\n`,
    );
    expect((await box.apply(c)).code).toBe(0);
    expect([box.current, box.kept(".last-good")]).toEqual([c, c]);
  });

  test("a switch that refuses the new password is reported; the configuration stays", async () => {
    const box = Box.running(a);
    box.hops = [
      { name: "switch", verdict: "good", message: "10.1.0.5:8021 answers.", ms: 1 },
      { name: "switch login", verdict: "failed", message: "FreeSWITCH refuses the login.", ms: 1 },
    ];
    const { code, err } = await box.apply(b);
    expect([code, box.current]).toEqual([0, b]);
    expect(err).toBe(
      "But the way to the phones does not work with it:\n  switch login: FreeSWITCH refuses the login.\n" +
        `  > telesetd doctor shows more. The configuration before is ${box.file}.1, if it was replaced: ` +
        `telesetd apply ${box.file}.1 returns to it.\n`,
    );
  });

  test("a folder instead of a file changes nothing", async () => {
    const box = Box.running(a);
    const { code, err } = await box.apply(undefined, { from: box.root });
    expect([code, err, box.current]).toEqual([2, `Cannot read ${box.root}: it is a folder. Nothing was changed.\n`, a]);
  });

  test("a file that was changed in its place: the configuration of the running daemon returns", async () => {
    const box = Box.running(a);
    writeFileSync(box.file, b);
    box.bad.push(b);
    expect((await box.apply()).code).toBe(1);
    expect([box.installed, box.current, box.kept(".failed")]).toEqual([a, a, b]);
    writeFileSync(box.file, c);
    const { code, out } = await box.apply();
    expect([code, box.current, box.kept(".last-good"), box.kept(".1")]).toEqual([0, c, c, a]);
    expect(out).toStartWith(`${box.file} was changed in its place; the configuration before is kept as ${box.file}.1.\n`);
  });

  test("after a failed service, the last configuration that worked returns", async () => {
    const box = Box.running(a);
    await box.apply(b);
    writeFileSync(box.file, "{}");
    box.active = "failed";
    box.current = undefined;
    box.bad.push(c);
    expect((await box.apply(c)).code).toBe(1);
    expect([box.installed, box.current]).toEqual([b, b]);
  });

  test("a daemon whose configuration cannot be read: the file before the change returns", async () => {
    const box = Box.running(a);
    box.readable = false;
    writeFileSync(`${box.file}.last-good`, c);
    box.bad.push(b);
    await box.apply(b);
    expect(box.current).toBe(a);
  });

  test("without an old configuration the new one stays, and the reason is reported", async () => {
    const box = new Box();
    box.bad.push(a);
    const { code, err } = await box.apply(a, { start: true });
    expect([code, box.installed, box.asked]).toEqual([1, a, ["enable", "restart"]]);
    expect(err).toContain(`no old configuration to return to: correct ${box.file}, then run telesetd apply`);
  });

  test("an old configuration that no longer works either is reported", async () => {
    const box = Box.running(a);
    box.bad.push(a, b);
    const { code, err } = await box.apply(b);
    expect([code, box.installed]).toEqual([1, a]);
    expect(err).toContain("did not become ready with it either: Cannot listen on 0.0.0.0:8090");
  });

  test("the same file again restarts the service, and changes no file", async () => {
    const box = Box.running(a);
    await box.apply(a);
    const before = readdirSync(join(box.file, "..")).sort();
    const { code, out } = await box.apply(a);
    expect([code, box.asked]).toEqual([0, ["restart", "restart"]]);
    expect(out).toBe(`${box.file} has this configuration already.\ntelesetd is running with it.\n`);
    expect(readdirSync(join(box.file, "..")).sort()).toEqual(before);
  });

  test("a stopped service is not started, unless requested", async () => {
    const box = new Box(a);
    const { code, out } = await box.apply(b);
    expect([code, box.asked, box.installed]).toEqual([0, [], b]);
    expect(out).toContain("telesetd is not running. To start it now and at each boot: telesetd apply --start");
    expect((await box.apply(b, { start: true })).code).toBe(0);
    expect(box.asked).toEqual(["enable", "restart"]);
  });

  test("without systemd, and for another file than the service's: installs, and says that nothing was restarted", async () => {
    const box = new Box(a);
    box.active = undefined;
    const { code, out } = await box.apply(b);
    expect([code, box.asked, box.installed]).toEqual([0, [], b]);
    expect(out).toContain("No service was restarted here. A daemon that runs with this file must be restarted.");
  });

  test("an invalid file: exit code 2, every error with its place, and nothing was changed", async () => {
    const box = Box.running(a);
    const { code, err } = await box.apply('{\n  "desks": [{ "extension": "12a" }],\n  "line": {}\n}\n');
    expect([code, box.asked, box.installed]).toEqual([2, [], a]);
    expect(err).toContain('desks[0].extension is "12a": expected digits (line 2, column 28)');
    expect(err).toEndWith("Nothing was changed.\n");
    writeFileSync(box.file, "{");
    expect((await box.apply()).code).toBe(2);
    expect([box.asked, readdirSync(join(box.file, ".."))]).toEqual([[], ["config.json"]]);
  });

  test("a missing file", async () => {
    const box = new Box();
    expect(await box.apply(undefined)).toEqual({
      code: 2,
      out: "",
      err: `Cannot read ${box.file}: there is no such file. Nothing was changed.\n`,
    });
  });

  test("secrets are looked for beside the installed file, as the service gets them", async () => {
    const box = Box.running(a);
    const text = config("1001", { credential: "esl" });
    expect((await box.apply(text)).code).toBe(2);
    mkdirSync(join(box.file, "../secrets"));
    writeFileSync(join(box.file, "../secrets/esl"), "y\n", { mode: 0o600 });
    expect((await box.apply(text)).code).toBe(0);
  });

  test("two at once: the second changes nothing; one that was killed blocks nothing", async () => {
    const box = Box.running(a);
    const release = takeLock(`${box.file}.lock`);
    const { code, err } = await box.apply(b);
    expect([code, box.asked, box.installed]).toEqual([1, [], a]);
    expect(err).toContain("is being changed by another telesetd");
    release?.();
    const holder = Bun.spawn([
      process.execPath,
      "-e",
      `
      import { takeLock } from ${JSON.stringify(join(import.meta.dir, "../../../src/store/lock.ts"))};
      globalThis.release = takeLock(${JSON.stringify(`${box.file}.lock`)});
      console.log("held");
      setInterval(() => {}, 1000);
    `,
    ], { stdout: "pipe" });
    await holder.stdout.getReader().read();
    expect((await box.apply(b)).code).toBe(1);
    holder.kill("SIGKILL");
    await holder.exited;
    expect((await box.apply(b)).code).toBe(0);
  });

  test("the service is restricted to the addresses in its configuration, before it starts, and again after a return", async () => {
    const box = Box.running(a);
    const moved = config("1001", "x", "10.1.0.6");
    await box.apply(moved);
    expect(box.allowed).toContain("10.1.0.6/32");
    expect(box.allowed).not.toContain("10.1.0.5/32");
    box.bad.push(a);
    await box.apply(a);
    expect(box.allowed).toContain("10.1.0.6/32");
    box.active = "inactive";
    await box.apply(a);
    expect(box.allowed).toContain("10.1.0.5/32");
    await box.apply(config("1001", "x", "pbx.example.com"));
    expect(box.allowed).toBeUndefined();
  });

  test("a refusal of systemd is printed, and the configuration is in force", async () => {
    const box = Box.running(a);
    box.refusal = "Access denied";
    const { code, out } = await box.apply(b);
    expect([code, box.current]).toEqual([0, b]);
    expect(out).toContain("systemd refused to restrict telesetd to the addresses in the configuration: Access denied");
    expect((await box.apply(b, { start: true })).out).toContain("systemd cannot start telesetd at each boot: Access denied");
  });

  test("a place that cannot be written: nothing was changed", async () => {
    const box = Box.running(a);
    mkdirSync(join(`${box.file}.1`, "x"), { recursive: true });
    const { code, err } = await box.apply(b);
    expect([code, box.asked, box.installed]).toEqual([1, [], a]);
    expect(err).toContain(`Cannot write ${box.file}`);
  });
});
