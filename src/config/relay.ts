/** The configuration of a relay (`telesetd relay`): a file of its own beside the configuration of a box. */
import { readFileSync } from "node:fs";
import * as z from "zod";
import { readServer } from "../broker/broker.ts";
import { prefixPattern, usualPrefix } from "../broker/subjects.ts";
import { messageOf } from "../platform/text.ts";
import {
  cidr,
  ConfigError,
  desk,
  lineSchema,
  type LineSchemas,
  log,
  numbers,
  page,
  port,
  screenPopKeys,
  toJsonSchema,
} from "./schema.ts";
import { listedTwice, parseBy } from "./parse.ts";
import { Secrets } from "./secrets.ts";
import { configError, parseJson } from "./text.ts";

const server = z.string().refine((url) => readServer(url) !== undefined, "expected a server such as tls://10.1.0.5:4222");

const dial = z.strictObject({
  perMinute: z.int().positive().default(20).meta({ description: "maximum number of dials from one desk per minute" }),
  perDay: z.int().positive().default(1000).meta({ description: "maximum number of dials from one desk in 24 hours" }),
  agentPerMinute: z.int().positive().default(30).meta({
    description: "maximum number of changes of an agent's state from one desk per minute",
  }),
});

/** An id, or its beginning followed by `*`. */
const deskPattern = z.string().regex(/^(\d{1,20}|\d{0,19}\*)$/, "expected an extension, or its beginning and *, such as 10*");
const agentPattern = z.string().regex(
  /^([^*]{1,100}|[^*]{0,99}\*)$/,
  "expected an agent id, or its beginning and *, such as 70*",
);

const http = z.strictObject({
  host: z.string().default("0.0.0.0").meta({ description: "address to listen on" }),
  port: port.default(8092).meta({ description: "port to listen on" }),
  hostNames: z.array(z.string().min(1)).default([]).meta({
    description: "host names of the relay that a request may have in its Host header",
  }),
  monitorAllow: z.array(cidr).default([]).meta({ description: "further addresses that may read /readyz and /metrics" }),
  page: page.optional().meta({ description: "the page of the fleet at /ui/; absent: there is none" }),
});

const section = z.strictObject({
  name: z.string().regex(/^[A-Za-z0-9_-]{1,32}$/, "expected letters, digits, - or _").default("a").meta({
    description: "the name of this relay among those of the site",
  }),
  rank: z.int().min(0).max(1000).default(1).meta({ description: "boxes follow the relay with the lowest rank" }),
  servers: z.array(server).min(1).meta({
    description: "the NATS servers: tls://HOST:PORT, or nats://HOST:PORT without encryption",
  }),
  ca: z.string().min(1).optional().meta({
    description: "the certificate, as PEM text or the path of a file, that must have signed that of the server",
    secret: true,
  }),
  credentials: z.string().min(1).optional().meta({
    description: "the credentials of the relay: the text of a .creds file or its path, a seed, or user:password",
    secret: true,
  }),
  prefix: z.string().regex(prefixPattern, "expected letters, digits and - _ . such as tele").default(usualPrefix).meta({
    description: "the first part of all subjects, one for each PBX",
  }),
  desks: z.union([z.array(desk).min(1), z.strictObject({ file: z.string().min(1) })]).meta({
    description: 'the desks, as in the configuration of a box, or {"file": PATH} of a JSON file with that list',
  }),
  variables: z.array(z.string().min(1)).default([...screenPopKeys]).meta({
    description: "the channel variables whose values boxes may send to the CRM (screenPop.data)",
  }),
  dial: dial.prefault({}),
  agents: z.record(deskPattern, z.array(agentPattern)).optional().meta({
    description:
      'which agents may log in at which desks: {"1001": ["7"], "20*": ["70*"]}; required if the name of an agent contains {agent} (line.acdAgent), because then the box chooses it',
  }),
  configKey: z.string().min(1).optional().meta({
    description: "the public key that signs pushed configurations (telesetd fleet init)",
  }),
  http: http.optional().meta({ description: "the page and the metrics of the fleet; absent: there are none" }),
});

function schemaWith<L extends z.ZodType>(line: L) {
  return z.strictObject({
    $schema: z.string().optional(),
    relay: section.meta({ description: "the relay" }),
    line: line.meta({ description: "the switch" }),
    numbers: numbers.prefault({}),
    log: log.prefault({}),
  });
}

/** The JSON Schema of the section `relay`, for the reference page. */
export function relayJsonSchema(): unknown {
  return toJsonSchema(z.strictObject({ relay: section }));
}

type Parsed = z.infer<ReturnType<typeof schemaWith<z.ZodObject<{ driver: z.ZodString }, z.core.$loose>>>>;

/** A desk of a relay. */
export type RelayDesk = z.infer<typeof desk>;

/** A checked configuration of a relay, with its desks. */
export type RelayConfig = Omit<Parsed, "relay"> & {
  readonly relay: Omit<Parsed["relay"], "desks"> & { readonly desks: readonly RelayDesk[] };
};

/** Whether a file is the configuration of a relay, and not that of a box. */
export function isRelayConfig(text: string): boolean {
  try {
    const raw: unknown = parseJson(text);
    return typeof raw === "object" && raw !== null && "relay" in raw;
  } catch {
    return false;
  }
}

/**
 * Parses the text of a relay's configuration, and reads the file of its desks.
 * @param lines the drivers' schemas.
 * @param environment contains CREDENTIALS_DIRECTORY if there are credentials.
 * @throws ConfigError with all errors.
 */
export function parseRelayConfig(
  given: string,
  lines: LineSchemas,
  environment: Record<string, string | undefined>,
): RelayConfig {
  const text = given.replace(/^\uFEFF/, "");
  const raw = parseJson(text);
  const schema = schemaWith(lineSchema(raw, lines));
  const twice = listedTwice((raw as { relay?: unknown } | null)?.relay, ["relay"]);
  const config = parseBy(schema, text, new Secrets(schema, environment), twice) as Parsed;
  const { desks } = config.relay;
  return { ...config, relay: { ...config.relay, desks: Array.isArray(desks) ? desks : desksIn(desks.file, text) } };
}

/** The desks in a file. @throws ConfigError */
function desksIn(file: string, text: string): RelayDesk[] {
  const problem = (what: string) =>
    configError(text, [{ path: ["relay", "desks", "file"], text: `relay.desks.file ${file}: ${what}` }]);
  let list: string;
  try {
    list = readFileSync(file, "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw problem(`cannot read it: ${code === "ENOENT" ? "there is no such file" : messageOf(error)}`);
  }
  try {
    const desks = parseJson(list);
    const schema = z.strictObject({ desks: z.array(desk).min(1) });
    const wrapped = JSON.stringify({ desks });
    return (parseBy(schema, wrapped, new Secrets(schema, {}), listedTwice({ desks }, [])) as z.infer<typeof schema>).desks;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw problem(error.problems.join("; "));
  }
}
