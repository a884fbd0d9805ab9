/** The `line` part of the configuration for ARI, the REST interface of Asterisk. */
import * as v from "valibot";
import { matching, optional, positive, required, setting, whole, words } from "../../src/config/setting.ts";
import { address, clean, password, phoneMake, ringSeconds } from "../shared/settings.ts";

const name = matching(/^[A-Za-z0-9_.+@-]{1,80}$/, "expected letters, digits and . _ + @ -");

/** The usual contexts of calls from outside: those of FreePBX, and of its documentation. */
export const usualContexts: readonly string[] = ["from-trunk", "from-pstn", "from-external"];

const names = words(v.array(name));

/** Settings of the driver. */
export const asteriskConfig = v.strictObject({
  driver: required("Asterisk, over its REST interface (ARI)", v.literal("asterisk")),
  host: setting("address of Asterisk's HTTP server", address, "127.0.0.1"),
  port: setting("port of the HTTP server: bindport of http.conf, with TLS that of tlsbindaddr", whole(1, 65535), 8088),
  prefix: setting(
    "prefix of http.conf, if there is one",
    matching(/^(\/[A-Za-z0-9_.-]+)*$/, "expected a path such as /asterisk, without a slash at its end"),
    "",
  ),
  tls: setting("whether the HTTP server speaks TLS on this port", v.boolean(), false),
  ca: optional(
    "the certificate, as PEM text or the path of a file, that must have signed that of the server; absent: the authorities of the system",
    v.pipe(v.string(), v.nonEmpty()),
    { secret: true },
  ),
  user: required("user in ari.conf", v.pipe(clean, v.regex(/^[^:\s]+$/, "expected a user of ari.conf, without a colon"))),
  password: required("password of that user", password, { secret: true }),
  application: optional(
    "name of the application under which the events are sent, which no other program may use; default telesetd-HOSTNAME",
    matching(/^[A-Za-z0-9_.-]{1,80}$/, "expected letters, digits and . _ -"),
  ),
  technology: setting(
    "channel technology of the phones",
    matching(/^[A-Za-z0-9]{1,20}$/, "expected a channel technology such as PJSIP"),
    "PJSIP",
  ),
  context: setting("dialplan context in which MakeCall dials", name, "default"),
  dial: setting(
    "what MakeCall rings; PJSIP/{extension} rings one contact, Local/{extension}@CONTEXT all that the dialplan rings",
    matching(
      /^[A-Za-z0-9]{1,20}\/[A-Za-z0-9_.+@{}/:-]{1,120}$/,
      "expected a dial string such as PJSIP/{extension} or Local/{extension}@from-internal",
    ),
    "PJSIP/{extension}",
  ),
  callerId: optional(
    "the number that MakeCall presents to the dialplan as the caller's; default the extension, as a call from the keypad",
    matching(/^[0-9*#+]{1,32}$/, "expected a number"),
  ),
  outsideEndpoints: optional("endpoints of calls from outside: the trunks", names),
  outsideContexts: setting("dialplan contexts of calls from outside", names, [
    ...usualContexts,
  ]),
  phoneMake: phoneMake(),
  ringSeconds,
  acd: setting(
    "whether Ready and NotReady end and start a pause of the phone in all queues of app_queue (its members are set there)",
    v.picklist(["none", "queue"]),
    "none",
  ),
  queueMember: setting(
    "the interface of the phone as a member of queues; on FreePBX Local/{extension}@from-queue/n",
    matching(/^[A-Za-z0-9_.+@{}/-]{1,120}$/, "expected an interface such as PJSIP/{extension}"),
    "PJSIP/{extension}",
  ),
  connectSeconds: setting("deadline for connecting, up to the open websocket, in seconds", positive(60), 5),
  commandSeconds: setting("deadline for the answer to a request, in seconds", positive(60), 5),
  silenceSeconds: setting(
    "time of silence after which telesetd reconnects, in seconds (Asterisk is pinged every third of it)",
    positive(600),
    30,
  ),
});

/** The checked settings with all defaults. */
export type AsteriskConfig = v.InferOutput<typeof asteriskConfig>;
