/** `telesetd image settings`: the files below /run follow the configuration, and the boot continues in any case. */
import { describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { writeSettings } from "../../../src/commands/image/settings.ts";
import { ownFolder } from "../../support/folder.ts";
import { collectingIo, imageRoot } from "../../support/image/root.ts";

const folder = ownFolder();
const config = "/etc/telesetd/config.json";
const network = "run/systemd/network/10-telesetd.network";

function box() {
  const made = imageRoot(join(folder, "root"));
  made.put("usr/share/telesetd/sysupdate/10-root.transfer", "[Source]\nPath=@URL@/@CHANNEL@/%a/\n");
  made.put("usr/share/telesetd/sysupdate/README", "not a transfer");
  made.put("usr/share/zoneinfo/Europe/Berlin", "");
  const apply = (given?: object | string) => {
    if (given !== undefined) made.put(config, typeof given === "string" ? given : JSON.stringify(given));
    const { io, printed } = collectingIo();
    expect(writeSettings({ config, root: made.root }, io)).toBe(0);
    return printed;
  };
  const read = (path: string): string => readFileSync(join(made.root, path), "utf8");
  const has = (path: string): boolean => existsSync(join(made.root, path));
  return { ...made, apply, read, has };
}

test("without a configuration: DHCP, no updates", () => {
  const { apply, has } = box();
  expect(apply()).toEqual({ out: "The network uses DHCP, and there are no updates\n", err: "" });
  expect(has("run")).toBe(false);
});

test("a file is written for each section, and removed when the section is gone", () => {
  const { apply, read, has, root, put } = box();
  put("etc/telesetd/secrets/wifi", "correct horse\n");
  const wifi = { ssid: "desks", password: { credential: "wifi" } };
  const { out, err } = apply({
    network: { wifi },
    ntp: "192.0.2.123",
    update: { url: "http://192.0.2.80/t", at: "03:00 Europe/Berlin" },
  });
  expect(err).toBe("");
  expect(out.trim().split("\n")).toEqual([
    "/run/systemd/network/10-telesetd.network",
    "/run/telesetd-image/wpa_supplicant.conf",
    "/run/systemd/timesyncd.conf.d/telesetd.conf",
    "/run/sysupdate.d/10-root.transfer",
    "/run/systemd/system/telesetd-update.timer.d/50-settings.conf",
  ]);
  expect(read("run/telesetd-image/wpa_supplicant.conf")).toContain(
    `sae_password=${Buffer.from("correct horse").toString("hex")}\n`,
  );
  expect(statSync(join(root, "run/telesetd-image/wpa_supplicant.conf")).mode & 0o777).toBe(0o600);
  expect(statSync(join(root, network)).mode & 0o777).toBe(0o644);
  expect(read("run/sysupdate.d/10-root.transfer")).toBe("[Source]\nPath=http://192.0.2.80/t/stable/%a/\n");
  expect(read("run/systemd/system/telesetd-update.timer.d/50-settings.conf")).toContain("03:00:00 Europe/Berlin");
  expect(out + err).not.toContain("correct horse");
  apply({ ntp: "192.0.2.124" });
  expect(read("run/systemd/timesyncd.conf.d/telesetd.conf")).toBe("[Time]\nNTP=192.0.2.124\n");
  expect([
    "run/telesetd-image/wpa_supplicant.conf",
    "run/sysupdate.d/10-root.transfer",
    "run/systemd/system/telesetd-update.timer.d/50-settings.conf",
  ].filter(has)).toEqual([]);
  apply({});
  expect([network, "run/systemd/timesyncd.conf.d/telesetd.conf"].filter(has)).toEqual([]);
});

describe("what is wrong appears, and the rest is written:", () => {
  test("an error in a section, and one elsewhere that does not matter here", () => {
    const { apply, has } = box();
    const { err } = apply({ desks: "none", network: { address: "192.0.2.10" }, ntp: "192.0.2.123" });
    expect(err).toBe(
      `${config}: network.address is "192.0.2.10": expected an address with its prefix length, such as 192.0.2.10/24\n`,
    );
    expect(has("run/systemd/timesyncd.conf.d/telesetd.conf")).toBe(true);
  });
  test("a file that is not JSON", () => {
    const { apply, has } = box();
    apply({ network: { address: "192.0.2.10/24" } });
    expect(has(network)).toBe(true);
    apply("\u0000 garbage");
    expect(has(network)).toBe(false);
  });
  test("a zone that the system does not know: the update comes at that hour in UTC", () => {
    const { apply, read } = box();
    expect(apply({ update: { url: "http://x", at: "03:00 America/New_York" } }).err).toBe(
      `${config}: update.at is "03:00 America/New_York": this system does not know the zone America/New_York, and uses UTC\n`,
    );
    expect(read("run/systemd/system/telesetd-update.timer.d/50-settings.conf")).toContain("*-*-* 03:00:00 UTC\n");
  });
  test("a file that cannot be written", () => {
    const { apply, root, has } = box();
    mkdirSync(join(root, network, "x"), { recursive: true });
    expect(apply({ network: {}, update: { url: "http://x" } }).err).toStartWith(`${config}: `);
    expect(has(network)).toBe(true);
  });
  test("a folder instead of the configuration", () => {
    const { apply, root } = box();
    mkdirSync(join(root, config), { recursive: true });
    expect(apply().err).toContain("EISDIR");
  });
});

test("a byte order mark is ignored", () => {
  const { apply, has } = box();
  apply(`\uFEFF${JSON.stringify({ network: { address: "192.0.2.10/24" } })}`);
  expect(has(network)).toBe(true);
});

test("on another machine nothing is written", () => {
  const { root, put, has } = box();
  put("usr/lib/os-release", "ID=debian\n");
  put(config, JSON.stringify({ network: { address: "192.0.2.10/24" } }));
  const { io, printed } = collectingIo();
  expect(writeSettings({ config, root }, io)).toBe(0);
  expect(printed.out).toContain("This machine does not run the image of telesetd");
  expect(has("run")).toBe(false);
});
