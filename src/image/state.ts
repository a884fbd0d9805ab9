/** What `telesetd status`, the doctor, the page and monitors say about the image: recorded at each boot, by root. */
import { ago } from "../core/count.ts";
import { type BootEntry, otherVersion, waitingVersion } from "./boot-entry.ts";

/** Why a version was rejected. */
export interface Rejection {
  readonly version: string;
  /** A sentence. */
  readonly why: string;
  /** When, in ISO 8601, if that is known. */
  readonly when?: string;
}

/** The last attempt to update. */
export interface LastUpdate {
  readonly when: string;
  readonly good: boolean;
  /** A sentence, and what to do if it failed. */
  readonly message: string;
  readonly advice?: string;
}

/** The state of the image. */
export interface ImageState {
  /** The running version. */
  readonly version: string;
  /** Its slot; absent if it is not known. */
  readonly slot?: string;
  /** The version that the next restart runs, if it is another one. */
  readonly waiting?: string;
  /** The version that a rollback runs; absent if there is none. */
  readonly fallback?: string;
  readonly rejected?: Rejection;
  /** What else the administrator must know: the data partition was made again. */
  readonly notes?: readonly string[];
  readonly update?: LastUpdate;
}

/** What the machine knows after a boot. */
export interface BootFacts {
  readonly version: string;
  readonly slot: string | undefined;
  readonly entries: readonly BootEntry[];
  /** When a version was installed, in ms; 0 if that is not known. */
  readonly installed: (entry: BootEntry) => number;
  /** What `telesetd image health` or a rollback wrote about a version. */
  readonly failed: Rejection | undefined;
  /** The journal of a boot that ended in emergency mode, with its time in ms. */
  readonly failedJournal: { readonly text: string; readonly time: number } | undefined;
  /** The last message of a kernel that stopped, with its time in ms. */
  readonly panic: { readonly text: string; readonly time: number } | undefined;
  readonly notes: readonly string[];
}

/** Derives the state after a boot. */
export function stateAfterBoot(facts: BootFacts): Omit<ImageState, "update"> {
  const { version, slot, entries, notes } = facts;
  const rejected = entries.findLast((entry) => entry.state === "rejected" && entry.version !== version);
  const waiting = waitingVersion(entries, version)?.version;
  const fallback = waiting === undefined ? otherVersion(entries, version)?.version : undefined;
  return {
    version,
    ...(slot === undefined ? {} : { slot }),
    ...(waiting === undefined ? {} : { waiting }),
    ...(fallback === undefined ? {} : { fallback }),
    ...(rejected ? { rejected: rejection(rejected, facts) } : {}),
    ...(notes.length > 0 ? { notes } : {}),
  };
}

/** The reason, from the best source. `telesetd update` removes what is left of earlier failures when it installs a version. */
function rejection(entry: BootEntry, { installed, failed, failedJournal, panic }: BootFacts): Rejection {
  const { version, attempts } = entry;
  if (failed?.version === version) return failed;
  // A box without a battery for its clock starts with an old time: a date before the installation is wrong, and is not shown.
  const when = (time: number) => time >= installed(entry) ? { when: new Date(time).toISOString() } : {};
  if (panic) return { version, why: `Its kernel stopped: ${panic.text}`, ...when(panic.time) };
  if (failedJournal) {
    const cause = causeIn(failedJournal.text);
    const why = `The system did not start${cause === undefined ? "." : `: ${cause}`}`;
    return { version, why, ...when(failedJournal.time) };
  }
  const tries = attempts > 1 ? `in ${attempts} attempts` : "in its attempts";
  return {
    version,
    why: `It did not start ${tries}: it hung, or its kernel or its root file system was damaged, or the power failed each time.`,
  };
}

/** The first line of a journal that says what failed; undefined if none does. */
function causeIn(journal: string): string | undefined {
  const signs = [/verity.*(corrupt|fail|mismatch)/i, /Kernel panic/, /Failed to (start|mount)|Dependency failed/];
  const lines = journal.split("\n");
  const line = signs.flatMap((sign) => lines.find((line) => sign.test(line)) ?? [])[0];
  // Without time and host: "Nov 27 20:12:58 telesetd systemd[1]: Failed to mount ...".
  return line?.replace(/^\w{3} [ \d]\d [\d:]{8} \S+ /, "").trim().slice(0, 200);
}

/**
 * The slot of the running root file system, A or B: its place among the partitions of the same type. Its unique id is the first
 * half of the root hash on the kernel's command line (UAPI.5, Discoverable Partitions Specification).
 * @param printed the output of `lsblk --json --output NAME,PARTN,PARTTYPE,PARTUUID`.
 */
export function slotIn(printed: string, commandLine: string): string | undefined {
  const [, id] = /(?:^|\s)roothash=([0-9a-f]{32})/i.exec(commandLine) ?? [];
  const isRoot = ({ partuuid }: Device): boolean => partuuid?.replaceAll("-", "").toLowerCase() === id?.toLowerCase();
  const partitions = devicesIn(printed).find(({ children = [] }) => children.some(isRoot))?.children ?? [];
  const root = partitions.find(isRoot);
  if (id === undefined || !root) return undefined;
  const place = partitions.filter(({ parttype }) => parttype === root.parttype)
    .toSorted((a, b) => (a.partn ?? 0) - (b.partn ?? 0)).indexOf(root);
  return ["A", "B"][place];
}

interface Device {
  readonly partn?: number | null;
  readonly parttype?: string | null;
  readonly partuuid?: string | null;
  readonly children?: readonly Device[];
}

function devicesIn(printed: string): readonly Device[] {
  try {
    return (JSON.parse(printed) as { readonly blockdevices?: readonly Device[] }).blockdevices ?? [];
  } catch {
    return [];
  }
}

/** The running version and its slot: `0.3.0 in slot A`. */
export function versionText({ version, slot }: ImageState): string {
  return slot === undefined ? version : `${version} in slot ${slot}`;
}

/** What the administrator must know, a sentence each; empty if all is well. */
export function imageTroubles({ version, rejected, notes = [], update }: ImageState): readonly string[] {
  return [
    ...(rejected ? [`Version ${rejected.version} was rejected, and ${version} runs again: ${rejected.why}`] : []),
    ...notes,
    ...(update?.good === false ? [`The last update failed: ${update.message}`] : []),
  ];
}

/** What to do about the first trouble; undefined if there is none. */
export function imageAdvice({ rejected, notes = [], update }: ImageState): string | undefined {
  if (rejected) {
    return "Publish a newer version; this one is not tried again. telesetd-rejected.txt on the drive TELESETD has its log.";
  }
  if (notes.length > 0) return "If that happens again, replace the medium of the box.";
  return update?.good === false ? update.advice : undefined;
}

/** The lines of `telesetd status` and of the screen. `now`: the wall clock in ms. */
export function imageLines(state: ImageState, now: number): readonly string[] {
  const { waiting, update } = state;
  const advice = imageAdvice(state);
  const age = update && Math.max(0, now - Date.parse(update.when));
  return [
    `image: ${versionText(state)}${waiting === undefined ? "" : `; ${waiting} runs after the next restart`}`,
    ...imageTroubles(state).map((trouble) => `  ${trouble}`),
    ...(advice === undefined ? [] : [`           > ${advice}`]),
    ...(update?.good && age !== undefined ? [`  updates  ${ago(age)} ago: ${update.message}`] : []),
  ];
}
