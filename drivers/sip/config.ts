/** The `line` part of the configuration for a SIP switch behind drachtio-server. */
import * as v from "valibot";
import { matching, optional, required, setting, whole } from "../../src/config/setting.ts";
import { address, clean, password, phoneMake, ringSeconds } from "../shared/settings.ts";

const host = matching(
  /^([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])$/,
  "expected a host without a port (that is for line.proxy), an IPv6 address in brackets",
);
const hostport = v.pipe(
  matching(/^([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(:\d{1,5})?$/, "expected a host or host:port, an IPv6 address in brackets"),
  v.check((text) => {
    const port = Number(/:(\d+)$/.exec(text)?.[1] ?? 5060);
    return port >= 1 && port <= 65535;
  }, "expected a port from 1 to 65535"),
);
const seconds = (least: number, most: number) => v.pipe(v.number(), v.minValue(least), v.maxValue(most));

/** How MakeCall makes the phone dial. */
const dialMethods = ["invite-refer", "refer"] as const;

/** Settings of the driver. */
export const sipConfig = v.strictObject({
  driver: required("any SIP switch that reports the dialogs of its phones, through drachtio-server", v.literal("sip")),
  host: setting("address of drachtio-server", address, "127.0.0.1"),
  port: setting("port of drachtio-server", whole(1, 65535), 9022),
  drachtioSecret: setting(
    "secret of drachtio-server",
    v.pipe(clean, v.regex(/^[^|]*$/, "expected no |"), v.nonEmpty()),
    "cymru",
    { formerly: "secret", secret: true },
  ),
  domain: required("the SIP domain of the phones", host),
  user: required(
    "the SIP account of the box",
    matching(/^[A-Za-z0-9_.!~*'()&=+$,;?\/-]+$/, "expected a SIP user, without its domain"),
  ),
  authUser: optional(
    "authentication user name, if different from user",
    matching(/^[\x20-\x7e]+$/, "expected ASCII characters"),
    { formerly: "login" },
  ),
  password: optional("password of that account", password, { secret: true }),
  proxy: optional("the next hop of SIP requests, host or host:port; default the domain", hostport),
  transport: setting("transport of SIP", v.picklist(["udp", "tcp", "tls"]), "udp"),
  register: setting("whether the box registers itself: some switches serve only registered accounts", v.boolean(), false),
  expiresSeconds: setting("requested duration of a subscription or registration, in seconds", whole(30, 86400), 300),
  refreshSeconds: setting(
    "longest time between renewals of a subscription, in seconds; a renewal corrects what the switch failed to report",
    whole(5, 86400),
    30,
  ),
  pingSeconds: setting("time between OPTIONS requests that check the switch, in seconds", seconds(1, 600), 20),
  answerSeconds: setting("deadline for the answer to a SIP request, in seconds", seconds(0.1, 32), 8),
  connectSeconds: setting("deadline for connecting and logging in to drachtio-server, in seconds", seconds(0.1, 60), 5),
  dialMethod: setting(
    "how MakeCall dials: ring the phone and transfer it to the number (invite-refer), or make the phone dial (refer)",
    v.picklist(dialMethods),
    "invite-refer",
    { formerly: "dial" },
  ),
  referTellsAnswer: setting(
    "whether a 200 from the switch for a REFER means that the number has answered; otherwise only the dialog of the phone shows it",
    v.boolean(),
    false,
  ),
  phoneMake: phoneMake({ formerly: "phone" }),
  ringSeconds,
});

/** The checked settings with all defaults. */
export type SipConfig = v.InferOutput<typeof sipConfig>;
