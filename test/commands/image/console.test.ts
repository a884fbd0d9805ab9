/** `telesetd image console`: what the screen of a box without keyboard shows. */
import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { type Screen, screenText, showConsole } from "../../../src/commands/image/console.ts";
import { imageLines } from "../../../src/image/state.ts";
import { ownFolder } from "../../support/folder.ts";
import { collectingIo, imageRoot } from "../../support/image/root.ts";

const screen: Screen = {
  image: imageLines({ version: "0.3.0", slot: "A" }, 0),
  addresses: [{ interface: "eth0", address: "192.0.2.10" }, { interface: "eth0", address: "fe80::1" }],
  installTrouble: undefined,
  configured: true,
  status: "telesetd is not running.",
  now: Date.UTC(2026, 5, 1, 12, 34, 56),
};

describe("the screen:", () => {
  test("version, address, daemon", () => {
    expect(screenText(screen)).toBe(`2026-06-01 12:34 UTC
image: 0.3.0 in slot A

eth0       192.0.2.10

telesetd is not running.
`);
  });
  test("a new box: what to do", () => {
    expect(screenText({ ...screen, configured: false })).toContain("The box has no configuration yet.");
  });
  test("no network", () => {
    expect(screenText({ ...screen, addresses: [] })).toContain("The box has no address: is the cable plugged in");
  });
  test("the errors of telesetd.json, without control characters", () => {
    const installTrouble = "telesetd.json was not installed: it has 1 error:\n  desks is \u001b[31m5: expected a list\n";
    expect(screenText({ ...screen, installTrouble })).toContain(
      "\n\ntelesetd.json was not installed: it has 1 error:\n  desks is  [31m5: expected a list\n\n",
    );
  });
});

test("a terminal is cleared first; on the box everything is read from its root", async () => {
  const { root, put } = imageRoot(join(ownFolder(), "root"));
  put("run/telesetd-firstboot/errors.txt", "telesetd.json was not installed\n");
  const place = { root, config: "/etc/telesetd/config.json", socket: join(root, "none.sock") };
  const shown = async (terminal: boolean) => {
    const { io, printed } = collectingIo(terminal);
    expect(await showConsole(place, io, { addresses: () => [] })).toBe(0);
    return printed.out;
  };
  const text = await shown(true);
  expect(text).toStartWith("\u001bc20");
  for (const part of ["image: 0.3.0", "telesetd.json was not installed", "no configuration yet"]) expect(text).toContain(part);
  put("etc/telesetd/config.json", "{}");
  expect(await shown(false)).toContain(`telesetd is not running: there is no socket ${root}/none.sock.`);
});
