/** A callout's request as the trace shows it: whole, but for what is secret. Pure. */
import type { ParameterAliases } from "./profile.ts";
import { hidePassword } from "./query.ts";
import type { Asked } from "./guard.ts";

/** Headers whose values are secrets. */
const secret = /^(authorization|proxy-authorization|cookie)$/i;

/** The request line and the headers; passwords and the prefix are hidden wherever they stand. */
export function requestText(
  { method, path, query }: Asked,
  headers: Readonly<Record<string, string>>,
  prefix: string | undefined,
  aliases: ParameterAliases = {},
): { readonly request: string; readonly headers: string } {
  const hide = (text: string): string => (prefix === undefined ? text : withoutPrefix(text, prefix));
  const target = [path, ...(query === "" ? [] : [query])].map((part) => hide(hidePassword(part, aliases))).join("?");
  const lines = Object.entries(headers).map(([name, value]) =>
    `${name}: ${secret.test(name) || /password/i.test(value) ? "***" : hide(value)}`
  );
  return { request: `${method} ${target}`, headers: lines.join("; ") };
}

/** Also where it is percent-encoded, which it need not be: then nothing of the text is shown. */
function withoutPrefix(text: string, prefix: string): string {
  const plain = text.replaceAll(prefix, "/***");
  const decoded = plain.replace(/%([0-9a-f]{2})/gi, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)));
  return decoded.includes(prefix) ? "/***" : plain;
}
