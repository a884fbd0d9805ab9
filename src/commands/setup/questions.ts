/** What setup asks, one question after the other, each answer tried at once against the real thing. */
import { domainsOf, type Hop, lineSchemas, type ProbeContext, probeLine } from "../../../drivers/registry.ts";
import { type Config, ConfigError, parseConfig, prefixPattern } from "../../config/schema.ts";
import { openLog } from "../../log/log.ts";
import { tryToConnect } from "../doctor/connect.ts";
import { desksWith, type Draft, extensionsOf, outsideDigits, outsideRule, randomPrefix } from "./draft.ts";
import type { Asker } from "./terminal.ts";
import { systemTimers } from "../../platform/timers.ts";

/** Whom is asked, and where what is found is said. */
export interface Talk {
  readonly asker: Asker;
  readonly say: (text: string) => void;
  /** Where credentials are looked up. */
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** A question with its default and what makes an answer right. */
interface Question {
  readonly text: string;
  readonly fallback?: string;
  readonly pattern: RegExp;
  readonly want: string;
}

/** 1 to 65535. */
const portPattern = /^(?!0)(\d{1,4}|[1-5]\d{4}|6([0-4]\d{3}|5([0-4]\d{2}|5([0-2]\d|3[0-5]))))$/;

/** How long the switch may take to tell one thing, in ms. */
const patience = 10_000;

/** Asks everything; gives the whole configuration. Rejects with Interrupted. */
export async function askAll(former: Draft, talk: Talk): Promise<Draft> {
  const extensions = (await answer(talk, {
    text: "Extension of the desk phone (several: with spaces between)",
    fallback: extensionsOf(former),
    pattern: /^\d{1,20}( +\d{1,20})*$/,
    want: "digits, such as 1001",
  })).split(/ +/);
  const line = await askLine(former.line ?? {}, [...new Set(extensions)], talk);
  const http = await askPrefix(former.http ?? {}, talk);
  const numbers = await askNumbers(former, talk);
  return { ...former, desks: desksWith([...new Set(extensions)], former), line, http, numbers };
}

/** The switch. Another driver's settings are left as they are. */
async function askLine(
  former: Record<string, unknown>,
  extensions: readonly string[],
  talk: Talk,
): Promise<Record<string, unknown>> {
  const { driver = "freeswitch" } = former;
  if (driver !== "freeswitch") {
    talk.say(`line.driver is ${String(driver)}: its settings are left as they are.`);
    return former;
  }
  const reached = await askPlace(former, talk);
  const entered = await askLogin({ ...former, driver, ...reached }, extensions, talk);
  return await askDomain(entered, extensions, talk);
}

async function askPlace(former: Record<string, unknown>, talk: Talk): Promise<{ host: string; port: number }> {
  let { host = "", port = 8021 } = former as { host?: string; port?: number };
  for (;;) {
    host = await answer(talk, {
      text: "Address of FreeSWITCH",
      fallback: host,
      pattern: /^[A-Za-z0-9_.:-]+$/,
      want: "an address or a name, such as 10.1.0.5",
    });
    const text = { text: "Port of its event socket", fallback: String(port), want: "a port, such as 8021" };
    port = Number(await answer(talk, { ...text, pattern: portPattern }));
    const code = await tryToConnect(host, port, 4000);
    if (code === undefined) {
      talk.say(`  ${host}:${port} answers.`);
      return { host, port };
    }
    if (await keeps(talk, `${host}:${port}`, `${host}:${port} ${noConnection(code)}`)) return { host, port };
  }
}

function noConnection(code: string): string {
  if (code === "ECONNREFUSED") {
    return "refuses: nothing listens there. Is FreeSWITCH running, with mod_event_socket listening on that address?";
  }
  if (code === "ENOTFOUND" || code === "EAI_AGAIN") return "is not known: there is no such name.";
  if (code === "ETIMEDOUT") return "does not answer: is the address right, is there a firewall between?";
  if (code === "EHOSTUNREACH") return "is not there: no machine answers at that address.";
  return `cannot be reached (${code}): has the box a way there?`;
}

async function askLogin(
  former: Record<string, unknown>,
  extensions: readonly string[],
  talk: Talk,
): Promise<Record<string, unknown>> {
  let line = former;
  for (;;) {
    const user = await answer(talk, {
      text: "User for the event socket, user@domain (none: the socket's own password)",
      fallback: typeof line["user"] === "string" ? line["user"] : "none",
      pattern: /^(none|[A-Za-z0-9_.-]+@[A-Za-z0-9_.-]+)$/,
      want: "user@domain, or none",
    });
    const password = await askPassword(former["password"], talk);
    const { user: _, ...rest } = line;
    line = { ...rest, ...(user === "none" ? {} : { user }), password };
    // The domain is asked for later: what stood there may be wrong.
    const hop = (await hopsOf({ ...line, domain: "unknown" }, extensions, talk, "switch login")).find(({ name }) =>
      name === "switch login"
    );
    if (hop === undefined || hop.verdict === "skipped") return line;
    if (hop.verdict === "good") {
      talk.say(`  ${hop.message}`);
      return line;
    }
    if (await keeps(talk, "this login", explained(hop))) return line;
  }
}

/** A password that is there already, also one that stands elsewhere, can be kept. It is never shown. */
async function askPassword(former: unknown, { asker, say }: Talk): Promise<unknown> {
  for (;;) {
    const kept = former === undefined ? "" : " (Enter: as before)";
    const typed = await asker.ask(`Its password${kept}, not shown: `, { hidden: true });
    if (typed !== "") return typed;
    if (former !== undefined) return former;
    say("  A password is needed: FreeSWITCH lets nobody in without.");
  }
}

async function askDomain(
  former: Record<string, unknown>,
  extensions: readonly string[],
  talk: Talk,
): Promise<Record<string, unknown>> {
  const told = await toldDomains(former, extensions, talk);
  if (told.length > 0) talk.say(`  The switch says that it serves: ${told.slice(0, 8).join(", ")}`);
  let domain = typeof former["domain"] === "string" ? former["domain"] : told[0] ?? "";
  for (;;) {
    domain = await answer(talk, {
      text: "Domain that the phones register in",
      fallback: domain,
      pattern: /^[A-Za-z0-9_.:-]+$/,
      want: "a domain, such as pbx.example.com or an address",
    });
    const line = { ...former, domain };
    const hops = await hopsOf(line, extensions, talk);
    const wanted = hops.filter(({ name }) => name === "domain" || name.startsWith("phone "));
    for (const { verdict, name, message } of wanted) {
      if (verdict === "good" || verdict === "warning") talk.say(`  ${name}: ${message}`);
    }
    const wrong = wanted.filter(({ verdict }) => verdict === "failed");
    if (wrong.length === 0) return line;
    if (await keeps(talk, domain, wrong.map(explained).join("\n  "))) return line;
  }
}

/** What the switch says that it serves; nothing when it cannot be asked. */
async function toldDomains(
  line: Record<string, unknown>,
  extensions: readonly string[],
  { environment }: Talk,
): Promise<readonly string[]> {
  try {
    const { line: checked, desks } = checkedWith(line, extensions, environment);
    return await domainsOf(checked, context(desks), AbortSignal.timeout(patience));
  } catch (error) {
    if (error instanceof ConfigError) return [];
    throw error;
  }
}

async function askPrefix(former: Record<string, unknown>, talk: Talk): Promise<Record<string, unknown>> {
  const { prefix, ...rest } = former;
  if (typeof prefix === "object" && prefix !== null) return former;
  const fallback = typeof prefix === "string" ? prefix : randomPrefix();
  const given = await answer(talk, {
    text: "Secret path of UWQ's URL (none: for ports that the PC forwards)",
    fallback,
    pattern: new RegExp(`^none$|${prefixPattern.source}`),
    want: "a path such as /k3y that the box does not use itself, or none",
  });
  return given === "none" ? rest : { ...rest, prefix: given };
}

async function askNumbers(former: Draft, talk: Talk): Promise<Record<string, unknown>> {
  const { numbers = {} } = former;
  const fallback = outsideDigits(former);
  if (fallback === undefined) {
    talk.say("  numbers.toCrm has rules of its own: they are left as they are.");
    return numbers;
  }
  const digits = await answer(talk, {
    text: "Digits dialled before a number outside, which UWQ must not see (none, or such as 9)",
    fallback: fallback === "" ? "none" : fallback,
    pattern: /^(none|\d{1,4})$/,
    want: "at most four digits, or none",
  });
  return { ...numbers, toCrm: digits === "none" ? [] : [outsideRule(digits)] };
}

/** Asks until the answer has its form. */
async function answer({ asker, say }: Talk, { text, fallback = "", pattern, want }: Question): Promise<string> {
  for (;;) {
    const typed = await asker.ask(`${text}${fallback === "" ? "" : ` [${fallback}]`}: `);
    const given = typed === "" ? fallback : typed;
    if (pattern.test(given)) return given;
    say(given === "" ? `  Enter ${want}.` : `  ${JSON.stringify(given)} is not right: expected ${want}.`);
  }
}

/** Says why an answer does not work; whether it shall stand all the same. */
async function keeps({ asker, say }: Talk, what: string, why: string): Promise<boolean> {
  say(`  ${why}`);
  return /^(y|yes|keep)$/i.test(await asker.ask(`Keep ${what} anyway? y or n [n]: `));
}

function explained({ message, advice }: Hop): string {
  return advice === undefined ? message : `${message} ${advice}`;
}

/** The hops of the switch for these desks, up to the one that is wanted. */
async function hopsOf(
  line: Record<string, unknown>,
  extensions: readonly string[],
  { environment }: Talk,
  last?: string,
): Promise<Hop[]> {
  const hops: Hop[] = [];
  try {
    const { line: checked, desks } = checkedWith(line, extensions, environment);
    for await (const hop of probeLine(checked, context(desks), AbortSignal.timeout(patience))) {
      hops.push(hop);
      if (hop.name === last) break;
    }
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const message = `These settings are wrong: ${error.problems.join("; ")}.`;
    hops.push({ name: last ?? "domain", verdict: "failed", ms: 0, message });
  }
  return hops;
}

/** The settings as the daemon would read them, a password in a file or a credential among them. @throws ConfigError */
function checkedWith(line: Record<string, unknown>, extensions: readonly string[], environment: Talk["environment"]): Config {
  const desks = extensions.map((extension) => ({ extension }));
  return parseConfig(JSON.stringify({ desks, line: { domain: "unknown", ...line } }), lineSchemas, environment);
}

function context(desks: Config["desks"]): ProbeContext {
  return { desks, variables: [], directory: false, log: openLog(() => {}, "error", false), timers: systemTimers };
}
