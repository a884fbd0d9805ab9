import { describe, expect, test } from "bun:test";
import { original } from "../src/commands/io.ts";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import manifest from "../package.json" with { type: "json" };
import { cli } from "../src/cli.ts";
import { ownFolder } from "./support/folder.ts";

const line = { driver: "freeswitch", password: "ClueCon", domain: "127.0.0.1" };
const good = {
  desks: [{ extension: "1001" }, { extension: "1002" }],
  line,
  numbers: {
    toCrm: [{ match: "^9(\\d{4,})$", replace: "$1", direction: "outbound" }],
    toDial: [{ match: "^\\+1", replace: "91" }],
    deny: "^1?900",
    fromIdentity: [{ match: "^Sales:", replace: "" }],
  },
};
const bad = { desks: [], line: { ...line, prot: 1 } };

const folder = ownFolder();
const goodFile = join(folder, "good.json"), badFile = join(folder, "bad.json");
writeFileSync(goodFile, JSON.stringify(good));
writeFileSync(badFile, JSON.stringify(bad));

/** Runs a command line; returns its exit code and output. */
async function ran(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  let out = "";
  let err = "";
  const io = {
    out: (text: string) => out += text,
    err: (text: string) => err += text,
    terminal: false,
    environment: {},
  };
  const code = await cli(args, io);
  return { code, out, err };
}

/** The commands listed in a help text. */
function commandsIn(help: string): string[] {
  const sections = [...help.matchAll(/\n(?:Commands|Start here|Every day|Files|Plumbing):\n([\s\S]*?)(?=\n\n|$)/g)];
  return sections.flatMap(([, section = ""]) => [...section.matchAll(/^ {2}([a-z-]+)/gm)])
    .map(([, name = ""]) => name).filter((name) => name !== "help");
}

/** Every command, including those of groups. */
async function leaves(...group: string[]): Promise<string[][]> {
  const names = commandsIn((await ran(...group, "--help")).out);
  if (names.length === 0) return [group];
  return (await Promise.all(names.map((name) => leaves(...group, name)))).flat();
}

test.each(["version", "--version", "-V", "-v"])("%s prints the version", async (asked) => {
  expect(await ran(asked)).toEqual({ code: 0, out: `telesetd ${manifest.version}\n`, err: "" });
});

test("schema prints the JSON Schema of the configuration", async () => {
  const { code, out, err } = await ran("schema");
  expect([code, err]).toEqual([0, ""]);
  expect(JSON.parse(out)).toMatchObject({ type: "object", properties: { desks: { type: "array" }, line: {} } });
});

describe("check", () => {
  test("a valid file: a line with its desks and driver, 0", async () => {
    expect(await ran("check", "--config", goodFile)).toEqual({
      code: 0,
      out: `${goodFile} is valid: desk 1001, desk 1002, driver freeswitch\n`,
      err: "",
    });
  });
  test("an invalid file: all its errors, 2", async () => {
    const { code, out, err } = await ran("check", "-c", badFile);
    expect([code, out]).toEqual([2, ""]);
    expect(err.split("\n").toSorted()).toEqual([
      "",
      "  desks: expected at least 1 entry (line 1, column 10)",
      "  line.prot is not a key: did you mean port? (line 1, column 92)",
      `${badFile} has 2 errors:`,
    ]);
  });
  test("a missing file: an error, 2", async () => {
    expect(await ran("check", "-c", "/nowhere/config.json")).toEqual({
      code: 2,
      out: "",
      err: "/nowhere/config.json has 1 error:\n  cannot read it: there is no such file\n" +
        "  > Create it: telesetd setup --to /nowhere/config.json\n",
    });
  });
  test("--json, a valid file: no errors, 0", async () => {
    const { code, out, err } = await ran("check", "-c", goodFile, "--json");
    expect([code, err, JSON.parse(out)]).toEqual([0, "", { file: goodFile, errors: [] }]);
  });
  test("--json, an invalid file: the errors, 2", async () => {
    const { code, out, err } = await ran("check", "-c", badFile, "--json");
    expect([code, err]).toEqual([2, ""]);
    const report: { file: string; errors: string[] } = JSON.parse(out);
    expect(report.file).toBe(badFile);
    expect(report.errors.toSorted()).toEqual(["desks: expected at least 1 entry", "line.prot is not a key: did you mean port?"]);
  });
});

