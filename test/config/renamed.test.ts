/** Keys that had another name in 0.1.0: the error names the key that has taken the place of each. */
import { expect, test } from "bun:test";
import { lineSchemas } from "../../drivers/registry.ts";
import { ConfigError, parseConfig } from "../../src/config/schema.ts";

const lines = {
  freeswitch: { driver: "freeswitch", password: "x", domain: "pbx" },
  sip: { driver: "sip", user: "1099", domain: "pbx" },
} as const;

/** Driver, section, former name, name, a value that the key takes under either name. */
const renamed: readonly [keyof typeof lines, string, string, string, unknown][] = [
  ["freeswitch", "http", "names", "hostNames", ["box"]],
  ["freeswitch", "http", "monitors", "monitorAllow", ["10.1.0.20"]],
  ["freeswitch", "http", "browsers", "allowBrowsers", true],
  ["freeswitch", "crm", "allow", "registerAllow", ["10.1.0.20"]],
  ["freeswitch", "outbox", "atMost", "maxEvents", 100],
  ["freeswitch", "outbox", "otherHours", "callEventHours", 12],
  ["freeswitch", "store", "keepEvents", "keepRecords", 100],
  ["freeswitch", "agent", "hashes", "passwordHashes", {}],
  ["freeswitch", "line", "phone", "phoneMake", "snom"],
  ["freeswitch", "line", "agent", "acdAgent", "{agent}@default"],
  ["freeswitch", "line", "passwordParam", "directoryPasswordParam", "pin"],
  ["sip", "line", "phone", "phoneMake", "snom"],
  ["sip", "line", "login", "authUser", "box"],
  ["sip", "line", "dial", "dialMethod", "refer"],
  ["sip", "line", "secret", "drachtioSecret", "x"],
];

test.each(renamed)("%s: %s.%s has become %s", (driver, section, former, key, value) => {
  expect(problemsWith(driver, section, former, value)).toEqual([`${section}.${former} has been renamed: use ${section}.${key}`]);
  expect(problemsWith(driver, section, key, value)).toEqual([]);
});

function problemsWith(driver: keyof typeof lines, section: string, key: string, value: unknown): readonly string[] {
  const line = lines[driver];
  const given = { desks: [{ extension: "1001" }], line, [section]: { ...(section === "line" ? line : {}), [key]: value } };
  try {
    parseConfig(JSON.stringify(given), lineSchemas, {});
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
}
