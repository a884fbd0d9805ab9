/** The driver's own questions, group by group; the answers of a group are tested as soon as it is complete. */
import {
  type Driver,
  type Hop,
  lineSchemas,
  type ProbeContext,
  type Question,
  type QuestionGroup,
} from "../../../drivers/registry.ts";
import { type Config, ConfigError, parseConfig } from "../../config/schema.ts";
import { openLog } from "../../log/log.ts";
import { systemTimers } from "../../platform/timers.ts";
import { type Draft, isReference, keysOf, lineFor, required, type Section, without } from "./draft.ts";
import { answer, keeps, type Talk } from "./talk.ts";

/** The time for all tests of a group, in ms. */
const patience = 10_000;

/** Asks all questions of a driver. Keys that it does not ask for stay as in `former`. Rejects with Interrupted. */
export async function askLine(driver: Driver, former: Draft, desks: Draft["desks"], talk: Talk): Promise<Section> {
  let line = lineFor(driver, former);
  for (const [index, group] of driver.setup.entries()) {
    const later = keysOf(driver.setup.slice(index + 1));
    line = await new Group({ driver, group, later, desks, talk }).ask(line);
  }
  return line;
}

/** A group of questions, and what asking them needs. */
interface GroupOptions {
  readonly driver: Driver;
  readonly group: QuestionGroup;
  /** The keys that are asked for later: their values in the file may be invalid. */
  readonly later: readonly string[];
  readonly desks: Draft["desks"];
  readonly talk: Talk;
}

/** Asks one group of questions. */
class Group {
  readonly #options: GroupOptions;

  constructor(options: GroupOptions) {
    this.#options = options;
  }

  /** Asks until the answers work, or are kept. */
  async ask(former: Section): Promise<Section> {
    const suggested = await this.#suggestion(former);
    for (let line = former;;) {
      // A secret that does not work is not offered again: Enter keeps the former one.
      for (const question of this.#options.group.questions) line = await this.#answered(question, line, former, suggested);
      const failure = await this.#failures(line);
      if (failure === undefined || await keeps(this.#options.talk, failure.subject, failure.why)) return line;
    }
  }

  /** The line with the answer to a question. */
  async #answered(question: Question, line: Section, former: Section, suggested: unknown): Promise<Section> {
    const { key, absent } = question;
    const { applies, suggestions } = this.#options.group;
    const { [key]: present, ...others } = line;
    if (applies?.(key, others) === false) return others;
    const offered = this.#accepts(key, present) ? present : key === suggestions?.key ? suggested : undefined;
    const value = question.secret ? await this.#secret(question, former[key]) : await this.#plain(question, offered);
    return value === undefined || value === absent ? others : { ...others, [key]: value };
  }

  /** The value of an answer that is not a secret; `absent` if the key is to be omitted. */
  async #plain({ key, prompt, expected, absent }: Question, offered: unknown): Promise<unknown> {
    const fallback = offered ?? this.#default(key) ?? absent ?? "";
    return await answer<unknown>(this.#options.talk, {
      text: prompt,
      fallback: typeof fallback === "boolean" ? (fallback ? "yes" : "no") : String(fallback),
      read: (typed) => typed === absent ? absent : this.#valueOf(key, typed),
      expected,
    });
  }

  /** A secret; undefined if the key is omitted. Enter keeps the previous one, even if it is in a file. It is never shown. */
  async #secret({ key, prompt, expected, absent }: Question, former: unknown): Promise<unknown> {
    const { asker, say } = this.#options.talk;
    const kept = former !== undefined && this.#accepts(key, former) || isReference(former);
    const optional = this.#accepts(key, undefined);
    const enter = kept
      ? " (Enter: unchanged)"
      : optional
      ? ` (Enter: ${this.#default(key) === undefined ? "none" : "the default"})`
      : "";
    for (;;) {
      const typed = await asker.ask(`${prompt}${enter}, not shown: `, { hidden: true });
      if (typed === "" && kept) return former;
      if ((typed === "" && optional) || typed === absent) return undefined;
      if (this.#accepts(key, typed)) return typed;
      say(typed === "" ? `  Enter ${expected}.` : `  That is invalid: expected ${expected}.`);
    }
  }

  /** Shows what the switch suggests. @returns the likeliest; undefined if it suggests nothing. */
  async #suggestion(former: Section): Promise<string | undefined> {
    const { group, group: { suggestions } } = this.#options;
    const checked = suggestions && this.#checked(without(former, keysOf([group])));
    if (!checked || "why" in checked) return undefined;
    const found = await suggestions.find(checked.line, contextOf(checked), AbortSignal.timeout(patience));
    const valid = found.filter((value) => this.#accepts(suggestions.key, value));
    if (valid.length > 0) this.#options.talk.say(`  ${suggestions.intro} ${valid.slice(0, 8).join(", ")}.`);
    return valid[0];
  }

  /** Tests the answers and shows what works. @returns what does not work, with a name for it. */
  async #failures(line: Section): Promise<{ readonly subject: string; readonly why: string } | undefined> {
    const checked = this.#checked(line);
    if ("why" in checked) return { subject: "these settings", why: checked.why };
    const { group, talk } = this.#options;
    const failures: string[] = [];
    for await (const hop of group.check(checked.line, contextOf(checked), AbortSignal.timeout(patience))) {
      if (hop.verdict === "failed") failures.push(explained(hop));
      else if (hop.verdict !== "skipped") talk.say(`  ${explained(hop)}`);
    }
    return failures.length === 0 ? undefined : { subject: group.subject(checked.line), why: failures.join("\n  ") };
  }

  /** The settings as the daemon would read them, with the secrets from their files; or why they are invalid. */
  #checked(line: Section): Config | { readonly why: string } {
    const { driver, desks, later, talk } = this.#options;
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
    const words: Readonly<Record<string, boolean>> = { yes: true, y: true, no: false, n: false };
    return [typed, Number(typed), words[typed.toLowerCase()]].find((value) => value !== undefined && this.#accepts(key, value));
  }

  #accepts(key: string, value: unknown): boolean {
    return this.#options.driver.schema.shape[key].safeParse(value).success;
  }

  #default(key: string): unknown {
    return this.#options.driver.schema.shape[key].safeParse(undefined).data;
  }
}

function explained({ name, message, advice }: Hop): string {
  return `${name}: ${message}${advice === undefined ? "" : ` ${advice}`}`;
}

function contextOf({ desks }: Config): ProbeContext {
  return { desks, variables: [], directory: false, log: openLog(() => {}, "error", false), timers: systemTimers };
}
