/** The questions of `telesetd setup` for FreeSWITCH, and how their answers are tested. */
import type { Hop, ProbeContext, QuestionGroup } from "../driver.ts";
import { only } from "../shared/probing.ts";
import type { FreeswitchConfig } from "./config.ts";

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
    check: async function* (...given) {
      yield* (await import("./probe/mod.ts")).checkGreeting(...given);
    },
  },
  {
    intro: "Recommended: a user of the switch's directory with few rights, such as telesetd@pbx.example.com " +
      "(/usr/share/doc/telesetd/docs/setup.md has its parameters). The event socket's own password allows every command, and a shell on the PBX.",
    questions: [
      {
        key: "user",
        name: "the user",
        prompt: "User for the event socket, user@domain (none: the socket's own password)",
        expected: "user@domain, or none",
        // The directory's usual domain is the address of the switch.
        complete: (typed, { domain, host }) => typed.includes("@") ? typed : `${typed}@${String(domain ?? host)}`,
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
    check: (config, context, signal) => {
      // Only the rights of a directory user are limited.
      const rights = config.user === undefined ? [] : ["switch commands", "switch filters", "switch events"];
      return only(probe(config, context, signal), ["switch login", ...rights]);
    },
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
    suggestions: {
      key: "domain",
      intro: "The switch serves",
      find: async (...given) => await (await import("./probe/mod.ts")).domains(...given),
    },
    subject: ({ domain }) => domain,
    check: (config, context, signal) => {
      const phones = context.desks.map(({ extension }) => `phone ${extension}`);
      return only(probe(config, context, signal), ["domain", ...phones]);
    },
  },
];

/** Loaded when an answer is tested: the daemon needs only the settings. */
async function* probe(config: FreeswitchConfig, context: ProbeContext, signal: AbortSignal): AsyncIterable<Hop> {
  yield* (await import("./probe/mod.ts")).probe(config, context, signal);
}
