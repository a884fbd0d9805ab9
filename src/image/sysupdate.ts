/** What systemd-sysupdate says (version 257; test/fixtures/sysupdate has its words), as sentences for the administrator. */

/** The end of a run. */
export interface Run {
  readonly code: number;
  /** The standard output: JSON with --json=short. */
  readonly out: string;
  /** The log. */
  readonly err: string;
}

/** The result of looking for a version, or of installing it. */
export type UpdateResult =
  | { readonly kind: "newest" }
  | { readonly kind: "available" | "installed"; readonly version: string }
  | { readonly kind: "failed"; readonly message: string; readonly advice: string };

/** The result of `check-new --json=short`. */
export function checkResult(run: Run): UpdateResult {
  if (run.code !== 0) return failure(run);
  const version = availableIn(run.out);
  return version === undefined ? { kind: "newest" } : { kind: "available", version };
}

/** The result of `update`. */
export function updateResult(run: Run): UpdateResult {
  if (run.code !== 0) return failure(run);
  const [, version] = /Successfully installed update '([^']+)'/.exec(run.err) ?? [];
  return version === undefined ? { kind: "newest" } : { kind: "installed", version };
}

function availableIn(out: string): string | undefined {
  try {
    const { available } = JSON.parse(out) as { readonly available?: unknown };
    return typeof available === "string" ? available : undefined;
  } catch {
    return undefined;
  }
}

interface Cause {
  readonly sign: RegExp;
  readonly message: string;
  readonly advice: string;
}

const checkServer = "Check update.url, and the network between the box and the server.";
const publishAgain = "Publish the files again, SHA256SUMS and its signature last.";

/** The first sign that fits decides. $1 is its first group. */
const causes: readonly Cause[] = [
  {
    sign: /No public key/,
    message: "The update is signed with a key that this image does not know.",
    advice: "Sign SHA256SUMS with the key that the image was built with.",
  },
  {
    sign: /BAD signature|Signature verification failed/,
    message: "The signature of SHA256SUMS is wrong: the file was changed after it was signed.",
    advice: "Sign it again: gpg --detach-sign SHA256SUMS, and name the result SHA256SUMS.gpg.",
  },
  {
    sign: /request to \S+SHA256SUMS\.gpg failed with code (\d+)/,
    message: "The update is not signed: the server has no SHA256SUMS.gpg (status $1).",
    advice: "Sign it: gpg --detach-sign SHA256SUMS, and name the result SHA256SUMS.gpg.",
  },
  {
    sign: /request to (\S+) failed with code (\d+)/,
    message: "The server answered $2 for $1.",
    advice: "Check update.url and update.channel, and that all files of the version are on the server.",
  },
  {
    sign: /Checksum of (\S+) file did not check out/,
    message: "$1 is not the file that SHA256SUMS lists.",
    advice: publishAgain,
  },
  {
    sign: /Transferred a partial file|transfer closed|Connection reset|Recv failure|Timeout was reached|Operation too slow/i,
    message: "The connection to the server was lost during the download.",
    advice: "The next update starts again from the beginning; the running version stays.",
  },
  { sign: /Could not connect to server/, message: "The server does not answer.", advice: checkServer },
  { sign: /Could not resolve host/, message: "The name of the server in update.url is unknown.", advice: checkServer },
  { sign: /SSL|certificate/i, message: "The certificate of the server was refused.", advice: checkServer },
  {
    sign: /No space left|Disk full|Failed to write file: (.+)|too large|does not fit/i,
    message: "The update cannot be written: there is no room for it, or the medium is broken.",
    advice:
      "Remove what is not telesetd's from the drive TELESETD. Check that the files are those of this image; or replace the medium.",
  },
  {
    sign: /No transfer definitions/,
    message: "No server is configured.",
    advice: "Set update.url in telesetd.json.",
  },
];

/** `message` and `advice` without details that only a developer needs; the log has all. */
function failure({ code, err }: Run): UpdateResult {
  for (const { sign, message, advice } of causes) {
    const found = sign.exec(err);
    if (found) return { kind: "failed", message: message.replace(/\$(\d)/g, (_, index) => found[Number(index)] ?? ""), advice };
  }
  const lines = err.split("\n").map((line) => line.trim()).filter((line) => line !== "" && line !== "Exiting.");
  const last = lines.findLast((line) => !/^\(sd-\S+\) failed/.test(line)) ?? lines.at(-1) ?? "it gave no reason";
  return {
    kind: "failed",
    message: `systemd-sysupdate failed (exit code ${code}): ${last}`,
    advice: "Check the update server and the medium of the box; journalctl -u telesetd-update has the whole log.",
  };
}

/** The result as a sentence. @param running the running version. */
export function resultText(result: UpdateResult, running: string): string {
  switch (result.kind) {
    case "newest":
      return `The server has no version that is newer than those on this box; ${running} is running.`;
    case "available":
      return `Version ${result.version} is available; ${running} is running.`;
    case "installed":
      return `Version ${result.version} is installed in the other slot, and runs after the next restart.`;
    case "failed":
      return `${result.message} ${running} stays.`;
  }
}
