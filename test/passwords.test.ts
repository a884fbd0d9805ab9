/** Verification of ACD logins; the password is never logged or stored. */
import { beforeAll, describe, expect, spyOn, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Simulator } from "../simulator/freeswitch/mod.ts";
import { sendCallout } from "../simulator/crm/mod.ts";
import type { Config } from "../src/config/schema.ts";
import type { Reply } from "../src/core/crm.ts";
import { hashPassword, Passwords } from "../src/passwords.ts";
import { startInside } from "./support/daemon/inside.ts";
import { until } from "./support/until.ts";

const ok = { ok: true } as const;
const wrong = { ok: false, why: "LoginFailed: agent or password is wrong.", refused: true } as const;
const minute = 60_000;

let hash: string;
beforeAll(async () => {
  hash = await hashPassword("open sesame");
});

/** A directory with agent 7, and a fake clock. */
function directory(lookUp: (agent: string) => Promise<string | undefined> = directoryOf({ "7": "open sesame" })) {
  const clock = { now: 1_000_000 };
  const asked: string[] = [];
  const passwords = new Passwords({ by: "directory", lookUp: (agent) => (asked.push(agent), lookUp(agent)) }, () => clock.now);
  return { passwords, clock, asked };
}

function directoryOf(known: Record<string, string>): (agent: string) => Promise<string | undefined> {
  return (agent) => Promise.resolve(Object.hasOwn(known, agent) ? known[agent] : undefined);
}

describe("verified by", () => {
  test("none: any password or none is accepted", async () => {
    const passwords = new Passwords({ by: "none" }, () => 0);
    for (let n = 0; n < 10; n++) expect(await passwords.check("7", n % 2 ? "x" : undefined)).toEqual(ok);
  });

  test("config: only the agent's own password is accepted", async () => {
    const passwords = new Passwords({ by: "config", hashes: { "7": hash, "8": await hashPassword("other") } }, () => 0);
    expect(await passwords.check("7", "open sesame")).toEqual(ok);
    for (const bad of ["other", "", undefined, "open sesame ", "Open sesame", hash]) {
      expect(await passwords.check("7", bad)).toEqual(wrong);
      expect(await passwords.check("7", "open sesame")).toEqual(ok);
    }
  });

  test("config: an unknown agent is refused with the same sentence, even constructor", async () => {
    const passwords = new Passwords({ by: "config", hashes: { "7": hash } }, () => 0);
    for (const agent of ["9", "constructor", "__proto__", "toString", ""]) {
      expect(await passwords.check(agent, "open sesame")).toEqual(wrong);
    }
  });

  test("config: for an unknown agent a hash is computed at the same cost", async () => {
    const verify = spyOn(Bun.password, "verify");
    try {
      const passwords = new Passwords({ by: "config", hashes: { "7": hash } }, () => 0);
      await passwords.check("9", "open sesame");
      await passwords.check("7", "wrong");
      const hashes = verify.mock.calls.map(([, against]) => String(against).split("$").slice(1, 4));
      expect(hashes).toEqual([["argon2id", "v=19", "m=19456,t=2,p=1"], ["argon2id", "v=19", "m=19456,t=2,p=1"]]);
    } finally {
      verify.mockRestore();
    }
  });

  test("config: an unknown agent is refused even with the password of the dummy hash", async () => {
    const verify = spyOn(Bun.password, "verify").mockResolvedValue(true);
    try {
      const passwords = new Passwords({ by: "config", hashes: { "7": hash } }, () => 0);
      expect([await passwords.check("9", "x"), await passwords.check("7", "x")]).toEqual([wrong, ok]);
    } finally {
      verify.mockRestore();
    }
  });

  test("config: with an invalid hash nobody is accepted, and the error does not show it", async () => {
    const passwords = new Passwords({ by: "config", hashes: { "7": "$argon2id$garbage" } }, () => 0);
    const reply = await passwords.check("7", "open sesame");
    expect(reply).toMatchObject({ ok: false });
    expect(JSON.stringify(reply)).not.toMatch(/garbage|sesame/);
  });

  test("directory: its password is accepted, but no empty password and no unknown agent", async () => {
    const { passwords, asked } = directory(directoryOf({ "7": "open sesame", "8": "" }));
    expect(await passwords.check("7", "open sesame")).toEqual(ok);
    expect(await passwords.check("7", "open sesam")).toEqual(wrong);
    expect(await passwords.check("8", "")).toEqual(wrong);
    expect(await passwords.check("8", undefined)).toEqual(wrong);
    expect(await passwords.check("9", "open sesame")).toEqual(wrong);
    expect(asked).toEqual(["7", "7", "8", "8", "9"]);
  });

  test("directory unavailable: refused with a sentence, without counting as a wrong password", async () => {
    let up = false;
    const { passwords } = directory((agent) =>
      up ? directoryOf({ "7": "open sesame" })(agent) : Promise.reject(new Error("down: open sesame"))
    );
    const why = "LoginFailed: the password cannot be verified now: try again, then ask the administrator.";
    for (let n = 0; n < 10; n++) expect(await passwords.check("7", "open sesame")).toEqual({ ok: false, why });
    up = true;
    expect(await passwords.check("7", "open sesame")).toEqual(ok);
  });
});

