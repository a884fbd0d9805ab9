/** A callout's request for the trace, without secrets. Pure. */
import type { ParameterAliases } from "./profile.ts";
import { hidePassword } from "./query.ts";
import type { CalloutRequest } from "./guard.ts";

/** Headers whose values are secrets. */
const secret = /^(authorization|proxy-authorization|cookie)$/i;

/** The request line and the headers, with passwords and the prefix hidden everywhere. */
export function requestText(
  { method, path, query }: CalloutRequest,
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

/** If the prefix is percent-encoded, the whole text is hidden. */
function withoutPrefix(text: string, prefix: string): string {
  const plain = text.replaceAll(prefix, "/***");
  const decoded = plain.replace(/%([0-9a-f]{2})/gi, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)));
  return decoded.includes(prefix) ? "/***" : plain;
}
