/** telesetd.env: which kernel image U-Boot starts on a Raspberry Pi. */
import { describe, expect, test } from "bun:test";
import { bootEntries } from "../../src/image/boot-entry.ts";
import { choiceIn, choiceText, nextChoice, spentEntry } from "../../src/image/pi.ts";

const trial = { good: "telesetd_0.9.0.efi", trial: { file: "telesetd_0.10.0+2-0.efi", left: 2 } };

test("the file names the image that works, and the one on trial with its path for systemd", () => {
  const [good, left, mark = "", file, ...rest] = choiceText(trial).split("\n");
  expect([good, left, file, ...rest]).toEqual(["good=telesetd_0.9.0.efi", "left=2", "new=telesetd_0.10.0+2-0.efi", ""]);
  expect(Buffer.from(mark.replace("mark=", ""), "hex").toString("utf16le")).toBe("\\EFI\\Linux\\telesetd_0.10.0+2-0.efi\0");
  expect(choiceText({ good: "telesetd_0.9.0.efi" })).toBe("good=telesetd_0.9.0.efi\n");
});

test.each<[string, ReturnType<typeof choiceIn>]>([
  [choiceText(trial), trial],
  [choiceText({ good: "telesetd_1.efi" }), { good: "telesetd_1.efi" }],
  ["", {}],
  ["left=1\ngood=\nnew=telesetd_2+2-0.efi\n", { trial: { file: "telesetd_2+2-0.efi", left: 1 } }],
  ["new=a\nleft=damaged\n", { trial: { file: "a", left: 0 } }],
])("%j is read as U-Boot reads it", (text, choice) => expect(choiceIn(text)).toEqual(choice));

describe("as systemd-boot, it starts", () => {
  test.each<[readonly string[], ReturnType<typeof nextChoice>]>([
    [["telesetd_0.9.0.efi"], { good: "telesetd_0.9.0.efi" }],
    [["telesetd_0.9.0.efi", "telesetd_0.10.0.efi"], { good: "telesetd_0.10.0.efi" }],
    [["telesetd_0.10.0+2-0.efi", "telesetd_0.9.0.efi"], trial],
    [["telesetd_0.9.0.efi", "telesetd_0.10.0+0-2.efi"], { good: "telesetd_0.9.0.efi" }],
    [["telesetd_0.9.0.efi", "telesetd_0.8.0+2-0.efi"], { good: "telesetd_0.9.0.efi" }],
    [["telesetd_0.10.0+2-0.efi"], { trial: trial.trial }],
    [[], {}],
  ])("of %j: %j", (files, choice) => expect(nextChoice(bootEntries(files), {})).toEqual(choice));

  test("a version on trial with the attempts that U-Boot has counted", () => {
    const files = ["telesetd_0.9.0.efi", "telesetd_0.10.0+2-0.efi"];
    const counted = { trial: { file: "telesetd_0.10.0+2-0.efi", left: 1 } };
    expect(nextChoice(bootEntries(files), counted).trial?.left).toBe(1);
    expect(nextChoice(bootEntries(files), { trial: { file: "telesetd_0.9.5+2-0.efi", left: 0 } }).trial?.left).toBe(2);
  });
});

describe("with 0.9.0 running, 0.10.0 is rejected", () => {
  const spent = (left: number, running: string, file = "telesetd_0.10.0+2-0.efi") =>
    spentEntry(bootEntries(["telesetd_0.9.0.efi", file]), { trial: { file: "telesetd_0.10.0+2-0.efi", left } }, running)?.version;
  test("after its attempts", () => expect(spent(0, "0.9.0")).toBe("0.10.0"));
  test("not while it has attempts", () => expect(spent(1, "0.9.0")).toBeUndefined());
  test("not while it runs", () => expect(spent(0, "0.10.0")).toBeUndefined());
  test("not when it was found good", () => expect(spent(0, "0.9.0", "telesetd_0.10.0.efi")).toBeUndefined());
  test("not without having been started", () => {
    expect(spentEntry(bootEntries(["telesetd_0.10.0+2-0.efi"]), { good: "telesetd_0.9.0.efi" }, "0.9.0")).toBeUndefined();
  });
});
