/** The questions of `telesetd setup` for a box whose relay watches the switch, and how their answers are tested. */
import type { Hop, ProbeContext, QuestionGroup } from "../driver.ts";
import { only } from "../shared/probing.ts";
import type { RelayConfig } from "./config.ts";

/** See `DriverEntry.setup`. */
export const setup: readonly QuestionGroup<RelayConfig>[] = [
  {
    questions: [
      {
        key: "servers",
        name: "the broker",
        prompt: "NATS servers, separated by commas",
        expected: "tls://HOST:PORT, for example tls://10.1.0.5:4222",
        complete: (typed) => typed.includes("://") ? typed : `tls://${typed}`,
      },
      {
        key: "ca",
        name: "the certificate of the broker",
        prompt: "File with the certificate that has signed the broker's (none: a public authority)",
        expected: "the path of a PEM file, or none",
        absent: "none",
        secret: true,
      },
      {
        key: "credentials",
        name: "the credentials",
        prompt: "Credentials of the desk: the path of its .creds file, a seed, or user:password",
        expected: "a path, a seed or user:password",
        secret: true,
      },
    ],
    intro: "telesetd fleet add makes these settings beside the relay, so that they need not be typed here.",
    subject: ({ servers }) => servers.join(", "),
    check: (config, context, signal) => only(probe(config, context, signal), ["broker", "broker login"]),
  },
  {
    questions: [
      {
        key: "prefix",
        name: "the prefix of the PBX",
        prompt: "Prefix of the subjects",
        expected: "letters and digits, for example tele",
      },
      {
        key: "agents",
        name: "whether the switch distributes calls",
        prompt: "Do Login, Ready and NotReady go to the switch, yes or no",
        expected: "yes or no",
      },
    ],
    subject: ({ prefix }) => `prefix ${prefix}`,
    check: (config, context, signal) => {
      const names = context.desks.flatMap((
        { extension },
      ) => [`relay of ${extension}`, `switch of ${extension}`, `phone ${extension}`]);
      return only(probe(config, context, signal), names);
    },
  },
];

/** Loaded when an answer is tested: the daemon needs only the settings. */
async function* probe(config: RelayConfig, context: ProbeContext, signal: AbortSignal): AsyncIterable<Hop> {
  yield* (await import("./probe.ts")).probe(config, context, signal);
}
