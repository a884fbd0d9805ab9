/** The compiled binary and a service manager that listens: readiness, status, watchdog, reload, invalid configuration. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Simulator } from "../../simulator/freeswitch/mod.ts";
import { binary, Box, noBinary } from "../support/daemon/box.ts";
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
      // What systemd-notify has in hand may still arrive: the silence counts from the moment that nothing has come for a while.
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

  test.concurrent("SIGHUP: RELOADING, then READY; an invalid configuration is in the status until a valid one arrives", () =>
    onStage({}, async ({ manager, box }) => {
      await box.start();
      await manager.hears("READY=1");
      const good = readFileSync(box.config, "utf8");
      box.configure("{");
      box.signal("SIGHUP");
      await manager.hears("RELOADING=1");
      await manager.hears("the old configuration stays in force, the new one has 1 error: line 1, column 2: not JSON");
      const before = manager.messages.length;
      box.configure(good);
      box.signal("SIGHUP");
      await box.says("The new configuration is in force");
      await until("not ready again", () => /RELOADING=1[^]*READY=1[^]*STATUS=desk 1001/.test(manager.messages.slice(before)));
      expect(manager.messages.slice(before)).not.toContain("stays in force");
    }));
});

describe.skipIf(noBinary !== "")(`telesetd reload${noBinary}`, () => {
  /** A box under a unit: its configuration is owned by root, and so are the copies for the daemon. */
  async function handedOver(
    play: (at: { box: Box; root: string; reload: () => Promise<{ code: number; err: string }> }) => Promise<void>,
  ) {
    const place = mkdtempSync(join(folder, "hand-"));
    for (const name of ["etc", "etc/secrets", "run", "credentials"]) mkdirSync(join(place, name));
    const environment = { TELESETD_HANDOVER: join(place, "handover"), RUNTIME_DIRECTORY: join(place, "run") };
    const sim = new Simulator({});
    await sim.start();
    const box = new Box({ folder: join(place, "credentials"), port: await quietPort(), switchPort: sim.port });
    box.environment = environment;
    const reload = async () => {
      const child = Bun.spawn([binary, "reload", "--pid", String(box.pid), "--config", join(place, "etc/config.json")], {
        env: { ...process.env, ...environment, CREDENTIALS_DIRECTORY: join(place, "credentials") },
        stderr: openSync(join(place, "err"), "w"),
      });
      return { code: await child.exited, err: readFileSync(join(place, "err"), "utf8") };
    };
    try {
      await box.start();
      await play({ box, root: place, reload });
      expect(existsSync(join(environment.TELESETD_HANDOVER, String(box.pid)))).toBe(false);
    } finally {
      await box.kill();
      await sim.stop();
    }
  }

  test.concurrent("hands over the configuration and its secrets, and ends when they are in force", () =>
    handedOver(async ({ box, root, reload }) => {
      const config = JSON.parse(readFileSync(box.config, "utf8"));
      config.desks.push({ extension: "1002" });
      config.line.password = { credential: "esl-password" };
      writeFileSync(join(root, "etc/config.json"), JSON.stringify(config), { mode: 0o600 });
      writeFileSync(join(root, "etc/secrets/esl-password"), "ClueCon\n", { mode: 0o600 });
      expect(await reload()).toEqual({ code: 0, err: "" });
      expect((await box.status()).desks.map(({ extension }) => extension)).toEqual(["1001", "1002"]);
      await box.connected();
    }));

  test.concurrent("reports what is wrong with exit code 2, and the old configuration stays in force", () =>
    handedOver(async ({ box, root, reload }) => {
      writeFileSync(join(root, "etc/config.json"), '{ "desks": [] }');
      const { code, err } = await reload();
      expect(code).toBe(2);
      expect(err).toContain("desks: expected at least 1 entry (line 1, column 12)");
      expect(err).toContain("line is missing");
      await box.connected();
      writeFileSync(join(root, "etc/config.json"), readFileSync(box.config));
      expect(await reload()).toEqual({ code: 0, err: "" });
    }));

  test.concurrent("without a file, or with an empty one: the reason", () =>
    handedOver(async ({ root, reload }) => {
      expect(await reload()).toMatchObject({ code: 1, err: expect.stringContaining("no such file") });
      writeFileSync(join(root, "etc/config.json"), "");
      chmodSync(join(root, "etc/config.json"), 0o600);
      expect((await reload()).code).toBe(2);
    }));
});
