/** What the `line` part of the configuration accepts, and its errors for everything else. */
import { expect, test } from "bun:test";
import { safeParse } from "valibot";
import { sipConfig } from "../../../drivers/sip/config.ts";

const parse = (part: object) => safeParse(sipConfig, { driver: "sip", domain: "pbx", user: "1099", ...part });

test.each([
  { host: "::1" },
  { domain: "[fd00::5]", proxy: "[fd00::6]:5061" },
  { proxy: "10.0.0.5" },
  { proxy: "sbc.example.com:65535", transport: "tls" },
  { user: "box+1" },
])("%o is good", (part) => expect(parse(part).success).toBe(true));

test.each([
  [{ host: "[::1]" }, "expected an address or a name, IPv6 without brackets"],
  [{ host: "" }, "expected an address or a name, IPv6 without brackets"],
  [{ domain: "pbx:5060" }, "expected a host without a port (that is for line.proxy), an IPv6 address in brackets"],
  [{ domain: "fd00::5" }, "expected a host without a port (that is for line.proxy), an IPv6 address in brackets"],
  [{ proxy: "pbx:0" }, "expected a port from 1 to 65535"],
  [{ proxy: "[fd00::6]:99999" }, "expected a port from 1 to 65535"],
  [{ proxy: "sip:pbx" }, "expected a host or host:port, an IPv6 address in brackets"],
  [{ user: "1099@pbx" }, "expected a SIP user, without its domain"],
  [{ authUser: "J\u00fcrgen" }, "expected ASCII characters"],
  [{ drachtioSecret: "a|b" }, "expected no |"],
])("%o: %s", (part, why) => expect(parse(part).issues?.map(({ message }) => message)).toEqual([why]));
