/** The `line` part of the configuration for a SIP switch behind drachtio-server. */
import * as z from "zod";
import { phoneMakes } from "../shared/phones.ts";

/** What stands in SIP headers must not end them: refused where it comes in, and once more where it goes out (stack.ts). */
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

/** How MakeCall gets the phone to dial. */
const dialMethods = ["invite-refer", "refer"] as const;

/** Settings of the driver. */
export const sipConfig = z.strictObject({
  driver: z.literal("sip").meta({
    description: "any SIP switch that reports the dialogs of its phones, through drachtio-server",
  }),
  host: clean.regex(/^[^[\]]+$/, "expected an address or a name, IPv6 without brackets").default("127.0.0.1").meta({
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
    description: "user name for the password, where it is another than user",
    formerly: "login",
  }),
  password: clean.min(1).optional().meta({ description: "password of that account", secret: true }),
  proxy: hostport.optional().meta({ description: "where SIP is sent to, host or host:port; the domain when absent" }),
  transport: z.enum(["udp", "tcp", "tls"]).default("udp").meta({ description: "how SIP is sent to it" }),
  register: z.boolean().default(false).meta({
    description: "whether the box registers itself: some switches serve only accounts that do",
  }),
  expiresSeconds: z.int().min(30).max(86400).default(300).meta({
    description: "for how long a subscription or registration is asked, in seconds",
  }),
  refreshSeconds: z.int().min(5).max(86400).default(30).meta({
    description: "a subscription is renewed at least so often, in seconds: what the switch forgot to tell is seen then",
  }),
  pingSeconds: seconds(1, 600).default(20).meta({
    description: "how often the switch is asked whether it is there (OPTIONS), in seconds",
  }),
  answerSeconds: seconds(0.1, 32).default(8).meta({ description: "deadline for the answer to a SIP request, in seconds" }),
  connectSeconds: seconds(0.1, 60).default(5).meta({
    description: "deadline for connecting to drachtio-server, until the login is answered, in seconds",
  }),
  dialMethod: z.enum(dialMethods).default("invite-refer").meta({
    description: "how MakeCall dials: ring the phone and hand it over to the number (invite-refer), or tell it to dial (refer)",
    formerly: "dial",
  }),
  referTellsAnswer: z.boolean().default(false).meta({
    description:
      "whether the switch's 200 to a REFER means that the number has answered; otherwise only the phone's own dialog does",
  }),
  phoneMake: z.enum(phoneMakes).default("generic").meta({
    description: "the make of the phones: how one is asked to answer by itself when MakeCall rings it; none lets it ring",
    formerly: "phone",
  }),
  ringSeconds: z.int().min(5).max(120).default(25).meta({ description: "how long MakeCall rings the handset, in seconds" }),
});

/** The settings, checked, with all defaults. */
export type SipConfig = z.infer<typeof sipConfig>;
