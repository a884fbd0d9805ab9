/** The questions of `telesetd setup` for Asterisk, and how their answers are tested. */
import type { Hop, ProbeContext, QuestionGroup } from "../driver.ts";
import { only } from "../shared/probing.ts";
import type { AsteriskConfig } from "./config.ts";

/** See `DriverEntry.setup`. */
export const setup: readonly QuestionGroup<AsteriskConfig>[] = [
  {
    intro:
      "Asterisk needs a user in ari.conf and its HTTP server in http.conf: /usr/share/doc/telesetd/docs/asterisk.md has both.",
    questions: [
      {
        key: "host",
        name: "the address of Asterisk",
        prompt: "Address of Asterisk",
        expected: "an address or a name, for example 10.1.0.5",
        port: "port",
      },
      {
        key: "port",
        name: "the port of its HTTP server",
        prompt: "Port of its HTTP server",
        expected: "a port, for example 8088",
      },
      { key: "tls", name: "whether it speaks TLS", prompt: "Does it speak TLS there, yes or no", expected: "yes or no" },
      {
        key: "ca",
        name: "the certificate of Asterisk",
        prompt: "File with the certificate that has signed Asterisk's (none: a public authority)",
        expected: "the path of a PEM file, or none",
        absent: "none",
        secret: true,
      },
    ],
    applies: (key, { tls }) => key !== "ca" || tls === true,
    subject: ({ host, port }) => `${host}:${port}`,
    check: (config, context, signal) => only(probe(config, context, signal), ["switch"]),
  },
  {
    questions: [
      { key: "user", name: "the user", prompt: "User in ari.conf", expected: "a user, for example telesetd" },
      { key: "password", name: "the password", prompt: "Its password", expected: "the password", secret: true },
    ],
    subject: ({ user }) => `user ${user}`,
    check: (config, context, signal) =>
      only(probe(config, context, signal), ["switch login", "switch modules", "switch websocket", "switch events"]),
  },
  {
    questions: [
      {
        key: "technology",
        name: "the technology of the phones",
        prompt: "Channel technology of the phones",
        expected: "a technology, for example PJSIP",
      },
    ],
    subject: ({ technology }) => technology,
    check: (config, context, signal) => {
      const phones = context.desks.map(({ extension }) => `phone ${extension}`);
      return only(probe(config, context, signal), phones);
    },
  },
  {
    questions: [
      {
        key: "context",
        name: "the context",
        prompt: "Dialplan context in which the phones dial",
        expected: "a context, for example default, or from-internal on FreePBX",
      },
      {
        key: "outsideEndpoints",
        name: "the endpoints of the trunks",
        prompt: "Endpoints of the trunks, separated by commas (none: decide by numbers and contexts)",
        expected: "names of endpoints, or none",
        absent: "none",
      },
    ],
    suggestions: {
      key: "context",
      intro: "The phones dial in",
      find: async (...given) => await (await import("./probe.ts")).contexts(...given),
    },
    subject: ({ context }) => context,
    check: (config, context, signal) => only(probe(config, context, signal), ["outside", "dialplan"]),
  },
];

/** Loaded when an answer is tested: the daemon needs only the settings. */
async function* probe(config: AsteriskConfig, context: ProbeContext, signal: AbortSignal): AsyncIterable<Hop> {
  yield* (await import("./probe.ts")).probe(config, context, signal);
}
