/** CHANGELOG.md as a Debian changelog. */
import { expect, test } from "bun:test";
import { changelog, debianVersion } from "../../packaging/changelog.ts";

const text = `# Changes

## 1.0.0-rc.1

### Upgrade

- Keys have new names:
  - \`a\` is now \`b\`
- A second item that is long enough to be wrapped, because such files have lines of at most 80 columns.

### Fixed

- A fault.

## 0.9.0 (2026-01-05)

- The first version.
`;

test("versions, sections, items and the items below them", () => {
  expect(changelog(text, "1.0.0-rc.1", "A B <a@b.org>", 86_400)).toBe(`telesetd (1.0.0~rc.1) unstable; urgency=medium

  [ Upgrade ]
  * Keys have new names:
    - \`a\` is now \`b\`
  * A second item that is long enough to be wrapped, because such files have
    lines of at most 80 columns.

  [ Fixed ]
  * A fault.

 -- A B <a@b.org>  Fri, 02 Jan 1970 00:00:00 +0000

telesetd (0.9.0) unstable; urgency=medium

  * The first version.

 -- A B <a@b.org>  Mon, 05 Jan 2026 12:00:00 +0000
`);
});

test("a version that is not the newest of the text is an error", () => {
  expect(() => changelog(text, "1.0.0", "A B <a@b.org>", 0)).toThrow("CHANGELOG.md begins with 1.0.0-rc.1: expected 1.0.0");
});

test("a release candidate comes before its release", () => expect(debianVersion("1.0.0-rc.1")).toBe("1.0.0~rc.1"));
