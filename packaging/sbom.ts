/**
 * The bill of materials (CycloneDX 1.5): the libraries of package-lock.json, and the runtime. It is not made by `npm sbom` or
 * @cyclonedx/cyclonedx-npm 6: both run the installed npm, so that the result depends on its version. The latter also needs 177
 * packages, and with --package-lock-only it has no licence of modesl and no checksums, which are read from the files here.
 */
import { createHash } from "node:crypto";
import { version } from "../src/version.ts";
import { bun, libraries, type Library, lock } from "./libraries.ts";
import { runtimeParts } from "./runtime.ts";

interface Component {
  readonly "bom-ref": string;
  readonly name: string;
  readonly [field: string]: unknown;
}

const runtime = `bun@${bun}`;

/** The text of the file. @param seconds the time of the build, in s since 1970. */
export function sbom(seconds: number): string {
  const all = libraries();
  const own = `telesetd@${version}`;
  const refs = (place: string) =>
    Object.keys(lock.packages[place]?.dependencies ?? {}).map((name) => placeOf(name, place))
      .filter((place) => !lock.packages[place]?.link).map(refAt);
  const made = {
    $schema: "http://cyclonedx.org/schema/bom-1.5.schema.json",
    bomFormat: "CycloneDX",
    specVersion: "1.5",
    version: 1,
    metadata: {
      timestamp: new Date(seconds * 1000).toISOString(),
      lifecycles: [{ phase: "build" }],
      component: {
        "bom-ref": own,
        type: "application",
        name: "telesetd",
        version,
        purl: `pkg:npm/${own}`,
        licenses: [named("Apache-2.0", "Apache-2.0")],
      },
    },
    components: [...all.map(component), ...runtimeComponents()],
    dependencies: [
      { ref: own, dependsOn: [...refs(""), runtime] },
      ...all.map(({ place }) => ({ ref: refAt(place), dependsOn: refs(place) })),
      { ref: runtime, dependsOn: runtimeParts.map(({ name }) => `${runtime}/${name}`) },
    ],
  };
  const digest = createHash("sha256").update(JSON.stringify(made)).digest("hex");
  return `${JSON.stringify({ ...made, serialNumber: `urn:uuid:${uuid(digest)}` }, undefined, 2)}\n`;
}

function component({ name, version, place, author, licence }: Library): Component {
  return {
    "bom-ref": refAt(place),
    type: "library",
    name,
    version,
    ...(author === "" ? {} : { author }),
    purl: `pkg:npm/${name.replace("@", "%40")}@${version}`,
    hashes: [hashOf(place)],
    externalReferences: [{ type: "distribution", url: `https://www.npmjs.com/package/${name}/v/${version}` }],
    licenses: [named(licence, licence)],
  };
}

/** The checksum of the package, pinned by package-lock.json. */
function hashOf(place: string): object {
  const [, sha512] = /^sha512-(.+)$/.exec(lock.packages[place]?.integrity ?? "") ?? [];
  if (sha512 === undefined) throw new Error(`package-lock.json pins no SHA-512 of ${place}: run npm install`);
  return { alg: "SHA-512", content: Buffer.from(sha512, "base64").toString("hex") };
}

/** Finds a dependency as Node.js does: in the node_modules of the place itself, or in the nearest one above. */
function placeOf(name: string, from: string): string {
  for (let around = from;; around = around.slice(0, Math.max(0, around.lastIndexOf("/node_modules/")))) {
    const place = around === "" ? `node_modules/${name}` : `${around}/node_modules/${name}`;
    if (lock.packages[place] !== undefined) return place;
    if (around === "") throw new Error(`package-lock.json has no ${name}, which ${from} needs`);
  }
}

function refAt(place: string): string {
  return `${place.replace(/^.*node_modules\//, "")}@${lock.packages[place]?.version}`;
}

function runtimeComponents(): Component[] {
  const hashes = ["x64", "aarch64"].flatMap((machine) => {
    const { integrity } = lock.packages[`node_modules/@oven/bun-linux-${machine}`] ?? {};
    return integrity === undefined ? [] : [{ name: `npm:@oven/bun-linux-${machine}:integrity`, value: integrity }];
  });
  return [
    {
      "bom-ref": runtime,
      type: "platform",
      name: "bun",
      version: bun,
      description: "the JavaScript runtime in the binary",
      purl: `pkg:npm/bun@${bun}`,
      properties: hashes,
      externalReferences: [{ type: "vcs", url: `https://github.com/oven-sh/bun/tree/bun-v${bun}` }],
      licenses: [named("MIT", "MIT")],
    },
    ...runtimeParts.map(({ name, licence, spdx, versionKey }) => ({
      "bom-ref": `${runtime}/${name}`,
      type: "library",
      name,
      ...(versionKey === undefined ? {} : { version: versionOf(versionKey) }),
      description: `linked into bun ${bun}`,
      licenses: [named(licence, spdx)],
    })),
  ];
}

/** A licence with an exception is an expression, not an id. */
function named(licence: string, spdx: string | undefined): object {
  if (spdx?.includes(" ")) return { expression: spdx };
  return { license: spdx === undefined ? { name: licence } : { id: spdx } };
}

/** The version or commit of a part, from the Bun that runs this code, whose runtime goes into the binary. */
function versionOf(part: string): string {
  if (process.versions["bun"] !== bun) throw new Error(`This is Bun ${process.versions["bun"]}: expected ${bun}, run npm ci`);
  const version = process.versions[part];
  if (version === undefined) throw new Error(`Bun ${bun} has no version of ${part}: check packaging/runtime.ts`);
  return version;
}

/** A UUID (RFC 9562, version 8) from a digest, so that the same contents have the same serial number. */
function uuid(hex: string): string {
  return [hex.slice(0, 8), hex.slice(8, 12), `8${hex.slice(13, 16)}`, `8${hex.slice(17, 20)}`, hex.slice(20, 32)].join("-");
}
