/** Unified kernel images with another command line, for boots that must fail. */
import { readFileSync } from "node:fs";

/** Replaces the command line in the unified kernel image (.efi.gz) of a build. The new one must not be longer than its section. */
export function withCommandLine(image: string, change: (line: string) => string): Uint8Array<ArrayBuffer> {
  const bytes = Bun.gunzipSync(new Uint8Array(readFileSync(image)));
  const view = new DataView(bytes.buffer);
  const pe = view.getUint32(0x3c, true);
  const table = pe + 24 + view.getUint16(pe + 20, true);
  for (let at = table; at < table + 40 * view.getUint16(pe + 6, true); at += 40) {
    const name = new TextDecoder().decode(bytes.subarray(at, at + 8)).replaceAll("\0", "");
    if (name !== ".cmdline") continue;
    const [length, room, place] = [view.getUint32(at + 8, true), view.getUint32(at + 16, true), view.getUint32(at + 20, true)];
    const text = new TextEncoder().encode(
      change(new TextDecoder().decode(bytes.subarray(place, place + length)).replaceAll("\0", "")),
    );
    if (text.length > room) throw new Error(`The command line has ${text.length} bytes: expected at most ${room}`);
    bytes.fill(0, place, place + room).set(text, place);
    view.setUint32(at + 8, text.length, true);
    return bytes;
  }
  throw new Error(`${image} has no section .cmdline`);
}
