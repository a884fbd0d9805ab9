/** The packages for the tests: the real ones, made by scripts/package, and small ones of other versions derived from them. */
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { outputOf } from "./root.ts";

export const project = join(import.meta.dir, "../../..");

/** Runs scripts/package without compression, or with little where lintian objects to none. @returns its output if it failed. */
export function build(architecture: string, folder: string, environment: Record<string, string> = {}): string | undefined {
  const { text, code } = outputOf([
    "sh",
    "-c",
    `umask ${environment["UMASK"] ?? "022"}; exec "$0" "$@"`,
    join(project, "scripts/package"),
    architecture,
    folder,
  ], {
    DEB_COMPRESS: Bun.which("lintian") ? "gzip" : "none",
    ...environment,
  });
  return code === 0 ? undefined : text;
}

/** A package's content, extracted with its control files. */
export function unpack(deb: string, folder: string): void {
  const { text, code } = outputOf(["dpkg-deb", "--raw-extract", deb, folder]);
  if (code !== 0) throw new Error(text);
}

/** A small package of another version: its binary answers `check` with this exit code, and restarts the service to apply. */
export function variant(unpacked: string, folder: string, version: string, checks: number): string {
  const tree = join(folder, `tree-${version}`);
  mkdirSync(join(tree, "usr/bin"), { recursive: true });
  for (const part of ["DEBIAN", "etc", "usr/lib"]) outputOf(["cp", "-a", join(unpacked, part), join(tree, part)]);
  const edit = (name: string, from: RegExp, to: string) => {
    const file = join(tree, "DEBIAN", name);
    writeFileSync(file, readFileSync(file, "utf8").replace(from, to));
  };
  edit("control", /^Version: .*/m, `Version: ${version}`);
  edit("postinst", /^version=.*/m, `version=${version}`);
  const program = join(tree, "usr/bin/telesetd");
  writeFileSync(
    program,
    `#!/bin/sh\ncase $1 in\napply) exec systemctl restart telesetd.service ;;\ncheck | relay) echo "checked by ${version}"; exit ${checks} ;;\nesac\nexit 9\n`,
  );
  chmodSync(program, 0o755);
  const deb = join(folder, `telesetd_${version}.deb`);
  const { text, code } = outputOf(["dpkg-deb", "--root-owner-group", "-Zgzip", "-z1", "--build", tree, deb]);
  if (code !== 0) throw new Error(text);
  return deb;
}