describe("guessing is limited:", () => {
  const guess = async (passwords: Passwords, agent: string, times: number) => {
    for (let n = 0; n < times; n++) expect(await passwords.check(agent, `guess ${n}`)).toEqual(wrong);
  };
  const out = (minutes: number): Reply => ({
    ok: false,
    why: `LoginFailed: too many wrong passwords for agent 7: try again in ${minutes} minute${minutes === 1 ? "" : "s"}.`,
    refused: true,
  });

  test("after five wrong passwords the right one is refused too, and the directory is not asked", async () => {
    const { passwords, asked } = directory();
    await guess(passwords, "7", 5);
    expect(await passwords.check("7", "open sesame")).toEqual(out(5));
    expect(asked).toHaveLength(5);
  });

  test("for exactly five minutes after the last wrong one; attempts meanwhile do not prolong it", async () => {
    const { passwords, clock } = directory();
    await guess(passwords, "7", 4);
    clock.now += 3 * minute;
    await guess(passwords, "7", 1);
    clock.now += 4 * minute;
    expect(await passwords.check("7", "open sesame")).toEqual(out(1));
    clock.now += minute - 1;
    expect(await passwords.check("7", "x")).toEqual(out(1));
    clock.now += 1;
    expect(await passwords.check("7", "open sesame")).toEqual(ok);
  });

  test("then five more attempts are allowed", async () => {
    const { passwords, clock } = directory();
    await guess(passwords, "7", 5);
    clock.now += 5 * minute;
    await guess(passwords, "7", 5);
    expect(await passwords.check("7", "open sesame")).toEqual(out(5));
  });

  test("the right password resets the count", async () => {
    const { passwords } = directory();
    await guess(passwords, "7", 4);
    expect(await passwords.check("7", "open sesame")).toEqual(ok);
    await guess(passwords, "7", 4);
    expect(await passwords.check("7", "open sesame")).toEqual(ok);
  });

  test("per agent, including agents that do not exist", async () => {
    const { passwords, asked } = directory();
    await guess(passwords, "9", 5);
    await passwords.check("9", "x");
    expect(asked).toHaveLength(5);
    expect(await passwords.check("7", "open sesame")).toEqual(ok);
  });

  test("concurrent attempts do not bypass it", async () => {
    const { passwords, asked } = directory();
    const replies = await Promise.all(Array.from({ length: 50 }, (_, n) => passwords.check("7", `guess ${n}`)));
    expect(replies.filter((reply) => !reply.ok && reply.why === wrong.why)).toHaveLength(5);
    expect(asked).toHaveLength(5);
  });

  test("attempts are verified one at a time, in order", async () => {
    const doors = [Promise.withResolvers<string>(), Promise.withResolvers<string>()];
    let opened = 0;
    const { passwords, asked } = directory(() => doors[opened++]?.promise ?? Promise.resolve(undefined));
    const [first, second] = [passwords.check("7", "a"), passwords.check("8", "b")];
    await new Promise(setImmediate);
    expect(asked).toEqual(["7"]);
    doors[0]?.resolve("a");
    expect(await first).toEqual(ok);
    await new Promise(setImmediate);
    expect(asked).toEqual(["7", "8"]);
    doors[1]?.resolve("b");
    expect(await second).toEqual(ok);
  });

  /** Tries invented agent names. */
  const invent = async (passwords: Passwords, count: number, times = 1) => {
    for (let n = 0; n < count; n++) await guess(passwords, `invented ${n}`, times);
  };

  test("an agent stays locked out, however many names are tried", async () => {
    const { passwords, clock } = directory();
    await guess(passwords, "7", 5);
    await invent(passwords, 3000);
    expect(await passwords.check("7", "open sesame")).toEqual(out(5));
    clock.now += 5 * minute;
    expect(await passwords.check("7", "open sesame")).toEqual(ok);
  });

  test("beyond 1000 agents the one with the oldest failure is forgotten", async () => {
    const { passwords } = directory();
    await guess(passwords, "7", 4);
    await guess(passwords, "8", 4);
    await invent(passwords, 998);
    await passwords.check("8", "once more");
    await guess(passwords, "one too many", 1);
    // Agent 7 was forgotten and has five attempts again; agent 8 is locked out.
    await guess(passwords, "7", 5);
    expect(await passwords.check("7", "open sesame")).toEqual(out(5));
    expect(await passwords.check("8", "x")).toMatchObject({
      why: expect.stringContaining("too many wrong passwords for agent 8"),
    });
  });

  test("when all remembered agents are locked out, five wrong passwords lock out all others together", async () => {
    const { passwords, clock, asked } = directory(directoryOf({ "7": "open sesame", "8": "x" }));
    await invent(passwords, 1000, 5);
    for (let n = 0; n < 4; n++) await guess(passwords, `another ${n}`, 1);
    expect(await passwords.check("7", "open sesame")).toEqual(ok);
    await guess(passwords, "8", 1);
    asked.length = 0;
    const why = "LoginFailed: too many wrong passwords for too many agents: try again in 5 minutes.";
    expect(await passwords.check("7", "open sesame")).toEqual({ ok: false, why, refused: true });
    expect(asked).toEqual([]);
    clock.now += 5 * minute;
    expect(await passwords.check("7", "open sesame")).toEqual(ok);
  });
});

