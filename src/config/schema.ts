/**
 * The one schema of the configuration: type, default, meaning, secret, and a renamed key's former name. It gives the parser
 * (every error at once, with its path), the JSON Schema (`telesetd schema`) and the reference page. The part below `line`
 * belongs to the driver.
 */
import { createHash } from "node:crypto";
import * as z from "zod";
import { normaliseRange } from "../platform/address.ts";
import { type Beside, Secrets } from "./secrets.ts";
import { configError, givenTwice, parseJson, pathText, type Problem, sentences } from "./text.ts";
import { answerForm, eventForm, parameterAliases } from "./wire.ts";
import { logLevels } from "../log/log.ts";

export { ConfigError } from "./text.ts";

const port = z.int().min(1).max(65535);

/** A regular expression, compiled; an invalid one is an error with its path. */
const pattern = z.string().transform((text, context) => {
  try {
    return new RegExp(text);
  } catch (error) {
    context.addIssue({ code: "custom", message: `expected a regular expression: ${(error as Error).message}` });
    return z.NEVER;
  }
});
const oneOrMore = <T extends z.ZodType>(item: T) =>
  z.preprocess((value) => (typeof value === "string" ? [value] : value), z.array(item));
const patterns = oneOrMore(pattern);

/** A number, which matches with or without a plus, 00 or the 1 of North America in front; otherwise a regular expression. */
const numberOrPattern = z.string().min(1).transform((text) =>
  /^\+?\d[\d -]*$/.test(text) ? `^(?:\\+|00)?1?${text.replace(/\D/g, "")}$` : text
).pipe(pattern);

const rewriting = {
  match: pattern.meta({ description: "regular expression that the number must match" }),
  replace: z.string().meta({ description: "the replacement; $1 is the first group" }),
};
const rule = z.strictObject({
  ...rewriting,
  direction: z.enum(["inbound", "outbound", "both"]).default("both").meta({ description: "the calls that the rule applies to" }),
});

const when = z.enum(["ring", "answer", "never"]);

/** The ten optional ScreenPop keys of Oracle's Basic Telephony document, in its spelling. */
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
  extension: z.string().regex(/^\d{1,20}$/, "expected digits").meta({
    description: "the extension of the phone, telesetNumber in UWQ",
  }),
  aliases: z.array(z.string().regex(/^[^\s@]+@[^\s@]+$/, "expected user@domain")).default([]).meta({
    description: "further presence ids (user@domain) of the same handset",
  }),
});

/** The default of http.allow: loopback, private and link-local ranges. */
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

const cidr = z.string().refine((text) => normaliseRange(text) !== undefined, "expected an address or a range such as 10.1.0.0/16")
  .meta({
    pattern: "^[0-9a-fA-F.:]+(\\/\\d{1,3})?$",
  });

/** Paths of the box itself, which a prefix must not begin with. */
const ownPaths = "healthz|readyz|metrics";

/** The valid values of `http.prefix`. */
export const prefixPattern = new RegExp(`^(?!/(${ownPaths})(/|$))/[A-Za-z0-9._~/-]*[A-Za-z0-9._~-]$`);

