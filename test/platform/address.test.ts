import { describe, expect, setDefaultTimeout, test } from "bun:test";
import fc from "fast-check";
import { hostAllowed, isLoopback, normaliseAddress, parseRanges } from "../../src/platform/address.ts";
import { privateRanges } from "../../src/config/schema.ts";

setDefaultTimeout(60_000);

// A backstop: how long many runs of a property take depends on the machine.
describe("an address is normalised:", () => {
  test.each([
    ["10.0.0.5", "10.0.0.5"],
    ["::ffff:10.0.0.5", "10.0.0.5"],
    ["::FFFF:0a00:0005", "10.0.0.5"],
    ["2001:DB8:0:0:0::1", "2001:db8::1"],
    ["fe80::1%eth0", "fe80::1%eth0"],
    ["10.1", undefined],
    ["010.0.0.5", undefined],
    ["0x7f.0.0.1", undefined],
    ["256.0.0.1", undefined],
    ["10.0.0.5:80", undefined],
    [" 10.0.0.5", undefined],
    ["::1::", undefined],
    ["localhost", undefined],
    ["", undefined],
  ])("%p becomes %p", (text, address) => expect(normaliseAddress(text)).toBe(address));

  test("any text, and normalising twice changes nothing", () => {
    const text = fc.oneof(fc.ipV4(), fc.ipV6(), fc.ipV4Extended(), fc.string());
    fc.assert(fc.property(text, (text) => {
      const address = normaliseAddress(text);
      if (address !== undefined) expect(normaliseAddress(address)).toBe(address);
    }));
  });
});

test.each([["127.0.0.1", true], ["127.255.0.1", true], ["::1", true], ["::ffff:127.0.0.1", true], ["10.0.0.1", false], [
  "::",
  false,
], ["x", false]])(
  "%s is loopback: %p",
  (address, loopback) => expect(isLoopback(address)).toBe(loopback),
);

describe("ranges:", () => {
  test.each<[string, string, boolean]>([
    ["10.1.0.0/16", "10.1.255.255", true],
    ["10.1.0.0/16", "::ffff:10.1.0.1", true],
    ["10.1.0.0/16", "10.2.0.0", false],
    ["10.1.2.3", "10.1.2.3", true],
    ["10.1.2.3", "10.1.2.4", false],
    ["0.0.0.0/0", "8.8.8.8", true],
    ["0.0.0.0/0", "2001:db8::1", false],
    ["::/0", "8.8.8.8", false],
    ["fc00::/7", "fd12::1", true],
    ["fe80::/10", "fe80::1%eth0", true],
    ["::ffff:10.0.0.0/104", "10.9.9.9", true],
    ["10.0.0.0/8", "", false],
    ["10.0.0.0/8", "10.0.0", false],
  ])("%s contains %s: %p", (range, address, inside) => expect(parseRanges([range])(address)).toBe(inside));

  test("an empty list contains nothing", () => expect(parseRanges([])("127.0.0.1")).toBe(false));

  test.each([["192.168.7.7", true], ["172.31.0.1", true], ["172.32.0.1", false], ["169.254.1.1", true], ["100.64.0.1", false]])(
    "the default ranges contain %s: %p",
    (address, inside) => expect(parseRanges(privateRanges)(address)).toBe(inside),
  );

  test.each(["10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/", "10.0.0.0/8/8", "10.0.0/8", "::/129", "::ffff:10.0.0.0/90", "x", ""])(
    "%p is not a range",
    (text) => {
      expect(() => parseRanges(["10.0.0.1", text])).toThrow(`Cannot read the address range ${text}: expected an address such as`);
    },
  );
});

describe("the Host header", () => {
  test.each<[string | undefined, boolean]>([
    [undefined, true],
    ["", true],
    ["10.0.0.1", true],
    ["10.0.0.1:8090", true],
    ["[::1]:8090", true],
    ["[fe80::1%eth0]", true],
    ["localhost:", true],
    ["LOCALHOST", true],
    ["box", true],
    ["BOX.:80", true],
    ["box.example", false],
    ["localhost.evil.example", false],
    ["10.0.0.1.evil.example", false],
    ["[::1].evil.example", false],
    ["[]", false],
    [":80", false],
    [".", false],
    ["box:80:80", false],
    ["box, box", false],
    ["user@box", false],
    ["::1", false],
  ])("%p is allowed: %p", (host, allowed) => expect(hostAllowed(host, ["Box"])).toBe(allowed));
});
