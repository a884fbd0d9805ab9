/** The supported API commands. Source: mod_commands.c, mod_sofia.c, mod_callcenter.c; recordings. */
import type { Callcenter } from "./callcenter.ts";
import { upTime, version } from "./events.ts";
import type { Phonebook } from "./phonebook.ts";
import { sources } from "./sources.ts";
import type { Switch } from "./switch.ts";

export interface ApiParts {
  readonly sw: Switch;
  readonly phones: Phonebook;
  /** Absent: the module is not loaded. */
  readonly callcenter: Callcenter | undefined;
  /** The frozen answer to `show channels as json`, if it lags. */
  readonly frozenChannels: () => string | undefined;
  readonly kill: (uuid: string, cause: string) => boolean;
}

const noChannel = "-ERR No such channel!\n";

/** Answers a command, except `originate`. */
export function answerApi(parts: ApiParts, command: string, arg: string): string {
  const { sw } = parts;
  const [first = "", second] = arg.split(" ");
  switch (command.toLowerCase()) {
    case "show":
      if (first === "registrations") return parts.phones.registrations();
      return first === "channels" ? parts.frozenChannels() ?? sw.legs.channels() : '{"row_count": 0}\n';
    case "uuid_dump":
      return sw.legs.has(first) ? sw.legs.dump(first, sw.stamp.head("CHANNEL_DATA", sources["CHANNEL_DATA"])) : noChannel;
    case "uuid_exists":
      return sw.legs.exists(first);
    case "uuid_kill":
      return parts.kill(first, second ?? "NORMAL_CLEARING") ? "+OK\n" : noChannel;
    case "sofia_contact":
      return parts.phones.contactOf(first);
    case "sofia":
      return arg.trim() === "status"
        ? parts.phones.profiles()
        : parts.phones.status(arg.split(" ")[3] ?? "", arg.split(" ")[4] ?? "");
    case "domain_exists":
      return String(first === parts.phones.domain);
    case "user_exists":
      return String(arg.split(" ")[2] === parts.phones.domain && parts.phones.knows(second ?? ""));
    case "global_getvar":
      return globalVariable(parts, first);
    case "user_data":
      return userData(parts, arg);
    case "callcenter_config":
      return parts.callcenter?.command(arg) ?? notFound(command);
    case "status":
      return status(sw);
    case "version":
      return `FreeSWITCH Version ${version} (git simulator 64bit)\n`;
    default:
      return notFound(command);
  }
}

/** The socket's own answer to an empty result (mod_event_socket.c, api_exec). */
const noReply = "-ERR no reply\n";

function globalVariable({ sw, phones }: ApiParts, name: string): string {
  const values: Record<string, string> = { domain: phones.domain, core_uuid: sw.stamp.coreUuid };
  return values[name] ?? noReply;
}

/** The directory has only the user's id; tests that log agents in override this answer. */
function userData({ phones }: ApiParts, arg: string): string {
  const [address = "", type, key] = arg.split(" ");
  const [user = "", domain] = address.split("@");
  return domain === phones.domain && phones.knows(user) && type === "attr" && key === "id" ? user : noReply;
}

function notFound(command: string): string {
  return `-ERR ${command} Command not found!\n`;
}

function status(sw: Switch): string {
  const sessions = sw.channels.size;
  return `UP ${upTime(sw.upMs)}\nFreeSWITCH (Version ${version}) is ready\n${sessions} session(s) since startup\n` +
    `${sessions} session(s) - peak ${sessions}, last 5min ${sessions} \n0 session(s) per Sec out of max 30, peak 2, last 5min 1 \n` +
    "1000 session(s) max\nmin idle cpu 0.00/99.00\nCurrent Stack Size/Max 240K/8192K\n";
}
