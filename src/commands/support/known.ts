/** What the data of the daemon says about people, so that it can be hidden wherever else it occurs. Pure. */
import type { Known } from "./mask.ts";
import type { Part } from "./parts.ts";

/** The parties of calls, the agents and the desks in these parts. */
export function knownIn(parts: readonly Part[], secrets: readonly string[]): Known {
  const texts: { readonly key: string; readonly text: string }[] = [];
  for (const { content } of parts) if ("json" in content) gather(content.json, "", texts);
  const of = (...keys: readonly string[]) => [...new Set(texts.filter(({ key }) => keys.includes(key)).map(({ text }) => text))];
  return {
    secrets,
    parties: of("party", "identity", "dialString", "number", "data"),
    agents: of("agent").filter((agent) => agent !== ""),
    desks: of("extension", "desk"),
  };
}

/** Values of Oracle's that describe the kind of a call, not a person. */
const kinds = new Set(["ScreenPopType", "occtClassification"]);

/** The texts in a value with their keys; those of an event's data have the key `data`. */
function gather(value: unknown, key: string, texts: { readonly key: string; readonly text: string }[]): void {
  if (typeof value === "string") texts.push({ key, text: value });
  else if (Array.isArray(value)) { for (const item of value) gather(item, key, texts); }
  else if (typeof value === "object" && value !== null) {
    for (const [name, item] of Object.entries(value)) {
      if (!kinds.has(name)) gather(item, key === "data" ? "data" : name, texts);
    }
  }
}
