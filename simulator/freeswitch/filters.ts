/**
 * Event selection of a connection: the exact semantics of `event`, `nixevent` and `filter`.
 * Source: FreeSWITCH src/mod/event_handlers/mod_event_socket/mod_event_socket.c, `event_handler` and `parse_command`;
 * src/switch_event.c, `switch_name_event` and `switch_event_del_header_val`.
 */
import { headerText, type HeaderValue, type SwitchEvent } from "./events.ts";

interface Rules {
  /** The values as added, for `filter delete HEADER VALUE`, which compares the whole value, with case. */
  readonly values: string[];
  readonly wanted: Set<string>;
  readonly vetoed: Set<string>;
  readonly patterns: RegExp[];
}

/**
 * The filters of one connection. Positive filters are OR-ed, also across headers; there is no AND; a matching negative filter
 * vetoes. Without filters everything passes, so deleting the last one lets all events through.
 */
export class Filters {
  #rules = new Map<string, Rules>();
  #lower = new Map<string, string>();

  /** Adds a filter; the value may start with `+` (the default) or `-` (veto), or be a `/regular expression/`. */
  add(header: string, value: string): void {
    const name = header.toLowerCase();
    this.#rules.set(name, compile([...(this.#rules.get(name)?.values ?? []), value]));
  }

  /** Removes the filters on a header: all, or those added with exactly this value. */
  remove(header: string, value = ""): void {
    const name = header.toLowerCase();
    const left = value === "" ? [] : (this.#rules.get(name)?.values ?? []).filter((filter) => filter !== value);
    if (left.length === 0) this.#rules.delete(name);
    else this.#rules.set(name, compile(left));
  }

  clear(): void {
    this.#rules.clear();
  }

  /** The number of filters. */
  get size(): number {
    return [...this.#rules.values()].reduce((sum, rules) => sum + rules.values.length, 0);
  }

  passes(event: SwitchEvent): boolean {
    if (this.#rules.size === 0) return true;
    let wanted = false;
    for (const header of Object.keys(event)) {
      const rules = this.#rules.get(this.#lowerCase(header));
      if (rules === undefined) continue;
      const verdict = judge(rules, event[header] ?? "");
      if (verdict === "vetoed") return false;
      wanted ||= verdict === "wanted";
    }
    return wanted;
  }

  /** Cached: header names are few and repeated in every event. */
  #lowerCase(header: string): string {
    let lower = this.#lower.get(header);
    if (lower === undefined) this.#lower.set(header, lower = header.toLowerCase());
    return lower;
  }
}

/**
 * A value is a regular expression only if its very first character is `/`, not after a skipped `-` or space (`event_handler`
 * checks the raw value for the slash, and the value after skipping for the sign).
 */
function compile(values: string[]): Rules {
  const rules: Rules = { values, wanted: new Set(), vetoed: new Set(), patterns: [] };
  for (const value of values) {
    if (value.startsWith("/")) {
      rules.patterns.push(pattern(value));
      continue;
    }
    const skipped = /^[+\- ]*/.exec(value)?.[0] ?? "";
    const sign = skipped.replaceAll(" ", "").at(-1);
    (sign === "-" ? rules.vetoed : rules.wanted).add(value.slice(skipped.length).toLowerCase());
  }
  return rules;
}

function judge(rules: Rules, value: HeaderValue): "vetoed" | "wanted" | "unknown" {
  const text = headerText(value);
  const lower = text.toLowerCase();
  if (rules.vetoed.has(lower)) return "vetoed";
  if (rules.wanted.has(lower) || rules.patterns.some((pattern) => pattern.test(text))) return "wanted";
  return "unknown";
}

/** Compiles `/expression/flags`; an invalid one matches nothing, as in the switch. */
function pattern(value: string): RegExp {
  const end = value.lastIndexOf("/");
  const body = end > 0 ? value.slice(1, end) : value.slice(1);
  try {
    return new RegExp(body, end > 0 && value.slice(end).includes("i") ? "i" : "");
  } catch {
    return /(?!)/;
  }
}

/** The events that one connection has subscribed to by name. */
export class Subscription {
  #all = false;
  #names = new Set<string>();
  #nixed = new Set<string>();
  #subclasses = new Set<string>();
  #allSubclasses = false;

  /** True between the first `event` (or `nixevent`) and `noevents`. */
  listening = false;

  /**
   * Adds names; every word after CUSTOM is a subclass. Unknown names are ignored.
   * Returns false if no name was known: the switch then replies `-ERR no keywords supplied`.
   */
  add(words: readonly string[]): boolean {
    const { names, subclasses } = split(words);
    for (const name of names) this.#addName(name);
    for (const subclass of subclasses) this.#subclasses.add(subclass);
    this.listening ||= names.length > 0;
    return names.length > 0;
  }

  #addName(name: string): void {
    if (name === "ALL") {
      this.#all = this.#allSubclasses = true;
      this.#nixed.clear();
    }
    this.#names.add(name);
    this.#nixed.delete(name);
  }

  /** Removes names (`nixevent`); returns false if no name was known. */
  remove(words: readonly string[]): boolean {
    const { names, subclasses } = split(words);
    for (const name of names) this.#removeName(name);
    for (const subclass of subclasses) this.#subclasses.delete(subclass);
    this.listening ||= names.length > 0;
    return names.length > 0;
  }

  #removeName(name: string): void {
    // CUSTOM only introduces the subclasses: it stays subscribed.
    if (name === "CUSTOM") return;
    if (name === "ALL") {
      this.#all = false;
      this.#names.clear();
      return;
    }
    this.#names.delete(name);
    this.#nixed.add(name);
  }

