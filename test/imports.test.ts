/** Who may import what (design, section 3), with the reason for each ban; over all files of src and drivers. */
import { describe, expect, test } from "bun:test";
import { codeOf, type Import, importsOf, ringIn, type Source, sources } from "./support/sources.ts";

const files = sources("src", "drivers", "simulator");

interface Rule {
  readonly place: RegExp;
  /** What may be imported; `type ` before it: only its types. `own` is the folder of the place. */
  readonly may: readonly (string | RegExp)[];
  readonly why: string;
}

const node = /^node:/;
/** The first rule that fits a file counts. */
const rules: Rule[] = [
  {
    place: /^src\/core\//,
    may: [/^src\/core\//],
    why: "the core is pure: it can be run, replayed and tested without anything else",
  },
  {
    place: /^src\/outbox\/schedule\.ts$/,
    may: ["src/core/count.ts", "type src/outbox/record.ts"],
    why: "what is due is decided without a clock or a store",
  },
  {
    place: /^src\/outbox\//,
    may: [/^src\/core\//, /^src\/outbox\//, "type src/platform/clock.ts", "type src/log/log.ts", "type src/metrics/metrics.ts"],
    why: "delivery knows neither HTTP nor SQLite nor the line: it can be tested with a fake clock",
  },
  {
    place: /^src\/metrics\//,
    may: [/^src\/core\//, /^src\/metrics\//, "src/log/log.ts", "src/version.ts"],
    why: "what is counted is told to it: it asks nobody",
  },
  {
    place: /^src\/cctsdk\//,
    may: [
      /^src\/cctsdk\//,
      "src/core/crm.ts",
      "src/core/number.ts",
      "src/core/present.ts",
      "src/core/spelling.ts",
      "type src/log/log.ts",
      /^src\/platform\//,
      node,
      "hono",
      "fastest-levenshtein",
    ],
    why: "Oracle's protocol knows nothing of phones, of the store or of the loop",
  },
  {
    place: /^src\/loop\.ts$/,
    may: [
      /^src\/core\//,
      "type src/log/log.ts",
      "type src/outbox/record.ts",
      "type src/metrics/metrics.ts",
      "type src/outbox/outbox.ts",
      "type src/outbox/registrations.ts",
      "type src/passwords.ts",
      "src/platform/text.ts",
    ],
    why: "the one writer works with any line, store and CRM",
  },
  {
    place: /^src\/store\//,
    may: [
      /^src\/core\//,
      /^src\/store\//,
      "type src/platform/clock.ts",
      "type src/log/log.ts",
      "type src/outbox/record.ts",
      node,
      "bun:sqlite",
    ],
    why: "the store keeps what it is given and decides nothing",
  },
  {
    place: /^src\/config\/boot-file\.ts$/,
    may: [node],
    why: "what a stranger may have written is read before anything else is known of it",
  },
  {
    place: /^src\/platform\//,
    may: [/^src\/platform\//, node, "ipaddr.js"],
    why: "it knows the machine and nobody who uses it",
  },
  {
    place: /^src\/(log\/.*|http\/connections|http\/request-line)\.ts$/,
    may: [/^src\/log\//, node],
    why: "a tool knows nobody who uses it",
  },
  {
    place: /^src\/passwords\.ts$/,
    may: ["src/core/count.ts", "type src/core/crm.ts", node],
    why: "who may log in is asked of nobody but the configuration",
  },
  {
    place: /^src\/config\//,
    may: [
      /^src\/(config|platform)\//,
      "src/cctsdk/profile.ts",
      "src/core/crm.ts",
      "src/log/log.ts",
      node,
      "zod",
      "jsonc-parser",
      "fastest-levenshtein",
    ],
    why: "the schema is given the drivers' parts: it does not know the drivers",
  },
  {
    place: /^simulator\//,
    may: ["own", node, "bun"],
    why: "it plays the switch: what it shared with telesetd it could not test",
  },
  {
    place: /^drivers\/registry\.ts$/,
    may: [/^drivers\/[^/]+\/mod\.ts$/, "drivers/driver.ts", "type src/core/line.ts"],
    why: "the registry knows the drivers by their doors only",
  },
  {
    place: /^drivers\/driver\.ts$/,
    may: ["type zod", "type src/core/line.ts", "type src/log/log.ts", "type src/platform/timers.ts"],
    why: "what a driver is, is said in types",
  },
  {
    place: /^drivers\/shared\//,
    may: [
      /^drivers\/shared\//,
      "src/platform/connect-error.ts",
      "type drivers/driver.ts",
      "type src/core/line.ts",
      "type src/log/log.ts",
      "src/platform/text.ts",
      "type src/platform/timers.ts",
    ],
    why: "what two drivers need alike stands once; it knows no switch, so that drivers need not know each other",
  },
  {
    place: /^drivers\//,
    may: [
      "own",
      /^drivers\/shared\//,
      "drivers/driver.ts",
      "src/core/line.ts",
      "src/core/number.ts",
      "src/core/present.ts",
      // One file knows the XML library, for the CRM and for switches that speak XML.
      "src/platform/xml.ts",
      "src/platform/connect-error.ts",
      "src/platform/text.ts",
      "type src/platform/timers.ts",
      "type src/log/log.ts",
      "zod",
      node,
      /^(modesl$|drachtio-srf\/|debug$)/,
    ],
    why: "a driver speaks core/line.ts: it can be replaced without a change elsewhere, and knows no CRM, store or HTTP",
  },
];

/** A file's folder, two levels deep (`src/core`, `drivers/sip`); a file directly below src or drivers stands for itself. */
function folderOf(path: string): string {
  const parts = path.split("/");
  return parts.length > 2 ? parts.slice(0, 2).join("/") : path;
}

/** Each package stands in one named place, so that replacing it is a change of one file. */
const packages: Record<string, { readonly places: RegExp; readonly why: string }> = {
  modesl: { places: /^drivers\/freeswitch\/wire\/link\.ts$/, why: "its holes are shut in one file (freeswitch.md, section 3)" },
  "drachtio-srf/lib/drachtio-agent.js": { places: /^drivers\/sip\/wire\/stack\.ts$/, why: "its holes are shut in one file" },
  "drachtio-srf/lib/sip-parser/message.js": { places: /^drivers\/sip\/wire\/stack\.ts$/, why: "its holes are shut in one file" },
  "drachtio-srf/lib/wire-protocol.js": { places: /^drivers\/sip\/wire\/stack\.ts$/, why: "its holes are shut in one file" },
  debug: { places: /^drivers\/sip\/wire\/quiet\.ts$/, why: "drachtio-srf writes through it; it is silenced in one file" },
  hono: {
    places: /^src\/(cctsdk\/routes|http\/(listener|monitoring))\.ts$/,
    why: "what a callout means does not depend on a web framework",
  },
  "@hono/node-server": { places: /^src\/http\/listener\.ts$/, why: "one file opens the listener" },
  "@hono/node-server/conninfo": { places: /^src\/http\/listener\.ts$/, why: "one file knows the sockets" },
  "bun:sqlite": {
    places: /^src\/store\/(sqlite|dials|open|inspect)\.ts$/,
    why: "the store knows SQLite; one file looks without a trace",
  },
  commander: { places: /^src\/cli\.ts$/, why: "commands are functions; how a line is read is the table's business" },
  "ipaddr.js": { places: /^src\/platform\/address\.ts$/, why: "what an address is, is decided once" },
  "jsonc-parser": { places: /^src\/config\/text\.ts$/, why: "only the configuration is written by hand" },
  "fastest-levenshtein": { places: /^src\/(config\/text|cctsdk\/decode)\.ts$/, why: "a did-you-mean for keys and for callouts" },
  zod: {
    places: /^(src\/config\/(schema|text|wire)|drivers\/(driver|blueprint)|drivers\/[^/]+\/config)\.ts$/,
    why: "schemas are for the configuration",
  },
};

function allowed({ to, typeOnly }: Import, { path }: Source, { may }: Rule): boolean {
  return may.some((what) => {
    if (what instanceof RegExp) return what.test(to);
    if (what === "own") return to.startsWith(path.split("/").slice(0, 2).join("/"));
    return what.startsWith("type ") ? typeOnly && what === `type ${to}` : what === to;
  });
}

describe("imports:", () => {
  const places = files.flatMap((source) => {
    const rule = rules.find(({ place }) => place.test(source.path));
    return rule ? [{ path: source.path, why: rule.why, source, rule }] : [];
  });
  test.each(places)("$path, for $why", ({ source, rule }) => {
    expect(source.imports.filter((one) => !allowed(one, source, rule))).toEqual([]);
  });

  test("every rule has a file that it is about", () => {
    expect(rules.filter(({ place }) => !files.some(({ path }) => place.test(path))).map(({ place }) => place)).toEqual([]);
  });

  test("only the composition, the commands and the listener are under no rule of their own", () => {
    const free = files.map(({ path }) => path).filter((path) => !places.some((place) => place.path === path));
    expect(
      free.filter((path) => !/^src\/(app|main|cli|version|(http|status|commands)\/.*)(\.ts)?$/.test(path)),
    )
      .toEqual([]);
  });

  test("only the composition root and the commands know the drivers", () => {
    const knowing = files.filter(({ path, imports }) =>
      path.startsWith("src/") && imports.some(({ to }) => to.startsWith("drivers/"))
    );
    expect(knowing.map(({ path }) => path).filter((path) => !/^src\/(app\.ts|commands\/)/.test(path))).toEqual([]);
  });

  test("one file of telesetd knows the XML library", () => {
    expect(files.filter(({ path, text }) => path.startsWith("src/") && /\bBun\.XML\b/.test(codeOf(text))).map(({ path }) => path))
      .toEqual([
        "src/platform/xml.ts",
      ]);
  });

  test("there is no ring of imports, types included", () => expect(ringIn(files)).toBeUndefined());

  test("there is no ring of folders, types included", () => {
    const folders = Map.groupBy(files, ({ path }) => folderOf(path));
    const graph = [...folders].map(([path, inside]) => ({
      path,
      imports: inside.flatMap(({ imports }) => imports).map(({ to, typeOnly }) => ({ to: folderOf(to), typeOnly }))
        .filter(({ to }) => to !== path),
    }));
    expect(ringIn(graph)).toBeUndefined();
  });

  test("there is no import whose name is made at run time", () => {
    expect(files.filter(({ text }) => /\b(import|require)\(\s*[^"'\s)]/.test(codeOf(text))).map(({ path }) => path)).toEqual([]);
  });
});

describe("packages:", () => {
  const used = new Set(
    files.flatMap(({ imports }) => imports.map(({ to }) => to)).filter((to) =>
      /^[a-z@]/.test(to) && !/^(src|drivers|simulator|node:|package\.json)/.test(to)
    ),
  );
  test.each([...used].toSorted().map((name) => [name, packages[name]] as const))("%s stands in its place only", (name, rule) => {
    const elsewhere = files.filter(({ path, imports }) => imports.some(({ to }) => to === name) && !rule?.places.test(path));
    expect(elsewhere.map(({ path }) => path)).toEqual([]);
  });
  test("every package that has a place is used", () =>
    expect(Object.keys(packages).filter((name) => !used.has(name))).toEqual([]));
});

describe("the core is pure:", () => {
  const bans = {
    Date: "time is an input",
    "Math.random": "chance is an input",
    crypto: "ids are an input",
    performance: "time is an input",
    console: "what happened is an effect",
    process: "it has no surroundings",
    Bun: "it runs anywhere",
    await: "it never waits",
    async: "it never waits",
    "Promise.": "it never waits",
    "new Promise": "it never waits",
    setTimeout: "it says when it wants to be woken",
    setInterval: "it says when it wants to be woken",
    fetch: "it has no surroundings",
    globalThis: "it has no surroundings",
  };
  const core = files.filter(({ path }) => path.startsWith("src/core/"));
  test.each(Object.entries(bans))("no %s: %s", (word) => {
    const banned = new RegExp(`(?<![\\w.])${word.replace(".", "\\.")}${word.endsWith(".") ? "" : "\\b"}`);
    expect(core.filter(({ text }) => banned.test(codeOf(text))).map(({ path }) => path)).toEqual([]);
  });
});

test("no file has more than 400 lines", () => {
  const bench = sources("bench").filter(({ path }) => !path.includes("/peers/"));
  const long = [...files, ...sources("test"), ...bench].filter(({ text }) => text.split("\n").length > 401);
  expect(long.map(({ path, text }) => `${path}: ${text.split("\n").length - 1} lines`)).toEqual([]);
});

describe("the reader of imports sees", () => {
  const cases: [string, string, Import[]][] = [
    ["names", 'import { a, type B } from "./x.ts";', [{ to: "./x.ts", typeOnly: false }]],
    ["a type import", 'import type { A } from "./x.ts";', [{ to: "./x.ts", typeOnly: true }]],
    ["names that are all types", 'import { type A, type B } from "./x.ts";', [{ to: "./x.ts", typeOnly: true }]],
    ["all as one", 'import * as z from "zod";', [{ to: "zod", typeOnly: false }]],
    ["a default", 'import x from "./x.json" with { type: "json" };', [{ to: "./x.json", typeOnly: false }]],
    ["a default and names", 'import x, { type A } from "x";', [{ to: "x", typeOnly: false }]],
    ["several lines", 'import {\n  a,\n  b,\n} from "x";', [{ to: "x", typeOnly: false }]],
    ["what is handed on", 'export { a } from "x";\nexport * from "y";', [{ to: "x", typeOnly: false }, {
      to: "y",
      typeOnly: false,
    }]],
    ["types that are handed on", 'export type { A } from "x";', [{ to: "x", typeOnly: true }]],
    ["a side effect", 'import "x";', [{ to: "x", typeOnly: false }]],
    ["an import at run time", 'const x = await import("x");', [{ to: "x", typeOnly: false }]],
    ["no text about one", '// import { a } from "x";\n * import "y";\nconst s = \'from "z"\';', []],
  ];
  test.each(cases)("%s", (_, text, imports) => expect(importsOf(text)).toEqual(imports));

  test("rings, also of three, and of one", () => {
    const file = (path: string, ...to: string[]) => ({ path, imports: to.map((name) => ({ to: name, typeOnly: true })) });
    expect(ringIn([file("a", "b"), file("b", "c"), file("c", "a")])).toEqual(["a", "b", "c", "a"]);
    expect(ringIn([file("a", "a")])).toEqual(["a", "a"]);
    expect(ringIn([file("a", "b", "c"), file("b", "c"), file("c", "zod")])).toBeUndefined();
  });

  test.each([
    ['x; // Date\n/* await */ "console" `fetch`', 'x; \n "" ""'],
    ["'a\\'b' + c", '"" + c'],
  ])("the code of %j without comments and texts", (text, code) => expect(codeOf(text).replace(/ +\n/g, " \n")).toBe(code));
});