test("a hash is argon2id, salted, and does not contain the password", async () => {
  const [first, second] = [await hashPassword("open sesame"), await hashPassword("open sesame")];
  expect(first).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
  expect(first).not.toBe(second);
  expect(first).not.toContain("sesame");
});

describe("the whole daemon:", () => {
  const secret = "Zq7-never-to-be-seen";

  /** The daemon with a full log, at a switch with agent 7 in its directory. */
  async function daemon(agent: Partial<Config["agent"]>, userData: (arg: string) => string = known) {
    const sim = new Simulator();
    const api = sim.api.bind(sim);
    const asked: string[] = [];
    sim.api = (command, arg) => {
      if (command !== "user_data") return api(command, arg);
      asked.push(arg);
      return userData(arg);
    };
    const { app, folder, lines } = await startInside({
      sim,
      level: "trace",
      change: (config) => ({ ...config, agent: { ...config.agent, ...agent } }),
    });
    await until("the line did not come up", () => app.status().desks[0]?.trouble === undefined);
    const login = (password?: string, agentID = "7") =>
      sendCallout(app.port, "/", {
        FunctionName: "Login",
        telesetNumber: "1001",
        agentID,
        ...(password === undefined ? {} : { agentPassword: password }),
      });
    const stop = async () => {
      await app.stop();
      const files = readdirSync(folder).map((file) => readFileSync(join(folder, file), "latin1"));
      return { log: lines.join("\n"), files: files.join("\n") };
    };
    return { app, login, stop, asked, lines };
  }

  const known = (arg: string) => arg.startsWith("7@") ? secret : "-ERR no reply\n";

  test("directory: the password is looked up by agent id, compared, and found nowhere afterwards", async () => {
    const { login, stop, asked, app } = await daemon({ verify: "directory" });
    expect(await login("nope")).toContain("LoginFailed: agent or password is wrong.");
    expect(await login(secret, "8")).toContain("LoginFailed: agent or password is wrong.");
    expect(app.status().desks[0]?.agents).toEqual([]);
    const answer = await login(secret);
    expect(answer).not.toContain("Error");
    expect(answer).not.toContain(secret);
    expect(app.status().desks[0]?.agents).toEqual([{ agent: "7", mode: "not-ready" }]);
    expect(asked).toEqual(["7@127.0.0.1 param password", "8@127.0.0.1 param password", "7@127.0.0.1 param password"]);
    const { log, files } = await stop();
    expect(log).toContain("user_data 7@127.0.0.1");
    expect(log).not.toContain(secret);
    expect(log).not.toContain("nope");
    expect(files).toContain('"7"');
    expect(files).not.toContain(secret);
  });

  test.each(["7 param dial-string", "7@other", "7\u00a0x", "*", "7;id", "7|x", "../7"])(
    "directory: agent %j is not a valid user, and the switch is not asked",
    async (agent) => {
      const { login, stop, asked } = await daemon({ verify: "directory" });
      expect(await login(secret, agent)).toContain("LoginFailed: agent or password is wrong.");
      expect(asked).toEqual([]);
      await stop();
    },
  );

  test("config: accepted with the password, which is found nowhere afterwards, even if sent with a Logout", async () => {
    const { login, stop, app } = await daemon({ verify: "config", passwordHashes: { "7": await hashPassword(secret) } });
    expect(await login()).toContain("LoginFailed");
    expect(await login(secret)).not.toContain("Error");
    const logout = { FunctionName: "Logout", telesetNumber: "1001", agentID: "7", agentPassword: secret };
    expect(await sendCallout(app.port, "/", logout)).not.toContain("Error");
    expect(app.status().desks[0]?.agents).toEqual([{ agent: "7", mode: "logged-out" }]);
    const { log, files } = await stop();
    expect(log).toContain("Login");
    for (const text of [log, files]) expect(text).not.toContain(secret);
  });

  test("none: a password is accepted and found nowhere afterwards", async () => {
    const { login, stop } = await daemon({});
    expect(await login(secret)).not.toContain("Error");
    const { log, files } = await stop();
    for (const text of [log, files]) expect(text).not.toContain(secret);
  });

  test("a refused Login is logged with its agent", async () => {
    const { login, stop } = await daemon({ verify: "config" });
    await login("guess-Zq9");
    const { log } = await stop();
    const line = log.split("\n").find((text) => text.includes("LoginFailed"));
    expect(line).toContain("agent=7");
    expect(log).not.toContain("guess-Zq9");
  });
});
