/** The questions of `telesetd setup` for FreeSWITCH, and how their answers are tested. */
import type { QuestionGroup } from "../driver.ts";
import { only } from "../shared/probing.ts";
import type { FreeswitchConfig } from "./config.ts";
import { checkGreeting, domains, probe } from "./probe/mod.ts";

/** See `DriverEntry.setup`. */
export const setup: readonly QuestionGroup<FreeswitchConfig>[] = [
  {
    questions: [
      {
        key: "host",
        name: "the address of FreeSWITCH",
        prompt: "Address of FreeSWITCH",
        expected: "an address or a name, for example 10.1.0.5",
        port: "port",
      },
      {
        key: "port",
        name: "the port of the event socket",
        prompt: "Port of its event socket",
        expected: "a port, for example 8021",
      },
    ],
    subject: ({ host, port }) => `${host}:${port}`,
    check: checkGreeting,
  },
  {
    questions: [
      {
        key: "user",
        name: "the user",
        prompt: "User for the event socket, user@domain (none: the socket's own password)",
        expected: "user@domain, or none",
        absent: "none",
      },
      {
        key: "password",
        name: "the password",
        prompt: "Its password",
        expected: "the password: FreeSWITCH does not accept logins without one",
        secret: true,
      },
    ],
    subject: () => "this login",
    check: (config, context, signal) => only(probe(config, context, signal), ["switch login"]),
  },
  {
    questions: [
      {
        key: "domain",
        name: "the domain",
        prompt: "Domain that the phones register in",
        expected: "a domain, for example pbx.example.com, or an address",
      },
    ],
    suggestions: { key: "domain", intro: "The switch serves", find: domains },
    subject: ({ domain }) => domain,
    check: (config, context, signal) => {
      const phones = context.desks.map(({ extension }) => `phone ${extension}`);
      return only(probe(config, context, signal), ["domain", ...phones]);
    },
  },
];
