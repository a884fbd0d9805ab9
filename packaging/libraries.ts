/** The npm libraries that are compiled into the binary, as package-lock.json pins them. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** The project's folder. */
export const root = join(import.meta.dir, "..");

/** One library. */
export interface Library {
  readonly name: string;
  readonly version: string;
  /** Its folder, relative to the project. */
  readonly place: string;
  /** The author in its package.json. */
  readonly author: string;
  /** The text of its licence. */
  readonly text: string;
  /** The SPDX identifier of its licence. */
  readonly licence: string;
}

interface Lock {
  readonly packages: Readonly<Record<string, Locked>>;
}

interface Locked {
  /** A folder of the project in the place of a library. */
  readonly link?: true;
  readonly version?: string;
  readonly dev?: boolean;
  readonly integrity?: string;
  readonly dependencies?: Readonly<Record<string, string>>;
}

/** package-lock.json. */
export const lock = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")) as Lock;

/** The version of Bun, whose runtime is the other part of the binary. */
export const bun: string = lock.packages["node_modules/bun"]?.version ?? "";

/** All libraries, by name. @throws Error if one has no licence, or an unknown one. */
export function libraries(): Library[] {
  return Object.entries(lock.packages).flatMap(([place, { dev, link, version = "" }]) =>
    !place.startsWith("node_modules/") || dev || link ? [] : [library(place, version)]
  ).sort((a, b) => a.name < b.name ? -1 : 1);
}

function library(place: string, version: string): Library {
  const folder = join(root, place);
  const manifest = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as Manifest;
  const given = { name: manifest.name, version, place, author: name(manifest.author) };
  const text = licenceText(folder);
  if (text !== undefined) return { ...given, text, licence: licence(text, place) };
  if (manifest.license === undefined) throw new Error(`${place} has no licence: ask its author before compiling it in`);
  const why = `Named in the package.json of ${manifest.name}, which has no licence text.`;
  return { ...given, text: why, licence: manifest.license };
}

interface Manifest {
  readonly name: string;
  readonly author?: Author;
  readonly license?: string;
}

/** The text of the licence file, or of the licence section of the readme. */
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

/** Recognises the licence by its text: package.json may be silent, and the text counts. */
function licence(text: string, place: string): string {
  const known: readonly [RegExp, string][] = [
    [/Mozilla Public License Version 2\.0/, "MPL-2.0"],
    [/Blue Oak Model License/, "BlueOak-1.0.0"],
    [/Permission is hereby granted, free of charge, to any person obtaining\s+a\s+copy/, "MIT"],
    [/Permission to use, copy, modify, and\/or distribute this software/, "ISC"],
    [/Redistributions of source code must retain[\s\S]*Neither the name/, "BSD-3-Clause"],
    [/Redistributions of source code must retain/, "BSD-2-Clause"],
    [/Apache License\s+Version 2\.0/, "Apache-2.0"],
    [/free and unencumbered software released into the public domain/, "Unlicense"],
  ];
  const found = known.find(([words]) => words.test(text))?.[1];
  if (found === undefined) {
    throw new Error(`The licence of ${place} is unknown: read it, then add it to packaging/libraries.ts`);
  }
  return found;
}