const http = z.strictObject({
  host: z.string().default("0.0.0.0").meta({ description: "address to listen on" }),
  port: port.default(8090).meta({ description: "port to listen on, the same as in UWQ's URL" }),
  prefix: z.string().regex(/^\/[A-Za-z0-9._~\/-]*[A-Za-z0-9._~-]$/, "expected a path such as /k3y").regex(
    new RegExp(`^(?!/(${ownPaths})(/|$))`),
    "expected a path that telesetd does not use itself, such as /k3y",
  ).optional().meta({
    description: "secret path before the callouts (recommended): with /k3y UWQ calls http://BOX:8090/k3y/?FunctionName=...",
    secret: true,
  }),
  allow: z.array(cidr).default([...privateRanges]).meta({ description: "addresses that may send callouts" }),
  monitorAllow: z.array(cidr).default([]).meta({
    description: "further addresses that may read /healthz, /readyz and /metrics; the box itself always may",
    formerly: "monitors",
  }),
  hostNames: z.array(z.string().min(1)).default([]).meta({
    description: "host names of the box that a request may have in its Host header; addresses and localhost are always accepted",
    formerly: "names",
  }),
  allowBrowsers: z.boolean().default(false).meta({
    description: "accept requests of web browsers, to test callouts by hand",
    formerly: "browsers",
  }),
  perSecond: z.number().positive().default(50).meta({
    description: "maximum number of callouts per second from one address; more get 429",
  }),
  burst: z.int().positive().default(200).meta({
    description: "maximum number of callouts in one burst from one address, before perSecond applies",
  }),
  connections: z.int().min(1).max(10000).default(64).meta({ description: "maximum number of open connections; more get 503" }),
  parameters: parameterAliases.default({}).meta({
    description: 'further names that UWQ uses for parameters of callouts, by Oracle\'s name: {"dialString": ["number"]}',
  }),
  answer: answerForm.prefault({}).meta({
    description: "the form of answers to callouts, if UWQ expects another one (docs/cctsdk.md)",
  }),
});

const crm = z.strictObject({
  port: port.optional().meta({
    description: "UWQ's port for a Register without one; if absent, such a Register is an error",
  }),
  ...eventForm,
  timeoutSeconds: z.number().positive().max(60).default(5).meta({ description: "deadline of one POST, in seconds" }),
  errorEvents: z.boolean().default(false).meta({
    description: "post an Error event when a dial fails after MakeCall was answered",
  }),
  telephonyEvents: z.boolean().default(false).meta({
    description: "post TelephonyDisabled when the line is lost and TelephonyEnabled when it is back",
  }),
  registerAllow: z.array(cidr).default([]).meta({
    description: "addresses that a Register may contain although it comes from another address",
    formerly: "allow",
  }),
});

const screenPop = z.strictObject({
  inbound: when.default("ring").meta({ description: "when a call from outside sends ScreenPop: ring, answer or never" }),
  outbound: when.default("ring").meta({
    description: "when a call to the outside sends ScreenPop: ring (the far end is being called), answer or never",
  }),
  internal: when.default("never").meta({
    description: "when a call between colleagues sends ScreenPop; it never contains a number",
  }),
  data: z.record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,49}$/, "expected a name of letters, digits and _"), z.string().min(1))
    .default(
      Object.fromEntries(screenPopKeys.map((key) => [key, key])),
    ).meta({
      description:
        "ScreenPop data by name, each from a channel variable; the default is Oracle's ten names, from variables of the same names",
    }),
  dnis: z.enum(["extension", "dialled"]).default("extension").meta({
    description: "occtDNIS: the extension of the desk, or the number that the caller dialled",
  }),
  onPartyChange: z.enum(["keep", "new"]).default("keep").meta({
    description:
      "when another outside number replaces the first one on a call, as with a dialler that bridges customers to the desk: " +
      "keep the first ScreenPop, or send CallReleased and a new ScreenPop with its own id",
  }),
});

/** The spellings of "anonymous", "restricted", "blocked", "unknown" and "unavailable" on a telephone keypad. */
const keypadWords = ["266696687", "7378742833", "2562533", "8656696", "86282452253"];

