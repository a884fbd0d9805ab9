/** The configuration of a relay. */
import { describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { lineSchemas } from "../../drivers/registry.ts";
import { isRelayConfig, parseRelayConfig } from "../../src/config/relay.ts";
import { ConfigError } from "../../src/config/schema.ts";
import { ownFolder } from "../support/folder.ts";

const folder = ownFolder();
const line = { driver: "freeswitch", password: "ClueCon", domain: "127.0.0.1" };
const relay = { servers: ["tls://nats1:4222"], desks: [{ extension: "1001" }] };

function parse(config: unknown) {
  return parseRelayConfig(JSON.stringify(config), lineSchemas, { CREDENTIALS_DIRECTORY: folder });
}

function problems(config: unknown): readonly string[] {
  try {
    parse(config);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
}

describe("the configuration of a relay", () => {
  test("has defaults for everything but the servers, the desks and the line", () => {
    expect(parse({ relay, line }).relay).toMatchObject({
      name: "a",
      rank: 1,
      prefix: "tele",
      desks: [{ extension: "1001", aliases: [] }],
      dial: { perMinute: 20, perDay: 1000, agentPerMinute: 30 },
      variables: expect.arrayContaining(["CustomerID"]),
    });
    expect(parse({ relay, line }).numbers.emergency?.some((pattern) => pattern.test("911"))).toBe(true);
  });

  test("takes the desks from a file, and its secrets from credentials", () => {
    const file = join(folder, "desks.json");
    writeFileSync(file, JSON.stringify([{ extension: "1001" }, { extension: "1002", aliases: ["2@pbx"] }]));
    writeFileSync(join(folder, "relay"), "u:secret\n");
    const config = parse({ relay: { ...relay, desks: { file }, credentials: { credential: "relay" } }, line });
    expect(config.relay.desks.map(({ extension }) => extension)).toEqual(["1001", "1002"]);
    expect(config.relay.credentials).toBe("u:secret");
  });

  test("lists every error, with its path", () => {
    expect(
      problems({
        relay: { servers: ["http://x"], desks: [{ extension: "1001" }, { extension: "1001" }], rnk: 2, name: "a b" },
        line: { ...line, port: 0 },
      }).join("\n"),
    ).toMatch(/relay\.desks\[1\]\.extension: 1001 is listed twice/);
    const text = problems({ relay: { servers: ["http://x"], desks: [], rnk: 2 }, line: { ...line, port: 0 } }).join("\n");
    expect(text).toContain("relay.servers[0]");
    expect(text).toContain("rank");
    expect(text).toContain("line.port");
  });

  test.each([
    ["that is missing", undefined, /there is no such file/],
    ["that is not JSON", "{", /desks\.file/],
    ["with a bad extension", '[{"extension":"x"}]', /extension/],
    ["with an extension twice", '[{"extension":"1"},{"extension":"1"}]', /listed twice/],
  ])("names a file of desks %s", (name, text, why) => {
    const file = join(folder, name.replaceAll(" ", "-"));
    if (text !== undefined) writeFileSync(file, text);
    expect(problems({ relay: { ...relay, desks: { file } }, line }).join("\n")).toMatch(why);
    expect(problems({ relay: { ...relay, desks: { file } }, line }).join("\n")).toContain(file);
  });

  test("differs from that of a box", () => {
    expect(isRelayConfig(JSON.stringify({ relay, line }))).toBe(true);
    expect(isRelayConfig(JSON.stringify({ desks: [], line }))).toBe(false);
    expect(isRelayConfig("{")).toBe(false);
  });

  test("errors never contain a secret", () => {
    expect(problems({ relay: { ...relay, credentials: ["hush"], prefix: "*" }, line }).join("\n")).not.toContain("hush");
  });
});
