/** CHANGELOG.md as a Debian changelog (deb-changelog(5)): for /usr/share/doc/telesetd/changelog.gz. */

/** @param text CHANGELOG.md. @param seconds the time of a version that has no date yet, in s since 1970.
 * @throws Error when `version` (package.json's) is not the newest that the text tells of. */
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
  const items = lines.join("\n").split(/^- /m).map((item) => item.trim()).filter((item) => item !== "").map(wrapped);
  return [
    `telesetd (${debianVersion(number)}) unstable; urgency=medium`,
    "",
    ...items,
    "",
    ` -- ${maintainer}  ${when.toUTCString().replace("GMT", "+0000")}`,
    "",
  ].join("\n");
}

/** An item in lines of at most 80 columns, as the readers of such files want it. */
function wrapped(item: string): string {
  const lines: string[] = ["  *"];
  for (const word of item.split(/\s+/)) {
    const last = lines.at(-1) ?? "";
    if (last.length + 1 + word.length <= 80) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(`    ${word}`);
  }
  return lines.join("\n");
}

/** A version as Debian orders it: 1.0.0-rc.1 comes before 1.0.0. */
export function debianVersion(version: string): string {
  return version.replace("-", "~");
}
