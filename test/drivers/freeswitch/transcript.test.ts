/**
 * Every recorded session of a live switch through the translator: what each event means, as text, beside the events and
 * what the people did (test/drivers/freeswitch/transcripts). `TRANSCRIPTS=write bun test test/drivers/freeswitch/transcript`
 * writes them again: read the diff.
 */
import { expect, test } from "bun:test";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { readHeaders } from "../../../drivers/freeswitch/wire/event.ts";
import { type Translated, Translator } from "../../../drivers/freeswitch/translate.ts";
import { parseRecording, type Step } from "../../../simulator/freeswitch/mod.ts";

const recordings = join(import.meta.dir, "../../fixtures/recordings");
const transcripts = join(import.meta.dir, "transcripts");
const names = [...new Bun.Glob("{freeswitch,more,cases}/*.jsonl").scanSync({ cwd: recordings })].map((name) =>
  name.replace(".jsonl", "")
).sort();

const site = {
  desks: [{ extension: "1001", presence: ["1001@127.0.0.1"] }],
  outsideProfiles: ["external"],
  variables: ["CustomerID", "AccountNum", "language"],
};

test.each(names)("%s: each event means what its transcript shows", (name) => {
  const path = join(transcripts, `${name}.txt`);
  const text = transcript(parseRecording(readFileSync(join(recordings, `${name}.jsonl`), "utf8")).steps);
  if (process.env["TRANSCRIPTS"] === "write") {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }
  expect(text).toBe(existsSync(path) ? readFileSync(path, "utf8") : "");
});

test("every transcript has its recording", () => {
  const written = [...new Bun.Glob("**/*.txt").scanSync({ cwd: transcripts })].sort();
  expect(written).toEqual(names.map((name) => `${name}.txt`).sort());
});

function transcript(steps: readonly Step[]): string {
  const translator = new Translator(site);
  const legs = new Map<string, string>();
  const lines = steps.flatMap((step) => {
    if (step.kind === "mark") return [`-- ${step.note}`];
    const frame = readHeaders(JSON.stringify(step.event)) ?? {};
    const state = [frame["Event-Name"], frame["Event-Subclass"] ?? frame["Channel-Call-State"], frame["Answer-State"]];
    return translator.frame(frame).map((event) => shortIds(`${state.filter(Boolean).join(" ")}\n    ${words(event)}`, legs));
  });
  return `${lines.join("\n")}\n`;
}

function words(event: Translated): string {
  if (event.type !== "leg") return `${event.type} ${plain(Object.entries(event).filter(([key]) => key !== "type"))}`;
  return plain(Object.entries(event.facts).map(([key, value]) => [key, key === "ended" ? event.facts.ended?.cause : value]));
}

function plain(entries: readonly (readonly [string, unknown])[]): string {
  return entries.map(([key, value]) => `${key}=${typeof value === "object" ? JSON.stringify(value) : value}`).join(" ");
}

/** `leg-1` for the first UUID that is met, and so on: other recordings of the same call read the same. */
function shortIds(text: string, legs: Map<string, string>): string {
  return text.replace(/[0-9a-f]{8}-[0-9a-f-]{27}/g, (id) => {
    if (!legs.has(id)) legs.set(id, `leg-${legs.size + 1}`);
    return legs.get(id) ?? id;
  });
}
