/**
 * The one schema of the configuration: type, default, meaning, secret. It gives the parser (every error at once, with its
 * path), the JSON Schema (`telesetd schema`) and the reference page. The part below `line` belongs to the driver.
 */
import { closest, distance } from "fastest-levenshtein";
import { type ParseError, parseTree, printParseErrorCode } from "jsonc-parser";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as z from "zod";
import { logLevels } from "./log.ts";

const port = z.int().min(1).max(65535);

/** A regular expression, compiled; a bad one is an error with its path. */
const pattern = z.string().transform((text, context) => {
  try {
    return new RegExp(text);
  } catch (error) {
    context.addIssue({ code: "custom", message: `want a regular expression: ${(error as Error).message}` });
    return z.NEVER;
  }
});
const patterns = z.preprocess((value) => (typeof value === "string" ? [value] : value), z.array(pattern));

const rule = z.strictObject({
  match: pattern.meta({ description: "regular expression that the number must match" }),
  replace: z.string().meta({ description: "what it becomes; $1 is the first group" }),
  direction: z.enum(["inbound", "outbound", "both"]).default("both").meta({ description: "the calls that it is for" }),
});

const when = z.enum(["ring", "answer", "never"]);

/** The ten optional ScreenPop keys of Oracle's Basic Telephony document, spelt as it spells them. */
export const screenPopKeys = [
  "CustomerID",
  "ContactNum",
  "ScreenPopType",
  "occtClassification",
  "AccountNum",
  "EventCode",
  "ServiceRequestNum",
  "COMPAIGN_SCHEDULE_NAME",
  "lastOperationCode",
  "language",
] as const;

const desk = z.strictObject({
  extension: z.string().regex(/^\d{1,20}$/, "want digits").meta({ description: "the extension, which UWQ calls telesetNumber" }),
  aliases: z.array(z.string().regex(/^[^\s@]+@[^\s@]+$/, "want user@domain")).default([]).meta({
    description: "further presence ids (user@domain) of the same handset",
  }),
});

/** Sources of callouts that are allowed by default: loopback, private and link-local ranges. */
export const privateRanges = [
  "127.0.0.0/8",
  "10.0.0.0/8",
  "172.16.0.0/12",
  "192.168.0.0/16",
  "169.254.0.0/16",
  "::1/128",
  "fc00::/7",
  "fe80::/10",
] as const;

const cidr = z.string().regex(/^[0-9a-fA-F.:]+(\/\d{1,3})?$/, "want an address or a range such as 10.1.0.0/16");

const http = z.strictObject({
  host: z.string().default("0.0.0.0").meta({ description: "address to listen on" }),
  port: port.default(8090).meta({ description: "port to listen on, the one in UWQ's URL" }),
  prefix: z.string().regex(/^\/[A-Za-z0-9._~\/-]*[A-Za-z0-9._~-]$/, "want a path such as /k3y").optional().meta({
    description: "secret path before the callouts (recommended): with /k3y UWQ calls http://BOX:8090/k3y/?FunctionName=...",
    secret: true,
  }),
  allow: z.array(cidr).default([...privateRanges]).meta({ description: "addresses that may send callouts" }),
  names: z.array(z.string().min(1)).default([]).meta({ description: "host names of the box that a Host header may carry" }),
  browsers: z.boolean().default(false).meta({
    description: "accept requests that look like a browser's, to try callouts by hand",
  }),
  perSecond: z.number().positive().default(50).meta({ description: "callouts a second from one address; more get 429" }),
  burst: z.int().positive().default(200).meta({ description: "callouts at once from one address before perSecond counts" }),
  connections: z.int().min(1).max(10000).default(64).meta({ description: "open connections; more are turned away" }),
});

const crm = z.strictObject({
  path: z.string().startsWith("/", "want a path that begins with /").default("/").meta({
    description: "path of the event POSTs",
  }),
  contentType: z.string().default("text/xml; charset=utf-8").meta({ description: "Content-Type of the event POSTs" }),
  timeoutSeconds: z.number().positive().max(60).default(5).meta({ description: "deadline of one POST, in seconds" }),
  allow: z.array(cidr).default([]).meta({
    description: "addresses that a Register may name although it comes from another address",
  }),
});

