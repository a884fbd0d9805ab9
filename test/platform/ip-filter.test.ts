/** The addresses for systemd's IP filter. */
import { describe, expect, test } from "bun:test";
import { addressesToAllow } from "../../src/platform/ip-filter.ts";

const loopback = ["127.0.0.0/8", "::1/128"];

describe("the addresses to allow", () => {
  test("are those of the switch, the lists and loopback; each once, normalised", () =>
    expect(addressesToAllow({
      switches: ["10.1.0.5", "::ffff:10.1.0.5", "fe80::1%eth0"],
      ranges: ["192.168.7.0/24", "FD00::/8", "10.1.0.5"],
    })).toEqual([...loopback, "10.1.0.5/32", "fe80::1/128", "192.168.7.0/24", "fd00::/8"]));

  test.each([
    ["a switch is known by name", ["10.1.0.5", "pbx.example.com"]],
    ["the driver does not know the switches", undefined],
  ])("are all if %s", (_, switches) => expect(addressesToAllow({ switches, ranges: ["10.0.0.0/8"] })).toBeUndefined());

  test("omit invalid ranges: the configuration's parser reports them", () =>
    expect(addressesToAllow({ switches: [], ranges: ["10.0.0.0/33", "1.2.3.4"] })).toEqual([...loopback, "1.2.3.4/32"]));
});
