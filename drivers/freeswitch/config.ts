/** The `line` part of the configuration for the event socket of FreeSWITCH. */
import * as z from "zod";
import { phoneMakes } from "../shared/auto-answer.ts";

/** Control characters would end a command and start another: they are refused here and again when a command is sent. */
const clean = z.string().regex(/^[^\p{Cc}]*$/u, "expected no control characters");
const token = z.string().regex(/^[A-Za-z0-9_.:-]+$/, "expected letters, digits and . _ : -");

const queueName = /^[A-Za-z0-9_.@-]{1,80}$/;

/** Settings of the driver. */
export const freeswitchConfig = z.strictObject({
  driver: z.literal("freeswitch").meta({ description: "FreeSWITCH, over its event socket" }),
  host: clean.regex(/^[^\s[\]]+$/, "expected an address or a name, IPv6 without brackets").default("127.0.0.1").meta({
    description: "address of FreeSWITCH's event socket",
  }),
  port: z.int().min(1).max(65535).default(8021).meta({ description: "port of the event socket" }),
  password: clean.min(1).meta({ description: "password of the event socket, or of user", secret: true }),
  user: z.string().regex(/^[A-Za-z0-9_.-]+@[A-Za-z0-9_.-]+$/, "expected user@domain").optional().meta({
    description: "log in as this directory user (userauth), whose rights can be limited; recommended",
  }),
  domain: token.meta({ description: "the domain that the phones register in" }),
  outsideProfiles: z.array(token).default(["external"]).meta({
    description: "sofia profiles of calls from outside",
  }),
  context: token.default("default").meta({ description: "dialplan context in which MakeCall dials" }),
  phoneMake: z.enum(phoneMakes).default("generic").meta({
    description: "the make of the phones, which decides how MakeCall requests auto-answer; with none the phone rings",
    formerly: "phone",
  }),
  ringSeconds: z.int().min(5).max(120).default(25).meta({ description: "how long MakeCall rings the handset, in seconds" }),
  acdAgent: z.string().regex(/^[A-Za-z0-9_.@{}-]+$/, "expected an agent name such as {extension}@default").default(
    "{extension}@default",
  )
    .meta({
      description: "the agent of the desk in mod_callcenter; {agent} is the agent id of UWQ",
      formerly: "agent",
    }),
  acd: z.union([
    z.literal("none"),
    z.strictObject({
      contact: z.string().regex(/^[A-Za-z0-9_.@\/:{}\[\]=,-]+$/, "expected a contact such as user/{extension}@{domain}").default(
        "user/{extension}@{domain}",
      )
        .meta({ description: "how mod_callcenter rings the desk" }),
      queues: z.record(
        z.string(),
        z.union([
          z.string().regex(queueName, "expected a queue such as support@default"),
          z.array(z.string().regex(queueName, "expected a queue such as support@default")),
        ]),
      )
        .default({}).meta({ description: "maps agentQueue of Login to queues of mod_callcenter; empty means use it unchanged" }),
      create: z.boolean().default(true).meta({
        description: "whether to add missing agents and tiers; otherwise they must exist",
      }),
    }),
  ]).default("none").meta({
    description: "how Login, Ready, NotReady and Logout control mod_callcenter; none: not at all",
  }),
  directoryPasswordParam: token.default("password").meta({
    description: "the parameter of the directory that contains the password, for agent.verify = directory",
    formerly: "passwordParam",
  }),
  connectSeconds: z.number().positive().max(60).default(5).meta({
    description: "deadline for connecting, up to the greeting of the switch, in seconds",
  }),
  commandSeconds: z.number().positive().max(60).default(5).meta({
    description: "deadline for the reply to a command, in seconds",
  }),
  silenceSeconds: z.number().positive().max(600).default(50).meta({
    description: "time of silence after which telesetd reconnects, in seconds (FreeSWITCH sends a HEARTBEAT every 20 s)",
  }),
});

/** The checked settings with all defaults. */
export type FreeswitchConfig = z.infer<typeof freeswitchConfig>;
