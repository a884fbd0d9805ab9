/** Setup on a new box and on an existing configuration; nothing is changed before the end. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Service } from "../../../src/commands/apply/service.ts";
import { setup } from "../../../src/commands/setup/mod.ts";
import { type Answers, Desk } from "../../support/setup-rig.ts";

setDefaultTimeout(60_000);

const read = (file: string) => JSON.parse(readFileSync(file, "utf8"));

describe("by questions", () => {
  test("a new box: the file is its owner's alone, the doctor runs, and a daemon with it becomes ready", async () => {
    await using desk = await Desk.open();
    const { code, out, questions } = await desk.run(desk.good);
    expect(code).toBe(0);
    const written = read(desk.file);
    expect(written).toEqual({
      desks: [{ extension: "1001" }],
      line: { driver: "freeswitch", host: "127.0.0.1", port: desk.sim.port, password: "ClueCon", domain: "127.0.0.1" },
      http: { prefix: expect.stringMatching(/^\/[a-z2-9]{12}$/) },
      numbers: { toCrm: [{ match: "^9(\\d{4,})$", replace: "$1", direction: "outbound" }] },
    });
    expect(statSync(desk.file).mode & 0o777).toBe(0o600);
    expect(questions.find((question) => question.startsWith("Domain"))).toBe(
      "Domain that the phones register in [127.0.0.1]: ",
    );
    expect(out).toContain("  The switch serves 127.0.0.1.\n");
    expect(out).toContain("phone 1001: Registered: sip:1001-");
    expect(out).toMatch(/^good {2}switch login/m);
    expect(out).not.toMatch(/^\w+ {2}daemon /m);
    const { prefix } = written.http;
    expect(out).toMatch(new RegExp(`\nGive UWQ this URL: http://\\S+:8090${prefix}/( or http://\\S+:8090${prefix}/)*\n$`));
    expect(out).not.toContain("ClueCon");
    expect(await desk.becomesReady()).toBe(0);
  });

  test("again: existing values are offered, other keys stay, the old file is kept", async () => {
    await using desk = await Desk.open();
    const former = {
      desks: [{ extension: "1001", aliases: ["1001@other"] }],
      line: {
        driver: "freeswitch",
        host: "127.0.0.1",
        port: desk.sim.port,
        password: "ClueCon",
        domain: "127.0.0.1",
        context: "out",
      },
      http: { prefix: "/mine", port: 8099 },
      numbers: { toCrm: [{ match: "^0(\\d{4,})$", replace: "$1", direction: "outbound" }], internal: "^\\d{3}$" },
      log: { level: "debug" },
    };
    writeFileSync(desk.file, JSON.stringify(former));
    const enter: Answers = Object.fromEntries(Object.keys(desk.good).map((key) => [key, [""]]));
    const { code, questions } = await desk.run(enter);
    expect([code, read(desk.file), read(`${desk.file}.1`)]).toEqual([0, former, former]);
    expect(questions.join("\n")).not.toContain("ClueCon");
    await desk.run({ ...enter, Extension: ["1001 1002"], Secret: ["none"], Digits: ["none"] });
    expect(read(desk.file)).toEqual({
      ...former,
      desks: [...former.desks, { extension: "1002" }],
      http: { port: 8099 },
      numbers: { ...former.numbers, toCrm: [] },
    });
  });

  test("a password in a separate file is read for the check, and stays there", async () => {
    await using desk = await Desk.open();
    const file = join(desk.folder, "secret");
    writeFileSync(file, "ClueCon\n", { mode: 0o600 });
    const line = { driver: "freeswitch", host: "127.0.0.1", port: desk.sim.port, password: { file }, domain: "127.0.0.1" };
    writeFileSync(desk.file, JSON.stringify({ desks: [{ extension: "1001" }], line }));
    const { code, out } = await desk.run({ ...desk.good, "Its password": [""] });
    expect(code).toBe(0);
    expect(out).toContain("Logged in");
    expect(read(desk.file).line.password).toEqual({ file });
  });

  test("other rules than setup writes stay unchanged", async () => {
    await using desk = await Desk.open();
    const rules = [{ match: "^00", replace: "+" }];
    writeFileSync(desk.file, JSON.stringify({ numbers: { toCrm: rules } }));
    const { code, out } = await desk.run({ ...desk.good, Digits: [] });
    expect([code, read(desk.file).numbers]).toEqual([0, { toCrm: rules }]);
    expect(out).toContain("they stay unchanged");
  });
});

/** A service that becomes active when it is restarted, unless there is a reason against it; `asked`: what was done to it. */
function service(whyNot?: string, active = "inactive"): Service & { readonly asked: string[] } {
  const asked: string[] = [];
  const note = (what: string) => {
    asked.push(what);
    return Promise.resolve(undefined);
  };
  return {
    asked,
    state: () => Promise.resolve(active),
    running: () => undefined,
    enable: () => note("enable"),
    restrict: () => Promise.resolve(undefined),
    restart: async () => {
      await note("restart");
      active = whyNot === undefined ? "active" : "failed";
      return whyNot;
    },
  };
}

