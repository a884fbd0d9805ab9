/** The driver's own questions, group by group; the answers of a group are tested as soon as it is complete. */
import {
  type Driver,
  type Hop,
  lineSchemas,
  type ProbeContext,
  type Question,
  type QuestionGroup,
  type Suspect,
} from "../../../drivers/registry.ts";
import { readKey } from "../../config/problems.ts";
import { type Config, ConfigError, parseConfig } from "../../config/schema.ts";
import { omitUndefined } from "../../core/omit-undefined.ts";
import { openLog } from "../../log/log.ts";
import { systemTimers } from "../../platform/timers.ts";
import { type Draft, extensionsOf, isReference, keysOf, lineFor, required, type Section, without } from "./draft.ts";
import { answer, keeps, type Talk } from "./talk.ts";

/** Answers to yes-or-no questions, which are never the answer to another one. */
const words: Readonly<Record<string, boolean>> = { yes: true, y: true, no: false, n: false };

/** The time for all tests of a group, in ms. */
const patience = 10_000;

/** The answers about the switch: the desks, which the test of a group may correct, and the settings of the driver. */
export interface LineAnswers {
  readonly desks: Draft["desks"];
  readonly line: Section;
}

/**
 * Asks all questions of a driver. Keys that it does not ask for stay as in `former`. Rejects with Interrupted.
 * @param askDesks asks for the extensions again, with these as the default.
 */
export async function askLine(
  driver: Driver,
  former: Draft,
  given: Draft["desks"],
  talk: Talk,
  askDesks: (offered: readonly string[]) => Promise<Draft["desks"]>,
): Promise<LineAnswers> {
  let answers: LineAnswers = { desks: given, line: lineFor(driver, former) };
  for (const [index, group] of driver.setup.entries()) {
    const later = keysOf(driver.setup.slice(index + 1));
    answers = await new Group({ driver, group, later, talk, askDesks }).ask(answers);
  }
  return answers;
}

/** A group of questions, and what asking them needs. */
interface GroupOptions {
  readonly driver: Driver;
  readonly group: QuestionGroup;
  /** The keys that are asked for later: their values in the file may be invalid. */
  readonly later: readonly string[];
  readonly talk: Talk;
  readonly askDesks: (offered: readonly string[]) => Promise<Draft["desks"]>;
}

/** Why the answers of a group do not work. */
interface Failure {
  /** The name of what is kept, or asked for again. */
  readonly subject: string;
  readonly why: string;
  readonly suspect?: Suspect;
  /** Whether the answers of the group may be wrong too, if the suspect is an extension. */
  readonly unsure?: boolean;
}

/** Asks one group of questions. */
class Group {
  readonly #options: GroupOptions;
  /** The answers that the switch has refused, by key: they are not offered again. */
  readonly #refused = new Map<string, unknown[]>();
  /** The values that the switch reports, by key, the likeliest first. */
  readonly #reported = new Map<string, readonly unknown[]>();

  constructor(options: GroupOptions) {
    this.#options = options;
  }

