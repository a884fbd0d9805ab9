/** Setup for Asterisk: its own questions, each group of answers tried at once. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { readFileSync } from "node:fs";
import { Desk } from "../../support/setup-rig.ts";

setDefaultTimeout(60_000);

const read = (file: string) => JSON.parse(readFileSync(file, "utf8"));

test("the file is accepted by check, and a daemon with it becomes ready", async () => {
  await using desk = await Desk.openAsterisk();
  const { code, out, questions } = await desk.run(desk.good);
  expect(code).toBe(0);
  expect(read(desk.file)).toEqual({
    desks: [{ extension: "1001" }],
    line: {
      driver: "asterisk",
      host: "127.0.0.1",
      port: desk.sim.server.port,
      tls: false,
      user: "telesetd",
      password: "s3cret",
      technology: "PJSIP",
      context: "default",
      outsideEndpoints: "trunk",
    },
    http: {},
    numbers: { toCrm: [] },
  });
  expect(questions.slice(2, 10)).toEqual([
    "Address of Asterisk [127.0.0.1]: ",
    "Port of its HTTP server [8088]: ",
    "Does it speak TLS there, yes or no [no]: ",
    "User in ari.conf: ",
    "Its password, not shown: ",
    "Channel technology of the phones [PJSIP]: ",
    "Dialplan context in which the phones dial [default]: ",
    "Endpoints of the trunks, separated by commas (none: decide by numbers and contexts) [none]: ",
  ]);
  expect(out).toContain("  switch login: Logged in as telesetd to Asterisk 22.10.1.\n");
  expect(out).toContain("  phone 1001: Endpoint PJSIP/1001 is registered with 1 contact.\n");
  expect(out).not.toContain("s3cret");
  expect(desk.sim.channels.size).toBe(0);
  expect(await desk.becomesReady()).toBe(0);
});

test("the context that the phones have on the switch is offered", async () => {
  await using desk = await Desk.openAsterisk();
  desk.sim.contexts.add("from-internal");
  desk.sim.server.instead = ({ path }) =>
    path.includes("/config/dynamic/") ? { status: 200, body: [{ attribute: "context", value: "from-internal" }] } : undefined;
  const { out } = await desk.run({ ...desk.good, "Dialplan context": ["", ""] });
  expect(out).toContain("The phones dial in");
  expect(read(desk.file).line.context).toBe("from-internal");
});

describe("a wrong answer is explained and asked again:", () => {
  test("a password", async () => {
    await using desk = await Desk.openAsterisk();
    const { code, out } = await desk.run({
      ...desk.good,
      "User in": ["telesetd", ""],
      "Its password": ["wrong", "s3cret"],
      Keep: ["n"],
    });
    expect([code, read(desk.file).line.password]).toEqual([0, "s3cret"]);
    expect(out).toContain("Asterisk refuses user telesetd");
  });

  test("a context", async () => {
    await using desk = await Desk.openAsterisk();
    const { code, out } = await desk.run({
      ...desk.good,
      "Dialplan context": ["nowhere", "default"],
      Endpoints: ["trunk", ""],
      Keep: ["n"],
    });
    expect(code).toBe(0);
    expect(out).toContain("no context nowhere");
  });

  test("an extension: those of the switch are offered", async () => {
    await using desk = await Desk.openAsterisk();
    const { code, out } = await desk.run({ ...desk.good, Extension: ["1050", "1001"], Keep: ["n"] });
    expect([code, read(desk.file).desks]).toEqual([0, [{ extension: "1001" }]]);
    expect(out).toContain("no endpoint PJSIP/1050: it has 1001, 1002, trunk");
  });

  test("a certificate is asked for only with TLS", async () => {
    await using desk = await Desk.openAsterisk();
    const port = String(desk.sim.server.port);
    const { questions } = await desk.run({
      ...desk.good,
      "Address of Asterisk": ["", ""],
      "Port of": [port, ""],
      "Does it speak TLS": ["yes", "no"],
      File: [""],
      Keep: ["n"],
    });
    expect(questions.some((question) => question.startsWith("File with the certificate"))).toBe(true);
    expect(read(desk.file).line).toMatchObject({ tls: false });
  });
});