const screenPop = z.strictObject({
  inbound: when.default("ring").meta({ description: "when a call from outside pops: ring, answer or never" }),
  outbound: when.default("ring").meta({
    description: "when a call to the outside pops: ring (the far end is called), answer or never",
  }),
  internal: when.default("never").meta({ description: "when a call between colleagues pops; it never carries a number" }),
  data: z.record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,49}$/, "want a name of letters, digits and _"), z.string().min(1))
    .default(
      Object.fromEntries(screenPopKeys.map((key) => [key, key])),
    ).meta({ description: "ScreenPop data name to channel variable" }),
  dnis: z.enum(["extension", "dialled"]).default("extension").meta({
    description: "occtDNIS: the desk's extension, or the number that the caller dialled",
  }),
});

const numbers = z.strictObject({
  internal: patterns.prefault("^\\d{2,5}$").meta({ description: "numbers of the house (regular expressions)" }),
  toCrm: z.array(rule).default([]).meta({ description: "rewrite rules for occtANI; the first that matches wins" }),
  toDial: z.array(rule).default([]).meta({ description: "rewrite rules for dialString; the first that matches wins" }),
  deny: patterns.default([]).meta({ description: "numbers that MakeCall refuses" }),
  allow: patterns.default([]).meta({ description: "when not empty: the only numbers that MakeCall accepts" }),
});

const store = z.strictObject({
  path: z.string().min(1).default("/var/lib/telesetd/telesetd.db").meta({ description: "SQLite file" }),
  keepDays: z.number().positive().max(3650).default(7).meta({
    description: "how long events are kept on record once they have ended, in days",
  }),
  keepEvents: z.int().min(0).max(1_000_000).default(10_000).meta({ description: "how many of them at most" }),
});

const outbox = z.strictObject({
  screenPopSeconds: z.number().positive().default(120).meta({ description: "how long a ScreenPop is useful, in seconds" }),
  otherHours: z.number().positive().default(24).meta({
    description: "how long CallEstablished and CallReleased are tried, in hours",
  }),
  atMost: z.int().min(10).max(1_000_000).default(10_000).meta({
    description: "how many events may wait; beyond, the oldest are given up",
  }),
});

const log = z.strictObject({ level: z.enum(logLevels).default("info").meta({ description: "how much is logged" }) });

/** The schema, with the driver's part put in under `line`. */
function schemaWith<L extends z.ZodType>(line: L) {
  return z.strictObject({
    $schema: z.string().optional().meta({ description: "for editors" }),
    desks: z.array(desk).min(1).meta({ description: "the desks of this box" }),
    line: line.meta({ description: "the switch" }),
    http: http.prefault({}),
    crm: crm.prefault({}),
    screenPop: screenPop.prefault({}),
    numbers: numbers.prefault({}),
    store: store.prefault({}),
    outbox: outbox.prefault({}),
    log: log.prefault({}),
  });
}

/** Says which extensions are listed twice; whatever else is wrong. */
function listedTwice(raw: unknown): string[] {
  const desks = (raw as { desks?: unknown } | null)?.desks;
  const extensions: unknown[] = Array.isArray(desks) ? desks.map((desk) => desk?.extension) : [];
  return extensions.flatMap((extension, index) =>
    typeof extension === "string" && extensions.indexOf(extension) < index
      ? [`desks[${index}].extension: ${extension.slice(0, 40)} is listed twice`]
      : []
  );
}

/** A configuration that has been checked, with all defaults; `line` is what the driver's own schema made of it. */
export type Config = z.infer<ReturnType<typeof schemaWith<typeof anyLine>>>;
export type DeskConfig = Config["desks"][number];

const anyLine = z.looseObject({ driver: z.string() });

/** The schemas of the drivers' own parts by driver name. */
export type LineSchemas = Readonly<Record<string, z.ZodObject>>;

/** What is wrong with a configuration: every error at once, each a sentence with its path. */
export class ConfigError extends Error {
  constructor(readonly problems: readonly string[]) {
    super(problems.join("\n"));
  }
}

/**
 * Parses the text of a configuration file.
 * @param text JSON. Any secret may be `{"file": "path"}` or `{"credential": "name"}` instead of text.
 * @param lines the drivers' schemas.
 * @param environment where CREDENTIALS_DIRECTORY is looked up.
 * @throws ConfigError with all that is wrong.
 */
