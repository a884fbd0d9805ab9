/** The start of a Raspberry Pi: autoboot.txt, and the versions in its slots. */
import { describe, expect, test } from "bun:test";
import { piEntries, swapped } from "../../src/image/pi.ts";

const autoboot = "[all]\ntryboot_a_b=1\nboot_partition=2\n[tryboot]\nboot_partition=3\n";

test("swapping twice gives the same file", () => {
  const reversed = "[all]\ntryboot_a_b=1\nboot_partition=3\n[tryboot]\nboot_partition=2\n";
  expect(swapped(autoboot)).toBe(reversed);
  expect(swapped(reversed)).toBe(autoboot);
  expect(swapped(autoboot.replaceAll("\n", "\r\n"))).toBe(reversed);
});

test.each(["", "[all]\nboot_partition=2\n", "[all]\nboot_partition=2\n[tryboot]\nboot_partition=2\n"])(
  "%j does not name two partitions",
  (text) => expect(swapped(text)).toBeUndefined(),
);

describe("with 0.9.0 running:", () => {
  test.each<[readonly string[], string | undefined, readonly string[]]>([
    [["TELESETD", "telesetd_0.9.0_boot", "_empty", "telesetd-data"], undefined, ["0.9.0 good"]],
    [["telesetd_0.8.0_boot", "telesetd_0.9.0_boot"], undefined, ["0.8.0 good", "0.9.0 good"]],
    [["telesetd_0.9.0_boot", "telesetd_0.10.0_boot"], undefined, ["0.9.0 good", "0.10.0 trial"]],
    [["telesetd_0.9.0_boot", "telesetd_0.10.0_boot"], "0.10.0", ["0.9.0 good", "0.10.0 rejected"]],
    [["telesetd_0.9.0_boot", "telesetd_0.10.0_boot"], "0.9.0", ["0.9.0 good", "0.10.0 trial"]],
    [["telesetd_0.9.0", "telesetd_0.9.0_verity"], undefined, []],
  ])("%j, tried %p", (labels, tried, entries) => {
    expect(piEntries(labels, "0.9.0", tried).map(({ version, state }) => `${version} ${state}`)).toEqual([...entries]);
  });
});
