/** Converts CHANGELOG.md to a Debian changelog (deb-changelog(5)), for /usr/share/doc/telesetd/changelog.gz. */

/**
 * @param text CHANGELOG.md.
 * @param seconds the time of a version without a date, in s since 1970.
 * @throws Error if `version` (of package.json) is not the newest in the text.
 */
export function changelog(text: string, version: string, maintainer: string, seconds: number): string {
  const [, ...parts] = text.split(/^## /m);
  const entries = parts.map((part) => {
    const [heading = "", ...lines] = part.trimEnd().split("\n");
    const { number = "", date } = /^(?<number>\S+)(?: \((?<date>\d{4}-\d\d-\d\d)\))?/.exec(heading)?.groups ?? {};
    const when = new Date(date === undefined ? seconds * 1000 : `${date}T12:00:00Z`);
    return { number, text: entry(number, lines, maintainer, when) };
  });
  const [newest] = entries;
  if (newest?.number !== version) {
    throw new Error(`CHANGELOG.md begins with ${newest?.number ?? "nothing"}: expected ${version}, the version in package.json`);
  }
  return entries.map(({ text }) => text).join("\n");
}

function entry(number: string, lines: readonly string[], maintainer: string, when: Date): string {
  const items = lines.join("\n").split(/^(?=### |- | {2}- )/m).filter((item) => item.trim() !== "").map(formatted);
  return [
    `telesetd (${debianVersion(number)}) unstable; urgency=medium`,
    "",
    items.join("\n").trimStart().replace(/^(?=[*[])/, "  "),
    "",
    ` -- ${maintainer}  ${when.toUTCString().replace("GMT", "+0000")}`,
    "",
  ].join("\n");
}

/** A heading as `[ Fixed ]`, an item with `*`, an item below it with `-`. */
function formatted(item: string): string {
  if (item.startsWith("### ")) return `\n  [ ${item.slice(4).trim()} ]`;
  return item.startsWith("- ") ? wrapped("  *", item.slice(2)) : wrapped("    -", item.trim().slice(2));
}

/** Wraps an item at 80 columns, as usual in Debian changelogs. */
function wrapped(bullet: string, item: string): string {
  const lines = [bullet];
  for (const word of item.trim().split(/\s+/)) {
    const last = lines.at(-1) ?? "";
    if (last.length + 1 + word.length <= 80) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(`${" ".repeat(bullet.length + 1)}${word}`);
  }
  return lines.join("\n");
}

/** The version in Debian's order: 1.0.0-rc.1 comes before 1.0.0. */
export function debianVersion(version: string): string {
  return version.replace("-", "~");
}
