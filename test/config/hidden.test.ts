/** The configuration without its secrets. */
import { describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { lineSchemas } from "../../drivers/registry.ts";
import { withoutSecrets } from "../../src/config/hidden.ts";
import { ownFolder } from "../support/folder.ts";

const folder = ownFolder();
const hidden = (config: unknown) =>
  withoutSecrets(typeof config === "string" ? config : JSON.stringify(config), lineSchemas, { CREDENTIALS_DIRECTORY: folder });

describe("hides", () => {
  test("secrets, in lists and objects too, and says what they are", () => {
    const line = { driver: "freeswitch", host: "10.1.0.5", password: "ClueCon" };
    const crm = { headers: { "X-Key": "abc" }, port: 5555 };
    const agent = { passwordHashes: { SMITH: "$argon2id$x" } };
    const { config, secrets } = hidden({ line, http: { prefix: "/k3y" }, crm, agent });
    expect(config).toEqual({
      line: { driver: "freeswitch", host: "10.1.0.5", password: "[secret]" },
      http: { prefix: "[secret]" },
      crm: { headers: { "X-Key": "[secret]" }, port: 5555 },
      agent: { passwordHashes: "[secret]" },
    });
    expect(secrets.toSorted()).toEqual(["$argon2id$x", "/k3y", "ClueCon", "abc"]);
  });

  test("values under unknown keys, and everything of an unknown driver", () => {
    const { config, secrets } = hidden({ line: { driver: "freeswitch", pasword: "ClueCon" }, extra: ["more"] });
    expect(config).toEqual({ line: { driver: "freeswitch", pasword: "[secret]" }, extra: "[secret]" });
    expect(secrets).toEqual(["ClueCon", "more"]);
    expect(hidden({ line: { driver: "other", password: "x" } }).config).toEqual({
      line: { driver: "other", password: "[secret]" },
    });
  });

  test("secrets in credentials, whose names are shown", () => {
    writeFileSync(join(folder, "esl"), "from a file\n");
    const { config, secrets } = hidden({ line: { driver: "freeswitch", password: { credential: "esl" } } });
    expect(config).toEqual({ line: { driver: "freeswitch", password: { credential: "esl" } } });
    expect(secrets).toEqual(["from a file"]);
  });

  test("secrets in a text with errors, and comments", () => {
    const { config, secrets } = hidden('{"line": {"driver": "freeswitch", "password": "ClueCon",} // old: secret\n');
    expect(config).toEqual({ line: { driver: "freeswitch", password: "[secret]" } });
    expect(secrets).toEqual(["ClueCon"]);
  });

  test.each([["no JSON", "hello"], ["nothing", ""], ["thousands of brackets", "[".repeat(20_000)]])(
    "%s without an error",
    (_, text) => expect(hidden(text).secrets).toEqual([]),
  );
});
