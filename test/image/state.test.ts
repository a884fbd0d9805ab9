/** What status, the page and the screen say about the image. */
import { describe, expect, test } from "bun:test";
import { bootEntries } from "../../src/image/boot-entry.ts";
import { type BootFacts, imageAdvice, imageLines, type ImageState, slotIn, stateAfterBoot } from "../../src/image/state.ts";

const installed = Date.UTC(2026, 5, 1);
const nothing: BootFacts = {
  version: "0.3.0",
  slot: "A",
  entries: [],
  installed: () => installed,
  failed: undefined,
  failedJournal: undefined,
  panic: undefined,
  notes: [],
};
const later = installed + 60_000;
const when = new Date(later).toISOString();

function after(files: readonly string[], facts: Partial<BootFacts> = {}) {
  return stateAfterBoot({ ...nothing, entries: bootEntries(files), ...facts });
}

describe("after a boot of 0.3.0:", () => {
  const tried = ["telesetd_0.3.0.efi", "telesetd_0.4.0+0-3.efi"];
  const journal = [
    "Jun 01 00:00:30 telesetd kernel: device-mapper: verity: 179:5: data block 1 is corrupted",
    "Jun 01 00:00:31 telesetd systemd[1]: Failed to mount sysroot.mount - Root Partition.",
  ].join("\n");
  test.each<[string, ReturnType<typeof after>, object]>([
    ["alone", after(["telesetd_0.3.0.efi"]), { version: "0.3.0", slot: "A" }],
    ["the slot is not known", after([], { slot: undefined }), { version: "0.3.0" }],
    ["an older one beside it", after(["telesetd_0.3.0.efi", "telesetd_0.2.0.efi"]), {
      version: "0.3.0",
      slot: "A",
      fallback: "0.2.0",
    }],
    ["it is on trial itself", after(["telesetd_0.3.0+2-1.efi"]), { version: "0.3.0", slot: "A" }],
    ["a newer one waits", after(["telesetd_0.3.0.efi", "telesetd_0.4.0+3-0.efi"]), {
      version: "0.3.0",
      slot: "A",
      waiting: "0.4.0",
    }],
    ["found bad", after(tried, { failed: { version: "0.4.0", why: "telesetd did not become ready.", when } }), {
      version: "0.3.0",
      slot: "A",
      rejected: { version: "0.4.0", why: "telesetd did not become ready.", when },
    }],
    ["a panic", after(tried, { panic: { text: "VFS: Unable to mount root fs", time: later } }), {
      version: "0.3.0",
      slot: "A",
      rejected: { version: "0.4.0", why: "Its kernel stopped: VFS: Unable to mount root fs", when },
    }],
    ["emergency mode", after(tried, { failedJournal: { text: journal, time: later } }), {
      version: "0.3.0",
      slot: "A",
      rejected: {
        version: "0.4.0",
        why: "The system did not start: kernel: device-mapper: verity: 179:5: data block 1 is corrupted",
        when,
      },
    }],
  ])("%s", (_, state, expected) => expect(state).toEqual(expected as typeof state));

  test("a failure that a box without a clock dates before the installation has no date", () => {
    const early = installed - 1;
    expect([after(tried, { panic: { text: "a", time: early } }), after(tried, { failedJournal: { text: "", time: early } })])
      .toMatchObject([
        { rejected: { version: "0.4.0", why: "Its kernel stopped: a" } },
        { rejected: { version: "0.4.0", why: "The system did not start." } },
      ]);
    expect(after(tried, { panic: { text: "a", time: early } }).rejected).not.toHaveProperty("when");
  });

  test("records about other versions do not count", () => {
    const { rejected } = after(tried, { failed: { version: "0.2.9", why: "other" } });
    expect(rejected).toEqual({
      version: "0.4.0",
      why:
        "It did not start in 3 attempts: it hung, or its kernel or its root file system was damaged, or the power failed each time.",
    });
  });

  test("a rejected mark on the running version itself is not shown", () => {
    expect(after(["telesetd_0.3.0+0-3.efi"])).toEqual({ version: "0.3.0", slot: "A" });
  });
});

describe("the slot, by the partition whose id is the first half of the root hash:", () => {
  const root = "4f68bce3-e8cd-4db1-96e7-fbcaf984b709";
  const verity = "2c7357ed-ebd2-46d9-aec1-23d437ec2bf5";
  const part = (partn: number, parttype: string, partuuid: string) => ({
    name: `vda${partn}`,
    partn,
    parttype,
    partuuid,
    partlabel: null,
  });
  const printed = JSON.stringify({
    blockdevices: [
      { name: "sr0", partn: null, parttype: null, partuuid: null },
      {
        name: "vda",
        partn: null,
        // Not in order, as after a change of the partition table.
        children: [
          part(4, root, "bbbbbbbb-0000-1111-2222-333333333333"),
          part(1, "c12a7328-f81f-11d2-ba4b-00a0c93ec93b", "11111111-0000-1111-2222-333333333333"),
          part(2, root, "aaaaaaaa-0000-1111-2222-333333333333"),
          part(3, verity, "cccccccc-0000-1111-2222-333333333333"),
        ],
      },
    ],
  });
  const line = (start: string) => `ro quiet roothash=${start}000011112222333333333333${"f".repeat(32)} panic=10`;
  test("the first", () => expect(slotIn(printed, line("aaaaaaaa"))).toBe("A"));
  test("the second", () => expect(slotIn(printed, line("BBBBBBBB"))).toBe("B"));
  test("another disk, or no root hash", () => {
    expect([slotIn(printed, line("dddddddd")), slotIn(printed, "ro"), slotIn(printed, "")]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });
  test.each(["", "{}", '{"blockdevices":[]}', '{"blockdevices":[{"name":"vda"}]}'])("not known: %p", (printed) => {
    expect(slotIn(printed, line("aaaaaaaa"))).toBeUndefined();
  });
});

describe("for people:", () => {
  const now = Date.UTC(2026, 5, 1, 12);
  const lines = (state: Partial<ImageState>) => imageLines({ version: "0.3.0", slot: "B", ...state }, now);
  test("all is well", () => expect(lines({})).toEqual(["image: 0.3.0 in slot B"]));
  test("an update waits, and was looked for", () => {
    const update = { when: new Date(now - 7_200_000).toISOString(), good: true, message: "Version 0.4.0 is installed." };
    expect(lines({ waiting: "0.4.0", update })).toEqual([
      "image: 0.3.0 in slot B; 0.4.0 runs after the next restart",
      "  updates  2 hours ago: Version 0.4.0 is installed.",
    ]);
  });
  test("a rejected version, with the next step", () => {
    expect(lines({ rejected: { version: "0.4.0", why: "It hung." } })).toEqual([
      "image: 0.3.0 in slot B",
      "  Version 0.4.0 was rejected, and 0.3.0 runs again: It hung.",
      "           > Publish a newer version; this one is not tried again. telesetd-rejected.txt on the drive TELESETD has its log.",
    ]);
  });
  test("a failed update, with its advice; a lost data partition", () => {
    const update = {
      when: new Date(now).toISOString(),
      good: false,
      message: "The server does not answer.",
      advice: "Check it.",
    };
    expect(lines({ update })).toEqual([
      "image: 0.3.0 in slot B",
      "  The last update failed: The server does not answer.",
      "           > Check it.",
    ]);
    expect(imageAdvice({ version: "1", notes: ["The data partition was made again."] })).toContain("replace the medium");
  });
});
