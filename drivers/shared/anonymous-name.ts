/** Names of anonymous callers. */

/** Words in the name of a deliberately anonymous caller. `Unknown` is not one: the switch has no name for the number. */
const hidingWords = new Set(["anonymous", "anon", "restricted", "private", "withheld", "blocked", "hidden", "suppressed"]);

/** Words that may accompany those; with any other word it is somebody's name (`Private Bank`). */
const callerWords = new Set(["caller", "call", "callerid", "id", "number", "user"]);

/** An ASCII name without any of these is somebody's: nearly every event has such a name, and the full check costs far more. */
const possible = new RegExp(`[^ -~]|caller|${[...hidingWords].join("|")}`, "i");

/** Whether a name only means that the caller is anonymous. */
export function isHidingName(name: string): boolean {
  if (!possible.test(name)) return false;
  const words = name.replace(/\p{Cf}/gu, "").normalize("NFKC").toLowerCase().split(/[^\p{L}\p{N}]+/u).filter((word) =>
    word !== ""
  );
  if (/^no caller ?id$/.test(words.join(" "))) return true;
  return words.some((word) => hidingWords.has(word)) && words.every((word) => hidingWords.has(word) || callerWords.has(word));
}
