/** Secrets that a configuration refers to: in files, in credentials of systemd, and in files beside it on a boot partition. */
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import type * as v from "valibot";
import { readBootFile } from "./boot-file.ts";
import { isSecret } from "./problems.ts";
import { pathText, type Problem } from "./text.ts";

/** Secrets in files beside the configuration, on a boot partition. */
export interface Beside {
  /** The folder, which relative paths start from. */
  readonly folder: string;
  /** Whether only these are replaced, and other references stay unchanged. */
  readonly only: boolean;
  /** Collects the files that were read. */
  readonly files: Set<string>;
}

/** The path of a file inside the folder; undefined if it is elsewhere. */
function insideOf(folder: string, target: string): string | undefined {
  const file = resolve(folder, target);
  return file.startsWith(join(resolve(folder), "/")) ? file : undefined;
}

/** Replaces `{"file": ...}` and `{"credential": ...}` by the secret, where the schema has a secret. */
export class Secrets {
  /** The errors, by path. */
  readonly problems = new Map<string, Problem>();
  readonly #schema: v.GenericSchema;
  readonly #environment: Record<string, string | undefined>;
  readonly #beside: Beside | undefined;

  constructor(schema: v.GenericSchema, environment: Record<string, string | undefined>, beside?: Beside) {
    this.#schema = schema;
    this.#environment = environment;
    this.#beside = beside;
  }

  filledIn(value: unknown, path: readonly PropertyKey[] = []): unknown {
    if (Array.isArray(value)) return value.map((item, index) => this.filledIn(item, [...path, index]));
    if (typeof value !== "object" || value === null) return value;
    const entries = Object.entries(value);
    const [key, target] = entries[0] ?? [];
    const refers = entries.length === 1 && (key === "file" || key === "credential") && typeof target === "string";
    if (refers && isSecret(this.#schema, path)) {
      const near = key === "file" ? this.#beside && insideOf(this.#beside.folder, target) : undefined;
      if (near !== undefined) return this.#readBeside(near, path);
      return this.#beside?.only ? value : this.#read(key, target, path);
    }
    return Object.fromEntries(entries.map(([name, item]) => [name, this.filledIn(item, [...path, name])]));
  }

  #read(key: "file" | "credential", target: string, at: readonly PropertyKey[]): string {
    const directory = this.#environment["CREDENTIALS_DIRECTORY"];
    if (key === "credential" && directory === undefined) {
      const place = `/etc/telesetd/secrets/${target}`;
      return this.#problem(at, `asks for the credential ${target}: expected the file ${place}, and there is no such folder`);
    }
    // LoadCredential=secrets:FOLDER (systemd.exec(5)) gives the file X in that folder the name secrets_X.
    const folded = join(directory ?? "", `secrets_${target}`);
    const file = key === "file" ? target : existsSync(folded) ? folded : join(directory ?? "", target);
    try {
      return secretIn(readFileSync(file, "utf8"));
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code ?? "unknown error";
      // The user of the service owns no files: files of root reach it as credentials.
      const hint = code === "EACCES" && key === "file"
        ? ': put it into /etc/telesetd/secrets and write {"credential": "its name"}'
        : "";
      const why = code === "ENOENT" ? "there is no such file" : code === "EISDIR" ? "it is a folder" : code;
      return this.#problem(at, `names ${file}: cannot read it: ${why}${hint}`);
    }
  }

  /** Reads a file on a boot partition, which is as untrusted as the configuration itself. */
  #readBeside(file: string, at: readonly PropertyKey[]): string {
    this.#beside?.files.add(file);
    const found = readBootFile(file)?.content ?? { trouble: "there is no such file: put it beside the configuration" };
    return "trouble" in found ? this.#problem(at, `names ${file}: ${found.trouble}`) : secretIn(found.text);
  }

  #problem(at: readonly PropertyKey[], text: string): "" {
    const path = pathText(at);
    this.problems.set(path, { path: at, text: `${path} ${text}` });
    return "";
  }
}

/** Removes the line end, and the byte order mark of editors on Windows. */
function secretIn(text: string): string {
  return text.replace(/^\uFEFF/, "").replace(/\r?\n$/, "");
}
