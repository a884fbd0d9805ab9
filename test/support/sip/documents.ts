/** Writes dialog-info documents for tests, and reads those of test/fixtures/dialog-info. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Dialog, DialogInfo } from "../../../drivers/sip/dialogs/dialog-info.ts";

/** A dialog in a word or two, with what a test wants otherwise. */
export function dialog(id: string, state: Dialog["state"], part: Partial<Dialog> = {}): Dialog {
  return { id, state, direction: "recipient", ...part };
}

/** An end of a dialog: whose, and whether it plays the call's sound. */
export function end(uri: string, rendering?: "yes" | "no"): NonNullable<Dialog["remote"]> {
  return { identity: { uri }, params: rendering === undefined ? {} : { "+sip.rendering": rendering } };
}

/** A document about 1001. */
export function info(version: number, state: DialogInfo["state"], ...dialogs: Dialog[]): DialogInfo {
  return { version, state, entity: "sip:1001@pbx", dialogs };
}

/** What a switch has written: for desk `desk`, each document with a note of what brought it about. */
export interface Fixture {
  readonly userAgent: string;
  readonly desk: string;
  readonly documents: readonly { readonly note: string; readonly body: string }[];
}

const folder = join(import.meta.dir, "../../fixtures/dialog-info");

/** The names of all fixtures; those that begin with `live-` were recorded. */
export const fixtures = [...new Bun.Glob("*.txt").scanSync({ cwd: folder })].map((name) => name.replace(".txt", "")).sort();

/** Reads one: lines that begin with `#` say whose it is, `=== NOTE` begins a document. */
export function readFixture(name: string): Fixture {
  const [head = "", ...parts] = readFileSync(join(folder, `${name}.txt`), "utf8").split(/^=== /m);
  const field = (key: string) => new RegExp(`^# ${key}: (.*)$`, "m").exec(head)?.[1];
  const documents = parts.map((part) => {
    const end = part.indexOf("\n");
    return { note: part.slice(0, end), body: part.slice(end + 1) };
  });
  return { userAgent: field("User-Agent") ?? "", desk: field("Desk") ?? "1001", documents };
}
