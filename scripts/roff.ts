/** Text as roff(7) with the man(7) macros: what troff would take for its own is escaped, lines end before column 80. */
import { readFileSync } from "node:fs";
import { join } from "node:path";

/** Words as they are, `-` as the minus that can be copied, nothing of troff's own. */
export function escape(text: string): string {
  return text.replaceAll("\\", "\\e").replaceAll("-", "\\-").replaceAll("'", "\\(aq").replaceAll("`", "\\(ga")
    .replaceAll("^", "\\(ha").replaceAll("~", "\\(ti").replaceAll("·", "\\(bu").replaceAll("ü", "\\[u00FC]");
}

/** A paragraph's text, wrapped. */
export function prose(text: string): string {
  const lines: string[] = [];
  for (const word of escape(text).split(/\s+/).filter((word) => word !== "")) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= 78) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  // A line that begins like a request is none: \& keeps it text.
  return lines.map((line) => /^[.']/.test(line) ? `\\&${line}` : line).join("\n");
}

/** A tag in bold and what it is. */
export function tagged(tag: string, text: string): string {
  return `.TP\n.B ${bold(tag)}\n${prose(text)}`;
}

/** The argument of a macro that takes the rest of its line. */
export function bold(text: string): string {
  const escaped = escape(text).replaceAll('"', "\\(dq");
  return /^[.']|\s/.test(escaped) ? `"${escaped.startsWith(".") ? `\\&${escaped}` : escaped}"` : escaped;
}

/** Lines as they are typed; `.PP` or the like comes before them. */
export function verbatim(lines: readonly string[]): string {
  const typed = lines.map((line) => escape(line)).map((line) => /^[.']/.test(line) ? `\\&${line}` : line);
  return `.EX\n${typed.map((line) => `    ${line}`).join("\n")}\n.EE`;
}

/** A page. @param title `telesetd(8)`. */
export function page(title: string, what: string, parts: readonly string[]): string {
  const [, name = "", section = ""] = /^(.+)\((\d)\)$/.exec(title) ?? [];
  return [
    '.\\" Made by ./scripts/docs: change it in the table of commands or in the schema.',
    `.TH ${escape(name.toUpperCase())} ${section} ${pagesDate} telesetd`,
    ".SH NAME",
    `${escape(name)} \\- ${escape(what)}`,
    ...parts,
    "",
  ].join("\n");
}

/** The date of the newest dated version: today's date would make every page differ from the checked one. */
const pagesDate = /^## \S+ \((\d{4}-\d\d-\d\d)\)/m.exec(
  readFileSync(join(import.meta.dir, "../CHANGELOG.md"), "utf8"),
)?.[1] ?? "";
