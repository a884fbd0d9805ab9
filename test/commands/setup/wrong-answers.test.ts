/** Wrong answers to setup's questions: each is explained and asked again, with what the switch reports as the default. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { Simulator } from "../../../simulator/freeswitch/mod.ts";
import { RawPeer } from "../../support/freeswitch/rawpeer.ts";
import { Desk } from "../../support/setup-rig.ts";

setDefaultTimeout(60_000);

const read = (file: string) => JSON.parse(readFileSync(file, "utf8"));

describe("a wrong answer is explained and asked again:", () => {
  test("invalid answers", async () => {
    await using desk = await Desk.open();
    const { code, out } = await desk.run({
      ...desk.good,
      Extension: ["12a", "", "1001"],
      Address: ["two words", "[::1]", "127.0.0.1"],
      Port: ["0", "65536", "99999", "99999999", String(desk.sim.port)],
      Secret: ["k3y", "/metrics", "/readyz/x", "/k3y"],
    });
    expect(code).toBe(0);
    expect(read(desk.file).http).toEqual({ prefix: "/k3y" });
    expect(out).toContain('"12a" is invalid: expected digits, for example 1001.');
    expect(out).toContain("  Enter digits, for example 1001.");
    expect(out).toContain('"two words" is invalid: expected an address or a name, for example 10.1.0.5.');
  });

  test("a port where nothing listens, then the right one", async () => {
    await using desk = await Desk.open();
    const gone = new Simulator();
    await gone.start();
    gone.stop();
    const { code, out } = await desk.run({
      ...desk.good,
      Address: ["127.0.0.1", "127.0.0.1"],
      Port: [String(gone.port), String(desk.sim.port)],
      Keep: ["n"],
    });
    expect([code, read(desk.file).line.port]).toEqual([0, desk.sim.port]);
    expect(out).toContain(
      `switch: Nothing listens on 127.0.0.1:${gone.port}: is FreeSWITCH running, and mod_event_socket loaded? On the switch: fs_cli`,
    );
  });

  test("a wrong password, which is not shown", async () => {
    await using desk = await Desk.open();
    const { code, out, questions } = await desk.run({
      ...desk.good,
      User: ["", ""],
      // Enter does not bring the wrong one back.
      "Its password": ["Wr0ngOne", "", "ClueCon"],
      Keep: [""],
    });
    expect([code, read(desk.file).line.password]).toEqual([0, "ClueCon"]);
    expect(out).toContain("refuses the login (-ERR invalid)");
    expect(out + questions.join("")).not.toMatch(/Wr0ngOne|ClueCon/);
  });

  test("a directory user without its domain gets the switch's address; its rights are tested", async () => {
    const user = {
      user: "telesetd@127.0.0.1",
      password: "t0psecret",
      api: ["show", "sofia_contact", "uuid_dump", "global_getvar", "domain_exists"],
    };
    await using desk = await Desk.open({ logins: [user] });
    const { code, out, questions } = await desk.run({
      ...desk.good,
      User: ["y", "two words", "telesetd", ""],
      "Its password": ["Wr0ngOne", "t0psecret"],
      Keep: ["n", "y"],
    });
    expect([code, read(desk.file).line.user]).toEqual([0, "telesetd@127.0.0.1"]);
    expect(out).toContain("  Recommended: a user of the switch's directory with few rights");
    expect(out).toContain('"y" is invalid: expected user@domain, or none.');
    expect(out).toContain('"two words" is invalid: expected user@domain, or none.');
    expect(out).toContain(
      "directory has the user telesetd@127.0.0.1 with an esl-password, and that the password is the same",
    );
    expect(questions.filter((question) => question.startsWith("User")).at(-1)).toEndWith(" [telesetd@127.0.0.1]: ");
    expect(out).toContain(
      "switch commands: The switch denies originate (MakeCall cannot dial). Add to esl-allowed-api of telesetd@",
    );
  });

  test("a password in the file that the switch refuses is not kept by Enter again", async () => {
    await using desk = await Desk.open();
    writeFileSync(desk.file, JSON.stringify({ line: { driver: "freeswitch", port: desk.sim.port, password: "Wr0ngOne" } }));
    const answers = { User: ["", ""], "Its password": ["", "", "ClueCon"], Keep: ["n"] };
    const { code, out, questions } = await desk.run({ ...desk.good, ...answers });
    expect([code, read(desk.file).line.password]).toEqual([0, "ClueCon"]);
    expect(out).toContain("  Enter the password: FreeSWITCH does not accept logins without one.");
    expect(questions.filter((question) => question.startsWith("Its password"))).toEqual([
      "Its password (Enter: unchanged), not shown: ",
      "Its password, not shown: ",
      "Its password, not shown: ",
    ]);
  });

  test("an access list that denies the box", async () => {
    await using desk = await Desk.open();
    await using peer = await RawPeer.listen(
      undefined,
      "Content-Type: text/rude-rejection\nContent-Length: 24\n\nAccess Denied, go away.\n",
    );
    const { code, out } = await desk.run({ ...desk.good, Port: [String(peer.port)], Domain: ["pbx.example"], Keep: ["y", "y"] });
    expect(code).toBe(0);
    expect(out).toContain("apply-inbound-acl");
    expect(read(desk.file).line).toMatchObject({ port: peer.port, domain: "pbx.example" });
  });

  test("the address includes the port, which is not asked for then", async () => {
    await using desk = await Desk.open();
    const { code } = await desk.run({ ...desk.good, Address: [`127.0.0.1:${desk.sim.port}`], Port: [] });
    expect([code, read(desk.file).line]).toMatchObject([0, { host: "127.0.0.1", port: desk.sim.port }]);
    const { out } = await desk.run({ ...desk.good, Address: ["127.0.0.1:0", "[::1]:99999", "a b:1", "127.0.0.1:", ""] });
    expect(out.match(/is invalid: expected an address/g)).toHaveLength(4);
  });

  test("a wrong extension: it is asked for again, and those that are registered are offered", async () => {
    await using desk = await Desk.open();
    const { code, out, questions } = await desk.run({ ...desk.good, Extension: ["9999", ""], Keep: ["n"] });
    expect([code, read(desk.file).desks]).toEqual([0, [{ extension: "1001" }]]);
    expect(out).toContain("phone 9999: The switch has no user 9999 in the domain 127.0.0.1; registered there: 1001");
    expect(out).toContain("Check the extension and the domain, or add");
    expect(questions).toContain("Keep 9999 anyway? y or n [n]: ");
    expect(questions.filter((question) => question.startsWith("Extension"))[1]).toEndWith(" [1001]: ");
    expect(questions.filter((question) => question.startsWith("Domain"))).toHaveLength(1);
  });

  test("one of several extensions: the others stay", async () => {
    await using desk = await Desk.open();
    const { code, questions } = await desk.run({ ...desk.good, Extension: ["1001, 9999,1002", "1001,1002"], Keep: ["n"] });
    expect([code, read(desk.file).desks]).toEqual([0, [{ extension: "1001" }, { extension: "1002" }]]);
    expect(questions.filter((question) => question.startsWith("Extension"))[1]).toMatch(/ \[1001 .*1002\]: $/);
  });

  test("if it is not known whether the domain is right, it is asked for again after the extension", async () => {
    const user = { user: "telesetd@pbx", password: "t0psecret", api: ["show", "sofia_contact", "uuid_dump", "originate"] };
    await using desk = await Desk.open({ logins: [user] });
    desk.sim.phones.unregister("1001");
    const { code, out } = await desk.run({
      ...desk.good,
      Extension: ["1001", ""],
      User: ["telesetd@pbx"],
      "Its password": ["t0psecret"],
      Domain: ["elsewhere", "127.0.0.1"],
      Keep: ["n", "y"],
    });
    expect([code, read(desk.file).line.domain]).toEqual([0, "127.0.0.1"]);
    expect(out).toContain("this user may not run domain_exists");
  });

  test("a wrong domain is never offered, but the one that the switch serves: Enter is enough", async () => {
    await using desk = await Desk.open();
    const { code, out, questions } = await desk.run({ ...desk.good, Domain: ["wrong.example", ""], Keep: ["n"] });
    expect([code, read(desk.file).line.domain]).toEqual([0, "127.0.0.1"]);
    expect(questions.filter((question) => question.startsWith("Domain"))[1]).toEndWith(" [127.0.0.1]: ");
    expect(out).toContain("Set the domain to 127.0.0.1.");
    expect(out.split("good  config")[0]).not.toContain("line.");
  });

  test("an address that is not known is not offered again, also if it is in the file", async () => {
    await using desk = await Desk.open();
    const line = { driver: "freeswitch", host: "nosuchhost.invalid", port: desk.sim.port };
    writeFileSync(desk.file, JSON.stringify({ line }));
    const { code, out, questions } = await desk.run({ ...desk.good, Address: ["", ""], Port: ["", ""], Keep: ["n"] });
    expect([code, read(desk.file).line.host]).toEqual([0, "127.0.0.1"]);
    expect(questions.filter((question) => question.startsWith("Address"))).toEqual([
      "Address of FreeSWITCH [nosuchhost.invalid]: ",
      "Address of FreeSWITCH [127.0.0.1]: ",
    ]);
    expect(out).toContain("check the address of FreeSWITCH");
  });

  test("y is not accepted as a domain when the switch cannot be queried", async () => {
    await using desk = await Desk.open();
    const gone = new Simulator();
    await gone.start();
    gone.stop();
    const answers = { Port: [String(gone.port)], Domain: ["y", "no", "pbx.example"], Keep: ["y", "y"] };
    const { code, out } = await desk.run({ ...desk.good, ...answers });
    expect([code, read(desk.file).line.domain]).toEqual([0, "pbx.example"]);
    expect(out).toContain('"y" is invalid: expected a domain');
    expect(out).toContain("\n  Not tried: the switch cannot be reached.\n");
  });

  test("a domain that the switch does not serve, then a phone that is not registered, which is kept", async () => {
    await using desk = await Desk.open();
    desk.sim.phones.unregister("1001");
    const { code, out } = await desk.run({ ...desk.good, Domain: ["wrong.example", "127.0.0.1"], Keep: ["n", "y"] });
    expect([code, read(desk.file).line.domain]).toEqual([0, "127.0.0.1"]);
    expect(out).toContain("The switch does not serve the domain wrong.example; it serves 127.0.0.1.");
    expect(out).toContain("Phone 1001 is not registered in the domain 127.0.0.1.");
  });
});
