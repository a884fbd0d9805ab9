/** The `line` part of the configuration for the event socket of FreeSWITCH. */
import * as v from "valibot";
import { matching, optional, positive, required, setting, whole } from "../../src/config/setting.ts";
import { address, password, phoneMake, ringSeconds } from "../shared/settings.ts";

const token = matching(/^[A-Za-z0-9_.:-]+$/, "expected letters, digits and . _ : -");

const queueName = /^[A-Za-z0-9_.@-]{1,80}$/;

/** Settings of the driver. */
export const freeswitchConfig = v.strictObject({
  driver: required("FreeSWITCH, over its event socket", v.literal("freeswitch")),
  host: setting("address of FreeSWITCH's event socket", address, "127.0.0.1"),
  port: setting("port of the event socket", whole(1, 65535), 8021),
  password: required("password of the event socket, or of user", password, { secret: true }),
  user: optional(
    "log in as this directory user (userauth), whose rights can be limited; recommended",
    matching(/^[A-Za-z0-9_.-]+@[A-Za-z0-9_.-]+$/, "expected user@domain"),
  ),
  domain: required("the domain that the phones register in", token),
  outsideProfiles: setting("sofia profiles of calls from outside", v.array(token), ["external"]),
  context: setting("dialplan context in which MakeCall dials", token, "default"),
  phoneMake: phoneMake({ formerly: "phone" }),
  ringSeconds,
  acdAgent: setting(
    "the agent of the desk in mod_callcenter; {agent} is the agent id of UWQ",
    matching(/^[A-Za-z0-9_.@{}-]+$/, "expected an agent name such as {extension}@default"),
    "{extension}@default",
    { formerly: "agent" },
  ),
  acd: setting(
    "how Login, Ready, NotReady and Logout control mod_callcenter; none: not at all",
    v.union([
      v.literal("none"),
      v.strictObject({
        contact: setting(
          "how mod_callcenter rings the desk",
          matching(/^[A-Za-z0-9_.@\/:{}\[\]=,-]+$/, "expected a contact such as user/{extension}@{domain}"),
          "user/{extension}@{domain}",
        ),
        queues: setting(
          "maps agentQueue of Login to queues of mod_callcenter; empty means use it unchanged",
          v.record(
            v.string(),
            v.union([
              matching(queueName, "expected a queue such as support@default"),
              v.array(matching(queueName, "expected a queue such as support@default")),
            ]),
          ),
          {},
        ),
        create: setting("whether to add missing agents and tiers; otherwise they must exist", v.boolean(), true),
      }),
    ]),
    "none",
  ),
  directoryPasswordParam: setting(
    "the parameter of the directory that contains the password, for agent.verify = directory",
    token,
    "password",
    { formerly: "passwordParam" },
  ),
  connectSeconds: setting("deadline for connecting, up to the greeting of the switch, in seconds", positive(60), 5),
  commandSeconds: setting("deadline for the reply to a command, in seconds", positive(60), 5),
  silenceSeconds: setting(
    "time of silence after which telesetd reconnects, in seconds (FreeSWITCH sends a HEARTBEAT every 20 s)",
    positive(600),
    50,
  ),
});

/** The checked settings with all defaults. */
export type FreeswitchConfig = v.InferOutput<typeof freeswitchConfig>;
