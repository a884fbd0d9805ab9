/** Reads what was recorded about the image. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { ImageState, LastUpdate, Rejection } from "./state.ts";

/** Where the records are: written by root, readable by all. */
export const recordFolder = "/var/lib/telesetd-image";

/** The files there. */
export const records = {
  state: "image.json",
  update: "update.json",
  failed: "failed.json",
  restored: "data-restored",
  failedJournal: "failed-boot.txt",
} as const;

/** The identity of the running system. */
export interface Release {
  /** IMAGE_VERSION. */
  readonly version: string;
  /** The command line of the kernel; empty if it is hidden, as from the daemon. */
  readonly commandLine: string;
}

/** The image that runs, by os-release(5): IMAGE_ID and IMAGE_VERSION; undefined off the image. */
export function releaseIn(root = "/"): Release | undefined {
  const text = textOf(join(root, "usr/lib/os-release")) ?? textOf(join(root, "etc/os-release"));
  const field = (name: string): string | undefined =>
    text === undefined ? undefined : new RegExp(`^${name}="?([\\w.~+-]+)"?$`, "m").exec(text)?.[1];
  const version = field("IMAGE_VERSION");
  return field("IMAGE_ID") === "telesetd" && version !== undefined
    ? { version, commandLine: textOf(join(root, "proc/cmdline")) ?? "" }
    : undefined;
}

/** The state of the image; undefined off the image. Without a record, as early in a boot, only the version is known. */
export function imageState(root = "/"): ImageState | undefined {
  const release = releaseIn(root);
  if (!release) return undefined;
  const folder = join(root, recordFolder);
  const recorded = recordIn<ImageState>(join(folder, records.state));
  // After an update the record is that of the version before, until it is written again.
  const state = recorded?.version === release.version ? recorded : { version: release.version };
  const update = recordIn<LastUpdate>(join(folder, records.update));
  return update ? { ...state, update } : state;
}

/** How old the state that the daemon shows may be, in ms. */
const maxAgeMs = 5000;

/** Reads the state of the image again when it is old; undefined off the image. @param now steady ms. */
export function imageReader(now: () => number, root = "/"): () => ImageState | undefined {
  // Off the image nothing is read again: that cannot change while a process runs.
  let state = imageState(root);
  if (!state) return () => undefined;
  let read = now();
  return () => {
    if (now() - read >= maxAgeMs) {
      state = imageState(root);
      read = now();
    }
    return state;
  };
}

/** What `telesetd image health` or a rollback wrote about a version. */
export function rejectionIn(root: string): Rejection | undefined {
  return recordIn<Rejection>(join(root, recordFolder, records.failed));
}

/** A record; undefined if there is none, or a power cut left half of it. */
function recordIn<T>(file: string): T | undefined {
  try {
    const value: unknown = JSON.parse(readFileSync(file, "utf8"));
    return typeof value === "object" && value !== null ? value as T : undefined;
  } catch {
    return undefined;
  }
}

/** The text of a file; undefined if it cannot be read. */
export function textOf(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
}
