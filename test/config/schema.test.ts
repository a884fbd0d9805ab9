/** The configuration: defaults, errors with their paths, secrets, and the JSON Schema. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import fc from "fast-check";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { lineSchemas } from "../../drivers/registry.ts";
import { type Config, ConfigError, parseConfig, screenPopKeys } from "../../src/config/schema.ts";
import { ownFolder } from "../support/folder.ts";

setDefaultTimeout(60_000);

/** The reference configuration. */
const reference = `{
  "desks": [{ "extension": "1001" }],
  "line": { "driver": "freeswitch", "host": "127.0.0.1", "port": 8021, "password": "ClueCon", "domain": "127.0.0.1" },
  "http": { "host": "127.0.0.1", "port": 8090 },
  "numbers": { "toCrm": [{ "match": "^9(\\\\d{4,})$", "replace": "$1", "direction": "outbound" }] },
  "store": { "path": "/var/lib/telesetd/telesetd.db" }
}`;
const line = { driver: "freeswitch", password: "ClueCon", domain: "127.0.0.1" };
/** So that another driver does not change the expected errors. */
const drivers = Object.keys(lineSchemas).join(" or ");
const minimal = { desks: [{ extension: "1001" }], line };

const folder = ownFolder();

function parse(config: unknown, environment: Record<string, string> = {}): Config {
  return parseConfig(typeof config === "string" ? config : JSON.stringify(config), lineSchemas, environment);
}

