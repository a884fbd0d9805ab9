/**
 * The live legs, tracked from their events, and the API's views of them.
 * Source: recordings of a live switch (`snapshot-during-call`); mod_commands.c, `show_function`, `uuid_dump_function`.
 */
import { headerText, type HeaderValue, type SwitchEvent } from "./events.ts";

/** Headers of an event that do not describe the leg. */
const ofTheEvent = [
  "Original-Channel-Call-State",
  "Channel-Call-State-Number",
  "Bridge-A-Unique-ID",
  "Bridge-B-Unique-ID",
  "Old-Unique-ID",
];

export class LiveLegs {
  #legs = new Map<string, SwitchEvent>();

  /** Processes an event: a leg is alive from CHANNEL_CREATE to CHANNEL_DESTROY. Other events are ignored. */
  note(event: SwitchEvent): void {
    const name = text(event, "Event-Name");
    const uuid = text(event, "Unique-ID");
    if (uuid === "" || !(name.startsWith("CHANNEL_") || name === "CALL_UPDATE")) return;
    if (name === "CHANNEL_DESTROY") {
      this.#legs.delete(uuid);
      return;
    }
    const old = text(event, "Old-Unique-ID") || uuid;
    const before = this.#legs.get(old);
    if (name !== "CHANNEL_CREATE" && before === undefined) return;
    if (old !== uuid) this.#legs.delete(old);
    this.#legs.set(uuid, merge(before, event));
  }

  get size(): number {
    return this.#legs.size;
  }

  has(uuid: string): boolean {
    return this.#legs.has(uuid);
  }

  clear(): void {
    this.#legs.clear();
  }

  /** The answer to `show channels as json`. */
  channels(): string {
    const rows = [...this.#legs.values()].map(row);
    return rows.length === 0 ? '{"row_count": 0}\n' : JSON.stringify({ row_count: rows.length, rows });
  }

  /** The answer to `uuid_dump UUID json`; `head`: the first headers of a current event. */
  dump(uuid: string, head: Readonly<Record<string, HeaderValue>>): string {
    const leg = this.#legs.get(uuid);
    if (leg === undefined) return "-ERR No such channel!\n";
    return JSON.stringify({ ...leg, ...head, "Event-Name": "CHANNEL_DATA" });
  }

  /** The answer to `uuid_exists UUID`. */
  exists(uuid: string): string {
    return String(this.has(uuid));
  }
}

function text(event: SwitchEvent, header: string): string {
  return headerText(event[header] ?? "");
}

/** The latest event, with the earlier variables if it has none (CHANNEL_CALLSTATE, CHANNEL_STATE). */
function merge(before: SwitchEvent | undefined, event: SwitchEvent): SwitchEvent {
  const facts = Object.entries(event).filter(([name]) => !ofTheEvent.includes(name));
  if (facts.some(([name]) => isVariable(name))) return Object.fromEntries(facts);
  return Object.fromEntries([...facts, ...Object.entries(before ?? {}).filter(([name]) => isVariable(name))]);
}

function isVariable(name: string): boolean {
  return name.startsWith("variable_");
}

function row(leg: SwitchEvent): Record<string, string> {
  const at = (header: string) => text(leg, header);
  const created = Math.floor(Number(at("Caller-Channel-Created-Time")) / 1e6);
  return {
    uuid: at("Unique-ID"),
    direction: at("Call-Direction"),
    created: new Date(created * 1000).toISOString().slice(0, 19).replace("T", " "),
    created_epoch: String(created),
    name: at("Channel-Name"),
    state: at("Channel-State"),
    cid_name: at("Caller-Caller-ID-Name"),
    cid_num: at("Caller-Caller-ID-Number"),
    ip_addr: at("Caller-Network-Addr"),
    dest: at("Caller-Destination-Number"),
    application: "",
    application_data: "",
    dialplan: at("Caller-Dialplan"),
    context: at("Caller-Context"),
    ...codecs(at("Channel-Read-Codec-Name"), at("Channel-Write-Codec-Name")),
    secure: "",
    hostname: at("FreeSWITCH-Hostname"),
    presence_id: at("Channel-Presence-ID"),
    presence_data: "",
    accountcode: "",
    callstate: at("Channel-Call-State"),
    callee_name: at("Caller-Callee-ID-Name"),
    callee_num: at("Caller-Callee-ID-Number"),
    callee_direction: "",
    call_uuid: at("Channel-Call-UUID"),
    sent_callee_name: "",
    sent_callee_num: "",
    initial_cid_name: at("Caller-Orig-Caller-ID-Name"),
    initial_cid_num: at("Caller-Orig-Caller-ID-Number"),
    initial_ip_addr: at("Caller-Network-Addr"),
    initial_dest: at("Caller-Destination-Number"),
    initial_dialplan: at("Caller-Dialplan"),
    initial_context: at("Caller-Context"),
  };
}

function codecs(read: string, write: string): Record<string, string> {
  const rate = (codec: string) => codec === "" ? "" : "8000";
  const bits = (codec: string) => codec === "" ? "" : "64000";
  return {
    read_codec: read,
    read_rate: rate(read),
    read_bit_rate: bits(read),
    write_codec: write,
    write_rate: rate(write),
    write_bit_rate: bits(write),
  };
}
