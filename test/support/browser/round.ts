/** One round of the game: a telesetd with its switch on this box, a browser on the PC, every attack tried once. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Simulator } from "../../../simulator/freeswitch/mod.ts";
import { sendCallout, SmallCrm } from "../../../simulator/crm/mod.ts";
import { Box } from "../daemon/box.ts";
import { quietPort } from "../ports.ts";
import { type Attack, markOf, reboundAttacks } from "./attacks.ts";
import { Chromium, type Exchange } from "./chromium.ts";
import { Evil } from "./evil.ts";
import type { Lan } from "./lan.ts";

const rebound = "rebound.example";

/** How a round is played. */
export interface RoundOptions {
  /** What is tried, besides DNS rebinding. */
  readonly attacks: readonly Attack[];
  /** http.prefix of telesetd; the attacker does not know it. */
  readonly prefix?: string;
  /** What the browser calls itself. */
  readonly agent?: string;
}

/** A GET from the PC by a program other than a browser, and its outcome. */
export interface Outcome {
  readonly status: number;
  readonly dialled: boolean;
}

/** What runs, and what has been seen so far. */
export class Round {
  readonly #lan: Lan;
  readonly #options: RoundOptions;
  readonly #folder = mkdtempSync(join(tmpdir(), "telesetd-browser-"));
  readonly #sim: Simulator;
  readonly #ends: (() => unknown)[] = [];
  /** The originates that the switch was sent, oldest first. */
  readonly originates: string[] = [];
  #exchanges: readonly Exchange[] = [];
  #port = 0;

  constructor(lan: Lan, options: RoundOptions) {
    this.#lan = lan;
    this.#options = options;
    this.#sim = new Simulator({
      onFrame: (direction, text) => {
        if (direction === "in" && text.includes("originate")) this.originates.push(text);
      },
    });
    // The desk is free again at once, so that no attack fails only because another one has succeeded.
    this.#sim.handsetDoes = { does: "rejects" };
  }

  /** Starts everything and tries every attack; afterwards all but the browser still runs. */
  async play(): Promise<void> {
    this.#port = await quietPort();
    const evil = new Evil({
      attacks: this.#options.attacks,
      host: this.#lan.box,
      rebound,
      target: this.#port,
      callout: (host, mark) => this.#callout(host, "/", mark),
    });
    this.#ends.push(() => evil.close());
    const { agent } = this.#options;
    const chromium = new Chromium(this.#lan, { url: evil.driver, rebound, ...(agent === undefined ? {} : { agent }) });
    this.#ends.push(() => chromium.close());
    await Promise.race([chromium.ended(), this.#attack(evil, chromium)]);
    await chromium.close();
  }

  /** What Chromium sent to telesetd for the attack with this name. */
  answers(name: string): Exchange[] {
    return this.#exchanges.filter(({ target }) => target.includes(`attack=${markOf(name)}&`));
  }

  /** The statuses that the attack with this name got; none when nothing of it has been answered. */
  statuses(name: string): number[] {
    return this.answers(name).flatMap(({ status }) => status ?? []);
  }

  /** Whether the attack with this name has made telesetd dial. */
  dialled(name: string): boolean {
    return this.originates.some((command) => command.includes(` ${numberOf(markOf(name))} `));
  }

  /** Sends a MakeCall from the PC with just these headers (`NAME=VALUE`). */
  async ask(path: string, name: string, headers: readonly string[]): Promise<Outcome> {
    const url = this.#callout(this.#lan.box, path, markOf(name));
    const program = this.#lan.run([process.execPath, join(import.meta.dir, "inside.ts"), "ask", url, ...headers]);
    const status = Number(await new Response(program.stdout).text());
    return { status, dialled: this.dialled(name) };
  }

  /** Ends everything, even after something that cannot be ended. */
  async end(): Promise<void> {
    this.#ends.unshift(() => rmSync(this.#folder, { recursive: true, force: true }));
    const failures: unknown[] = [];
    for (const end of this.#ends.toReversed()) {
      try {
        await end();
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw new AggregateError(failures, "Not all of the round could be ended");
  }

  #callout(host: string, path: string, mark: string): string {
    const callout = { FunctionName: "MakeCall", telesetNumber: "1001", agentID: "7", dialString: numberOf(mark) };
    return `http://${host}:${this.#port}${path}?attack=${mark}&${new URLSearchParams(callout)}`;
  }

  async #startDaemon(): Promise<void> {
    await this.#sim.start();
    this.#ends.push(() => this.#sim.stop());
    const { prefix } = this.#options;
    const box = new Box({
      folder: this.#folder,
      port: this.#port,
      switchPort: this.#sim.port,
      more: {
        http: { host: "0.0.0.0", port: this.#port, ...(prefix === undefined ? {} : { prefix }) },
      },
    });
    this.#ends.push(() => box.terminate());
    await box.start();
    await box.connected();
    const crm = await SmallCrm.open();
    this.#ends.push(() => crm.close());
    const register = { FunctionName: "Register", telesetNumber: "1001", agentID: "7", port: String(crm.port) };
    await sendCallout(this.#port, prefix ?? "/", register);
  }

  /** Opens the port of telesetd on the PC's localhost too. */
  async #forward(): Promise<void> {
    const command = [process.execPath, join(import.meta.dir, "inside.ts"), "forward", this.#lan.box, String(this.#port)];
    const program = this.#lan.run(command);
    this.#ends.push(() => program.kill());
    await program.stdout.getReader().read();
  }

  async #attack(evil: Evil, chromium: Chromium): Promise<void> {
    await Promise.all([evil.rebinding().then(() => this.#startDaemon()), this.#forward()]);
    evil.go();
    const names = [...this.#options.attacks.map(({ name }) => name), ...Object.keys(reboundAttacks)];
    // An attack that a browser holds back forever counts as one without any request.
    const late = performance.now() + 50_000;
    do await this.#watch(evil, chromium); while (names.some((name) => !this.#tried(evil, name)) && performance.now() < late);
  }

  /** Takes over all that Chromium has sent before the call. */
  async #watch(evil: Evil, chromium: Chromium): Promise<void> {
    const tick = `/tick?${evil.ticks + 1}`;
    do {
      await evil.tick();
      this.#exchanges = chromium.sent();
    } while (!this.#exchanges.some(({ target }) => target === tick));
  }

  /** Whether an attack has been answered, or its page reports that it is done although nothing was sent. */
  #tried(evil: Evil, name: string): boolean {
    const answers = this.answers(name);
    return answers.length === 0 ? evil.done.has(markOf(name)) : answers.every(({ status }) => status !== undefined);
  }
}

/** A different number for each mark, so that an originate shows which attack caused it. */
function numberOf(mark: string): string {
  return `0155${Bun.hash.crc32(mark).toString().padStart(10, "0")}`;
}
