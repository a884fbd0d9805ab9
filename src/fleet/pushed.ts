/**
 * The pushed configuration of a box: kept beside its store, tried when it arrives, and laid over the box's own file at each start.
 * The own file is never changed, so that a bad push never takes a working desk away.
 */
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { dirname } from "node:path";
import { replaceFile } from "../platform/replace-file.ts";
import { messageOf } from "../platform/text.ts";
import type { Log } from "../log/log.ts";
import type { PushedStatus } from "../status/status.ts";
import { mergePatch } from "./merge-patch.ts";
import { isSigned, readSigned, refusalOf, type SignedConfig, unpushable } from "./signed.ts";

/** What is kept. */
interface Kept {
  readonly current?: SignedConfig | undefined;
  /** The newest version that was ever in force: an older one must not return, even if this one can no longer be used. */
  readonly newest?: number | undefined;
  /** Being tried: found at a start, the daemon has ended during the trial. */
  readonly trial?: SignedConfig | undefined;
  readonly refused?: PushedStatus["refused"] | undefined;
}

/** What it needs. `C`: a checked configuration. */
export interface PushedOptions<C> {
  /** The file. */
  readonly file: string;
  /** The public key of the administrator; undefined: nothing can be pushed. */
  readonly key: string | undefined;
  /** The box: its first desk. */
  readonly desk: string;
  /** The text of the box's own configuration. */
  readonly own: string;
  /** Checks a configuration. @throws Error with the problems. */
  readonly parse: (text: string) => C;
  readonly log: Log;
}

/** A configuration that has been checked, and is to be tried. */
export interface Trial<C> {
  readonly config: C;
  /** It is in force: keep it. */
  accept(): void;
  /** It cannot be used. @param why a clause. */
  refuse(why: string): void;
}

/** The pushed configuration of a box. */
export class Pushed<C> {
  readonly #options: PushedOptions<C>;
  #kept: Kept = {};
  #offered: SignedConfig | undefined;
  #arrived = Promise.withResolvers<void>();
  readonly #listeners = new Set<() => void>();

  constructor(options: PushedOptions<C>) {
    this.#options = options;
    this.#kept = options.key === undefined ? {} : this.#read();
    const { trial } = this.#kept;
    if (trial) this.#refuse(trial, "telesetd ended while it tried this configuration");
  }

  /** For the report. */
  get state(): PushedStatus {
    const { current, refused } = this.#kept;
    return { ...(current ? { version: current.version } : {}), ...(refused ? { refused } : {}) };
  }

  /** The configuration to start with; undefined: the box's own. One that has become invalid is refused, and reported. */
  initial(): C | undefined {
    const { current } = this.#kept;
    if (!current) return undefined;
    try {
      return this.#options.parse(this.#merged(current));
    } catch (error) {
      this.drop(problemsOf(error));
      return undefined;
    }
  }

  /** The settings in force cannot be used. @param why a clause. */
  drop(why: string): void {
    const { current } = this.#kept;
    this.#kept = { newest: this.#kept.newest };
    if (current) this.#refuse(current, why);
  }

  /** Takes a message from the broker. Another one than the box's newest is refused, and the reason logged and reported. */
  offer(text: string): void {
    const { key, desk, log } = this.#options;
    const config = readSigned(jsonOf(text));
    if (!config || key === undefined) {
      return log.rarely("push").warning("A pushed configuration was refused", {
        why: config ? "fleet.configKey is not configured" : "it is malformed",
      });
    }
    const { current, newest = 0, refused } = this.#kept;
    // A relay repeats what it has until the box reports it.
    if (config.version === current?.version || config.version === this.#offered?.version) return;
    if (config.version === refused?.version && isSigned(config, key)) return;
    const why = refusalOf(config, { key, desk, after: newest });
    if (why !== undefined) return log.rarely(`push ${why}`).warning("A pushed configuration was refused", { why });
    this.#offered = config;
    this.#arrived.resolve();
  }

  /** Resolves with the next configuration to try. */
  async next(): Promise<Trial<C>> {
    for (;;) {
      await this.#arrived.promise;
      this.#arrived = Promise.withResolvers();
      const config = this.#offered;
      this.#offered = undefined;
      const trial = config && this.#trial(config);
      if (trial) return trial;
    }
  }

  /** Calls back when the state has changed. @returns what ends it. */
  onChange(changed: () => void): () => void {
    this.#listeners.add(changed);
    return () => this.#listeners.delete(changed);
  }

  #trial(signed: SignedConfig): Trial<C> | undefined {
    const wrong = unpushable(signed.settings);
    if (wrong !== undefined) return this.#refuse(signed, wrong);
    let config: C;
    try {
      config = this.#options.parse(this.#merged(signed));
    } catch (error) {
      return this.#refuse(signed, problemsOf(error));
    }
    this.#keep({ current: this.#kept.current, trial: signed });
    return {
      config,
      accept: () => this.#keep({ current: signed }),
      refuse: (why) => void this.#refuse(signed, why),
    };
  }

  #merged({ settings }: SignedConfig): string {
    return JSON.stringify(mergePatch(jsonOf(this.#options.own.replace(/^\uFEFF/, "")), jsonOf(settings)), null, 2);
  }

  #refuse({ version }: SignedConfig, why: string): undefined {
    this.#options.log.warning("A pushed configuration was refused: the configuration before stays in force", { version, why });
    this.#keep({ current: this.#kept.current, refused: { version, why: why.slice(0, 500) } });
  }

  #keep(change: Omit<Kept, "newest">): void {
    const kept = { ...change, newest: Math.max(this.#kept.newest ?? 0, change.current?.version ?? 0) };
    this.#kept = kept;
    const { file, log } = this.#options;
    try {
      mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
      replaceFile(file, `${JSON.stringify(kept)}\n`);
    } catch (error) {
      log.error("The pushed configuration cannot be kept: after a restart the box waits for it again", { why: messageOf(error) });
    }
    for (const changed of this.#listeners) changed();
  }

  /** What was kept, as far as it is still the administrator's and this box's. */
  #read(): Kept {
    const { file, key = "", desk } = this.#options;
    if (!existsSync(file)) return {};
    const kept = jsonOf(readFileSync(file, "utf8")) as
      | { current?: unknown; newest?: number; trial?: unknown; refused?: PushedStatus["refused"] }
      | undefined;
    const valid = (given: unknown): SignedConfig | undefined => {
      const config = readSigned(given);
      return config && refusalOf(config, { key, desk, after: 0 }) === undefined ? config : undefined;
    };
    const current = valid(kept?.current);
    const newest = Math.max(kept?.newest ?? 0, current?.version ?? 0);
    return { current, newest, trial: valid(kept?.trial), refused: kept?.refused };
  }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** All problems of a configuration in one line; their places in the merged text would tell nobody anything. */
function problemsOf(error: unknown): string {
  return messageOf(error).replaceAll("\n", "; ");
}
