/** The `line` part of the configuration for a SIP switch behind drachtio-server. */
import * as z from "zod";
import { phoneMakes } from "../shared/auto-answer.ts";

/** Control characters would end a SIP header: they are refused here and again when a message is sent (stack.ts). */
const clean = z.string().regex(/^[^\p{Cc}]*$/u, "expected no control characters");
const host = z.string().regex(
  /^([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])$/,
  "expected a host without a port (that is for line.proxy), an IPv6 address in brackets",
);
const hostport = z.string().regex(
  /^([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(:\d{1,5})?$/,
  "expected a host or host:port, an IPv6 address in brackets",
).refine((text) => {
  const port = Number(/:(\d+)$/.exec(text)?.[1] ?? 5060);
  return port >= 1 && port <= 65535;
}, "expected a port from 1 to 65535");
const seconds = (least: number, most: number) => z.number().min(least).max(most);

/** How MakeCall makes the phone dial. */
const dialMethods = ["invite-refer", "refer"] as const;

/** Settings of the driver. */
export const sipConfig = z.strictObject({
  driver: z.literal("sip").meta({
    description: "any SIP switch that reports the dialogs of its phones, through drachtio-server",
  }),
  host: clean.regex(/^[^\s[\]]+$/, "expected an address or a name, IPv6 without brackets").default("127.0.0.1").meta({
    description: "address of drachtio-server",
  }),
  port: z.int().min(1).max(65535).default(9022).meta({ description: "port of drachtio-server" }),
  drachtioSecret: clean.regex(/^[^|]*$/, "expected no |").min(1).default("cymru").meta({
    description: "secret of drachtio-server",
    formerly: "secret",
    secret: true,
  }),
  domain: host.meta({ description: "the SIP domain of the phones" }),
  user: z.string().regex(/^[A-Za-z0-9_.!~*'()&=+$,;?\/-]+$/, "expected a SIP user, without its domain").meta({
    description: "the SIP account of the box",
  }),
  authUser: z.string().regex(/^[\x20-\x7e]+$/, "expected ASCII characters").optional().meta({
    description: "authentication user name, if different from user",
    formerly: "login",
  }),
  password: clean.min(1).optional().meta({ description: "password of that account", secret: true }),
  proxy: hostport.optional().meta({ description: "the next hop of SIP requests, host or host:port; default the domain" }),
  transport: z.enum(["udp", "tcp", "tls"]).default("udp").meta({ description: "transport of SIP" }),
  register: z.boolean().default(false).meta({
    description: "whether the box registers itself: some switches serve only registered accounts",
  }),
  expiresSeconds: z.int().min(30).max(86400).default(300).meta({
    description: "requested duration of a subscription or registration, in seconds",
  }),
  refreshSeconds: z.int().min(5).max(86400).default(30).meta({
    description:
      "longest time between renewals of a subscription, in seconds; a renewal corrects what the switch failed to report",
  }),
  pingSeconds: seconds(1, 600).default(20).meta({
    description: "time between OPTIONS requests that check the switch, in seconds",
  }),
  answerSeconds: seconds(0.1, 32).default(8).meta({ description: "deadline for the answer to a SIP request, in seconds" }),
  connectSeconds: seconds(0.1, 60).default(5).meta({
    description: "deadline for connecting and logging in to drachtio-server, in seconds",
  }),
  dialMethod: z.enum(dialMethods).default("invite-refer").meta({
    description:
      "how MakeCall dials: ring the phone and transfer it to the number (invite-refer), or make the phone dial (refer)",
    formerly: "dial",
  }),
  referTellsAnswer: z.boolean().default(false).meta({
    description:
      "whether a 200 from the switch for a REFER means that the number has answered; otherwise only the dialog of the phone shows it",
  }),
  phoneMake: z.enum(phoneMakes).default("generic").meta({
    description: "the make of the phones, which decides how MakeCall requests auto-answer; with none the phone rings",
    formerly: "phone",
  }),
  ringSeconds: z.int().min(5).max(120).default(25).meta({ description: "how long MakeCall rings the handset, in seconds" }),
});

/** The checked settings with all defaults. */
export type SipConfig = z.infer<typeof sipConfig>;
