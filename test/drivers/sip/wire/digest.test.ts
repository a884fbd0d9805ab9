import { describe, expect, setDefaultTimeout, test } from "bun:test";
import fc from "fast-check";
import { authorization, type Challenge, challengeOf } from "../../../../drivers/sip/wire/digest.ts";
import { cpuMs } from "../../../support/cpu.ts";

// A backstop: how long many runs of a property take depends on the machine.
setDefaultTimeout(60_000);

const mufasa = { user: "Mufasa", password: "Circle of Life" };

describe("the response", () => {
  // RFC 7616, section 3.9.1: one request, two algorithms.
  const nonce = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v";
  const header = (algorithm: string) =>
    `Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm=${algorithm}, nonce="${nonce}", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"`;
  const request = { method: "GET", uri: "/dir/index.html", count: 1, cnonce: "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ" };
  test.each([
    ["MD5", "8ca523f5e9506fed4657c9700eebdbec"],
    ["SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"],
  ])("%s: as in the examples of RFC 7616", (algorithm, response) => {
    const challenge = challengeOf(header(algorithm));
    expect(challenge).toBeDefined();
    expect(authorization(challenge as Challenge, mufasa, request)).toContain(`response="${response}"`);
  });

  test("without qop: as in RFC 2617, for old switches, without nc and cnonce", () => {
    const challenge = challengeOf('Digest realm="r", nonce="n"') as Challenge;
    expect(authorization(challenge, { user: "u", password: "p" }, { method: "REGISTER", uri: "sip:r", count: 1, cnonce: "c" }))
      .toMatch(
        /^Digest username="u",realm="r",nonce="n",uri="sip:r",response="[0-9a-f]{32}",algorithm=MD5$/,
      );
  });

  test("quotes in names are escaped", () => {
    const challenge = challengeOf('Digest realm="a\\"b", nonce="n"') as Challenge;
    expect(challenge.realm).toBe('a"b');
    expect(authorization(challenge, { user: 'u"', password: "p" }, request)).toContain('username="u\\"",realm="a\\"b"');
  });
});

describe("of several challenges the best that can be answered is chosen:", () => {
  const cases: [string, string | undefined, string | undefined][] = [
    ['Digest realm="a", nonce="1", algorithm=MD5, Digest realm="b", nonce="2", algorithm=SHA-256', "b", "SHA-256"],
    ['DIGEST realm="a",nonce="1"', "a", "MD5"],
    ['Digest realm="a", nonce="1", algorithm=AKAv1-MD5', undefined, undefined],
    ['Basic realm="a"', undefined, undefined],
    ['Basic realm="x", Digest realm="a", nonce="1", algorithm=md5', "a", "MD5"],
    ['Digest realm="a, Digest realm=", nonce="1"', "a, Digest realm=", "MD5"],
    ['Digest realm="a", nonce="1", qop="auth-int"', undefined, undefined],
    ['Digest realm="a", nonce="1", qop="auth,auth-int", algorithm=MD5-sess', "a", "MD5-sess"],
    ["Digest realm=a, nonce=1", "a", "MD5"],
    ['Digest nonce="1"', undefined, undefined],
    ["", undefined, undefined],
  ];
  test.each(cases)("%s", (header, realm, algorithm) => {
    const challenge = challengeOf(header);
    expect([challenge?.realm, challenge?.algorithm]).toEqual([realm, algorithm] as never);
  });

  test("stale is recognised", () => {
    expect(challengeOf('Digest realm="a", nonce="1", stale=TRUE')?.stale).toBe(true);
    expect(challengeOf('Digest realm="a", nonce="1", stale="false"')?.stale).toBe(false);
  });

  test("any text is read quickly, and nothing is thrown", async () => {
    fc.assert(fc.property(fc.string({ maxLength: 300, unit: fc.constantFrom(...'Digest aA1=",\\ \n\0\u00e9\ud800') }), (text) => {
      challengeOf(`Digest ${text}`);
    }));
    const long = [`Digest realm="${"\\".repeat(50_000)}`, "Digest ".repeat(20_000), `Digest ${"a ".repeat(50_000)}`];
    expect(await cpuMs(() => long.forEach((text) => challengeOf(text)))).toBeLessThan(1000);
  });
});
