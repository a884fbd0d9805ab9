/** Answers setup's questions by a script, beside a simulated switch. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { lineSchemas } from "../../drivers/registry.ts";
import { Asterisk, type AsteriskOptions } from "../../simulator/asterisk/mod.ts";
import { type PbxOptions, SipPbx } from "../../simulator/drachtio/mod.ts";
import { Simulator, type SimulatorOptions } from "../../simulator/freeswitch/mod.ts";
import { startApp } from "../../src/app.ts";
import type { Service } from "../../src/commands/apply/service.ts";
import { check } from "../../src/commands/check.ts";
import type { Io } from "../../src/commands/io.ts";
import { setup, type SetupOptions } from "../../src/commands/setup/mod.ts";
import { type Asker, Interrupted } from "../../src/commands/setup/terminal.ts";
import { parseConfig } from "../../src/config/schema.ts";
import { openLog } from "../../src/log/log.ts";
import { readiness } from "../../src/status/readiness.ts";
import { until } from "./until.ts";

/** Answers by the beginning of the question; the answers to one question are given in turn. `undefined`: Ctrl-C. */
export type Answers = Readonly<Record<string, readonly (string | undefined)[]>>;

/** What a run printed and asked. */
export interface Run {
  readonly code: number;
  readonly out: string;
  readonly err: string;
  readonly questions: readonly string[];
}

/** A folder, a switch, and runs of setup. */
export class Desk<S = Simulator> implements AsyncDisposable {
  readonly folder = mkdtempSync(join(tmpdir(), "telesetd-setup-"));
  readonly file = join(this.folder, "config.json");

  /** @param good the answers that lead to a good configuration. */
  private constructor(readonly sim: S, readonly good: Answers, readonly stop: () => unknown) {}

  /** Beside FreeSWITCH. */
  static async open(options: SimulatorOptions = {}): Promise<Desk> {
    const sim = new Simulator(options);
    await sim.start();
    const good = {
      Driver: [""],
      Extension: ["1001"],
      Address: ["127.0.0.1"],
      Port: [String(sim.port)],
      User: [""],
      "Its password": ["ClueCon"],
      Domain: [""],
      Secret: [""],
      Digits: ["9"],
      Write: [""],
    };
    return new Desk(sim, good, () => sim.stop());
  }

  /** Beside drachtio-server and a SIP switch. */
  static async openSip(options: PbxOptions = {}): Promise<Desk<SipPbx>> {
    const pbx = new SipPbx(options);
    await pbx.server.listen();
    const good = {
      Driver: ["sip"],
      Extension: ["1001"],
      "Address of drachtio-server": [""],
      "Its port": [String(pbx.server.port)],
      "Its secret": [""],
      "SIP domain": ["pbx"],
      "Address of the switch": [""],
      Transport: [""],
      "SIP account": ["1009"],
      "Its password": ["s3cret"],
      "Its user name": [""],
      "Must the box register": [""],
      Secret: ["none"],
      Digits: ["none"],
      Write: [""],
    };
    return new Desk(pbx, good, () => pbx.server.stop());
  }

  /** Beside Asterisk. */
  static async openAsterisk(options: AsteriskOptions = {}): Promise<Desk<Asterisk>> {
    const pbx = new Asterisk({ ...options, user: "telesetd" });
    await pbx.server.listen();
    const good = {
      Driver: ["asterisk"],
      Extension: ["1001"],
      "Address of Asterisk": [""],
      "Port of": [String(pbx.server.port)],
      "Does it speak TLS": [""],
      "User in": ["telesetd"],
      "Its password": ["s3cret"],
      "Channel technology": [""],
      "Dialplan context": [""],
      Endpoints: ["trunk"],
      Secret: ["none"],
      Digits: ["none"],
      Write: [""],
    };
    return new Desk(pbx, good, () => pbx.server.stop());
  }

  /** Runs setup with these answers; a question that none is left for fails the test. */
  async run(answers: Answers | undefined, options: Partial<SetupOptions> & { readonly service?: Service } = {}): Promise<Run> {
    const io = recorder();
    const questions: string[] = [];
    const left = new Map(Object.entries(answers ?? {}).map(([key, list]) => [key, [...list]]));
    const asker: Asker = {
      ask: (question) => {
        questions.push(question);
        const list = [...left].find(([key]) => question.startsWith(key))?.[1];
        if (list === undefined || list.length === 0) throw new Error(`No answer is left for: ${question}`);
        const [given] = list.splice(0, 1);
        return given === undefined ? Promise.reject(new Interrupted("interrupted")) : Promise.resolve(given);
      },
      close: () => {},
    };
    const { service, ...others } = options;
    const code = await setup({ to: this.file, ...others }, io, answers && asker, service);
    return { code, ...io.printed(), questions };
  }

  /** Starts a daemon with the configuration that was written. @returns the exit code of `check`, when the daemon is ready. */
  async becomesReady(): Promise<number> {
    const code = check(this.file, false, recorder());
    const config = parseConfig(readFileSync(this.file, "utf8"), lineSchemas, {});
    const store = { ...config.store, path: join(this.folder, "telesetd.db") };
    const http = { ...config.http, host: "127.0.0.1", port: 0 };
    const app = await startApp({ ...config, store, http }, openLog(() => {}, "error", false));
    try {
      const now = () => readiness(app.status());
      await until(() => `Never ready: ${now().troubles.join(", ")}`, () => now().ready);
      return code;
    } finally {
      await app.stop();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.resolve(this.stop());
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** An Io that keeps what is printed. */
function recorder(): Io & { printed(): { readonly out: string; readonly err: string } } {
  let out = "";
  let err = "";
  return {
    out: (text) => void (out += text),
    err: (text) => void (err += text),
    terminal: false,
    environment: {},
    printed: () => ({ out, err }),
  };
}
