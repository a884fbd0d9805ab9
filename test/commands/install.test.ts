/** telesetd.json on a boot partition, with any content that somebody may put there: real files in real folders. */
import { describe, expect, test } from "bun:test";
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { cli } from "../../src/cli.ts";
import type { Service } from "../../src/commands/apply/service.ts";
import { install, installTrouble } from "../../src/commands/install/mod.ts";
import { ownFolder } from "../support/folder.ts";

const folder = ownFolder();

const config = {
  desks: [{ extension: "1001" }],
  line: { driver: "freeswitch", host: "10.1.0.5", password: "hunter2", domain: "pbx.example.com" },
};
const good = `${JSON.stringify(config, null, 2)}\n`;

/** A box with two boot partitions and no configuration yet. */
class Box {
  readonly root = mkdtempSync(join(folder, "box-"));
  readonly firmware = join(this.root, "boot/firmware");
  readonly boot = join(this.root, "boot");
  readonly to = join(this.root, "etc/telesetd/config.json");
  readonly run = join(this.root, "run");

  constructor() {
    for (const path of [this.firmware, this.run]) mkdirSync(path, { recursive: true });
  }

  put(content: string | Uint8Array, place = this.firmware): string {
    const file = join(place, "telesetd.json");
    writeFileSync(file, content);
    return file;
  }

  async install(command = "install"): Promise<{ code: number; out: string; err: string }> {
    let out = "";
    let err = "";
    const environment = { RUNTIME_DIRECTORY: this.run };
    const io = { out: (text: string) => out += text, err: (text: string) => err += text, terminal: false, environment };
    const code = await cli([command, "--from", this.firmware, this.boot, "--to", this.to], io);
    return { code, out, err };
  }

  get installed(): string {
    return readFileSync(this.to, "utf8");
  }

  errors(place = this.firmware): string | undefined {
    const file = join(place, "telesetd-errors.txt");
    return existsSync(file) ? readFileSync(file, "utf8") : undefined;
  }
}

