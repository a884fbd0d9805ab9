/** The configuration for people: every value with its meaning, and no secret. */
import { expect, test } from "bun:test";
import { drivers, lineSchemas } from "../../drivers/registry.ts";
import { parseConfig, settingsOf } from "../../src/config/schema.ts";

test.each(drivers.map(({ name, reference }) => [name, reference] as const))(
  "%s: secrets are hidden, all else is shown",
  (_, line) => {
    const hash = "$argon2id$v=19$hash";
    const secrets = { password: "s3cret-word", drachtioSecret: "s3cret-word" };
    const known = Object.fromEntries(Object.entries(secrets).filter(([name]) => name in line));
    const config = parseConfig(
      JSON.stringify({
        desks: [{ extension: "1001" }],
        line: { ...line, ...known },
        http: { prefix: "/s3cret-path", page: { password: hash } },
        agent: { verify: "config", passwordHashes: { SMITH: hash } },
        numbers: { toCrm: [{ match: "^9(\\d+)$", replace: "$1" }], deny: ["^900", "^901"] },
      }),
      lineSchemas,
      {},
    );
    const settings = settingsOf(config, lineSchemas);
    const text = JSON.stringify(settings);
    for (const secret of ["s3cret-word", "s3cret-path", "argon2id$"]) expect(text).not.toContain(secret);
    const valueOf = (path: string) => settings.find((setting) => setting.path === path);
    expect(valueOf("http.prefix")).toMatchObject({ path: "http.prefix", description: expect.stringContaining("secret path") });
    expect(valueOf("http.prefix")).not.toHaveProperty("value");
    expect(valueOf("desks[0].extension")?.value).toBe("1001");
    expect(valueOf("numbers.toCrm[0].match")).toMatchObject({
      value: "^9(\\d+)$",
      description: "regular expression that the number must match",
    });
    expect(valueOf("numbers.deny")?.value).toBe("^900, ^901");
    expect(valueOf("numbers.allow")?.value).toBe("none");
    expect(valueOf("log.level")).toEqual({ path: "log.level", value: "info", description: "the log level" });
  },
);
