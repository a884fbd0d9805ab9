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

  test("records about other versions, and older ones, do not count", () => {
    const { rejected } = after(tried, {
      failed: { version: "0.2.9", why: "other" },
      panic: { text: "old", time: installed - 1 },
      failedJournal: { text: "old", time: installed - 1 },
    });
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

describe("the slot, by the output of lsblk:", () => {
  const root = "4f68bce3-e8cd-4db1-96e7-fbcaf984b709";
  const verity = "2c7357ed-ebd2-46d9-aec1-23d437ec2bf5";
  const mounted = [{ name: "root", partn: null, parttype: null, mountpoints: ["/"] }];
  const part = (partn: number, parttype: string, children?: unknown) => ({
    name: `vda${partn}`,
    partn,
    parttype,
    mountpoints: [null],
    children,
  });
  const disk = (running: 2 | 4) =>
    JSON.stringify({
      blockdevices: [
        { name: "sr0", partn: null, parttype: null, mountpoints: [null] },
        {
          name: "vda",
          partn: null,
          mountpoints: [null],
          // Not in order, as after a change of the partition table.
          children: [
            part(4, root, running === 4 ? mounted : undefined),
            part(1, "c12a7328-f81f-11d2-ba4b-00a0c93ec93b"),
            part(2, root, running === 2 ? mounted : undefined),
            part(3, verity, running === 2 ? mounted : undefined),
            part(5, verity, running === 4 ? mounted : undefined),
          ],
        },
      ],
    });
  test("the first", () => expect(slotIn(disk(2))).toBe("A"));
  test("the second", () => expect(slotIn(disk(4))).toBe("B"));
  test.each(["", "{}", '{"blockdevices":[]}', '{"blockdevices":[{"name":"vda","mountpoints":["/"]}]}'])(
    "not known: %p",
    (printed) => {
      expect(slotIn(printed)).toBeUndefined();
    },
  );
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
      "           > Publish a newer version; this one is not tried again. telesetd support includes its log.",
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