describe("install", () => {
  test("installs the file with mode 600, removes it from the card, and leaves a note there", async () => {
    const box = new Box();
    const file = box.put(good);
    const { code, out, err } = await box.install();
    expect([code, err]).toEqual([0, ""]);
    expect(out).toStartWith(`${file} is installed as ${box.to} (desk 1001)\n`);
    expect(box.installed).toBe(good);
    expect(statSync(box.to).mode & 0o777).toBe(0o600);
    expect(existsSync(file)).toBe(false);
    expect(readdirSync(box.firmware)).toEqual(["telesetd-installed.txt"]);
    expect(readFileSync(join(box.firmware, "telesetd-installed.txt"), "utf8")).not.toContain("hunter2");
  });

  test("runs under its former name too: a unit that was copied from 0.1.0 calls it so", async () => {
    const box = new Box();
    box.put(good);
    expect(await box.install("provision")).toMatchObject({ code: 0, err: "" });
    expect(box.installed).toBe(good);
  });

  test("a daemon that ends with the file: the old configuration returns, and the card keeps the file and the reason", async () => {
    const box = new Box();
    box.put(good);
    await box.install();
    const file = box.put(good.replace("1001", "1002"));
    const asked: string[] = [];
    const service: Service = {
      state: () => Promise.resolve("active"),
      running: () => undefined,
      enable: () => Promise.resolve(undefined),
      restrict: () => Promise.resolve(undefined),
      restart: () => {
        asked.push(box.installed.includes("1002") ? "new" : "old");
        return Promise.resolve(box.installed.includes("1002") ? "Cannot listen on 0.0.0.0:8090" : undefined);
      },
    };
    let err = "";
    const io = {
      out: () => {},
      err: (text: string) => err += text,
      terminal: false,
      environment: { RUNTIME_DIRECTORY: box.run },
    };
    const once = () => install({ from: [box.firmware], to: box.to }, io, service);
    expect(await once()).toBe(1);
    expect([box.installed, existsSync(file), asked]).toEqual([good, true, ["new", "old"]]);
    expect(err).toStartWith(
      "telesetd.json is not in force:\n  telesetd did not become ready with this configuration: Cannot listen",
    );
    expect(box.errors()).toBe(err.replaceAll("\n", "\r\n"));
    // The next boot tries again.
    expect(await once()).toBe(1);
    box.put(good.replace("1001", "1003"));
    expect(await once()).toBe(0);
    expect([box.installed.includes("1003"), box.errors()]).toEqual([true, undefined]);
  });

  test("does nothing when there is no file", async () => {
    const box = new Box();
    expect(await box.install()).toMatchObject({ code: 0, err: "" });
    expect(existsSync(box.to)).toBe(false);
  });

  test("a later file replaces the configuration, and the old one is kept with mode 600", async () => {
    const box = new Box();
    box.put(good);
    await box.install();
    box.put(good.replace("1001", "1002"), box.boot);
    expect((await box.install()).out).toContain(`the old file is kept as ${box.to}.1`);
    expect(box.installed).toContain("1002");
    expect(readFileSync(`${box.to}.1`, "utf8")).toBe(good);
    expect(statSync(`${box.to}.1`).mode & 0o777).toBe(0o600);
  });

  test.each([
    ["a byte order mark", `\uFEFF${good}`, good],
    ["lines that end with CR LF", good.replaceAll("\n", "\r\n"), good.replaceAll("\n", "\r\n")],
  ])("takes a file with %s", async (_, text, installed) => {
    const box = new Box();
    box.put(text);
    expect((await box.install()).code).toBe(0);
    expect(box.installed).toBe(installed);
  });

  test("accepts the same file in both folders, and refuses two that differ", async () => {
    const same = new Box();
    same.put(good);
    same.put(good, same.boot);
    expect((await same.install()).code).toBe(0);
    expect([same.firmware, same.boot].map((place) => existsSync(join(place, "telesetd.json")))).toEqual([false, false]);
    const two = new Box();
    two.put(good);
    two.put(good.replace("1001", "1002"), two.boot);
    const { code, err } = await two.install();
    expect(code).toBe(2);
    expect(err).toContain("There are 2 different files");
    expect([two.errors(), two.errors(two.boot)]).toEqual([err.replaceAll("\n", "\r\n"), err.replaceAll("\n", "\r\n")]);
    expect(existsSync(two.to)).toBe(false);
  });

  test("moves secrets from files beside it into the configuration", async () => {
    const box = new Box();
    const password = { file: "esl.txt" };
    box.put(
      JSON.stringify({ ...config, line: { ...config.line, password }, http: { prefix: { file: join(box.firmware, "p") } } }),
    );
    writeFileSync(join(box.firmware, "esl.txt"), "\uFEFFhunter3\r\n");
    writeFileSync(join(box.firmware, "p"), "/k3y");
    expect(await box.install()).toMatchObject({ code: 0, err: "" });
    expect(JSON.parse(box.installed)).toMatchObject({ line: { password: "hunter3" }, http: { prefix: "/k3y" } });
    expect(readdirSync(box.firmware)).toEqual(["telesetd-installed.txt"]);
  });

  test("reports a missing file beside it; keeps references to other folders and to credentials of the box", async () => {
    const box = new Box();
    box.put(JSON.stringify({ ...config, line: { ...config.line, password: { file: "esl.txt" } } }));
    const { code, err } = await box.install();
    expect(code).toBe(2);
    expect(err).toContain("line.password names");
    expect(err).toContain("there is no such file: put it beside the configuration (line 1, column ");
    mkdirSync(join(box.root, "etc/telesetd/secrets"), { recursive: true });
    writeFileSync(join(box.root, "etc/telesetd/secrets/esl"), "x");
    const elsewhere = join(box.root, "prefix");
    writeFileSync(elsewhere, "/k3y");
    const text = JSON.stringify({
      ...config,
      line: { ...config.line, password: { credential: "esl" } },
      http: { prefix: { file: elsewhere } },
    });
    box.put(text);
    expect(await box.install()).toMatchObject({ code: 0, err: "" });
    expect(box.installed).toBe(text);
    expect(existsSync(elsewhere)).toBe(true);
  });
});

