/** The daemon is replaced when the fleet has pushed settings, and returns to the configuration before if it cannot start. */
import { expect, test } from "bun:test";
import type { App } from "../../src/app.ts";
import { Daemon } from "../../src/commands/daemon.ts";
import type { Config } from "../../src/config/schema.ts";
import type { Trial } from "../../src/fleet/pushed.ts";
import { openLog } from "../../src/log/log.ts";

const log = openLog(() => {}, "error", false);
const configOf = (name: string) => ({ desks: [{ extension: name }] }) as unknown as Config;
const nameOf = (config: Config) => config.desks[0]?.extension ?? "";

/** A daemon that cannot start with the configurations in `bad`. */
function rig(bad: string[], pushed?: string) {
  const events: string[] = [];
  const pushes = Array.from({ length: 3 }, () => Promise.withResolvers<Trial<Config>>());
  let [asked, made] = [0, 0];
  const failed = Promise.withResolvers<Error>();
  const start = (config: Config): Promise<App> => {
    const name = nameOf(config);
    if (bad.includes(name)) return Promise.reject(new Error(`${name} cannot start`));
    events.push(`start ${name}`);
    const stop = () => Promise.resolve(void events.push(`stop ${name}`));
    return Promise.resolve({ port: 1, failed: failed.promise, stop, stuck: () => name } as unknown as App);
  };
  const fleet = {
    initial: () => pushed === undefined ? undefined : configOf(pushed),
    next: () => (pushes[asked++] as (typeof pushes)[number]).promise,
    drop: (why: string) => void events.push(`drop: ${why}`),
  };
  const stopped = Promise.withResolvers<NodeJS.Signals>();
  return {
    events,
    fleet,
    stopped,
    failed,
    starting: () => Daemon.start({ own: configOf("own"), fleet, start, log }),
    /** Pushes, and waits for the outcome. */
    push: (name: string): Promise<string> => {
      const push = pushes[made++];
      return new Promise((resolve) =>
        push?.resolve({
          config: configOf(name),
          accept: () => resolve("accepted"),
          refuse: (why) => resolve(`refused: ${why}`),
        })
      );
    },
  };
}

test("pushed settings are tried with a new daemon, after the old one has stopped", async () => {
  const { events, push, stopped, starting } = rig([]);
  const daemon = await starting();
  const running = daemon.run(stopped.promise);
  expect(await push("new")).toBe("accepted");
  expect(events).toEqual(["start own", "stop own", "start new"]);
  expect(nameOf(daemon.config)).toBe("new");
  expect(daemon.stuck()).toBe("new");
  expect(await push("newer")).toBe("accepted");
  stopped.resolve("SIGTERM");
  expect(await running).toBe("SIGTERM");
  await daemon.stop();
  expect(events.slice(3)).toEqual(["stop new", "start newer", "stop newer"]);
});

test("if it cannot start with them, the configuration before returns, and they are refused", async () => {
  const { events, push, stopped, starting } = rig(["bad"]);
  const daemon = await starting();
  const running = daemon.run(stopped.promise);
  expect(await push("good")).toBe("accepted");
  expect(await push("bad")).toBe("refused: bad cannot start");
  expect(events).toEqual(["start own", "stop own", "start good", "stop good", "start good"]);
  stopped.resolve("SIGINT");
  await running;
});

test("a boot with settings that no longer work uses the box's own file, and drops them", async () => {
  const { events, starting } = rig(["pushed"], "pushed");
  expect(nameOf((await starting()).config)).toBe("own");
  expect(events).toEqual(["start own", "drop: pushed cannot start"]);
});

test("a boot with settings that work uses them", async () => {
  const { events, starting } = rig([], "pushed");
  expect(nameOf((await starting()).config)).toBe("pushed");
  expect(events).toEqual(["start pushed"]);
});

test("a boot where nothing works fails, and keeps the settings: they may not be to blame", async () => {
  const { events, starting } = rig(["pushed", "own"], "pushed");
  await expect(starting()).rejects.toThrow("own cannot start");
  expect(events).toEqual([]);
});

test("a line that has failed ends it", async () => {
  const { stopped, failed, starting } = rig([]);
  const daemon = await starting();
  failed.resolve(new Error("the line has failed"));
  expect(await daemon.run(stopped.promise)).toEqual(new Error("the line has failed"));
});
