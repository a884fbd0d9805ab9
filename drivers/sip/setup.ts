/** The questions of `telesetd setup` for a SIP switch behind drachtio-server, and how their answers are tested. */
import type { Hop, ProbeContext, QuestionGroup } from "../driver.ts";
import { only } from "../shared/probing.ts";
import type { SipConfig } from "./config.ts";

/** See `DriverEntry.setup`. */
export const setup: readonly QuestionGroup<SipConfig>[] = [
  {
    questions: [
      {
        key: "host",
        name: "the address of drachtio-server",
        prompt: "Address of drachtio-server",
        expected: "an address or a name, for example 127.0.0.1",
        port: "port",
      },
      {
        key: "port",
        name: "the port of drachtio-server",
        prompt: "Its port for applications",
        expected: "a port, for example 9022",
      },
      {
        key: "drachtioSecret",
        name: "the secret",
        prompt: "Its secret, from <admin> in drachtio.conf.xml",
        expected: "the secret, without |",
        secret: true,
      },
    ],
    subject: ({ host, port }) => `${host}:${port}`,
    check: (config, context, signal) => only(probe(config, context, signal), ["drachtio", "drachtio login"]),
  },
  {
    questions: [
      {
        key: "domain",
        name: "the SIP domain",
        prompt: "SIP domain of the phones",
        expected: "a domain or an address, for example pbx.example.com",
      },
      {
        key: "proxy",
        name: "the address of the switch",
        prompt: "Address of the switch, host or host:port (none: the domain itself)",
        expected: "a host or host:port, for example 10.1.0.5, or none",
        absent: "none",
      },
      { key: "transport", name: "the transport", prompt: "Transport to the switch", expected: "udp, tcp or tls" },
    ],
    subject: ({ domain, proxy = domain }) => proxy,
    check: checkSwitch,
  },
  {
    questions: [
      {
        key: "user",
        name: "the SIP account",
        prompt: "SIP account of the box",
        expected: "an account without its domain, for example 1099",
      },
      {
        key: "password",
        name: "the password",
        prompt: "Its password",
        expected: "the password, or none",
        absent: "none",
        secret: true,
      },
      {
        key: "authUser",
        name: "the user name for the password",
        prompt: "Its user name for the password (none: the account itself)",
        expected: "a user name, or none",
        absent: "none",
      },
      {
        key: "register",
        name: "whether the box registers",
        prompt: "Must the box register there, yes or no",
        expected: "yes or no",
      },
    ],
    applies: (key, { password }) => key !== "authUser" || password !== undefined,
    subject: ({ user }) => `account ${user}`,
    check: (config, context, signal) => {
      const phones = context.desks.map(({ extension }) => `phone ${extension}`);
      return only(probe(config, context, signal), [...config.register ? ["registration"] : [], ...phones]);
    },
  },
];

/** Whether the switch can be reached, before there is an account. One that is silent may be at another address. */
async function* checkSwitch(config: SipConfig, context: ProbeContext, signal: AbortSignal): AsyncGenerator<Hop> {
  const settings: SipConfig = { ...config, register: false, dialMethod: "invite-refer" };
  // Without a desk only OPTIONS is sent, and its one warning is that nothing answers it.
  for await (const hop of only(probe(settings, { ...context, desks: [] }, signal), ["SIP listener", "switch"])) {
    yield hop.verdict === "warning" ? { ...hop, verdict: "failed" } : hop;
  }
}

/** Loaded when an answer is tested: the daemon needs only the settings. */
async function* probe(config: SipConfig, context: ProbeContext, signal: AbortSignal): AsyncIterable<Hop> {
  yield* (await import("./probe.ts")).probe(config, context, signal);
}
