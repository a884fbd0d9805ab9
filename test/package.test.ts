/** The Debian packages built by scripts/package: their content, reproducibility and installation. */
import { beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { version } from "../src/version.ts";
import { build, project, unpack } from "./support/package/packages.ts";
import { outputOf } from "./support/package/root.ts";
import { ownFolder } from "./support/folder.ts";

setDefaultTimeout(120_000);

const lacking = ["dpkg-deb", "git", "npm"].filter((tool) => Bun.which(tool) === null);
const none = lacking.length === 0 ? "" : ` (skipped: missing ${lacking.join(", ")})`;
const qemu = Bun.which("qemu-aarch64-static");
const noQemu = qemu && outputOf(["ls", "/usr/aarch64-linux-gnu/lib"]).code === 0
  ? ""
  : " (skipped: qemu-user-static and libc6-arm64-cross are not installed)";
const noLintian = Bun.which("lintian") ? "" : " (skipped: lintian is not installed)";
const noShellcheck = Bun.which("shellcheck") ? "" : " (skipped: shellcheck is not installed)";
const scripts = ["preinst", "postinst", "prerm", "postrm"];
describe.skipIf(none !== "")(`the packages${none}:`, () => {
  const folder = ownFolder();
  const made = join(folder, "made");
  const deb = (architecture: string) => join(made, `telesetd_${version}_${architecture}.deb`);
  const tree = (architecture: string) => join(folder, architecture);
  const file = (name: string) => readFileSync(join(tree("amd64"), name), "utf8");

  beforeAll(() => {
    expect(build("all", made)).toBeUndefined();
    for (const architecture of ["amd64", "arm64"]) unpack(deb(architecture), tree(architecture));
  });

  test("are reproducible in another folder, time zone, umask and language", () => {
    const elsewhere = join(folder, "another place", "deeper");
    mkdirSync(elsewhere, { recursive: true });
    expect(build("amd64", elsewhere, { TZ: "Asia/Tokyo", UMASK: "077", LANG: "C.UTF-8", TMPDIR: elsewhere })).toBeUndefined();
    for (const name of ["telesetd-linux-x64", `telesetd_${version}_amd64.deb`, `telesetd_${version}.cdx.json`]) {
      expect(`${name} ${sha256(join(elsewhere, name))}`).toBe(`${name} ${sha256(join(made, name))}`);
    }
  });

  test("SHA256SUMS lists every artefact with the right sum", () => {
    const { text, code } = outputOf(["sh", "-c", `cd '${made}' && sha256sum --strict -c SHA256SUMS`]);
    expect(code).toBe(0);
    const named = text.split("\n").filter((line) => line !== "").map((line) => line.replace(": OK", ""));
    expect(named).toEqual(readdirSync(made).filter((name) => name !== "SHA256SUMS").sort());
  });

  test.each(["amd64", "arm64"])("%s: all files are owned by root, with the same time and the right modes", (architecture) => {
    const lines = outputOf(["dpkg-deb", "--contents", deb(architecture)], { TZ: "UTC" }).text.trim().split("\n")
      .map((line) => line.split(/\s+/));
    expect(new Set(lines.map(([, owner]) => owner))).toEqual(new Set(["root/root"]));
    expect(new Set(lines.map(([, , , day, time]) => `${day} ${time}`)).size).toBe(1);
    const programs = /^\.\/usr\/bin\/telesetd$/;
    for (const [mode = "", , , , , name = ""] of lines) {
      const wanted = name.endsWith(".issue")
        ? "lrwxrwxrwx"
        : name.endsWith("/")
        ? "drwxr-xr-x"
        : programs.test(name)
        ? "-rwxr-xr-x"
        : "-rw-r--r--";
      expect(`${name} ${mode}`).toBe(`${name} ${wanted}`);
    }
  });

  test("contain the units, the manual, the documents and the example, but no configuration", () => {
    const names = outputOf(["dpkg-deb", "--contents", deb("amd64")]).text.trim().split("\n").map((line) => line.split(" ./")[1]);
    const units = readdirSync(join(project, "systemd")).map((name) => `usr/lib/systemd/system/${name}`);
    for (
      const name of [
        "usr/bin/telesetd",
        ...units,
        "usr/share/man/man8/telesetd.8.gz",
        "usr/share/man/man5/telesetd.json.5.gz",
        "usr/share/bash-completion/completions/telesetd",
        "usr/share/doc/telesetd/README.md",
        "usr/share/doc/telesetd/docs/configuration.md",
        "usr/share/doc/telesetd/docs/fleet.md",
        "usr/share/doc/telesetd/docs/monitoring/dashboard.json",
        "usr/share/doc/telesetd/docs/monitoring/alerts.yml",
        "usr/share/doc/telesetd/changelog.gz",
        "usr/share/doc/telesetd/copyright",
        "usr/share/doc/telesetd/examples/config.json",
      ]
    ) expect(names).toContain(name);
    expect(names.filter((name) => name?.startsWith("etc/"))).toEqual([
      "etc/",
      "etc/issue.d/",
      "etc/telesetd/",
      // The login prompt shows errors of the first boot.
      "etc/issue.d/telesetd.issue -> /run/telesetd-firstboot/errors.txt",
    ]);
    expect(readdirSync(join(tree("amd64"), "DEBIAN")).sort()).toEqual(["control", "md5sums", ...scripts].sort());
  });

  test.each(["amd64", "arm64"])(
    "%s: control has the version, the architecture and the dependencies of the binary",
    (architecture) => {
      const field = (name: string) => outputOf(["dpkg-deb", "--field", deb(architecture), name]).text.trim();
      expect(field("Package")).toBe("telesetd");
      expect(field("Version")).toBe(version.replace("-", "~"));
      expect(field("Architecture")).toBe(architecture);
      const elf = readFileSync(join(tree(architecture), "usr/bin/telesetd")).subarray(0, 20);
      // e_machine of elf(5): 62 is x86-64, 183 is AArch64.
      expect(elf.readUInt16LE(18)).toBe(architecture === "amd64" ? 62 : 183);
      const [, libc = ""] = /libc6 \(>= 2\.(\d+)\)/.exec(field("Depends")) ?? [];
      expect(Number(libc)).toBe(newestGlibc(join(tree(architecture), "usr/bin/telesetd")));
      expect(field("Depends")).toContain("systemd (>=");
    },
  );

  test("the example is a valid configuration", () => {
    const example = join(tree("amd64"), "usr/share/doc/telesetd/examples/config.json");
    expect(outputOf([join(project, "node_modules/.bin/bun"), join(project, "src/main.ts"), "check", "--config", example]).code)
      .toBe(
        0,
      );
  });

  test("md5sums are right, and the changelog is the project's", () => {
    expect(outputOf(["sh", "-c", `cd '${tree("amd64")}' && md5sum --strict --quiet -c DEBIAN/md5sums`])).toEqual({
      text: "",
      code: 0,
    });
    const log = outputOf(["zcat", join(tree("amd64"), "usr/share/doc/telesetd/changelog.gz")]).text;
    expect(log).toStartWith(`telesetd (${version.replace("-", "~")}) unstable; urgency=medium\n\n  [ `);
    expect(outputOf(["sh", "-c", `zcat '${join(tree("amd64"), "usr/share/doc/telesetd/changelog.gz")}' | tail -n 1`]).text)
      .toMatch(/^ -- .+ <.+@.+> {2}\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d \+0000$/m);
  });

  test("copyright and the bill of materials list the runtime and every library in the binary", () => {
    const lock = JSON.parse(readFileSync(join(project, "package-lock.json"), "utf8")) as {
      packages: Record<string, { version: string; dev?: boolean; link?: boolean }>;
    };
    const places = Object.entries(lock.packages).filter(([place, { dev, link }]) =>
      place.startsWith("node_modules/") && !dev && !link
    );
    const bom = JSON.parse(readFileSync(join(made, `telesetd_${version}.cdx.json`), "utf8")) as {
      components: { name: string; version: string; licenses: unknown[] }[];
    };
    const bun = lock.packages["node_modules/bun"]?.version ?? "none";
    const listed = bom.components.map((component) => `${component.name}@${component.version}`);
    expect(places.length).toBeGreaterThan(5);
    for (const [place, { version: of }] of places) {
      expect(file("usr/share/doc/telesetd/copyright")).toContain(`\nFiles: ${place}/*\n`);
      expect(listed).toContain(`${place.replace(/^.*node_modules\//, "")}@${of}`);
    }
    expect(listed).toContain(`bun@${bun}`);
    // Vulnerability scanners compare versions.
    const versionOf = (part: string) => bom.components.find(({ name }) => name === part)?.version;
    expect(versionOf("SQLite")).toBe(process.versions["sqlite"] ?? "none");
    expect(versionOf("BoringSSL")).toMatch(/^[0-9a-f]{40}$/);
    for (const part of ["SQLite", "JavaScriptCore", "llhttp", "libc++abi", "stream-browserify"]) {
      expect(bom.components.some(({ name }) => name.startsWith(part))).toBe(true);
      expect(file("usr/share/doc/telesetd/copyright")).toContain(part);
    }
    expect(bom.components.every(({ licenses }) => licenses.length > 0)).toBe(true);
  });

  test("the bill of materials is made without npm, whose versions differ, and is consistent", () => {
    const bun = join(project, "node_modules/.bin/bun");
    const { text, code } = outputOf([bun, join(project, "packaging/write.ts"), "sbom"], {
      SOURCE_DATE_EPOCH: "1",
      PATH: "/nowhere",
    });
    expect(code).toBe(0);
    const bom = JSON.parse(text) as {
      metadata: { component: { "bom-ref": string } };
      components: { "bom-ref": string; type: string; purl?: string; hashes?: { content: string }[] }[];
      dependencies: { ref: string; dependsOn: string[] }[];
    };
    const refs = [bom.metadata.component["bom-ref"], ...bom.components.map((component) => component["bom-ref"])];
    expect(new Set(refs).size).toBe(refs.length);
    expect(bom.dependencies.flatMap(({ ref, dependsOn }) => [ref, ...dependsOn]).filter((ref) => !refs.includes(ref))).toEqual(
      [],
    );
    const needed = new Set(bom.dependencies.flatMap(({ dependsOn }) => dependsOn));
    expect(refs.slice(1).filter((ref) => !needed.has(ref))).toEqual([]);
    for (const { purl, hashes, type } of bom.components) {
      if (purl !== undefined && type === "library") expect(hashes?.[0]?.content).toMatch(/^[0-9a-f]{128}$/);
    }
  });

  test.skipIf(noQemu !== "")(`the arm64 package's binary runs${noQemu}`, () => {
    const binary = join(tree("arm64"), "usr/bin/telesetd");
    expect(outputOf([qemu ?? "", "-L", "/usr/aarch64-linux-gnu", binary, "version"])).toEqual({
      text: `telesetd ${version}\n`,
      code: 0,
    });
  });

  test.skipIf(noShellcheck !== "")(`shellcheck reports no problem in the maintainer scripts${noShellcheck}`, () => {
    expect(outputOf(["shellcheck", ...scripts.map((name) => join(tree("amd64"), "DEBIAN", name))])).toEqual({
      text: "",
      code: 0,
    });
  });

  test.skipIf(noLintian !== "")(`lintian reports no problem without an override${noLintian}`, () => {
    const { text, code } = outputOf(["lintian", "--display-info", "--pedantic", "--fail-on", "error,warning,info", deb("amd64")]);
    expect(text.split("\n").filter((line) => /^[A-Z]: /.test(line))).toEqual([]);
    expect(code).toBe(0);
    const overrides = readFileSync(join(project, "packaging/lintian-overrides"), "utf8").split("\n").filter((line) =>
      line !== ""
    );
    overrides.forEach((line, index) => {
      if (!line.startsWith("#") && !overrides[index - 1]?.startsWith("telesetd:")) expect(overrides[index - 1]).toStartWith("# ");
    });
  });
});

function sha256(path: string): string {
  return createHash("sha256").update(readFileSync(path)).digest("hex");
}

/** From the dynamic section (DT_VERNEED) if objdump is installed, otherwise from the names in the file. */
function newestGlibc(binary: string): number {
  const names = Bun.which("objdump")
    ? outputOf(["sh", "-c", `objdump -p '${binary}' | grep -oE 'GLIBC_2\\.[0-9]+'`]).text
    : outputOf(["grep", "-aoE", "GLIBC_2\\.[0-9]+", binary]).text;
  return Math.max(...names.split("\n").filter((name) => name !== "").map((name) => Number(name.split(".")[1])));
}
