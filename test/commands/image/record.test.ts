/** `telesetd image record`: the record that status, the page and monitors read. */
import { describe, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { recordBoot } from "../../../src/commands/image/record.ts";
import { imageReader, imageState } from "../../../src/image/facts.ts";
import { choiceText } from "../../../src/image/pi.ts";
import { ownFolder } from "../../support/folder.ts";
import { collectingIo, imageRoot } from "../../support/image/root.ts";

const folder = ownFolder();

async function recorded(prepare: (box: ReturnType<typeof imageRoot>) => void) {
  const box = imageRoot(join(folder, "root"));
  box.put("efi/EFI/Linux/telesetd_0.3.0.efi", "MZ");
  prepare(box);
  const { io, printed } = collectingIo();
  expect([await recordBoot(box, io), printed.err]).toEqual([0, ""]);
  const { slot: _, ...state } = imageState(box.root) ?? { version: "none" };
  return { state, printed, ...box };
}

test("the running version, readable by all", async () => {
  const { state, root } = await recorded(() => {});
  expect(state).toEqual({ version: "0.3.0" });
  expect(statSync(join(root, "var/lib/telesetd-image/image.json")).mode & 0o777).toBe(0o644);
});

test("a rejected version with the reason of the health check, and the last update", async () => {
  const update = { when: "2026-06-01T02:00:00.000Z", good: true, message: "Version 0.4.0 is installed." };
  const failed = { version: "0.4.0", why: "telesetd did not become ready.", when: "2026-06-01T02:10:00.000Z" };
  const { state } = await recorded(({ put }) => {
    put("efi/EFI/Linux/telesetd_0.4.0+0-3.efi", "MZ");
    put("var/lib/telesetd-image/failed.json", JSON.stringify(failed));
    put("var/lib/telesetd-image/update.json", JSON.stringify(update));
    put("var/lib/telesetd-image/data-restored", "The data partition was made again.\n");
  });
  expect(state).toEqual({
    version: "0.3.0",
    rejected: failed,
    notes: [expect.stringMatching(/^\d{4}-\d\d-\d\d: The data partition was made again\.$/)],
    update,
  });
});

test("a lost data partition is mentioned for a month", async () => {
  const lost = async (days: number) => {
    const { state } = await recorded(({ put, root }) => {
      put("var/lib/telesetd-image/data-restored", "The data partition was made again.");
      const time = Date.now() / 1000 - days * 86_400;
      utimesSync(join(root, "var/lib/telesetd-image/data-restored"), time, time);
    });
    return state.notes?.length ?? 0;
  };
  expect([await lost(29), await lost(31)]).toEqual([1, 0]);
});

test("the newest panic of the kernel", async () => {
  const { state } = await recorded(({ put, root }) => {
    put("efi/EFI/Linux/telesetd_0.4.0+0-3.efi", "MZ");
    const panic = (path: string, text: string, age: number) => {
      put(`var/lib/systemd/pstore/${path}/dmesg.txt`, `<0>[ 2.1] Kernel panic - not syncing: ${text}\n<0>[ 2.2] CPU: 0\n`);
      utimesSync(join(root, `var/lib/systemd/pstore/${path}/dmesg.txt`), Date.now() / 1000 + age, Date.now() / 1000 + age);
    };
    panic("1", "Attempted to kill init!", 20);
    panic("2", "hung_task: blocked tasks", 10);
  });
  expect(state.rejected?.why).toBe("Its kernel stopped: Attempted to kill init!");
});

describe("on a Raspberry Pi, which has U-Boot's script,", () => {
  const [good, fresh] = ["telesetd_0.3.0.efi", "telesetd_0.4.0+2-0.efi"];
  const pi = async (env: string | undefined, files: readonly string[]) => {
    const { state, root } = await recorded(({ put }) => {
      put("efi/boot.scr", "");
      for (const file of files) put(`efi/EFI/Linux/${file}`, "MZ");
      if (env !== undefined) put("efi/telesetd.env", env);
    });
    const kernels = readdirSync(join(root, "efi/EFI/Linux")).filter((file) => file !== good);
    return { state, kernels, env: readFileSync(join(root, "efi/telesetd.env"), "utf8") };
  };
  const waiting = (left: number) => choiceText({ good, trial: { file: fresh, left } });

  test.each<[string, string | undefined]>([["missing", undefined], ["damaged", "\0\0\0"], [
    "of the version before",
    `good=${good}\n`,
  ]])(
    "telesetd.env is written when it is %s",
    async (_, env) => {
      expect(await pi(env, [])).toMatchObject({ state: { version: "0.3.0" }, env: `good=${good}\n` });
      expect(await pi(env, [fresh])).toMatchObject({ state: { waiting: "0.4.0" }, kernels: [fresh], env: waiting(2) });
    },
  );

  test("a version that U-Boot has tried once is tried again; after two attempts it is rejected", async () => {
    // U-Boot ends the file with a NUL.
    const once = `${waiting(1)}\0`;
    expect(await pi(once, [fresh])).toMatchObject({ state: { waiting: "0.4.0" }, kernels: [fresh], env: once });
    const { state, kernels, env } = await pi(`${waiting(0)}\0`, [fresh]);
    expect([kernels, env]).toEqual([["telesetd_0.4.0+0-2.efi"], `good=${good}\n`]);
    expect(state.rejected).toMatchObject({ version: "0.4.0", why: expect.stringMatching(/in 2 attempts/) });
  });

  test("a version that was found good is started from then on", async () => {
    expect((await pi(`${waiting(1)}\0`, ["telesetd_0.4.0.efi"])).env).toBe("good=telesetd_0.4.0.efi\n");
  });

  test("what cannot be decided is an error", async () => {
    const { root, put } = imageRoot(join(folder, "root"));
    put("efi/boot.scr", "");
    const { io, printed } = collectingIo();
    expect(await recordBoot({ root }, io)).toBe(1);
    expect(printed.err).toContain(`Cannot decide in ${root}/efi/telesetd.env which version runs next: ENOENT`);
  });
});

test("half a record counts as none; after an update that of the version before does not apply", () => {
  const { root, put } = imageRoot(join(folder, "root"));
  put("var/lib/telesetd-image/image.json", '{"version": "0.3');
  expect(imageState(root)).toEqual({ version: "0.3.0" });
  put("var/lib/telesetd-image/image.json", JSON.stringify({ version: "0.2.0", slot: "B", waiting: "0.3.0" }));
  expect(imageState(root)).toEqual({ version: "0.3.0" });
});

test("a record that cannot be written is an error; on another machine there is none", async () => {
  const { root, put } = imageRoot(join(folder, "root"));
  put("var/lib/telesetd-image", "a file");
  const { io, printed } = collectingIo();
  expect(await recordBoot({ root }, io)).toBe(1);
  expect(printed.err).toContain(`Cannot write ${root}/var/lib/telesetd-image/image.json`);
  writeFileSync(join(root, "usr/lib/os-release"), "ID=debian\n");
  expect(await recordBoot({ root }, io)).toBe(0);
  expect(imageState(root)).toBeUndefined();
});

test("the daemon reads the records again after 5 s; on another machine never", () => {
  const { root, put } = imageRoot(join(folder, "root"));
  let now = 0;
  const read = imageReader(() => now, root);
  expect(read()).toEqual({ version: "0.3.0" });
  put("var/lib/telesetd-image/image.json", JSON.stringify({ version: "0.3.0", slot: "A" }));
  now = 4999;
  expect(read()?.slot).toBeUndefined();
  now = 5000;
  expect(read()?.slot).toBe("A");
  put("usr/lib/os-release", "ID=debian\n");
  const elsewhere = imageReader(() => now, root);
  imageRoot(root);
  now += 10_000;
  expect(elsewhere()).toBeUndefined();
});

test("a rejected version is reported on the boot partition too, once, for readers on Windows", async () => {
  const failed = { version: "0.4.0", why: "telesetd did not become ready.", when: "2026-06-01T02:10:00.000Z" };
  const { root } = await recorded(({ put }) => {
    put("efi/EFI/Linux/telesetd_0.4.0+0-2.efi", "MZ");
    put("var/lib/telesetd-image/failed.json", JSON.stringify(failed));
    put("var/lib/telesetd-image/failed-boot.txt", "one\ntwo\n");
  });
  const file = join(root, "efi/telesetd-rejected.txt");
  const title = "Version 0.4.0 was rejected (2026-06-01T02:10:00.000Z): telesetd did not become ready.";
  expect(readFileSync(file, "utf8")).toBe(`${title}\r\n\r\none\r\ntwo\r\n`);
  utimesSync(file, 1000, 1000);
  await recordBoot({ root }, collectingIo().io);
  expect(statSync(file).mtimeMs).toBe(1_000_000);
});

test("a version that could not keep its journal: that of the last boot is in the report", async () => {
  const { root, put } = imageRoot(join(folder, "root"));
  put("proc/cmdline", "roothash=abc quiet\n");
  put("efi/EFI/Linux/telesetd_0.4.0+0-2.efi", "MZ");
  await recordBoot({ root }, collectingIo().io, (line) => Promise.resolve(`after ${line}`));
  expect(readFileSync(join(root, "efi/telesetd-rejected.txt"), "utf8")).toEndWith("\r\n\r\nafter roothash=abc quiet\r\n");
});

test("the first reason stays: a later panic is not about the rejected version", async () => {
  const { root, put } = await recorded(({ put }) => put("efi/EFI/Linux/telesetd_0.4.0+0-2.efi", "MZ"));
  const { rejected } = imageState(root) ?? {};
  expect(rejected?.why).toStartWith("It did not start in 2 attempts");
  put("var/lib/systemd/pstore/1/dmesg.txt", "<0>[ 2.1] Kernel panic - not syncing: later\n");
  await recordBoot({ root }, collectingIo().io);
  expect(imageState(root)?.rejected).toEqual(rejected);
});

test("a data partition that was lost in this boot is dated when the box has its time", async () => {
  const { state } = await recorded(({ put, root }) => {
    put("run/telesetd-data-lost", "");
    put("var/lib/telesetd-image/data-restored", "The data partition was made again.");
    utimesSync(join(root, "var/lib/telesetd-image/data-restored"), 1000, 1000);
  });
  expect(state.notes).toEqual([`${new Date().toISOString().slice(0, 10)}: The data partition was made again.`]);
});

test("a kernel image that a power cut has left without contents is removed, so that the version is installed again", async () => {
  const { state, root } = await recorded(({ put }) => put("efi/EFI/Linux/telesetd_0.4.0+2-0.efi", ""));
  expect([state, readdirSync(join(root, "efi/EFI/Linux"))]).toEqual([{ version: "0.3.0" }, ["telesetd_0.3.0.efi"]]);
});

test("a boot partition that cannot be used is a trouble", async () => {
  const { root } = imageRoot(join(folder, "root"));
  await recordBoot({ root }, collectingIo().io);
  expect(imageState(root)?.notes).toEqual([
    "The boot partition TELESETD cannot be used: no update can be installed, and no telesetd.json is found.",
  ]);
});

test("without the boot partition there is no such report", async () => {
  const { root } = await recorded(() => {});
  expect(existsSync(join(root, "efi/telesetd-rejected.txt"))).toBe(false);
});
