/**
 * `telesetd image console`: the screen of a box without keyboard: version, addresses, the state of the daemon, and what is wrong.
 * Without UWQ's URL: its prefix is a secret, and anybody may read the screen.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { imageState } from "../../image/facts.ts";
import { imageLines } from "../../image/state.ts";
import { oneLine } from "../../platform/text.ts";
import { type Status, statusText } from "../../status/status.ts";
import { ask, type Place, socketFor } from "../ask.ts";
import { type Machine, thisMachine } from "../doctor/machine.ts";
import { installTrouble } from "../install/mod.ts";
import { defaultConfig, type Io } from "../io.ts";

/** What the screen shows. */
export interface Screen {
  /** The lines about the image; empty off the image. */
  readonly image: readonly string[];
  readonly addresses: readonly { readonly interface: string; readonly address: string }[];
  /** The errors of telesetd.json on the boot partition; undefined if there are none. */
  readonly installTrouble: string | undefined;
  readonly configured: boolean;
  /** The state of the daemon, or why it is not known. */
  readonly status: Status | string;
  /** The wall clock in ms. */
  readonly now: number;
}

/** RIS (ECMA-48): the terminal is cleared. */
const clear = "\x1bc";

/** Prints the screen once. Exit code 0. */
export async function showConsole(
  { root, ...place }: Place & { readonly root: string },
  io: Io,
  machine: Pick<Machine, "addresses"> = thisMachine,
): Promise<0> {
  const state = imageState(root);
  const answer = await ask<Status>(socketFor(place), "GET", "/status");
  const now = Date.now();
  const text = screenText({
    image: state ? imageLines(state, now) : [],
    addresses: machine.addresses(),
    installTrouble: installTrouble(join(root, "run/telesetd-firstboot")),
    configured: existsSync(join(root, place.config ?? defaultConfig)),
    status: "value" in answer ? answer.value : answer.message,
    now,
  });
  io.out(io.terminal ? `${clear}${text}` : text);
  return 0;
}

/** The screen as text. */
export function screenText({ image, addresses, installTrouble, configured, status, now }: Screen): string {
  const shown = addresses.filter(({ address }) => !/^fe80:/i.test(address));
  const parts = [
    [`${new Date(now).toISOString().slice(0, 16).replace("T", " ")} UTC`, ...image],
    shown.length === 0
      ? ["The box has no address: is the cable plugged in, and does a DHCP server answer?"]
      : shown.map(({ interface: name, address }) => `${name.padEnd(10)} ${address}`),
    installTrouble === undefined ? [] : [installTrouble.trimEnd()],
    configured ? [typeof status === "string" ? status : statusText(status, now)] : [unconfigured],
  ];
  return `${parts.filter((lines) => lines.length > 0).map((lines) => lines.map(safe).join("\n")).join("\n\n")}\n`;
}

const unconfigured =
  "The box has no configuration yet. Switch it off, put telesetd.json on the drive TELESETD with any PC, and start it again.";

/** Without control characters: some texts come from the network. */
function safe(text: string): string {
  return text.split("\n").map(oneLine).join("\n");
}
