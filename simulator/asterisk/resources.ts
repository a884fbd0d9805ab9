/** The resources of ARI that read the switch: channels, endpoints, variables, modules (rest-api/api-docs). */
import { type Channel, channelJson, type Endpoint, timestamp } from "./channel.ts";
import { type Readable, readExpression } from "./expressions.ts";
import { type Answer, type AriRequest, error } from "./server.ts";

/** The switch, as far as its resources need it. */
export interface Switch extends Readable {
  readonly endpoints: ReadonlyMap<string, Endpoint>;
  /** Modules that are not loaded. */
  readonly missingModules: ReadonlySet<string>;
  /** Carries out a POST /channels. */
  originate(request: AriRequest): Answer;
  /** A replay creates no channels. */
  create?(channel: { readonly endpoint: string; readonly id: string }): Channel;
  hangup(channel: Channel, reason: string): void;
  setVariable(channel: Channel, name: string, value: string): void;
  endpointJson(name: string): Record<string, unknown>;
}

const started = new Date();

/** The modules that are loaded, unless a test removes some. */
const modules = [
  ...["applications", "asterisk", "channels", "endpoints", "events"].map((name) => `res_ari_${name}`),
  ...["channel", "callerid", "logic", "strings", "uri"].map((name) => `func_${name}`),
  ...["res_ari", "res_pjsip", "chan_pjsip", "app_dial", "app_queue"],
];

/** Answers a request; undefined: there is no such resource. */
export function answer(pbx: Switch, request: AriRequest): Answer | undefined {
  const [, resource = "", ...rest] = request.path.split("/");
  if (resource === "channels") return channels(pbx, request, rest);
  if (request.method !== "GET") return undefined;
  if (resource === "endpoints") return endpoints(pbx, rest);
  if (resource === "asterisk") return asterisk(pbx, request, rest);
  if (resource === "bridges") return rest.length === 0 ? { status: 200, body: [] } : error(404, "Bridge not found");
  if (resource === "deviceStates") return { status: 200, body: [] };
  return undefined;
}

function channels(pbx: Switch, request: AriRequest, [id = "", part = ""]: readonly string[]): Answer | undefined {
  const { method, query, body } = request;
  if (id === "" && method === "GET") return { status: 200, body: [...pbx.channels.values()].map(channelJson) };
  if (method === "POST" && id === "create") return create(pbx, body);
  if (method === "POST" && part === "") {
    return pbx.originate(id === "" ? request : { ...request, body: { ...body, channelId: id } });
  }
  const channel = pbx.channels.get(id);
  if (!channel) return error(404, "Channel not found");
  if (part === "" && method === "GET") return { status: 200, body: channelJson(channel) };
  if (part === "" && method === "DELETE") {
    pbx.hangup(channel, query["reason"] ?? "normal");
    return { status: 204 };
  }
  if (part !== "variable") return undefined;
  if (method === "POST") {
    pbx.setVariable(channel, query["variable"] ?? "", query["value"] ?? "");
    return { status: 204 };
  }
  return valueOf(readExpression(pbx, channel, query["variable"] ?? ""));
}

/** POST /channels/create: a channel that calls nobody. */
function create(pbx: Switch, { endpoint, channelId }: AriRequest["body"]): Answer {
  if (typeof endpoint !== "string" || typeof channelId !== "string") return error(400, "Endpoint not specified");
  const channel = pbx.create?.({ endpoint, id: channelId });
  return channel ? { status: 200, body: channelJson(channel) } : error(501, "Not implemented");
}

function valueOf(value: ReturnType<typeof readExpression>): Answer {
  if (value === undefined) return error(404, "Provided variable was not found");
  return typeof value === "string" ? { status: 200, body: { value } } : error(500, "Unable to read provided function");
}

function endpoints(pbx: Switch, [technology, resource]: readonly string[]): Answer {
  const names = [...pbx.endpoints.keys()];
  if (resource === undefined) {
    const listed = names.filter((name) => technology === undefined || name.startsWith(`${technology}/`));
    return technology !== undefined && listed.length === 0
      ? error(404, `No Endpoints found - invalid tech ${technology}`)
      : { status: 200, body: listed.map((name) => pbx.endpointJson(name)) };
  }
  const name = `${technology}/${resource}`;
  return pbx.endpoints.has(name) ? { status: 200, body: pbx.endpointJson(name) } : error(404, "Endpoint not found");
}

function asterisk(pbx: Switch, { query }: AriRequest, [what = "", name = ""]: readonly string[]): Answer | undefined {
  const now = timestamp(new Date());
  switch (what) {
    case "ping":
      return { status: 200, body: { asterisk_id: "00:00:5e:00:53:01", ping: "pong", timestamp: now } };
    case "info":
      return {
        status: 200,
        body: {
          build: { os: "Linux", kernel: "6.1.0", machine: "x86_64", options: "", date: now, user: "root" },
          system: { version: "22.10.1", entity_id: "00:00:5e:00:53:01" },
          config: { name: "", default_language: "en" },
          status: { startup_time: timestamp(started), last_reload_time: timestamp(started) },
        },
      };
    case "modules": {
      const module = (name: string) => ({ name, description: name, use_count: 0, status: "Running", support_level: "core" });
      const loaded = modules.map((name) => `${name}.so`).filter((name) => !pbx.missingModules.has(name));
      if (name === "") return { status: 200, body: loaded.map(module) };
      return pbx.missingModules.has(name) || !/^(app|bridge|chan|func|pbx|res)_/.test(name)
        ? error(404, "Module could not be found in running modules")
        : { status: 200, body: module(name) };
    }
    case "variable":
      // A global variable that is not set is empty, that of a channel is not found.
      return valueOf(readExpression(pbx, undefined, query["variable"] ?? "") ?? "");
  }
  return undefined;
}
