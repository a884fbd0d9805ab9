/** The record of dials, for readers who may stop early. */
import type { RecordedDial, Store } from "./record.ts";

/** All recorded dials, page by page, newest first. */
export function* dialPages(store: Pick<Store, "dials">): Generator<RecordedDial[]> {
  for (let page = store.dials(25); page.length > 0; page = store.dials(25, page.at(-1))) yield page;
}
