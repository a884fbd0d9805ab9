/** Events of channels, in which each header is searched when it is needed: it must be what a full parse reads. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import fc from "fast-check";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import {
  ChannelEvent,
  header,
  readFrame,
  readHeaders,
  text,
  UnreadableEvent,
} from "../../../../drivers/freeswitch/wire/event.ts";
import { parseRecording } from "../../../../simulator/freeswitch/recording.ts";

setDefaultTimeout(60_000);

const begin = '{"Event-Name":"CHANNEL_ANSWER"';

/** The event with these members behind its name. */
function channelEvent(members: string): ChannelEvent {
  const frame = readFrame(Buffer.from(`${begin},${members}}`));
  if (!(frame instanceof ChannelEvent)) throw new Error(`Cannot test: ${members} was parsed`);
  return frame;
}

describe("which events are parsed at once", () => {
  test.each([
    ["an event of a channel", `${begin},"a":"b"}`, false],
    ["a list at the end", `${begin},"a":["b","c"]}`, false],
    ["CALL_UPDATE", '{"Event-Name":"CALL_UPDATE","a":"b"}', false],
    ["another event", '{"Event-Name":"HEARTBEAT","a":"b"}', true],
    ["spaces", '{"Event-Name": "CHANNEL_ANSWER","a":"b"}', true],
    ["an object", `${begin},"c":{"a":"x"},"a":"b"}`, true],
    ["objects in a list", `${begin},"c":["d", {"a":"x"}],"a":"b"}`, true],
    ["braces in a value", `${begin},"c":"{x=y}user/1001","a":"b"}`, false],
    ["an escaped letter in a name", `${begin},"a":"x","\\u0061":"b"}`, true],
    ["the name in another place", '{"a":"b","Event-Name":"CHANNEL_ANSWER"}', true],
  ])("%s: %s, parsed: %p", (_name, json, parsed) => {
    const frame = readFrame(Buffer.from(json));
    expect(frame instanceof ChannelEvent).toBe(!parsed);
    expect(frame && text(frame, "a")).toBe(json.includes('["b"') ? "c" : "b");
  });

  const cutOff = [`${begin},"a":"b`, `${begin},"a":"b"`, `${begin},"a":"{\\"b\\"}`, begin];
  test.each([...cutOff, `${begin},"a":}`, ""])("%s is unreadable", (json) => {
    expect(readFrame(Buffer.from(json))).toBeUndefined();
  });
});

test.each<[string, string, string | string[] | undefined]>([
  ["text", '"Name":"value"', "value"],
  ["an empty text", '"Name":""', ""],
  ["missing", '"Other":"value"', undefined],
  ["the end of another name", '"Other-Name":"value"', undefined],
  ["the name as a value", '"a":"Name","b":"c"', undefined],
  ["the name and a value, quoted within a value", '"a":"\\"Name\\":\\"stolen\\"","b":"c"', undefined],
  ["the end of another name, behind a quote", '"a\\"Name":"stolen","Name":"value"', "value"],
  ["a quote in the value", '"Name":"say \\"hi\\"","b":"c"', 'say "hi"'],
  ["a backslash at the end", '"Name":"a\\\\","b":"c"', "a\\"],
  ["a letter of two bytes", '"Name":"Jürgen"', "Jürgen"],
  ["a control character", '"Name":"a\u0001b"', "a\u0001b"],
  ["a repeated header", '"Name":["a","b"]', ["a", "b"]],
  ["a number", '"Name":5,"b":"c"', "5"],
  ["a byte order mark", '"Name":"\ufeffa"', "\ufeffa"],
  ["two of the same name", '"Name":"a","b":"c","Name":"d","e":"f"', "d"],
  ["spaces", '"Name" : "a" ,"b":"c"', "a"],
  ["a space before the comma", '"Name":"a" ,"b":"c"', "a"],
])("%s", (_name, members, value) => {
  expect(header(channelEvent(members), "Name")).toEqual(value as string);
});

const broken = '"variable_x":"Joe "Fixit" Smith"';

test.each([
  ["the header itself", '"Name":"Joe "Fixit" Smith"', "Name"],
  ["a header beside one with an escape", `"Name":"say \\"hi\\"",${broken}`, "Name"],
  ["a header beside a list", `"Name":["a","b"],${broken}`, "Name"],
  ["one that every event has", broken, "Unique-ID"],
])("invalid JSON, and %s is needed: unreadable", (_name, members, name) => {
  const frame = channelEvent(`${members},"last":"x"`);
  expect(() => header(frame, name)).toThrow(UnreadableEvent);
});

test("invalid JSON in a header that is not needed does no harm", () => {
  const frame = channelEvent(`"Name":"a",${broken},"Other":"b"`);
  expect(["Name", "Other", "missing"].map((name) => header(frame, name))).toEqual(["a", "b", undefined]);
});

test("bytes other than UTF-8 are replaced", () => {
  const frame = readFrame(Buffer.concat([Buffer.from(`${begin},"Name":"M`), Buffer.from([0xfc]), Buffer.from('ller"}')]));
  expect(frame && text(frame, "Name")).toBe("M\ufffdller");
});