  /** `noevents`: returns false if nothing was subscribed. */
  clear(): boolean {
    const was = this.listening;
    this.listening = this.#all = this.#allSubclasses = false;
    this.#names.clear();
    this.#nixed.clear();
    this.#subclasses.clear();
    return was;
  }

  wants(event: SwitchEvent): boolean {
    if (!this.listening) return false;
    const name = headerText(event["Event-Name"] ?? "");
    if (this.#nixed.has(name)) return false;
    if (!this.#all && !this.#names.has(name)) return false;
    const subclass = event["Event-Subclass"];
    if (name !== "CUSTOM" || subclass === undefined) return true;
    return this.#allSubclasses || this.#subclasses.has(headerText(subclass));
  }
}

function split(words: readonly string[]): { names: string[]; subclasses: string[] } {
  const names: string[] = [];
  for (const [index, word] of words.entries()) {
    const name = eventName(word);
    if (name === undefined) continue;
    names.push(name);
    if (name === "CUSTOM") return { names, subclasses: words.slice(index + 1).filter((subclass) => subclass !== "") };
  }
  return { names, subclasses: [] };
}

/** The event named by a word, in any case, with or without `SWITCH_EVENT_` (in fact any 13 characters). */
function eventName(word: string): string | undefined {
  const upper = word.toUpperCase();
  return known.has(upper.slice(13)) ? upper.slice(13) : known.has(upper) ? upper : undefined;
}

const known = new Set(
  `CUSTOM CLONE CHANNEL_CREATE CHANNEL_DESTROY CHANNEL_STATE CHANNEL_CALLSTATE CHANNEL_ANSWER CHANNEL_HANGUP
  CHANNEL_HANGUP_COMPLETE CHANNEL_EXECUTE CHANNEL_EXECUTE_COMPLETE CHANNEL_HOLD CHANNEL_UNHOLD CHANNEL_BRIDGE CHANNEL_UNBRIDGE
  CHANNEL_PROGRESS CHANNEL_PROGRESS_MEDIA CHANNEL_OUTGOING CHANNEL_PARK CHANNEL_UNPARK CHANNEL_APPLICATION CHANNEL_ORIGINATE
  CHANNEL_UUID API LOG INBOUND_CHAN OUTBOUND_CHAN STARTUP SHUTDOWN PUBLISH UNPUBLISH TALK NOTALK SESSION_CRASH MODULE_LOAD
  MODULE_UNLOAD DTMF MESSAGE PRESENCE_IN NOTIFY_IN PRESENCE_OUT PRESENCE_PROBE MESSAGE_WAITING MESSAGE_QUERY ROSTER CODEC
  BACKGROUND_JOB DETECTED_SPEECH DETECTED_TONE PRIVATE_COMMAND HEARTBEAT TRAP ADD_SCHEDULE DEL_SCHEDULE EXE_SCHEDULE
  RE_SCHEDULE RELOADXML NOTIFY PHONE_FEATURE PHONE_FEATURE_SUBSCRIBE SEND_MESSAGE RECV_MESSAGE REQUEST_PARAMS CHANNEL_DATA
  GENERAL COMMAND SESSION_HEARTBEAT CLIENT_DISCONNECTED SERVER_DISCONNECTED SEND_INFO RECV_INFO RECV_RTCP_MESSAGE
  SEND_RTCP_MESSAGE CALL_SECURE NAT RECORD_START RECORD_STOP PLAYBACK_START PLAYBACK_STOP CALL_UPDATE FAILURE SOCKET_DATA
  MEDIA_BUG_START MEDIA_BUG_STOP CONFERENCE_DATA_QUERY CONFERENCE_DATA CALL_SETUP_REQ CALL_SETUP_RESULT CALL_DETAIL
  DEVICE_STATE TEXT SHUTDOWN_REQUESTED CERT_RELOAD ALL`.split(/\s+/),
);
