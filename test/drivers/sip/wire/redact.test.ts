import { describe, expect, test } from "bun:test";
import { hideCredentials, shownRequest } from "../../../../drivers/sip/wire/redact.ts";

describe("a SIP message in the trace", () => {
  test("is complete, except for the answer to a challenge", () => {
    const headers = { To: "<sip:1001@pbx>", Authorization: 'Digest username="u", response="abc123"', "X-Note": "kept" };
    expect(shownRequest({ method: "REGISTER", uri: "sip:pbx", headers, body: "v=0\r\n" })).toBe(
      "REGISTER sip:pbx\r\nTo: <sip:1001@pbx>\r\nAuthorization: ***\r\nX-Note: kept\r\n\r\nv=0\r\n",
    );
  });

  test.each([
    "Authorization: Digest a=b,\r\n response=abc123",
    'Authentication-Info: rspauth="abc123"',
    "Authorization: Digest response=abc123",
    "proxy-authorization : Digest response=abc123",
    "AUTHORIZATION:abc123",
  ])(
    "hides %s however it is spelt",
    (header) => {
      const frame = `1|sip|network\r\nSIP/2.0 200 OK\r\n${header}\r\nTo: x\r\n\r\n`;
      expect(hideCredentials(frame)).not.toContain("abc123");
      expect(hideCredentials(frame)).toContain("To: x");
    },
  );

  test("keeps the challenge itself, which is not a secret", () => {
    const challenge = 'WWW-Authenticate: Digest realm="pbx", nonce="n"';
    expect(hideCredentials(challenge)).toBe(challenge);
  });
});
