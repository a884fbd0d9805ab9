/** The words of systemd-sysupdate 257, as recorded, become sentences. */
import { describe, expect, test } from "bun:test";
import recorded from "../fixtures/sysupdate/257.json" with { type: "json" };
import { checkResult, resultText, type Run, updateResult } from "../../src/image/sysupdate.ts";

const runs: Readonly<Record<string, Run>> = recorded;

/** The sentence for each recorded case. */
const sentences: Readonly<Record<string, string>> = {
  "newest-check": "The server has no version that is newer than those on this box; 0.2.0 is running.",
  "newest-update": "The server has no version that is newer than those on this box; 0.2.0 is running.",
  "available-check": "Version 0.4.0 is available; 0.2.0 is running.",
  "installed-update": "Version 0.3.0 is installed in the other slot, and runs after the next restart.",
  "unsigned-check": "The update is not signed: the server has no SHA256SUMS.gpg (status 404). 0.2.0 stays.",
  "unknown-key-check": "The update is signed with a key that this image does not know. 0.2.0 stays.",
  "changed-update": "The signature of SHA256SUMS is wrong: the file was changed after it was signed. 0.2.0 stays.",
  "checksum-update": "http://updates.example.com/stable/telesetd_0.4.0.efi is not the file that SHA256SUMS lists. 0.2.0 stays.",
  "short-update": "http://updates.example.com/stable/telesetd_0.4.0.efi is not the file that SHA256SUMS lists. 0.2.0 stays.",
  "missing-file-update": "The server answered 404 for http://updates.example.com/stable/telesetd_0.4.0.efi. 0.2.0 stays.",
  "no-room-update": "The update cannot be written: there is no room for it, or the medium is broken. 0.2.0 stays.",
  "missing-list-check": "The server answered 404 for http://updates.example.com/stable/SHA256SUMS. 0.2.0 stays.",
  "no-server-check": "The server does not answer. 0.2.0 stays.",
  "cut-update": "The connection to the server was lost during the download. 0.2.0 stays.",
  "unknown-name-check": "The name of the server in update.url is unknown. 0.2.0 stays.",
  "no-transfers-check": "No server is configured. 0.2.0 stays.",
};

test("every recorded case has its sentence", () =>
  expect(Object.keys(runs).toSorted()).toEqual(Object.keys(sentences).toSorted()));

describe("recorded:", () => {
  test.each(Object.entries(runs))("%s", (name, run) => {
    const result = name.endsWith("-check") ? checkResult(run) : updateResult(run);
    expect(resultText(result, "0.2.0")).toBe(sentences[name] ?? "");
    expect(result.kind === "failed" ? result.advice : "-").not.toBe("");
  });
});

test("unknown words: the last line that says something", () => {
  const err =
    "Discovering installed instances…\nThe moon is in the wrong phase.\nExiting.\n(sd-pull) failed with exit status 1.\n";
  expect(updateResult({ code: 1, out: "", err })).toMatchObject({
    kind: "failed",
    message: "systemd-sysupdate failed (exit code 1): The moon is in the wrong phase.",
  });
});

test("JSON that is not what was expected means: nothing newer", () => {
  for (const out of ["", "null", "[]", '{"available":5}']) {
    expect(checkResult({ code: 0, out, err: "" })).toEqual({ kind: "newest" });
  }
});
