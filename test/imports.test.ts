/** Import rules, with their reasons, for all files of src, drivers and simulator. */
import { describe, expect, test } from "bun:test";
import { codeOf, type Import, importsOf, ringIn, type Source, sources } from "./support/sources.ts";

const files = sources("src", "drivers", "simulator");

/**
 * Place | allowed imports besides its own folder | why. `x/` is a folder and `x.ts` a file, in src unless another folder is named;
 * anything else is a package, and `type:` allows only types. The most specific place of a file applies.
 */
const table = `
  src/core/                | | pure: it can be run, replayed and tested without anything else
  src/history/             | core/ log/log.ts type:outbox/record.ts | a view of the calls, the same for all readers
  src/platform/            | node ipaddr.js | describes the machine, independently of its users
  src/log/                 | node | a tool is independent of its users
  src/metrics/             | core/ log/ type:image/state.ts version.ts | a tool is independent of its users
  src/cctsdk/              | core/crm.ts core/number.ts core/omit-undefined.ts core/spelling.ts platform/ type:log/ node hono fastest-levenshtein | Oracle's protocol knows no phones, store or loop
  src/outbox/              | core/ platform/local-time.ts type:platform/ type:log/ type:metrics/ | delivery knows neither HTTP nor SQLite nor the line: it can be tested with a fake clock
  src/outbox/schedule.ts   | core/count.ts type:outbox/record.ts | what is due is decided without a clock or a store
  src/store/               | core/ platform/timers.ts type:platform/ type:log/ type:outbox/record.ts node bun:sqlite | the store keeps what it is given and decides nothing
  src/status/              | type:history/ core/ image/state.ts log/log.ts version.ts | a view of the desks, the same for all readers
  src/fleet/               | broker/nkey.ts core/ status/ platform/ type:log/ page/ http/site.ts metrics/exposition.ts version.ts node hono valibot | the fleet uses injected functions: it knows no loop, store or driver
  src/page/                | cctsdk/guard.ts core/ log/ type:config/settings.ts type:history/ image/state.ts type:metrics/hours.ts type:outbox/ platform/ status/ version.ts node hono | a view of the box and its buttons: it knows no loop, store or driver
  src/relay/               | broker/ core/ platform/rate-limit.ts type:metrics/ type:platform/ type:log/ | works with any line and any broker: it knows no driver
  src/broker/              | type:core/line.ts core/unchanged.ts platform/backoff.ts platform/text.ts platform/timers.ts platform/connect-error.ts type:platform/ type:log/ node @nats-io/transport-node | relays, boxes and the fleet's commands use it, so that it knows none of them
  src/http/                | cctsdk/ core/crm.ts page/live-path.ts page/routes.tsx platform/ log/ metrics/ outbox/admin.ts status/ type:history/ node hono @hono/node-server | endpoints use injected functions: they know no loop, store or driver
  src/http/connections.ts  | type:http/connection.ts node | a tool is independent of its users
  src/http/connection.ts   | node | a tool is independent of its users
  src/http/plain.ts        | node | a tool is independent of its users
  src/http/request-line.ts | node | a tool is independent of its users
  src/config/              | broker/broker.ts broker/subjects.ts platform/ cctsdk/profile.ts core/crm.ts core/omit-undefined.ts log/ node valibot @valibot/to-json-schema jsonc-parser fastest-levenshtein | the schema is given the drivers' parts: it does not know the drivers
  src/config/boot-file.ts  | node | untrusted files are read before anything else is known about them
  src/image/               | core/count.ts type:config/image.ts node | what the image does is decided from facts, without running it
  src/loop.ts              | core/ platform/remembered.ts platform/text.ts type:log/ type:metrics/ type:outbox/ type:passwords.ts | the one writer works with any line, store and CRM
  src/passwords.ts         | core/count.ts type:core/crm.ts platform/lockout.ts node | only the configuration decides who may log in
  drivers/                 | drivers/shared/ drivers/driver.ts config/broker.ts config/setting.ts broker/ core/line.ts core/number.ts core/omit-undefined.ts platform/ type:log/ valibot node modesl drachtio-srf debug | a driver can be replaced without a change elsewhere, and knows no CRM, store or HTTP
  drivers/shared/          | type:drivers/driver.ts core/line.ts config/setting.ts platform/ type:log/ valibot | it knows no switch, so that drivers need not know each other
  drivers/driver.ts        | type:core/line.ts type:platform/ type:log/ type:valibot | a driver is described by types alone
  drivers/registry.ts      | drivers/driver.ts drivers/asterisk/entry.ts drivers/freeswitch/entry.ts drivers/relay/entry.ts drivers/sip/entry.ts type:core/line.ts valibot | the registry knows one file of each driver
  simulator/               | node bun | it plays the switch: code shared with telesetd could not test telesetd
`;

