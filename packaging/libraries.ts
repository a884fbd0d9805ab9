/** The npm libraries that are compiled into the binary, as package-lock.json pins them. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** The project's folder. */
export const root = join(import.meta.dir, "..");

/** One library. */
export interface Library {
  readonly name: string;
  readonly version: string;
  /** Where it stands, from the project's folder. */
  readonly place: string;
  /** Who made it, by its package.json. */
  readonly author: string;
  /** The text of its licence. */
  readonly text: string;
  /** Its licence's short name in SPDX's list. */
  readonly licence: string;
}

interface Lock {
  readonly packages: Readonly<Record<string, Locked>>;
}

interface Locked {
  readonly version?: string;
  readonly dev?: boolean;
  readonly integrity?: string;
  readonly dependencies?: Readonly<Record<string, string>>;
}

/** package-lock.json. */
export const lock = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")) as Lock;

/** The version of Bun, whose runtime is the binary's other part. */
export const bun: string = lock.packages["node_modules/bun"]?.version ?? "";

/** All of them, by name. @throws Error when one names no licence, or one that is not known. */
export function libraries(): Library[] {
  return Object.entries(lock.packages).flatMap(([place, { dev, version = "" }]) =>
    place === "" || dev === true ? [] : [library(place, version)]
  ).sort((one, other) => one.name < other.name ? -1 : 1);
}

function library(place: string, version: string): Library {
  const folder = join(root, place);
  const manifest = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as Manifest;
  const given = { name: manifest.name, version, place, author: name(manifest.author) };
  const text = licenceText(folder);
  if (text !== undefined) return { ...given, text, licence: licence(text, place) };
  if (manifest.license === undefined) throw new Error(`${place} names no licence: ask its author before it is compiled in`);
  const why = `Named in ${manifest.name}'s package.json; no text comes with it.`;
  return { ...given, text: why, licence: manifest.license };
}

interface Manifest {
  readonly name: string;
  readonly author?: Author;
  readonly license?: string;
}

/** The licence's file, or the part of the readme that has it. */
function licenceText(folder: string): string | undefined {
  const names = readdirSync(folder);
  const read = (pattern: RegExp) => {
    const file = names.find((name) => pattern.test(name));
    return file === undefined ? undefined : readFileSync(join(folder, file), "utf8").replaceAll("\r", "").trim();
  };
  const [, part] = /^#+ licen[cs]e\s*$([\s\S]+?)(?=^#|(?![\s\S]))/im.exec(read(/^readme\.md$/i) ?? "") ?? [];
  return read(/^licen[cs]e(\.(md|txt))?$/i) ?? part?.replaceAll("&lt;", "<").replaceAll("&gt;", ">").trim();
}

type Author = string | { readonly name?: string };

function name(author: Author | undefined): string {
  return (typeof author === "string" ? author : author?.name ?? "").replace(/\s*\(.*/, "");
}

/** By its text: package.json is silent in some, and the text is what counts. */
function licence(text: string, place: string): string {
  const known: readonly [RegExp, string][] = [
    [/Mozilla Public License Version 2\.0/, "MPL-2.0"],
    [/Blue Oak Model License/, "BlueOak-1.0.0"],
    [/Permission is hereby granted, free of charge, to any person obtaining\s+a\s+copy/, "MIT"],
    [/Permission to use, copy, modify, and\/or distribute this software/, "ISC"],
    [/Redistributions of source code must retain[\s\S]*Neither the name/, "BSD-3-Clause"],
    [/Redistributions of source code must retain/, "BSD-2-Clause"],
    [/Apache License\s+Version 2\.0/, "Apache-2.0"],
  ];
  const found = known.find(([words]) => words.test(text))?.[1];
  if (found === undefined) {
    throw new Error(`The licence of ${place} is not known: read it, then name it in packaging/libraries.ts`);
  }
  return found;
}
