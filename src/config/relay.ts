/** The configuration of a relay (`telesetd relay`): a file of its own beside the configuration of a box. */
import { readFileSync } from "node:fs";
import * as v from "valibot";
import { brokerSettings } from "./broker.ts";
import { matching, optional, required, setting, whole } from "./setting.ts";
import { messageOf } from "../platform/text.ts";
import { cidr, ConfigError, desk, lineSchema, type LineSchemas, log, numbers, page, port, screenPopKeys } from "./schema.ts";
import { listedTwice, parseBy } from "./parse.ts";
import { Secrets } from "./secrets.ts";
import { configError, parseJson } from "./text.ts";

const dial = v.strictObject({
  perMinute: setting("maximum number of dials from one desk per minute", whole(1), 20),
  perDay: setting("maximum number of dials from one desk in 24 hours", whole(1), 1000),
  agentPerMinute: setting("maximum number of changes of an agent's state from one desk per minute", whole(1), 30),
});

/** An id, or its beginning followed by `*`. */
const deskPattern = matching(/^(\d{1,20}|\d{0,19}\*)$/, "expected an extension, or its beginning and *, such as 10*");
const agentPattern = matching(/^([^*]{1,100}|[^*]{0,99}\*)$/, "expected an agent id, or its beginning and *, such as 70*");

const http = v.strictObject({
  host: setting("address to listen on", v.string(), "0.0.0.0"),
  port: setting("port to listen on", port, 8092),
  hostNames: setting(
    "host names of the relay that a request may have in its Host header",
    v.array(v.pipe(v.string(), v.nonEmpty())),
    [],
  ),
  monitorAllow: setting("further addresses that may read /readyz and /metrics", v.array(cidr), []),
  page: optional("the page of the fleet at /ui/; absent: there is none", page),
});

/** The section `relay`. */
export const section = v.strictObject({
  name: setting(
    "the name of this relay among those of the site",
    matching(/^[A-Za-z0-9_-]{1,32}$/, "expected letters, digits, - or _"),
    "a",
  ),
  rank: setting("boxes follow the relay with the lowest rank", whole(0, 1000), 1),
  ...brokerSettings,
  desks: required(
    'the desks, as in the configuration of a box, or {"file": PATH} of a JSON file with that list',
    v.union([v.pipe(v.array(desk), v.nonEmpty()), v.strictObject({ file: v.pipe(v.string(), v.nonEmpty()) })]),
  ),
  variables: setting(
    "the channel variables whose values boxes may send to the CRM (screenPop.data)",
    v.array(v.pipe(v.string(), v.nonEmpty())),
    [...screenPopKeys],
  ),
  dial: v.optional(dial, {}),
  agents: optional(
    'which agents may log in at which desks: {"1001": ["7"], "20*": ["70*"]}; required if the name of an agent contains {agent} (line.acdAgent), because then the box chooses it',
    v.record(deskPattern, v.array(agentPattern)),
  ),
  configKey: optional("the public key that signs pushed configurations (telesetd fleet init)", v.pipe(v.string(), v.nonEmpty())),
  http: optional("the page and the metrics of the fleet; absent: there are none", http),
});

function schemaWith<L extends v.GenericSchema>(line: L) {
  return v.strictObject({
    $schema: v.optional(v.string()),
    relay: required("the relay", section),
    line: required("the switch", line),
    numbers: v.optional(numbers, {}),
    log: v.optional(log, {}),
  });
}

type Parsed = v.InferOutput<ReturnType<typeof schemaWith<v.LooseObjectSchema<{ driver: v.StringSchema<undefined> }, undefined>>>>;

/** A desk of a relay. */
export type RelayDesk = v.InferOutput<typeof desk>;

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
    const schema = v.strictObject({ desks: v.pipe(v.array(desk), v.nonEmpty()) });
    const wrapped = JSON.stringify({ desks });
    return (parseBy(schema, wrapped, new Secrets(schema, {}), listedTwice({ desks }, [])) as v.InferOutput<typeof schema>).desks;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw problem(error.problems.join("; "));
  }
}
