import { describe, expect, test } from "bun:test";
import { Filters, Subscription, type SwitchEvent } from "../../simulator/freeswitch/mod.ts";

const ringing: SwitchEvent = {
  "Event-Name": "CHANNEL_CALLSTATE",
  "Channel-Presence-ID": "1001@pbx",
  "Unique-ID": "u-1",
  variable_list: ["a", "b"],
};

/** [filters, whether the event above passes, why] */
const table: [string[], boolean, string][] = [
  [[], true, "without filters everything passes"],
  [["Channel-Presence-ID 1001@pbx"], true, "the whole value"],
  [["Channel-Presence-ID 1001"], false, "a part of the value is not enough"],
  [["channel-presence-id 1001@PBX"], true, "names and values without case"],
  [["Channel-Presence-ID 1002@pbx"], false, "another value"],
  [["No-Such-Header x"], false, "a header missing from the event"],
  [["Unique-ID u-2", "Channel-Presence-ID 1001@pbx"], true, "positives are OR-ed across headers"],
  [["Unique-ID u-1", "Channel-Presence-ID 1002@pbx"], true, "there is no AND"],
  [["Unique-ID u-2", "Unique-ID u-1"], true, "positives are OR-ed on one header"],
  [["Channel-Presence-ID 1001@pbx", "Unique-ID -u-1"], false, "a matching negative vetoes"],
  [["Unique-ID -u-1", "Channel-Presence-ID 1001@pbx"], false, "regardless of order"],
  [["Channel-Presence-ID 1001@pbx", "Unique-ID -u-2"], true, "a negative that does not match has no effect"],
  [["Unique-ID -u-2"], false, "with only negatives nothing passes"],
  [["Unique-ID + u-1"], true, "signs and spaces before the value are skipped"],
  [["Unique-ID -+u-1"], true, "the last sign counts"],
  [["Unique-ID +-u-1", "Channel-Presence-ID 1001@pbx"], false, "the last sign counts: veto"],
  [["Channel-Presence-ID /^1001@/"], true, "a regular expression"],
  [["Channel-Presence-ID /^1002@/"], false, "an expression that does not match"],
  [["Channel-Presence-ID /(/"], false, "an invalid expression"],
  [["Channel-Presence-ID -/^1001@/", "Unique-ID u-1"], true, "after a sign it is not a regular expression"],
  [["variable_list ARRAY::a|:b"], true, "a repeated header is compared as ARRAY"],
];

describe("filter", () => {
  for (const [filters, passes, why] of table) {
    test(`${why}: ${filters.join(", ") || "none"}`, () => {
      expect(make(filters).passes(ringing)).toBe(passes);
    });
  }

  test("delete removes one value, or all of a header, with case", () => {
    const filters = make(["Unique-ID u-1", "Unique-ID u-2"]);
    filters.remove("unique-id", "U-1");
    expect(filters.size).toBe(2);
    filters.remove("unique-id", "u-1");
    expect([filters.size, filters.passes(ringing)]).toEqual([1, false]);
    filters.remove("Unique-ID");
    expect([filters.size, filters.passes(ringing)]).toEqual([0, true]);
  });
});

function make(texts: string[]): Filters {
  const filters = new Filters();
  for (const text of texts) filters.add(text.slice(0, text.indexOf(" ")), text.slice(text.indexOf(" ") + 1));
  return filters;
}

describe("event", () => {
  const register = { "Event-Name": "CUSTOM", "Event-Subclass": "sofia::register" };
  const asks: [string, SwitchEvent, boolean, string][] = [
    ["CHANNEL_CALLSTATE", ringing, true, "a name"],
    ["channel_callstate", ringing, true, "a name in lower case"],
    ["SWITCH_EVENT_CHANNEL_CALLSTATE", ringing, true, "the long name"],
    ["HEARTBEAT", ringing, false, "another name"],
    ["ALL", ringing, true, "ALL"],
    ["ALL", register, true, "ALL with its subclasses"],
    ["CUSTOM sofia::register", register, true, "a subclass"],
    ["CUSTOM callcenter::info", register, false, "another subclass"],
    ["CUSTOM", register, false, "CUSTOM without its subclass"],
    ["CUSTOM sofia::register CHANNEL_CALLSTATE", ringing, false, "words after CUSTOM are subclasses"],
    ["CHANNEL_CALLSTATE CUSTOM sofia::register", ringing, true, "so CUSTOM stands last"],
  ];
  for (const [words, event, wants, why] of asks) {
    test(`${why}: ${words}`, () => {
      const subscription = new Subscription();
      expect(subscription.add(words.split(" "))).toBe(true);
      expect(subscription.wants(event)).toBe(wants);
    });
  }

  test("only unknown words are refused", () => {
    expect(new Subscription().add(["NOPE"])).toBe(false);
  });

  test("nixevent removes one name, also from ALL; noevents removes all", () => {
    const subscription = new Subscription();
    subscription.add(["ALL"]);
    subscription.remove(["CHANNEL_CALLSTATE"]);
    expect([subscription.wants(ringing), subscription.wants(register)]).toEqual([false, true]);
    expect([subscription.clear(), subscription.clear(), subscription.wants(register)]).toEqual([true, false, false]);
  });
});