describe("a wrong file", () => {
  test("every error has its path, line and column, on the screen, on the card and in status; the old file stays", async () => {
    const box = new Box();
    box.put(good);
    await box.install();
    const file = box.put(
      '{\n  "desks": [{ "extension": "12a" }],\n  "line": {\n    "driver": "freeswitch",\n    "prot": 1\n  }\n}\n',
    );
    const { code, err } = await box.install();
    expect(code).toBe(2);
    for (
      const line of [
        `${file}: desks[0].extension is "12a": expected digits (line 2, column 28)`,
        `${file}: line.prot is not a key: did you mean port? (line 5, column 13)`,
        `${file}: line.password is missing: expected text (line 3, column 11)`,
        "The current configuration stays in force.",
      ]
    ) expect(err).toContain(line);
    expect(box.errors()).toBe(err.replaceAll("\n", "\r\n"));
    expect(installTrouble(box.run)).toBe(err);
    expect(box.installed).toBe(good);
    expect(existsSync(file)).toBe(true);
  });

  test("the report is not rewritten unchanged, and is removed once the file is correct", async () => {
    const box = new Box();
    box.put("{");
    await box.install();
    const before = lstatSync(join(box.firmware, "telesetd-errors.txt")).ino;
    await box.install();
    expect(lstatSync(join(box.firmware, "telesetd-errors.txt")).ino).toBe(before);
    box.put(good);
    await box.install();
    expect(box.errors()).toBeUndefined();
    expect(installTrouble(box.run)).toBeUndefined();
  });

  test.each(["telesetd.json.txt", "telesetd.txt", "telesetd (1).json", "telesetd(1).json", "Telesetd - Copy.json"])(
    "named %s is reported, and a file with the right name beside it is installed",
    async (name) => {
      const box = new Box();
      const file = join(box.firmware, name);
      writeFileSync(file, good);
      const { code, err } = await box.install();
      expect(code).toBe(2);
      expect(err).toContain(`${file}: expected the name telesetd.json: rename the file`);
      expect(box.errors()).toBe(err.replaceAll("\n", "\r\n"));
      const unit = readFileSync(join(import.meta.dir, "../../systemd/telesetd-firstboot.service"), "utf8");
      const globs = [...unit.matchAll(/^ConditionPathExistsGlob=\|\/boot\/firmware\/(.+)$/gm)].map(([, glob = ""]) => glob);
      expect(globs.some((glob) => new Bun.Glob(glob.replace("(", "\\(")).match(name))).toBe(true);
      box.put(good);
      expect((await box.install()).code).toBe(0);
      expect(box.errors()).toBeUndefined();
    },
  );

  const mark = "\uFEFF";
  const secrets: [string, (file: string) => void, string][] = [
    ["a folder", (file) => mkdirSync(file), "it is a folder: expected a file"],
    ["a link", (file) => symlinkSync("/etc/hostname", file), "it is a symbolic link: expected the file itself"],
    ["a pipe", (file) => Bun.spawnSync(["mkfifo", file]), "it is not a regular file"],
    ["UTF-16", (file) => writeFileSync(file, Buffer.from(`${mark}hunter3`, "utf16le")), "it is saved as UTF-16"],
    ["empty", (file) => writeFileSync(file, ""), "it is empty"],
    ["a file of 5 GB", (file) => (writeFileSync(file, ""), truncateSync(file, 5_000_000_000)), "it has 5000000000 bytes"],
  ];
  test.each(secrets)("a password file beside it that is %s is refused with the reason", async (_, put, words) => {
    const box = new Box();
    box.put(JSON.stringify({ ...config, line: { ...config.line, password: { file: "esl.txt" } } }));
    put(join(box.firmware, "esl.txt"));
    const { code, err } = await box.install();
    expect(code).toBe(2);
    expect(err).toContain(`line.password names ${join(box.firmware, "esl.txt")}: ${words}`);
    expect(existsSync(box.to)).toBe(false);
  });

  const asRoot = process.getuid?.() === 0 && Bun.which("setpriv") ? "" : " (skipped: needs root and setpriv)";
  test.skipIf(asRoot !== "")(
    `a file that root cannot read without its capabilities, as in the unit, is refused with the reason${asRoot}`,
    () => {
      const box = new Box();
      const file = box.put(good);
      chownSync(file, 1000, 1000);
      chmodSync(file, 0o600);
      const program = [join(import.meta.dir, "../../node_modules/.bin/bun"), join(import.meta.dir, "../../src/main.ts")];
      const { exitCode, stderr } = Bun.spawnSync(
        [
          "setpriv",
          "--bounding-set=-dac_override,-dac_read_search",
          ...program,
          "install",
          "--from",
          box.firmware,
          "--to",
          box.to,
        ],
        { env: { RUNTIME_DIRECTORY: box.run } },
      );
      expect(exitCode).toBe(2);
      expect(String(stderr)).toContain(`${file}: root may not read it: make root its owner (chown root:root)`);
    },
  );

  const utf16 = Buffer.from(`\uFEFF${good}`, "utf16le");
  const cases: [string, (box: Box) => void, string][] = [
    ["an empty file", (box) => box.put(""), "telesetd.json: it is empty"],
    ["a file of blanks", (box) => box.put(" \r\n"), "telesetd.json: it is empty"],
    ["a file in UTF-16", (box) => box.put(utf16), "it is saved as UTF-16 (in Notepad: Unicode): save it as UTF-8"],
    ["a file in another code page", (box) => box.put(Buffer.from('{"desks": "\xfc"}', "latin1")), "it is not saved as UTF-8"],
    ["a program", (box) => box.put(Buffer.from([0x7f, 0x45, 0x4c, 0x46, 0, 1])), "it is not text"],
    ["a file that is not JSON", (box) => box.put("desks: 1001\n"), "line 1, column 1: not JSON"],
    ["a folder", (box) => mkdirSync(join(box.firmware, "telesetd.json")), "it is a folder: expected a file"],
    [
      "a link",
      (box) => symlinkSync("/etc/passwd", join(box.firmware, "telesetd.json")),
      "it is a symbolic link: expected the file itself",
    ],
    ["a link to nothing", (box) => symlinkSync("nothing", join(box.firmware, "telesetd.json")), "it is a symbolic link"],
    ["a device", (box) => Bun.spawnSync(["mkfifo", join(box.firmware, "telesetd.json")]), "it is not a regular file"],
    ["a file of 5 GB", (box) => truncateSync(box.put(""), 5_000_000_000), "it has 5000000000 bytes"],
    ["100,000 brackets", (box) => box.put("[".repeat(100_000)), "not JSON"],
  ];
  test.each(cases)("%s is refused with the reason", async (_, put, words) => {
    const box = new Box();
    put(box);
    const { code, err } = await box.install();
    expect(code).toBe(2);
    expect(err).toContain(words);
    expect(err).toContain("The box has no configuration yet.");
    expect(box.errors()).toBe(err.replaceAll("\n", "\r\n"));
    expect(existsSync(box.to)).toBe(false);
  });
});

