/** Waiting for a state that nothing announces. */

/**
 * Calls `look` every 5 ms until it returns something other than false or undefined, and returns that.
 * @throws Error with `otherwise` after 50 s, a backstop: before the test's own deadline, which could not say what was missing.
 */
export async function until<T>(
  otherwise: string | (() => string),
  look: () => T | false | undefined | Promise<T | false | undefined>,
): Promise<T> {
  for (const late = performance.now() + 50_000; performance.now() < late; await Bun.sleep(5)) {
    const found = await look();
    if (found !== false && found !== undefined) return found;
  }
  throw new Error(typeof otherwise === "string" ? otherwise : otherwise());
}
