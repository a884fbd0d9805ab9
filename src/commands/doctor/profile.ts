/** Settings that change messages of this site: check them first if UWQ and telesetd do not understand each other. */
import { defaultAnswers, defaultEvents, statusText } from "../../cctsdk/profile.ts";
import type { Config } from "../../config/schema.ts";

/** A sentence about the settings of callouts and answers that differ from the default; empty if none does. */
export function calloutSettings({ http: { answer, parameters } }: Config): readonly string[] {
  const { success, ...others } = answer;
  const bodies = Object.entries(success).filter(([name, body]) => body !== defaultAnswers.success[name as keyof typeof success]);
  const same = bodies.length === Object.keys(success).length && new Set(Object.values(success)).size === 1;
  const changed = changedKeys("http.answer", others, defaultAnswers);
  if (bodies.length > 0) {
    changed.unshift(`http.answer.success is ${short(JSON.stringify(same ? bodies[0]?.[1] : Object.fromEntries(bodies)))}`);
  }
  const aliases = Object.entries(parameters).map(([alias, name]) => `${alias} for ${name}`);
  if (aliases.length > 0) changed.push(`http.parameters adds ${aliases.join(", ")}`);
  return sentence("callouts", changed);
}

/** A sentence about the non-default settings of event POSTs, if any; it never shows values of headers. */
export function eventSettings({ crm }: Config): readonly string[] {
  const { path, contentType, declaration, headers, delivered, port } = crm;
  const changed = changedKeys("crm", { path, contentType, declaration }, defaultEvents);
  const names = Object.keys(headers);
  if (names.length > 0) changed.push(`crm.headers adds ${names.join(", ")}`);
  if (statusText(delivered) !== statusText(defaultEvents.delivered)) changed.push(`crm.delivered is ${statusText(delivered)}`);
  if (port !== undefined) changed.push(`crm.port is ${port}`);
  return sentence("events", changed);
}

function changedKeys(where: string, given: object, defaults: object): string[] {
  const before = new Map<string, unknown>(Object.entries(defaults));
  return Object.entries(given).filter(([key, value]) => value !== before.get(key)).map(([key, value]) =>
    `${where}.${key} is ${short(JSON.stringify(value))}`
  );
}

function sentence(what: string, changed: readonly string[]): readonly string[] {
  return changed.length === 0 ? [] : [`The wire of ${what} differs from the default: ${changed.join(", ")}.`];
}

function short(text: string): string {
  return text.length > 80 ? `${text.slice(0, 80)}...` : text;
}