describe("a card whose file comes back, and a box that cannot be written", () => {
  test("the file is installed once, and not again over later changes", async () => {
    const box = new Box();
    box.put(good);
    await box.install();
    writeFileSync(box.to, good.replace("1001", "1003"), { mode: 0o600 });
    box.put(good);
    const { code, out } = await box.install();
    expect(code).toBe(0);
    expect(out).toContain("was already installed and is not installed again");
    expect(box.installed).toContain("1003");
    expect(readFileSync(join(box.firmware, "telesetd-installed.txt"), "utf8")).toContain("To install it anyway");
    box.put(`${good}\n`);
    expect((await box.install()).code).toBe(0);
    expect(box.installed).toBe(`${good}\n`);
  });

  test("the removal continues after a power cut that left only telesetd.json", async () => {
    const box = new Box();
    const text = JSON.stringify({ ...config, line: { ...config.line, password: { file: "esl.txt" } } });
    box.put(text);
    writeFileSync(join(box.firmware, "esl.txt"), "hunter3");
    await box.install();
    box.put(text);
    expect(await box.install()).toMatchObject({ code: 0, err: "" });
    expect(JSON.parse(box.installed)).toMatchObject({ line: { password: "hunter3" } });
    expect(readdirSync(box.firmware)).toEqual(["telesetd-installed.txt"]);
  });

  test("a configuration that cannot be written gives an error and exit code 1", async () => {
    const box = new Box();
    box.put(good);
    mkdirSync(join(box.root, "etc"));
    writeFileSync(join(box.root, "etc/telesetd"), "a file where a folder should be");
    const { code, err } = await box.install();
    expect(code).toBe(1);
    expect(err).toContain(`Cannot write ${box.to}`);
    expect(existsSync(join(box.firmware, "telesetd.json"))).toBe(true);
  });
});