  /** Asks until the answers work, or are kept. */
  async ask({ desks, line: former }: LineAnswers): Promise<LineAnswers> {
    const { suggestions, intro } = this.#options.group;
    if (suggestions) this.#reported.set(suggestions.key, await this.#suggestions(former, desks));
    if (intro !== undefined) this.#options.talk.say(`  ${intro}`);
    let answers: LineAnswers = { desks, line: await this.#asked(former, former) };
    for (;;) {
      const failure = await this.#failures(answers);
      if (failure === undefined || await keeps(this.#options.talk, failure.subject, failure.why)) return answers;
      answers = await this.#corrected(answers, former, failure);
    }
  }

  /** Asks again for what is probably wrong. */
  async #corrected({ desks, line }: LineAnswers, former: Section, { suspect, unsure }: Failure): Promise<LineAnswers> {
    if (suspect && "extension" in suspect) {
      const corrected = await this.#options.askDesks(replaced(extensionsOf({ desks }), suspect));
      return { desks: corrected, line: unsure ? await this.#asked(line, former) : line };
    }
    if (suspect) {
      const { key, offers = [] } = suspect;
      this.#refused.set(key, [...this.#refused.get(key) ?? [], line[key]]);
      this.#reported.set(key, [...offers, ...this.#reported.get(key) ?? []]);
    }
    return { desks, line: await this.#asked(line, former) };
  }

  /** Asks all questions of the group; returns the line with the answers. */
  async #asked(before: Section, former: Section): Promise<Section> {
    let line = before;
    const given = new Set<string>();
    for (const question of this.#options.group.questions) {
      if (given.has(question.key)) continue;
      const { [question.key]: _, ...others } = line;
      if (this.#options.group.applies?.(question.key, others) === false) {
        line = others;
        continue;
      }
      const answers = question.secret ? await this.#secret(question, former) : await this.#plain(question, line, former);
      for (const key of Object.keys(answers)) given.add(key);
      line = { ...others, ...answers };
    }
    return line;
  }

  /** The answer to a question that is not secret, with the port if that was included; empty if the key is to be omitted. */
  async #plain(question: Question, line: Section, former: Section): Promise<Section> {
    const { prompt, expected } = question;
    const fallback = this.#offer(question, line, former);
    return await answer<Section>(this.#options.talk, {
      text: prompt,
      fallback: typeof fallback === "boolean" ? (fallback ? "yes" : "no") : String(fallback ?? ""),
      read: (typed) => this.#read(question, typed, line),
      expected,
    });
  }

  /** The default of a question: the present value, or one that the switch reports, but never one that it has refused. */
  #offer({ key, absent }: Question, line: Section, former: Section): unknown {
    const refused = this.#refused.get(key) ?? [];
    const reported = this.#reported.get(key) ?? [];
    const known = refused.length > 0 ? [...reported, line[key], former[key]] : [line[key], ...reported];
    const valid = known.filter((value) => value !== undefined && this.#accepts(key, value));
    return [...valid, this.#default(key), absent].find((value) => value !== undefined && !refused.includes(value));
  }

  /** What an answer sets: its key, and the port if it includes that (`10.1.0.5:8021`); undefined if it is invalid. */
  #read({ key, port, absent, complete }: Question, typed: string, line: Section): Section | undefined {
    if (typed === absent) return {};
    const [, bracketed, plain, digits] = port === undefined ? [] : /^(?:\[(.+)\]|([^:]+)):(\d*)$/.exec(typed) ?? [];
    if (port === undefined || digits === undefined) {
      const isWord = words[typed.toLowerCase()] !== undefined;
      const value = this.#valueOf(key, typed) ?? (complete && !isWord ? this.#valueOf(key, complete(typed, line)) : undefined);
      return value === undefined ? undefined : { [key]: value };
    }
    const [host, number] = [bracketed ?? plain, Number(digits)];
    return this.#accepts(key, host) && this.#accepts(port, number) ? { [key]: host, [port]: number } : undefined;
  }

  /**
   * A secret; empty if the key is omitted. Enter keeps the former one, even if it is in a file, unless the switch has refused it.
   * It is never shown.
   */
  async #secret({ key, prompt, expected, absent }: Question, { [key]: former }: Section): Promise<Section> {
    const { asker, say } = this.#options.talk;
    const valid = former !== undefined && this.#accepts(key, former) && !this.#refused.get(key)?.includes(former);
    const kept = valid || isReference(former);
    const optional = this.#accepts(key, undefined);
    const enter = kept
      ? " (Enter: unchanged)"
      : optional
      ? ` (Enter: ${this.#default(key) === undefined ? "none" : "the default"})`
      : "";
    for (;;) {
      const typed = await asker.ask(`${prompt}${enter}, not shown: `, { hidden: true });
      if (typed === "" && kept) return { [key]: former };
      if ((typed === "" && optional) || typed === absent) return {};
      if (this.#accepts(key, typed)) return { [key]: typed };
      say(typed === "" ? `  Enter ${expected}.` : `  That is invalid: expected ${expected}.`);
    }
  }

  /** Shows what the switch suggests. @returns it, the likeliest first. */
  async #suggestions(former: Section, desks: Draft["desks"]): Promise<readonly string[]> {
    const { group, group: { suggestions } } = this.#options;
    const checked = suggestions && this.#checked({ desks, line: without(former, keysOf([group])) });
    if (!checked || "why" in checked) return [];
    const found = await suggestions.find(checked.line, contextOf(checked), AbortSignal.timeout(patience));
    const valid = found.filter((value) => this.#accepts(suggestions.key, value));
    if (valid.length > 0) this.#options.talk.say(`  ${suggestions.intro} ${valid.slice(0, 8).join(", ")}.`);
    return valid;
  }

  /** Tests the answers and shows what works. @returns what does not work. */
  async #failures(answers: LineAnswers): Promise<Failure | undefined> {
    const checked = this.#checked(answers);
    if ("why" in checked) return { subject: "these settings", why: this.#spoken(checked.why) };
    const { group, talk } = this.#options;
    const hops: Hop[] = [];
    for await (const hop of group.check(checked.line, contextOf(checked), AbortSignal.timeout(patience))) {
      hops.push(hop);
      if (hop.verdict === "good" || hop.verdict === "warning") talk.say(`  ${this.#explained(hop)}`);
    }
    if (hops.every(({ verdict }) => verdict === "skipped")) {
      for (const { message } of hops.slice(0, 1)) {
        talk.say(`  ${message}`);
      }
    }
    const failed = hops.filter(({ verdict }) => verdict === "failed");
    if (failed.length === 0) return undefined;
    const suspect = failed.find((hop) => hop.suspect !== undefined)?.suspect;
    return {
      subject: suspect && "extension" in suspect ? suspect.extension : group.subject(checked.line),
      why: failed.map((hop) => this.#explained(hop)).join("\n  "),
      ...omitUndefined({ suspect }),
      unsure: hops.some(({ verdict }) => verdict === "warning"),
    };
  }

  /** A hop as a sentence at the prompt. */
  #explained({ name, message, advice }: Hop): string {
    return this.#spoken(`${name}: ${message}${advice === undefined ? "" : ` ${advice}`}`);
  }

  /** A sentence with the names of the answers instead of the configuration's keys, which nobody has seen yet. */
  #spoken(text: string): string {
    const questions = this.#options.driver.setup.flatMap((group) => group.questions);
    return text.replaceAll("desks[].extension", "the extension")
      .replaceAll(/\bline\.(\w+)/g, (key, name) => questions.find((question) => question.key === name)?.name ?? key);
  }

