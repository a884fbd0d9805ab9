/** The compiled binary and a service manager that listens: readiness, status, watchdog, invalid configuration. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Simulator } from "../../simulator/freeswitch/mod.ts";
import { Box, noBinary } from "../support/daemon/box.ts";
import { quietPort } from "../support/ports.ts";
import { ownFolder } from "../support/folder.ts";
import { until } from "../support/until.ts";

setDefaultTimeout(60_000);

const folder = ownFolder();

const noSystemd = ["systemd-notify", "systemd-socket-activate"].every((tool) => Bun.which(tool))
  ? noBinary
  : " (skipped: there is no systemd-notify or systemd-socket-activate: install Debian's systemd)";

/** A service manager's end of NOTIFY_SOCKET: its messages go to a file, one datagram after the other. */
class Manager {
  readonly socket: string;
  readonly #file: string;
  readonly #child: Bun.Subprocess;

  constructor() {
    const place = mkdtempSync(join(folder, "notify-"));
    this.socket = join(place, "socket");
    this.#file = join(place, "messages");
    writeFileSync(this.#file, "");
    // Neither node nor Bun has unix datagrams; systemd's own tool opens the socket, and cat reads it.
    const listen = [
      "systemd-socket-activate",
      "--datagram",
      `--listen=${this.socket}`,
      "sh",
      "-c",
      `exec cat <&3 >>${this.#file}`,
    ];
    this.#child = Bun.spawn(listen, { stdin: "ignore", stdout: "ignore", stderr: "ignore" });
  }

  async listening(): Promise<this> {
    await until("the service manager does not listen", () => existsSync(this.socket));
    return this;
  }

  get messages(): string {
    return readFileSync(this.#file, "utf8");
  }

  get pings(): number {
    return this.messages.split("WATCHDOG=1").length - 1;
  }

  async hears(text: string): Promise<void> {
    await until(`"${text}" does not come: ${this.messages}`, () => this.messages.includes(text));
  }

  async close(): Promise<void> {
    this.#child.kill();
    await this.#child.exited;
  }
}

async function onStage(
  environment: Record<string, string>,
  play: (stage: { manager: Manager; box: Box; sim: Simulator }) => Promise<void>,
): Promise<void> {
  const sim = new Simulator({});
  await sim.start();
  const manager = await new Manager().listening();
  const box = new Box({ folder, port: await quietPort(), switchPort: sim.port });
  try {
    box.environment = { NOTIFY_SOCKET: manager.socket, ...environment };
    await play({ manager, box, sim });
  } finally {
    await box.kill();
    await manager.close();
    await sim.stop();
  }
}

describe.skipIf(noSystemd !== "")(`under a service manager${noSystemd}`, () => {
  test.concurrent("READY when it can be used, the switch down or up; the status follows; STOPPING", () =>
    onStage({}, async ({ manager, box, sim }) => {
      await sim.stop();
      box.spawn();
      await manager.hears("READY=1");
      expect((await box.status()).desks[0]?.switch).toBe("down");
      await manager.hears("STATUS=desk 1001: No connection to the phone system");
      await sim.start();
      await manager.hears("STATUS=desk 1001: phone registered, switch up, UWQ not registered, 0 waiting");
      expect(manager.messages).not.toContain("WATCHDOG");
      expect(await box.terminate()).toBe(0);
      expect(manager.messages).toContain("STOPPING=1");
    }));

  test.concurrent("the watchdog is pinged with the switch down; not by a frozen process, and again when it thaws", () =>
    onStage({ WATCHDOG_USEC: "400000" }, async ({ manager, box, sim }) => {
      await sim.stop();
      box.spawn();
      await until("no pings", () => manager.pings >= 3);
      box.signal("SIGSTOP");
      // What systemd-notify has in hand may still arrive: the silence counts from the moment that nothing has arrived for a
      // while.
      let pings = -1;
      await until("it does not fall silent", () => {
        const quiet = pings === manager.pings;
        pings = manager.pings;
        return quiet;
      });
      await new Promise((done) => setTimeout(done, 1000));
      expect(manager.pings).toBeLessThanOrEqual(pings + 1);
      const frozen = manager.pings;
      box.signal("SIGCONT");
      await until("no pings after the thaw", () => manager.pings >= frozen + 2);
    }));

  test.concurrent("an invalid configuration: exit code 2, and the status says the first error with its place", () =>
    onStage({}, async ({ manager, box }) => {
      box.configure('{\n  "desks": [{ "extension": "12a" }],\n  "line": { "driver": "freeswitch" }\n}\n');
      box.spawn();
      expect(await box.ended()).toBe(2);
      await manager.hears(
        'STATUS=The configuration has 3 errors: desks[0].extension is "12a": expected digits (line 2, column 28) ...',
      );
      expect(manager.messages).not.toContain("READY=1");
    }));
});
