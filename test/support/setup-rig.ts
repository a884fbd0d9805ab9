/** Somebody who answers setup's questions by a script, beside a simulated switch. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Simulator, type SimulatorOptions } from "../../simulator/freeswitch/mod.ts";
import { setup, type SetupOptions } from "../../src/commands/setup/mod.ts";
import { type Asker, Interrupted } from "../../src/commands/setup/terminal.ts";

/** Answers by what the question begins with; the answers of one question come in turn. `undefined`: Ctrl-C. */
export type Answers = Readonly<Record<string, readonly (string | undefined)[]>>;

/** What a run said and asked. */
export interface Run {
  readonly code: number;
  readonly out: string;
  readonly err: string;
  readonly questions: readonly string[];
}

/** A folder, a switch, and runs of setup. */
export class Desk implements AsyncDisposable {
  readonly folder = mkdtempSync(join(tmpdir(), "telesetd-setup-"));
  readonly file = join(this.folder, "config.json");

  private constructor(readonly sim: Simulator) {}

  static async open(options: SimulatorOptions = {}): Promise<Desk> {
    const sim = new Simulator(options);
    await sim.start();
    return new Desk(sim);
  }

  /** The answers that lead to a good configuration. */
  get good(): Answers {
    return {
      Extension: ["1001"],
      Address: ["127.0.0.1"],
      Port: [String(this.sim.port)],
      User: [""],
      "Its password": ["ClueCon"],
      Domain: [""],
      Secret: [""],
      Digits: ["9"],
      Write: [""],
    };
  }

  /** Runs setup with these answers; a question that none is left for fails the test. */
  async run(answers: Answers | undefined, options: Partial<SetupOptions> = {}): Promise<Run> {
    let out = "";
    let err = "";
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
    const io = {
      out: (text: string) => void (out += text),
      err: (text: string) => void (err += text),
      terminal: false,
      environment: {},
    };
    const code = await setup({ to: this.file, ...options }, io, answers && asker);
    return { code, out, err, questions };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.resolve(this.sim.stop());
    rmSync(this.folder, { recursive: true, force: true });
  }
}