const numbers = z.strictObject({
  internal: patterns.prefault("^\\d{2,5}$").meta({
    description: "internal numbers (regular expressions); a short number is also tried without a + or 00 in front",
  }),
  withheld: oneOrMore(numberOrPattern).prefault(keypadWords).meta({
    description:
      "callers' numbers that stand for a withheld number, with or without +, 00 or 1 in front (or regular expressions); the " +
      "default is the keypad spellings of anonymous, restricted, blocked, unknown and unavailable",
  }),
  fromIdentity: z.array(z.strictObject({
    ...rewriting,
    match: pattern.meta({ description: "regular expression that the identity must match, as the switch reports it" }),
  })).default([]).meta({
    description:
      "rules for a caller's identity before telesetd decides whether it is a number (Sales:4155550123); the first match wins",
  }),
  toCrm: z.array(rule).default([]).meta({ description: "rewrite rules for occtANI; the first match wins" }),
  toDial: z.array(rule).default([]).meta({ description: "rewrite rules for dialString; the first match wins" }),
  deny: patterns.default([]).meta({ description: "numbers that MakeCall refuses" }),
  allow: patterns.default([]).meta({ description: "if not empty: the only numbers that MakeCall accepts" }),
  emergency: patterns.prefault("^9?(112|911)$").meta({
    description: "emergency numbers, exempt from all limits and patterns",
  }),
});

const agent = z.strictObject({
  verify: z.enum(["none", "config", "directory"]).default("none").meta({
    description: "how a Login's password is verified: not at all, by agent.passwordHashes, or by the switch's directory",
  }),
  passwordHashes: z.record(z.string(), z.string().startsWith("$argon2id$", "expected the output of telesetd hash-password"))
    .default({})
    .meta({
      description: "argon2id hashes by agent id, generated by telesetd hash-password",
      formerly: "hashes",
      secret: true,
    }),
  afterCall: z.enum(["not-ready", "nothing"]).default("not-ready").meta({
    description:
      "after an answered queue call: not-ready until the agent asks for work (Oracle's rule), or nothing, which keeps the state; only with line.acd",
  }),
});

const dial = z.strictObject({
  perMinute: z.int().positive().default(20).meta({ description: "maximum number of dials by MakeCall from one desk per minute" }),
  perDay: z.int().positive().default(1000).meta({
    description: "maximum number of dials by MakeCall from one desk in 24 hours, counted from the first",
  }),
  whileOnCall: z.boolean().default(true).meta({ description: "whether a desk may dial a second call during a call" }),
  registeredOnly: z.boolean().default(true).meta({ description: "whether only the agent registered at the desk may dial" }),
});

/** The default of store.path. */
export const usualStore = "/var/lib/telesetd/telesetd.db";

const store = z.strictObject({
  path: z.string().min(1).default(usualStore).meta({ description: "SQLite file" }),
  keepDays: z.number().positive().max(3650).default(7).meta({
    description: "how long finished events are kept on record, in days",
  }),
  keepRecords: z.int().min(0).max(1_000_000).default(10_000).meta({
    description: "maximum number of finished events kept on record",
    formerly: "keepEvents",
  }),
});

const outbox = z.strictObject({
  screenPopSeconds: z.number().positive().default(120).meta({
    description: "how long delivery of a ScreenPop is attempted, in seconds",
  }),
  callEventHours: z.number().positive().default(24).meta({
    description: "how long delivery of CallEstablished and CallReleased is attempted, in hours",
    formerly: "otherHours",
  }),
  maxEvents: z.int().min(10).max(1_000_000).default(10_000).meta({
    description: "maximum number of pending events; when there are more, the oldest are discarded",
    formerly: "atMost",
  }),
});

const log = z.strictObject({ level: z.enum(logLevels).default("info").meta({ description: "the log level" }) });

/** The schema with a driver's part under `line`. */
function schemaWith<L extends z.ZodType>(line: L) {
  return z.strictObject({
    $schema: z.string().optional().meta({ description: "the JSON Schema, for editors" }),
    desks: z.array(desk).min(1).meta({ description: "the desks of this box" }),
    line: line.meta({ description: "the switch" }),
    http: http.prefault({}),
    crm: crm.prefault({}),
    screenPop: screenPop.prefault({}),
    numbers: numbers.prefault({}),
    agent: agent.prefault({}),
    dial: dial.prefault({}),
    store: store.prefault({}),
    outbox: outbox.prefault({}),
    log: log.prefault({}),
  });
}

