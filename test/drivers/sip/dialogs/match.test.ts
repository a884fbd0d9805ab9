/** Which live dialog each dialog of a document means. */
import { expect, test } from "bun:test";
import { matchDialogs, type Row } from "../../../../drivers/sip/dialogs/match.ts";
import type { Dialog } from "../../../../drivers/sip/dialogs/dialog-info.ts";
import { dialog } from "../../../support/sip/documents.ts";

const rows: readonly Row[] = [{ leg: "a", id: "1", callId: "c1" }, { leg: "b", id: "2" }];

const cases: [string, readonly Dialog[], boolean, readonly (string | undefined)[]][] = [
  ["an id and a Call-ID", [dialog("1", "early", { callId: "c1" })], false, ["a"]],
  ["an id without the Call-ID", [dialog("1", "early")], false, ["a"]],
  ["the same id twice: the first alone", [dialog("2", "early", { callId: "x" }), dialog("2", "early", { callId: "y" })], false, [
    "b",
    undefined,
  ]],
  ["an id with another Call-ID: what is shown is that dialog", [dialog("1", "early", { callId: "c9" })], false, ["a"]],
  ["an id with another Call-ID: what has ended is not", [dialog("1", "terminated", { callId: "c9" })], false, [undefined]],
  ["another id with the Call-ID", [dialog("9", "early", { callId: "c1" })], false, [undefined]],
  ["another id with the Call-ID, in a new subscription", [dialog("9", "early", { callId: "c1" })], true, ["a"]],
  [
    "the exact one first, wherever it is in the document",
    [
      dialog("1", "early", { callId: "c9" }),
      dialog("1", "early", { callId: "c1" }),
    ],
    false,
    [undefined, "a"],
  ],
];

test.each(cases)(
  "%s",
  (_, dialogs, isFresh, legs) => expect(matchDialogs(rows, dialogs, isFresh).map(({ leg }) => leg)).toEqual([...legs]),
);