test("any headers: a search finds what a parse reads", () => {
  const part = fc.oneof(
    fc.string(),
    fc.constantFrom('"', "\\", '":"', "Name", '"Name":"x"', "{", "}", ","),
    fc.string({ unit: "grapheme" }),
  );
  const value = fc.array(part, { maxLength: 4 }).map((parts) => parts.join(""));
  const headers = fc.dictionary(
    fc.oneof(fc.constantFrom("Name", "Name-2"), value),
    fc.oneof(value, fc.array(value, { minLength: 1 })),
  );
  fc.assert(
    fc.property(headers, (more) => {
      const json = JSON.stringify({ "Event-Name": "CHANNEL_ANSWER", ...more, last: "x" });
      const frame = readFrame(Buffer.from(json));
      if (frame === undefined) throw new Error(`unreadable: ${json}`);
      const names = [...Object.keys(more), "Name", "Event-Name", "missing"];
      const parsed = readHeaders(json);
      expect(names.map((name) => header(frame, name))).toEqual(names.map((name) => parsed?.[name]) as string[]);
    }),
    { numRuns: 2000 },
  );
});

const folder = join(import.meta.dir, "../../../fixtures/recordings/freeswitch");
const recorded = readdirSync(folder).filter((name) => name.endsWith(".jsonl")).flatMap((file) =>
  parseRecording(readFileSync(join(folder, file), "utf8")).steps.flatMap((step) =>
    step.kind === "event" ? [JSON.stringify(step.event)] : []
  )
);

test("every header of every recorded event is found", () => {
  let count = 0;
  for (const json of recorded) {
    const [frame, parsed] = [readFrame(Buffer.from(json)), readHeaders(json)];
    for (const name of Object.keys(parsed ?? {})) {
      count++;
      const found = frame && header(frame, name);
      if (!Bun.deepEquals(found, parsed?.[name])) expect([name, found]).toEqual([name, parsed?.[name]]);
    }
  }
  expect(count).toBeGreaterThan(40_000);
});

test("recorded events with any damage: what a parse reads, a search reads too", () => {
  const channels = recorded.filter((json) => readFrame(Buffer.from(json)) instanceof ChannelEvent);
  const names = [...new Set(channels.flatMap((json) => Object.keys(readHeaders(json) ?? {})))];
  const name = fc.constantFrom("Unique-ID", "Answer-State", "Hangup-Cause", "variable_originated_legs", ...names);
  const pieces = [
    fc.constantFrom(
      '"',
      "\\",
      '\\"',
      "\\u",
      ",",
      ":",
      "{",
      "}",
      "[",
      "]",
      '","',
      '":"',
      " ",
      "\u0000",
      "\t",
      "\n",
      "\u00ff",
      "\ufeff",
    ),
    fc.string({ maxLength: 4 }),
    fc.constant("long".repeat(20_000)),
    fc.tuple(name, fc.string()).map(([name, value]) => `,${JSON.stringify(name)}:${JSON.stringify(value)}`),
    fc.tuple(name, fc.string()).map(([name, value]) => `,"x":{"y":"z",${JSON.stringify(name)}:${JSON.stringify(value)}}`),
    fc.tuple(name, fc.string()).map(([name, value]) => `,"x":["y", {"z":1,${JSON.stringify(name)}:[${JSON.stringify(value)}]}]`),
    name.map((name) => `,"\\u00${name.charCodeAt(0).toString(16)}${name.slice(1)}":"stolen"`),
    name.map((name) => `,"${name}" : "stolen"`),
    name.map((name) => `"${name}":"stolen",`),
  ];
  /** Where the text is damaged, from 0 to 1 or in front of a mark, how many characters are removed there, and what is inserted. */
  const damage = fc.tuple(
    fc.oneof(fc.double({ min: 0, max: 1, noNaN: true }), name.map((name) => `"${name}"`), fc.constantFrom(',"', '"}')),
    fc.constantFrom(0, 0, 0, 0, 1, 3, 2000),
    fc.oneof(...pieces),
  );
  let [searched, both] = [0, 0];
  fc.assert(
    fc.property(fc.constantFrom(...channels), fc.array(damage, { minLength: 1, maxLength: 2 }), (whole, damages) => {
      const json = damages.reduce((json, [where, removed, inserted]) => {
        const at = typeof where === "number" ? Math.floor(where * json.length) : Math.max(0, json.indexOf(where));
        return json.slice(0, at) + inserted + json.slice(at + removed);
      }, whole);
      const [frame, parsed] = [readFrame(Buffer.from(json)), readHeaders(json)];
      if (frame instanceof ChannelEvent) searched++;
      if (!parsed) return;
      both++;
      if (!frame) throw new Error("unreadable only for the search");
      for (const name of names) {
        if (!Bun.deepEquals(header(frame, name), parsed[name])) expect([name, header(frame, name)]).toEqual([name, parsed[name]]);
      }
    }),
    { numRuns: 3000 },
  );
  expect(searched).toBeGreaterThan(100);
  expect(both).toBeGreaterThan(100);
});
