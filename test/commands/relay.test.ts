/** What `telesetd relay` demands of its configuration beyond the schema. */
import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { readRelayConfig } from "../../src/commands/relay.ts";
import { ConfigError } from "../../src/config/schema.ts";
import { ownFolder } from "../support/folder.ts";

const file = join(ownFolder(), "relay.json");
const relay = { servers: ["tls://nats1:4222"], desks: [{ extension: "1001" }] };
const line = { driver: "freeswitch", password: "ClueCon", domain: "127.0.0.1" };

function problems(config: unknown): readonly string[] {
  writeFileSync(file, JSON.stringify(config));
  try {
    readRelayConfig(file, { environment: {} });
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
}

test("where boxes name the agents, the relay needs a list of who may log in where", () => {
  const named = { ...line, acd: {}, acdAgent: "{agent}@default" };
  expect(problems({ relay, line: named })).toEqual([expect.stringMatching(/^relay\.agents is missing: .*\{agent\}.*"1001"/)]);
  expect(problems({ relay: { ...relay, agents: { "1001": ["7"] } }, line: named })).toEqual([]);
  expect(problems({ relay, line: { ...named, acdAgent: "{extension}@default" } })).toEqual([]);
  expect(problems({ relay, line: { ...named, acd: "none" } })).toEqual([]);
  expect(problems({ relay: { ...relay, agents: { "10*1": ["7"] } }, line: named }).join()).toContain("relay.agents");
});
