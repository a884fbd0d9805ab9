/** The stage of the cases of scripts/image-test: a box, and what it needs around it. */
import { mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { quietPort } from "../ports.ts";
import { Machine } from "./machine.ts";
import { ImageSite } from "./site.ts";

/** What a case gets. */
export interface Setting {
  /** FOLDER/1/amd64 and FOLDER/2/amd64 are builds, FOLDER/key is the home of gpg with the key of both. */
  readonly images: string;
  /** A folder for the case, removed after it. */
  readonly folder: string;
  readonly cuts: number;
  check(what: string, good: boolean, detail?: string): void;
  say(text: string): void;
  skip(why: string): void;
}

/** Seconds for a boot in software emulation on a busy machine, and for an update. */
export const bootSeconds = 600;
export const updateSeconds = 900;

/** The screen of a box whose desk works. */
export const ready = /phone registered, switch up/;

/** The line of the screen about the image. */
export const screen = (version: string): RegExp => new RegExp(`image: ${version} in slot [AB]`);
/** The update starts soon after the boot, and again. A drop-in of its own timer would come before that of the settings. */
export const updatesSoon = {
  "soon.timer": "[Timer]\nUnit=telesetd-update.service\nOnActiveSec=20s\nOnUnitInactiveSec=20s\n",
};
/** The screen is refreshed often. */
export const fast = { "telesetd-console@ttyS0.timer": "[Timer]\nOnUnitInactiveSec=\nOnActiveSec=1s\nOnUnitInactiveSec=15s\n" };
/** Prints on the serial line how the boot went, and the memory when the desk is ready. */
export const measured = {
  "measure.service": [
    "[Unit]\nAfter=telesetd.service\n[Service]\nType=oneshot\nStandardOutput=tty\nTTYPath=/dev/ttyS0",
    "ExecStart=cat /proc/meminfo",
    "ExecStart=systemctl show --property=InitRDTimestampMonotonic,UserspaceTimestampMonotonic",
    "ExecStart=systemctl show telesetd.service --property=ActiveEnterTimestampMonotonic",
    "ExecStart=systemctl --failed --no-legend --plain",
    "ExecStart=sed s/^/uptime=/ /proc/uptime",
    "ExecStart=echo measured",
  ].join("\n"),
};

/** The stage. */
export interface Scene {
  readonly machine: Machine;
  readonly site: ImageSite;
  readonly port: number;
  /** The folder that the update server serves for this machine. */
  readonly served: string;
  close(): Promise<void>;
}

/** Opens the stage: the machine is off, with version 1 on its disk. */
export async function scene({ images, folder }: Setting, architecture: "amd64" | "arm64" = "amd64"): Promise<Scene> {
  const built = join(images, "1", architecture);
  const image = join(built, `telesetd_1_${architecture}.raw.zst`);
  const served = join(folder, "server/stable", architecture === "amd64" ? "x86-64" : "arm64");
  mkdirSync(served, { recursive: true });
  const [port, site] = [await quietPort(), await ImageSite.open(join(folder, "server"))];
  const machine = new Machine({ folder, image, architecture, forward: port });
  const close = async () => {
    await machine.cut();
    site.close();
  };
  return { machine, site, port, served, close };
}

/** A command line without an init in the initrd and without a root: the kernel panics. */
export function panics(words: string): string {
  return words.replace("quiet audit=0", "rdinit=/nothing root=/dev/nothing").replace(/roothash=\S+/, "");
}

/** The end of the name of the root in a build. */
export function rootOf(folder: string): string {
  const name = readdirSync(folder).find((file) => /\.root-.*\.gz$/.test(file)) ?? "";
  return name.slice(name.indexOf(".root"));
}
