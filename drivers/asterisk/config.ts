/** The `line` part of the configuration for ARI, the REST interface of Asterisk. */
import * as z from "zod";
import { phoneMakes } from "../shared/auto-answer.ts";

const clean = z.string().regex(/^[^\p{Cc}]*$/u, "expected no control characters");
const name = z.string().regex(/^[A-Za-z0-9_.+@-]{1,80}$/, "expected letters, digits and . _ + @ -");

/** The usual contexts of calls from outside: those of FreePBX, and of its documentation. */
export const usualContexts: readonly string[] = ["from-trunk", "from-pstn", "from-external"];

/** Names, also as one text with commas. */
const names = z.preprocess(
  (value) => typeof value === "string" ? value.split(/[\s,]+/).filter((part) => part !== "") : value,
  z.array(name),
);

/** Settings of the driver. */
export const asteriskConfig = z.strictObject({
  driver: z.literal("asterisk").meta({ description: "Asterisk, over its REST interface (ARI)" }),
  host: clean.regex(/^[^\s[\]/]+$/, "expected an address or a name, IPv6 without brackets").default("127.0.0.1").meta({
    description: "address of Asterisk's HTTP server",
  }),
  port: z.int().min(1).max(65535).default(8088).meta({
    description: "port of the HTTP server: bindport of http.conf, with TLS that of tlsbindaddr",
  }),
  prefix: z.string().regex(/^(\/[A-Za-z0-9_.-]+)*$/, "expected a path such as /asterisk, without a slash at its end").default("")
    .meta({
      description: "prefix of http.conf, if there is one",
    }),
  tls: z.boolean().default(false).meta({ description: "whether the HTTP server speaks TLS on this port" }),
  ca: z.string().min(1).optional().meta({
    description:
      "the certificate, as PEM text or the path of a file, that must have signed that of the server; absent: the authorities of the system",
    secret: true,
  }),
  user: clean.regex(/^[^:\s]+$/, "expected a user of ari.conf, without a colon").meta({ description: "user in ari.conf" }),
  password: clean.min(1).meta({ description: "password of that user", secret: true }),
  application: z.string().regex(/^[A-Za-z0-9_.-]{1,80}$/, "expected letters, digits and . _ -").optional().meta({
    description:
      "name of the application under which the events are sent, which no other program may use; default telesetd-HOSTNAME",
  }),
  technology: z.string().regex(/^[A-Za-z0-9]{1,20}$/, "expected a channel technology such as PJSIP").default("PJSIP").meta({
    description: "channel technology of the phones",
  }),
  context: name.default("default").meta({ description: "dialplan context in which MakeCall dials" }),
  dial: z.string().regex(
    /^[A-Za-z0-9]{1,20}\/[A-Za-z0-9_.+@{}/:-]{1,120}$/,
    "expected a dial string such as PJSIP/{extension} or Local/{extension}@from-internal",
  ).default("PJSIP/{extension}").meta({
    description:
      "what MakeCall rings; PJSIP/{extension} rings one contact, Local/{extension}@CONTEXT all that the dialplan rings",
  }),
  callerId: z.string().regex(/^[0-9*#+]{1,32}$/, "expected a number").optional().meta({
    description:
      "the number that MakeCall presents to the dialplan as the caller's; default the extension, as a call from the keypad",
  }),
  outsideEndpoints: names.optional().meta({ description: "endpoints of calls from outside: the trunks" }),
  outsideContexts: names.default([...usualContexts]).meta({
    description: "dialplan contexts of calls from outside; default from-trunk, from-pstn, from-external",
  }),
  phoneMake: z.enum(phoneMakes).default("generic").meta({
    description: "the make of the phones, which decides how MakeCall requests auto-answer; with none the phone rings",
  }),
  ringSeconds: z.int().min(5).max(120).default(25).meta({ description: "how long MakeCall rings the handset, in seconds" }),
  acd: z.enum(["none", "queue"]).default("none").meta({
    description:
      "whether Ready and NotReady end and start a pause of the phone in all queues of app_queue (its members are set there)",
  }),
  queueMember: z.string().regex(/^[A-Za-z0-9_.+@{}/-]{1,120}$/, "expected an interface such as PJSIP/{extension}").default(
    "PJSIP/{extension}",
  ).meta({ description: "the interface of the phone as a member of queues; on FreePBX Local/{extension}@from-queue/n" }),
  connectSeconds: z.number().positive().max(60).default(5).meta({
    description: "deadline for connecting, up to the open websocket, in seconds",
  }),
  commandSeconds: z.number().positive().max(60).default(5).meta({
    description: "deadline for the answer to a request, in seconds",
  }),
  silenceSeconds: z.number().positive().max(600).default(30).meta({
    description: "time of silence after which telesetd reconnects, in seconds (Asterisk is pinged every third of it)",
  }),
});

/** The checked settings with all defaults. */
export type AsteriskConfig = z.infer<typeof asteriskConfig>;
