/**
 * StrykerJS with its command runner, because it has no runner for `bun test`: every change is compiled into one copy of
 * the source and switched on by an environment variable, so a change costs one run of the group's tests.
 */
import { tmpdir } from "node:os";
import { join } from "node:path";

const groups = {
  core: {
    mutate: ["src/core/**/*.ts"],
    tests: "test/core test/oracle.test.ts",
  },
  outbox: {
    mutate: ["src/outbox/*.ts"],
    tests: "test/outbox test/loop.test.ts",
  },
  store: {
    mutate: ["src/store/*.ts"],
    tests: "test/store",
  },
  shared: {
    mutate: ["drivers/shared/*.ts"],
    tests: "test/drivers/shared test/drivers/freeswitch/autoanswer.test.ts test/drivers/freeswitch/wire/greeting.test.ts",
  },
  freeswitch: {
    mutate: ["drivers/freeswitch/{translate,parties,signs}.ts"],
    tests: "test/drivers/freeswitch/translate.test.ts test/drivers/freeswitch/transcript.test.ts",
  },
  dialogs: {
    mutate: [
      "drivers/sip/dialogs/*.ts",
    ],
    tests: "test/drivers/sip/dialogs",
  },
};

const name = process.env["MUTATION_GROUP"] ?? "core";
const group = groups[name];
if (!group) {
  throw new Error(
    `Unknown group "${name}": expected one of ${Object.keys(groups).join(", ")}`,
  );
}

export default {
  testRunner: "command",
  commandRunner: {
    command: `./node_modules/.bin/bun test --bail ${group.tests}`,
  },
  mutate: process.env["MUTATION_FILES"]?.split(",") ?? group.mutate,
  reporters: ["clear-text", "json"],
  clearTextReporter: { allowColor: false, logTests: false, reportTests: false },
  jsonReporter: { fileName: `dist/mutation/${name}.json` },
  // Outside the project, where `bun test` would run the copies of the tests too.
  tempDirName: join(tmpdir(), "telesetd-mutation"),
  ignorePatterns: ["dist", "docs", "man", "scripts/mutation/node_modules"],
  concurrency: 2,
  timeoutMS: 20_000,
  allowEmpty: false,
};