/** All errors; empty if there are none. */
function problems(config: unknown, environment: Record<string, string> = {}): readonly string[] {
  try {
    parse(config, environment);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
}

function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

describe("the reference configuration", () => {
  test("is valid, with all defaults", () => {
    expect(parse(reference)).toMatchObject({
      desks: [{ extension: "1001", aliases: [] }],
      line: { driver: "freeswitch", host: "127.0.0.1", port: 8021, password: "ClueCon", outsideProfiles: ["external"] },
      http: { host: "127.0.0.1", port: 8090, allowBrowsers: false },
      crm: { path: "/", contentType: "text/xml; charset=utf-8" },
      screenPop: { inbound: "ring", outbound: "ring", internal: "never", dnis: "extension", onPartyChange: "keep" },
      numbers: {
        internal: [/^\d{2,5}$/],
        toCrm: [{ match: /^9(\d{4,})$/, replace: "$1", direction: "outbound" }],
        deny: [],
        allow: [],
      },
      store: { path: "/var/lib/telesetd/telesetd.db" },
      log: { level: "info" },
    });
  });

  test("has the ten optional ScreenPop keys, each from the variable of the same name", () => {
    expect(Object.entries(parse(reference).screenPop.data)).toEqual(screenPopKeys.map((key) => [key, key]));
    expect(screenPopKeys).toHaveLength(10);
  });
});

describe("optional keys and short forms:", () => {
  test("everything but the desks and the line's driver, password and domain is optional", () =>
    expect(problems(minimal)).toEqual([]));
  test("one pattern instead of a list", () => {
    expect(parse({ ...minimal, numbers: { internal: "^1\\d{3}$", deny: "^1900" } }).numbers).toMatchObject({
      internal: [/^1\d{3}$/],
      deny: [/^1900/],
    });
  });
  test("numbers.withheld: a number with or without +, 00 or 1 in front, but no longer one; otherwise a pattern", () => {
    const withheld = (given?: unknown) => {
      const { numbers } = parse({ ...minimal, numbers: given === undefined ? {} : { withheld: given } });
      return (number: string) => numbers.withheld.some((pattern) => pattern.test(number));
    };
    const byDefault = withheld();
    for (const number of ["266696687", "7378742833", "2562533", "8656696", "86282452253"]) {
      expect([number, `+${number}`, `1${number}`, `+1${number}`, `00${number}`].map(byDefault)).toEqual(Array(5).fill(true));
      expect([`2${number}`, `${number}0`, number.slice(1)].map(byDefault)).toEqual([false, false, false]);
    }
    expect(["4155550199", "266696687"].map(withheld("+4155550199"))).toEqual([true, false]);
    expect(["2666", "+12666", "26660"].map(withheld(["+26 6-6"]))).toEqual([true, true, false]);
    expect(["000000", "4155550123"].map(withheld(["^0{4,}$"]))).toEqual([true, false]);
    expect(["266696687"].map(withheld([]))).toEqual([false]);
  });

  test("numbers.fromIdentity: pattern and replacement, without a direction", () => {
    expect(parse({ ...minimal, numbers: { fromIdentity: [{ match: "^Sales:", replace: "" }] } }).numbers.fromIdentity).toEqual([
      { match: /^Sales:/, replace: "" },
    ]);
  });

  test("a rewrite rule without a direction applies to both", () => {
    expect(parse({ ...minimal, numbers: { toDial: [{ match: "^\\+", replace: "00" }] } }).numbers.toDial).toEqual([
      { match: /^\+/, replace: "00", direction: "both" },
    ]);
  });
  test("$schema, for editors", () => expect(problems({ ...minimal, $schema: "./config.schema.json" })).toEqual([]));
  test("ScreenPop data named file", () => {
    expect(parse({ ...minimal, screenPop: { data: { file: "CustomerFile" } } }).screenPop.data).toEqual({ file: "CustomerFile" });
  });
});

test("all errors are reported at once, each with its path, the value and what was expected", () => {
  const wrong = {
    desks: [{ extension: "12a" }, { extension: "1001", alias: [] }, { extension: "1001" }],
    line: { ...line, port: 70000, domain: "a b" },
    http: { host: 5, perSecond: -1, allow: ["nonsense", "10.0.0.0/33", "999.1.1.1", "fe80::/10"], monitorAllow: ["10.1.0"] },
    crm: { path: "x" },
    screenPop: { inbound: "sometimes", data: { "a b": "x" } },
    numbers: {
      toCrm: [{ match: "(", replace: 1 }],
      deny: ["["],
      withheld: ["(", ""],
      fromIdentity: [{ match: "[", replace: "", direction: "inbound" }, { match: "x" }],
    },
    log: { level: "loud" },
    sotre: {},
  };
  expect(problems(wrong).toSorted()).toEqual([
    'crm.path is "x": expected a path that begins with /',
    'desks[0].extension is "12a": expected digits',
    "desks[1].alias is not a key: did you mean aliases?",
    "desks[2].extension: 1001 is listed twice",
    'http.allow[0] is "nonsense": expected an address or a range such as 10.1.0.0/16',
    'http.allow[1] is "10.0.0.0/33": expected an address or a range such as 10.1.0.0/16',
    'http.allow[2] is "999.1.1.1": expected an address or a range such as 10.1.0.0/16',
    "http.host is 5: expected text",
    'http.monitorAllow[0] is "10.1.0": expected an address or a range such as 10.1.0.0/16',
    "http.perSecond is -1: expected more than 0",
    'line.domain is "a b": expected letters, digits and . _ : -',
    "line.port is 70000: expected at most 65535",
    'log.level is "loud": expected error or warning or info or debug or trace',
    'numbers.deny[0] is "[": expected a regular expression: Invalid regular expression: missing terminating ] for character class',
    "numbers.fromIdentity[0].direction is not a key: expected one of match, replace",
    'numbers.fromIdentity[0].match is "[": expected a regular expression: Invalid regular expression: missing terminating ] for character class',
    "numbers.fromIdentity[1].replace is missing: expected text",
    'numbers.toCrm[0].match is "(": expected a regular expression: Invalid regular expression: missing )',
    "numbers.toCrm[0].replace is 1: expected text",
    'numbers.withheld[0] is "(": expected a regular expression: Invalid regular expression: missing )',
    'numbers.withheld[1] is "": expected at least 1 character',
    'screenPop.data["a b"] is "a b": expected a name of letters, digits and _',
    'screenPop.inbound is "sometimes": expected ring or answer or never',
    "sotre is not a key: did you mean store?",
  ]);
});

describe("an error:", () => {
  const cases: [string, unknown, readonly string[]][] = [
    ["nothing at all", {}, ["desks is missing: expected a list", "line is missing: expected an object"]],
    ["not an object", [], ["the configuration: expected an object"]],
    ["null", null, ["the configuration: expected an object"]],
    ["no desk", { ...minimal, desks: [] }, ["desks: expected at least 1 entry"]],
    ["a desk twice", { ...minimal, desks: [1, 2].flatMap(() => minimal.desks) }, ["desks[1].extension: 1001 is listed twice"]],
    ["an unknown driver", { ...minimal, line: { driver: "callmanager" } }, [`line.driver is "callmanager": expected ${drivers}`]],
    ["a driver: constructor", { ...minimal, line: { driver: "constructor" } }, [
      `line.driver is "constructor": expected ${drivers}`,
    ]],
    ["no driver", { ...minimal, line: {} }, [`line.driver is missing: expected ${drivers}`]],
    ["the line is not an object", { ...minimal, line: 5 }, ["line is 5: expected an object"]],
    ["the driver's keys are missing", { ...minimal, line: { driver: "freeswitch" } }, [
      "line.password is missing: expected text",
      "line.domain is missing: expected text",
    ]],
    ["a short key that is near none", { ...minimal, log: { tls: true } }, ["log.tls is not a key: expected one of level"]],
    ["a key that is near another", { ...minimal, http: { prot: 80 } }, ["http.prot is not a key: did you mean port?"]],
    ["a key that is near none", { ...minimal, log: { colours: true } }, ["log.colours is not a key: expected one of level"]],
    ["a key of the driver", { ...minimal, line: { ...line, passwrd: "x" } }, [
      "line.passwrd is not a key: did you mean password?",
    ]],
    ["a port as text", { ...minimal, http: { port: "80" } }, ['http.port is "80": expected a number']],
    ["half a port", { ...minimal, http: { port: 80.5 } }, ["http.port is 80.5: expected a whole number"]],
    ["an alias without a domain", { ...minimal, desks: [{ extension: "1001", aliases: ["1001"] }] }, [
      'desks[0].aliases[0] is "1001": expected user@domain',
    ]],
    ["a list instead of an object", { ...minimal, http: [80] }, ["http: expected an object"]],
    ["a name that every object inherits", { ...minimal, screenPop: { data: { constructor: "x" } } }, [
      "screenPop.data.constructor: constructor cannot be a name here: expected another one",
    ]],
    ["within one of several forms", { ...minimal, line: { ...line, acd: { create: "no", qeues: {} } } }, [
      'line.acd.create is "no": expected true or false',
      "line.acd.qeues is not a key: did you mean queues?",
    ]],
    ["none of several forms", { ...minimal, line: { ...line, acd: 5 } }, ["line.acd is 5: expected none or an object"]],
    ["a reference where the schema has no secret", { ...minimal, log: { level: { file: "/etc/hostname" } } }, [
      "log.level: expected error or warning or info or debug or trace",
    ]],
  ];
  test.each(cases)("%s", (_, config, wanted) => expect(problems(config)).toEqual(wanted));
});

test.each(["constructor", "toString", "__proto__"])(
  "%s is not a key of the configuration, although every object inherits it",
  (key) => {
    const text = `{"http": {${JSON.stringify(key)}: {"file": "/etc/hostname"}}, ${JSON.stringify(minimal).slice(1)}`;
    expect(problems(text)).toEqual([
      expect.stringMatching(new RegExp(`^http\\.${key} is not a key: expected one of host, port, `)),
    ]);
  },
);

test("a key that is given twice is an error: JSON.parse would silently take the second", () => {
  const text =
    '{\n  "desks": [{ "extension": "1001" }],\n  "line": { "driver": "freeswitch", "password": "x", "domain": "d" },\n' +
    '  "desks": [{ "extension": "1002" }],\n  "http": { "port": 1, "port": 2 }\n}';
  const errors: readonly string[] = (() => {
    try {
      return parseConfig(text, lineSchemas, {}) && [];
    } catch (error) {
      return (error as ConfigError).placed;
    }
  })();
  expect(errors).toEqual([
    "desks is given twice, the second time in line 4, column 3: keep one (line 2, column 12)",
    "http.port is given twice, the second time in line 5, column 24: keep one (line 5, column 21)",
  ]);
});

describe("text that is not JSON gives an error with line and column:", () => {
  test.each([
    ["nothing", "", "line 1, column 1: not JSON: value expected"],
    ["a missing comma", '{\n  "a": 1\n  "b": 2\n}', "line 3, column 3: not JSON: comma expected"],
    ["a comma too many", '{\n  "a": 1,\n}', "line 3, column 1: not JSON: property name expected"],
    ["a comment", "// here\n{}", "line 1, column 1: not JSON: invalid comment token"],
    ["round quotation marks", "{\n  \u201cdesks\u201d: []\n}", 'line 2, column 3: not JSON: invalid symbol \u201c: expected "'],
    ["an open bracket", '{"a": [1', "line 1, column 9: not JSON"],
    ["something after the end", "{}\n{}", "line 2, column 1: not JSON: end of file expected"],
    ["a control character in text", '{"a": "\u0001"}', "line 1, column 7: not JSON: invalid character"],
    ["a hundred thousand brackets", "[".repeat(100_000), "not JSON: nested too deeply"],
  ])("%s", (_, text, wanted) => expect(problems(text)[0]).toStartWith(wanted));
});

describe("a secret", () => {
  const withPassword = (password: unknown) => ({ ...minimal, line: { ...line, password } });

  test("may be text", () => expect(parse(withPassword("s3cret")).line).toMatchObject({ password: "s3cret" }));
  test.each([["", "s3cret"], [" with a line end", "s3cret\n"], [" with a line end of Windows", "s3cret\r\n"]])(
    "may be in a file%s",
    (_, text) => expect(parse(withPassword({ file: file("password", text) })).line).toMatchObject({ password: "s3cret" }),
  );
  test("may be a credential of systemd", () => {
    file("esl", "s3cret\n");
    expect(parse(withPassword({ credential: "esl" }), { CREDENTIALS_DIRECTORY: folder }).line).toMatchObject({
      password: "s3cret",
    });
  });
  test.each(["/metrics", "/healthz", "/readyz"])("http.prefix must not be %s, a path of telesetd itself", (prefix) => {
    expect(() => parse({ ...minimal, http: { prefix } })).toThrow(
      "http.prefix: expected a path that telesetd does not use itself",
    );
    expect(parse({ ...minimal, http: { prefix: `${prefix}y` } }).http.prefix).toBe(`${prefix}y`);
  });

  test("may be http.prefix", () => {
    expect(parse({ ...minimal, http: { prefix: { file: file("prefix", "/k3y\n") } } }).http.prefix).toBe("/k3y");
  });
  test("in a missing file is one error, with the path", () => {
    expect(problems(withPassword({ file: "/nowhere/password" }))).toEqual([
      "line.password names /nowhere/password: cannot read it: there is no such file",
    ]);
  });
  test("that is a missing credential is an error with a remedy", () => {
    expect(problems(withPassword({ credential: "esl" }))).toEqual([
      "line.password asks for the credential esl: expected the file /etc/telesetd/secrets/esl, and there is no such folder",
    ]);
  });

  const wrong: [string, () => unknown][] = [
    ["with a control character", () => withPassword("s3cret\u0001")],
    ["with a control character, in a file", () => withPassword({ file: file("bad", "s3cret\u0001") })],
    ["of the wrong form", () => ({ ...minimal, http: { prefix: "s3cret" } })],
    ["of the wrong form, in a file", () => ({ ...minimal, http: { prefix: { file: file("bad", "s3cret") } } })],
    ["that is a list", () => withPassword(["s3cret"])],
    ["beside another key", () => withPassword({ file: file("good", "s3cret"), value: "s3cret" })],
    ["in place of a hash", () => ({ ...minimal, agent: { passwordHashes: { "7": "s3cret" } } })],
    ["under a misspelt key", () => ({ ...minimal, line: { ...line, passwort: "s3cret" } })],
    ["of an unknown driver", () => ({ ...minimal, line: { driver: "callmanager", password: "s3cret" } })],
    ["in a file, in place of another value", () => ({ ...minimal, desks: [{ file: file("good", "s3cret") }] })],
    ["in a file, in place of the whole line", () => ({ ...minimal, line: { file: file("good", "s3cret") } })],
    ["before a JSON error", () => `${JSON.stringify(withPassword("s3cret")).slice(0, -1)},`],
  ];
  test.each(wrong)("%s is an error that does not reveal it", (_, config) => {
    const found = problems(config());
    expect(found.length).toBeGreaterThan(0);
    expect(found.join("\n")).not.toContain("s3cret");
  });

  test("that is a number is an error that does not reveal it", () => {
    expect(problems(withPassword(8080801))).toEqual(["line.password: expected text"]);
  });
});

describe("any content of the file is a valid configuration or gives its errors:", () => {
  /** Parses the text; anything but a ConfigError fails. An error is one line of text. */
  const tried = (text: string): void => {
    for (const problem of problems(text)) expect(problem).toMatch(/^[^\n]+$/);
  };
  const keys = fc.constantFrom(
    "desks",
    "line",
    "http",
    "crm",
    "numbers",
    "driver",
    "extension",
    "file",
    "__proto__",
    "constructor",
  );
  const tree = fc.letrec((tie) => ({
    value: fc.oneof(
      { depthSize: "medium" },
      fc.jsonValue(),
      fc.constantFrom("freeswitch", "1001", "("),
      tie("object"),
      tie("list"),
    ),
    list: fc.array(tie("value"), { maxLength: 3 }),
    object: fc.array(fc.tuple(keys, tie("value")), { maxLength: 4 }).map((entries) => Object.fromEntries(entries)),
  })).value;

  test("any text", () => fc.assert(fc.property(fc.oneof(fc.string(), fc.string({ unit: "binary" })), tried), { numRuns: 300 }));
  test("any JSON", () => fc.assert(fc.property(fc.json(), tried), { numRuns: 300 }));
  test("any JSON with the keys of the configuration", () => {
    fc.assert(fc.property(tree, (value) => tried(JSON.stringify(value))), { numRuns: 400 });
  });
  test("the reference configuration with one value replaced", () => {
    const places = [
      ["desks"],
      ["desks", 0],
      ["desks", 0, "extension"],
      ["line"],
      ["line", "port"],
      ["line", "password"],
      ["http"],
      [
        "http",
        "host",
      ],
      ["numbers"],
      ["numbers", "toCrm"],
      ["numbers", "toCrm", 0],
      ["numbers", "toCrm", 0, "match"],
      ["store", "path"],
    ];
    fc.assert(
      fc.property(fc.constantFrom(...places), tree, (place, value) => {
        const config = JSON.parse(reference);
        const parent = place.slice(0, -1).reduce((at, part) => at[part], config);
        parent[place.at(-1) ?? ""] = value;
        tried(JSON.stringify(config));
      }),
      { numRuns: 400 },
    );
  });
  test("the reference configuration cut anywhere", () => {
    fc.assert(
      fc.property(
        fc.nat(reference.length),
        fc.nat(5),
        (at, length) => tried(reference.slice(0, at) + reference.slice(at + length)),
      ),
    );
  });
});