export function parseConfig(text: string, lines: LineSchemas, environment: Record<string, string | undefined>): Config {
  const raw = parseJson(text);
  const schema = schemaWith(lineSchema(raw, lines));
  const secrets = new Secrets(schema, environment);
  const result = schema.safeParse(secrets.filledIn(raw), { reportInput: true });
  const problems = [...secrets.problems.values(), ...listedTwice(raw)];
  if (!result.success) {
    const others = result.error.issues.filter(({ path }) => !secrets.problems.has(pathText(path)));
    problems.push(...others.flatMap((issue) => sentences(issue, schema)));
  }
  if (!result.success || problems.length > 0) throw new ConfigError(problems);
  return result.data as Config;
}

/** The JSON Schema of the configuration, for editors and for `telesetd schema`. */
export function jsonSchema(lines: LineSchemas): unknown {
  const schema = schemaWith(z.discriminatedUnion("driver", Object.values(lines) as [z.ZodObject, ...z.ZodObject[]]));
  return z.toJSONSchema(schema, {
    io: "input",
    override: ({ jsonSchema }) => {
      if (jsonSchema["secret"] !== true) return;
      const { secret: _, description, ...plain } = jsonSchema;
      for (const key of Object.keys(jsonSchema)) delete jsonSchema[key];
      const reference = (key: string) => ({ type: "object", properties: { [key]: { type: "string" } }, required: [key] });
      Object.assign(jsonSchema, { description, anyOf: [plain, reference("file"), reference("credential")] });
    },
  });
}

function lineSchema(raw: unknown, lines: LineSchemas): z.ZodType {
  const driver = (raw as { line?: { driver?: unknown } } | null)?.line?.driver;
  const known = typeof driver === "string" && Object.hasOwn(lines, driver) ? lines[driver] : undefined;
  return known ?? z.looseObject({ driver: z.enum(Object.keys(lines) as [string, ...string[]]) });
}

function parseJson(text: string): unknown {
  const errors: ParseError[] = [];
  const tree = treeOf(text, errors);
  if (errors.length > 0 || tree === undefined) {
    // The first is the cause, what follows mostly its echo.
    const { error, offset } = errors[0] ?? { error: 4, offset: 0 };
    const before = text.slice(0, offset).split("\n");
    const place = `line ${before.length}, column ${(before.at(-1)?.length ?? 0) + 1}`;
    throw new ConfigError([`${place}: not JSON: ${words(printParseErrorCode(error))}`]);
  }
  return JSON.parse(text);
}

function treeOf(text: string, errors: ParseError[]): unknown {
  try {
    return parseTree(text, errors, { disallowComments: true, allowTrailingComma: false });
  } catch (error) {
    // Brackets in brackets by the ten thousand: the parser's own stack is at its end.
    if (error instanceof RangeError) throw new ConfigError(["not JSON: nested too deeply"]);
    throw error;
  }
}

/** "CommaExpected" as people write it. */
function words(code: string): string {
  return code.replace(/([a-z])([A-Z])/g, "$1 $2").toLowerCase();
}

/** Puts the text of `{"file": ...}` and `{"credential": ...}` in the places of secrets, and nowhere else. */
class Secrets {
  /** What went wrong, by path. */
  readonly problems = new Map<string, string>();
  readonly #schema: z.ZodType;
  readonly #environment: Record<string, string | undefined>;

  constructor(schema: z.ZodType, environment: Record<string, string | undefined>) {
    this.#schema = schema;
    this.#environment = environment;
  }

