/** What of the event socket's messages must not be in the log, trace included. Pure. */

/** A command to the switch: `auth ***`. The event socket's password is worth a shell on the PBX. */
export function hideSecret(text: string): string {
  return text.replace(/^(auth|userauth) .*/s, "$1 ***");
}

/** What the switch answers to a command. What its directory answers is a password. */
export function shownReply(command: string, reply: string): string {
  return command.startsWith("api user_data") ? "***" : hideSecrets(reply);
}

/**
 * An event or an answer without the values of what is called a password, a secret or an authorization: dialplans and
 * directories put such variables into channels (`variable_sip_auth_password`), and the switch tells every one of them.
 * As JSON, as lines of `name: value`, and as the XML of the directory.
 */
export function hideSecrets(text: string): string {
  if (!/passw|secret|authoriz|a1-hash/i.test(text)) return text;
  return text
    .replace(/("[^"\\]*(?:passw|secret|authoriz|a1-hash)[^"\\]*"\s*:\s*)"(?:[^"\\]|\\.)*"/gi, '$1"***"')
    .replace(/^([^\s:"]*(?:passw|secret|authoriz|a1-hash)[^\s:"]*:)[^\n]*/gim, "$1 ***")
    .replace(/(name="[^"]*(?:passw|secret|authoriz|a1-hash)[^"]*"\s+value=)"[^"]*"/gi, '$1"***"');
}
