/** Results of pure functions that are asked for the same few texts again and again. */

/** The maximum number of results remembered; beyond that all are forgotten, so that strangers' texts take a bounded space. */
const maxResults = 100;

/** Returns the function with a memory: the result for a text is computed once. */
export function remembered<Result>(compute: (text: string) => Result): (text: string) => Result {
  const known = new Map<string, { readonly result: Result }>();
  return (text) => {
    const before = known.get(text);
    if (before) return before.result;
    const result = compute(text);
    if (known.size >= maxResults) known.clear();
    known.set(text, { result });
    return result;
  };
}
