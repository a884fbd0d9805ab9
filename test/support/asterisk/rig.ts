/** A line of the Asterisk driver to a scripted Asterisk, with a clock that the test advances. */
import { asteriskConfig } from "../../../drivers/asterisk/config.ts";
import { parse } from "valibot";
import { asterisk } from "../../../drivers/asterisk/mod.ts";
import { Asterisk, type AsteriskOptions } from "../../../simulator/asterisk/mod.ts";
import { openLog } from "../../../src/log/log.ts";
import { LineListener } from "../line-listener.ts";
import { quietPort } from "../ports.ts";
import { FakeTimers } from "../timers.ts";

/** What a test may change. */
export interface RigOptions extends AsteriskOptions {
  readonly line?: object;
  readonly desks?: readonly { readonly extension: string; readonly aliases: readonly string[] }[];
  /** Before the line is opened. */
  readonly before?: (pbx: Asterisk) => void;
  readonly wholeSwitch?: true;
}

/** The line, its events and the switch. */
export class Rig implements AsyncDisposable {
  /** All requests, as `GET /path {query}`, answered or not. */
  readonly asked: string[] = [];
  readonly log: string[] = [];
  readonly timers = new FakeTimers();
  readonly pbx: Asterisk;
  #listener: LineListener | undefined;

  private constructor(options: AsteriskOptions, port: number) {
    this.timers.chance = 0;
    this.pbx = new Asterisk({
      ...options,
      port,
      onFrame: (direction, text) => {
        if (direction === "in") this.asked.push(text);
        // Who waits for a request that is not answered.
        queueMicrotask(() => this.pbx.server.changed());
      },
    });
  }

  static async open(options: RigOptions = {}): Promise<Rig> {
    const { line = {}, desks = [{ extension: "1001", aliases: [] }], before, wholeSwitch, ...rest } = options;
    const rig = new Rig(rest, await quietPort());
    before?.(rig.pbx);
    await rig.pbx.server.listen();
    const { port } = rig.pbx.server;
    const config = parse(asteriskConfig, {
      driver: "asterisk",
      port,
      user: "telesetd",
      password: "s3cret",
      application: "app",
      ...line,
    });
    const log = openLog((text) => rig.log.push(text), "info", false);
    const context = { desks, variables: ["CustomerID"], log, timers: rig.timers, ...(wholeSwitch ? { wholeSwitch } : {}) };
    rig.#listener = new LineListener(asterisk.open(config, context));
    return rig;
  }

  get line(): LineListener {
    if (!this.#listener) throw new Error("Cannot use the line before it is open");
    return this.#listener;
  }

  /** Resolves when a request like this has arrived, answered or not. */
  async asksFor(pattern: RegExp, from = 0): Promise<void> {
    await this.pbx.server.until(() => this.asked.slice(from).some((request) => pattern.test(request)));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.line.stop();
    await this.line.ended;
    this.pbx.server.stop();
  }
}
