/** Facts that repeat what is known: a value without news keeps its identity, so that nothing is written or compared for it. */

/** The former value if the new one says the same, else the new one. Both are plain: texts, numbers, lists and objects. */
export function unlessSame<T>(before: T, after: T): T {
  return isSame(before, after) ? before : after;
}

function isSame(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  const [left, right] = [a as Record<string, unknown>, b as Record<string, unknown>];
  const names = Object.keys(left);
  return names.length === Object.keys(right).length && names.every((name) => name in right && isSame(left[name], right[name]));
}