interface Rule {
  readonly place: string;
  readonly may: readonly string[];
  readonly why: string;
}

const rules = table.trim().split("\n").map((line): Rule => {
  const [place = "", may = "", why = ""] = line.split("|").map((cell) => cell.trim());
  return { place, may: may.split(" ").filter((target) => target !== ""), why };
});

function ruleOf(path: string): Rule | undefined {
  const around = rules.filter(({ place }) => place.endsWith("/") ? path.startsWith(place) : path === place);
  return around.toSorted((a, b) => b.place.length - a.place.length)[0];
}

/** A file's folder, two levels deep (`src/core`, `drivers/sip`); a file directly below src or drivers is its own group. */
function folderOf(path: string): string {
  const parts = path.split("/");
  return parts.length > 2 ? parts.slice(0, 2).join("/") : path;
}

/** Each package is used in one named place, so that replacing it concerns one file. */
const packages: Record<string, { readonly places: RegExp; readonly why: string }> = {
  modesl: { places: /^drivers\/freeswitch\/wire\/link\.ts$/, why: "its holes are closed in one file" },
  "drachtio-srf/lib/drachtio-agent.js": { places: /^drivers\/sip\/wire\/stack\.ts$/, why: "its holes are closed in one file" },
  "drachtio-srf/lib/sip-parser/message.js": {
    places: /^drivers\/sip\/wire\/stack\.ts$/,
    why: "its holes are closed in one file",
  },
  "drachtio-srf/lib/wire-protocol.js": { places: /^drivers\/sip\/wire\/stack\.ts$/, why: "its holes are closed in one file" },
  "@nats-io/transport-node": { places: /^src\/broker\/nats\.ts$/, why: "its holes are closed in one file" },
  debug: { places: /^drivers\/sip\/wire\/quiet\.ts$/, why: "drachtio-srf writes through it; it is silenced in one file" },
  hono: {
    places: /^src\/(cctsdk\/routes|http\/.*|page\/.*|fleet\/(page\/.*|serve)|commands\/rehearsal\/page\/routes)\.tsx?$/,
    why: "what a callout means does not depend on a web framework",
  },
  "hono/cookie": { places: /^src\/page\/login\.tsx$/, why: "only the page has sessions" },
  "hono/html": { places: /^src\/(page|fleet\/page|commands\/rehearsal\/page)\//, why: "only the pages are HTML" },
  "hono/jsx": { places: /^src\/(page|fleet\/page|commands\/rehearsal\/page)\//, why: "only the pages are HTML" },
  "hono/utils/html": { places: /^src\/page\//, why: "only the page is HTML" },
  "@hono/node-server": { places: /^src\/http\/server\.ts$/, why: "one file makes the servers" },
  "@hono/node-server/conninfo": { places: /^src\/http\/(listener|loopback|site)\.ts$/, why: "only listeners know the sockets" },
  "bun:sqlite": {
    places: /^src\/store\/(sqlite|calls|destinations|dials|open|inspect|lock)\.ts$/,
    why: "the store knows SQLite; one file looks without a trace, one only locks",
  },
  commander: { places: /^src\/cli\.ts$/, why: "commands are functions; how a line is read is the table's business" },
  "ipaddr.js": { places: /^src\/platform\/address\.ts$/, why: "what an address is, is decided once" },
  "jsonc-parser": { places: /^src\/config\/text\.ts$/, why: "only the configuration is written by hand" },
  "fastest-levenshtein": {
    places: /^src\/(config\/problems|cctsdk\/decode)\.ts$/,
    why: "a did-you-mean for keys and for callouts",
  },
  "@valibot/to-json-schema": { places: /^src\/config\/json-schema\.ts$/, why: "the daemon makes no JSON Schema" },
  valibot: {
    places:
      /^(src\/fleet\/(admin|signed)|src\/config\/(broker|fleet|image|json-schema|parse|problems|relay|schema|secrets|setting|settings|wire)|drivers\/(driver|registry|blueprint)|drivers\/[^/]+\/config|drivers\/shared\/settings)\.ts$/,
    why: "schemas are for what people write, and for what boxes and the administrator send",
  },
};

function allowed({ to, typeOnly }: Import, { path }: Source, { place, may }: Rule): boolean {
  const own = place === "simulator/" ? place : `${folderOf(path)}/`;
  if (place.endsWith("/") && to.startsWith(own)) return true;
  return may.some((given) => {
    const what = given.replace(/^type:/, "");
    if (what !== given && !typeOnly) return false;
    const where = what.startsWith("drivers/") ? what : `src/${what}`;
    if (what.endsWith("/")) return to.startsWith(where);
    return /\.tsx?$/.test(what) ? to === where : to === what || to.startsWith(`${what}/`) || to.startsWith(`${what}:`);
  });
}

describe("imports:", () => {
  const places = files.flatMap((source) => {
    const rule = ruleOf(source.path);
    return rule ? [{ path: source.path, why: rule.why, source, rule }] : [];
  });
  test.each(places)("$path, for $why", ({ source, rule }) => {
    expect(source.imports.filter((imported) => !allowed(imported, source, rule))).toEqual([]);
  });

  test("every rule applies to a file", () => {
    expect(rules.filter((rule) => !files.some(({ path }) => ruleOf(path) === rule)).map(({ place }) => place)).toEqual([]);
  });

  test("only the composition and the commands have no rule", () => {
    const free = files.map(({ path }) => path).filter((path) => ruleOf(path) === undefined);
    expect(free.filter((path) => !/^src\/(app|main|cli|version|commands\/.*)(\.ts)?$/.test(path))).toEqual([]);
  });

  test("only the composition root and the commands know the drivers", () => {
    const knowing = files.filter(({ path, imports }) =>
      path.startsWith("src/") && imports.some(({ to }) => to.startsWith("drivers/"))
    );
    expect(knowing.map(({ path }) => path).filter((path) => !/^src\/(app\.ts|commands\/)/.test(path))).toEqual([]);
  });

  test("only one file of telesetd uses the XML library", () => {
    expect(files.filter(({ path, text }) => path.startsWith("src/") && /\bBun\.XML\b/.test(codeOf(text))).map(({ path }) => path))
      .toEqual([
        "src/platform/xml.ts",
      ]);
  });

  test("there are no import cycles, types included", () => expect(ringIn(files)).toBeUndefined());

  test("there are no cycles between folders, types included", () => {
    const folders = Map.groupBy(files, ({ path }) => folderOf(path));
    const graph = [...folders].map(([path, inside]) => ({
      path,
      imports: inside.flatMap(({ imports }) => imports).map(({ to, typeOnly }) => ({ to: folderOf(to), typeOnly }))
        .filter(({ to }) => to !== path),
    }));
    expect(ringIn(graph)).toBeUndefined();
  });

  test("there are no imports with computed names", () => {
    expect(files.filter(({ text }) => /\b(import|require)\(\s*[^"'\s)]/.test(codeOf(text))).map(({ path }) => path)).toEqual([]);
  });
});

describe("packages:", () => {
  const used = new Set(
    files.flatMap(({ imports }) => imports.map(({ to }) => to)).filter((to) =>
      /^[a-z@]/.test(to) && !/^(src|drivers|simulator|node:|package\.json)/.test(to)
    ),
  );
  test.each([...used].toSorted().map((name) => [name, packages[name]] as const))("%s is used only in its place", (name, rule) => {
    const elsewhere = files.filter(({ path, imports }) => imports.some(({ to }) => to === name) && !rule?.places.test(path));
    expect(elsewhere.map(({ path }) => path)).toEqual([]);
  });
  test("every package with a place is used", () => expect(Object.keys(packages).filter((name) => !used.has(name))).toEqual([]));
});

/** The files below a folder whose code contains a word. */
function holding(folder: string, word: string): string[] {
  const banned = new RegExp(`(?<![\\w.])${word.replace(".", "\\.")}${word.endsWith(".") ? "" : "\\b"}`);
  return files.filter(({ path, text }) => path.startsWith(folder) && banned.test(codeOf(text))).map(({ path }) => path);
}

describe("the core is pure:", () => {
  const bans = {
    Date: "time is an input",
    "Math.random": "chance is an input",
    crypto: "ids are an input",
    performance: "time is an input",
    console: "log entries are effects",
    process: "it has no environment",
    Bun: "it runs anywhere",
    await: "it never waits",
    async: "it never waits",
    "Promise.": "it never waits",
    "new Promise": "it never waits",
    setTimeout: "timers are effects",
    setInterval: "timers are effects",
    fetch: "it has no environment",
    globalThis: "it has no environment",
  };
  test.each(Object.entries(bans))("no %s: %s", (word) => expect(holding("src/core/", word)).toEqual([]));
});

describe("drivers use only their injected timers:", () => {
  const bans = ["setTimeout", "setInterval", "setImmediate", "performance", "Date", "Math.random", "AbortSignal.timeout"];
  test.each(bans)("no %s", (word) => expect(holding("drivers/", word)).toEqual([]));
});

test("no file has more than 400 lines", () => {
  const bench = sources("bench").filter(({ path }) => !path.includes("/peers/"));
  const long = [...files, ...sources("test"), ...bench].filter(({ text }) => text.split("\n").length > 401);
  expect(long.map(({ path, text }) => `${path}: ${text.split("\n").length - 1} lines`)).toEqual([]);
});

describe("the import parser finds", () => {
  const cases: [string, string, Import[]][] = [
    ["names", 'import { a, type B } from "./x.ts";', [{ to: "./x.ts", typeOnly: false }]],
    ["a type import", 'import type { A } from "./x.ts";', [{ to: "./x.ts", typeOnly: true }]],
    ["names that are all types", 'import { type A, type B } from "./x.ts";', [{ to: "./x.ts", typeOnly: true }]],
    ["a namespace import", 'import * as v from "valibot";', [{ to: "valibot", typeOnly: false }]],
    ["a default", 'import x from "./x.json" with { type: "json" };', [{ to: "./x.json", typeOnly: false }]],
    ["a default and names", 'import x, { type A } from "x";', [{ to: "x", typeOnly: false }]],
    ["several lines", 'import {\n  a,\n  b,\n} from "x";', [{ to: "x", typeOnly: false }]],
    ["re-exports", 'export { a } from "x";\nexport * from "y";', [{ to: "x", typeOnly: false }, {
      to: "y",
      typeOnly: false,
    }]],
    ["re-exported types", 'export type { A } from "x";', [{ to: "x", typeOnly: true }]],
    ["a side effect", 'import "x";', [{ to: "x", typeOnly: false }]],
    ["an import at run time", 'const x = await import("x");', [{ to: "x", typeOnly: false }]],
    ["no import in comments and texts", '// import { a } from "x";\n * import "y";\nconst s = \'from "z"\';', []],
  ];
  test.each(cases)("%s", (_, text, imports) => expect(importsOf(text)).toEqual(imports));

  test("cycles of one, two and three files", () => {
    const file = (path: string, ...to: string[]) => ({ path, imports: to.map((name) => ({ to: name, typeOnly: true })) });
    expect(ringIn([file("a", "b"), file("b", "c"), file("c", "a")])).toEqual(["a", "b", "c", "a"]);
    expect(ringIn([file("a", "a")])).toEqual(["a", "a"]);
    expect(ringIn([file("a", "b", "c"), file("b", "c"), file("c", "valibot")])).toBeUndefined();
  });

  test.each([
    ['x; // Date\n/* await */ "console" `fetch`', 'x; \n "" ""'],
    ["'a\\'b' + c", '"" + c'],
  ])("the code of %j without comments and texts", (text, code) => expect(codeOf(text).replace(/ +\n/g, " \n")).toBe(code));
});
