/** The machine-readable copyright file (DEP-5) for all parts of the binary. */
import { bun, libraries, type Library } from "./libraries.ts";
import { runtimeParts } from "./runtime.ts";

/** The text of the file. */
export function copyright(): string {
  return [
    "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\nUpstream-Name: telesetd\n" +
    field(
      "Comment",
      `/usr/bin/telesetd is telesetd, the npm libraries below (unchanged, pinned by package-lock.json) and the runtime Bun ${bun}
(unchanged), compiled into one file by ./scripts/build. docs/rebuild.md explains how to rebuild it, also with another
runtime or other libraries. Sources: the npm registry for the libraries, https://github.com/oven-sh/bun and
https://github.com/oven-sh/WebKit for the runtime.`,
    ),
    "Files: *\nCopyright: 2026 the telesetd maintainers\nLicense: Apache-2.0\n",
    ...libraries().map(stanza),
    `Files: node_modules/@oven/*\n${
      field("Copyright", "Oven and the contributors of Bun\nthe authors of the parts named below")
    }` +
    field("License", `Expat\n${expat}`) +
    field(
      "Comment",
      `These parts are linked into Bun's runtime (source: its LICENSE.md):\n${
        runtimeParts.map(({ name, licence }) => `${name}: ${licence}`).join("\n")
      }\nThe parts under the LGPL can be replaced: build Bun from source with another WebKit or TinyCC, and telesetd with that Bun.`,
    ),
    common("Apache-2.0", "Apache-2.0"),
    common("MPL-2.0", "MPL-2.0"),
  ].join("\n");
}

function stanza({ name, version, place, author, text, licence }: Library): string {
  const holders = text.split("\n").map((line) => line.trim()).filter((line) => /^copyright (\(c\) |\d{4})/i.test(line))
    .map((line) => line.replace(/^copyright (\(c\) )?/i, ""));
  const own = holders.length > 0 ? holders : [`${author} and contributors`];
  // Texts that are on every Debian system are named; others are quoted.
  const given = licence === "MPL-2.0" || licence === "Apache-2.0" ? licence : `${short(licence)}\n${text}`;
  return `Files: ${place}/*\n${field("Copyright", own.join("\n"))}${field("License", given)}` +
    field("Comment", `${name} ${version}, https://www.npmjs.com/package/${name}/v/${version}`);
}

/** The name of a licence in Debian. */
function short(licence: string): string {
  return licence === "MIT" ? "Expat" : licence.replace(/-Clause$/, "-clause");
}

/** A field with its continuation lines. */
function field(name: string, value: string): string {
  const [first = "", ...more] = value.split("\n");
  return `${name}: ${first}\n${more.map((line) => line.trim() === "" ? " .\n" : ` ${line.trimEnd()}\n`).join("")}`;
}

function common(licence: string, file: string): string {
  return field("License", `${licence}\nOn Debian systems, its text is in /usr/share/common-licenses/${file}.`);
}

const expat = `Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated
documentation files (the "Software"), to deal in the Software without restriction, including without limitation the
rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit
persons to whom the Software is furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the
Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE
WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR
COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR
OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.`;
