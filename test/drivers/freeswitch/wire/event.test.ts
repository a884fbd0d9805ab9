/** Events of channels, in which each header is searched when it is needed: it must be what a full parse reads. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import fc from "fast-check";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { ChannelEvent, header, readFrame, readHeaders, text } from "../../../../drivers/freeswitch/wire/event.ts";
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
    ["the name in another place", '{"a":"b","Event-Name":"CHANNEL_ANSWER"}', true],
  ])("%s: %s, parsed: %p", (_name, json, parsed) => {
    const frame = readFrame(Buffer.from(json));
    expect(frame instanceof ChannelEvent).toBe(!parsed);
    expect(frame && text(frame, "a")).toBe(json.includes('["b"') ? "c" : "b");
  });

  test.each([`${begin},"a":"b`, `${begin},"a":"b"`, begin, `${begin},"a":}`, ""])("%s is unreadable", (json) => {
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
  ["an escaped letter", '"Name":"J\\u00fcrgen"', "Jürgen"],
  ["a letter of two bytes", '"Name":"Jürgen"', "Jürgen"],
  ["a control character", '"Name":"a\u0001b"', "a\u0001b"],
  ["a repeated header", '"Name":["a","b"]', ["a", "b"]],
  ["a number", '"Name":5,"b":"c"', "5"],
  ["an object", '"Name":{"a":"b"},"c":"d"', undefined],
])("%s", (_name, members, value) => {
  expect(header(channelEvent(members), "Name")).toEqual(value as string);
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

test("every header of every recorded event is found", () => {
  const folder = join(import.meta.dir, "../../../fixtures/recordings/freeswitch");
  let count = 0;
  for (const file of readdirSync(folder).filter((name) => name.endsWith(".jsonl"))) {
    for (const step of parseRecording(readFileSync(join(folder, file), "utf8")).steps) {
      if (step.kind !== "event") continue;
      const json = JSON.stringify(step.event);
      const [frame, parsed] = [readFrame(Buffer.from(json)), readHeaders(json)];
      for (const name of Object.keys(parsed ?? {})) {
        count++;
        const found = frame && header(frame, name);
        if (!Bun.deepEquals(found, parsed?.[name])) expect([file, name, found]).toEqual([file, name, parsed?.[name]]);
      }
    }
  }
  expect(count).toBeGreaterThan(40_000);
});