test("a service that runs is restarted, as the last question says", async () => {
  await using desk = await Desk.open();
  const managed = service(undefined, "active");
  const { code, questions } = await desk.run(desk.good, { service: managed });
  expect([code, managed.asked, questions.at(-1)]).toEqual([
    0,
    ["restart"],
    `Write ${desk.file} and restart telesetd? y or n [y]: `,
  ]);
});

describe("the service, if it does not run", () => {
  const start = "Start telesetd now and at each boot? y or n [y]: ";

  test("is started and enabled, then the doctor runs with its hops, and the URL comes last", async () => {
    await using desk = await Desk.open();
    const managed = service();
    const { code, out, questions } = await desk.run({ ...desk.good, Start: [""] }, { service: managed });
    expect([code, managed.asked, questions.at(-1)]).toEqual([0, ["enable", "restart"], start]);
    expect(out).toMatch(/telesetd is running with it\.\n\n(.*\n)+\w+ {2}daemon (.*\n)+Give UWQ this URL: .*\n$/);
  });

  test("stays as it is after n: the doctor omits the hops that need it", async () => {
    await using desk = await Desk.open();
    const managed = service();
    const { code, out } = await desk.run({ ...desk.good, Start: ["n"] }, { service: managed });
    expect([code, managed.asked]).toEqual([0, []]);
    expect(out).toContain("To start it now and at each boot: telesetd apply --start\n");
    expect(out).toContain("good  phone 1001");
    expect(out).not.toMatch(/^\w+ {2}(daemon|CRM|deliveries) /m);
  });

  test("that does not become ready: the reason, and exit code 1", async () => {
    await using desk = await Desk.open();
    const managed = service("Cannot listen on 0.0.0.0:8090");
    const { code, err } = await desk.run({ ...desk.good, Start: [""] }, { service: managed });
    expect(code).toBe(1);
    expect(err).toContain("did not become ready with this configuration: Cannot listen on 0.0.0.0:8090.");
  });
});

describe("nothing is changed", () => {
  const keys = ["Driver", "Extension", "Address", "Port", "User", "Its password", "Domain", "Secret", "Digits", "Write"];
  test.each(keys)("when it is interrupted at: %s", async (key) => {
    await using desk = await Desk.open();
    writeFileSync(desk.file, "{}");
    const { code, err } = await desk.run({ ...desk.good, [key]: [undefined] });
    expect([code, err, readFileSync(desk.file, "utf8")]).toEqual([1, "Interrupted: nothing was changed\n", "{}"]);
    expect(readdirSync(desk.folder)).toEqual(["config.json"]);
  });

  test("when the answer to the last question is no", async () => {
    await using desk = await Desk.open();
    expect(await desk.run({ ...desk.good, Write: ["n"] })).toMatchObject({ code: 1, err: "Nothing was changed.\n" });
    expect(await desk.run({ ...desk.good, Write: ["1001"] })).toMatchObject({ code: 1, err: "Nothing was changed.\n" });
    expect(existsSync(desk.file)).toBe(false);
  });

  test("when a key without a question is invalid: the error comes before any question", async () => {
    await using desk = await Desk.open();
    for (
      const [wrong, message] of [[{ http: { port: 0 } }, "http.port is 0"], [{ line: { pasword: "x" } }, "pasword"]] as const
    ) {
      writeFileSync(desk.file, JSON.stringify(wrong));
      const { code, err, questions } = await desk.run(desk.good);
      expect([code, read(desk.file), questions]).toEqual([2, wrong, []]);
      expect(err).toContain(message);
    }
  });

  test("but not when an answer fixes it", async () => {
    await using desk = await Desk.open();
    const line = { driver: "freeswitch", port: "x", user: "nobody", password: 7, domain: "no domain" };
    writeFileSync(desk.file, `\uFEFF${JSON.stringify({ desks: [{ extension: "x" }], line, http: { prefix: "/metrics" } })}`);
    const { code } = await desk.run({ ...desk.good, User: ["none"], Domain: ["127.0.0.1"], Secret: ["/k3y"] });
    expect([code, read(desk.file).line.user, read(desk.file).http]).toEqual([0, undefined, { prefix: "/k3y" }]);
  });

  test("nor when a section is not an object: its questions are asked", async () => {
    await using desk = await Desk.open();
    writeFileSync(desk.file, JSON.stringify({ desks: "1001", line: "freeswitch", http: null, numbers: [7] }));
    const { code } = await desk.run({ ...desk.good, Secret: ["/k3y"] });
    expect([code, read(desk.file).desks, read(desk.file).http]).toEqual([0, [{ extension: "1001" }], { prefix: "/k3y" }]);
    writeFileSync(desk.file, JSON.stringify({ http: { prefix: null } }));
    expect((await desk.run({ ...desk.good, Secret: ["/k3y"] })).code).toBe(0);
  });

  test("when there is no terminal and no file", async () => {
    await using desk = await Desk.open();
    const { code, err } = await desk.run(undefined);
    expect([code, existsSync(desk.file)]).toEqual([2, false]);
    expect(err).toContain(
      "there is no terminal here: run it in one, or install an existing file: telesetd setup --from FILE",
    );
  });

  test("when the file cannot be written: the error comes before any question", async () => {
    await using desk = await Desk.open();
    const { code, err, questions } = await desk.run(desk.good, { to: "/dev/null/telesetd/config.json" });
    expect([code, questions]).toEqual([1, []]);
    expect(err).toContain("Cannot write /dev/null/telesetd/config.json");
  });
});

