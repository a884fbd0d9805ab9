/** The `line` part of the configuration for the event socket of FreeSWITCH. */
import * as z from "zod";

/** Control characters would end a command and start another: refused where they come in, and once more where they go out. */
const clean = z.string().regex(/^[^\p{Cc}]*$/u, "want no control characters");
const token = z.string().regex(/^[A-Za-z0-9_.:-]+$/, "want letters, digits and . _ : -");

/** Settings of the driver. */
export const freeswitchConfig = z.strictObject({
  driver: z.literal("freeswitch"),
  host: clean.min(1).default("127.0.0.1").meta({ description: "address of FreeSWITCH's event socket" }),
  port: z.int().min(1).max(65535).default(8021).meta({ description: "port of the event socket" }),
  password: clean.min(1).meta({ description: "password of the event socket, or of user", secret: true }),
  user: z.string().regex(/^[A-Za-z0-9_.-]+@[A-Za-z0-9_.-]+$/, "want user@domain").optional().meta({
    description: "log in as this directory user (userauth), whose rights can be narrow; recommended",
  }),
  domain: token.meta({ description: "the domain that the phones register in" }),
  outsideProfiles: z.array(token).default(["external"]).meta({
    description: "sofia profiles on which calls from outside come in",
  }),
  context: token.default("default").meta({ description: "dialplan context in which MakeCall dials" }),
  autoAnswer: z.boolean().default(true).meta({
    description: "ask the phone to answer by itself when MakeCall rings it (Call-Info: answer-after=0)",
  }),
  ringSeconds: z.int().min(5).max(120).default(25).meta({ description: "how long MakeCall rings the handset, in seconds" }),
  agent: z.string().regex(/^[A-Za-z0-9_.@{}-]+$/, "want an agent name such as {extension}@default").default("{extension}@default")
    .meta({
      description: "the desk's agent name in mod_callcenter",
    }),
  connectSeconds: z.number().positive().max(60).default(5).meta({
    description: "deadline for connecting and logging in, in seconds",
  }),
  commandSeconds: z.number().positive().max(60).default(5).meta({
    description: "deadline for the reply to a command, in seconds",
  }),
  silenceSeconds: z.number().positive().max(600).default(50).meta({
    description: "reconnect after so many seconds without a sign (FreeSWITCH sends a HEARTBEAT every 20 s)",
  }),
});

/** The settings, checked, with all defaults. */
export type FreeswitchConfig = z.infer<typeof freeswitchConfig>;
