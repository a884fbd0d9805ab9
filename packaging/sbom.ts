/** The bill of materials (CycloneDX): what `npm sbom` says of the libraries, made the same at every build, and the runtime. */
import { createHash } from "node:crypto";
import { bun, libraries, lock } from "./libraries.ts";
import { runtimeParts } from "./runtime.ts";

interface Component {
  readonly "bom-ref": string;
  readonly name: string;
  readonly [field: string]: unknown;
}

interface Bom {
  readonly metadata: { readonly component: Component };
  readonly components: readonly Component[];
  readonly dependencies: readonly { readonly ref: string; readonly dependsOn: readonly string[] }[];
  readonly [field: string]: unknown;
}

/** @param text what `npm sbom --omit dev --sbom-format cyclonedx` printed. @param seconds the build's time, in s since 1970. */
export function sbom(text: string, seconds: number): string {
  const bom = JSON.parse(text) as Bom;
  const { component } = bom.metadata;
  const runtime = `bun@${bun}`;
  const made = {
    ...bom,
    serialNumber: undefined,
    metadata: {
      timestamp: new Date(seconds * 1000).toISOString(),
      lifecycles: [{ phase: "build" }],
      // npm takes the folder's name, and its own version says nothing of telesetd.
      component: { ...component, type: "application", name: "telesetd" },
    },
    components: [...bom.components.map(licensed), ...runtimeComponents(runtime)],
    dependencies: [
      ...bom.dependencies.map((one) =>
        one.ref === component["bom-ref"] ? { ...one, dependsOn: [...one.dependsOn, runtime] } : one
      ),
      { ref: runtime, dependsOn: runtimeParts.map(({ name }) => `${runtime}/${name}`) },
    ],
  };
  const digest = createHash("sha256").update(JSON.stringify(made)).digest("hex");
  return `${JSON.stringify({ ...made, serialNumber: `urn:uuid:${uuid(digest)}` }, undefined, 2)}\n`;
}

/** npm knows no licence where package.json names none in today's way: the licence's text does. */
function licensed(component: Component): Component {
  const found = libraries().find(({ name }) => name === component.name);
  if (found === undefined) throw new Error(`npm names ${component.name}, and package-lock.json does not: run npm ci`);
  return { ...component, licenses: [{ license: { id: found.licence } }] };
}

function runtimeComponents(ref: string): Component[] {
  const hashes = ["x64", "aarch64"].flatMap((machine) => {
    const { integrity } = lock.packages[`node_modules/@oven/bun-linux-${machine}`] ?? {};
    return integrity === undefined ? [] : [{ name: `npm:@oven/bun-linux-${machine}:integrity`, value: integrity }];
  });
  return [
    {
      "bom-ref": ref,
      type: "platform",
      name: "bun",
      version: bun,
      description: "the JavaScript runtime that the binary carries",
      purl: `pkg:npm/bun@${bun}`,
      properties: hashes,
      externalReferences: [{ type: "vcs", url: `https://github.com/oven-sh/bun/tree/bun-v${bun}` }],
      licenses: [{ license: { id: "MIT" } }],
    },
    ...runtimeParts.map(({ name, licence, spdx, told }) => ({
      "bom-ref": `${ref}/${name}`,
      type: "library",
      name,
      ...(told === undefined ? {} : { version: versionOf(told) }),
      description: `linked into bun ${bun}`,
      licenses: [named(licence, spdx)],
    })),
  ];
}

/** A licence with an exception is an expression, no id. */
function named(licence: string, spdx: string | undefined): object {
  if (spdx?.includes(" ")) return { expression: spdx };
  return { license: spdx === undefined ? { name: licence } : { id: spdx } };
}

/** The version or commit of a part, by the Bun that runs this, which is the one whose runtime goes into the binary. */
function versionOf(part: string): string {
  if (process.versions["bun"] !== bun) throw new Error(`This is Bun ${process.versions["bun"]}: want ${bun}, run npm ci`);
  const version = process.versions[part];
  if (version === undefined) throw new Error(`Bun ${bun} tells no version of ${part}: look at packaging/runtime.ts`);
  return version;
}

/** A UUID (RFC 9562, version 8) out of a digest: the same contents, the same number. */
function uuid(hex: string): string {
  return [hex.slice(0, 8), hex.slice(8, 12), `8${hex.slice(13, 16)}`, `8${hex.slice(17, 20)}`, hex.slice(20, 32)].join("-");
}
