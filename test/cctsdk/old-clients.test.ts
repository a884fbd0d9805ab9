/** Queries of old Java clients and of agents who paste: encodings, a raw plus, unneeded values. */
import { describe, expect, test } from "bun:test";
import { decodeCallout } from "../../src/cctsdk/decode.ts";

const decode = (query: string) => decodeCallout(query, { from: "10.0.0.5", desks: ["1001"], addressAllowed: () => false });
const why = (query: string): string => {
  const decoded = decode(query);
  return decoded.ok ? "" : decoded.why;
};
const who = "telesetNumber=1001&agentID=SMITH";
const ready = { ok: true, callout: { name: "Ready", desk: "1001", agent: "SMITH" } };

describe("values are decoded:", () => {
  test.each([
    ["M%FCller", "Müller"],
    ["caf%E9+%80", "café €"],
    ["Bj%F6rk%20Gu%F0mundsd%F3ttir", "Björk Guðmundsdóttir"],
    ["%C0%AF", "À¯"],
    ["%C3", "Ã"],
    ["M%C3%BCller", "Müller"],
  ])("windows-1252 if it is not UTF-8: %s is %s", (id, agent) => {
    expect(decode(`FunctionName=Ready&telesetNumber=1001&agentID=${id}`)).toMatchObject({ ok: true, callout: { agent } });
  });

  test("a password in windows-1252 keeps its invisible characters", () => {
    expect(decode(`FunctionName=Login&${who}&agentPassword=gr%FC%DFe`)).toMatchObject({ callout: { password: "grüße" } });
    expect(decode(`FunctionName=Login&${who}&agentPassword=a%E2%80%8Bb`)).toMatchObject({ callout: { password: "a\u200bb" } });
  });

  test.each([
    ["direction marks and a no-break space", "%E2%80%AA1001%E2%80%AC%C2%A0", "%EF%BB%BFSMI%C2%ADTH%E2%80%8E"],
    ["full-width digits", "%EF%BC%91%EF%BC%90%EF%BC%90%EF%BC%91", "SMITH"],
  ])("pasted with %s", (_, extension, agent) => {
    expect<unknown>(decode(`FunctionName=Ready&telesetNumber=${extension}&agentID=${agent}`)).toEqual(ready);
  });
});

describe("the plus of a dial string:", () => {
  test.each([
    ["+14155550123", "+14155550123"],
    ["%2B14155550123", "+14155550123"],
    ["+1%20(415)%20555-0123", "+1 (415) 555-0123"],
    ["+1+415+555+0123", "+1 415 555 0123"],
    ["+1+(415)+555-0123", "+1 (415) 555-0123"],
    ["%2B1+(415)+555-0123", "+1 (415) 555-0123"],
    ["%20+14155550123", "+14155550123"],
    ["++14155550123", "+14155550123"],
    ["+%2B14155550123", "+14155550123"],
    ["+%20%2B14155550123", "+14155550123"],
    ["%E2%80%AA+14155550123%E2%80%AC", "+14155550123"],
    ["+(44)+20", "+(44) 20"],
    ["tel:+1-201-555-0123", "tel:+1-201-555-0123"],
    ["tel%3A+1-201-555-0123", "tel:+1-201-555-0123"],
    ["+tel:+1-201-555-0123", "tel:+1-201-555-0123"],
    ["+tel:1-201-555-0123", "tel:1-201-555-0123"],
    ["TEL:%2B1-201-555-0123", "TEL:+1-201-555-0123"],
    ["tel://+12015550123", "tel://+12015550123"],
    ["%252B14155550123", "+14155550123"],
    ["%252B1%2520415", "+1 415"],
    ["%252B1%2B415", "+1 415"],
    ["%2520%252B1415", "+1415"],
    ["+*98", "*98"],
    ["+98%23", "+98#"],
    ["4155550123+", "4155550123"],
    ["+4155550123+", "+4155550123"],
    ["415+555", "415 555"],
    ["+FRONT+DESK", "FRONT DESK"],
    ["%202B1415", "2B1415"],
    ["%2B%2B1", "++1"],
    ["50%2525", "50%"],
  ])("%s is %s", (sent, read) => {
    for (const name of ["MakeCall", "DialCanonical"]) {
      for (const key of ["dialString", "DIALSTRING", "dial%53tring"]) {
        expect(decode(`FunctionName=${name}&${who}&${key}=${sent}`)).toMatchObject({ ok: true, callout: { dialString: read } });
      }
    }
  });

  test("alone is a space: the number is missing", () => {
    expect(why(`FunctionName=MakeCall&${who}&dialString=+`)).toContain("dialString is missing");
  });

  test("is a space elsewhere", () => {
    expect(decode("FunctionName=Ready&telesetNumber=+1001&agentID=+J+SMITH")).toMatchObject({
      ok: true,
      callout: { agent: "J SMITH" },
    });
  });
});

describe("parameters that a function does not use are ignored:", () => {
  test.each([
    ["Ready", "agentPassword=%zz&agentQueue=%&ipAddress=x&port=0&dialString=%0a"],
    ["Ready", "agentPassword=a&agentPassword=b"],
    ["Unregister", "ipAddress=%zz&port=%"],
    ["MakeCall", "dialString=1002&agentPassword=100%"],
    ["Logout", "agentPassword=100%"],
    ["CheckStatus", "telesetNumber=%zz&agentID=%"],
  ])("%s with %s", (name, rest) => {
    const about = name === "CheckStatus" ? "" : `&${who}`;
    expect(decode(`FunctionName=${name}${about}&${rest}`)).toMatchObject({ ok: true, callout: { name } });
  });
});
