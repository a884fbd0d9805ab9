import { describe, expect, test } from "bun:test";
import { hideSecret, hideSecrets, shownReply } from "../../../../drivers/freeswitch/wire/redact.ts";

describe("passwords are hidden in what the switch sends", () => {
  test.each([
    ["in an event", JSON.stringify({ "Event-Name": "CHANNEL_CREATE", variable_sip_auth_password: "hunter2", a: "b" })],
    ["with quotes in them", JSON.stringify({ variable_sip_auth_password: 'hun"ter2\\', a: "b" })],
    ["in a dump as JSON", '{ "variable_vm-password" : "hunter2", "a": "b" }'],
    ["in a dump as text", "Event-Name: CHANNEL_DATA\nvariable_sip_auth_password: hunter2\nvariable_a: b\n"],
    ["in the directory's XML", '<param name="vm-password" value="hunter2"/><param name="a" value="b"/>'],
    [
      "an Authorization of SIP",
      JSON.stringify({ variable_sip_h_Authorization: 'Digest username="x", response="hunter2"', a: "b" }),
    ],
    ["of a header that was repeated", JSON.stringify({ variable_sip_auth_password: ["hunter2", 'hun"t]er3'], a: "b" })],
    ["that is not text", '{"variable_sip_password":hunter2,"a":"b"}'],
    [
      "in a dial string",
      JSON.stringify({ variable_current_application_data: "[sip_auth_username=u,sip_auth_password=hun\\ter2]sofia/x", a: "b" }),
    ],
    ["under a short name", JSON.stringify({ variable_gateway_pass: "hunter2", a: "b" })],
  ])("%s", (_, text) => {
    const shown = hideSecrets(text);
    expect(shown).not.toContain("hun");
    expect(shown).toContain("***");
    expect(shown).toMatch(/a(": ?"b"|: b|" value="b")/);
  });

  test("an event stays JSON, whatever its values are", () => {
    const event = { variable_password: 'a"b\\', "Caller-Name": 'my password: is "x"', other: "y" };
    expect(JSON.parse(hideSecrets(JSON.stringify(event)))).toEqual({ ...event, variable_password: "***" });
  });

  test("text without secrets is unchanged, and so is a name in a value", () => {
    const event = JSON.stringify({ a: "password", b: "c" });
    expect(hideSecrets(event)).toBe(event);
    expect(hideSecrets("+OK accepted")).toBe("+OK accepted");
  });

  test.each(["passw", "secret=", "a-1", '"passw', "passw=\\"])("many of %j are processed quickly", (part) => {
    expect(hideSecrets(`${part.repeat(20_000)}passw`).length).toBeGreaterThan(0);
  });

  test("the directory's answers are hidden entirely", () => {
    expect(shownReply("api user_data 1001@d param password\n\n", "hunter2")).toBe("***");
    expect(shownReply("api status\n\n", "UP")).toBe("UP");
  });
});

test.each(["auth hunter2", "userauth u@d:hunter2", "auth a\nb: hunter2"])("to the switch, %j hides its password", (text) => {
  expect(hideSecret(text)).toMatch(/^(auth|userauth) \*\*\*$/);
});
