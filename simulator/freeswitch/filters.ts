/**
 * Which events a connection is sent: the true semantics of `event`, `nixevent` and `filter`.
 * Source: FreeSWITCH src/mod/event_handlers/mod_event_socket/mod_event_socket.c, `event_handler` and `parse_command`;
 * src/switch_event.c, `switch_name_event` and `switch_event_del_header_val`.
 */
import { headerText, type HeaderValue, type SwitchEvent } from "./events.ts";

interface Rules {
  /** The texts as they were added, for `filter delete HEADER VALUE`, which compares whole and with case. */
  readonly values: string[];
  readonly wanted: Set<string>;
  readonly vetoed: Set<string>;
  readonly patterns: RegExp[];
}

/**
 * The filters of one connection. Positive filters are OR-ed, also across headers; there is no AND; a negative that matches
 * vetoes. No filter at all lets everything pass, so that deleting the last one opens the flood.
 */
export class Filters {
  #rules = new Map<string, Rules>();
  #lower = new Map<string, string>();

  /** Adds a filter; the value may begin with `+` (the default) or `-` (veto), or be a `/regular expression/`. */
  add(header: string, value: string): void {
    const name = header.toLowerCase();
    this.#rules.set(name, compile([...(this.#rules.get(name)?.values ?? []), value]));
  }

  /** Removes the filters on a header: all of them, or those added with exactly this value. */
  remove(header: string, value = ""): void {
    const name = header.toLowerCase();
    const left = value === "" ? [] : (this.#rules.get(name)?.values ?? []).filter((each) => each !== value);
    if (left.length === 0) this.#rules.delete(name);
    else this.#rules.set(name, compile(left));
  }

  clear(): void {
    this.#rules.clear();
  }

  /** How many filters stand. */
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

  /** Header names are few and come again with every event. */
  #lowerCase(header: string): string {
    let lower = this.#lower.get(header);
    if (lower === undefined) this.#lower.set(header, lower = header.toLowerCase());
    return lower;
  }
}

/**
 * A value counts as a regular expression only when its very first character is `/`: what follows an eaten `-` or space never does
 * (`event_handler` looks at the raw value for the slash and at the eaten one for the sign).
 */
function compile(values: string[]): Rules {
  const rules: Rules = { values, wanted: new Set(), vetoed: new Set(), patterns: [] };
  for (const value of values) {
    if (value.startsWith("/")) {
      rules.patterns.push(pattern(value));
      continue;
    }
    const eaten = /^[+\- ]*/.exec(value)?.[0] ?? "";
    const sign = eaten.replaceAll(" ", "").at(-1);
    (sign === "-" ? rules.vetoed : rules.wanted).add(value.slice(eaten.length).toLowerCase());
  }
  return rules;
}

function judge(rules: Rules, value: HeaderValue): "vetoed" | "wanted" | "unknown" {
  const text = headerText(value);
  const lower = text.toLowerCase();
  if (rules.vetoed.has(lower)) return "vetoed";
  if (rules.wanted.has(lower) || rules.patterns.some((each) => each.test(text))) return "wanted";
  return "unknown";
}

/** `/expression/flags`; what cannot be compiled matches nothing, as in the switch. */
function pattern(value: string): RegExp {
  const end = value.lastIndexOf("/");
  const body = end > 0 ? value.slice(1, end) : value.slice(1);
  try {
    return new RegExp(body, end > 0 && value.slice(end).includes("i") ? "i" : "");
  } catch {
    return /(?!)/;
  }
}

/** The events that one connection has asked for by name. */
export class Subscription {
  #all = false;
  #names = new Set<string>();
  #nixed = new Set<string>();
  #subclasses = new Set<string>();
  #allSubclasses = false;

  /** True between the first `event` (or `nixevent`) and `noevents`. */
  listening = false;

  /**
   * Adds names; every word after CUSTOM is a subclass, whatever it looks like. Unknown names are passed over.
   * False when no name was known: the switch then says `-ERR no keywords supplied`.
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

  /** Takes names away (`nixevent`); false when no name was known. */
  remove(words: readonly string[]): boolean {
    const { names, subclasses } = split(words);
    for (const name of names) this.#removeName(name);
    for (const subclass of subclasses) this.#subclasses.delete(subclass);
    this.listening ||= names.length > 0;
    return names.length > 0;
  }

  #removeName(name: string): void {
    // A trailing CUSTOM only says that subclasses follow: it stays subscribed.
    if (name === "CUSTOM") return;
    if (name === "ALL") {
      this.#all = false;
      this.#names.clear();
      return;
    }
    this.#names.delete(name);
    this.#nixed.add(name);
  }

  /** `noevents`: false when nothing was asked for. */
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
    if (name === "CUSTOM") return { names, subclasses: words.slice(index + 1).filter((each) => each !== "") };
  }
  return { names, subclasses: [] };
}

/** The event that a word names, without regard to case and with or without `SWITCH_EVENT_` (any 13 characters, in fact). */
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
