/** The doctor's hops of the box itself, each broken in turn: the store, the disk, the clock, the network. */
import { Database } from "bun:sqlite";
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { checkDisk } from "../../../src/commands/doctor/box.ts";
import { chmodSync, chownSync, existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { binary, noBinary } from "../../support/daemon/box.ts";
import { noMount, SmallDisk } from "../../support/mounts.ts";
import { Place } from "../../support/doctor/rig.ts";

setDefaultTimeout(60_000);

const root = process.getuid?.() === 0;
const noRoot = root ? "" : " (skipped: this user is not root)";

/** A place with the store of a daemon that has stopped. */
async function used(): Promise<Place> {
  const place = await Place.open();
  await place.start();
  await place.register(await place.listener());
  await place.stop();
  return place;
}

/** Without a readable store the hops to UWQ are skipped. */
function nothingClaimed(report: Awaited<ReturnType<Place["examined"]>>): void {
  for (const name of ["CRM 1001", "CRM port 1001", "deliveries"]) {
    const message = "Not tried: the daemon is not running, and the store cannot be read.";
    expect(report.hop(name)).toMatchObject({ name, verdict: "skipped", message });
  }
}

describe("the store", () => {
  test("a missing store is not created", async () => {
    await using place = await Place.open();
    expect((await place.examined()).hop("store")).toMatchObject({
      verdict: "good",
      message: expect.stringContaining("no store"),
    });
    expect(existsSync(place.store)).toBe(false);
  });

  test("the store is read while the daemon has it open, and no file is left beside it", async () => {
    await using place = await Place.open();
    await place.start();
    const before = readdirSync(place.folder).sort();
    expect((await place.examined()).hop("store")).toMatchObject({
      verdict: "good",
      message: expect.stringContaining("is intact, version"),
    });
    expect(readdirSync(place.folder).sort()).toEqual(before);
  });

  test("a damaged store: garbage, and a changed page", async () => {
    await using place = await used();
    const whole = readFileSync(place.store);
    writeFileSync(place.store, "this is not a database, it is a letter to somebody".repeat(100));
    const garbage = await place.examined();
    expect(garbage.hop("store")).toMatchObject({ verdict: "failed", message: expect.stringContaining("is damaged") });
    expect(garbage.hop("store").advice).toContain("moves it aside");
    nothingClaimed(garbage);
    // All pages but the first: the header is valid, the tables are not.
    writeFileSync(place.store, Buffer.concat([whole.subarray(0, 1024), Buffer.alloc(whole.length - 1024, 0x5a)]));
    expect((await place.examined()).hop("store")).toMatchObject({
      verdict: "failed",
      message: expect.stringContaining("is damaged"),
    });
  });

  test("a store of a newer telesetd", async () => {
    await using place = await used();
    const db = new Database(place.store);
    db.run("PRAGMA user_version = 99");
    db.close();
    const report = await place.examined();
    expect(report.hop("store").message).toContain("was written by a newer telesetd (version 99");
    nothingClaimed(report);
  });

  test("a store that another program has opened", async () => {
    await using place = await used();
    const db = new Database(place.store);
    db.run("PRAGMA locking_mode = EXCLUSIVE");
    db.run("BEGIN EXCLUSIVE");
    db.run("DELETE FROM desks");
    const report = await place.examined();
    db.run("ROLLBACK");
    db.close();
    nothingClaimed(report);
    expect(report.hop("store")).toMatchObject({
      verdict: "failed",
      message: `Another program has opened the store ${place.store}.`,
    });
  });

  test("not a file: a folder at its path, and a file instead of its folder", async () => {
    await using place = await Place.open();
    place.configure({ store: { path: place.folder } });
    const folder = await place.examined();
    expect(folder.hop("store")).toMatchObject({ verdict: "failed", message: `The store ${place.folder} is not a file.` });
    place.configure({ store: { path: join(place.file, "telesetd.db") } });
    const file = await place.examined();
    expect(file.hop("store").message).toBe(
      `The store cannot be created at ${place.file}/telesetd.db: ${place.file} is not a folder.`,
    );
    expect(file.hop("store").advice).toContain("store.path");
    expect(file.hop("disk").advice).not.toContain("Free some space");
  });

  test.skipIf(!root)(`made by root in another's folder: the daemon could not open it${noRoot}`, async () => {
    await using place = await used();
    chownSync(place.folder, 65534, 65534);
    const hop = (await place.examined()).hop("store");
    expect(hop).toMatchObject({
      verdict: "failed",
      message: expect.stringContaining("belongs to user 0, but its folder to user 65534"),
    });
    expect(hop.advice).toStartWith(`chown --reference=${place.folder}`);
  });

  test.skipIf(!root || noBinary !== "")(
    `by a user who may not read it: a warning, not a failure${noRoot}${noBinary}`,
    async () => {
      await using place = await used();
      chmodSync(place.folder, 0o755);
      chmodSync(place.file, 0o644);
      const asNobody = async () => {
        const command = ["setpriv", "--reuid", "65534", "--clear-groups", binary, "doctor", "--json", "--config", place.file];
        const child = Bun.spawn(command, { stdin: "ignore", stdout: "pipe", stderr: "inherit" });
        const { hops } = JSON.parse(await new Response(child.stdout).text());
        return (name: string) => hops.find((hop: { name: string }) => hop.name === name);
      };
      const hop = await asNobody();
      expect(hop("store")).toMatchObject({ verdict: "warning", message: `This user may not read the store ${place.store}.` });
      expect(hop("disk").message).toContain("this user may not write there");
      expect(hop("phone 1001").verdict).toBe("good");
      chmodSync(place.file, 0o600);
      expect((await asNobody())("config")).toMatchObject({ verdict: "failed", advice: "Run this as root, with sudo." });
    },
  );
});

describe("the disk", () => {
  const onSmallDisk = async (work: (place: Place, disk: SmallDisk) => Promise<void>): Promise<void> => {
    await using place = await Place.open();
    const disk = SmallDisk.mount("4m");
    if (!disk) throw new Error("Cannot mount");
    try {
      place.store = join(disk.path, "telesetd.db");
      place.configure();
      await work(place, disk);
    } finally {
      disk.undo();
    }
  };

  test.skipIf(noMount !== "")(
    `full: reported while the daemon continues, with its own report${noMount}`,
    () =>
      onSmallDisk(async (place, disk) => {
        const app = await place.start();
        disk.fill();
        // The first line may still fit into the last page of the log.
        while (app.status().storeTrouble === undefined) await place.register(await place.listener());
        const report = await place.examined();
        expect(report.hop("disk")).toMatchObject({
          verdict: "failed",
          message: expect.stringMatching(/^The disk is full: 0 MB of 4 MB/),
        });
        expect(report.hop("disk").advice).toContain("Free some space");
        expect(report.hop("daemon")).toMatchObject({ verdict: "failed", message: expect.stringContaining("the disk is full") });
        await place.stop();
      }),
  );

  test("a path that is not on a disk", () => {
    expect(checkDisk("/proc/nope/x.db")).toMatchObject({
      verdict: "failed",
      message: "The store cannot be created at /proc/nope/x.db: /proc is not on a disk.",
    });
  });

  test.skipIf(noMount !== "")(`read-only${noMount}`, () =>
    onSmallDisk(async (place, disk) => {
      disk.readOnly(true);
      const report = await place.examined();
      expect(report.hop("disk")).toMatchObject({ verdict: "failed", message: `The disk is read-only: ${disk.path}.` });
    }));

  test.skipIf(noMount !== "")(`no inodes left${noMount}`, () =>
    onSmallDisk(async (place, disk) => {
      Bun.spawnSync(["mount", "-o", "remount,nr_inodes=10", disk.path]);
      const report = await place.examined();
      expect(report.hop("disk")).toMatchObject({ verdict: "failed", message: expect.stringContaining("no room for more files") });
    }));
});

describe("the clock", () => {
  const at = (place: Place, wall: number, synchronised: boolean | undefined) => {
    const { machine } = place;
    place.machine = {
      ...machine,
      clocks: { ...machine.clocks, wall: () => wall },
      synchronised: () => Promise.resolve(synchronised),
    };
  };

  test("an impossible year", async () => {
    await using place = await Place.open();
    at(place, Date.UTC(1970, 0, 1, 0, 5), false);
    expect((await place.examined()).hop("clock")).toMatchObject({
      verdict: "failed",
      message: "The clock is wrong: it says 1970-01-01 00:05:00 UTC.",
      advice: expect.stringContaining("apt install systemd-timesyncd; systemctl enable --now systemd-timesyncd"),
    });
  });

  test("on the image, which has no packages and no shell, the advice is a setting", async () => {
    await using place = await Place.open();
    at(place, Date.now(), false);
    place.machine = { ...place.machine, image: () => ({ version: "0.3.0" }) };
    expect((await place.examined()).hop("clock")).toMatchObject({
      verdict: "warning",
      advice: expect.stringMatching(/^Set ntp in telesetd\.json to time servers that the box can reach: .{0,80}$/),
    });
  });

  test("not synchronised with a time server, and not known whether it is", async () => {
    await using place = await Place.open();
    at(place, Date.now(), false);
    expect((await place.examined()).hop("clock")).toMatchObject({
      verdict: "warning",
      message: expect.stringContaining("not synchronised with a time server"),
    });
    at(place, Date.now(), undefined);
    expect((await place.examined()).hop("clock")).toMatchObject({
      verdict: "good",
      message: expect.stringContaining("it is not known whether NTP"),
    });
  });

  test("set since the box started: by how much", async () => {
    await using place = await used();
    at(place, Date.now() + 3 * 3_600_000, true);
    expect((await place.examined()).hop("clock").message).toBe("The clock was set forward by 3 hours since the box started.");
    at(place, Date.now() - 3 * 3_600_000, true);
    expect((await place.examined()).hop("clock").message).toBe("The clock was set back by 3 hours since the box started.");
  });

  test("behind the last recorded event, after a reboot", async () => {
    await using place = await used();
    const db = new Database(place.store);
    db.run("UPDATE clock SET boot = 'another'");
    db.run("INSERT INTO events (desk, agent, event, created, next) VALUES ('1001', '7', '{\"name\":\"CallReleased\"}', ?1, ?1)", [
      Date.now() + 5 * 86_400_000,
    ]);
    db.close();
    at(place, Date.now(), false);
    expect((await place.examined()).hop("clock")).toMatchObject({
      verdict: "failed",
      message: expect.stringContaining("5 days before the last recorded event"),
    });
  });
});

describe("the network", () => {
  const cases: [string, { addresses?: string[]; route?: boolean; listen?: string }, string, string][] = [
    ["no address at all", { addresses: [] }, "failed", "The box has no network address."],
    ["only link-local addresses", { addresses: ["169.254.7.8", "fe80::1"] }, "failed", "no DHCP server has answered"],
    ["no default route", { route: false }, "warning", "no default route"],
    [
      "not the address of http.host",
      { listen: "10.9.9.9" },
      "failed",
      "does not have the address of http.host, 10.9.9.9: it has 10.1.2.3",
    ],
    ["loopback only, for the switch and for UWQ", { addresses: [], listen: "127.0.0.1" }, "good", "Loopback only, which is all"],
    ["the address of http.host", { listen: "10.1.2.3" }, "good", "The box has 10.1.2.3 (eth0)."],
  ];
  test.each(cases)("%s", async (_, { addresses = ["10.1.2.3"], route = true, listen = "0.0.0.0" }, verdict, message) => {
    await using place = await Place.open();
    place.configure({ http: { host: listen } });
    place.machine = {
      ...place.machine,
      addresses: () => addresses.map((address) => ({ interface: "eth0", address })),
      hasDefaultRoute: () => route,
    };
    expect((await place.examined()).hop("network")).toMatchObject({ verdict, message: expect.stringContaining(message) });
  });
});