describe("explain", () => {
  const cases: [string, string[]][] = [
    ["914155550123", [
      "as a caller: occtANI is 914155550123, ScreenPop at ring",
      "occtANI is 14155550123 (numbers.toCrm[0]: ",
      "MakeCall dials 914155550123",
    ]],
    ["+14155550123", ["is outside", "as a caller: occtANI is 14155550123", "MakeCall dials 914155550123 (numbers.toDial[0]: "]],
    ["1002", ["is internal (numbers.internal: ", "MakeCall dials 1002"]],
    ["*98", ["is internal (it starts with * or #)", "MakeCall dials *98"]],
    ["anonymous", ["is an unknown caller: occtANI is empty", "MakeCall refuses"]],
    ["+1002", ["is internal (numbers.internal: ^\\d{2,5}$, without the + in front)", "sends no events"]],
    ["00 1002", ["is internal (numbers.internal: ^\\d{2,5}$, without the 00 in front)"]],
    ["+44 (0)20 7946 0000", ["occtANI is 442079460000", "MakeCall dials +442079460000"]],
    ["tel:+1-201-555-0123", ["as a caller: occtANI is 12015550123", "MakeCall dials 912015550123"]],
    ["\u202a+14155550123\u202c", ['"<U+202A>+14155550123<U+202C>", read as +14155550123\n', "occtANI is 14155550123"]],
    ["\u202e3210555514+", ['"<U+202E>3210555514+"\n', "a + is allowed only once, directly before a digit"]],
    ["911", ["911\n  is an emergency number: MakeCall dials it without any limit (numbers.emergency)\n", "MakeCall dials 911\n"]],
    ["266696687", [
      "is outside\n",
      "as a caller: occtANI is empty: this number stands for a withheld caller (numbers.withheld[0]), ScreenPop at ring",
      "when dialled on the phone or by MakeCall: occtANI is 266696687, ScreenPop at ring",
      "MakeCall dials 266696687",
    ]],
    ["Sales:14155550123", [
      'as a caller it is read as "14155550123" (numbers.fromIdentity[0]: ^Sales: becomes nothing)\n  is outside\n',
      "as a caller: occtANI is 14155550123",
      "MakeCall refuses",
    ]],
    ["Sales:1003", ["is internal (numbers.internal", "MakeCall refuses"]],
    ["Sales:anonymous", ["is an unknown caller"]],
    ["1002-0x55", ["is a name, not a number: occtANI is empty", "MakeCall refuses"]],
    ["19005550123", ['MakeCall refuses: Cannot dial "19005550123": the administrator does not allow this number.']],
    ["1".repeat(41), ["empty: it has 41 digits"]],
  ];
  test.each(cases)("%s", async (number, parts) => {
    const { code, out, err } = await ran("explain", number, "-c", goodFile);
    expect([code, err]).toEqual([0, ""]);
    for (const part of parts) expect(out).toContain(part);
  });
  test("--json gives every step", async () => {
    const { code, out } = await ran("explain", "914155550123", "-c", goodFile, "--json");
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({
      number: "914155550123",
      internal: false,
      inbound: { ani: "914155550123" },
      outbound: { ani: "14155550123", rule: 0 },
      dial: { ok: true, number: "914155550123" },
    });
  });
  test("an invalid configuration: its errors, 2", async () => {
    const { code, err } = await ran("explain", "1002", "-c", badFile);
    expect([code, err]).toEqual([2, expect.stringContaining("has 2 errors")]);
  });
});

describe("wrong usage gives an error and exit code 2:", () => {
  test.each([
    ["no arguments", [], "Usage: telesetd"],
    ["an unknown command similar to another", ["chekc"], "Did you mean check?"],
    ["an unknown command", ["frobnicate"], "unknown command 'frobnicate'"],
    ["an unknown option", ["--frobnicate"], "unknown option '--frobnicate'"],
    ["an unknown option of a command, similar to another", ["check", "--confg", "x"], "Did you mean --config?"],
    ["an option without its value", ["check", "--config"], "argument missing"],
    ["a missing argument", ["explain"], "missing required argument 'number'"],
    ["an argument too many", ["version", "now"], "too many arguments"],
  ])("%s", async (_, args, message) => {
    const { code, out, err } = await ran(...args);
    expect(code).toBe(2);
    expect(out + err).toContain(message);
  });
});

describe("help:", () => {
  test("lists the main commands and the exit codes", async () => {
    const { code, out, err } = await ran("--help");
    expect([code, err]).toEqual([0, ""]);
    expect(commandsIn(out)).toEqual(
      expect.arrayContaining(["run", "check", "demo", "replay", "explain", "status", "outbox", "schema", "version"]),
    );
    const groups = [...out.matchAll(/^(\S.*):$/gm)].map(([, name]) => name);
    expect(groups.slice(1, 6)).toEqual(["Start here", "Every day", "Files", "Many boxes", "Plumbing"]);
    expect(commandsIn(out).slice(0, 3)).toEqual(["setup", "doctor", "status"]);
    expect(out).toContain("Exit codes: 0 success, 1 failure, 2 invalid usage or configuration.");
  });

  test("of every command has a sentence and an example of the command", async () => {
    const all = await leaves();
    expect(all.length).toBeGreaterThan(8);
    for (const command of all) {
      const { code, out, err } = await ran(...command, "--help");
      expect([command, code, err]).toEqual([command, 0, ""]);
      expect(out).toMatch(new RegExp(`^Usage: telesetd ${command.join(" ")}\\b`));
      expect(out).toMatch(/\n\n[A-Z][\s\S]+?\.\n/);
      expect(out).toContain(`\nExample:\n  telesetd ${command.join(" ")}`);
    }
  });
});

test("errors name the configuration as given; for the service's copy, the file that people edit", () => {
  const service = { CREDENTIALS_DIRECTORY: "/run/credentials/telesetd.service" };
  expect(original("config.json", { environment: {} })).toBe("config.json");
  expect(original("config.json", { environment: service })).toBe("config.json");
  expect(original("/run/credentials/telesetd.service/config.json", { environment: service })).toBe("/etc/telesetd/config.json");
});
