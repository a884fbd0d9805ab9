/** Long lists in an HTTP response. */

const encoder = new TextEncoder();

/**
 * Answers with a list as one JSON array, page by page, so that the daemon can do other work in between. A slow reader gets the
 * next page when there is room for it.
 */
export function jsonPages(all: Iterable<readonly unknown[]>): Response {
  const iterator = all[Symbol.iterator]();
  let before = "[";
  const body = new ReadableStream({
    async pull(controller) {
      await new Promise((resolve) => setImmediate(resolve));
      const { value: page, done } = iterator.next();
      if (done === true) {
        controller.enqueue(encoder.encode(before === "[" ? "[]" : "]"));
        return controller.close();
      }
      for (const row of page) {
        controller.enqueue(encoder.encode(before + JSON.stringify(row)));
        before = ",";
      }
    },
  });
  return new Response(body, { headers: { "Content-Type": "application/json", "Cache-Control": "no-store" } });
}

/** The first rows of a list. */
export function* upTo(all: Iterable<readonly unknown[]>, limit: number): Generator<readonly unknown[]> {
  let left = limit;
  for (const page of all) {
    if (left <= 0) return;
    yield page.slice(0, left);
    left -= page.length;
  }
}
