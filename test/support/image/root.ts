/** A root folder of the image, with the files that its commands read. */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Io } from "../../../src/commands/io.ts";

/** Makes an empty image of this version in the folder. */
export function imageRoot(root: string, version = "0.3.0"): { readonly root: string; put(path: string, text: string): void } {
  rmSync(root, { recursive: true, force: true });
  const put = (path: string, text: string): void => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  };
  put("usr/lib/os-release", `PRETTY_NAME="Debian GNU/Linux 13 (trixie)"\nIMAGE_ID=telesetd\nIMAGE_VERSION=${version}\n`);
  return { root, put };
}

/** An Io that collects what a command prints. */
export function collectingIo(terminal = false): { readonly printed: { out: string; err: string }; readonly io: Io } {
  const printed = { out: "", err: "" };
  return {
    printed,
    io: {
      out: (text: string) => void (printed.out += text),
      err: (text: string) => void (printed.err += text),
      terminal,
      environment: {},
    },
  };
}
