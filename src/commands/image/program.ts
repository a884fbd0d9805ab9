/** Runs programs of the image. */
import { messageOf } from "../../platform/text.ts";
import type { Run } from "../../image/sysupdate.ts";

/** Runs a program to its end; a program that cannot be started has the exit code 127. `take` gets its log as it is written. */
export async function runProgram(command: readonly string[], take: (text: string) => void = () => {}): Promise<Run> {
  try {
    const child = Bun.spawn([...command], { stdin: "ignore", stdout: "pipe", stderr: "pipe" });
    const [out, err] = await Promise.all([new Response(child.stdout).text(), readAll(child.stderr, take)]);
    return { code: await child.exited, out, err };
  } catch (error) {
    return { code: 127, out: "", err: `Cannot run ${command[0]}: ${messageOf(error)}` };
  }
}

async function readAll(stream: ReadableStream<Uint8Array>, take: (text: string) => void): Promise<string> {
  const decoder = new TextDecoder();
  let all = "";
  for await (const bytes of stream) {
    const text = decoder.decode(bytes, { stream: true });
    take(text);
    all += text;
  }
  return all;
}
