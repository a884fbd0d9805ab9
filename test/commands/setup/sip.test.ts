/** Setup for a SIP switch behind drachtio-server: its own questions, each group of answers tried at once. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { SipPbx } from "../../../simulator/drachtio/mod.ts";
import { until } from "../../support/until.ts";
import { Desk } from "../../support/setup-rig.ts";

setDefaultTimeout(60_000);

const read = (file: string) => JSON.parse(readFileSync(file, "utf8"));

describe("a new box", () => {
  test("the file is accepted by check, and a daemon with it becomes ready", async () => {
    await using desk = await Desk.openSip();
    const { code, out, questions } = await desk.run(desk.good);
    expect(code).toBe(0);
    expect(read(desk.file)).toEqual({
      desks: [{ extension: "1001" }],
      line: {
        driver: "sip",
        host: "127.0.0.1",
        port: desk.sim.server.port,
        domain: "pbx",
        transport: "udp",
        user: "1009",
        password: "s3cret",
        register: false,
      },
      http: {},
      numbers: { toCrm: [] },
    });
    expect(questions.slice(0, 12)).toEqual([
      "Driver for the switch [freeswitch]: ",
      "Extension of the desk phone (several: separated by spaces or commas): ",
      "Address of drachtio-server [127.0.0.1]: ",
      "Its port for applications [9022]: ",
      "Its secret, from <admin> in drachtio.conf.xml (Enter: the default), not shown: ",
      "SIP domain of the phones: ",
      "Address of the switch, host or host:port (none: the domain itself) [none]: ",
      "Transport to the switch [udp]: ",
      "SIP account of the box: ",
      "Its password (Enter: none), not shown: ",
      "Its user name for the password (none: the account itself) [none]: ",
      "Must the box register there, yes or no [no]: ",
    ]);
    expect(out).toContain("  switch: pbx answers (200).\n");
    expect(out).toContain("  phone 1001: pbx reports the calls of phone 1001 (0 active).\n");
    expect(out).not.toContain("s3cret");
    expect(desk.sim.subscriptions.size).toBe(0);
    expect(await desk.becomesReady()).toBe(0);
  });

  test("no connection of a test is left open", async () => {
    await using desk = await Desk.openSip();
    await desk.run(desk.good);
    await until("connections stay open", () => desk.sim.server.clients.size === 0);
  });

  test("before the account is known, only OPTIONS is sent, even if nothing answers it", async () => {
    await using desk = await Desk.openSip();
    writeFileSync(desk.file, JSON.stringify({ line: { driver: "sip", answerSeconds: 0.2 } }));
    const methods: unknown[] = [];
    desk.sim.instead = ({ method }) => {
      methods.push(method);
      return "silence";
    };
    expect((await desk.run({ ...desk.good, Keep: [undefined] })).code).toBe(1);
    expect(methods).toEqual(["OPTIONS"]);
  });

  test("an account without a password is not asked for a user name for it", async () => {
    await using desk = await Desk.openSip({ challenge: "none" });
    const { code } = await desk.run({ ...desk.good, "Its password": [""], "Its user name": [] });
    expect([code, read(desk.file).line.password]).toEqual([0, undefined]);
  });

  test("a registration is tried when the box must register", async () => {
    await using desk = await Desk.openSip();
    const { out } = await desk.run({ ...desk.good, "Must the box register": ["y"] });
    expect(read(desk.file).line.register).toBe(true);
    expect(out).toContain("  registration: The switch knows user 1009 and the password; it is not registered now.\n");
  });
});

describe("a wrong answer is explained and asked again:", () => {
  test("one that the schema does not accept", async () => {
    await using desk = await Desk.openSip();
    const { code, out } = await desk.run({
      ...desk.good,
      Driver: ["kamailio", "sip"],
      "Address of drachtio-server": ["two words", ""],
      "Its secret": ["a|b", ""],
      "Address of the switch": ["two words", ""],
      Transport: ["sctp", "udp"],
      "Must the box register": ["maybe", "no"],
    });
    expect(code).toBe(0);
    expect(out).toContain('"kamailio" is invalid: expected freeswitch, asterisk, sip or relay.');
    expect(out).toContain('"two words" is invalid: expected an address or a name, for example 127.0.0.1.');
    expect(out).toContain("That is invalid: expected the secret, without |.");
    expect(out).not.toContain("a|b");
    expect(out).toContain('"two words" is invalid: expected a host or host:port, for example 10.1.0.5, or none.');
    expect(out).toContain('"sctp" is invalid: expected udp, tcp or tls.');
    expect(out).toContain('"maybe" is invalid: expected yes or no.');
  });

  test("a port without drachtio-server", async () => {
    await using desk = await Desk.openSip();
    const gone = new SipPbx();
    await gone.server.listen();
    gone.server.stop();
    const { code, out } = await desk.run({
      ...desk.good,
      "Address of drachtio-server": ["", ""],
      "Its port": [String(gone.server.port), String(desk.sim.server.port)],
      "Its secret": ["", ""],
      Keep: ["n"],
    });
    expect([code, read(desk.file).line.port]).toEqual([0, desk.sim.server.port]);
    expect(out).toContain(`drachtio: Nothing listens on 127.0.0.1:${gone.server.port}: is drachtio-server running? Start`);
  });

  test("a wrong secret of drachtio-server", async () => {
    await using desk = await Desk.openSip({ secret: "0ther" });
    const { code, out, questions } = await desk.run({
      ...desk.good,
      "Address of drachtio-server": ["", ""],
      "Its port": [String(desk.sim.server.port), ""],
      "Its secret": ["Wr0ng", "0ther"],
      Keep: [""],
    });
    expect([code, read(desk.file).line.drachtioSecret]).toEqual([0, "0ther"]);
    expect(out).toContain("drachtio login: drachtio-server at 127.0.0.1:");
    expect(out).toContain("Compare the secret with that of <admin>");
    expect(out + questions.join("")).not.toMatch(/Wr0ng|0ther/);
  });

  test("a domain whose name is not known", async () => {
    await using desk = await Desk.openSip();
    desk.sim.instead = ({ uri }) => uri === "sip:wrong" ? { unreached: "DNS Error" } : undefined;
    const { code, out } = await desk.run({
      ...desk.good,
      "SIP domain": ["wrong", "pbx"],
      "Address of the switch": ["", ""],
      Transport: ["", ""],
      Keep: ["n"],
    });
    expect([code, read(desk.file).line.domain]).toEqual([0, "pbx"]);
    expect(out).toContain(
      "switch: The name wrong is not known: set the address of the switch to an IP address. Alternatively fix the DNS",
    );
  });

  test("a transport that drachtio-server does not listen on: the one that it has is offered, not the one in the file", async () => {
    await using desk = await Desk.openSip();
    writeFileSync(desk.file, JSON.stringify({ line: { driver: "sip", transport: "tls" } }));
    const { code, out, questions } = await desk.run({
      ...desk.good,
      "SIP domain": ["pbx", ""],
      "Address of the switch": ["", ""],
      Transport: ["tcp", ""],
      Keep: ["n"],
    });
    expect([code, read(desk.file).line.transport]).toEqual([0, "udp"]);
    expect(out).toContain("with transport=tcp to <sip> in drachtio.conf.xml, or change the transport.");
    expect(questions.filter((question) => question.startsWith("Transport")).at(-1)).toEndWith(" [udp]: ");
  });

  test("a switch that does not answer OPTIONS: it may be at another address", async () => {
    await using desk = await Desk.openSip();
    writeFileSync(desk.file, JSON.stringify({ line: { driver: "sip", answerSeconds: 0.2 } }));
    desk.sim.instead = ({ method }) => method === "OPTIONS" ? "silence" : undefined;
    const { code, out, questions } = await desk.run({ ...desk.good, Keep: ["y"] });
    expect(code).toBe(0);
    expect(out).toContain(
      "switch: pbx does not answer OPTIONS over udp (408). Check the address of the switch, the SIP domain and",
    );
    expect(questions).toContain("Keep pbx anyway? y or n [n]: ");
    expect(desk.sim.count("SUBSCRIBE")).toBeGreaterThan(0);
  });

  test("an extension that the switch does not know", async () => {
    await using desk = await Desk.openSip();
    desk.sim.instead = ({ method, uri }) =>
      method === "SUBSCRIBE" && uri?.includes("9999") ? { status: 404, headers: {} } : undefined;
    const { code, out, questions } = await desk.run({ ...desk.good, Extension: ["9999", "1001"], Keep: ["n"] });
    expect([code, read(desk.file).desks]).toEqual([0, [{ extension: "1001" }]]);
    expect(out).toContain("phone 9999: pbx does not know extension 9999 (404).");
    expect(questions).toContain("Keep 9999 anyway? y or n [n]: ");
    expect(questions.filter((question) => question.startsWith("SIP account"))).toHaveLength(1);
  });

  test("a wrong password of the account, which is not shown", async () => {
    await using desk = await Desk.openSip();
    const { code, out, questions } = await desk.run({
      ...desk.good,
      "SIP account": ["1009", ""],
      "Its password": ["Wr0ngOne", "s3cret"],
      "Its user name": ["", ""],
      "Must the box register": ["", ""],
      Keep: ["n"],
    });
    expect([code, read(desk.file).line.password]).toEqual([0, "s3cret"]);
    expect(out).toContain("phone 1001: pbx refuses the password of user 1009: check the SIP account and the password. Compare");
    expect(questions).toContain("Keep account 1009 anyway? y or n [n]: ");
    expect(out + questions.join("")).not.toMatch(/Wr0ngOne|s3cret/);
  });
});

describe("an existing configuration", () => {
  test("of this driver: all answers are offered, other keys stay", async () => {
    await using desk = await Desk.openSip();
    const line = {
      driver: "sip",
      port: desk.sim.server.port,
      domain: "pbx",
      proxy: "127.0.0.1",
      transport: "tcp",
      user: "1009",
      password: "s3cret",
      authUser: "1009",
      register: true,
      pingSeconds: 9,
    };
    writeFileSync(desk.file, JSON.stringify({ desks: [{ extension: "1001" }], line, http: { prefix: "/mine" } }));
    const { code } = await desk.run({
      ...Object.fromEntries(Object.keys(desk.good).map((key) => [key, [""]])),
      Transport: ["udp"],
    });
    expect([code, read(desk.file).line]).toEqual([0, { ...line, host: "127.0.0.1", transport: "udp" }]);
    expect(read(desk.file).http).toEqual({ prefix: "/mine" });
  });

  test("of another driver: its line is replaced, all else stays", async () => {
    await using desk = await Desk.openSip();
    const line = { driver: "freeswitch", host: "10.1.0.5", password: "ClueCon", domain: "old.example", acd: {} };
    writeFileSync(desk.file, JSON.stringify({ desks: [{ extension: "1001" }], line, log: { level: "debug" } }));
    const { code, out } = await desk.run({ ...desk.good, Extension: [""] });
    expect([code, read(desk.file).log]).toEqual([0, { level: "debug" }]);
    expect(out).toContain("The settings of the driver freeswitch are not kept.\n");
    expect(Object.keys(read(desk.file).line).toSorted()).toEqual(
      ["domain", "driver", "host", "password", "port", "register", "transport", "user"],
    );
    expect(read(`${desk.file}.1`).line).toEqual(line);
  });

  const keys = ["Address of drachtio-server", "Its secret", "Transport", "Its password", "Must the box register"];
  test.each(keys)("stays when setup is interrupted at: %s", async (key) => {
    await using desk = await Desk.openSip();
    writeFileSync(desk.file, "{}");
    const { code, err } = await desk.run({ ...desk.good, [key]: [undefined] });
    expect([code, err, readFileSync(desk.file, "utf8")]).toEqual([1, "Interrupted: nothing was changed\n", "{}"]);
    expect(readdirSync(desk.folder)).toEqual(["config.json"]);
  });
});
