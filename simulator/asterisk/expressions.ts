/** Variables and functions of the dialplan, as GET variable reads them (main/pbx_variables.c and funcs). */
import { type Channel, endpointOf } from "./channel.ts";

/** What expressions read of the switch. */
export interface Readable {
  readonly channels: ReadonlyMap<string, Channel>;
  /** The contacts of each endpoint. */
  readonly contacts: ReadonlyMap<string, readonly string[]>;
  /** Values of global variables and functions, which come before all others: `PJSIP_ENDPOINT(1001,context)`. */
  readonly globals: ReadonlyMap<string, string>;
  /** Functions whose modules are not loaded: `EVAL`. */
  readonly missingFunctions: ReadonlySet<string>;
  readonly contexts: ReadonlySet<string>;
}

/**
 * Reads a variable or a function, on a channel or globally. Functions that the scripted switch does not have are empty.
 * @returns undefined if there is no such variable, `no function` if its module is not loaded.
 */
export function readExpression(
  pbx: Readable,
  channel: Channel | undefined,
  expression: string,
): string | { readonly failed: "no function" } | undefined {
  const global = pbx.globals.get(expression);
  if (global !== undefined) return global;
  const [, name, args = ""] = /^(\w+)\((.*)\)$/s.exec(expression) ?? [];
  if (name === undefined) {
    return expression === "SIPDOMAIN" && channel === undefined ? undefined : channel?.variables.get(expression);
  }
  if (pbx.missingFunctions.has(name)) return { failed: "no function" };
  return call(pbx, channel, name, args);
}

/** Replaces each `${...}`, the inner first. */
function substitute(pbx: Readable, channel: Channel | undefined, text: string): string {
  let result = "";
  for (let at = 0; at < text.length;) {
    if (!text.startsWith("${", at)) {
      result += text[at++];
      continue;
    }
    let [depth, end] = [1, at + 2];
    for (; end < text.length && depth > 0; end++) depth += text[end] === "{" ? 1 : text[end] === "}" ? -1 : 0;
    const value = readExpression(pbx, channel, substitute(pbx, channel, text.slice(at + 2, end - 1)));
    result += typeof value === "string" ? value : "";
    at = end;
  }
  return result;
}

function call(pbx: Readable, channel: Channel | undefined, name: string, args: string): string {
  const nested = (on: Channel | undefined, expression: string) => {
    const value = on && readExpression(pbx, on, expression);
    return typeof value === "string" ? value : "";
  };
  const [first = "", rest = ""] = [args.split(",")[0] ?? "", args.slice(args.indexOf(",") + 1)];
  switch (name) {
    case "EVAL":
      return substitute(pbx, channel, args);
    case "URIENCODE":
      return encodeURIComponent(args).replaceAll("%20", "+");
    case "MASTER_CHANNEL":
      return nested(pbx.channels.get(linkedId(channel)) ?? channel, args);
    case "IMPORT":
      return nested([...pbx.channels.values()].find((candidate) => candidate.name === first), rest);
    case "CHANNEL":
      return channel ? ofChannel(channel, args) : "";
    case "CALLERID":
    case "CONNECTEDLINE":
      return channel ? ofParty(channel, name, args) : "";
    case "PJSIP_DIAL_CONTACTS":
      return (pbx.contacts.get(`PJSIP/${first}`) ?? []).map((uri) => `PJSIP/${first}/${uri}`).join("&");
    case "PJSIP_AOR":
      return rest === "contact" ? (pbx.contacts.get(`PJSIP/${first}`) ?? []).map((uri) => `${first};@${uri}`).join(",") : "";
    case "PJSIP_CONTACT":
      return rest === "uri" ? first.replace(/^.*;@/, "") : "";
    case "PJSIP_ENDPOINT":
      return { aors: first, context: "default" }[rest] ?? "";
    case "DIALPLAN_EXISTS":
      return pbx.contexts.has(first) ? "1" : "0";
  }
  return "";
}

function linkedId(channel: Channel | undefined): string {
  return channel?.linkedId ?? "";
}

function ofChannel(channel: Channel, item: string): string {
  switch (item) {
    case "uniqueid":
      return channel.id;
    case "linkedid":
      return channel.linkedId;
    case "appname":
      return channel.app;
    case "endpoint":
      return endpointOf(channel).replace(/^.*\//, "");
    case "name":
    case "context":
    case "exten":
    case "state":
      return channel[item];
  }
  return "";
}

/** Presentations that a channel has by its variables come first: `CONNECTEDLINE(num-pres)`. */
function ofParty(channel: Channel, name: "CALLERID" | "CONNECTEDLINE", item: string): string {
  const given = channel.variables.get(`${name}(${item})`);
  if (given !== undefined) return given;
  const party = name === "CALLERID" ? channel.caller : channel.connected;
  switch (item) {
    case "num":
    case "number":
    case "ani-num":
      return party.number;
    case "name":
      return party.name;
    case "dnid":
      return name === "CALLERID" && channel.calledBy === "" ? channel.dialled : "";
    case "pres":
    case "num-pres":
    case "name-pres":
      return "allowed_not_screened";
  }
  return "";
}
