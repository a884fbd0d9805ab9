/** What a bug report must not contain. */
import { describe, expect, test } from "bun:test";
import { Mask } from "../../../src/commands/support/mask.ts";

const known = {
  secrets: ["ClueCon", 's3&cr<t "x"', "1234", "/k3y"],
  parties: ["+14155550123", "Alice Miller", "624310"],
  agents: ["SMITH", "1001"],
  desks: ["1001"],
};
const mask = new Mask(known, false);
const open = new Mask(known, true);

describe("numbers:", () => {
  test.each([
    ["plain", "call from 14155559999", "call from ...9999"],
    ["with a plus, in a SIP URI", "<sip:+14155559999@pbx:5060>", "<sip:...9999@pbx:5060>"],
    ["in a SIP URI with parameters", "sip:+14155559999;phone-context=x@pbx", "sip:...9999;phone-context=x@pbx"],
    ["in a tel URI", "tel:+1-415-555-9999", "tel:...9999"],
    ["in a channel name", "sofia/external/14155559999@10.0.0.1", "sofia/external/...9999@10.0.0.1"],
    ["between letters", "x14155559999y", "x...9999y"],
    ["with separators", "+1 (415) 555-9999, 01.42.68.53.00", "...9999, ...5300"],
    ["in a URL", "dialString=%2B1%20415%20555%209999&x", "dialString=%2B...9999&x"],
    ["in JSON", '{"from":"14155559999"}', '{"from":"...9999"}'],
    ["in XML", '<data name="occtANI" value="14155559999"/>', '<data name="occtANI" value="...9999"/>'],
    ["in other digits", "\u0661\u0664\u0661\u0665\u0665\u0665\u0665\u0660\u0661\u0662\u0663", "...\u0660\u0661\u0662\u0663"],
    ["known, in parts", "4.1.5/5550123", "4.1.5/5550123".replace(/.*/, "...0123")],
    ["known and short", "from 624310 to 1001", "from ... to 1001"],
  ])("%s", (_, given, expected) => expect(mask.text(given)).toBe(expected));

  test.each([
    "2026-11-27T10:31:05.123Z and 2026-11-27 10:31:05",
    "10.1.0.5:8021",
    "5a761c59-4321-4321-8321-423456789012",
    "extension 1001, colleague 1002, port 8090",
    "telesetd 0.2.0, desk 1001: phone registered",
  ])("not in %s", (text) => expect(mask.text(text)).toBe(text));
});

describe("names:", () => {
  test.each([
    ["before a SIP URI", '"Bob Ray" <sip:1002@pbx>', "[name] <sip:1002@pbx>"],
    ["before a SIP URI, escaped", '\\"Bob Ray\\" <sip:1002@pbx>', "[name] <sip:1002@pbx>"],
    ["before a SIP URI, without quotes", "Bob Ray <sip:1002@pbx>", "[name] <sip:1002@pbx>"],
    ["in a SIP URI", "sip:bob.ray@pbx", "sip:[name]@pbx"],
    ["in a field of the switch", "Caller-Caller-ID-Name: Bob%20Ray", "Caller-Caller-ID-Name: [name]"],
    ["in its JSON", '"effective_caller_id_name":"Bob Ray",', '"effective_caller_id_name":[name],'],
    ["known", "the identity Alice Miller, ALICE MILLER, Alice%20Miller", "the identity [name], [name], [name]"],
    ["of an agent", "agent=SMITH, agent smith; SMITHSON", "agent=agent-1, agent agent-1; SMITHSON"],
  ])("%s", (_, given, expected) => expect(mask.text(given)).toBe(expected));

  test("an agent whose id is an extension is shown, as the extension is", () =>
    expect(mask.text("agent 1001 at desk 1001")).toBe("agent 1001 at desk 1001"));
});

describe("the log:", () => {
  test.each([
    [
      "an event of the switch",
      '<7>from the switch event="{\\"Caller-X\\":\\"Bob Ray\\"}" desk=1001',
      "<7>from the switch event=[message of 26 characters] desk=1001",
    ],
    ["a SIP message", 'frame="INVITE x SIP/2.0\\\\u000d\\\\u000aX: Bob"', "frame=[message of 36 characters]"],
    ["an event to the CRM", 'body="<CCTSDK><x a=\\"Bob\\"/></CCTSDK>" n=1', "body=[message of 31 characters] n=1"],
    ["a callout", 'request="GET /?customer=Bob" n=1', "request=[message of 18 characters] n=1"],
    ["XML outside a field", "sent <CCTSDK><x a='Bob'/></CCTSDK> n=1", "sent [message of 29 characters] n=1"],
    ["JSON outside a field", 'got {"x":{"y":"Bob"}} n=1', "got [message of 17 characters] n=1"],
  ])("without %s", (_, given, expected) => expect(mask.log(given)).toBe(expected));

  test("its other lines stay", () => {
    const line =
      "2026-11-27T10:31:05.123456+00:00 box telesetd[7]: ScreenPop desk=1001 call=5a761c59-4321-4321-8321-423456789012";
    expect(mask.log(line)).toBe(line);
  });
});

describe("secrets, also with numbers:", () => {
  test.each([
    ["plain", "auth ClueCon", "auth [secret]"],
    ["a short one as a word", "1234 and 12345", "[secret] and 12345"],
    ["as JSON", JSON.stringify({ a: 's3&cr<t "x"' }), '{"a":"[secret]"}'],
    ["as JSON in JSON", JSON.stringify(JSON.stringify({ a: 's3&cr<t "x"' })), '"{\\"a\\":\\"[secret]\\"}"'],
    ["in a URL", encodeURIComponent('s3&cr<t "x"'), "[secret]"],
    ["in XML", "s3&amp;cr&lt;t &quot;x&quot; s3&#38;cr&#60;t &#34;x&#34;", "[secret] [secret]"],
    ["in base64", btoa("ClueCon"), "[secret]"],
    ["a path", "http://10.0.0.1:8090/k3y/", "http://10.0.0.1:8090[secret]/"],
  ])("%s", (_, given, expected) => expect([mask.text(given), open.log(given)]).toEqual([expected, expected]));

  test("numbers and names stay if they are asked for", () => {
    const text = '"Bob Ray" <sip:+14155559999@pbx> SMITH {"a":"b"}';
    expect([open.text(text), open.log(text)]).toEqual([text, text]);
    expect(open.json({ party: "Bob", data: { a: "1" } })).toEqual({ party: "Bob", data: { a: "1" } });
  });
});

test("JSON: parties by their keys, the data of an event, keys that are agents; numbers stay numbers", () => {
  expect(
    mask.json({ party: "415555", identity: "Bob", number: "14155559999", at: 1764239465123, SMITH: [{ dialString: "1002" }] }),
  )
    .toEqual({ party: "...", identity: "[name]", number: "...9999", at: 1764239465123, "agent-1": [{ dialString: "1002" }] });
  expect(mask.json({ data: { CustomerID: "C-4711" } })).toEqual({ data: { CustomerID: "[6 characters]" } });
});

test("counters are not numbers of people", () => {
  expect(mask.counters('memory_bytes 56782848\nx{agent="SMITH"} 1')).toBe('memory_bytes 56782848\nx{agent="agent-1"} 1');
});