describe("--from", () => {
  const good = (desk: Desk) => ({
    desks: [{ extension: "1001" }],
    line: { driver: "freeswitch", port: desk.sim.port, password: "ClueCon", domain: "127.0.0.1" },
    store: { path: join(desk.folder, "x.db") },
  });

  test("a good one is installed unchanged, and the doctor runs", async () => {
    await using desk = await Desk.open();
    const from = join(desk.folder, "ready.json");
    writeFileSync(from, JSON.stringify(good(desk), null, 3));
    const { code, out } = await desk.run(undefined, { from });
    expect([code, readFileSync(desk.file, "utf8")]).toEqual([0, readFileSync(from, "utf8")]);
    expect(statSync(desk.file).mode & 0o777).toBe(0o600);
    expect(out).toMatch(/^good {2}phone 1001/m);
    expect((await desk.run(undefined, { from })).out).toContain("has this configuration already");
  });

  test("the terminal is not read key by key, so that Ctrl-C ends the doctor", async () => {
    await using desk = await Desk.open();
    const from = join(desk.folder, "ready.json");
    writeFileSync(from, JSON.stringify(good(desk)));
    const modes: boolean[] = [];
    const { isTTY = false, setRawMode } = process.stdin;
    Object.assign(process.stdin, { isTTY: true, setRawMode: (raw: boolean) => modes.push(raw) });
    const io = { out: () => {}, err: () => {}, terminal: true, environment: {} };
    const code = await setup({ from, to: desk.file }, io).finally(() => Object.assign(process.stdin, { isTTY, setRawMode }));
    expect([code, modes]).toEqual([0, []]);
  });

  test("a wrong one: every error, exit code 2, nothing changed", async () => {
    await using desk = await Desk.open();
    const from = join(desk.folder, "ready.json");
    writeFileSync(desk.file, "former");
    writeFileSync(from, JSON.stringify({ desks: [], line: { driver: "freeswitch", password: 7, domain: "d" }, htp: {} }));
    const { code, err } = await desk.run(undefined, { from });
    expect([code, readFileSync(desk.file, "utf8")]).toEqual([2, "former"]);
    expect(err).toStartWith(`Nothing was changed: ${from} has 3 errors:\n`);
    for (const what of ["desks", "line.password", "did you mean http?"]) expect(err).toContain(what);
    const missing = join(desk.folder, "none");
    const { err: why } = await desk.run(undefined, { from: missing });
    expect(why).toBe(`Cannot read ${missing}: there is no such file. Nothing was changed.\n`);
    const { err: folder } = await desk.run(undefined, { from: desk.folder });
    expect(folder).toBe(`Cannot read ${desk.folder}: it is a folder. Nothing was changed.\n`);
  });

  test("one with which a phone cannot be reached: the reason, exit code 1, nothing changed; --force installs it", async () => {
    await using desk = await Desk.open();
    const from = join(desk.folder, "ready.json");
    const { line, ...rest } = good(desk);
    const text = JSON.stringify({ ...rest, line: { ...line, password: "Wr0ngOne" } });
    writeFileSync(desk.file, "former");
    writeFileSync(from, text);
    const { code, out, err } = await desk.run(undefined, { from });
    expect([code, out, readFileSync(desk.file, "utf8")]).toEqual([1, "", "former"]);
    expect(err).toStartWith(`Nothing was changed: with ${from} the way to the phones does not work`);
    expect(err).toMatch(/\n {2}switch login: FreeSWITCH .* refuses the login .*\n {4}> Compare line\.password/);
    expect((await desk.run(undefined, { from, force: true })).code).toBe(0);
    expect(readFileSync(desk.file, "utf8")).toBe(text);
  });
});
