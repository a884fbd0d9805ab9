/** The switch's directory of users. */
import type { FreeswitchConfig } from "./config.ts";
import type { Link } from "./wire/link.ts";

/**
 * The password of a user (user_data of mod_commands); undefined if the directory has none. Rejects if the query is not allowed.
 */
export async function passwordIn(
  link: Link,
  user: string,
  { domain, directoryPasswordParam }: Pick<FreeswitchConfig, "domain" | "directoryPasswordParam">,
): Promise<string | undefined> {
  if (!/^[A-Za-z0-9_.-]{1,60}$/.test(user)) return undefined;
  const { ok, text } = await link.command(`api user_data ${user}@${domain} param ${directoryPasswordParam}`);
  if (!ok && /permission denied/i.test(text)) {
    throw new Error("FreeSWITCH does not allow user_data, which queries its directory: add it to esl-allowed-api of line.user");
  }
  const password = text.replace(/\n$/, "");
  return ok && password !== "" ? password : undefined;
}
