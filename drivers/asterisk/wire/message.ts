/**
 * What Asterisk sends, read without trust: JSON of any shape becomes a few checked fields, or nothing. The models are those of
 * rest-api/api-docs/{channels,endpoints,events}.json of Asterisk.
 */

/** A party of a channel as the switch shows it. */
export interface ShownParty {
  readonly number: string;
  readonly name: string;
}

/** A channel (model Channel). */
export interface Channel {
  /** The unique id. */
  readonly id: string;
  /** `PJSIP/1001-00000007`. */
  readonly name: string;
  /** `Down`, `Ring` (it dials), `Ringing`, `Up`, ... */
  readonly state: string;
  readonly caller: ShownParty;
  readonly connected: ShownParty;
  readonly exten: string;
  readonly context: string;
  /** The application that it runs in the dialplan: `AppDial`, `AppQueue`, `Dial`, ... */
  readonly app: string;
}

/** An endpoint (model Endpoint). */
export interface Endpoint {
  readonly technology: string;
  readonly resource: string;
  /** `online`, `offline`, `unknown`; empty if absent. */
  readonly state: string;
  readonly channels: readonly string[];
}

/** An event (model Event). Fields that an event does not have are empty. */
export interface AriEvent {
  readonly type: string;
  readonly application: string;
  readonly channel?: Channel;
  readonly endpoint?: Endpoint;
  /** Of a `Dial`: the channel that dials, absent if no channel does, and the one that is dialled. */
  readonly dialling?: Channel;
  readonly peer?: Channel;
  /** Of a `Dial`: empty at its beginning. */
  readonly dialStatus: string;
  /** Of a `Dial`, at its beginning: what is called, without the technology (`14155550123@trunk`). */
  readonly dialString: string;
  /** Of a `ChannelVarset`. */
  readonly variable: string;
  readonly value: string;
  /** Of a `ChannelDestroyed`: Q.850; -1 if absent. */
  readonly cause: number;
  readonly causeText: string;
  /** Of a `ChannelDestroyed`: the status of SIP; 0 if absent. */
  readonly techCause: number;
}

/** JSON that is an object; undefined for anything else. */
export type Fields = Readonly<Record<string, unknown>>;

/** Parses a text. @returns undefined if it is not the JSON of an object. */
export function readObject(text: string): Fields | undefined {
  try {
    return fieldsOf(JSON.parse(text));
  } catch {
    return undefined;
  }
}

/** Parses a text. @returns undefined if it is not the JSON of a list. */
export function readList(text: string): readonly unknown[] | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Reads an event. @returns undefined if it cannot be read, or is not one. */
export function readEvent(text: string): AriEvent | undefined {
  const fields = readObject(text);
  if (!fields || textOf(fields["type"]) === "") return undefined;
  const channel = readChannel(fields["channel"]);
  const endpoint = readEndpoint(fields["endpoint"]);
  const dialling = readChannel(fields["caller"]);
  const peer = readChannel(fields["peer"]);
  return {
    type: textOf(fields["type"]),
    application: textOf(fields["application"]),
    ...(channel ? { channel } : {}),
    ...(endpoint ? { endpoint } : {}),
    ...(dialling ? { dialling } : {}),
    ...(peer ? { peer } : {}),
    dialStatus: textOf(fields["dialstatus"]),
    dialString: textOf(fields["dialstring"]),
    variable: textOf(fields["variable"]),
    value: textOf(fields["value"]),
    cause: numberOf(fields["cause"], -1),
    causeText: textOf(fields["cause_txt"]),
    techCause: numberOf(fields["tech_cause"], 0),
  };
}

/** Reads a channel. @returns undefined without an id that may be used as the id of a leg, or without a name. */
export function readChannel(value: unknown): Channel | undefined {
  const fields = fieldsOf(value);
  const id = textOf(fields?.["id"]);
  const name = textOf(fields?.["name"]);
  if (!fields || !isLegId(id) || name === "") return undefined;
  const dialplan = fieldsOf(fields["dialplan"]);
  return {
    id,
    name,
    state: textOf(fields["state"]),
    caller: readParty(fields["caller"]),
    connected: readParty(fields["connected"]),
    exten: textOf(dialplan?.["exten"]),
    context: textOf(dialplan?.["context"]),
    app: textOf(dialplan?.["app_name"]),
  };
}

/** Reads an endpoint. @returns undefined without its two names. */
export function readEndpoint(value: unknown): Endpoint | undefined {
  const fields = fieldsOf(value);
  const technology = textOf(fields?.["technology"]);
  const resource = textOf(fields?.["resource"]);
  if (!fields || technology === "" || resource === "") return undefined;
  const ids = fields["channel_ids"];
  const channels = Array.isArray(ids) ? ids.map(textOf).filter(isLegId) : [];
  return { technology, resource, state: textOf(fields["state"]), channels };
}

/** Whether an id of the switch may be the id of a leg, and may go back into a request: Asterisk accepts any text of a caller. */
export function isLegId(id: string): boolean {
  return id.length > 0 && id.length <= 60 && /^[^\p{C}\p{Z}]+$/u.test(id);
}

/** The text of a value; empty if it is not a text. */
export function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function numberOf(value: unknown, otherwise: number): number {
  return typeof value === "number" && Number.isSafeInteger(value) ? value : otherwise;
}

function readParty(value: unknown): ShownParty {
  const fields = fieldsOf(value);
  return { number: textOf(fields?.["number"]), name: textOf(fields?.["name"]) };
}

/** The fields of a value; undefined if it is not an object. */
export function fieldsOf(value: unknown): Fields | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? value as Fields : undefined;
}
