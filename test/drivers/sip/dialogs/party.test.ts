/** The party at an end of a dialog: URIs and names into identities. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import fc from "fast-check";
import { identify } from "../../../../src/core/number.ts";
import { inAscii } from "../../../../src/core/spelling.ts";
import { addressOf, partyOf } from "../../../../drivers/sip/dialogs/party.ts";
import { cpuMs } from "../../../support/cpu.ts";

// A backstop: how long many runs of a property take depends on the machine.
setDefaultTimeout(60_000);

const anonymous = { identity: "anonymous", outside: true };

describe("the identity", () => {
  test.each([
    ["sip:14155550123@pbx", "14155550123"],
    ["sips:+14155550123@pbx:5061;transport=tls", "+14155550123"],
    ["SIP:+14155550123@PBX", "+14155550123"],
    ["sip:+14155550123@pbx;user=phone", "+14155550123"],
    ["sip:+1415555;ext=22;phone-context=x@pbx;user=phone", "+1415555"],
    ["sip:+14155550123;npdi;rn=+14155550000@gw", "+14155550123"],
    ["sip:%2B14155550123@pbx", "+14155550123"],
    ["sip:%31%30%30%32@pbx", "1002"],
    ["sip:14155550123:secret@pbx", "14155550123"],
    ["sip:14155550123:4711@pbx", "14155550123"],
    ["sip:alice:secret@pbx", "alice"],
    ["sip:alice:42@pbx", "alice"],
    ["sip:Sales:14155550123@pbx", "Sales:14155550123"],
    ["sip:Sales:+14155550123;x=y@pbx", "Sales:+14155550123"],
    ["sip:Sales%3A14155550123@pbx", "Sales:14155550123"],
    ["sip:1002@[2001:db8::1]:5060;transport=tcp?a=b", "1002"],
    ["tel:+1-415-555-0123", "+14155550123"],
    ["tel:+1(415)555.0123;phone-context=example.com", "+14155550123"],
    ["TEL:1002;phone-context=+1415", "1002"],
    ['"Customer" <sip:14155550123@pbx;user=phone>;tag=1', "14155550123"],
    ["<tel:+14155550123>", "+14155550123"],
    ["14155550123", "14155550123"],
    ["sip:*97@pbx", "*97"],
    ["sip:%2A97@pbx", "*97"],
    ["sip:conf%2B3000@pbx", "conf+3000"],
    ["sip:alice@pbx", "alice"],
    ["sip:100%zz@pbx", "100%zz"],
    ["sip:a@b@pbx", "a@b"],
  ])("of %s is %s", (uri, identity) => expect(partyOf({ identity: { uri }, params: {} })).toEqual({ identity }));

  test.each([
    ["sip:anonymous@anonymous.invalid"],
    ["sip:Anonymous@pbx"],
    ["sip:+14155550123@anonymous.invalid"],
    ["sip:anything@unknown.invalid"],
    ["sip:restricted@pbx"],
    ["sip:invalid@10.0.0.5"],
    ["sip:Unavailable@pbx"],
    ["sip:unknown@pbx"],
    ["sip:0000@pbx"],
    ["sip:@pbx"],
    ["sip:pbx"],
    ["sip:"],
    ["tel:"],
  ])("of %s is nobody's, from outside", (uri) => {
    expect(partyOf({ identity: { uri, display: "14155550123" }, params: {} })).toEqual(anonymous);
  });

  test.each<[string, string | undefined]>([
    ["sip:14155550123@pbx", "Anonymous"],
    ["sip:14155550123@pbx", " anonymous "],
    ["sip:14155550123@pbx", "Restricted"],
    ["sip:14155550123@pbx", "PRIVATE NUMBER"],
    ["sip:14155550123@pbx", "Anonymous Caller"],
    ["sip:14155550123@pbx", "No Caller ID"],
    ["sip:14155550123@pbx", "Number withheld"],
    ["sip:14155550123@pbx", "Caller-ID blocked"],
    ["sip:14155550123@pbx", "Id Hidden"],
    ["sip:14155550123@pbx", "(Anon)"],
    ["sip:14155550123@pbx", "\u202aAnony\u200bmous\u202c"],
    ["sip:14155550123@pbx", "\uff21nonymous"],
    ["sip:14155550123;privacy=id@pbx", undefined],
    ["sip:14155550123@pbx;privacy=%22id%3Bcritical%22", undefined],
    ['"Anonymous" <sip:14155550123@pbx>', undefined],
    ["Withheld <sip:14155550123@pbx>", undefined],
    ["sip:14155550123@pbx;privacy=id", undefined],
    ["sip:14155550123@pbx;user=phone?Privacy=id%3Buser", undefined],
    ["<sip:14155550123@pbx>;party=calling;privacy=full;screen=yes", "Ann Example"],
    ["tel:+14155550123;privacy=uri", undefined],
    ["sip:Restricted@restricted.invalid", "14155550123"],
    ["sip:unavailable@10.0.0.5", "14155550123"],
    ["sip:PRIVATE@pbx", "14155550123"],
    ["sip:anonymous%20caller@pbx", "14155550123"],
    ["sip:Anonymous@192.0.2.10:5060;user=phone", "14155550123"],
  ])("of %s, named %s, is withheld, and the number beside it is not used", (uri, display) => {
    expect(partyOf({ identity: { uri, ...(display === undefined ? {} : { display }) }, params: {} })).toEqual(anonymous);
  });

  test.each([
    [{ privacy: "full" }, "sip:14155550123@pbx"],
    [{ "+sip.privacy": "id" }, "sip:14155550123@pbx"],
    [{}, "sip:14155550123@pbx;privacy=id"],
  ])("whose target is marked %o, %s, is withheld", (params, target) => {
    expect(partyOf({ identity: { uri: "sip:14155550123@pbx" }, target, params })).toEqual(anonymous);
  });

  test.each<[string, string | undefined]>([
    ["sip:14155550123@pbx", "Unknown"],
    ["sip:14155550123@pbx", "Unavailable"],
    ["sip:14155550123@pbx", "Private Bank of Example"],
    ["sip:14155550123@pbx", "Anonymous Studios"],
    ["sip:14155550123@pbx", "Caller"],
    ["sip:14155550123@pbx", "No"],
    ["sip:14155550123@pbx", ""],
    ["sip:14155550123@pbx;privacy=none", undefined],
    ["sip:14155550123@pbx;privacy=off", undefined],
    ["sip:14155550123@pbx;privacyid=full", undefined],
  ])("of %s, named %s, is not", (uri, display) => {
    const end = { identity: { uri, ...(display === undefined ? {} : { display }) }, params: {} };
    expect(partyOf(end)).toEqual({ identity: "14155550123" });
  });

  test.each([
    ["a number in the name beside an account", "sip:trunk-7@pbx", "+1 (415) 555-0123", "+1 (415) 555-0123"],
    ["not a number in the name beside a number", "sip:1002@pbx", "14155550123", "1002"],
    ["not a name", "sip:alice@pbx", "Alice", "alice"],
    ["not a year in a name", "sip:alice@pbx", "Alice 2024", "alice"],
  ])("%s", (_, uri, display, identity) => expect(partyOf({ identity: { uri, display }, params: {} })).toEqual({ identity }));

  test("of endless brackets and spaces is read quickly", async () => {
    const uris = [`<>${" ".repeat(200_000)}<`, "<".repeat(200_000), `sip:${";".repeat(200_000)}@pbx`];
    expect(await cpuMs(() => uris.forEach((uri) => addressOf(uri)))).toBeLessThan(2000);
  });

  test("of an end without one is unknown", () =>
    expect([partyOf(undefined), partyOf({ params: {} })]).toEqual([undefined, undefined]));
});

test.each([
  ["sip:1001@PBX.example.com:5060;lr", "pbx.example.com"],
  ["sip:1001@[2001:DB8::1]:5060", "2001:db8::1"],
  ["sip:pbx", "pbx"],
  ["tel:1001", ""],
])("the host of %s is %j", (uri, host) => expect(addressOf(uri).host).toBe(host));

test("no URI breaks it, and words do not become digits", () => {
  const text = fc.oneof(fc.string({ unit: "binary" }), fc.string({ unit: fc.constantFrom(...'sip:tel@;<>%2B"+(1)a*#[]?&') }));
  fc.assert(
    fc.property(text, fc.option(text, { nil: undefined }), (uri, display) => {
      const party = partyOf({ identity: { uri, ...(display === undefined ? {} : { display }) }, params: {} });
      const found = identify(party?.identity ?? "");
      // Digits of other scripts are digits; the zero in brackets behind a country code is not part of the number.
      const texts = [uri, display ?? ""].map((text) => inAscii(addressOf(text).user + text));
      const sources = texts.flatMap((text) => [text, text.replaceAll("(0)", "")]);
      return found.kind !== "number" ||
        sources.some((source) => source.replace(/\D/g, "").includes(found.number.replace(/\D/g, "")));
    }),
    { numRuns: 1000, examples: [["+2(0)1", undefined], ["\uff11", undefined]] },
  );
});
