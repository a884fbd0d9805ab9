/** `telesetd update`, with a systemd-sysupdate that says what the real one says. */
import { describe, expect, test } from "bun:test";
import { chmodSync, existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import recorded from "../fixtures/sysupdate/257.json" with { type: "json" };
import { update, type UpdateMachine, type UpdateOptions } from "../../src/commands/update.ts";
import { imageState } from "../../src/image/facts.ts";
import { takeLock } from "../../src/store/lock.ts";
import { ownFolder } from "../support/folder.ts";
import { collectingIo, imageRoot } from "../support/image/root.ts";

const folder = ownFolder();
const entries = "efi/EFI/Linux";

/** A box with 0.2.0 running, these kernel images, and a systemd-sysupdate that plays these recordings. */
function box(
  { files = ["telesetd_0.2.0.efi"], check = "newest-check", install = "newest-update", busy = () => false }: {
    readonly files?: readonly string[];
    readonly check?: keyof typeof recorded;
    readonly install?: keyof typeof recorded;
    /** Whether there is a call after this time, in ms. */
    readonly busy?: (ms: number) => boolean;
  } = {},
) {
  const { root, put } = imageRoot(join(folder, "root"), "0.2.0");
  for (const file of files) put(`${entries}/${file}`, "MZ");
  const script = join(root, "systemd-sysupdate");
  const play = ({ code, out, err }: typeof recorded[typeof check]) =>
    `cat <<'EOT'\n${out}EOT\ncat >&2 <<'EOT'\n${err}EOT\nexit ${code}`;
  put(
    "systemd-sysupdate",
    `#!/bin/sh\necho "$@" >>${root}/asked\ncase "$*" in\n'--json=short check-new')\n${play(recorded[check])} ;;\n` +
      // As systemd-sysupdate does, the new kernel image is there when it has succeeded.
      `update)\n${install === "installed-update" ? `echo MZ >${root}/${entries}/telesetd_0.3.0+3-0.efi\n` : ""}${
        play(recorded[install])
      } ;;\nesac\nexit 64\n`,
  );
  chmodSync(script, 0o755);
  const done: string[] = [];
  let now = 0;
  const machine: UpdateMachine = {
    root,
    sysupdate: [script],
    log: () => {},
    isBusy: () => Promise.resolve(busy(now)),
    pause: (ms) => {
      now += ms;
      return Promise.resolve();
    },
    restart: () => {
      done.push(`restart after ${now / 1000} s`);
      return Promise.resolve(undefined);
    },
    again: (options) => {
      done.push(`again ${JSON.stringify(options)}`);
      return Promise.resolve(7);
    },
  };
  const run = async (options: UpdateOptions = {}) => {
    const { io, printed } = collectingIo();
    return { code: await update(options, io, machine), ...printed };
  };
  const asked = () => existsSync(join(root, "asked")) ? readFileSync(join(root, "asked"), "utf8").trim().split("\n") : [];
  return { root, put, run, done, asked, kernels: () => readdirSync(join(root, entries)).toSorted() };
}

describe("--check only looks:", () => {
  test("nothing newer", async () => {
    const { run, asked, root } = box();
    expect(await run({ check: true })).toEqual({
      code: 0,
      out: "The server has no version that is newer than those on this box; 0.2.0 is running.\n",
      err: "",
    });
    expect(asked()).toEqual(["--json=short check-new"]);
    expect(imageState(root)?.update).toBeUndefined();
  });
  test("a newer version", async () => {
    const { run } = box({ check: "available-check" });
    expect(await run({ check: true })).toMatchObject({ code: 0, out: "Version 0.4.0 is available; 0.2.0 is running.\n" });
  });
  test("no server", async () => {
    const { run } = box({ check: "no-server-check" });
    expect(await run({ check: true })).toEqual({
      code: 1,
      out: "",
      err: "The server does not answer. 0.2.0 stays.\n  > Check update.url, and the network between the box and the server.\n",
    });
  });
  test("with --restart it is wrong usage", async () => {
    const { run, asked } = box();
    expect((await run({ check: true, restart: true })).code).toBe(2);
    expect(asked()).toEqual([]);
  });
});

describe("an update:", () => {
  test("installed: the outcome is kept, and the version waits for a restart", async () => {
    const { run, asked, root, done, put } = box({ install: "installed-update" });
    const failures = ["var/lib/telesetd-image/failed-boot.txt", "var/lib/systemd/pstore/1/dmesg.txt"];
    for (const file of failures) put(file, "of an earlier version");
    const message = "Version 0.3.0 is installed in the other slot, and runs after the next restart.";
    expect(await run()).toEqual({ code: 0, out: `${message}\n`, err: "" });
    expect(asked()).toEqual(["update"]);
    expect(failures.filter((file) => existsSync(join(root, file)))).toEqual([]);
    expect(imageState(root)).toMatchObject({ version: "0.2.0", waiting: "0.3.0", update: { good: true, message } });
    expect(done).toEqual([]);
  });

  test.each(["changed-update", "checksum-update", "cut-update", "no-room-update", "missing-file-update"] as const)(
    "%s: refused, with the reason in the record",
    async (install) => {
      const { run, root, done } = box({ install });
      const { code, err } = await run();
      expect(code).toBe(1);
      const { update } = imageState(root) ?? {};
      expect(update?.good).toBe(false);
      expect(update?.message).toEndWith(" 0.2.0 stays.");
      expect(err).toBe(`${update?.message}\n  > ${update?.advice}\n`);
      expect(done).toEqual([]);
    },
  );

  test("without systemd-sysupdate", async () => {
    const { run, root } = box();
    rmSync(join(root, "systemd-sysupdate"));
    expect(await run()).toMatchObject({ code: 1, err: expect.stringContaining("exit code 127): Cannot run") });
  });

  test("one at a time", async () => {
    const { run, root, asked, put } = box();
    put("run/telesetd-image/x", "");
    const release = takeLock(join(root, "run/telesetd-image/update.lock"));
    expect(await run()).toMatchObject({ code: 1, err: "Another update is running: wait until it has ended.\n" });
    expect(asked()).toEqual([]);
    release?.();
    expect([(await run()).code, (await run()).code]).toEqual([0, 0]);
  });
});

describe("--restart:", () => {
  const files = ["telesetd_0.2.0.efi"];
  const waits = async (busy: (ms: number) => boolean) => {
    const made = box({ install: "installed-update", files, busy });
    await made.run();
    rmSync(join(made.root, "efi"), { recursive: true });
    return made;
  };
  test("after 10 minutes without a call, without the boot partition", async () => {
    const { run, done } = await waits(() => false);
    expect(await run({ restart: true })).toEqual({
      code: 0,
      out: "The box restarts into version 0.3.0 when no desk has had a call for 10 minutes.\n",
      err: "",
    });
    expect(done).toEqual(["restart after 600 s"]);
  });
  test("a call in between starts the 10 minutes again", async () => {
    const { run, done } = await waits((ms) => ms < 60_000 || ms === 600_000);
    expect((await run({ restart: true })).code).toBe(0);
    expect(done).toEqual(["restart after 1210 s"]);
  });
  test("nothing waits", async () => {
    const { run, done, asked } = box();
    expect(await run({ restart: true })).toMatchObject({ code: 0, out: "No restart is needed: version 0.2.0 stays.\n" });
    expect([done, asked()]).toEqual([[], []]);
  });
  test("there is always a call", async () => {
    const { run, done } = await waits((ms) => ms % 300_000 === 0);
    expect(await run({ restart: true })).toMatchObject({
      code: 1,
      err: "The box has not restarted: in 12 hours, there were no 10 minutes without a call.\n",
    });
    expect(done).toEqual([]);
  });
});

describe("--rollback:", () => {
  test("the other version runs after the restart, and the reason is kept", async () => {
    const { run, kernels, root, done, asked } = box({ files: ["telesetd_0.2.0.efi", "telesetd_0.1.9.efi"] });
    expect(await run({ rollback: true })).toMatchObject({
      code: 0,
      out: "Version 0.1.9 runs after the next restart. Version 0.2.0 is not tried again.\n",
    });
    expect(kernels()).toEqual(["telesetd_0.1.9.efi", "telesetd_0.2.0+0.efi"]);
    expect([asked(), done]).toEqual([[], []]);
    expect(imageState(root)).toMatchObject({ version: "0.2.0", waiting: "0.1.9" });
    const kept = JSON.parse(readFileSync(join(root, "var/lib/telesetd-image/failed.json"), "utf8")) as object;
    expect(kept).toMatchObject({ version: "0.2.0", why: "An administrator went back to 0.1.9 (telesetd update --rollback)." });
  });
  test("with --restart: at once", async () => {
    const { run, done } = box({ files: ["telesetd_0.2.0+2-1.efi", "telesetd_0.1.9.efi"], busy: () => true });
    expect((await run({ rollback: true, restart: true })).code).toBe(0);
    expect(done).toEqual(["restart after 0 s"]);
  });
  test.each<[readonly string[], string]>([
    [["telesetd_0.2.0.efi"], "Cannot go back from version 0.2.0: there is no other version that works.\n"],
    [
      ["telesetd_0.2.0.efi", "telesetd_0.3.0+0-3.efi"],
      "Cannot go back from version 0.2.0: there is no other version that works.\n",
    ],
    [["telesetd_0.1.9.efi"], "Cannot mark version 0.2.0 as rejected: it is not in "],
  ])("%j: there is nothing to go back to or from, and nothing changes", async (files, trouble) => {
    const { run, kernels, done } = box({ files });
    const { code, err } = await run({ rollback: true, restart: true });
    expect(code).toBe(1);
    expect(err).toStartWith(trouble);
    expect([kernels(), done]).toEqual([files.toSorted(), []]);
  });
});

describe("on a Raspberry Pi, U-Boot starts next", () => {
  const pi = (options: Parameters<typeof box>[0]) => {
    const made = box(options);
    made.put("efi/boot.scr", "");
    return { ...made, env: () => readFileSync(join(made.root, "efi/telesetd.env"), "utf8") };
  };

  test("a new version, with its attempts", async () => {
    const { run, env, root } = pi({ install: "installed-update" });
    expect((await run()).code).toBe(0);
    expect(env()).toMatch(/^good=telesetd_0.2.0.efi\nleft=3\nmark=[0-9a-f]+\nnew=telesetd_0.3.0\+3-0.efi\n$/);
    expect(imageState(root)).toMatchObject({ version: "0.2.0", waiting: "0.3.0" });
  });

  test("the version before, after a rollback", async () => {
    const { run, env, kernels } = pi({ files: ["telesetd_0.1.9.efi", "telesetd_0.2.0.efi"] });
    expect((await run({ rollback: true })).code).toBe(0);
    expect([env(), kernels()]).toEqual(["good=telesetd_0.1.9.efi\n", ["telesetd_0.1.9.efi", "telesetd_0.2.0+0.efi"]]);
  });
});

test("without the boot partition it runs again where it is mounted", async () => {
  const { run, root, done } = box();
  rmSync(join(root, "efi"), { recursive: true });
  expect((await run({ rollback: true })).code).toBe(7);
  expect(done).toEqual(['again {"rollback":true}']);
});

test("on another machine it says what to do instead", async () => {
  const { run, put, asked } = box();
  put("usr/lib/os-release", "ID=debian\n");
  const { code, err } = await run();
  expect(code).toBe(1);
  expect(err).toContain("apt install ./telesetd_VERSION_ARCH.deb");
  expect(asked()).toEqual([]);
});