  /** The settings as the daemon would read them, with the secrets from their files; or why they are invalid. */
  #checked({ desks, line }: LineAnswers): Config | { readonly why: string } {
    const { driver, later, talk } = this.#options;
    const whole = { desks, line: { ...required(driver), ...without(line, later) } };
    try {
      return parseConfig(JSON.stringify(whole), lineSchemas, talk.environment);
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      return { why: `These settings are invalid: ${error.problems.join("; ")}.` };
    }
  }

  /** The typed answer as a value that the schema accepts: text, a number, or a boolean for yes and no. */
  #valueOf(key: string, typed: string): unknown {
    const word = words[typed.toLowerCase()];
    return (word === undefined ? [typed, Number(typed)] : [word]).find((value) => this.#accepts(key, value));
  }

  #accepts(key: string, value: unknown): boolean {
    return readKey(this.#options.driver.schema, key, value).valid;
  }

  #default(key: string): unknown {
    return readKey(this.#options.driver.schema, key, undefined).value;
  }
}

/** The extensions to offer, with another in place of the one that is probably wrong. */
function replaced(extensions: readonly string[], { extension, offers = [] }: Suspect & { readonly extension: string }): string[] {
  const instead = offers.filter((offer) => offer === extension || !extensions.includes(offer)).slice(0, 1);
  return extensions.flatMap((present) => present === extension ? instead : [present]);
}

function contextOf({ desks }: Config): ProbeContext {
  return { desks, variables: [], directory: false, log: openLog(() => {}, "error", false), timers: systemTimers };
}
