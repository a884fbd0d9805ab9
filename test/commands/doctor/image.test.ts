/** The doctor's hop of the image. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { checkImage } from "../../../src/commands/doctor/image.ts";
import { Place } from "../../support/doctor/rig.ts";

setDefaultTimeout(60_000);

const image = { version: "0.3.0", slot: "B" };
const update = {
  when: "2026-11-27T02:00:00.000Z",
  good: true,
  message: "The server has no version that is newer than those on this box; 0.3.0 is running.",
};

describe("the image:", () => {
  test("all is well: version, slot, what waits, the last update", () => {
    expect(checkImage({ ...image, waiting: "0.4.0", update })).toEqual({
      verdict: "good",
      message: "Version 0.3.0 in slot B is running.",
      details: [
        "Version 0.4.0 runs after the next restart.",
        "Last update, 2026-11-27 02:00 UTC: The server has no version that is newer than those on this box; 0.3.0 is running.",
      ],
    });
  });
  test("a rejected version and a failed update: a warning, as the box works", () => {
    const failed = { ...update, good: false, message: "The server does not answer.", advice: "Check update.url." };
    expect(checkImage({ ...image, rejected: { version: "0.4.0", why: "It hung." }, update: failed })).toEqual({
      verdict: "warning",
      message: "Version 0.3.0 in slot B is running. Version 0.4.0 was rejected, and 0.3.0 runs again: It hung.",
      advice: "Publish a newer version; this one is not tried again. telesetd-rejected.txt on the drive TELESETD has its log.",
      details: ["The last update failed: The server does not answer."],
    });
    expect(checkImage({ ...image, update: failed })).toMatchObject({ verdict: "warning", advice: "Check update.url." });
  });
});

test("the hop is there on the image only, also with an invalid configuration", async () => {
  await using place = await Place.open();
  const names = async () => (await place.examined()).hops.map(({ name }) => name);
  expect(await names()).not.toContain("image");
  place.machine = { ...place.machine, image: () => image };
  expect(await names()).toContain("image");
  place.write("{}");
  expect(await names()).toContain("image");
});
