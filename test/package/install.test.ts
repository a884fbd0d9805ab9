/** The package in a Debian system with a stub of systemd: installed, upgraded, downgraded, removed and purged. */
import { beforeAll, describe, expect, onTestFinished, setDefaultTimeout, test } from "bun:test";
import { copyFileSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import { version } from "../../src/version.ts";
import { ownFolder } from "../support/folder.ts";
import { build, unpack, variant } from "../support/package/packages.ts";
import { outputOf, Root } from "../support/package/root.ts";

setDefaultTimeout(60_000);

const config = "etc/telesetd/config.json";
const good = '{"desks":[{"extension":"1001"}],"line":{"driver":"freeswitch","password":"x","domain":"d"}}\n';
const architecture = process.arch === "arm64" ? "arm64" : "amd64";
const wants = "etc/systemd/system/multi-user.target.wants";
const reload = "daemon-reload";
const stopFormer = "stop telesetd-addresses.timer telesetd-addresses.service";
const probe = ["dpkg-deb", "dpkg", "systemctl"].every((tool) => Bun.which(tool)) ? Root.mount({ booted: true }) : undefined;
probe?.unmount();
const none = probe ? "" : " (skipped: needs Debian with systemctl, and the right to mount an overlay and /proc)";

describe.skipIf(none !== "")(`the package in a Debian${none}:`, () => {
  const folder = ownFolder();
  const debs: Record<string, string> = {};

  beforeAll(() => {
    expect(build(architecture, folder, { DEB_COMPRESS: "none" })).toBeUndefined();
    debs["real"] = join(folder, `telesetd_${version}_${architecture}.deb`);
    unpack(debs["real"], join(folder, "tree"));
    debs["0.0.1"] = variant(join(folder, "tree"), folder, "0.0.1", 0);
    debs["9.0.0"] = variant(join(folder, "tree"), folder, "9.0.0", 0);
    debs["9.1.0"] = variant(join(folder, "tree"), folder, "9.1.0", 2);
    debs["9.2.0"] = variant(join(folder, "tree"), folder, "9.2.0", 134);
  });

  /** A root file system, with a valid configuration if systemd runs there; unmounted at the end of the test. */
  function start(booted: boolean): Root {
    const root = Root.mount({ booted });
    if (root === undefined) throw new Error("Cannot mount again");
    onTestFinished(() => root.unmount());
    if (booted) root.write(config, good, 0o600);
    return root;
  }

  /** Installs a package; returns the messages, and the commands to systemd except daemon-reload, and the end of units of 0.1.0. */
  function install(root: Root, name: string): { text: string; asked: string[] } {
    const deb = debs[name] ?? "";
    copyFileSync(deb, join(root.path, "tmp", basename(deb)));
    root.asked();
    const { text, code } = root.dpkg("-i", `/tmp/${basename(deb)}`);
    rmSync(join(root.path, "tmp", basename(deb)));
    expect(`${code} ${text}`).toStartWith("0 ");
    return { text, asked: root.asked().filter((line) => line !== reload && line !== stopFormer) };
  }

  test("in a chroot: explains a missing configuration, enables the unit with a valid one, and never changes the configuration", () => {
    const root = start(false);
    const first = install(root, "0.0.1").text;
    expect(first).toContain("not started: there is no /etc/telesetd/config.json yet");
    expect(first).toContain("telesetd setup");
    expect(first).toContain("telesetd.json on the boot partition");
    expect(root.has(`${wants}/telesetd.service`)).toBe(false);
    expect(root.run("test", "-L", `/${wants}/telesetd-firstboot.service`).code).toBe(0);
    expect(root.dpkg("--remove", "telesetd").code).toBe(0);

    root.write(config, '{"desks":[{"extension":"12a"}]}\n', 0o600);
    const bad = install(root, "real").text;
    expect(bad).toContain('desks[0].extension is "12a": expected digits');
    expect(root.run("test", "-L", `/${wants}/telesetd.service`).code).toBe(1);
    expect(root.run("telesetd", "version").text).toBe(`telesetd ${version}\n`);
    expect(root.dpkg("--remove", "telesetd").code).toBe(0);

    root.write(config, good, 0o600);
    install(root, "0.0.1");
    expect(root.run("test", "-L", `/${wants}/telesetd.service`).code).toBe(0);
    expect(root.read(config)).toBe(good);
    expect(root.run("stat", "-c", "%a", `/${config}`).text).toBe("600\n");
  });

  test("in a chroot without /proc, where the binary cannot run: enables the unit, and says that nothing was checked", () => {
    const root = start(false);
    root.write(config, good, 0o600);
    outputOf(["umount", join(root.path, "proc")]);
    expect(install(root, "0.0.1").text).toContain("cannot be checked here");
    expect(root.run("test", "-L", `/${wants}/telesetd.service`).code).toBe(0);
  });

  test("where systemd runs: starts the daemon if the configuration is valid", () => {
    const root = start(true);
    const { asked } = install(root, "0.0.1");
    expect(asked).toEqual([
      "--root=/ --quiet enable telesetd-firstboot.service",
      "--root=/ --quiet enable telesetd.service",
      "restart telesetd.service",
    ]);
  });

  test("an upgrade restarts a running daemon only, and enables nothing", () => {
    const root = start(true);
    install(root, "0.0.1");
    root.service("inactive");
    expect(install(root, "9.0.0").asked).toEqual([]);
    root.service("active");
    expect(install(root, "9.0.0").asked).toEqual(["restart telesetd.service"]);
    expect(root.read(config)).toBe(good);
  });

  test("a version that accepts the configuration starts a failed daemon, unless it is disabled", () => {
    const root = start(true);
    install(root, "0.0.1");
    root.service("failed");
    expect(install(root, "9.1.0").asked).toEqual([]);
    const { text, asked } = install(root, "9.0.0");
    expect(asked).toEqual(["restart telesetd.service"]);
    expect(text).toContain("telesetd.service had failed before: restarting it");
    root.write("disabled", "");
    expect(install(root, "9.0.0").asked).toEqual([]);
  });

  test("an upgrade to a version that refuses the configuration keeps the old daemon running, and reports it", () => {
    const root = start(true);
    install(root, "9.0.0");
    root.service("active");
    const upgrade = install(root, "9.1.0");
    expect(upgrade.asked).toEqual([]);
    for (const words of ["NOT restarted", "version 9.0.0 keeps running", "checked by 9.1.0", "telesetd=9.0.0"]) {
      expect(upgrade.text).toContain(words);
    }
    const cannot = install(root, "9.2.0");
    expect(cannot.asked).toEqual([]);
    expect(cannot.text).toContain("or cannot run here (exit code 134)");
  });

  test("an upgrade restarts a relay that runs, if the new version accepts its configuration", () => {
    const root = start(true);
    root.write("etc/telesetd/relay.json", "{}", 0o600);
    install(root, "9.0.0");
    root.write("relay", "");
    expect(install(root, "9.0.0").asked).toEqual(["restart telesetd-relay.service"]);
    const { text, asked } = install(root, "9.1.0");
    expect(asked).toEqual([]);
    expect(text).toContain("telesetd-relay is NOT restarted");
  });

  test("an upgrade with a key of 0.1.0 in the configuration keeps the old daemon running, and names the new key", () => {
    const root = start(true);
    install(root, "0.0.1");
    root.write(config, good.replace("{", '{"http":{"names":["box"]},'), 0o600);
    root.service("active");
    const { text, asked } = install(root, "real");
    expect(asked).toEqual([]);
    expect(text).toContain("http.names has been renamed: use http.hostNames (line 1, column 18)");
    expect(text).toContain("NOT restarted");
  });

  test("policy-rc.d can forbid the start, as in an image that is being built", () => {
    const root = start(true);
    root.write("usr/sbin/policy-rc.d", '#!/bin/sh\n[ "$*" = "telesetd.service restart" ] && exit 101\nexit 104\n', 0o755);
    expect(install(root, "0.0.1").asked).toEqual([
      "--root=/ --quiet enable telesetd-firstboot.service",
      "--root=/ --quiet enable telesetd.service",
    ]);
  });

  test("an upgrade ends the units for address rules of 0.1.0, and removes their rules", () => {
    const root = start(true);
    install(root, "0.0.1");
    const rules = "run/systemd/system.control/telesetd.service.d/50-IPAddressAllow.conf";
    root.write(rules, "[Service]\nIPAddressAllow=\nIPAddressAllow=10.1.0.5/32\n");
    copyFileSync(debs["9.0.0"] ?? "", join(root.path, "tmp/new.deb"));
    root.asked();
    expect(root.dpkg("-i", "/tmp/new.deb").code).toBe(0);
    expect(root.asked()).toEqual([stopFormer, reload]);
    expect(root.has(rules)).toBe(false);
  });

  test("a downgrade restarts too, and explains what happens to a newer store", () => {
    const root = start(true);
    install(root, "9.0.0");
    root.service("active");
    const { text, asked } = install(root, "0.0.1");
    expect(asked).toEqual(["restart telesetd.service"]);
    expect(text).toContain("downgraded from 9.0.0 to 0.0.1");
    expect(text).toContain("0.0.1 does not touch the store");
  });

  test("a removal stops the daemon and keeps its data; a new installation starts it again; a purge leaves nothing", () => {
    const root = start(true);
    install(root, "0.0.1");
    for (
      const file of [
        "var/lib/private/telesetd/telesetd.db",
        "etc/telesetd/secrets/esl",
        "etc/systemd/system/telesetd.service.d/mine.conf",
        "run/systemd/system.control/telesetd.service.d/50-IPAddressAllow.conf",
        "run/telesetd-firstboot/problem",
        "run/telesetd-reload/1/token",
      ]
    ) root.write(file, "x");
    root.run("ln", "-s", "private/telesetd", "/var/lib/telesetd");
    root.asked();
    expect(root.dpkg("--remove", "telesetd").code).toBe(0);
    const asked = root.asked();
    expect(asked).toContain("stop telesetd.service");
    expect(asked).toContain("--root=/ --quiet disable telesetd.service");
    expect(asked).toContain("--root=/ --quiet disable telesetd-firstboot.service");
    expect(root.has(config) && root.has("var/lib/telesetd/telesetd.db")).toBe(true);
    expect(install(root, "0.0.1").asked).toContain("restart telesetd.service");
    expect(root.dpkg("--purge", "telesetd").code).toBe(0);
    expect(root.traces()).toEqual([]);
  });
});
