/** The bytes of a stream leave the buffer unchanged, and only when there are enough of them. */
import { expect, setDefaultTimeout, test } from "bun:test";
import fc from "fast-check";
import { ChunkBuffer } from "../../../drivers/shared/chunk-buffer.ts";

// A backstop: how long many runs of a property take depends on the machine.
setDefaultTimeout(60_000);

test("whatever the chunks and the steps, the bytes are read in order, and none before it is needed", () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ minLength: 1, maxLength: 20 })), fc.infiniteStream(fc.integer({ min: 1, max: 30 })), (
      chunks,
      steps,
    ) => {
      const buffer = new ChunkBuffer();
      const read: Buffer[] = [];
      let step = steps.next().value;
      buffer.need(step);
      for (const chunk of chunks) {
        buffer.push(Buffer.from(chunk));
        for (let bytes = buffer.bytes(); bytes !== undefined; bytes = buffer.bytes()) {
          expect(bytes.length).toBe(buffer.size);
          expect(bytes.length).toBeGreaterThanOrEqual(step);
          read.push(bytes.subarray(0, step));
          buffer.drop(step);
          step = steps.next().value;
          buffer.need(step);
        }
        expect(buffer.size).toBeLessThan(step);
      }
      const all = Buffer.concat(chunks);
      expect(Buffer.concat(read)).toEqual(all.subarray(0, all.length - buffer.size));
    }),
  );
});

test("after clear it is as new", () => {
  const buffer = new ChunkBuffer();
  buffer.push(Buffer.from("abc"));
  buffer.need(4);
  buffer.clear();
  buffer.push(Buffer.from("d"));
  expect(buffer.bytes()?.toString()).toBe("d");
});