/** Finds extensions that are listed twice, whatever other errors there are. */
function listedTwice(raw: unknown): Problem[] {
  const desks = (raw as { desks?: unknown } | null)?.desks;
  const extensions: unknown[] = Array.isArray(desks) ? desks.map((desk) => desk?.extension) : [];
  return extensions.flatMap((extension, index) =>
    typeof extension === "string" && extensions.indexOf(extension) < index
      ? [{ path: ["desks", index, "extension"], text: `desks[${index}].extension: ${extension.slice(0, 40)} is listed twice` }]
      : []
  );
}

/** A checked configuration with all defaults; `line` is the output of the driver's schema. */
export type Config = z.infer<ReturnType<typeof schemaWith<typeof anyLine>>>;

const anyLine = z.looseObject({ driver: z.string() });

/** The schemas of the drivers' parts, by driver name. */
export type LineSchemas = Readonly<Record<string, z.ZodObject>>;

/**
 * Parses the text of a configuration file.
 * @param given JSON. Any secret may be `{"file": "path"}` or `{"credential": "name"}` instead of text.
 * @param lines the drivers' schemas.
 * @param environment contains CREDENTIALS_DIRECTORY if there are credentials.
 * @param beside the folder of secrets, if the configuration is on a boot partition.
 * @throws ConfigError with all errors.
 */
export function parseConfig(
  given: string,
  lines: LineSchemas,
  environment: Record<string, string | undefined>,
  beside?: Beside,
): Config {
  // Editors on Windows add a byte order mark.
  const text = given.replace(/^\uFEFF/, "");
  const raw = parseJson(text);
  const schema = schemaWith(lineSchema(raw, lines));
  const secrets = new Secrets(schema, environment, beside);
  const result = schema.safeParse(secrets.filledIn(raw), { reportInput: true });
  const problems = [...secrets.problems.values(), ...givenTwice(text), ...listedTwice(raw)];
  if (!result.success) {
    const others = result.error.issues.filter(({ path }) => !secrets.problems.has(pathText(path)));
    problems.push(...others.flatMap((issue) => sentences(issue, schema)));
  }
  if (!result.success || problems.length > 0) throw configError(text, problems);
  return result.data as Config;
}

/**
 * A fingerprint of 16 bits, as four hexadecimal digits, which shows whether two configurations are the same. It includes the
 * secrets and is shown without a password: with more bits, a guessed secret could be tested.
 */
export function fingerprint(config: Config): string {
  const text = JSON.stringify(config, (_, value: unknown) => value instanceof RegExp ? String(value) : value);
  return createHash("sha256").update(text).digest("hex").slice(0, 4);
}

/**
 * Replaces references to files in this folder by the secrets in them, because the folder is on a card that may be removed.
 * Returns the same text if there are none.
 * @throws ConfigError if a file cannot be read, or the text is not JSON.
 */
export function withSecretsFrom(folder: string, text: string, lines: LineSchemas): { text: string; files: readonly string[] } {
  const raw = parseJson(text);
  const beside = { folder, only: true, files: new Set<string>() };
  const secrets = new Secrets(schemaWith(lineSchema(raw, lines)), {}, beside);
  const filled = secrets.filledIn(raw);
  if (secrets.problems.size > 0) throw configError(text, [...secrets.problems.values()]);
  if (beside.files.size === 0) return { text, files: [] };
  return { text: `${JSON.stringify(filled, null, 2)}\n`, files: [...beside.files] };
}

/** The JSON Schema of the configuration, for editors and for `telesetd schema`. */
export function jsonSchema(lines: LineSchemas): unknown {
  const schema = schemaWith(z.discriminatedUnion("driver", Object.values(lines) as [z.ZodObject, ...z.ZodObject[]]));
  return z.toJSONSchema(schema, {
    io: "input",
    override: ({ jsonSchema }) => {
      delete jsonSchema["formerly"];
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
