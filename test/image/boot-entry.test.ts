/** The names of kernel images, as systemd-boot and systemd-bless-boot leave them. */
import { describe, expect, test } from "bun:test";
import { bootEntries, bootEntry, otherVersion, rejectedName, waitingVersion } from "../../src/image/boot-entry.ts";

describe("a name says the version, its state and its attempts:", () => {
  test.each<[string, ReturnType<typeof bootEntry>]>([
    ["telesetd_0.3.0.efi", { file: "telesetd_0.3.0.efi", version: "0.3.0", state: "good", attempts: 0, left: 0 }],
    ["telesetd_0.3.0+3-0.efi", { file: "telesetd_0.3.0+3-0.efi", version: "0.3.0", state: "trial", attempts: 0, left: 3 }],
    ["telesetd_0.3.0+3.efi", { file: "telesetd_0.3.0+3.efi", version: "0.3.0", state: "trial", attempts: 0, left: 3 }],
    ["telesetd_0.3.0+1-2.efi", { file: "telesetd_0.3.0+1-2.efi", version: "0.3.0", state: "trial", attempts: 2, left: 1 }],
    ["telesetd_0.3.0+0-3.efi", { file: "telesetd_0.3.0+0-3.efi", version: "0.3.0", state: "rejected", attempts: 3, left: 0 }],
    ["telesetd_0.3.0+0.efi", { file: "telesetd_0.3.0+0.efi", version: "0.3.0", state: "rejected", attempts: 0, left: 0 }],
    ["TELESETD_1.EFI", { file: "TELESETD_1.EFI", version: "1", state: "good", attempts: 0, left: 0 }],
    ["telesetd_0.3.0~rc1+2-1.efi", {
      file: "telesetd_0.3.0~rc1+2-1.efi",
      version: "0.3.0~rc1",
      state: "trial",
      attempts: 1,
      left: 2,
    }],
  ])("%s", (file, expected) => expect(bootEntry(file)).toEqual(expected));

  test.each(["telesetd.efi", "telesetd_.efi", "other_0.3.0.efi", "telesetd_0.3.0+x.efi", "telesetd_0.3.0.efi.tmp", ""])(
    "%p is another file",
    (file) => expect(bootEntry(file)).toBeUndefined(),
  );
  test("a download in progress is another file", () => {
    expect(bootEntry(".#sysupdatetelesetd_0.3.0+3-0.efi41efd3e21a1902fc")).toBeUndefined();
  });
});

test("a rejected name keeps the version, and has no attempts left", () => {
  for (const file of ["telesetd_0.3.0.efi", "telesetd_0.3.0+2-1.efi"]) {
    const [entry] = bootEntries([file]);
    expect(entry && bootEntry(rejectedName(entry))).toMatchObject({ version: "0.3.0", state: "rejected", attempts: 0 });
    expect(entry && rejectedName(entry, 2)).toBe("telesetd_0.3.0+0-2.efi");
  }
});

describe("with 0.9.0 running:", () => {
  test.each<[readonly string[], string | undefined, string | undefined]>([
    [["telesetd_0.9.0.efi"], undefined, undefined],
    [["telesetd_0.9.0.efi", "telesetd_0.8.0.efi"], "0.8.0", undefined],
    [["telesetd_0.9.0.efi", "telesetd_0.10.0+3-0.efi"], "0.10.0", "0.10.0"],
    [["telesetd_0.9.0.efi", "telesetd_0.10.0+0-3.efi"], undefined, undefined],
    [["telesetd_0.9.0+2-1.efi", "telesetd_0.8.0.efi"], "0.8.0", undefined],
    [["telesetd_0.9.0.efi", "telesetd_0.8.0.efi", "telesetd_0.10.0.efi"], "0.10.0", undefined],
    [["telesetd_0.9.0+0.efi", "telesetd_0.8.0.efi"], "0.8.0", "0.8.0"],
  ])("%j: the other version is %p, and %p waits", (files, former, waiting) => {
    expect(otherVersion(bootEntries(files), "0.9.0")?.version).toBe(former);
    expect(waitingVersion(bootEntries(files), "0.9.0")?.version).toBe(waiting);
  });
});
