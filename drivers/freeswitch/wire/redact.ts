/** Hides what must not be in the log, trace included, of the event socket's messages. Pure. */

/** A command to the switch: `auth ***`. The event socket's password gives a shell on the PBX. */
export function hideSecret(text: string): string {
  return text.replace(/^(auth|userauth) .*/s, "$1 ***");
}

/** A reply of the switch. A reply of its directory is a password. */
export function shownReply(command: string, reply: string): string {
  return command.startsWith("api user_data") ? "***" : hideSecrets(reply);
}

/** The words in the name of a secret. Names are bounded, so that a stranger's channel variables cannot make the search slow. */
const words = "passw|secret|authoriz|a1-hash|_pass\\b";
const named = new RegExp(words, "i");
/** A name and its value as JSON: a text, a list (a header that was repeated), or a value without quotes. */
const inJson = new RegExp(
  `("[^"\\\\]{0,100}(?:${words})[^"\\\\]{0,100}"\\s*:\\s*)(?:"(?:[^"\\\\]|\\\\.)*"|\\[(?:"(?:[^"\\\\]|\\\\.)*"|[^"\\]])*\\]|[^\\s"[{,}\\]]+)`,
  "gi",
);
const inLine = new RegExp(`^([^\\s:"]{0,100}(?:${words})[^\\s:"]{0,100}:)[^\\n]*`, "gim");
const inXml = new RegExp(`(name="[^"]{0,100}(?:${words})[^"]{0,100}"\\s+value=)"[^"]*"`, "gi");
/** Among the variables of a dial string, `[sip_auth_username=u,sip_auth_password=p]`, and what the dialplan sets. */
const inText = new RegExp(`(?<![\\w-])([\\w-]{0,100}(?:${words})[\\w-]{0,100}=)(?!")(?:\\\\.|[^,;&|\\]})\\s"\\\\])+`, "gi");

/**
 * An event or an answer without the values of names that contain password, secret or authorization: dialplans and
 * directories put such variables into channels (`variable_sip_auth_password`), and the switch sends every one of them.
 * As JSON, as lines of `name: value`, as the XML of the directory, and as `name=value` within another value.
 */
export function hideSecrets(text: string): string {
  if (!named.test(text)) return text;
  return text.replace(inJson, '$1"***"').replace(inLine, "$1 ***").replace(inXml, '$1"***"').replace(inText, "$1***");
}
