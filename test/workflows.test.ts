/** The workflows of the repository: valid YAML, pinned actions, and scripts that exist. */
import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";

interface Step {
  readonly uses?: string;
  readonly run?: string;
}

interface Job {
  readonly "runs-on": string;
  readonly "timeout-minutes"?: number;
  readonly container?: { readonly image: string };
  readonly strategy?: { readonly matrix: Readonly<Record<string, readonly string[]>> };
  readonly steps: readonly Step[];
}

const root = join(import.meta.dir, "..");
const folder = join(root, ".github/workflows");
const jobs = readdirSync(folder).flatMap((file) => {
  const parsed = Bun.YAML.parse(readFileSync(join(folder, file), "utf8")) as { readonly jobs: Readonly<Record<string, Job>> };
  return Object.entries(parsed.jobs).map(([name, job]) => ({ name: `${file}, ${name}`, job }));
});
const find = (name: string) => jobs.find((entry) => entry.name === name)?.job;

describe.each(jobs)("$name:", ({ job }) => {
  test("actions and images have a version", () => {
    expect(job.steps.flatMap(({ uses = [] }) => uses).filter((uses) => !/@v\d+\.\d+\.\d+$/.test(uses))).toEqual([]);
    expect(job.container?.image ?? "node:22").toMatch(/:\d/);
  });

  test("scripts exist and can be run", () => {
    const scripts = job.steps.flatMap(({ run = "" }) => [...run.matchAll(/(?:\.\/scripts|\.ci)\/[\w-]+/g)].map(([path]) => path));
    expect(scripts.filter((path) => (statSync(join(root, path)).mode & 0o111) === 0)).toEqual([]);
  });
});

test("each push is tested on x64 and arm64", () => {
  expect(find("test.yml, test")?.strategy?.matrix["runner"]).toEqual(["ubuntu-24.04", "ubuntu-24.04-arm"]);
});

test("the nightly mutation tests cover every group", () => {
  const config = readFileSync(join(root, "scripts/mutation/stryker.config.js"), "utf8");
  const groups = [...config.matchAll(/^ {2}(\w+): \{\n {4}mutate/gm)].map(([, name = ""]) => name);
  expect(groups.length).toBeGreaterThan(3);
  expect(find("nightly.yml, mutants")?.strategy?.matrix["group"]).toEqual(groups);
});
