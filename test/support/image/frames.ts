/** What a machine of scripts/image-test sends: the frames that the emulator writes down. */
import { existsSync, readFileSync } from "node:fs";

/** The hardware address of each machine's only network card, the emulator's default. */
const ownAddress = "525400123456";

/** A frame of Ethernet. */
export interface Frame {
  /** Whether the machine has sent it. */
  readonly sent: boolean;
  /** The VLAN of its tag (IEEE 802.1Q); undefined without one. */
  readonly vlan: number | undefined;
}

/** The frames in a file of the emulator (pcap, little-endian). A cut may leave half of the last one. */
export function framesIn(file: string): Frame[] {
  const bytes = existsSync(file) ? readFileSync(file) : Buffer.alloc(0);
  const frames: Frame[] = [];
  for (let at = 24; at + 16 + 18 <= bytes.length; at += 16 + bytes.readUInt32LE(at + 8)) {
    const frame = bytes.subarray(at + 16);
    const isTagged = frame.readUInt16BE(12) === 0x8100;
    frames.push({
      sent: frame.toString("hex", 6, 12) === ownAddress,
      vlan: isTagged ? frame.readUInt16BE(14) & 0xfff : undefined,
    });
  }
  return frames;
}
