/** The source files and what they import, for the tests of the import rules. */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";

/** The repository's root. */
export const root = join(import.meta.dir, "../..");

/** One import: `to` is a file of the repository (`src/log/log.ts`) or a package (`valibot`, `node:fs`). */
export interface Import {
  readonly to: string;
  /** Only types: absent at run time. */
  readonly typeOnly: boolean;
}

/** A source file. */
export interface Source {
  readonly path: string;
  readonly text: string;
  readonly imports: readonly Import[];
}

/** All TypeScript files (with and without JSX) below these folders, except those of packages (the bench installs its own). */
export function sources(...folders: string[]): Source[] {
  return folders.flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: "utf8" }).map((name) => join(folder, name))
  )
    .filter((path) => /\.tsx?$/.test(path) && !path.includes("node_modules")).toSorted().map((path) => {
      const text = readFileSync(join(root, path), "utf8");
      return { path, text, imports: importsOf(text).map((edge) => ({ ...edge, to: resolved(path, edge.to) })) };
    });
}

const statement = /^[ \t]*(?:import|export)\s+(type\s+)?((?:\*(?:\s+as\s+\w+)?|\w+)?\s*,?\s*(?:\{[^}]*\})?)\s*from\s*"([^"]+)"/gm;
const sideEffect = /^[ \t]*import\s*"([^"]+)"/gm;
const dynamic = /\b(?:import|require)\(\s*["'`]([^"'`]+)["'`]/g;

/** The imports of a file's text, as they are written. */
export function importsOf(text: string): Import[] {
  return [
    ...[...text.matchAll(statement)].map(([, type, names = "", to = ""]) => ({
      to,
      typeOnly: type !== undefined || allTypes(names),
    })),
    ...[...text.matchAll(sideEffect)].map(([, to = ""]) => ({ to, typeOnly: false })),
    ...[...text.matchAll(dynamic)].map(([, to = ""]) => ({ to, typeOnly: false })),
  ];
}

/** `{ type A, type B }` */
function allTypes(names: string): boolean {
  const list = /^\{([^}]*)\}$/.exec(names.trim())?.[1]?.split(",").map((name) => name.trim()).filter((name) => name !== "");
  return list !== undefined && list.length > 0 && list.every((name) => name.startsWith("type "));
}

function resolved(from: string, to: string): string {
  return to.startsWith(".") ? relative(root, join(root, dirname(from), to)) : to;
}

/** The code of a file: without comments and without the insides of strings. */
export function codeOf(text: string): string {
  const parts = /\/\*[\s\S]*?\*\/|\/\/[^\n]*|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\$]|\\.|\$(?!\{))*`/g;
  return text.replace(parts, (part) => (part.startsWith("/") ? "" : '""'));
}

/** A ring of imports, as a list of files, or nothing. */
export function ringIn(files: readonly Pick<Source, "path" | "imports">[]): string[] | undefined {
  const edges = new Map(files.map(({ path, imports }) => [path, imports.map(({ to }) => to)]));
  const done = new Set<string>();
  const search = (path: string, way: readonly string[]): string[] | undefined => {
    if (way.includes(path)) return [...way.slice(way.indexOf(path)), path];
    if (done.has(path)) return undefined;
    for (const to of edges.get(path) ?? []) {
      const ring = search(to, [...way, path]);
      if (ring) return ring;
    }
    done.add(path);
    return undefined;
  };
  for (const path of edges.keys()) {
    const ring = search(path, []);
    if (ring) return ring;
  }
  return undefined;
}