  filledIn(value: unknown, path: readonly PropertyKey[] = []): unknown {
    if (Array.isArray(value)) return value.map((item, index) => this.filledIn(item, [...path, index]));
    if (typeof value !== "object" || value === null) return value;
    const entries = Object.entries(value);
    const [key, target] = entries[0] ?? [];
    const refers = entries.length === 1 && (key === "file" || key === "credential") && typeof target === "string";
    if (refers && isSecret(this.#schema, path)) return this.#read(key, target, pathText(path));
    return Object.fromEntries(entries.map(([name, item]) => [name, this.filledIn(item, [...path, name])]));
  }

  #read(key: "file" | "credential", target: string, path: string): string {
    const directory = this.#environment["CREDENTIALS_DIRECTORY"];
    if (key === "credential" && directory === undefined) {
      const given = `LoadCredential=${target}:...`;
      this.problems.set(
        path,
        `${path} asks for the credential ${target}: want it given by systemd (${given}), and there is none`,
      );
      return "";
    }
    const file = key === "file" ? target : join(directory ?? "", target);
    try {
      return readFileSync(file, "utf8").replace(/\r?\n$/, "");
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code ?? "unknown error";
      this.problems.set(path, `${path} names ${file}: cannot read it: ${code}`);
      return "";
    }
  }
}

function sentences(issue: z.core.$ZodIssue, schema: z.ZodType): string[] {
  const path = pathText(issue.path);
  if (issue.code === "unrecognized_keys") {
    const known = keysAt(schema, issue.path);
    return issue.keys.map((key) => {
      const near = known.length > 0 ? closest(key, known) : undefined;
      const hint = near !== undefined && distance(key, near) <= 3
        ? `: did you mean ${near}?`
        : `: want one of ${known.join(", ")}`;
      return `${pathText([...issue.path, key])} is not a key${hint}`;
    });
  }
  const secret = isSecret(schema, issue.path);
  const input = issue.input;
  if (input === undefined) return [`${path} is missing: ${wanted(issue)}`];
  const shown = secret || typeof input === "object" ? "" : ` is ${String(JSON.stringify(input)).slice(0, 80)}`;
  return [`${path}${shown}: ${wanted(issue)}`];
}

function wanted(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case "invalid_type":
      return `want ${typeWords[issue.expected] ?? issue.expected}`;
    case "invalid_value":
      return `want ${issue.values.map(String).join(" or ")}`;
    case "too_small":
      return `want at least ${issue.minimum}${unit(issue.origin, issue.minimum)}`;
    case "too_big":
      return `want at most ${issue.maximum}`;
    case "invalid_key":
      return issue.issues[0]?.message ?? issue.message;
    default:
      return issue.message;
  }
}

/** The schema's types in words. */
const typeWords: Readonly<Record<string, string>> = {
  object: "an object",
  record: "an object",
  array: "a list",
  string: "text",
  number: "a number",
  int: "a whole number",
  boolean: "true or false",
};

/** What a minimum counts. */
function unit(origin: string, n: number | bigint): string {
  const word = origin === "array" ? " entry" : origin === "string" ? " character" : "";
  return word === "" || Number(n) === 1 ? word : `${word.replace("entry", "entrie")}s`;
}

/** `desks[0].extension`, or `the configuration` for the whole. */
function pathText(path: readonly PropertyKey[]): string {
  const text = path.map((part) => (typeof part === "number" ? `[${part}]` : `.${String(part)}`)).join("").replace(/^\./, "");
  return text === "" ? "the configuration" : text;
}

/** Walks the schema along a path, through defaults and lists. */
function schemaAt(schema: z.ZodType, path: readonly PropertyKey[]): z.ZodType | undefined {
  let at: z.ZodType | undefined = unwrap(schema);
  for (const part of path) {
    if (at instanceof z.ZodArray) at = unwrap(at.element as z.ZodType);
    else if (at instanceof z.ZodObject) {
      const next: z.ZodType | undefined = at.shape[String(part)];
      at = next && unwrap(next);
    } else return undefined;
  }
  return at;
}

function unwrap(schema: z.ZodType): z.ZodType {
  let at: z.ZodType = schema;
  while (at instanceof z.ZodDefault || at instanceof z.ZodPrefault || at instanceof z.ZodOptional) at = at.unwrap() as z.ZodType;
  return at;
}

function keysAt(schema: z.ZodType, path: readonly PropertyKey[]): string[] {
  const at = schemaAt(schema, path);
  return at instanceof z.ZodObject ? Object.keys(at.shape) : [];
}

function isSecret(schema: z.ZodType, path: readonly PropertyKey[]): boolean {
  const parent = schemaAt(schema, path.slice(0, -1));
  if (!(parent instanceof z.ZodObject)) return false;
  const own: z.ZodType | undefined = parent.shape[String(path.at(-1))];
  return own?.meta()?.["secret"] === true || (own !== undefined && unwrap(own).meta()?.["secret"] === true);
}
